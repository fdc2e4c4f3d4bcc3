"""The command line: parses arguments, calls the rooms, prints; a room is imported when a command needs it."""

import contextlib
import json
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Annotated

import typer

import linksim
from linksim.quiet import quiet
from linksim.scenario.errors import InputError

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Learned and separate image transmission over one and the same physical layer.",
)

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

ScenarioFile = Annotated[
    Path, typer.Argument(metavar="SCENARIO", help="YAML file; `linksim init` writes one to start from.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Set a field, as channel.snr_db=10; repeatable."),
]
Overlays = Annotated[
    list[str] | None,
    typer.Option(
        "--overlay", metavar="PUBLISHED", help="Name in baselines/published, or a file (repeatable)."
    ),
]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 1 a run failed, 2 bad input, 130 interrupted. Errors are one or two lines; `--debug` anywhere
    shows the traceback.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"] or ["--help"]
    warnings.showwarning = lambda message, *_: print(f"warning: {message}", file=sys.stderr)
    try:
        code = app(arguments, standalone_mode=False, prog_name="linksim")
        return code if isinstance(code, int) else DONE
    except InputError as error:
        return _fail(str(error), BAD_INPUT, debug)
    except typer.TyperException as error:
        # Usage: an unknown command, option or value.
        mend = "`linksim --help` lists the commands, `linksim COMMAND --help` their options"
        return _fail(str(InputError(error.format_message(), mend=mend)), BAD_INPUT, debug)
    except (KeyboardInterrupt, typer.Abort):
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        last = str(error).strip().splitlines()[-1:]
        text = ": ".join([type(error).__name__, *last])
        return _fail(f"{text}\n--debug shows the traceback", FAILED, debug)


def entry_point() -> None:
    """The console script."""
    sys.exit(main())


def _fail(message, code, debug):
    if debug:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    return code


def _version(wanted: bool) -> None:
    if wanted:
        print(f"linksim {linksim.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
):
    pass


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("scenario.yaml"),
) -> int:
    """Write a commented scenario to start from."""
    from linksim.scenario.loader import write_template

    write_template(file)
    print(f"Edit {file}, then `linksim check {file}` and `linksim run {file}`")
    return DONE


@app.command()
def run(
    scenario: ScenarioFile,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Run folder; default: runs/NAME.")] = None,
    overrides: Overrides = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, metavar="N", help="Worker processes; default: one for each core."),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Run on a Ray cluster; auto: the one here.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over: forget what an earlier run left in the folder.")
    ] = False,
) -> int:
    """Run a scenario and draw its figures.

    After Ctrl-C, a kill or an edit of the scenario it goes on from what is finished.
    """
    from linksim.api import draw_figures, draw_gallery
    from linksim.evaluation.disk import disk_failures
    from linksim.evaluation.executors import Processes
    from linksim.evaluation.store import Store
    from linksim.evaluation.study import run_study
    from linksim.progress import ProgressBar

    sweep, plan, resolved = _plan(scenario, overrides)
    if sweep.axes:
        print(sweep.describe())
    folder = out if out is not None else Path("runs") / plan.scenario.name
    if (folder / "scenario.yaml").resolve() == scenario.resolve() and not (folder / "run.sqlite").exists():
        # The run leaves its resolved scenario there.
        raise InputError(
            "the run would overwrite its scenario", file=str(scenario), mend="choose another --out"
        )
    if cluster is None:
        workers, start = workers or _cores(), Processes
    else:
        from linksim.evaluation.ray_executor import connect

        start = connect(cluster, plan)
    with disk_failures(folder):
        store = Store(folder, fresh)
        try:
            with ProgressBar(plan.scenario.name) as progress:
                outcome = run_study(plan, resolved, store, folder, workers, progress, start)
        finally:
            store.close()
        figures = draw_figures(plan.scenario, folder) if outcome.lines else []
    if not outcome.complete:
        print(f"stopped; {folder}/results.csv holds what is finished. The same command goes on from there.")
        return INTERRUPTED
    print(f"{outcome.tasks} tasks in {outcome.seconds:.0f} s; {outcome.lines} lines in {folder}/results.csv")
    _print_quality(folder)
    with disk_failures(folder):
        gallery = draw_gallery(folder, plan.scenario.title) if plan.scenario.pictures is not None else []
    if gallery:
        print(f"received pictures side by side: {gallery[0]}")
    print(f"Look at {figures[0] if figures else folder / 'results.csv'}")
    return DONE


