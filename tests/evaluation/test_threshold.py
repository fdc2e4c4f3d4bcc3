"""Link adaptation by a target block error rate: calibration, choice, and what is shown without one."""

import csv

import pytest
import yaml

from linksim.cli import main
from linksim.evaluation.points import lines, values
from linksim.evaluation.statistics import wilson
from linksim.evaluation.summary import Summary
from linksim.scenario.systems import CALIBRATION_BLOCKS, SMALLEST_TARGET_BLER


def system(**mcs):
    return {"type": "separated", "label": "BPG", "mcs": {"policy": "threshold", "indices": [4, 9, 14], **mcs}}


def play(plan, losses, tables=None):
    """Carry out all rounds; of each MCS that many of the blocks of a calibration are lost, and no picture.

    Of those in `tables` a table expects that share to be lost.
    """
    results, rounds = {}, []
    for tasks in plan.rounds(results):
        rounds.append(tasks)
        for task in tasks:
            count = task.pictures[1] - task.pictures[0]
            if task.tabled:
                rate = (tables or {}).get(task.point.name)
                lost = 0 if rate is None else rate * count
                results[task.id] = Summary(
                    pictures=count, channel_outage=lost, sent=0 if rate is None else count
                )
                continue
            lost = losses.get(task.point.name, 0) if task.uses is not None else 0
            lost = count if task.point.mcs is None else lost
            results[task.id] = Summary(
                pictures=count,
                delivered=count - lost,
                channel_outage=lost,
                psnr_db=20.0 * count,
                sent=count if task.point.mcs is not None else 0,
                power=float(count),
            )
    return results, rounds


def chosen(plan, results):
    """The policy's line at the first SNR."""
    first = next(plan.series())
    return [line.mcs for line in lines(plan, results) if line.series == first][-1]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ({}, "threshold:pdsch-1/14"),
        ({"pdsch-1/14": 200}, "threshold:pdsch-1/9"),
        ({"pdsch-1/14": 200, "pdsch-1/9": 200}, "threshold:pdsch-1/4"),
        # Wilson's upper limit of 12 of 200 lies above 0.1, of 11 below.
        ({"pdsch-1/14": 12}, "threshold:pdsch-1/9"),
        ({"pdsch-1/14": 11}, "threshold:pdsch-1/14"),
        ({"pdsch-1/14": 200, "pdsch-1/9": 200, "pdsch-1/4": 200}, "threshold:none"),
    ],
)
def test_the_highest_rate_that_keeps_to_the_target(make_plan, losses, expected):
    plan = make_plan(systems=[system()])
    results, _ = play(plan, losses)
    assert chosen(plan, results) == expected


def test_the_target_is_the_users(make_plan):
    plan = make_plan(systems=[system(target_bler=0.3)])
    results, _ = play(plan, {"pdsch-1/14": 40})
    assert chosen(plan, results) == "threshold:pdsch-1/14"


def test_every_target_can_be_shown():
    assert wilson(0, CALIBRATION_BLOCKS)[1] <= SMALLEST_TARGET_BLER


def test_calibrations_have_blocks_and_seeds_of_their_own(make_plan):
    plan = make_plan(systems=[system(), {**system(), "label": "BPG again"}])
    _, rounds = play(plan, {"pdsch-1/14": 200})
    calibration = [task for tasks in rounds for task in tasks if task.uses is not None]
    sent = [task for tasks in rounds for task in tasks if task.uses is None]
    # Two MCSs at two SNRs, shared by both systems.
    assert len(calibration) == 4
    assert {task.pictures for task in calibration} == {(0, CALIBRATION_BLOCKS)}
    assert {task.uses for task in calibration} == {1024}
    assert not {task.seed for task in calibration} & {task.seed for task in sent}
    assert {task.id for task in (*calibration, *sent)} <= {task.id for task in plan.all_tasks()}
    # Decided between complete rounds: no MCS is asked for before the one above it has been judged.
    assert [{task.point.name for task in tasks if task.uses} for tasks in rounds[:2]] == [
        {"pdsch-1/14"},
        {"pdsch-1/9"},
    ]


