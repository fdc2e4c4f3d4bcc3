"""Time of a whole scenario, and how it grows with the pictures, SNR points and MCSs."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

PHOTOS_AWGN = Path(__file__).parents[2] / "scenarios" / "photos_awgn.yaml"

#: What grows: three amounts of each, in equal steps. The others stay at their first.
AMOUNTS = {"pictures": (2, 4, 6), "snrs": (24, 48, 72), "mcss": (8, 16, 24)}


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
def test_growth(benchmark, record, program, tmp_path, unit):
    """Processor time of each further picture, SNR point or MCS; where cost is linear the ratio is 1."""

    def run(count):
        amounts = {name: counts[0] for name, counts in AMOUNTS.items()} | {unit: count}
        folder = tmp_path / str(count)
        folder.mkdir()
        (folder / "scenario.yaml").write_text(json.dumps(_scenario(**amounts)), encoding="utf-8")
        before = _processor_seconds()
        command = [sys.executable, "-m", "linksim", "run", folder / "scenario.yaml", "--out", folder / "run"]
        program(command, LINKSIM_CACHE=folder / "cache")
        return _processor_seconds() - before

    few, some, many = AMOUNTS[unit]
    seconds = {few: run(few), some: run(some), many: benchmark.pedantic(run, (many,))}
    benchmark.extra_info["processor_seconds"] = seconds
    first = (seconds[some] - seconds[few]) / (some - few)
    last = (seconds[many] - seconds[some]) / (many - some)
    record(
        last,
        first,
        against=f"those from {few} to {some}",
        unit=f"s/{unit.removesuffix('s')}",
        note=f"processor time; ours: {some} to {many}; totals "
        + ", ".join(f"{total:.1f} s" for total in seconds.values()),
    )


def _processor_seconds():
    """Of all programs that have ended; what else the machine does lengthens it little."""
    times = os.times()
    return times.children_user + times.children_system


def _scenario(pictures, snrs, mcss):
    """Photographs of 256×384 over AWGN, SNRs and MCSs spread evenly."""
    indices = np.unique(np.linspace(4, 27, mcss).round().astype(int)).tolist()
    system = {"type": "separated", "label": "chain", "mcs": {"indices": indices, "decode": "all"}}
    return {
        "name": "growth",
        "images": {"source": "photos", "crop": [256, 384], "limit": pictures},
        "bandwidth": {"cbr": "1/16"},
        "channel": {"model": "awgn", "snr_db": np.linspace(0, 20, snrs).round(3).tolist()},
        "systems": [system],
    }
