"""Runs of sweeps: the rows of a sweep are those of the plain runs that it stands for."""

import csv
from types import SimpleNamespace

import pytest

from linksim.evaluation.cases import cases_of, cases_of_sweep
from linksim.evaluation.executors import InProcess
from linksim.evaluation.plan import Plan
from linksim.evaluation.points import columns
from linksim.evaluation.store import Store
from linksim.evaluation.study import run_study
from linksim.evaluation.work import Worker
from linksim.images import load
from linksim.report.curves import to_curves
from linksim.report.paired import differences
from linksim.report.table import by_sweep, read_results
from linksim.scenario.loader import validate
from linksim.scenario.sweep import expand, load_sweep

BPG = {"type": "separated", "label": "BPG", "codec": {"name": "jpeg"}, "mcs": {"indices": [0, 4]}}
STUDY = {
    "name": "sweep",
    "seed": 3,
    "images": {"source": "patches32", "limit": 3},
    "bandwidth": {"cbr": 1},
    "channel": {"model": ["awgn", "rayleigh_fast"], "snr_db": [0, 6]},
    "systems": [
        {**BPG, "code": {"iterations": [4, 20]}},
        {"type": "capacity_bound", "label": "bound", "codec": {"name": "jpeg"}},
    ],
    "metrics": ["psnr"],
    "pictures": {"images": [1], "snr_db": 6},
    "figures": [
        {"y": "psnr_db", "file": "psnr_vs_snr"},
        {"x": "sweep.systems.0.code.iterations", "y": "psnr_db", "file": "psnr_vs_iterations"},
    ],
}


def plain(model, iterations):
    """One of the studies that the sweep stands for."""
    systems = [{**BPG, "code": {"iterations": iterations}}, STUDY["systems"][1]]
    figures = STUDY["figures"][:1]
    return {**STUDY, "channel": {**STUDY["channel"], "model": model}, "systems": systems, "figures": figures}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a study in this process; returns its folder."""

    def carry_out(study):
        sweep, folder = expand(study, file="sweep.yaml"), tmp_path_factory.mktemp("run")
        cases, resolved = cases_of_sweep(sweep)
        store, silent = Store(folder), SimpleNamespace(round=lambda *_: None, task=lambda: None)
        run_study(
            Plan(cases), sweep.dump(resolved), store, folder, 1, silent,
            start=lambda _, cases: InProcess(Worker(cases)),
        )  # fmt: skip
        store.close()
        return folder

    return carry_out


@pytest.fixture(scope="module")
def folder(run):
    return run(STUDY)


def test_the_rows_of_a_sweep_are_those_of_the_plain_runs(run, folder):
    swept = read_results(folder / "results.csv")
    for model, iterations in (("awgn", 4), ("rayleigh_fast", 20)):
        alone = read_results(run(plain(model, iterations)) / "results.csv")
        of_sweep = [
            {column: value for column, value in row.items() if not column.startswith("sweep.")}
            for row in swept
            if row["channel"] == model and row["sweep.systems.0.code.iterations"] in (None, iterations)
        ]
        assert of_sweep == alone


def test_a_system_without_swept_fields_has_one_line_a_point(folder):
    rows = [row for row in read_results(folder / "results.csv") if row["system"] == "bound"]
    assert [(row["sweep.channel.model"], row["snr_db"]) for row in rows] == [
        ("awgn", 0.0), ("awgn", 6.0), ("rayleigh_fast", 0.0), ("rayleigh_fast", 6.0),
    ]  # fmt: skip
    assert {row["sweep.systems.0.code.iterations"] for row in rows} == {None}


def test_the_resolved_sweep_asks_for_the_same_tasks(folder):
    def tasks(sweep):
        return [(task.id, task.case) for task in Plan(cases_of_sweep(sweep)[0]).all_tasks()]

    assert tasks(load_sweep(folder / "scenario.yaml")) == tasks(expand(STUDY, file="sweep.yaml"))


def test_figures_and_kept_pictures_tell_the_swept_values(folder):
    names = {curve.label for curve in to_curves(read_results(folder / "results.csv")) if curve.role == "main"}
    assert "BPG, fast Rayleigh fading, iterations 20" in names  # and not the channel twice
    along = to_curves(read_results(folder / "results.csv"), "sweep.systems.0.code.iterations")
    shown = {
        curve.label: [row["sweep.systems.0.code.iterations"] for row in curve.rows]
        for curve in along
        if curve.role == "main"
    }
    assert shown["BPG, AWGN, SNR 6 dB"] == [4, 20]
    with (folder / "pictures/index.csv").open(newline="") as file:
        kept = [row["system"] for row in csv.DictReader(file)]
    assert len(kept) == len(set(kept)) == 6
    assert "BPG, rayleigh_fast, iterations 20" in kept
    assert "bound, awgn" in kept


def test_rows_are_described_by_swept_values(folder):
    groups = by_sweep(read_results(folder / "results.csv"))
    assert [heading for heading, _ in groups] == [
        "awgn, iterations 4", "awgn, iterations 20", "rayleigh_fast, iterations 4",
        "rayleigh_fast, iterations 20",
    ]  # fmt: skip
    assert all({row["system"] for row in rows} == {"BPG", "bound"} for _, rows in groups)


def test_systems_are_paired_at_their_own_swept_values(folder):
    found = differences(folder, "bound")
    assert [(each.system, each.base) for each in found if each.snr_db == 6] == [
        (f"BPG, {model}, iterations {iterations}", f"bound, {model}")
        for model in ("awgn", "rayleigh_fast")
        for iterations in (4, 20)
    ]
    assert all(each.mean <= 0 for each in found)


def test_swept_pictures_are_the_pictures_of_each_case():
    data = {**STUDY, "images": {"source": "photos", "crop": [[16, 16], [24, 32]], "limit": 2}}
    del data["pictures"]
    cases, resolved = cases_of_sweep(expand(data, file="sweep.yaml"))
    assert [case.sent[0].shape for case in cases if case.system == 1] == [(16, 16, 3)] * 2 + [(24, 32, 3)] * 2
    assert len({id(case.pictures) for case in cases}) == 2  # loaded once each
    assert columns(Plan(cases))[-3:] == (
        "sweep.images.crop", "sweep.channel.model", "sweep.systems.0.code.iterations",
    )  # fmt: skip
    assert {scenario.chunk for scenario in resolved} == {2}


def test_members_that_send_the_same_share_their_tasks():
    """A sweep of the policy decodes nothing twice, and its tasks are those of plain scenarios."""
    mcs = {"indices": [0, 4], "decode": "all", "policy": ["envelope", "threshold"]}
    data = {**plain("awgn", 20), "systems": [{**BPG, "mcs": mcs}]}
    cases, _ = cases_of_sweep(expand(data, file="sweep.yaml"))
    swept = {task.id for task in Plan(cases).all_tasks()}
    separate = set()
    for policy in ("envelope", "threshold"):
        alone = validate({**data, "systems": [{**BPG, "mcs": {**mcs, "policy": policy}}]}, file="plain.yaml")
        separate |= {task.id for task in Plan(cases_of(alone, load(alone.images))).all_tasks()}
    assert swept == separate
