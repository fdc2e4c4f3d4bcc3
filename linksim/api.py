"""The Python interface: run a scenario, with systems of your own beside its, and look at the results."""

import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

from linksim.scenario.dialect import read_yaml
from linksim.scenario.errors import InputError
from linksim.scenario.schema import Scenario
from linksim.scenario.sweep import Sweep, expand, plain


def run(
    scenario: Scenario | str | Path | Mapping,
    *,
    systems: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    fresh: bool = False,
    progress: bool = True,
) -> "Results":
    """Run a scenario, or go on where it was, and draw its figures: `linksim run` for programs.

    Parameters
    ----------
    scenario : Scenario, path or mapping
        As `linksim.load_scenario` gives it, its YAML file, or what such a file holds. With `systems` it need
        not name any itself.
    systems : mapping, optional
        Systems of your own that are added, by their labels. Each is a `linksim.jscc.codec.Codec`, any object
        with `encode(images, condition)` and `decode(received, condition)`, a pair of such functions
        (`linksim.systems.Own` says what they take and return), a function without arguments that makes one
        of these, or a mapping `{"codec": one of these, "digest": "v3"}`. With a `digest`, a text that you
        change whenever the results may change, finished tasks are kept for a next run and worker processes
        share the work; without one, the system runs in this process, each time anew.
    out : path, optional
        Run folder; default `runs/NAME`.
    workers : int, optional
        Worker processes; default: one a core. No result depends on their number.
    fresh : bool
        Forget what an earlier run left in the folder.
    progress : bool
        Show a progress bar, and what runs in this process.

    Returns
    -------
    Results

    Raises
    ------
    linksim.InputError
        Something in the scenario or of an own system cannot be used; names the field and the mend.
    linksim.evaluation.executors.WorkerFailed, linksim.evaluation.disk.DiskFailed
        A task failed, or the disk is full. What was finished before is stored.
    KeyboardInterrupt
        After what is finished has been stored and exported; the same call goes on from there.

    Examples
    --------
    Every sample of a picture as the amplitude of half a symbol, in place of a network:

    >>> def encode(images, condition):
    ...     return images.reshape(len(images), -1, 2) - 0.5
    >>> def decode(received, condition):
    ...     return received.reshape(-1, condition.height, condition.width, 3) + 0.5
    >>> scenario = {
    ...     "name": "example",
    ...     "images": {"source": "patches32", "limit": 2},
    ...     "bandwidth": {"cbr": "1/2"},
    ...     "channel": {"model": "awgn", "snr_db": [10, 20]},
    ... }
    >>> results = run(scenario, systems={"amplitudes": (encode, decode)}, progress=False)
    >>> for row in results.rows:
    ...     print(row["system"], row["snr_db"], f"{row['psnr_db']:.0f} dB")
    amplitudes 10.0 23 dB
    amplitudes 20.0 33 dB
    """
    from linksim.evaluation.disk import disk_failures
    from linksim.evaluation.executors import Processes
    from linksim.evaluation.mixed import Mixed
    from linksim.evaluation.store import Store
    from linksim.evaluation.study import run_study
    from linksim.progress import ProgressBar

    plan, resolved = prepare(_held(_with_own(scenario, systems or {})))
    folder = Path(out) if out is not None else Path("runs") / plan.scenario.name
    if progress:
        for line in _staying(plan.scenario):
            print(line, file=sys.stderr)
    with disk_failures(folder):
        store = Store(folder, fresh)
        try:
            with ProgressBar(plan.scenario.name) if progress else nullcontext(_Silence()) as listener:
                start = partial(Mixed, start=Processes)
                outcome = run_study(plan, resolved, store, folder, workers or cores(), listener, start)
        finally:
            store.close()
        if outcome.lines:
            draw_figures(plan.scenario, folder)
            if plan.scenario.pictures is not None and outcome.complete:
                draw_gallery(folder, plan.scenario.title)
    if not outcome.complete:
        raise KeyboardInterrupt
    return Results(folder)


