"""Studies with systems of variable rate: what they ask for, their task ids, and whole runs."""

import csv
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest
import yaml

from linksim import zoo
from linksim.evaluation import complexity, usage
from linksim.evaluation.cases import cases_of
from linksim.evaluation.plan import Plan
from linksim.images import load
from linksim.phy.flops import flops
from linksim.report.curves import to_curves
from linksim.report.paired import differences
from linksim.report.table import read_results
from linksim.scenario.loader import validate

SIZES = {
    "channels": [8, 16, 32], "depths": [1, 1, 1], "window": 4, "hyper": 4, "rates": [2, 4, 8, 12, 16],
    "blocks": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def weights(make_weights, tmp_path_factory):
    """Paths of tiny weights for 32 to 256 channel uses of a picture of 32×32 px."""
    folder = tmp_path_factory.mktemp("variable")
    several = make_weights(folder / "mdjcm.weights.h5", "mdjcm", **SIZES, orders=[2, 4, 6])
    return {
        "ntscc": str(make_weights(folder / "ntscc.weights.h5", "ntscc", **SIZES)),
        "mdjcm": str(several),
        "fixed": str(make_weights(folder / "fixed.weights.h5", "deepjscc-2019", symbols=2)),
    }


@pytest.fixture
def make(make_plan, weights):
    """The plan of the small scenario with a system of variable rate and some fields replaced."""

    def make(name="ntscc", cbr="1/24", limit=6, chunk=4, **fields):
        system = {"type": "learned", "label": "learned", "weights": weights[name], **fields}
        images = {"source": "patches32", "limit": limit}
        return make_plan(systems=[system], bandwidth={"cbr": cbr}, images=images, chunk=chunk)

    return make


def ids(plan):
    return {task.id for task in plan.all_tasks()}


def test_task_ids_know_all_pictures_where_the_rate_varies(make):
    """The first four pictures are one chunk both times; only at a fixed rate its task is the same."""
    assert not ids(make(limit=6)) & ids(make(limit=8))
    assert ids(make("fixed", limit=6)) & ids(make("fixed", limit=8))


def test_task_ids_know_side_information_and_order(make):
    found = [ids(make(side_information=kind)) for kind in ("capacity", "coded", "free")]
    found += [ids(make("mdjcm", order=order)) for order in (2, 4)]
    assert len(set.union(*found)) == sum(map(len, found))
    assert ids(make()) == found[0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "mdjcm"}, "systems.0.order: missing: "),
        ({"name": "mdjcm", "order": 8}, "systems.0.order: "),
        ({"cbr": "1/11"}, "systems.0.weights: "),
        ({"name": "fixed", "side_information": "coded"}, "systems.0.side_information: "),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_before_anything_runs(fields, message, make, refusal):
    assert refusal(make, **fields).startswith(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"order": 3}, "order: 3 is no modulation order"),
        ({"order": 4, "target_ser": 0.1}, "order: excludes target_ser"),
        ({"order": 4, "boundaries": [3]}, "order: excludes boundaries"),
        ({"order": 4, "weights": {"order": {4: "zoo:a/b"}}}, "order: excludes weights by order"),
        ({"side_information": "none"}, "side_information: "),
    ],
    ids=str,
)
def test_scenarios_that_contradict_themselves_are_refused(fields, message, minimal, refusal):
    system = {"type": "learned", "weights": "zoo:a/b", **fields}
    text = refusal(validate, {**minimal, "systems": [system]}, file="a.yaml")
    assert text.startswith(f"a.yaml: systems.0.{message}")


STUDY = {
    "name": "variable",
    "images": {"source": "patches32", "limit": 12},
    "bandwidth": {"cbr": ["1/24", "1/16"]},
    "channel": {"model": "awgn", "snr_db": [0, 10]},
    "stop": {"trials": 2},
    "chunk": 5,
    "pictures": {"images": [0], "snr_db": 10},
    "figures": [{"file": "over_cbr", "x": "cbr", "y": "psnr_db"}, {"file": "over_snr", "y": "psnr_db"}],
}


@pytest.fixture(scope="module")
def runs(weights, make_weights, tmp_path_factory):
    """The folders of one study, run with one and with two workers."""
    folder = tmp_path_factory.mktemp("variable")
    wide = make_weights(folder / "wide.weights.h5", "deepjscc-2019", symbols=3)
    fixed = {"cbr": {"1/24": weights["fixed"], "1/16": str(wide)}}
    systems = [
        {"type": "learned", "label": "NTSCC", "weights": weights["ntscc"]},
        {
            "type": "learned",
            "label": "16QAM",
            "weights": weights["mdjcm"],
            "order": 4,
            "side_information": "free",
        },
        {"type": "learned", "label": "fixed", "weights": fixed},
    ]
    (folder / "study.yaml").write_text(yaml.safe_dump({**STUDY, "systems": systems}))
    for workers in (1, 2):
        words = ["run", folder / "study.yaml", "--out", folder / str(workers), "--workers", str(workers)]
        subprocess.run([sys.executable, "-m", "linksim", *words], check=True, capture_output=True)
    return folder / "1", folder / "2"


