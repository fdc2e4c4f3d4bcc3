"""Training what names classes: JCM's loss by hand, what a training leaves, repeats and freezes, refusals."""

import csv
import json
import os
import subprocess
import sys
from fractions import Fraction

import keras
import numpy as np
import pytest

import linksim.phy  # noqa: F401  starts TensorFlow quietly
from linksim import jscc, zoo
from linksim.jscc.codec import Rehearsal
from linksim.training import checkpoint, loop, trainee
from linksim.training.loop import recipe_digest, train
from linksim.training.recipe import load_recipe
from linksim.training.trainee import Trainee
from tests.training.conftest import KILLED

CLASSIFIER = {"name": "picture-classifier", "channels": [6, 6]}

PATCHES = {"side": 32, "rescale": [1, 1], "count": 64}

BENCHMARKS = ("jcm-analog", "jcm-uniform-8bit", "jcm-nn-1bit")


@pytest.fixture
def classifier(labelled):
    """The data of a recipe for a classifier; each test gets its own."""
    del labelled["channel"]
    return {**labelled, "model": dict(CLASSIFIER)}


def trainee_of(recipe, rehearse):
    """A trainee whose codec rehearses as told: pictures → rehearsal."""
    codec = jscc.create(recipe.model.name, **recipe.model.model_dump(exclude={"name"}))
    codec.rehearse = lambda images, *others: rehearse(images)
    return Trainee(codec, None, recipe, recipe.phases[0])


LOGITS = np.array([[2.0, -1, 0.5], [0, 0, 0], [-3, 4, 1], [1, 1.5, -2]], np.float32)
LABELS = np.array([0, 2, 2, 0], np.int32)
#: −ln of the softmax at the labels, in nats: 0.241, 1.099, 3.050 and 0.993, of mean 1.3455.
ENTROPY = np.mean(
    [
        np.log(np.exp(2) + np.exp(-1) + np.exp(0.5)) - 2,
        np.log(3),
        np.log(np.exp(-3) + np.exp(4) + np.exp(1)) - 1,
        np.log(np.exp(1) + np.exp(1.5) + np.exp(-2)) - 1,
    ]
)
#: Errors of the four received pictures on [−1, 1].
ERRORS = np.array([0.1, 0.2, 0.0, 0.4], np.float32)


@pytest.fixture
def told():
    """Loss and metrics of a trainee whose rehearsal ends with those logits and errors."""

    def made(recipe):
        def rehearse(images):
            return Rehearsal(images + ERRORS[:, None, None, None] / 2, {"divergence": 0.0}, LOGITS)

        trained = trainee_of(recipe, rehearse)
        tiles = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
        loss = float(trained.compute_loss(y=LABELS, y_pred=trained(tiles, training=True)))
        return loss, {metric.name: float(metric.result()) for metric in trained.metrics}

    return made


@pytest.mark.parametrize("weight", [0, 1, 200, 0.5])
def test_the_loss_by_hand(weight, labelled, validated, told):
    """Eq. (4) of JCM: cross entropy in nats + λ·squared error on [−1, 1], means over pictures and samples."""
    labelled["model"]["classes"] = 3
    labelled["phases"][0]["reconstruction"] = weight
    loss, _ = told(validated(labelled))
    assert loss == pytest.approx(ENTROPY + weight * np.mean(np.square(ERRORS)), rel=1e-4)


def test_the_published_weight_is_the_default(labelled, validated, told):
    loss, _ = told(validated(labelled))
    assert loss == pytest.approx(ENTROPY + 200 * 0.0525, rel=1e-4)


def test_the_accuracy_counts_the_likeliest_class(labelled, validated, told):
    """The first picture's class is right; equal logits mean the first class, which the second's is not."""
    _, metrics = told(validated(labelled))
    assert metrics["accuracy"] == 1 / 4


def test_a_classifier_loses_by_its_classes_alone(classifier, validated):
    """Its pictures arrive as they are, so that λ weighs nothing."""
    trained = trainee_of(validated(classifier), lambda images: Rehearsal(images, {"divergence": 0.0}, LOGITS))
    outcome = trained(np.zeros((4, 32, 32, 3), np.uint8), training=False)
    assert float(trained.compute_loss(y=LABELS, y_pred=outcome)) == pytest.approx(ENTROPY, rel=1e-5)


