"""Accuracy: labelled pictures over real links, with a classifier of which everything is known."""

import csv
import hashlib
import shutil
import struct
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from keras import ops

from linksim import images, systems, zoo
from linksim.evaluation.cases import cases_of, resolve
from linksim.evaluation.executors import InProcess
from linksim.evaluation.plan import Plan
from linksim.evaluation.provenance import describe_session
from linksim.evaluation.store import Store
from linksim.evaluation.study import run_study
from linksim.evaluation.summary import Summary, summarise
from linksim.evaluation.work import Row, Worker
from linksim.images.picture import Picture, PictureSet
from linksim.phy.link import Link
from linksim.report.curves import to_curves
from linksim.report.figure import draw
from linksim.report.paired import differences
from linksim.report.table import read_results
from linksim.scenario.loader import validate
from linksim.systems.separated import Separated

COUNT = 12
LEVELS = 15 + 20 * (np.arange(COUNT) % 10)
WRONG = 3
"""The first pictures have the label of the next grey."""


def brightness(pictures):
    """Logits of a network that names the level of grey; the padding makes a picture darker."""
    mean = 255 * (32 / 28) ** 2 * ops.mean(pictures, axis=(1, 2, 3))[:, None]
    return -ops.abs(mean - ops.convert_to_tensor([[15.0 + 20 * c for c in range(10)]], "float32"))


@pytest.fixture(scope="module")
def weights(make_weights, tmp_path_factory):
    """Weights of an untrained picture classifier."""
    path = tmp_path_factory.mktemp("classifier") / "tiny.weights.h5"
    return make_weights(path, "picture-classifier", channels=[2], classes=10)


@pytest.fixture(scope="module")
def fashion(tmp_path_factory):
    """Twelve grey squares as Fashion-MNIST, their class the level; the first three are labelled wrong."""
    folder = tmp_path_factory.mktemp("fashion")
    pixels = np.broadcast_to(LEVELS[:, None, None], (COUNT, 28, 28)).astype(np.uint8)
    labels = (np.arange(COUNT) + (np.arange(COUNT) < WRONG)).astype(np.uint8) % 10
    for name, array in (("images-idx3", pixels), ("labels-idx1", labels)):
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / f"t10k-{name}-ubyte").write_bytes(header + array.tobytes())
    return {"source": "fashion_mnist", "path": str(folder)}


@pytest.fixture
def planned(fashion):
    """The plan of a study of the grey squares with some fields replaced, and its pictures."""

    def make(chosen, **fields):
        study = {
            "name": "classes",
            "images": fashion,
            "bandwidth": {"cbr": "1/6"},
            "channel": {"model": "awgn", "snr_db": [-20, 20]},
            "systems": chosen,
            "metrics": ["psnr"],
            "chunk": 5,
            "figures": [],
        }
        scenario = validate({**study, **fields}, file="classes.yaml")
        pictures = images.load(scenario.images)
        return Plan(cases_of(scenario, pictures)), pictures

    return make


@pytest.fixture
def known_network(monkeypatch):
    """Every classifier's network is `brightness`."""
    load = zoo.load
    monkeypatch.setattr(
        zoo, "load", lambda found: brightness if found.card.model == "picture-classifier" else load(found)
    )


@pytest.fixture
def run(planned, known_network, tmp_path):
    """Runs a study in this process; returns its folder."""

    def run(chosen, **fields):
        plan, _ = planned(chosen, **fields)
        store = Store(tmp_path)
        silent = SimpleNamespace(round=lambda *_: None, task=lambda: None)
        run_study(
            plan, "", store, tmp_path, 1, silent,
            start=lambda _, cases: InProcess(Worker(cases)),
        )  # fmt: skip
        store.close()
        return tmp_path

    return run


def chain(weights, label="chain", **fields):
    classifier = {} if weights is None else {"classifier": {"weights": str(weights)}}
    mcs = {"policy": "fixed", "index": 14}
    return {"type": "separated", "label": label, "mcs": mcs, **classifier, **fields}