def test_two_workers_give_the_same_bytes_as_one(runs):
    one, two = runs
    names = ["results.csv", "rows.csv", *(path.relative_to(one) for path in one.glob("pictures/*"))]
    assert len(names) == 2 + 8
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_the_mean_cbr_is_the_target_and_rows_have_each_pictures_own(runs):
    rows = read_results(runs[0] / "results.csv")
    for row in rows:
        target = 1 / 24 if row["sweep.bandwidth.cbr"] == "1/24" else 1 / 16
        assert abs(row["cbr"] / target - 1) < 0.01
        assert (row["cbr_std"] > 0) == (row["system"] != "fixed")
    own = defaultdict(list)
    with (runs[0] / "rows.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert abs(float(row["cbr"]) - float(row["channel_uses"]) / 3072) < 1e-4
            own[row["system"], row["snr_db"], row["sweep.bandwidth.cbr"]].append(float(row["cbr"]))
    assert len(own) == len(rows) == 12
    for row in rows:
        mine = own[row["system"], f"{row['snr_db']:.4f}", row["sweep.bandwidth.cbr"]]
        assert len(mine) == 24
        assert row["cbr"] == pytest.approx(np.mean(mine), abs=1e-4)
        assert row["cbr_std"] == pytest.approx(np.std(mine), abs=1e-4)


def test_curves_run_along_the_snr_at_each_target_and_along_the_cbr(runs):
    rows = read_results(runs[0] / "results.csv")
    labels = {curve.label: len(curve.rows) for curve in to_curves(rows)}
    assert labels == {
        f"{system}, CBR {cbr}": 2 for system in ("NTSCC", "16QAM", "fixed") for cbr in ("1/24", "1/16")
    }
    labels = [(curve.label, len(curve.rows)) for curve in to_curves(rows, "cbr")]
    assert labels == [
        (f"{system}, SNR {snr_db} dB", 2) for system in ("NTSCC", "16QAM", "fixed") for snr_db in (0, 10)
    ]
    assert {path.stem for path in (runs[0] / "figures").glob("*.png")} >= {"over_cbr", "over_snr"}


def test_systems_of_variable_and_fixed_rate_are_compared_picture_by_picture(runs):
    found = differences(runs[0], "fixed")
    assert [(each.system, each.cbr, each.snr_db, each.pictures) for each in found] == [
        (system, cbr, snr_db, 12)
        for system in ("NTSCC", "16QAM")
        for cbr in (0.0417, 0.0625)
        for snr_db in (0.0, 10.0)
    ]


def test_what_is_sent_is_counted_at_a_mean_rate(weights):
    """At 1/16, the mean of 128 pictures of 3072 samples: 24576 symbols."""
    (analogue,) = usage.measure(zoo.find(weights["ntscc"]))
    assert abs(analogue.symbols / 24576 - 1) < 0.02
    assert analogue.order is None
    assert abs(analogue.energy_db) < 0.01  # every picture's symbols have unit mean energy
    found = usage.measure(zoo.find(weights["mdjcm"]))
    assert [each.order for each in found] == [4, 16, 64]
    assert len({each.symbols for each in found}) == 1


def test_weights_of_variable_rate_have_a_cost(weights):
    measured = complexity.measure(zoo.find(weights["mdjcm"]))
    assert [order.order for order in measured.orders] == [4, 16, 64]
    for order in measured.orders:
        assert min(order.encoder, order.decoder) > 1e6
        assert order.inner_encoder is order.inner_decoder is None
    codec = zoo.load(zoo.find(weights["mdjcm"]))
    hyper = flops(codec.self_information, (1, 32, 32, 3)).total
    assert measured.orders[0].encoder > hyper  # what chooses the rates belongs to it


def test_source_coders_send_nothing(make_weights, tmp_path, refusal):
    sizes = {name: SIZES[name] for name in ("channels", "depths", "window", "hyper")}
    found = zoo.find(str(make_weights(tmp_path / "a.weights.h5", "source-coder", **sizes)))
    assert "codes pictures and sends nothing" in refusal(usage.measure, found)


def test_source_coders_have_a_cost(weights, make_weights, tmp_path):
    """Its encoder is what chooses the rates of an mdjcm of the same sizes."""
    sizes = {name: SIZES[name] for name in ("channels", "depths", "window", "hyper")}
    path = make_weights(tmp_path / "a.weights.h5", "source-coder", **sizes)
    (cost,) = complexity.measure(zoo.find(str(path))).orders
    codec = zoo.load(zoo.find(weights["mdjcm"]))
    assert (cost.order, cost.inner_encoder, cost.inner_decoder) == (0, None, None)
    assert cost.encoder == pytest.approx(flops(codec.self_information, (1, 32, 32, 3)).total, rel=0.01)
    assert 0.5 < cost.decoder / cost.encoder < 1


def test_pictures_of_several_sizes_share_the_bandwidth(weights, tmp_path):
    """The mean CBR counts every picture alike, whatever its size."""
    from linksim.evaluation.executors import InProcess
    from linksim.evaluation.work import Worker
    from linksim.images.picture import Picture, PictureSet

    scenario = validate(
        {
            "name": "sizes",
            "images": {"source": "patches32"},
            "bandwidth": {"cbr": "1/24"},
            "channel": {"model": "rayleigh_block", "snr_db": 10},
            "systems": [{"type": "learned", "weights": weights["ntscc"], "side_information": "coded"}],
        },
        file="a.yaml",
    )
    patches = load(scenario.images).pictures
    cut = [picture.pixels[: 32 - 7 * (i % 3)] for i, picture in enumerate(patches[:9])]
    pictures = PictureSet(tuple(Picture(str(i), pixels) for i, pixels in enumerate(cut)))
    plan = Plan(cases_of(scenario, pictures))
    (tasks,) = plan.rounds({})
    cbrs = [row.cbr for _, result in InProcess(Worker(plan.cases)).run(tasks) for row in result.rows]
    assert len(cbrs) == 9
    assert abs(np.mean(cbrs) * 24 - 1) < 0.02