@app.command()
def check(scenario: ScenarioFile, overrides: Overrides = None) -> int:
    """Validate a scenario and estimate its cost.

    Shows it with all defaults, its first tasks, and the time and memory that it will take, from a measurement
    of a few tasks. Leaves nothing behind.
    """
    from collections import Counter

    from linksim.evaluation.estimate import estimate
    from linksim.evaluation.executors import describe

    sweep, plan, resolved = _plan(scenario, overrides)
    print(resolved.rstrip())
    if sweep.axes:
        print(f"\n{sweep.describe()}")
    for pictures in {id(case.pictures): case.sent for case in plan.cases if case.sent}.values():
        names = ", ".join(picture.name for picture in pictures[:8])
        print(f"\npictures: {len(pictures)} ({names}{', …' if len(pictures) > 8 else ''})")
    first = next(plan.rounds({}))
    counts = Counter(plan.cases[task.case].spec.label for task in first)
    print("first round: " + ", ".join(f"{count} tasks of {label}" for label, count in counts.items()))
    for task in first[:3]:
        print(f"  {plan.cases[task.case].spec.label}: {describe(task)}")
    if len(first) > 3:
        print(f"  … {len(first) - 3} more")
    cost, cores = estimate(plan), _cores()
    print(f"upper bound: {cost.upper_bound} tasks")
    first_round = _duration(cost.first_round_seconds / cores + cost.start_seconds)
    at_most = _duration(cost.upper_bound_seconds / cores + cost.start_seconds)
    print(f"time on {cores} workers: about {first_round} for the first round, at most about {at_most}")
    about, limit = cost.memory_bytes / 2**30, cost.memory_limit_bytes / 2**30
    print(f"memory: about {about:.1f} GiB for each worker, at most {limit:.1f} GiB however many pictures")
    return DONE


@app.command()
def plot(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="Run folders.")],
    x: Annotated[str, typer.Option(metavar="COLUMN", help="Of results.csv, on the x axis.")] = "snr_db",
    y: Annotated[str, typer.Option(metavar="COLUMN", help="Of results.csv, on the y axis.")] = "psnr_db",
    log_x: Annotated[bool, typer.Option("--log-x", help="Logarithmic x axis.")] = False,
    log_y: Annotated[bool, typer.Option("--log-y", help="Logarithmic y axis.")] = False,
    overlays: Overlays = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Stands over the figure.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG, PDF and CSV of this name; default: DIR/figures/Y_vs_X."),
    ] = None,
) -> int:
    """Draw a figure from one or several runs."""
    from linksim.api import draw_gallery, figure_curves
    from linksim.report.figure import draw
    from linksim.report.table import read_results

    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    rows = []
    for folder, name in zip(folders, names):
        for row in read_results(folder / "results.csv"):
            rows.append({**row, "system": f"{name}: {row['system']}"} if len(folders) > 1 else row)
    stem = out if out is not None else folders[0] / "figures" / f"{y}_vs_{x}"
    if stem.suffix in (".png", ".pdf", ".csv"):
        stem = stem.with_suffix("")
    try:
        curves = figure_curves(rows, x, y, overlays)
        drawn = draw(curves, x, y, stem, log_x=log_x, log_y=log_y, title=title)
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError(problem, file=str(stem), mend="choose another --out") from error
    if out is None and len(folders) == 1:
        drawn += draw_gallery(folders[0], title)
    for path in drawn:
        print(path)
    return DONE


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Run folder.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="The page; default DIR/report.html.")
    ] = None,
    overlays: Overlays = None,
) -> int:
    """Write one HTML page of a run: curves, pictures, constellations, tables, origin."""
    from linksim.report.page import write_page

    page = write_page(folder, out, published=overlays or (), tell=lambda line: print(line, flush=True))
    print(f"Look at {page}")
    return DONE


