"""Runs that are killed without warning go on where they were."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from .conftest import finished_tasks

pytestmark = pytest.mark.slow

KILLS = 20


def test_killed_at_random_moments(program, uninterrupted, goes_on, note, tmp_path):
    dice, stages = random.Random(2026), Counter()
    for kill in range(KILLS):
        folder = tmp_path / str(kill)
        process = program.start(folder, "--workers", 1 + kill % 2, start_new_session=True)
        if kill % 4 in (1, 2):  # tasks take a small part of a run's time
            program.wait_for_tasks(folder, dice.randrange(1, uninterrupted.tasks // 2), process)
            time.sleep(dice.uniform(0, 0.1))
        else:
            time.sleep(dice.uniform(0.05, 1.0) * uninterrupted.seconds)
        if process.poll() is not None:
            stages["at the end"] += 1
        elif kill % 4 < 2:
            os.kill(process.pid, signal.SIGKILL)  # the workers have to notice
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if process.returncode:
            there = finished_tasks(folder)
            stages[
                "before the first task" if not there else
                "between tasks" if there < uninterrupted.tasks else "in the exports"
            ] += 1  # fmt: skip
        goes_on(folder, workers=2 - kill % 2)
    assert stages["between tasks"] >= KILLS / 10
    told = ", ".join(f"{stages[stage]} {stage}" for stage in sorted(stages))
    note(
        f"a run killed with signal 9 at {KILLS} random moments (fixed seed), half of them amid its tasks, "
        "half with its workers",
        f"{KILLS} of {KILLS} resumed runs gave the uninterrupted one's bytes ({told})",
        "test_killed.py",
    )


def test_a_worker_killed(program, goes_on, says, note, tmp_path):
    process = program.start(tmp_path / "run", "--workers", "2")
    program.wait_for_tasks(tmp_path / "run", 3, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    workers = [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(workers[0], signal.SIGKILL)
    says(program.finish(process), 1, "a worker died (exit code -9)", "set a smaller `chunk`")
    goes_on(tmp_path / "run")
    note(
        "a worker killed with signal 9, as when memory is short",
        "error names the task and the mend, exit code 1; resumed to the same bytes",
        "test_killed.py",
    )


def test_two_runs_into_one_folder(program, uninterrupted, goes_on, says, note, tmp_path):
    first = program.start(tmp_path / "run", "--workers", "1")
    program.wait_for_tasks(tmp_path / "run", 1, first)
    first.send_signal(signal.SIGSTOP)  # so that it does not end before the others have tried
    says(program.run(tmp_path / "run"), 2, "another run is writing here", "mend: wait for it")
    says(program.run(tmp_path / "run", "--fresh"), 2, "another run is writing here")
    first.send_signal(signal.SIGCONT)
    assert program.finish(first)[0] == 0
    goes_on(tmp_path / "run")
    both = [program.start(tmp_path / "together", "--workers", "1") for _ in range(2)]
    ended = [program.finish(process) for process in both]
    assert sorted(code for code, _ in ended) == [0, 2]
    says(max(ended), 2, "another run is writing here")
    goes_on(tmp_path / "together")
    note(
        "a second run into the folder of a running one, also with --fresh; two at the same moment",
        "one goes on undisturbed, the other ends with a clear error, exit code 2",
        "test_killed.py",
    )