def test_labels_reach_the_loss_one_for_each_picture(labelled, validated):
    """Through Keras' own evaluation: pictures show a class that the labels agree with in five of eight."""
    recipe = validated(labelled)
    shown = np.array([0, 1, 2, 3, 4, 5, 6, 7], np.uint8)
    labels = np.array([0, 1, 2, 3, 4, 0, 0, 0], np.int32)

    def rehearse(images):
        classes = keras.ops.cast(keras.ops.round(255 * images[:, 0, 0, 0]), "int32")
        return Rehearsal(images, {"divergence": 0.0}, 10.0 * keras.ops.one_hot(classes, 10))

    trained = trainee_of(recipe, rehearse)
    trained.compile(jit_compile=False)
    tiles = np.zeros((8, 32, 32, 3), np.uint8) + shown[:, None, None, None]
    found = trained.evaluate(tiles, labels, batch_size=4, verbose=0, return_dict=True)
    assert found["accuracy"] == 5 / 8
    # −ln of the softmax of (10, 0, …, 0): at the 10 for five of them, at a zero for three.
    rest = np.log(np.exp(10) + 9)
    assert found["loss"] == pytest.approx((5 * (rest - 10) + 3 * rest) / 8, rel=1e-4)


def test_without_logits_labels_change_nothing(labelled, validated):
    labelled["model"] = {"name": "deepjscc", "channels": [4, 4], "symbols": 1}
    recipe = validated(labelled)
    trained = trainee_of(recipe, lambda images: Rehearsal(images + 0.1, {"divergence": 0.0}))
    outcome = trained(np.zeros((4, 32, 32, 3), np.uint8), training=True)
    losses = [float(trained.compute_loss(y=y, y_pred=outcome)) for y in (None, LABELS)]
    assert losses == pytest.approx(2 * [25.5**2], rel=1e-5)
    assert "accuracy" not in [metric.name for metric in trained.metrics]


def best_lines(lines):
    return min(lines, key=lambda line: line["validation_loss"])


def test_a_tiny_jcm_learns_pictures_and_classes(labelled, validated, listener, tmp_path):
    """The loss falls by half, and of three kinds of pictures more than two in three are told apart."""
    labelled |= {"epoch": 40, "phases": [{"steps": 120, "learning_rate": {"initial": 2e-2}}]}
    recipe = validated(labelled)
    path = train(recipe, tmp_path, listener)
    lines = listener.lines
    assert lines[-1]["loss"] < lines[0]["loss"] / 2
    assert lines[-1]["train_accuracy"] > 2 / 3
    best = best_lines(lines)
    assert best["validation_accuracy"] > 2 / 3

    card = zoo.find(str(path)).card
    assert (card.model, card.channel, card.snr_db, card.power) == ("jcm", "awgn", 10, "measured")
    assert card.cbr == Fraction(16, 3 * 32 * 32)
    assert card.sizes == {
        "channels": (4, 4, 4, 4), "symbols": 16, "spine": 4, "classes": 10, "order": 4,
    }  # fmt: skip
    assert card.images == "64 training pictures of fashion_mnist"
    assert (card.steps, card.batch, card.recipe_digest) == (120, 8, recipe_digest(recipe))
    assert card.validation_accuracy == round(best["validation_accuracy"], 4)
    assert card.validation_psnr_db == round(best["validation_psnr_db"], 4)
    assert (card.test_psnr_db, card.test_accuracy) == ({}, {})
    assert card.history == tuple((line["step"], round(line["validation_psnr_db"], 4)) for line in lines)

    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in ("validation_loss", "train_accuracy", "validation_accuracy"):
        np.testing.assert_allclose([float(row[name]) for row in rows], [x[name] for x in lines], atol=1e-4)

    # The weights are those of the best epoch, in half precision.
    loaded = zoo.load(zoo.find(str(path)))
    fresh = jscc.create("jcm", **recipe.model.model_dump(exclude={"name"}))
    checkpoint.restore(tmp_path / checkpoint.BEST, fresh.variables)
    for found, expected in zip(loaded.weights, fresh.weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=2.0**-6, atol=1e-6)