class Plot(NamedTuple):
    """The files of a figure; a notebook shows the PNG.

    Attributes
    ----------
    png, pdf, csv : Path
        The CSV holds the numbers that are shown.
    """

    png: Path
    pdf: Path
    csv: Path

    def _repr_png_(self):
        return self.png.read_bytes()


class Results:
    """What a run left in its folder.

    Parameters
    ----------
    folder : path
        Of `linksim run` or `linksim.run`.

    Attributes
    ----------
    folder : Path

    Examples
    --------
    >>> results = Results("runs/quickstart")
    >>> results.plot(y="ssim").png.name  # doctest: +SKIP
    'ssim_vs_snr_db.png'
    >>> results.to_pandas().query("mcs == 'bound:bicm'")[["snr_db", "psnr_db"]]  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def __repr__(self):
        return f"Results({str(self.folder)!r})"

    @cached_property
    def rows(self) -> list[dict]:
        """The lines of results.csv, by column; text, a number, or None where the column does not apply.

        Raises
        ------
        linksim.InputError
            There is no such file.
        """
        from linksim.report.table import read_results

        return read_results(self.folder / "results.csv")

    def to_pandas(self, table: str = "results"):
        """A table of the run as a `pandas.DataFrame`; numbers that do not apply are NaN.

        Parameters
        ----------
        table : str
            `results`: one line a point; `rows`: one line for each picture, trial and operating point.

        Raises
        ------
        linksim.InputError
            pandas is not installed, or there is no such table.
        """
        try:
            import pandas
        except ImportError as error:
            mend = "`pip install pandas`, or use `Results.rows`"
            raise InputError("pandas is not installed", field="to_pandas", mend=mend) from error
        if table == "results":
            frame = pandas.DataFrame(self.rows)
            numbers = [name for name in frame if frame[name].dtype == object and _numeric(frame[name])]
            return frame.astype(dict.fromkeys(numbers, float))
        if table != "rows":
            raise InputError(f"there is no table {table!r}", field="table", mend="write results or rows")
        try:
            return pandas.read_csv(self.folder / "rows.csv")
        except FileNotFoundError as error:
            mend = "studies of random bits have none; others write it at the end of a run"
            raise InputError(
                "there is no such file", file=str(self.folder / "rows.csv"), mend=mend
            ) from error

    def plot(
        self,
        x: str = "snr_db",
        y: str = "psnr_db",
        *,
        log_x: bool = False,
        log_y: bool = False,
        title: str | None = None,
        overlay: Iterable[str | Path] = (),
        out: str | Path | None = None,
        target_blers: tuple[float, ...] = (),
    ) -> Plot:
        """Draw a column against another, as `linksim plot` does.

        Parameters
        ----------
        x, y : str
            Columns of results.csv.
        log_x, log_y : bool
            Logarithmic axes.
        title : str, optional
        overlay : iterable of str or path
            Published results to draw besides: names in baselines/published, or files.
        out : path, optional
            File without suffix; default `figures/Y_vs_X` in the run folder.
        target_blers : tuple of float, optional
            Block error rates to draw as level lines where `y` is `bler`.

        Raises
        ------
        linksim.InputError
            A column is not there or holds no number.
        """
        from linksim.report.figure import draw
        from linksim.report.target import targets

        stem = Path(out) if out is not None else self.folder / "figures" / f"{y}_vs_{x}"
        curves = figure_curves(self.rows, x, y, overlay)
        curves += targets(curves, x, y, target_blers)
        return Plot(*draw(curves, x, y, stem, log_x=log_x, log_y=log_y, title=title))


def prepare(scenario: Scenario | Sweep) -> tuple:
    """The plan of a scenario or of what it sweeps, and its text with all that is resolved.

    Raises
    ------
    InputError
        Pictures, weights or what they are used with cannot be used; a figure overlays what is not there.
    """
    from linksim.evaluation.cases import cases_of_sweep
    from linksim.evaluation.plan import Plan

    sweep = plain(scenario) if isinstance(scenario, Scenario) else scenario
    _check_overlays(sweep.members[0].scenario)
    cases, resolved = cases_of_sweep(sweep)
    return Plan(cases), sweep.dump(resolved)


def _check_overlays(scenario):
    """Before anything takes time: what figures overlay is there."""
    for index, figure in enumerate(scenario.figures):
        for name in figure.overlay or ():
            from linksim.report.published import overlay

            try:
                overlay(name, figure.x, figure.y)
            except InputError as error:
                raise error.at(f"figures.{index}.overlay") from error


def figure_curves(rows: list[dict], x: str, y: str, overlays: Iterable[str | Path] | None = ()) -> list:
    """The curves of a results table with what belongs beside them: closed forms and published results."""
    from linksim.report.closed_form import closed_forms
    from linksim.report.curves import to_curves
    from linksim.report.published import overlay

    curves = to_curves(rows, x)
    curves += closed_forms(curves, x, y)
    cbrs = frozenset(row["cbr"] for row in rows)
    return curves + [curve for name in overlays or () for curve in overlay(name, x, y, cbrs)]


def draw_figures(scenario: Scenario, folder: Path) -> list[Path]:
    """Draw the figures that a scenario names, from the results in a folder; returns the PNGs."""
    results, drawn = Results(folder), []
    for figure in scenario.figures:
        try:
            options = {"log_x": figure.log_x, "log_y": figure.log_y, "title": scenario.title}
            options["overlay"] = figure.overlay or ()
            options["target_blers"] = scenario.target_blers
            stem = folder / "figures" / figure.file
            drawn.append(results.plot(figure.x, figure.y, **options, out=stem).png)
        except InputError as error:  # the other figures and the results are not lost for it
            warnings.warn(f"{figure.file} not drawn: {error}", stacklevel=1)
    return drawn


def draw_gallery(folder: Path, title: str | None) -> list[Path]:
    """Draw the received pictures that a run kept side by side."""
    from linksim.report.gallery import draw

    try:
        return draw(folder, title=title)
    except InputError as error:  # the curves and the results are not lost for it
        warnings.warn(f"pictures not drawn: {error}", stacklevel=1)
        return []


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


class _Silence:
    """Hears how a study gets on, and says nothing."""

    def round(self, number, tasks, finished):
        pass

    def task(self):
        pass


def _with_own(scenario, systems):
    """The scenario, whatever it is given as, with systems added."""
    entries = []
    for label, value in systems.items():
        fields = value if isinstance(value, Mapping) else {"codec": value}
        entries.append({"type": "own", "label": label, **fields})
    if isinstance(scenario, Scenario):
        if not entries:
            return plain(scenario)
        data, file = {name: getattr(scenario, name) for name in type(scenario).model_fields}, "scenario"
    elif isinstance(scenario, Mapping):
        data, file = dict(scenario), "scenario"
    else:
        data, file = read_yaml(scenario), str(scenario)
    if entries and isinstance(data, dict) and isinstance(data.get("systems", ()), list | tuple):
        data = {**data, "systems": [*data.get("systems", ()), *entries]}
    return expand(data, file=file)


def _held(sweep):
    """The sweep with its codecs so that they reach workers."""
    members = tuple(replace(member, scenario=_held_in(member.scenario)) for member in sweep.members)
    return replace(sweep, members=members)


def _held_in(scenario):
    from linksim.systems.own import Held

    return scenario.model_copy(
        update={
            "systems": tuple(
                spec.model_copy(update={"codec": Held(spec.label, spec.codec)})
                if spec.type == "own" and not isinstance(spec.codec, str)
                else spec
                for spec in scenario.systems
            )
        }
    )


def _staying(scenario):
    """A line for each system that runs in this process, which says why."""
    from linksim.systems.own import stays

    for spec in scenario.systems:
        if stays(spec) and spec.digest is None:
            yield f"{spec.label} has no digest: it runs in this process, and nothing of it is kept"
        elif stays(spec):
            yield f"{spec.label} cannot be pickled: it runs in this process. A function that makes it can"


def _numeric(column):
    """Whether a column of objects holds numbers and gaps alone."""
    return all(value is None or isinstance(value, float) for value in column)