@app.command()
def paired(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Run folder.")],
    base: Annotated[str, typer.Option("--from", metavar="LABEL", help="System to compare the others with.")],
    metric: Annotated[
        str, typer.Option(metavar="COLUMN", help="psnr_db, ssim, ms_ssim or accuracy.")
    ] = "psnr_db",
) -> int:
    """Compare systems of a run picture by picture.

    At each SNR the mean difference of a metric over the pictures, with its 95% interval.
    """
    from linksim.report.paired import differences, table

    print("\n".join(table(differences(folder, base, metric), metric)))
    return DONE


@app.command()
def compare(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Run folder.")],
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="A run, a file of baselines/measured, or published results.",
        ),
    ],
    system: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Only this system of DIR; default: all.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="This system of REFERENCE; default: that of the same label."),
    ] = None,
    x: Annotated[str, typer.Option(help="Along what: snr_db or cbr.")] = "snr_db",
    tolerance: Annotated[
        float | None, typer.Option(metavar="DB", min=0, help="Fail where a gap less its interval is larger.")
    ] = None,
) -> int:
    """Compare the curves of a run with a reference: gaps in PSNR and SNR, BD-PSNR, where they cross."""
    from linksim.report import compare as comparison
    from linksim.report.table import read_results

    if x not in comparison.AXES:
        raise InputError(f"{x!r} is no axis", field="--x", mend="write snr_db or cbr")
    held = comparison.read_reference(reference, x)
    if tolerance is not None and not held.certain:
        problem = f"the SNRs of {reference} are uncertain and decide nothing"
        raise InputError(problem, field="--tolerance", mend="leave it out")
    lines = comparison.lines_of(read_results(folder / "results.csv"), x)
    found = comparison.compare(lines, held, x=x, system=system, against=against)
    print("\n".join(comparison.table(found, x, same_metric=held.same_metric)))
    for note in held.notes:
        print(f"note: {note}")
    beyond = [] if tolerance is None else comparison.exceeding(found, tolerance)
    for line in beyond:
        print(f"FAIL {line}")
    if tolerance is not None and not beyond:
        print(f"ok: {len(found)} curves within {tolerance:g} dB and their intervals")
    return FAILED if beyond else DONE


@app.command()
def record(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Run folder.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: baselines/measured/NAME.json.")
    ] = None,
) -> int:
    """Record the curves of a run, with their intervals, for `linksim compare` to hold later runs against."""
    from linksim.report import measured

    found = measured.of_run(folder)
    target = out if out is not None else Path("baselines", "measured", f"{found.scenario['name']}.json")
    measured.write(target, found)
    print(target)
    return DONE


@app.command()
def substitution(
    weights: Annotated[
        str | None,
        typer.Argument(
            metavar="WEIGHTS",
            help="Of a digital mdjcm, see `linksim models`; default: clipped Gaussian values.",
        ),
    ] = None,
    orders: Annotated[str, typer.Option(metavar="LIST", help="Bits per symbol, even.")] = "6,10",
    snr: Annotated[str, typer.Option(metavar="LIST", help="Es/N0 in dB.")] = "10,18",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw a figure too.")] = None,
) -> int:
    """Compare MDJCM's substitute with modulation.

    In training, MDJCM puts noise in the place of modulation and detection. Shows how far apart the two
    distributions are of what the receiver gets.
    """
    from linksim.modulation.substitution import gaussian_samples
    from linksim.report.substitution import EXPLAINED, cases, check_count, draw, read_orders, read_snrs, table

    chosen, snrs_db = read_orders(orders), read_snrs(snr)
    if out is not None:
        check_count(chosen, snrs_db)
    name, sample = "clipped Gaussian of unit power", lambda bits, snr_db: gaussian_samples()
    if weights is not None:
        from linksim import zoo
        from linksim.evaluation.substitution import Encoder

        encoder = Encoder(zoo.find(weights), chosen)
        name, sample = f"{weights}, {encoder.pictures} at CBR {encoder.cbr:.4f}", encoder.samples
    compared = cases(sample, chosen, snrs_db)
    print(f"s: {name}")
    _print_rows(table(compared))
    print("\n".join(EXPLAINED))
    for written in draw(compared, name, _stem(out)) if out is not None else ():
        print(written)
    return DONE


