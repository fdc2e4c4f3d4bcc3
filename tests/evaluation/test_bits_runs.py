"""Studies without pictures: what they ask for, where they stop, and that killed ones go on as if not."""

import csv
import subprocess
import sys
import time

import pytest
import yaml

from linksim.evaluation.cases import cases_of
from linksim.evaluation.plan import Plan
from linksim.evaluation.points import COLUMNS, lines
from linksim.evaluation.summary import Summary
from linksim.scenario.loader import dump_scenario, validate

SCENARIO = {
    "name": "bits",
    "seed": 5,
    "channel": {"model": "awgn", "snr_db": [0, 1, 2, 3, 4]},
    "systems": [
        {"type": "bits", "label": "NR", "mcs": {"indices": [5, 9]}, "uses": 600, "blocks": 20},
        {"type": "bits", "label": "none", "mcs": {"table": "uncoded", "index": 1}, "uses": 300, "blocks": 20},
    ],
    "stop": {"min_block_errors": 30, "max_trials": 8},
}


def plan_of(**fields):
    return Plan(cases_of(validate({**SCENARIO, **fields}, file="bits.yaml"), None))


def play(plan, loss):
    """Carry out all rounds; `loss` gives the block errors of a task. Returns results and rounds."""
    results, rounds = {}, []
    for tasks in plan.rounds(results):
        rounds.append(tasks)
        for task in tasks:
            count = task.pictures[1]
            lost = loss(task)
            results[task.id] = Summary(
                pictures=count, delivered=count - lost, channel_outage=lost, sent=count
            )
    return results, rounds


def trials_by_point(plan, results):
    return {
        (line.series.case, line.mcs, line.series.channel.snr_db): len(line.trials)
        for line in lines(plan, results)
    }


def test_every_mcs_has_a_line_at_every_snr():
    plan = plan_of()
    found = trials_by_point(plan, play(plan, lambda task: 20)[0])
    points = [(0, "pdsch-1/5"), (0, "pdsch-1/9"), (1, "uncoded/1")]
    assert list(found) == [
        (system, mcs, snr_db)
        for of in (points[:2], points[2:])
        for snr_db in (0, 1, 2, 3, 4)
        for system, mcs in of
    ]
    assert set(found.values()) == {2}  # 40 block errors are enough


def test_points_without_errors_above_one_that_had_all_trials_get_no_more():
    plan = plan_of(systems=SCENARIO["systems"][1:])
    per_trial = {0: 20, 1: 5, 2: 1, 3: 0, 4: 0}
    results, _ = play(plan, lambda task: per_trial[task.channel.snr_db])
    counts = {snr_db: count for (*_, snr_db), count in trials_by_point(plan, results).items()}
    assert counts == {0: 2, 1: 8, 2: 8, 3: 8, 4: 1}


def test_without_a_rule_every_point_has_the_first_trials():
    plan = plan_of(stop={"trials": 3})
    results, rounds = play(plan, lambda task: 0)
    assert len(rounds) == 1
    assert set(trials_by_point(plan, results).values()) == {3}
    assert len(results) == 3 * 5 * 3 == len(list(plan.all_tasks()))


def test_tasks_meet_the_same_channel_and_have_names_of_their_own():
    plan = plan_of()
    tasks = list(plan.all_tasks())
    assert len({task.id for task in tasks}) == len(tasks) == 3 * 5 * 8
    of_a_place = {}
    for task in tasks:
        of_a_place.setdefault((task.channel.snr_db, task.trial), set()).add(task.seed)
    assert all(len(seeds) == 1 for seeds in of_a_place.values())
    assert len(set.union(*of_a_place.values())) == 5 * 8


@pytest.mark.parametrize(
    ("change", "same"),
    [({"label": "other"}, True), ({"mcs": {"indices": [5]}}, True), ({"uses": 601}, False),
     ({"blocks": 21}, False), ({"code": {"iterations": 21}}, False)],
    ids=str,
)  # fmt: skip
def test_what_changes_the_tasks(change, same):
    def ids(system):
        return {task.id for task in plan_of(systems=[system]).all_tasks() if task.point.name == "pdsch-1/5"}

    system = SCENARIO["systems"][0]
    assert (ids(system) == ids({**system, **change})) is same


def test_the_resolved_scenario_loads_again():
    scenario = validate(SCENARIO, file="bits.yaml")
    assert validate(yaml.safe_load(dump_scenario(scenario)), file="again.yaml") == scenario
    assert [figure.y for figure in scenario.figures] == ["ber", "bler"]


def command(scenario, out):
    return [sys.executable, "-m", "linksim", "run", str(scenario), "--out", str(out), "--workers", "1"]


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path):
    scenario = tmp_path / "bits.yaml"
    scenario.write_text(yaml.safe_dump(SCENARIO))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    output = subprocess.run(command(scenario, whole), check=True, capture_output=True, text=True).stdout
    assert "BLER 0.1 at" in output
    assert "from the BICM capacity" in output
    process = subprocess.Popen(
        command(scenario, broken), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if "round 2" in line:
            break
    time.sleep(0.2)
    process.kill()
    process.communicate()
    again = subprocess.run(command(scenario, broken), check=True, capture_output=True, text=True)
    assert "finished before" in again.stderr
    for name in ("results.csv", "scenario.yaml", "figures/ber_vs_snr.csv"):
        assert (whole / name).read_bytes() == (broken / name).read_bytes()
    assert not (whole / "rows.csv").exists()

    with (whole / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    for row in rows:
        assert [row[name] for name in ("cbr", "psnr_db", "ssim", "accuracy", "cbr_std")] == [""] * 5
        assert int(row["delivered"]) + int(row["channel_outage"]) == int(row["images"]) * int(row["trials"])
    curves = (whole / "figures/ber_vs_snr.csv").read_text()
    assert "\nclosed form," in curves
