"""A disk that fills up ends a run with one clear error; with room again it goes on to the same bytes."""

import os
import resource
import subprocess
from functools import partial

import pytest

from .conftest import exports, finished_tasks

pytestmark = pytest.mark.slow

GO_ON = "make room, and the same command goes on from there"


@pytest.fixture
def small_disk(tmp_path):
    """A disk in memory of a few KiB: its folder, and a function that gives it another size."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", *options, "none", str(folder)]
        return subprocess.run(command, capture_output=True).returncode == 0

    if os.getuid() != 0 or not mount("-o", "size=64k"):
        pytest.skip("mounting a small disk needs root")
    yield folder, lambda kib: mount("-o", f"remount,size={kib}k")
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_full_disk(small_disk, program, uninterrupted, goes_on, says, note):
    folder, resize = small_disk
    stored = []
    for kib in (8, 64, 152, 168):
        assert resize(kib)
        lines = says(
            program.run(folder / "run", "--workers", "1"), 1, "make room, and the same command goes on"
        )
        assert str(folder / "run") in lines[0]
        stored.append(finished_tasks(folder / "run"))
    assert resize(65536)
    goes_on(folder / "run")
    assert 0 in stored
    note(
        f"a disk of 8, 64, 152 and 168 KiB in turn, full after {', '.join(map(str, stored))} of "
        f"{uninterrupted.tasks} tasks, then a larger one",
        "each error names the folder and how to go on, exit code 1; then the same bytes",
        "test_disk.py",
    )


def test_files_that_must_not_grow(program, uninterrupted, goes_on, says, note, tmp_path):
    stored = []
    for kib in (8, 48, 96):
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (kib << 10, resource.RLIM_INFINITY))
        ended = program.run(tmp_path / "run", "--workers", "1", preexec_fn=limit)
        says(ended, 1, GO_ON)
        stored.append(finished_tasks(tmp_path / "run"))
    goes_on(tmp_path / "run")
    note(
        f"files limited to 8, 48 and 96 KiB, as by a quota; stopped after {', '.join(map(str, stored))} of "
        f"{uninterrupted.tasks} tasks",
        "each error names the folder and how to go on, exit code 1; then the same bytes",
        "test_disk.py",
    )


def test_a_full_disk_for_the_cache(small_disk, program, uninterrupted, note, tmp_path):
    folder, resize = small_disk
    assert resize(16)
    code, errors = program.run(
        tmp_path / "run", "--workers", "1", environment={"LINKSIM_CACHE": str(folder / "cache")}
    )
    assert code == 0, errors
    assert exports(tmp_path / "run") == uninterrupted.exports
    note(
        "the cache of encoded files on a disk of 16 KiB",
        "files are encoded again instead of remembered; the same bytes",
        "test_disk.py",
    )