@app.command()
def send(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Any picture that Pillow reads.")],
    snr: Annotated[float, typer.Option(metavar="DB", help="Es/N0 in dB.")],
    system: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="CODEC+CODE, see `linksim systems`, or weights, see `linksim models`."
        ),
    ] = "bpg+nr-ldpc",
    channel: Annotated[str, typer.Option(metavar="NAME", help="See `linksim systems`.")] = "awgn",
    cbr: Annotated[
        str | None,
        typer.Option(
            metavar="CBR", help="Channel uses per source sample, as 1/16; default: the weights', or 1/16."
        ),
    ] = None,
    table: Annotated[
        str | None, typer.Option(metavar="NAME", help="MCS table; default: pdsch-1, or the code's first.")
    ] = None,
    mcs: Annotated[
        int | None,
        typer.Option(metavar="INDEX", help="Row of the table; default: the one that shows the best picture."),
    ] = None,
    order: Annotated[
        int | None,
        typer.Option(
            metavar="BITS", help="Bits per symbol, of weights for several orders; default: as the SNR allows."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed draws another channel.")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Where to save; default: beside the original.")
    ] = None,
) -> int:
    """Send one picture and save what arrives.

    Prints PSNR, CBR and what became of it.
    """
    from PIL import Image

    from linksim.evaluation.single import send as send_picture
    from linksim.evaluation.single import separated
    from linksim.images.picture import Picture
    from linksim.images.reading import read_pixels
    from linksim.scenario.systems import CODES, WEIGHTS_SUFFIX
    from linksim.systems.base import OUTCOMES

    codec, plus, code = system.partition("+")
    if system.startswith("zoo:") or system.endswith(WEIGHTS_SUFFIX):
        for option, value in (("--table", table), ("--mcs", mcs)):
            if value is not None:
                problem = "belongs to separate chains"
                raise InputError(problem, field=option, mend="leave it out with learned systems")
        sender = {"type": "learned", "weights": system, "order": order}
        shipped = system.startswith("zoo:")
        name = system[4:].replace("/", "-") if shipped else Path(system).name.removesuffix(WEIGHTS_SUFFIX)
    elif plus and code in CODES:
        if order is not None:
            mend = "leave it out with separate chains, whose MCS has an order"
            raise InputError("belongs to learned systems", field="--order", mend=mend)
        sender, name = separated(codec, code, table, mcs), codec
    else:
        mend = "write a codec and a code, as bpg+nr-ldpc, or weights that `linksim models` lists"
        raise InputError(f"{system!r} is no system", field="--system", mend=mend)
    picture = Picture(image.name, read_pixels(image))
    target = out or image.with_name(f"{image.stem}_{name}_{snr:g}dB.png")
    if target.resolve() == image.resolve():
        raise InputError("the original would be overwritten", field="--out", mend="choose another file")
    try:
        delivery = send_picture(picture, system=sender, snr_db=snr, cbr=cbr, channel=channel, seed=seed)
    except InputError as error:
        raise _named_by_option(error) from error
    pixels = delivery.picture
    try:
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(target)
    except (OSError, ValueError) as error:
        problem = f"cannot be written ({getattr(error, 'strerror', None) or error})"
        raise InputError(problem, file=str(target), mend="choose another --out") from error
    line = delivery.line
    outcome = next(name for name in OUTCOMES if line[name])
    print(
        f"{outcome}: PSNR {line['psnr_db']:.2f} dB at CBR {line['cbr']:.4f} "
        f"({line['channel_uses']:.0f} uses), {line['mcs']}, {channel} {snr:g} dB"
    )
    if delivery.named is not None:
        print(f"The receiver names class {delivery.named}")
    print(f"Look at {target}")
    return DONE