def test_a_tiny_classifier_learns_classes(classifier, validated, listener, tmp_path):
    """The loss falls to a third; nothing is said of a channel, nor of pictures that it does not show."""
    classifier |= {"epoch": 40, "phases": [{"steps": 120, "learning_rate": {"initial": 2e-2}}]}
    path = train(validated(classifier), tmp_path, listener)
    lines = listener.lines
    assert lines[-1]["loss"] < lines[0]["loss"] / 3
    assert lines[-1]["train_accuracy"] > 2 / 3
    card = zoo.find(str(path)).card
    assert (card.model, card.sizes) == ("picture-classifier", {"channels": (6, 6), "classes": 10})
    assert (card.cbr, card.channel, card.snr_db, card.power) == (None, None, None, None)
    assert (card.validation_psnr_db, card.history) == (None, ())
    assert card.validation_accuracy == round(best_lines(lines)["validation_accuracy"], 4)
    assert card.images == "64 training pictures of fashion_mnist"
    logits = zoo.load(zoo.find(str(path)))(np.zeros((2, 32, 32, 3), np.float32))
    assert logits.shape == (2, 10)


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_benchmarks_learn_too(name, labelled, validated, listener, tmp_path):
    """Through hard decisions: the loss falls to a third, and the weights are read back."""
    del labelled["model"]["order"]
    labelled["model"]["name"] = name
    labelled |= {"epoch": 40, "phases": [{"steps": 120, "learning_rate": {"initial": 2e-2}}]}
    path = train(validated(labelled), tmp_path, listener)
    losses = [line["loss"] for line in listener.lines]
    assert losses[-1] < losses[0] / 3
    assert zoo.load(zoo.find(str(path))).classes == 10


def validate_as_told(monkeypatch, **told):
    """Let validations end with these values, epoch by epoch."""
    evaluate = trainee.Trainee.evaluate
    values = iter([dict(zip(told, line)) for line in zip(*told.values())])
    monkeypatch.setattr(
        trainee.Trainee,
        "evaluate",
        lambda self, *data, **options: {**evaluate(self, *data, **options), **next(values)},
    )


def test_the_best_epoch_has_the_least_validation_loss(classifier, validated, listener, tmp_path, monkeypatch):
    """Neither the largest PSNR nor the largest accuracy; two epochs without gain end the training."""
    validate_as_told(
        monkeypatch,
        loss=[3.0, 1.0, 2.0, 1.5, 0.5],
        psnr_db=[10, 12, 30, 9, 9],
        accuracy=[0, 0.2, 0.3, 0.9, 1],
    )
    classifier |= {"epoch": 1, "early_stopping": 2, "phases": [{"steps": 5}]}
    path = train(validated(classifier), tmp_path, listener)
    assert listener.best == [True, True, False, False]
    assert zoo.find(str(path)).card.validation_accuracy == 0.2
    progress = checkpoint.read_progress(tmp_path / checkpoint.CHECKPOINT)
    assert (progress.best, progress.idle) == (-1, 2)
    assert progress.best_line["step"] == 2


def test_an_accuracy_of_zero_is_one(classifier, validated, listener, tmp_path, monkeypatch):
    validate_as_told(monkeypatch, accuracy=[0.0])
    classifier["phases"][0]["steps"] = 1
    assert zoo.find(str(train(validated(classifier), tmp_path, listener))).card.validation_accuracy == 0.0


def test_a_validation_that_is_not_finite_ends_the_training(
    classifier, validated, listener, tmp_path, monkeypatch, refusal
):
    """Though every picture is."""
    validate_as_told(monkeypatch, loss=[float("nan")])
    text = refusal(train, validated(classifier), tmp_path, listener)
    assert text.startswith("phases.0.learning_rate: after 4 updates the loss is no longer finite")


