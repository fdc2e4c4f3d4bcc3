"""A store that was cut short or overwritten is refused with the mend, or still gives the right bytes."""

import random
import shutil
import sqlite3

import pytest

from .conftest import exports

pytestmark = pytest.mark.slow


def damages(size):
    """Names and functions of bytes."""
    dice = random.Random(7)
    yield "cut to nothing", lambda data: b""
    for share in (0.05, 0.5, 0.95):
        yield f"cut to {share:.1%}", lambda data, share=share: data[: int(share * len(data))]
    yield "without its last byte", lambda data: data[:-1]
    for page in sorted(dice.sample(range(size // 4096), 5)):
        for name, new in (("zeros", bytes(4096)), ("garbage", dice.randbytes(4096))):
            place = slice(4096 * page, 4096 * (page + 1))
            yield f"{name} in page {page}", lambda data, place=place, new=new: _with(data, place, new)


def _with(data, place, new):
    return data[: place.start] + new + data[place.stop :]


def test_a_damaged_store(finished, program, uninterrupted, says, goes_on, note, tmp_path):
    database = sqlite3.connect(finished / "run.sqlite")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    whole = (finished / "run.sqlite").read_bytes()
    refused = resumed = 0
    for number, (name, damage) in enumerate(damages(len(whole))):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "run.sqlite").write_bytes(damage(whole))
        code, errors = program.run(folder, "--workers", "1")
        if code == 0:
            assert exports(folder) == uninterrupted.exports, name
            resumed += 1
        else:
            lines = says((code, errors), 2, str(folder / "run.sqlite"))
            assert lines[1].startswith("mend: ")
            assert "--fresh" in lines[1]
            refused += 1
    code, errors = program.run(folder, "--workers", "1", "--fresh")  # the mend of the last one
    assert code == 0, errors
    assert exports(folder) == uninterrupted.exports
    shutil.copy(finished / "run.sqlite", folder / "run.sqlite")  # the other mend
    goes_on(folder)
    assert refused > resumed
    note(
        f"the store cut short, or a page of it overwritten, in {refused + resumed} ways",
        f"{refused} refused with both mends, exit code 2, which work; {resumed} gave the same bytes",
        "test_damaged_store.py",
    )