@app.command()
def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="YAML file, or MODEL/NAME of a shipped recipe.",
            autocompletion=lambda incomplete: _completing("recipes", incomplete),
        ),
    ],
    backend: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="jax or tensorflow; default: $KERAS_BACKEND, or tensorflow."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Default: runs/train/MODEL/NAME.")] = None,
    photographs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Has train/ and validation/; default: the recipe's folder."),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Holds CIFAR-10 or Fashion-MNIST; default: the recipe's, or a download.",
        ),
    ] = None,
    overrides: Overrides = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over: forget what an earlier training left.")
    ] = False,
) -> int:
    """Train a learned system from a recipe.

    Goes on where it was, and leaves weights with their card. The recipes of a sweep are trained one after the
    other, each in a folder of its own.
    """
    from linksim.codecs.cache import default_directory
    from linksim.training.recipe import load_recipes

    # Keras reads this once, when it is imported.
    os.environ["KERAS_BACKEND"] = backend = backend or os.environ.get("KERAS_BACKEND") or "tensorflow"
    # Recipes that differ in the SNR alone are one program: JAX compiles it once and keeps it there.
    with contextlib.suppress(RuntimeError):  # no home folder: then it compiles each time
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(default_directory() / "jax"))
    if backend not in ("jax", "tensorflow"):
        raise InputError(
            f"there is no backend {backend!r}", field="--backend", mend="write jax or tensorflow"
        )
    chosen = list(overrides or ())
    if photographs is not None:
        chosen.append(f"photographs.folder={json.dumps(str(photographs))}")
    if dataset is not None:
        chosen.append(f"labelled.path={json.dumps(str(dataset))}")
    recipes = load_recipes(recipe, tuple(chosen))
    if backend != "tensorflow" and any(_through_sionna(each) for each in recipes):
        raise InputError(
            "Sionna's blocks need TensorFlow",
            field="channel.through",
            mend="add --backend tensorflow, or write light",
        )
    for each in recipes:
        place = Path("runs", "train", each.model.name) if out is None else out
        weights = _train_one(each, place if out and len(recipes) == 1 else place / each.name, fresh)
        if weights is None:
            return INTERRUPTED
        print(f"Look at {weights.with_name('history.csv')}")
        if each.channel is not None:
            print(f"Send a picture with `linksim send --system {weights}`")
    return DONE


def _train_one(recipe, folder, fresh):
    """The weights of a recipe; None if the training was interrupted."""
    from linksim.progress import TrainingProgress

    with TrainingProgress(f"{recipe.model.name}/{recipe.name}") as progress:
        try:
            return _train(recipe, folder, progress, fresh)
        except KeyboardInterrupt:
            mend = ", without --fresh," if fresh else ""
            print(f"stopped; the same command{mend} goes on from {folder}/checkpoint.npz", file=sys.stderr)
            return None


def _through_sionna(recipe):
    return recipe.channel is not None and recipe.channel.through == "sionna"


def _train(recipe, folder, progress, fresh):
    try:
        with quiet():  # whatever the backend, this imports TensorFlow
            import keras

            keras.utils.set_random_seed(recipe.seed)
        from linksim.training import checkpoint
        from linksim.training.loop import train as run_training
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "jax":
            raise
        raise InputError(
            "JAX is not installed", field="--backend", mend="`pip install linksim[train]`, or take tensorflow"
        ) from error
    link_layer = None
    if _through_sionna(recipe):
        from linksim.phy.layers import LinkLayer as link_layer
    if fresh:
        checkpoint.remove(folder)
    return run_training(recipe, folder, progress, link_layer)


@app.command()
def systems() -> int:
    """List what a scenario can name.

    Systems, learned models, codecs, codes, channels and MCS tables.
    """
    from linksim.scenario import catalogue

    for heading, entries in catalogue.building_blocks().items():
        _print_table(heading, entries)
    return DONE


