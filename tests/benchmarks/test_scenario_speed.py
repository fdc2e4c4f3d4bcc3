"""Time of a whole scenario, and how it grows with the pictures, SNR points and MCSs."""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from linksim import images
from linksim.evaluation.cases import cases_of
from linksim.evaluation.plan import Plan
from linksim.evaluation.work import Worker
from linksim.scenario.loader import validate

PHOTOS_AWGN = Path(__file__).parents[2] / "scenarios" / "photos_awgn.yaml"

#: What grows: three amounts of each, in equal steps. The others stay at their first.
AMOUNTS = {"pictures": (64, 128, 192), "snrs": (8, 16, 24), "mcss": (8, 16, 24)}


def test_photos_awgn(compare, plain_sionna, program, tmp_path):
    """From nothing, start-up and an empty codec cache included, to the figures."""
    plain = plain_sionna("scenario", PHOTOS_AWGN)
    command = [sys.executable, "-m", "linksim", "run", PHOTOS_AWGN, "--out", tmp_path / "run"]
    instead = ", ".join(f"{refused} as {counted}" for refused, counted in plain["counted_instead"].items())
    compare(
        lambda: program(command, LINKSIM_CACHE=tmp_path / "cache"),
        plain["seconds"],
        against="the plain chain, extrapolated",
        rounds=1,
        work=(plain["pictures"] * plain["snrs"] * plain["mcss"], "transmissions"),
        note=f"link {plain['link_seconds']:.0f} s, compilation {plain['compile_seconds']:.0f} s, "
        f"codec {plain['codec_seconds']:.0f} s; MCSs counted as others: {instead or 'none'}",
        warm=False,
    )


@pytest.mark.parametrize("unit", AMOUNTS)
def test_growth(benchmark, record, tmp_path, monkeypatch, unit):
    """Processor time of each further picture, SNR point or MCS; where cost is linear the ratio is 1."""

    def once(amounts):
        monkeypatch.setenv("LINKSIM_CACHE", tempfile.mkdtemp(dir=tmp_path))  # the codec's work counts too
        return _processor_seconds(**amounts)

    def run(count):
        amounts = {name: counts[0] for name, counts in AMOUNTS.items()} | {unit: count}
        return min(once(amounts) for _ in range(3))

    few, some, many = AMOUNTS[unit]
    seconds = {few: run(few), some: run(some), many: benchmark.pedantic(run, (many,))}
    first = (seconds[some] - seconds[few]) / (some - few)
    last = (seconds[many] - seconds[some]) / (many - some)
    record(
        last,
        first,
        against=f"those from {few} to {some}",
        unit=f"s/{unit.removesuffix('s')}",
        note=f"processor time, least of 3; ours: {some} to {many}; totals "
        + ", ".join(f"{total:.1f} s" for total in seconds.values()),
    )


def _processor_seconds(pictures, snrs, mcss):
    """Carry out a study of 32×32 pictures over AWGN in this process; SNRs and MCSs are spread evenly."""
    scenario = validate(
        {
            "name": "growth",
            "images": {"source": "patches32", "limit": pictures},
            "bandwidth": {"cbr": "1/3"},
            "channel": {"model": "awgn", "snr_db": np.linspace(0, 20, snrs).round(3).tolist()},
            "systems": [
                {
                    "type": "separated",
                    "label": "chain",
                    "mcs": {
                        "indices": np.linspace(4, 27, mcss).round().astype(int).tolist(),
                        "decode": "all",
                    },
                }
            ],
            "chunk": 32,
        },
        file="growth",
    )
    plan = Plan(cases_of(scenario, images.load(scenario.images)))
    worker, results = Worker(plan.cases), {}
    start = time.process_time()
    for tasks in plan.rounds(results):
        # In the order in which one worker would get them.
        for task in sorted(tasks, key=lambda task: (task.point.name, task.pictures)):
            results[task.id] = worker.execute(task).summary
    return time.process_time() - start
