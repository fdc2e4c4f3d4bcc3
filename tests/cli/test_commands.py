"""Commands that need no link: listings, plots, usage errors, exit codes."""

import csv
import subprocess
import sys

import pytest

import linksim as package
from linksim.evaluation import study
from linksim.evaluation.points import COLUMNS
from linksim.scenario import catalogue


@pytest.fixture
def run_folder(tmp_path):
    """Makes a run folder with a small synthetic results.csv."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        with (folder / "results.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for snr_db in (0.0, 5.0, 10.0):
                values = {"snr_db": snr_db, "cbr": 0.0625, "psnr_db": 20 + snr_db, "images": 4, "trials": 1}
                writer.writerow({"system": "A", "channel": "awgn", "mcs": "pdsch-1/4", **values})
        return folder

    return make


def test_version(linksim):
    assert linksim("--version") == (0, f"linksim {package.__version__}\n", "")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(words, linksim):
    seen = linksim(*words)
    assert (seen.code, seen.err) == (0, "")
    for command in ("run", "check", "plot", "send", "systems", "images", "doctor"):
        assert f"\n  {command} " in seen.out


def test_help_and_listings_import_nothing_heavy():
    code = (
        "import sys; from linksim.cli import main; assert main(['--help']) == main(['systems']) == 0; "
        "heavy = {'tensorflow', 'sionna', 'keras', 'matplotlib', 'numpy', 'scipy', 'PIL'}; "
        "print('heavy:', heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("heavy: set()\n")
    assert done.stderr == ""


def test_systems_lists_every_building_block(linksim):
    seen = linksim("systems")
    assert (seen.code, seen.err) == (0, "")
    for kind, blocks in catalogue.building_blocks().items():
        assert f"{kind}:\n" in seen.out
        for name, text in blocks.items():
            assert any(line.split()[:1] == [name] and text in line for line in seen.out.splitlines())


def test_images_lists_every_source(linksim):
    seen = linksim("images")
    assert (seen.code, seen.err) == (0, "")
    assert seen.out.count("\n") == 1 + len(catalogue.picture_sources())
    assert "  photos " in seen.out


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["run"],
        ["run", "a.yaml", "--workers", "0"],
        ["run", "a.yaml", "--speed", "9"],
        ["check", "a.yaml", "b.yaml"],
        ["send", "a.png"],
        ["send", "a.png", "--snr", "loud"],
        ["plot"],
        ["--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_refused(words, refused):
    assert "\nmend: `linksim --help`" in refused(*words)


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [
        ("--channel", "cable", "rayleigh_block"),
        ("--system", "webp+nr-ldpc", "jpeg2000"),
        ("--system", "bpg+turbo", "bpg+nr-ldpc"),
        ("--system", "bpg", "bpg+nr-ldpc"),
        ("--cbr", "a lot", "1/12"),
        ("--cbr", "9", "4 or less"),
        ("--cbr", "1/1000000", "raise it"),
        ("--table", "pdsch-9", "pdsch-1"),
        ("--table", "wifi-ad", "nr-ldpc is not the code of the MCS table wifi-ad"),
        ("--mcs", "29", "0 to 28"),
        ("--mcs", "-1", "0 or more"),
        ("--snr", "1000", "100"),
        ("--snr", "nan", "number"),
        ("--seed", "-1", "0 or more"),
    ],
)
def test_send_names_the_option_that_is_wrong(option, value, known, refused, picture):
    words = ["--system", "jpeg2000+nr-ldpc", "--snr", "5", option, value]
    text = refused("send", picture, *words)
    assert text.startswith(f"error: {option}: ")
    assert known in text


def test_send_does_not_overwrite_the_original(refused, picture):
    before = picture.read_bytes()
    assert refused("send", picture, "--snr", 5, "--out", picture).startswith("error: --out: ")
    assert picture.read_bytes() == before


def test_plot_draws_a_run(linksim, run_folder):
    folder = run_folder("a")
    seen = linksim("plot", folder)
    files = [folder / "figures" / f"psnr_db_vs_snr_db.{ending}" for ending in ("png", "pdf", "csv")]
    assert (seen.code, seen.out.split(), seen.err) == (0, [str(file) for file in files], "")
    assert all(file.stat().st_size for file in files)


@pytest.mark.parametrize("out", ["fig", "fig.png", "fig.v1"])
def test_plot_takes_the_name_of_a_figure(out, linksim, run_folder, tmp_path):
    assert linksim("plot", run_folder("a"), "--out", tmp_path / out).code == 0
    assert (tmp_path / f"{out.removesuffix('.png')}.pdf").exists()


@pytest.mark.parametrize("names", [("a", "b"), ("x/run", "y/run")], ids=" ".join)
def test_plot_tells_runs_apart(names, linksim, run_folder, tmp_path):
    assert linksim("plot", *map(run_folder, names), "--out", tmp_path / "both").code == 0
    with (tmp_path / "both.csv").open() as file:
        systems = {row["system"] for row in csv.DictReader(file)}
    assert len(systems) == 2
    assert all(any(f"{name}: A" in system for system in systems) for name in names)


def test_plot_refuses_what_it_cannot_draw(refused, run_folder, tmp_path):
    folder = run_folder("a")
    assert str(tmp_path / "missing") in refused("plot", tmp_path / "missing")
    assert "nonsense" in refused("plot", folder, "--y", "nonsense")
    assert "no number" in refused("plot", folder, "--y", "accuracy")
    assert "cannot be written" in refused("plot", folder, "--out", folder / "results.csv" / "figure")
    (folder / "results.csv").write_text("not,a,table\n1,2,3\n")
    assert str(folder / "results.csv") in refused("plot", folder)


def test_report_wants_a_finished_run(refused, run_folder, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no finished run" in refused("report", tmp_path / "empty")
    assert "there is no such folder" in refused("report", tmp_path / "none")
    assert "scenario.yaml" in refused("report", run_folder("a"))


def _fail(error):
    def failing():
        raise error

    return failing


def test_a_failure_is_exit_code_1(linksim, monkeypatch):
    monkeypatch.setattr(catalogue, "picture_sources", _fail(RuntimeError("first line\nlast line")))
    assert linksim("images") == (1, "", "error: RuntimeError: last line\n--debug shows the traceback\n")


def test_an_interruption_is_exit_code_130(linksim, monkeypatch):
    monkeypatch.setattr(catalogue, "picture_sources", _fail(KeyboardInterrupt()))
    seen = linksim("images")
    assert (seen.code, seen.out) == (130, "")
    assert "Traceback" not in seen.err


def test_a_run_stopped_before_its_first_result_says_so(linksim, scenario_file, tmp_path, monkeypatch):
    nothing = study.Outcome(complete=False, lines=0, tasks=0, seconds=0.0)
    monkeypatch.setattr(study, "run_study", lambda *_: nothing)
    seen = linksim("run", scenario_file, "--out", tmp_path / "run")
    assert (seen.code, seen.err) == (130, "")
    assert seen.out.startswith("stopped; ")


@pytest.mark.parametrize("words", [["--debug", "check"], ["check", "--debug"]])
def test_debug_shows_the_traceback_and_keeps_the_exit_code(words, linksim, tmp_path):
    seen = linksim(*words, tmp_path / "missing.yaml")
    assert seen.code == 2
    assert "Traceback" in seen.err
    assert seen.err.splitlines()[-2].startswith("error: ")


def test_without_ray_the_extra_is_named(refused, scenario_file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "linksim.evaluation.ray_executor", raising=False)
    text = refused("run", scenario_file, "--out", tmp_path / "run", "--ray", "auto")
    assert text.startswith("error: --ray: Ray is not installed\nmend: pip install 'linksim[cluster]'")
    assert not (tmp_path / "run").exists()
