"""A clock that jumps changes no result, and durations stay durations."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from .conftest import exports

pytestmark = pytest.mark.slow

#: Of Debian's package libfaketime; it tells a program another time of day, and leaves it the monotonic clock.
LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


@pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime (apt install libfaketime)")
def test_the_clock_jumps(program, uninterrupted, note, tmp_path):
    clock, folder = tmp_path / "clock", tmp_path / "run"
    clock.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FORCE_COLOR": "1",  # shows the bar and its time left without a terminal too
    }
    process = program.start(folder, "--workers", "1", environment=environment)
    for tasks, jump in ((2, "+40d"), (20, "-4000d"), (40, "+4000d")):
        program.wait_for_tasks(folder, tasks, process)
        clock.write_text(f"{jump}\n")
    code, errors = program.finish(process)
    assert code == 0, errors
    assert exports(folder) == uninterrupted.exports
    (session,) = json.loads((folder / "provenance.json").read_text())["sessions"]
    assert 0 < session["wall_seconds"] < program.PATIENCE
    clock.write_text("-4000d\n")
    code, errors = program.run(folder, "--fresh", "--workers", "1", environment=environment)
    assert code == 0, errors
    assert exports(folder) == uninterrupted.exports
    (session,) = json.loads((folder / "provenance.json").read_text())["sessions"]
    assert datetime.fromisoformat(session["started"]).year < datetime.now().year - 9
    note(
        "the clock set 40 days ahead, 11 years back and forth again during a run; a run in the past",
        "the same bytes; provenance has the clock's date and the true duration",
        "test_clock.py",
    )
