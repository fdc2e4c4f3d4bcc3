"""The training loop: what it leaves, what resuming repeats, what stays frozen, and what it refuses."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import linksim.phy  # noqa: F401  one thread, here as in the processes that are killed
from linksim import jscc, zoo
from linksim.training import checkpoint, data, loop, trainee
from linksim.training.data import Examples
from linksim.training.loop import COLUMNS, Batch, recipe_digest, train
from linksim.training.recipe import load_recipe
from tests.training.conftest import KILLED, train_until

POINTS = {"name": "deepjscc-q", "channels": [4], "symbols": 1, "order": 16, "learned": True}


def best_weights(folder):
    """Every variable of the codec of the best epoch, float32."""
    with np.load(folder / checkpoint.BEST) as arrays:
        return {name: arrays[name] for name in arrays.files if name != "progress"}


def without_clock(lines):
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def assert_same_training(folder, lines, expected_folder, expected_lines):
    """Losses agree to 1e-6 of them, the weights of a layer to 1e-3 of their norm.

    One process rounds otherwise than another, and where a gradient is next to nothing Adam makes a whole step
    of the difference.
    """
    assert len(lines) == len(expected_lines)
    for found, expected in zip(without_clock(lines), without_clock(expected_lines)):
        assert found == pytest.approx(expected, rel=1e-6)
    ours, theirs = best_weights(folder), best_weights(expected_folder)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert np.linalg.norm(values - theirs[name]) <= 1e-3 * np.linalg.norm(theirs[name]), name


def history_of(folder):
    return checkpoint.read_progress(folder / checkpoint.CHECKPOINT).history


@pytest.fixture
def two_phases(tiny):
    """All, over a plateau; then the decoder alone, over a cosine."""
    plateau = {"initial": 1e-3, "schedule": "plateau", "patience": 1, "factor": 0.5}
    cosine = {"initial": 1e-3, "schedule": "cosine", "warmup": 2}
    tiny["phases"] = [
        {"steps": 8, "learning_rate": plateau},
        {"steps": 6, "learning_rate": cosine, "train": ["decoder"]},
    ]
    return tiny


@pytest.fixture
def parts(monkeypatch):
    """The codecs that trainings make, and a function that copies the weights of the last one's parts."""
    made, create = [], jscc.create
    monkeypatch.setattr(
        jscc, "create", lambda *names, **sizes: made.append(create(*names, **sizes)) or made[-1]
    )

    def copy():
        return {part: getattr(made[-1], part).get_weights() for part in ("encoder", "decoder")}

    return copy