def test_a_system_without_classes_trains_on_labelled_pictures(labelled, validated, listener, tmp_path):
    """As on patches: no accuracy anywhere."""
    labelled["model"] = {"name": "deepjscc-2019", "symbols": 1}
    card = zoo.find(str(train(validated(labelled), tmp_path, listener))).card
    assert card.images == "64 training pictures of fashion_mnist"
    assert card.validation_accuracy is None
    assert card.validation_psnr_db == round(max(x["validation_psnr_db"] for x in listener.lines), 4)
    assert not any("accuracy" in name for line in listener.lines for name in line)
    with (tmp_path / "history.csv").open() as file:
        assert {row["validation_accuracy"] for row in csv.DictReader(file)} == {""}


def assert_same_training(folder, lines, expected_folder, expected_lines):
    """Losses agree to 1e-6 of them, the weights of a layer to 1e-3 of their norm; random states are equal."""
    assert len(lines) == len(expected_lines)
    for ours, theirs in zip(lines, expected_lines):
        assert {**ours, "seconds": 0} == pytest.approx({**theirs, "seconds": 0}, rel=1e-6)
    for name in (checkpoint.BEST, checkpoint.CHECKPOINT):
        with np.load(folder / name) as ours, np.load(expected_folder / name) as theirs:
            assert ours.files == theirs.files
            for key in set(ours.files) - {"progress"}:
                difference = np.linalg.norm(ours[key].astype(float) - theirs[key])
                assert difference <= 1e-3 * np.linalg.norm(theirs[key].astype(float)), key
                if ours[key].dtype.kind in "iu":
                    np.testing.assert_array_equal(ours[key], theirs[key])


def history_of(folder):
    return checkpoint.read_progress(folder / checkpoint.CHECKPOINT).history


def test_the_checkpoint_holds_the_state_of_every_random_generator(labelled, validated, listener, tmp_path):
    """Of mirroring, noise and points: three pairs of integers, all moved on since the first epoch."""
    states = []
    told = listener.epoch

    def epoch(line, best):
        told(line, best)
        with np.load(tmp_path / checkpoint.CHECKPOINT) as arrays:
            integers = [arrays[name] for name in arrays.files if arrays[name].dtype.kind in "iu"]
            states.append([state for state in integers if state.shape == (2,)])

    listener.epoch = epoch
    train(validated(labelled), tmp_path, listener)
    first, second = states
    assert len(first) == len(second) == 3
    assert all((a != b).any() for a, b in zip(first, second))


