"""Weights that cannot be read, or are not those of their card, are refused before anything is sent."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from linksim.cli import main

from .conftest import SCENARIO, exports

pytestmark = pytest.mark.slow

LEARNED = {
    **SCENARIO,
    "bandwidth": {"cbr": "1/6"},
    "systems": [{"type": "learned", "label": "tiny", "weights": "tiny.weights.h5"}],
}


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def card_of_another(path):
    card, digest = path.with_name("tiny.json"), hashlib.sha256(path.read_bytes()).hexdigest()
    text = card.read_text()
    assert digest in text
    card.write_text(text.replace(digest, "0" * 64))


def folder_instead(path):
    path.unlink()
    path.mkdir()


#: What is done to the file, and what the error must say.
DAMAGES = {
    "one bit flipped": (flip, "SHA-256 differs"),
    "cut in half": (lambda path: os.truncate(path, path.stat().st_size // 2), "SHA-256 differs"),
    "empty": (lambda path: os.truncate(path, 0), "no HDF5 file"),
    "a text file": (lambda path: path.write_text("weights"), "no HDF5 file"),
    "a folder in its place": (folder_instead, "there is no such file of weights"),
    "missing": (Path.unlink, "there is no such file of weights"),
    "a link to nowhere": (
        lambda path: (path.unlink(), path.symlink_to("nowhere.weights.h5")),
        "there is no such file of weights",
    ),
    "its card missing": (lambda path: path.with_name("tiny.json").unlink(), "is missing"),
    "its card cut short": (lambda path: os.truncate(path.with_name("tiny.json"), 50), "the card is damaged"),
    "the card of another file": (card_of_another, "SHA-256 differs"),
}


@pytest.fixture
def learned(tiny_weights, tmp_path, monkeypatch):
    """A folder with weights, their card and a scenario that uses them; the tests run in it."""
    for path in (tiny_weights, tiny_weights.with_name("tiny.json")):
        shutil.copy(path, tmp_path)
    (tmp_path / "learned.yaml").write_text(yaml.safe_dump(LEARNED))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_damaged_weights(learned, tmp_path_factory, monkeypatch, capsys, note):
    for name, (damage, text) in DAMAGES.items():
        folder = tmp_path_factory.mktemp("damaged")
        shutil.copytree(learned, folder, dirs_exist_ok=True)
        monkeypatch.chdir(folder)
        damage(folder / "tiny.weights.h5")
        assert main(["run", "learned.yaml", "--out", "run"]) == 2, name
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 2, name
        assert text in lines[0], name
        assert lines[1].startswith("mend: "), name
        assert not Path("run").exists(), name
    note(
        f"weights damaged in {len(DAMAGES)} ways: {', '.join(DAMAGES)}",
        "refused with file and mend before anything runs, exit code 2",
        "test_weights.py",
    )


def test_weights_that_nobody_may_read(learned, note):
    (learned / "tiny.weights.h5").chmod(0)
    command = [sys.executable, "-m", "linksim", "check", "learned.yaml"]
    if os.getuid() == 0:  # without what lets root read everything
        powers = "-dac_override,-dac_read_search"
        command = ["setpriv", "--bounding-set", powers, "--inh-caps", powers, *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[0].endswith("cannot be read (Permission denied)")
    assert done.stderr.splitlines()[1].startswith("mend: ")
    note(
        "weights that the user has no permission to read",
        "refused with file and mend, exit code 2",
        "test_weights.py",
    )


def test_weights_that_change_during_a_run(learned, program, says, note):
    arguments = {"scenario": learned / "learned.yaml", "cwd": learned}
    assert program.run("before", "--workers", "1", **arguments)[0] == 0
    whole = (learned / "tiny.weights.h5").read_bytes()
    process = program.start("run", "--workers", "1", **arguments)
    while not process.stderr.readline().startswith("small: round 1"):  # planned, and no worker has started
        assert process.poll() is None
    flip(learned / "tiny.weights.h5")
    says(program.finish(process), 2, "tiny.weights.h5", "SHA-256 differs", "mend: ")
    (learned / "tiny.weights.h5").write_bytes(whole)
    assert program.run("run", "--workers", "1", **arguments)[0] == 0
    assert exports(learned / "run") == exports(learned / "before")
    note(
        "weights that change between the start of a run and their use",
        "error names the file and the mend, exit code 2; with the file put back, resumed to the same bytes",
        "test_weights.py",
    )