def test_what_a_training_leaves(two_phases, validated, listener, tmp_path, parts):
    """Weights with their card, a history; the encoder as the first phase left it, the decoder not."""
    recipe = validated(two_phases)
    after = []
    told = listener.epoch
    listener.epoch = lambda line, best: (told(line, best), after.append(parts()))
    path = train(recipe, tmp_path / "out", listener)

    assert path == tmp_path / "out" / "tiny.weights.h5"
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "best.npz", "checkpoint.npz", "history.csv", "tiny.json", "tiny.weights.h5",
    ]  # fmt: skip
    assert [(line["phase"], line["step"]) for line in listener.lines] == [(0, 4), (0, 8), (1, 4), (1, 6)]
    losses = [line["loss"] for line in listener.lines]

    card = zoo.find(str(path)).card
    assert (card.model, card.sizes, card.channel, card.snr_db) == (
        "deepjscc-2019", {"symbols": 2}, "awgn", 10,
    )  # fmt: skip
    assert (card.recipe, card.recipe_digest, card.seed) == ("tiny", recipe_digest(recipe), 1)
    assert card.steps == 8 + 6
    last = [line for line in listener.lines if line["phase"] == 1]
    assert card.validation_psnr_db == pytest.approx(max(x["validation_psnr_db"] for x in last), abs=1e-4)
    assert card.history == tuple((x["step"], round(x["validation_psnr_db"], 4)) for x in last)
    assert card.images == "64 tiles of 16 px of 2 photographs at 1/2 to 1 of their size"
    assert card.versions["keras"] == keras.__version__

    with (path.parent / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert {(row["train_accuracy"], row["validation_accuracy"]) for row in rows} == {("", "")}
    assert (card.validation_accuracy, card.test_accuracy) == (None, {})
    np.testing.assert_allclose([float(row["loss"]) for row in rows], losses, atol=1e-4)

    for before, now in zip(after[1]["encoder"], after[3]["encoder"]):
        np.testing.assert_array_equal(before, now)
    for part, (first, second) in {"encoder": (0, 1), "decoder": (1, 3)}.items():
        assert all((a != b).any() for a, b in zip(after[first][part], after[second][part]))

    # The weights are those of the best epoch of the last phase, in half precision.
    best = after[2 + int(np.argmax([x["validation_psnr_db"] for x in last]))]
    loaded = zoo.load(zoo.find(str(path)))
    for value, expected in zip(loaded.decoder.get_weights(), best["decoder"]):
        np.testing.assert_allclose(value, expected, rtol=2.0**-6, atol=1e-6)

    # The same command once more trains nothing and leaves the same.
    stored, told_before = zoo.load(zoo.find(str(path))).get_weights(), len(listener.lines)
    train(recipe, tmp_path / "out", listener)
    assert len(listener.lines) == told_before
    np.testing.assert_equal(zoo.load(zoo.find(str(path))).get_weights(), stored)


def test_stopped_and_resumed_it_ends_as_if_it_had_not_been(
    two_phases, validated, listener, tmp_path, uninterrupted
):
    """Stopped in the middle of the first phase's second epoch, and again in the second phase."""
    recipe = validated(two_phases)
    train_until(7, recipe, tmp_path, listener)
    train_until(4 + 2, recipe, tmp_path, listener)
    assert [(line["phase"], line["step"]) for line in listener.lines] == [(0, 4), (0, 8)]
    train(recipe, tmp_path, listener)
    expected_folder, expected = uninterrupted(recipe)
    assert_same_training(tmp_path, listener.lines, expected_folder, expected)
    assert without_clock(history_of(tmp_path)) == without_clock(listener.lines)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The folder and the lines of a recipe trained in one go, made once."""
    made = {}

    def trained(recipe):
        digest = recipe_digest(recipe)
        if digest not in made:
            folder = tmp_path_factory.mktemp("uninterrupted")
            train(recipe, folder, _Silent())
            made[digest] = folder, history_of(folder)
        return made[digest]

    return trained


class _Silent:
    def say(self, text):
        pass

    def update(self, done, total, loss):
        pass

    def epoch(self, line, best):
        pass


@pytest.mark.parametrize("points", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_killed_and_resumed_it_ends_as_if_it_had_not_been(
    points, tiny, two_phases, validated, listener, tmp_path, uninterrupted
):
    """Also with learned points, whose use in the last batch is part of what is resumed."""
    if points:
        tiny |= {"model": POINTS, "phases": [{"steps": 8, "divergence": 0.05}]}
    command = [sys.executable, "-c", KILLED, json.dumps(tiny), str(tmp_path), "7"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert [line["step"] for line in history_of(tmp_path)] == [4]
    recipe = validated(tiny)
    train(recipe, tmp_path, listener)
    assert_same_training(tmp_path, history_of(tmp_path), *uninterrupted(recipe))


def test_early_stopping_ends_a_phase_for_good(tiny, validated, listener, tmp_path, monkeypatch):
    """After two epochs without gain, and no further epoch when the same command comes again."""
    psnr_db = iter([12.0, 11.0, 11.5, 13.0, 14.0])
    evaluate = trainee.Trainee.evaluate
    monkeypatch.setattr(
        trainee.Trainee,
        "evaluate",
        lambda self, *data, **options: {**evaluate(self, *data, **options), "psnr_db": next(psnr_db)},
    )
    recipe = validated({**tiny, "early_stopping": 2, "phases": [{"steps": 40}]})
    for _ in range(2):
        path = train(recipe, tmp_path, listener)
        assert [line["step"] for line in listener.lines] == [4, 8, 12]
        assert listener.best == [True, False, False]
        assert zoo.find(str(path)).card.validation_psnr_db == 12.0


def test_a_plateau_lowers_the_learning_rate(tiny, validated, listener, tmp_path, monkeypatch):
    """After every two epochs without gain."""
    psnr_db = iter([12.0, 11.0, 11.0, 13.0, 11.0, 11.0])
    evaluate, rates = trainee.Trainee.evaluate, []

    def validated_as_told(self, *data, **options):
        rates.append(float(self.optimizer.learning_rate))
        return {**evaluate(self, *data, **options), "psnr_db": next(psnr_db)}

    monkeypatch.setattr(trainee.Trainee, "evaluate", validated_as_told)
    rate = {"initial": 1e-3, "schedule": "plateau", "patience": 2, "factor": 0.5}
    recipe = validated({**tiny, "phases": [{"steps": 24, "learning_rate": rate}]})
    train(recipe, tmp_path, listener)
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 5e-4], rtol=1e-6)
    assert checkpoint.read_progress(tmp_path / checkpoint.CHECKPOINT).rate == pytest.approx(2.5e-4)


def test_a_training_that_diverges_says_so_and_keeps_its_checkpoint(
    tiny, validated, tmp_path, refusal, monkeypatch
):
    mse = trainee.DISTORTIONS["mse"]
    monkeypatch.setitem(trainee.DISTORTIONS, "mse", lambda *pictures: float("nan") * mse(*pictures))
    text = refusal(train, validated(tiny), tmp_path, _Silent())
    assert text.startswith("phases.0.learning_rate: after 4 updates the loss is no longer finite")
    assert not (tmp_path / checkpoint.CHECKPOINT).exists()


def test_training_through_the_physical_layer(tiny, validated, listener, tmp_path):
    """Sionna's blocks between the halves; the loss of the second epoch is less than half the first's."""
    from linksim.phy.layers import LinkLayer

    tiny["model"] = {"name": "deepjscc", "channels": [8], "symbols": 4}
    tiny["channel"] = {"model": "rayleigh_fast", "snr_db": [5, 15], "through": "sionna"}
    tiny |= {"epoch": 50, "phases": [{"steps": 100, "learning_rate": {"initial": 1e-2}}]}
    train(validated(tiny), tmp_path, listener, LinkLayer)
    losses = [line["loss"] for line in listener.lines]
    assert losses[1] < losses[0] / 2


class _Built(Exception):
    """Raised in the place of the first phase, with its codec."""


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The codec with which a recipe would begin its first phase."""

    def first_phase(recipe, number, codec, *others):
        raise _Built(codec)

    def start(recipe, folder=tmp_path / "a" / "b"):
        monkeypatch.setattr(loop, "_train_phase", first_phase)
        with pytest.raises(_Built) as caught:
            train(recipe, folder, _Silent())
        return caught.value.args[0]

    return start


def assert_taken_over(codec, source):
    for part in ("encoder", "decoder"):
        for ours, theirs in zip(getattr(codec, part).weights, getattr(source, part).weights):
            np.testing.assert_array_equal(ours, theirs)


ANALOGUE = {"channels": [4], "symbols": 1}


@pytest.mark.parametrize("place", ["a path", "a folder beside", "the zoo"])
def test_a_recipe_starts_from_other_weights(
    place, tiny, validated, started, make_weights, tmp_path, monkeypatch
):
    """A network without a quantizer goes on as one with it."""
    tiny |= {"model": POINTS, "seed": 5}
    if place == "a path":
        path = make_weights(tmp_path / "trunk.weights.h5", "deepjscc", **ANALOGUE)
        tiny["start"] = str(path)
    elif place == "a folder beside":
        path = make_weights(tmp_path / "deepjscc/trunk/trunk.weights.h5", "deepjscc", **ANALOGUE)
        tiny["start"] = "deepjscc/trunk"
        monkeypatch.chdir(tmp_path)  # the folder may be relative, too
    else:
        monkeypatch.setattr(zoo.weights, "FOLDER", tmp_path / "zoo")
        path = make_weights(tmp_path / "zoo/deepjscc/trunk.weights.h5", "deepjscc", **ANALOGUE)
        tiny["start"] = "zoo:deepjscc/trunk"
    folder = Path("deepjscc-q/tiny") if place == "a folder beside" else tmp_path / "out"
    codec = started(validated(tiny), folder)
    assert_taken_over(codec, zoo.load(zoo.find(str(path))))
    assert codec.gain == 1


def test_weights_of_other_sizes_are_no_start(tiny, validated, make_weights, tmp_path, refusal):
    path = make_weights(tmp_path / "trunk.weights.h5", "deepjscc", channels=[6], symbols=1)
    recipe = validated({**tiny, "model": POINTS, "start": str(path)})
    text = refusal(train, recipe, tmp_path / "out", _Silent())
    assert text.startswith(f"start: the encoder of {path} has other sizes")


def test_a_start_that_is_missing(tiny, validated, tmp_path, refusal):
    recipe = validated({**tiny, "start": str(tmp_path / "none.weights.h5")})
    assert "there is no such file" in refusal(train, recipe, tmp_path / "out", _Silent())
    recipe = validated({**tiny, "start": "deepjscc/trunk"})
    assert "deepjscc/trunk" in refusal(train, recipe, tmp_path / "out", _Silent())


def test_a_folder_of_another_recipe_is_refused(tiny, validated, tmp_path, refusal):
    progress = checkpoint.Progress(recipe_digest(validated(tiny)))
    checkpoint.write(tmp_path / checkpoint.CHECKPOINT, [], progress)
    other = validated({**tiny, "seed": 2})
    text = refusal(train, other, tmp_path, _Silent())
    assert text == (
        f"{tmp_path}: the folder holds a training of another recipe\nmend: choose another --out, or --fresh"
    )


def test_a_damaged_checkpoint_is_refused(tiny, validated, tmp_path, refusal):
    (tmp_path / checkpoint.CHECKPOINT).write_bytes(b"PK")
    assert "the checkpoint is damaged" in refusal(train, validated(tiny), tmp_path, _Silent())


def test_photographs_that_are_missing(tiny, validated, tmp_path, refusal):
    tiny["photographs"]["folder"] = str(tmp_path)
    text = refusal(train, validated(tiny), tmp_path / "out", _Silent())
    assert f"{tmp_path}/train" in text
    assert "linksim images fetch-training" in text


def test_tiles_are_cut_once_and_remembered(tiny, validated, listener, started, training_photos):
    """Beside the photographs; other sizes are other tiles."""
    tiny["photographs"]["count"] = 65
    paths = {split: data.photographs(training_photos, split) for split in ("train", "validation")}
    for count, times in ((65, 1), (65, 1), (66, 2)):
        tiny["photographs"]["count"] = count
        tiles, validation = data._tiles(validated(tiny), paths, listener)
        assert (tiles.shape, validation.shape) == ((count, 20, 20, 3), (16, 20, 20, 3))
        assert len(listener.words) == times


def test_where_tiles_cannot_be_kept_training_goes_on(tiny, validated, listener, training_photos, monkeypatch):
    tiny["photographs"]["count"] = 67
    paths = {split: data.photographs(training_photos, split) for split in ("train", "validation")}
    monkeypatch.setattr(np, "save", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    for _ in range(2):
        tiles, _ = data._tiles(validated(tiny), paths, listener)
        assert tiles.shape == (67, 20, 20, 3)
    assert len(listener.words) == 2


def test_a_batch_depends_on_seed_and_step_alone():
    tiles = np.arange(50, dtype=np.uint8)[:, None, None, None]
    batches = Batch(Examples(tiles), 8, seed=3)
    whole = [batch for (batch,) in batches.of_steps(0, 6)]
    rest = [batch for (batch,) in Batch(Examples(tiles), 8, seed=3).of_steps(4, 6)]
    np.testing.assert_array_equal(whole[4:], rest)
    other = [batch for (batch,) in Batch(Examples(tiles), 8, seed=4).of_steps(0, 6)]
    assert (np.array(whole) != np.array(other)).any()
    assert len({batch.tobytes() for batch in whole}) == 6


def test_the_digest_is_of_all_that_changes_the_weights(tiny, validated):
    digest = recipe_digest(validated(tiny))
    assert recipe_digest(validated(tiny)) == digest
    tiny["photographs"]["folder"] = "elsewhere"
    assert recipe_digest(validated(tiny)) == digest
    for field, value in (("seed", 2), ("batch", 9), ("phases", [{"steps": 9}]), ("start", "a/b")):
        assert recipe_digest(validated({**tiny, field: value})) != digest


_ON_DEVICES = """
import json, sys
from pathlib import Path
import keras
from linksim.training import loop
from linksim.training.recipe import Recipe
class Silent:
    def say(self, text): pass
    def update(self, done, total, loss): pass
    def epoch(self, line, best): pass
data, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
devices = keras.distribution.list_devices()
assert len(devices) == 2
keras.distribution.list_devices = lambda *_: devices[:1]
loop.train(Recipe.model_validate(data), folder / "one", Silent())
assert keras.distribution.distribution() is None
keras.distribution.list_devices = lambda *_: devices
loop.train(Recipe.model_validate(data), folder / "two", Silent())
assert isinstance(keras.distribution.distribution(), keras.distribution.DataParallel)
try:
    loop.train(Recipe.model_validate({**data, "batch": 7}), folder / "odd", Silent())
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_two_devices_share_the_batches_under_jax(tiny, tmp_path):
    """On two devices of one CPU: to 1e-3 of what one gives, since sums are taken in another order."""
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, "-c", _ON_DEVICES, json.dumps(tiny), str(tmp_path)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "batch: 7 pictures cannot be shared evenly by 2 devices" in done.stdout
    one, two = (without_clock(history_of(tmp_path / name)) for name in ("one", "two"))
    assert [line["step"] for line in one] == [4, 8]
    for ours, theirs in zip(two, one):
        assert ours == pytest.approx(theirs, rel=1e-3)
    card = zoo.find(str(tmp_path / "two" / "tiny.weights.h5")).card
    assert card.device.startswith("2 x ")
    assert card.device.endswith("(jax)")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deepjscc-2019/awgn10-c6", "deepjscc-q/l64-rayleigh16-c6"])
def test_shipped_recipes_of_small_pictures_can_be_trained(
    name, training_photos, validated, listener, tmp_path
):
    """Two updates of each on TensorFlow."""
    data = load_recipe(name).model_dump(mode="json")
    data["photographs"] |= {"folder": str(training_photos), "count": 16, "validation": 8}
    data |= {"start": None, "batch": 8, "epoch": 2}
    data["phases"] = [{**phase, "steps": 2} for phase in data["phases"]]
    train(validated(data), tmp_path, listener)
    assert len(listener.lines) == len(data["phases"])