@pytest.mark.slow
def test_killed_and_resumed_it_ends_as_if_it_had_not_been(labelled, validated, listener, tmp_path):
    """In a process of its own, whose draws are those of this one."""
    command = [sys.executable, "-c", KILLED, json.dumps(labelled), str(tmp_path / "a"), "6"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    recipe = validated(labelled)
    for name in ("a", "b"):
        train(recipe, tmp_path / name, listener)
    assert [line["step"] for line in listener.lines] == [8, 4, 8]
    resumed, whole = (history_of(tmp_path / name) for name in "ab")
    assert_same_training(tmp_path / "a", resumed, tmp_path / "b", whole)


_UNDER_JAX = """
import json, sys
from pathlib import Path
from linksim.training import checkpoint, loop
from linksim.training.recipe import Recipe
class Silent:
    def say(self, text): pass
    def update(self, done, total, loss): pass
    def epoch(self, line, best): pass
class Stopping(Silent):
    def epoch(self, line, best):
        raise KeyboardInterrupt
recipe, folder = Recipe.model_validate(json.loads(sys.argv[1])), Path(sys.argv[2])
try:
    loop.train(recipe, folder / "a", Stopping())
except KeyboardInterrupt:
    assert len(checkpoint.read_progress(folder / "a" / checkpoint.CHECKPOINT).history) == 1
for name in "ab":
    loop.train(recipe, folder / name, Silent())
"""


@pytest.mark.slow
def test_under_jax_it_goes_on_where_it_was_and_its_weights_are_read_here(labelled, tmp_path):
    """After each epoch a checkpoint, from which the second epoch is the same as without a break."""
    pytest.importorskip("jax")
    labelled |= {"epoch": 40, "phases": [{"steps": 80, "learning_rate": {"initial": 2e-2}}]}
    done = subprocess.run(
        [sys.executable, "-c", _UNDER_JAX, json.dumps(labelled), str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    resumed, whole = (history_of(tmp_path / name) for name in "ab")
    assert [line["step"] for line in whole] == [40, 80]
    assert whole[1]["loss"] < whole[0]["loss"]
    assert_same_training(tmp_path / "a", resumed, tmp_path / "b", whole)
    weights = zoo.find(str(tmp_path / "a" / "tiny.weights.h5"))
    assert weights.card.device.endswith("(jax)")
    assert weights.card.validation_accuracy > 1 / 3
    assert zoo.load(weights).classes == 10


@pytest.fixture
def codecs(monkeypatch):
    """The codecs that trainings make, the last one last."""
    made, create = [], jscc.create
    monkeypatch.setattr(
        jscc, "create", lambda *names, **sizes: made.append(create(*names, **sizes)) or made[-1]
    )
    return made


def values_of(codec, *parts):
    return {part: [np.array(v) for v in getattr(codec, part).weights] for part in parts}


def assert_moved(before, after, moved):
    """Every variable of some parts has changed, and none of the others."""
    for part, values in before.items():
        changed = [(a != b).any() for a, b in zip(values, after[part], strict=True)]
        assert set(changed) == {part in moved}, part


@pytest.mark.parametrize("model", ["picture-classifier", pytest.param("jcm", marks=pytest.mark.slow)])
def test_a_phase_may_train_the_class_decoder_alone(
    model, labelled, classifier, validated, listener, tmp_path, codecs
):
    """The other networks stay as they are, their running statistics too; and move again thereafter."""
    data, parts, alone = (
        labelled | {"channel": {"snr_db": 10}},
        ("encoder", "decoder", "classifier"),
        "classifier",
    )
    if model == "picture-classifier":
        data, parts, alone = classifier, ("encoder", "decoder"), "decoder"
    rate = {"initial": 1e-2}
    data["phases"] = [
        {"steps": 4, "learning_rate": rate, "train": [alone]},
        {"steps": 4, "learning_rate": rate},
    ]
    after = []
    told = listener.epoch
    listener.epoch = lambda line, best: (told(line, best), after.append(values_of(codecs[-1], *parts)))
    begun, train_phase = [], loop._train_phase

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            loop,
            "_train_phase",
            lambda *others: (begun.append(values_of(others[2], *parts)), train_phase(*others)),
        )
        train(validated(data), tmp_path, listener)
    assert_moved(begun[0], after[0], {alone})
    assert_moved(after[0], after[1], set(parts))


def test_a_start_gives_all_three_networks(labelled, validated, make_weights, listener, tmp_path, monkeypatch):
    sizes = {key: value for key, value in labelled["model"].items() if key != "name"}
    path = make_weights(tmp_path / "first.weights.h5", "jcm", **sizes, classes=10)
    begun = []
    monkeypatch.setattr(loop, "_train_phase", lambda *others: begun.append(others[2]))
    monkeypatch.setattr(checkpoint, "restore", lambda *_: None)
    monkeypatch.setattr(zoo, "save", lambda *_: None)
    monkeypatch.setattr(loop, "_card", lambda *_: None)
    train(validated({**labelled, "start": str(path), "seed": 5}), tmp_path / "out", listener)
    source = zoo.load(zoo.find(str(path)))
    for part in ("encoder", "decoder", "classifier"):
        for ours, theirs in zip(getattr(begun[0], part).weights, getattr(source, part).weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        ({"photographs": PATCHES}, "labelled: excludes photographs\nmend: write one of the two"),
        (
            {"labelled": None},
            "labelled: a jcm learns classes\nmend: write {source: fashion_mnist} or another",
        ),
        (
            {"labelled": None, "photographs": PATCHES},
            "labelled: a jcm learns classes\nmend: write {source: fashion_mnist}",
        ),
        ({"labelled": {"source": "mnist"}}, "labelled.source: 'mnist' is not known"),
        ({"labelled": {"validation": 0}}, "labelled.validation: 0 is not allowed"),
        ({"labelled": {"split": "test"}}, "labelled.split: unknown key"),
        ({"channel": None}, "channel: a jcm needs one\nmend: write {snr_db: 10} or another"),
        ({"model": {"symbols": 24}}, "model.symbols: 24 is not allowed"),
        ({"model": {"symbols": 0}}, "model.symbols: 0 is not allowed"),
        ({"model": {"channels": [4, 4, 4]}}, "model.channels.3: missing"),
        ({"model": {"order": 8}}, "model.order: 8 is not known"),
        ({"model": {"spine": 3}}, "model.spine: 3 is not allowed"),
        ({"model": {"classes": 1}}, "model.classes: one class tells nothing"),
        *[({"model": {"name": name, "order": 2}}, "model.order: 2 is not known") for name in BENCHMARKS[1:]],
        ({"model": {"name": BENCHMARKS[0]}}, "model.order: unknown key"),
        ({"phases": [{"steps": 1, "reconstruction": -1}]}, "phases.0.reconstruction: "),
        ({"phases": [{"steps": 1, "train": ["quantizer"]}]}, "phases.0.train: a jcm has no quantizer"),
        ({"phases": [{"steps": 1, "divergence": 0.1}]}, "phases.0.divergence: a jcm has none that can be"),
        ({"phases": [{"steps": 1, "orders": [2]}]}, "phases.0.orders: the jcm has not all of these"),
        (
            {"phases": [{"steps": 1, "distortion": "ms_ssim"}]},
            "labelled: MS-SSIM needs patches of 176 px\nmend: take mse",
        ),
    ],
)
def test_refusals(changed, known, labelled, tmp_path, refusal):
    for name, value in changed.items():
        merged = isinstance(value, dict) and name in labelled
        labelled[name] = {**labelled[name], **value} if merged else value
    assert_refused(labelled, known, tmp_path, refusal)


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        ({"channel": {"snr_db": 10}}, "channel: a picture-classifier sends nothing\nmend: leave it out"),
        ({"labelled": None}, "labelled: a picture-classifier learns classes"),
        (
            {"phases": [{"steps": 1, "train": ["classifier"]}]},
            "phases.0.train: a picture-classifier has not all of these\nmend: its parts are encoder, decoder",
        ),
    ],
)
def test_refusals_of_a_classifier(changed, known, classifier, tmp_path, refusal):
    assert_refused({**classifier, **changed}, known, tmp_path, refusal)


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        ({"labelled": {"source": "fashion_mnist"}}, "labelled: excludes photographs"),
        (
            {"phases": [{"steps": 1, "train": ["encoder", "classifier"]}]},
            "phases.0.train: a deepjscc-2019 has not all of these\nmend: its parts are encoder, decoder",
        ),
    ],
)
def test_refusals_of_a_system_without_classes(changed, known, tiny, tmp_path, refusal):
    assert_refused({**tiny, **changed}, known, tmp_path, refusal)


