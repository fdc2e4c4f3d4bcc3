"""The Python interface: light to import, one call to a study with a system of one's own."""

import json
import subprocess
import sys
import threading

import pytest

import linksim
from linksim import api
from linksim.cli import main
from linksim.evaluation.store import Store
from linksim.evaluation.study import Outcome


@pytest.fixture
def study():
    """Two patches at two SNRs, and no system yet."""
    return {
        "name": "study",
        "images": {"source": "patches32", "limit": 2},
        "bandwidth": {"cbr": "1/2"},
        "channel": {"model": "awgn", "snr_db": [10, 20]},
    }


def counting(calls):
    """Amplitudes as symbols; each call of the encoder counts, in the process that has the list."""

    def encode(images, condition):
        calls.append(condition.snr_db)
        return images.reshape(len(images), -1, 2) - 0.5

    def decode(received, condition):
        return received.reshape(-1, condition.height, condition.width, 3) + 0.5

    return encode, decode


def test_the_package_is_light():
    code = (
        "import sys, linksim; "
        "heavy = {'tensorflow', 'sionna', 'keras', 'matplotlib', 'numpy', 'pydantic', 'yaml', 'pandas'}; "
        "print(sorted(heavy & set(sys.modules)), 'run' in dir(linksim))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


def test_public_names_are_there():
    for name in linksim.__all__:
        assert getattr(linksim, name) is not None
    for name in ("Separated", "Learned", "CapacityBound", "Bits", "Own"):
        assert getattr(linksim.systems, name).__name__ == name
    for package in (linksim, linksim.systems):
        with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
            package.Nothing  # noqa: B018


def test_without_a_digest_a_system_runs_here_and_anew(study, tmp_path, capsys):
    calls = []
    results = [linksim.run(study, systems={"mine": counting(calls)}, out=tmp_path) for _ in range(2)]
    assert calls == [10.0, 20.0] * 2
    said = "mine has no digest: it runs in this process, and nothing of it is kept"
    assert capsys.readouterr().err.splitlines().count(said) == 2
    assert results[0].rows == results[1].rows
    assert [(row["system"], row["mcs"], row["channel_uses"]) for row in results[1].rows] == [
        ("mine", "own", 1536.0)
    ] * 2
    assert (tmp_path / "figures" / "psnr_vs_snr.png").exists()


def test_with_a_digest_systems_are_kept_and_run_in_workers(study, tmp_path, capsys):
    """By value and from a file. The list is this process's: what a worker calls does not count in it."""
    calls = []
    (tmp_path / "my_net.py").write_text(
        "def build():\n"
        "    encode = lambda images, condition: images.reshape(len(images), -1, 2) - 0.5\n"
        "    return encode, lambda received, condition: received.reshape(-1, 32, 32, 3) + 0.5\n"
    )
    study["systems"] = [
        {"type": "own", "label": "file", "codec": f"{tmp_path}/my_net.py:build", "digest": "v1"}
    ]
    (tmp_path / "study.json").write_text(json.dumps(study))
    mine = {"mine": {"codec": counting(calls), "digest": "v1"}}
    first, again = (linksim.run(study, systems=mine, out=tmp_path / "run", workers=1).rows for _ in range(2))
    assert first == again
    assert [{**row, "system": ""} for row in first[:2]] == [{**row, "system": ""} for row in first[2:]]
    assert calls == []
    assert "no digest" not in capsys.readouterr().err
    sessions = json.loads((tmp_path / "run" / "provenance.json").read_text())["sessions"]
    assert [session["tasks"] for session in sessions] == [4]
    here = linksim.run({**study, "systems": ()}, systems={"mine": counting(calls)}, out=tmp_path / "here")
    assert here.rows == first[2:]
    assert calls == [10.0, 20.0]
    # The command line goes on where the program was.
    assert main(["run", str(tmp_path / "study.json"), "--out", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out.startswith("0 tasks in")
    assert linksim.Results(tmp_path / "run").rows == first[:2]


def test_what_cannot_be_pickled_is_kept_but_runs_here(study, tmp_path, capsys):
    calls = [threading.Lock()]  # which does not travel
    system = {"codec": counting(calls), "digest": "v1"}
    for _ in range(2):
        linksim.run(study, systems={"mine": system}, out=tmp_path)
    assert calls[1:] == [10.0, 20.0]
    assert "mine cannot be pickled: it runs in this process. A function that makes it can\n" in (
        capsys.readouterr().err
    )


def test_beside_systems_of_the_scenario(minimal, tmp_path):
    """Workers have the others; both see the same pictures at the same points."""
    minimal.update(images={"source": "patches32", "limit": 2}, bandwidth={"cbr": "1/2"})
    path = tmp_path / "minimal.json"
    path.write_text(json.dumps(minimal))
    results = linksim.run(
        linksim.load_scenario(path), systems={"mine": counting([])}, out=tmp_path, workers=1, progress=False
    )
    frame = results.to_pandas()
    assert set(frame["system"]) == {"JPEG 2000", "mine"}
    assert frame["psnr_db"].dtype == frame["bler"].dtype == float
    assert frame[frame["system"] == "mine"]["bler"].isna().all()
    rows = results.to_pandas("rows")
    assert set(rows["system"]) == {"JPEG 2000", "mine"}
    assert rows[rows["system"] == "mine"]["channel_uses"].eq(1536).all()
    png, pdf, table = plot = results.plot(y="ssim", log_y=True)
    assert png.read_bytes() == plot._repr_png_()
    assert (pdf.suffix, table.parent) == (".pdf", tmp_path / "figures")
    assert repr(results) == f"Results({str(tmp_path)!r})"


def test_refusals_name_what_was_passed(study, tmp_path, refusal):
    refused = refusal(linksim.run, study, systems={"mine": 3}, out=tmp_path)
    assert refused.startswith("scenario: systems.0.codec: 3 is no codec\nmend: ")
    assert refusal(linksim.run, study, out=tmp_path).startswith("scenario: systems: missing")
    refused = refusal(linksim.run, study, systems={"mine": {"digest": "a"}}, out=tmp_path)
    assert refused.startswith("scenario: systems.0.codec: missing")
    assert refusal(linksim.run, tmp_path / "no.yaml").startswith(f"{tmp_path}/no.yaml: cannot be read")


def test_results_that_are_not_there(tmp_path, monkeypatch, refusal):
    results = linksim.Results(tmp_path)
    assert refusal(lambda: results.rows).startswith(f"{tmp_path}/results.csv: there is no such file")
    assert refusal(results.to_pandas, "rows").startswith(f"{tmp_path}/rows.csv: there is no such file")
    assert refusal(results.to_pandas, "figures").startswith("table: there is no table 'figures'")
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert refusal(results.to_pandas).startswith("to_pandas: pandas is not installed\nmend: `pip install")


def test_an_interrupted_run_interrupts_the_program_after_its_exports(study, tmp_path, monkeypatch):
    monkeypatch.setattr("linksim.evaluation.study.run_study", lambda *_: Outcome(False, 0, 0, 0.0))
    with pytest.raises(KeyboardInterrupt):
        api.run(study, systems={"mine": counting([])}, out=tmp_path, progress=False)
    Store(tmp_path).close()  # nobody holds it