@app.command()
def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="MODEL/NAME or files, whose cards are shown; default: a list of all.",
            autocompletion=lambda incomplete: _completing("weights", incomplete),
        ),
    ] = None,
    drawing: Annotated[
        Path | None,
        typer.Option("--draw", metavar="FILE", help="Draw the points that they send, and how they learnt."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Pictures that --draw sends, see `linksim images`; default: photos for large pictures, else "
            "patches32.",
        ),
    ] = None,
    cost: Annotated[bool, typer.Option("--cost", help="Count parameters, updates and operations.")] = False,
    norm: Annotated[
        Path | None,
        typer.Option("--norm", metavar="FILE", help="Draw the switchable batch normalisation of a uJSCC."),
    ] = None,
) -> int:
    """List weights, show their cards, cost and points.

    A figure shows up to six modulation orders. --draw, --cost and --norm go together.
    """
    from linksim import zoo
    from linksim.scenario.dialect import write_yaml

    if source is not None and drawing is None:
        raise InputError("belongs to --draw", field="--source", mend="add --draw FILE, or leave it out")
    found = [
        zoo.find(name if name.startswith("zoo:") or name.endswith(zoo.WEIGHTS_SUFFIX) else f"zoo:{name}")
        for name in names or ()
    ]
    if drawing is not None or cost or norm is not None:
        return _report_weights(found, drawing, source, cost, norm)
    for weights in found:
        print(f"{weights.reference}: {weights.path.stat().st_size / 1e6:.2f} MB")
        print(write_yaml(weights.card.model_dump(mode="json")).rstrip())
    if found:
        return DONE
    rows = zoo.listing()
    if len(rows) == 1:
        print("no weights are shipped with this version; `linksim train` makes some")
        return DONE
    _print_rows(rows)
    print("`linksim models NAME` shows a card, `--draw FILE` what the weights send, `--cost` what they cost")
    return DONE


def _report_weights(found, drawing, source, cost, norm):
    """Everything is checked that can be, before anything takes time."""
    from linksim.report.weights import check_count, column_count

    if drawing is not None:
        try:
            check_count(sum(map(column_count, found)))
        except InputError as error:
            raise InputError(error.problem, field="--draw", mend=error.mend) from error
    if cost and not found:
        raise InputError("needs weights", field="--cost", mend="name some; `linksim models` lists them")
    if norm is not None and len(found) != 1:
        problem = f"a figure shows one file of weights, not {len(found)}"
        raise InputError(problem, field="--norm", mend="name one")
    if norm is not None:
        from linksim.evaluation.normalisation import normalisations

        layers = normalisations(found[0])
    if cost:
        _print_cost(found)
    if drawing is not None:
        _draw_weights(found, _stem(drawing), source)
    if norm is not None:
        _draw_normalisations(found[0], layers, _stem(norm))
    return DONE


def _draw_weights(found, stem, source):
    from linksim.evaluation.usage import measure
    from linksim.report.weights import describe, draw

    measured = []
    for weights in found:
        try:
            measured.append((weights, measure(weights, source)))
        except InputError as error:
            if error.file or error.field != "source":
                raise
            raise InputError(error.problem, field="--source", mend=error.mend) from error
        print("\n".join(describe(*measured[-1])), flush=True)
    for written in draw(measured, stem):
        print(written)


def _print_cost(found):
    from linksim.evaluation.complexity import measure
    from linksim.report.complexity import COUNTED, operations, sizes

    measured = [(weights, measure(weights)) for weights in found]
    _print_rows(sizes(measured))
    print(f"\n{COUNTED}")
    _print_rows(operations(measured))


def _draw_normalisations(weights, layers, stem):
    from linksim.report.switchable_norm import describe, draw

    print("\n".join(describe(weights, layers)))
    for written in draw(weights, layers, stem):
        print(written)


def _stem(path):
    """The path of a figure without the ending of one of its files."""
    return path.with_suffix("") if path.suffix in (".png", ".pdf", ".csv") else path


images_app = typer.Typer(invoke_without_command=True)
app.add_typer(images_app, name="images")


@images_app.callback()
def images(context: typer.Context) -> int:
    """List picture sources; fetch training photos."""
    from linksim.scenario import catalogue

    if context.invoked_subcommand is None:
        _print_table("picture sources", catalogue.picture_sources())
    return DONE


@images_app.command("fetch-training")
def fetch_training(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Becomes the folder with train/ and validation/.")
    ] = Path("training-photos"),
) -> int:
    """Make training photographs.

    From Debian packages, which apt downloads; goes on where it was.
    """
    from linksim.images import training_photos

    wanted = training_photos.sources()
    outcome = training_photos.fetch(out, wanted, training_photos.unpack_debian_package)
    counts = f"{outcome.made} made, {outcome.kept} there before, {outcome.missing} missing"
    print(f"{counts} of {len(wanted)} photographs in {out}")
    return FAILED if outcome.missing else DONE


