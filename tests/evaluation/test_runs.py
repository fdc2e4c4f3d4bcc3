"""Whole runs over the real link: killed ones, and any number of workers, give the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from linksim.evaluation.points import COLUMNS

SCENARIO = {
    "name": "small",
    "seed": 5,
    "images": {"source": "patches32", "limit": 12},
    "bandwidth": {"cbr": ["1/6", "1/3"]},
    "channel": {"model": "awgn", "snr_db": {"from": 0, "to": 12, "step": 3}},
    "systems": [
        {"type": "separated", "label": "BPG", "mcs": {"indices": [4, 9, 14, 20]}},
        {"type": "capacity_bound", "label": "bound"},
    ],
    "stop": {"trials": 2, "max_trials": 4, "psnr_halfwidth_db": 0.3},
    "chunk": 4,
    "pictures": {"images": [0], "snr_db": 6},
}


def command(scenario, out, workers):
    return [
        sys.executable,
        "-m",
        "linksim",
        "run",
        str(scenario),
        "--out",
        str(out),
        "--workers",
        str(workers),
    ]


def exports(folder):
    """The bytes that must not depend on how the run went."""
    names = ["results.csv", "rows.csv", "scenario.yaml"]
    pictures = sorted(path.relative_to(folder) for path in Path(folder).glob("pictures/*"))
    return {str(name): (Path(folder) / name).read_bytes() for name in [*names, *pictures]}


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "small.yaml"
    path.write_text(yaml.safe_dump(SCENARIO))
    return path


@pytest.fixture(scope="module")
def uninterrupted(scenario, tmp_path_factory):
    """The exports of a run with one worker, and the seconds it took."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    start = time.monotonic()
    subprocess.run(command(scenario, folder, 1), check=True, capture_output=True)
    return exports(folder), time.monotonic() - start


def test_results_have_the_documented_columns(uninterrupted):
    header = uninterrupted[0]["results.csv"].decode().splitlines()[0]
    assert header == ",".join([*COLUMNS, "sweep.bandwidth.cbr"])


def test_two_workers_give_the_same_bytes_as_one(scenario, uninterrupted, tmp_path):
    subprocess.run(command(scenario, tmp_path, 2), check=True, capture_output=True)
    assert exports(tmp_path) == uninterrupted[0]


@pytest.mark.parametrize("kill", range(5))
def test_a_killed_run_goes_on_to_the_same_bytes(scenario, uninterrupted, tmp_path, kill):
    expected, seconds = uninterrupted
    # Different moments of the run, from its start to its exports; the seed only spreads them.
    moment = random.Random(kill).uniform(0.3, 0.95) * seconds
    process = subprocess.Popen(
        command(scenario, tmp_path, 1 + kill % 2), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(moment)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command(scenario, tmp_path, 2 - kill % 2), check=True, capture_output=True)
    assert exports(tmp_path) == expected


def test_ctrl_c_exports_what_there_is_and_says_how_to_go_on(scenario, uninterrupted, tmp_path):
    process = subprocess.Popen(
        command(scenario, tmp_path, 2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    store = tmp_path / "run.sqlite"
    deadline = time.monotonic() + 120
    while not (store.exists() and store.stat().st_size > 4096) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.6 * uninterrupted[1])
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode in (0, 130), errors
    if process.returncode == 130:
        assert "goes on from there" in output
        assert (tmp_path / "results.csv").exists()
    subprocess.run(command(scenario, tmp_path, 1), check=True, capture_output=True)
    assert exports(tmp_path) == uninterrupted[0]