@pytest.mark.parametrize(
    ("tables", "expected", "measured"),
    [
        ({"pdsch-1/14": 0.1, "pdsch-1/9": 0.0}, "threshold:pdsch-1/14", set()),
        ({"pdsch-1/14": 0.11, "pdsch-1/9": 0.04}, "threshold:pdsch-1/9", set()),
        # What no table holds is measured, when it is its turn.
        ({"pdsch-1/14": 1.0, "pdsch-1/4": 0.0}, "threshold:pdsch-1/9", {"pdsch-1/9"}),
        ({}, "threshold:pdsch-1/14", {"pdsch-1/14"}),
    ],
)
def test_tables_instead_of_blocks(make_plan, tables, expected, measured):
    plan = make_plan(systems=[system(calibration="sionna")])
    results, rounds = play(plan, {}, tables)
    assert chosen(plan, results) == expected
    tasks = [task for tasks in rounds for task in tasks]
    assert {task.point.name for task in tasks if task.uses and not task.tabled} == measured
    assert {task.point.name for task in rounds[0]} == {"pdsch-1/4", "pdsch-1/9", "pdsch-1/14"}
    assert all(task.tabled for task in rounds[0])
    assert {task.id for task in tasks} <= {task.id for task in plan.all_tasks()}


def test_pictures_of_every_size_are_calibrated(make_plan):
    plan = make_plan(systems=[system()], images={"source": "photos", "limit": 3}, bandwidth={"cbr": "1/96"})
    _, rounds = play(plan, {})
    uses = {task.uses for tasks in rounds for task in tasks if task.uses is not None}
    shapes = {picture.shape for picture in plan.cases[0].sent}
    assert len(uses) == len(shapes) > 1


def test_without_an_mcs_every_picture_is_lost(make_plan):
    plan = make_plan(systems=[system()])
    results, _ = play(plan, {"pdsch-1/14": 200, "pdsch-1/9": 200, "pdsch-1/4": 200})
    line = next(line for line in lines(plan, results) if line.mcs == "threshold:none")
    found = values(plan, line)
    assert (found["channel_outage"], found["delivered"], found["bler"]) == (6, 0, None)
    assert found["modulation_order"] is None


def test_over_the_real_link(tmp_path):
    """BLER of QPSK R .30 is 0 at 2 dB and of 16QAM R .54 at 10 dB; at −8 dB nothing arrives."""
    scenario = {
        "name": "threshold",
        "seed": 3,
        "images": {"source": "patches32", "limit": 4},
        "bandwidth": {"cbr": "1/3"},
        "channel": {"model": "awgn", "snr_db": [-8, 2, 10]},
        "systems": [system()],
        "metrics": ["psnr"],
    }
    path = tmp_path / "threshold.yaml"
    path.write_text(yaml.safe_dump(scenario))
    for tables in ([], ["--set", "systems.0.mcs.calibration=sionna"]):
        arguments = ["run", str(path), "--out", str(tmp_path / "out"), "--workers", "1", *tables]
        assert main(arguments) == 0
        with (tmp_path / "out/results.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["mcs"].startswith("threshold:")]
        assert [row["mcs"] for row in rows] == [
            "threshold:none",
            "threshold:pdsch-1/4",
            "threshold:pdsch-1/14",
        ]
    assert rows[0]["channel_outage"] == "4"
    assert all(float(row["bler"]) <= 0.1 for row in rows[1:])
    assert rows[0]["channel_uses"] == rows[1]["channel_uses"] == "1024.0000"
    with (tmp_path / "out/rows.csv").open() as file:
        assert sum(row["mcs"] == "threshold:none" for row in csv.DictReader(file)) == 4
