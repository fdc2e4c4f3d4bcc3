"""The threshold policy: Wilson's limit by which it chooses, and the blocks that its choices lose."""

import csv

import pytest
import yaml
from scipy.stats import binomtest

from linksim.cli import main
from linksim.evaluation.statistics import wilson

TARGET = 0.1


@pytest.mark.parametrize("lost", [0, 11, 12])
def test_wilson(lost, verified):
    expected = binomtest(lost, 200).proportion_ci(method="wilson").high
    block = f"Wilson's upper limit, {lost} of 200"
    verified(block, "scipy.stats", expected, wilson(lost, 200)[1], 1e-9, digits=5)


def test_choices_keep_to_the_target(tmp_path, verified):
    """Block errors of fresh blocks in 1536 uses, of the highest rate that 200 others allowed."""
    scenario = {
        "name": "threshold",
        "seed": 20,
        "images": {"source": "patches32", "limit": 20},
        "bandwidth": {"cbr": "1/2"},
        "channel": {"model": "awgn", "snr_db": [-12, 1, 5.5, 10]},
        "systems": [{"type": "separated", "label": "a", "mcs": {"policy": "threshold"}}],
        "metrics": ["psnr"],
        "stop": {"trials": 20},
    }
    path = tmp_path / "threshold.yaml"
    path.write_text(yaml.safe_dump(scenario))
    assert main(["run", str(path), "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    with (tmp_path / "out/results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["mcs"].startswith("threshold:")]
    assert [row["mcs"] == "threshold:none" for row in rows] == [True, False, False, False]
    for row in rows[1:]:
        bler, name = float(row["bler"]), row["mcs"].removeprefix("threshold:")
        middle = TARGET / 2
        block = f"policy threshold at {float(row['snr_db']):g} dB: BLER of {name} on 400 fresh blocks"
        verified(block, "target 0.1", middle, bler, (middle, "0 to the target"), digits=3)
