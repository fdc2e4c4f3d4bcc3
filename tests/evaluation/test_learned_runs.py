"""Studies with learned systems: their plan, their task ids, and whole runs with any number of workers."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from linksim import zoo
from linksim.evaluation.cases import resolve
from linksim.evaluation.plan import Plan
from linksim.evaluation.summary import Summary
from linksim.images.picture import Picture, PictureSet
from linksim.report.curves import BOUND, MAIN, to_curves
from linksim.report.table import read_results
from linksim.scenario.loader import dump_scenario, validate


@pytest.fixture
def make(make_plan, tiny_weights):
    """The plan of the small scenario with a learned system and some fields replaced."""

    def make(weights=tiny_weights, stop=None, cbr="1/6", **fields):
        system = {"type": "learned", "label": "learned", "weights": weights, **fields}
        system["weights"] = str(weights) if isinstance(weights, Path) else weights
        return make_plan(systems=[system], bandwidth={"cbr": cbr}, stop=stop or {})

    return make


def ids(plan):
    return {task.id for task in plan.all_tasks()}


def test_block_errors_are_not_waited_for(make):
    plan, results, rounds = make(stop={"trials": 2, "max_trials": 64, "min_block_errors": 10}), {}, 0
    for tasks in plan.rounds(results):
        rounds += 1
        for task in tasks:
            count = task.pictures[1] - task.pictures[0]
            results[task.id] = Summary(pictures=count, delivered=count, psnr_db=30.0 * count)
    assert rounds == 1
    assert len(results) == 2 * 2 * 2  # SNRs, chunks, trials


def test_trials_go_on_until_the_mean_is_known(make):
    plan, results = make(stop={"trials": 2, "max_trials": 8, "psnr_halfwidth_db": 0.1}), {}
    for tasks in plan.rounds(results):
        for task in tasks:
            count = task.pictures[1] - task.pictures[0]
            value = 30 + task.trial % 2  # 1 dB from trial to trial
            results[task.id] = Summary(pictures=count, delivered=count, psnr_db=value * count)
    assert {task.trial for task in plan.all_tasks() if task.id in results} == set(range(8))


def test_task_ids_follow_the_weights_not_the_label(make, tiny_weights, make_weights, tmp_path):
    before = ids(make())
    assert ids(make(label="another")) == before
    assert ids(make(model="deepjscc-q")) == before
    assert ids(make(equaliser="zf")) == before
    assert not ids(make(equaliser="mmse")) & before
    path = tmp_path / "tiny.weights.h5"
    shutil.copy(zoo.weights.card_path(tiny_weights), tmp_path / "tiny.json")
    shutil.copy(tiny_weights, path)
    copied = ids(make(weights=path))
    codec = zoo.load(zoo.find(str(path)))
    codec.gain.assign(0.5)
    zoo.save(codec, zoo.find(str(path)).card.model_dump(mode="json"), path)
    assert not ids(make(weights=path)) & copied


def test_task_ids_know_the_version_of_keras(make, monkeypatch):
    from linksim.evaluation import tasks

    before = ids(make())
    monkeypatch.setattr(tasks, "version", lambda name: "0" if name == "keras" else "1")
    tasks.software.cache_clear()
    first = ids(make())
    monkeypatch.setattr(tasks, "version", lambda name: "1")
    tasks.software.cache_clear()
    second = ids(make())
    tasks.software.cache_clear()
    assert not before & first
    assert not first & second


def test_tasks_of_one_network_go_to_one_worker(make, tiny_weights, make_weights, tmp_path):
    high = make_weights(tmp_path / "b.weights.h5", "deepjscc-2019", symbols=8)
    plan = make(weights={"snr_db": {0: str(tiny_weights), 6: str(high)}})
    assert len({task.kinship for task in plan.all_tasks()}) == 2 * 2  # networks, chunks


@pytest.mark.parametrize(
    ("fields", "field", "mend"),
    [
        ({"cbr": "1/12"}, "systems.0.weights: ", "set bandwidth.cbr to 1/6"),
        ({"cbr": ["1/6", "1/12"]}, "systems.0.weights: ", "set bandwidth.cbr to 1/6"),
        ({"model": "deepjscc"}, "systems.0.model: ", "write deepjscc-q"),
        ({"weights": "zoo:deepjscc-q/none"}, "systems.0.weights: ", "linksim models"),
        ({"weights": "none.weights.h5"}, "systems.0.weights: ", "check the path"),
        ({"weights": {"cbr": {"1/12": "zoo:a/b"}}}, "systems.0.weights.cbr: ", "add `1/6: REFERENCE`"),
    ],
    ids=str,
)
def test_weights_that_do_not_fit_are_refused_before_anything_runs(fields, field, mend, make, refusal):
    text = refusal(make, **fields)
    assert text.startswith(field)
    assert mend in text.splitlines()[1]


def test_damaged_weights_are_refused_before_anything_runs(make, tiny_weights, tmp_path, refusal):
    shutil.copy(zoo.weights.card_path(tiny_weights), tmp_path / "a.json")
    (tmp_path / "a.weights.h5").write_bytes(tiny_weights.read_bytes()[:1000])
    text = refusal(make, weights=tmp_path / "a.weights.h5")
    assert text.startswith(f"systems.0.weights: {tmp_path}/a.weights.h5: truncated, changed")


def test_grey_pictures_are_refused_before_anything_runs(make, refusal):
    scenario = make().scenario
    grey = PictureSet((Picture("grey.png", np.zeros((32, 32, 1), np.uint8)),))
    text = refusal(resolve, scenario, grey)
    assert text.startswith("systems.0: grey.png is grey")


def test_a_resolved_scenario_reads_back(minimal):
    for weights in (
        "zoo:deepjscc-q/a",
        {"snr_db": {4: "zoo:deepjscc-q/a", 10.5: "zoo:deepjscc-q/b"}},
        {"cbr": {"1/48": "zoo:deepjscc-q/a", 0.5: "b/c.weights.h5"}},
    ):
        scenario = validate({**minimal, "systems": [{"type": "learned", "weights": weights}]}, file="a")
        assert scenario.systems[0].label == "deepjscc-q/a"
        text = dump_scenario(scenario)
        assert validate(yaml.safe_load(text), file="b") == scenario


@pytest.mark.parametrize(
    ("weights", "field"),
    [
        ("deepjscc-q", "weights: 'deepjscc-q' names no weights"),
        (4, "weights: 4 is not allowed"),
        ({}, "weights.snr_db: missing"),
        ({"snr": {}}, "weights.snr: unknown key"),
        ({"snr_db": {}}, "weights.snr_db: {} is not allowed"),
        ({"snr_db": {"low": "zoo:a/b"}}, "weights.snr_db.low: 'low' is not allowed"),
        ({"snr_db": {4: "a"}}, "weights.snr_db.4: 'a' names no weights"),
        ({"snr_db": {4: "zoo:a/b", "4": "zoo:a/c"}}, "weights.snr_db: two keys mean the same"),
        ({"cbr": {"x": "zoo:a/b"}}, "weights.cbr.x: 'x' is neither"),
        ({"cbr": {"1/6": "zoo:a/b"}, "snr_db": {4: "zoo:a/b"}}, "weights.cbr: excludes snr_db"),
    ],
    ids=str,
)
def test_what_names_no_weights_is_refused(weights, field, minimal, refusal):
    fields = {**minimal, "systems": [{"type": "learned", "weights": weights}]}
    assert refusal(validate, fields, file="a.yaml").startswith(f"a.yaml: systems.0.{field}")


def test_the_driving_process_imports_no_network_library(make, tmp_path):
    scenario = tmp_path / "a.yaml"
    scenario.write_text(dump_scenario(make().scenario))
    code = (
        "import sys; from linksim.cli import _plan; list(_plan(sys.argv[1], None)[1].all_tasks()); "
        "print({'tensorflow', 'keras', 'h5py', 'sionna'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(scenario)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.fixture(scope="module")
def runs(tiny_weights, make_weights, tmp_path_factory):
    """The folders of one study, run with one and with two workers."""
    folder = tmp_path_factory.mktemp("learned")
    high = make_weights(folder / "high.weights.h5", "deepjscc-2019", symbols=8)
    study = {
        "name": "learned",
        "images": {"source": "patches32", "limit": 6},
        "bandwidth": {"cbr": "1/6"},
        "channel": {"model": "rayleigh_fast", "snr_db": [0, 10]},
        "systems": [
            {"type": "learned", "label": "16QAM", "weights": str(tiny_weights)},
            {"type": "learned", "label": "two", "weights": {"snr_db": {0: str(tiny_weights), 10: str(high)}}},
            {"type": "capacity_bound", "label": "bound", "codec": {"name": "jpeg2000"}},
        ],
        "stop": {"trials": 2},
        "chunk": 4,
        "pictures": {"images": [0], "snr_db": 10},
        "figures": [],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    for workers in (1, 2):
        words = ["run", folder / "study.yaml", "--out", folder / str(workers), "--workers", str(workers)]
        subprocess.run([sys.executable, "-m", "linksim", *words], check=True, capture_output=True)
    return folder / "1", folder / "2"


def test_two_workers_give_the_same_bytes_as_one(runs):
    one, two = runs
    names = ["results.csv", "rows.csv", *(path.relative_to(one) for path in one.glob("pictures/*"))]
    assert len(names) == 2 + 5
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_a_learned_system_is_one_curve_under_its_label(runs, tiny_weights):
    rows = read_results(runs[0] / "results.csv")
    curves = to_curves(rows)
    assert [(curve.label, curve.role) for curve in curves] == [
        ("16QAM", MAIN),
        ("two", MAIN),
        ("bound", BOUND),
    ]
    assert [len(curve.rows) for curve in curves] == [2, 2, 2]
    digital, two, _ = (curve.rows for curve in curves)
    assert all(row["mcs"] == f"weights:{tiny_weights}".removesuffix(".weights.h5") for row in digital)
    assert [row["modulation_order"] for row in two] == [4, None]
    for row in digital:
        assert row["ser"] > 0
        assert row["bler"] is row["ber"] is row["code_rate"] is None
        assert (row["channel_uses"], row["delivered"], row["trials"]) == (512, 12, 2)


def test_provenance_names_the_weights(runs, tiny_weights):
    import json

    (session,) = json.loads((runs[0] / "provenance.json").read_text())["sessions"]
    assert session["weights"][str(tiny_weights)] == zoo.find(str(tiny_weights)).digest
    assert len(session["weights"]) == 2


def test_a_plan_of_learned_systems_can_be_estimated(make):
    from linksim.evaluation.estimate import estimate

    plan = make()
    assert isinstance(plan, Plan)
    cost = estimate(plan)
    assert (cost.first_round, cost.upper_bound) == (4, 4)
    assert cost.first_round_seconds > 0