def rows_of(folder):
    with (folder / "rows.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_chain_is_as_right_as_its_classifier_and_wrong_where_the_fallback_is_shown(run, weights, tmp_path):
    """Wilson by hand for 9 of 12 and for 0 of 12: z² = 3.8415, (0.75 + 0.16006 ± 0.29265)/1.32012."""
    folder = run([chain(weights), chain(None, label="silent")])
    lost, arrived, *silent = read_results(folder / "results.csv")
    assert (lost["channel_outage"], arrived["delivered"]) == (COUNT, COUNT)
    found = [[row[f"accuracy{end}"] for end in ("", "_lo", "_hi")] for row in (lost, arrived)]
    assert found == [[0, 0, 0.2425], [0.75, 0.4677, 0.9111]]
    assert all(row["accuracy"] is row["accuracy_lo"] is row["accuracy_hi"] is None for row in silent)
    correct = {(row["system"], float(row["snr_db"])): [] for row in rows_of(folder)}
    for row in rows_of(folder):
        correct[row["system"], float(row["snr_db"])].append(row["correct"])
    assert correct["chain", 20] == ["0.0000"] * WRONG + ["1.0000"] * (COUNT - WRONG)
    assert correct["chain", -20] == ["0.0000"] * COUNT
    assert set(correct["silent", 20]) == {""}
    curves = to_curves(read_results(folder / "results.csv"))
    *_, table = draw(curves, "snr_db", "accuracy", tmp_path / "accuracy")
    with table.open(newline="") as file:
        shown = [(row["snr_db"], row["accuracy"], row["accuracy_hi"]) for row in csv.DictReader(file)]
    assert shown == [("-20.0", "0.0", "0.2425"), ("20.0", "0.75", "0.9111")]


def test_a_picture_that_no_file_fits_is_wrong(run, weights):
    folder = run([chain(weights)], bandwidth={"cbr": "1/1000"})
    for row in read_results(folder / "results.csv"):
        assert (row["codec_infeasible"], row["accuracy"]) == (COUNT, 0)


def test_trials_count_as_more_pictures(run, weights):
    """Wilson by hand for 18 of 24."""
    folder = run([chain(weights)], channel={"model": "awgn", "snr_db": 20}, stop={"trials": 2})
    (row,) = read_results(folder / "results.csv")
    assert [row["accuracy"], row["accuracy_lo"], row["accuracy_hi"]] == [0.75, 0.551, 0.88]


def test_the_bound_is_right_in_expectation(run, planned, weights):
    """A class that is named counts with the probability that the picture arrives."""
    channel = {"model": "rayleigh_block", "snr_db": 6}
    bound = {"type": "capacity_bound", "classifier": {"weights": str(weights)}}
    folder = run([bound, chain(weights)], channel=channel)
    line, _ = read_results(folder / "results.csv")
    plan, pictures = planned([bound], channel=channel)
    system = systems.create(plan.scenario.systems[0])
    reception = system.transmit(
        np.stack([picture.pixels for picture in pictures.pictures]),
        Link("rayleigh_block", 6.0),
        next(plan.series()).points[0],
        seed=0,
    )
    arrives = 1 - reception.outage_probability
    assert ((arrives > 0.2) & (arrives < 1)).all()
    named = [float(row["correct"]) for row in rows_of(folder) if row["system"] == "capacity bound"]
    np.testing.assert_allclose(named, [0] * WRONG + list(arrives[WRONG:]), atol=5.1e-5)
    assert line["accuracy"] == pytest.approx(arrives[WRONG:].sum() / COUNT, abs=1e-4)
    assert line["accuracy_lo"] < line["accuracy"] < line["accuracy_hi"]
    (difference,) = differences(folder, "capacity bound", "accuracy")
    chains = [float(row["correct"]) for row in rows_of(folder) if row["system"] == "chain"]
    assert difference.mean == pytest.approx(np.mean(chains) - np.mean(named), abs=1e-4)


def test_a_learned_system_takes_a_classifier_too(planned, known_network, weights, tiny_weights):
    """The class of what it shows is the nearest level, by numpy."""
    learned = {"type": "learned", "weights": str(tiny_weights), "classifier": {"weights": str(weights)}}
    plan, pictures = planned([learned])
    (task, *_) = next(plan.rounds({}))
    result = Worker(plan.cases).execute(task, keep_pictures=True)
    levels = result.pictures.mean(axis=(1, 2, 3)) * (32 / 28) ** 2
    classes = np.clip(np.rint((levels - 15) / 20), 0, 9)
    labels = [picture.label for picture in pictures.pictures[: task.pictures[1]]]
    assert [row.correct for row in result.rows] == (classes == labels).astype(float).tolist()


def test_a_classifier_has_the_last_word(run, weights, monkeypatch):
    """Chains that call everything 4, the label of one picture."""
    transmit = Separated.transmit
    monkeypatch.setattr(
        Separated,
        "transmit",
        lambda self, images, *rest: replace(transmit(self, images, *rest), classes=np.full(len(images), 4)),
    )
    folder = run([chain(None), chain(weights, "classified")], channel={"model": "awgn", "snr_db": 20})
    alone, classified = read_results(folder / "results.csv")
    assert (alone["accuracy"], classified["accuracy"]) == (pytest.approx(1 / COUNT, abs=5e-5), 0.75)


def test_without_labels_there_is_no_accuracy(run, weights):
    folder = run([chain(weights)], images={"source": "patches32", "limit": 2})
    assert all(row["accuracy"] is row["accuracy_lo"] is None for row in read_results(folder / "results.csv"))
    assert {row["correct"] for row in rows_of(folder)} == {""}


def test_sums_of_classes_keep_what_was_classified_apart():
    row = Row(0, "delivered", "", 30.0, None, None, 0.75, 1.0, 1.0, 1.0, 1.0, 0, 0, 0, 0)
    total = summarise([row, row._replace(correct=0.0), row._replace(correct=None)])
    assert (total.pictures, total.correct, total.classified) == (3, 0.75, 2)
    assert Summary.from_json(total.to_json()) == total
    assert (total + total).correct == 1.5


def ids(plan):
    return {task.id for task in plan.all_tasks()}


def test_task_ids_follow_the_classifiers_weights_and_the_labels(planned, make_weights, weights, tmp_path):
    before = ids(planned([chain(weights)])[0])
    shutil.copy(zoo.weights.card_path(weights), tmp_path / "copy.json")
    copy = shutil.copy(weights, tmp_path / "copy.weights.h5")
    other = make_weights(tmp_path / "other.weights.h5", "picture-classifier", channels=[3], classes=10)
    assert ids(planned([chain(copy)])[0]) == before
    assert not ids(planned([chain(other)])[0]) & before
    assert not ids(planned([chain(None)])[0]) & before
    plan, pictures = planned([chain(weights)])
    relabelled = [Picture(picture.name, picture.pixels, 0) for picture in pictures.pictures]
    found = ids(Plan(cases_of(plan.scenario, PictureSet(tuple(relabelled)))))
    assert not found & before


def test_provenance_names_the_classifier(planned, weights):
    plan, _ = planned([chain(weights)])
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert describe_session(plan)["weights"] == {str(weights): digest}


def test_weights_of_no_classifier_are_refused_before_anything_runs(planned, tiny_weights, refusal):
    problem, mend = refusal(planned, [chain(None, label="a"), chain(tiny_weights)]).splitlines()
    assert problem.startswith("systems.1.classifier.weights: ")
    assert problem.endswith("holds weights of a deepjscc-q")
    assert "picture-classifier" in mend


def test_classifiers_take_colour(planned, weights, refusal):
    plan, _ = planned([chain(None, label="a"), chain(weights)])
    grey = PictureSet((Picture("grey.png", np.zeros((32, 32, 1), np.uint8), 3),))
    text = refusal(resolve, plan.scenario, grey)
    assert text.startswith("systems.1.classifier: grey.png is grey")


def test_an_accuracy_of_unlabelled_pictures_is_refused(planned, weights, refusal):
    figures = [{"y": "psnr_db", "file": "a"}, {"y": "accuracy", "file": "b"}]
    planned([chain(weights)], figures=figures)
    text = refusal(planned, [chain(weights)], figures=figures, images={"source": "photos"})
    assert text.startswith("figures.1.y: the pictures of photos have no labels")
    assert "fashion_mnist" in text.splitlines()[1]


def test_weights_for_pictures_of_one_size_refuse_others(planned, make_weights, tmp_path, refusal):
    sizes = {"channels": [2, 2, 2, 2], "symbols": 512, "spine": 2, "classes": 10}
    path = make_weights(tmp_path / "jcm.weights.h5", "jcm-analog", **sizes)
    learned = [{"type": "learned", "weights": str(path)}]
    planned(learned)
    problem, mend = refusal(planned, learned, images={"source": "photos", "limit": 1}).splitlines()
    assert problem.startswith(f"systems.0.weights: {path} takes 32×32 px, and astronaut")
    assert problem.endswith("has 512×512")
    assert "images.crop to [32, 32]" in mend
    planned(learned, images={"source": "photos", "limit": 1, "crop": [32, 32]})