def assert_refused(data, known, folder, refusal):
    path = folder / "a.yaml"
    path.write_text(json.dumps(data))
    assert refusal(load_recipe, path).startswith(f"{path}: {known}")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_benchmarks_need_no_order(name, labelled, validated):
    """Those with constellation points have the only one that they can have, two bits a symbol."""
    del labelled["model"]["order"]
    labelled["model"]["name"] = name
    sizes = validated(labelled).model.model_dump(exclude={"name"})
    assert sizes.get("order") == (None if name == "jcm-analog" else 4)


def test_jcm_without_classes_learns_from_photographs(tmp_path, training_photos, listener):
    """It sends pictures alone; without a class decoder no cross entropy takes part."""
    path = tmp_path / "a.yaml"
    path.write_text(
        "name: a\n"
        "model: {name: jcm, channels: [4, 4, 8, 8], symbols: 16, spine: 2, classes: 0, order: 256}\n"
        f"photographs: {{folder: {training_photos}, side: 32, rescale: [1/2, 1], count: 40, validation: 8}}\n"
        "channel: {snr_db: [0, 18]}\n"
        "phases: [{steps: 4}]\n"
        "batch: 4\n"
        "epoch: 2\n"
    )
    weights = zoo.find(str(train(load_recipe(path), tmp_path / "out", listener)))
    assert weights.card.validation_psnr_db > 3
    codec = zoo.load(weights)
    assert codec.classes == 0
    assert len(codec.constellations[0]) == 256
    assert not any("classifier" in variable.path for variable in codec.variables)