@app.command()
def doctor() -> int:
    """Show versions and tools, and test the link.

    Exit code 1 if the link does not measure what closed forms say.
    """
    import platform
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    from linksim.codecs.cache import default_directory

    print(f"linksim {linksim.__version__}, Python {platform.python_version()}, {_cores()} cores")
    for package in ("sionna", "tensorflow", "keras", "numpy", "scipy", "numba", "av", "pillow"):
        try:
            print(f"  {package} {version(package)}")
        except PackageNotFoundError:
            print(f"  {package} not installed")
    for package, use in _OPTIONAL.items():
        try:
            print(f"  {package} {version(package)} (optional: {use})")
        except PackageNotFoundError:
            print(f"  {package} not installed (optional: {use})")
    for tool in ("bpgenc", "bpgdec"):
        print(f"  {tool}: {shutil.which(tool) or 'not on PATH'} (optional: the codec bpgenc)")
    print(f"  disk: {shutil.disk_usage('.').free / 2**30:.1f} GiB free here")
    with contextlib.suppress(RuntimeError):  # no home folder: nothing is kept
        print(f"  encoded files are kept in {default_directory()}")

    from linksim.phy import selftest

    devices, checks = selftest.devices(), selftest.run()
    print(f"  devices: {', '.join(devices)}")
    for name, (measured, expected, tolerance) in checks.items():
        good = abs(measured - expected) <= tolerance
        verdict = "ok  " if good else "FAIL"
        print(f"  {verdict} {name}: {measured:.4f}, expected {expected:.4f} ± {tolerance:.4f}")
    healthy = all(abs(measured - expected) <= tolerance for measured, expected, tolerance in checks.values())
    print("the link works here" if healthy else "the link does NOT work here: reinstall the versions above")
    return DONE if healthy else FAILED


#: Packages that linksim works without, by their names.
_OPTIONAL = {
    "jax": "training on a GPU",
    "pandas": "Results.to_pandas",
    "plotly": "linksim report",
    "pyldpc": "the MCS table gallager",
    "ray": "many machines",
}


def _completing(kind, incomplete):
    """Names that begin with what was typed, for the shell."""
    if kind == "recipes":
        from linksim.training.recipe import shipped_recipes as names
    else:
        from linksim.zoo import shipped as names
    candidates = (name.removeprefix("" if incomplete.startswith("zoo:") else "zoo:") for name in names())
    return [name for name in candidates if name.startswith(incomplete)]


# Options of `send` by the field of the scenario that it makes of them.
_SEND_OPTIONS = {
    "bandwidth": "--cbr",
    "channel.model": "--channel",
    "channel.snr_db": "--snr",
    "seed": "--seed",
    "systems.0.codec": "--system",
    "systems.0.code": "--table",  # a code that is not the table's
    "systems.0.label": "--system",
    "systems.0.mcs.table": "--table",
    "systems.0.mcs": "--mcs",
    "systems.0.order": "--order",
    "systems.0": "--system",
}


def _named_by_option(error):
    """The error of `send` with the option that the user wrote in the place of a field that no file holds."""
    for field, option in _SEND_OPTIONS.items():
        if (error.field or "").startswith(field):
            return InputError(error.problem, field=option, mend=error.mend)
    return error


def _plan(path, overrides):
    """What a scenario sweeps, its plan, and its text with all that is resolved."""
    from linksim.api import prepare
    from linksim.scenario.sweep import load_sweep

    sweep = load_sweep(path, tuple(overrides or ()))
    try:
        return sweep, *prepare(sweep)
    except InputError as error:
        # A problem with a field is a problem of the scenario's file; one with a picture names its own.
        file = error.file or str(path)
        raise InputError(error.problem, file=file, field=error.field, mend=error.mend) from error


def _print_quality(folder):
    from linksim.report import quality, waterfall
    from linksim.report.table import by_sweep, read_results

    for heading, rows in by_sweep(read_results(folder / "results.csv")):
        lines = quality.describe(rows) + waterfall.describe(rows)
        for line in [f"{heading}:", *lines] if heading and lines else lines:
            print(line)


def _print_rows(rows):
    """Texts in columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _print_table(heading, entries):
    print(f"{heading}:")
    width = max(len(name) for name in entries)
    for name, text in entries.items():
        print(f"  {name:<{width}}  {text}")


def _cores():
    return len(os.sched_getaffinity(0))


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
