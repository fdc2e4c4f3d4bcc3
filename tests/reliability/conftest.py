"""Reliability: runs are killed, starved and mistreated; each goes on to the same bytes or says what to mend.

What happened is collected into the table of docs/reliability.md.
"""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

SCENARIO = {
    "name": "small",
    "seed": 5,
    "images": {"source": "patches32", "limit": 8},
    "bandwidth": {"cbr": "1/3"},
    "channel": {"model": "awgn", "snr_db": [0, 4, 8, 12]},
    "systems": [{"type": "separated", "label": "BPG", "mcs": {"indices": [4, 9, 14], "decode": "all"}}],
    "stop": {"trials": 3},
    "metrics": ["psnr"],
    "chunk": 4,
    "pictures": {"images": [0], "snr_db": 8},
}


class Program:
    """The command line as a process of its own, and what its runs leave."""

    #: Seconds after which a run is taken for hung.
    PATIENCE = 240

    def __init__(self, scenario: Path, cache: Path):
        self.scenario = scenario
        self._environment = {**os.environ, "LINKSIM_CACHE": str(cache)}

    def start(self, folder, *words, scenario=None, environment=None, **options):
        """Start a run."""
        command = [sys.executable, "-m", "linksim", "run", scenario or self.scenario, "--out", folder, *words]
        return subprocess.Popen(
            [str(word) for word in command],
            env={**self._environment, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def finish(self, process):
        """Wait for a run; returns its exit code and what it wrote to standard error."""
        _, errors = process.communicate(timeout=self.PATIENCE)
        assert "Traceback" not in errors, errors
        return process.returncode, errors

    def run(self, folder, *words, **options):
        """Start a run and wait for it."""
        return self.finish(self.start(folder, *words, **options))

    def wait_for_tasks(self, folder, count, process):
        """Return when a run has stored so many tasks, or has ended."""
        deadline = time.monotonic() + self.PATIENCE
        while process.poll() is None and finished_tasks(folder) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def finished_tasks(folder) -> int:
    """Tasks in the store of a run folder."""
    path = Path(folder) / "run.sqlite"
    if not path.exists():
        return 0
    database = sqlite3.connect(path, timeout=30)
    try:
        return database.execute("SELECT count(*) FROM tasks").fetchone()[0]
    except sqlite3.Error:  # its tables are just being made
        return 0
    finally:
        database.close()


def exports(folder) -> dict[str, bytes]:
    """The bytes that must not depend on how a run went."""
    names = ["results.csv", "rows.csv", "scenario.yaml"]
    pictures = sorted(path.relative_to(folder) for path in Path(folder).glob("pictures/*.png"))
    return {str(name): (Path(folder) / name).read_bytes() for name in [*names, *pictures]}


@pytest.fixture(scope="session")
def note(page_table):
    """Adds a line to the table of docs/reliability.md."""
    page_table.append(("what was done", "what happened", "test"))
    return lambda *line: page_table.append(line)


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """The command line with the small study and a cache of its own."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.yaml").write_text(yaml.safe_dump(SCENARIO))
    return Program(folder / "small.yaml", folder / "cache")


class Uninterrupted:
    """What a run that nothing befell left, and how it went."""

    def __init__(self, program, folder):
        began = time.monotonic()
        assert program.run(folder, "--workers", "1")[0] == 0
        self.seconds = time.monotonic() - began
        self.exports, self.tasks = exports(folder), finished_tasks(folder)


@pytest.fixture(scope="session")
def uninterrupted(program, tmp_path_factory):
    """A run with one worker, after another one that filled the caches."""
    Uninterrupted(program, tmp_path_factory.mktemp("first"))
    return Uninterrupted(program, tmp_path_factory.mktemp("uninterrupted"))


@pytest.fixture
def goes_on(program, uninterrupted):
    """Asserts that the same command ends in the results of the uninterrupted run."""

    def check(folder, workers=1):
        code, errors = program.run(folder, "--workers", workers)
        assert code == 0, errors
        assert exports(folder) == uninterrupted.exports

    return check


@pytest.fixture
def finished(program, uninterrupted, tmp_path):
    """A folder in which the small study is finished."""
    assert program.run(tmp_path / "run", "--workers", "1")[0] == 0
    return tmp_path / "run"


@pytest.fixture
def says():
    """Asserts that a run ended with an exit code and one clear error, and returns its lines."""

    def check(ended, code, *texts):
        found, errors = ended
        lines = [line for line in errors.splitlines() if not line.startswith(("small: round", "warning:"))]
        assert found == code, errors
        assert lines[0].startswith("error: "), errors
        assert len(lines) <= 2, errors
        for text in texts:
            assert text in errors
        return lines

    return check
