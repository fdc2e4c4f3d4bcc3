"""Training a codec for several modulation orders at once: SNRs, loss, phases, starts and refusals."""

import json
import os
import subprocess
import sys
from itertools import pairwise

import keras
import numpy as np
import pytest

import linksim.phy  # noqa: F401  starts TensorFlow quietly
from linksim import jscc, zoo
from linksim.jscc.codec import Rehearsal
from linksim.modulation.boundaries import snr_boundaries_db
from linksim.training import checkpoint, loop
from linksim.training.loop import train
from linksim.training.recipe import load_recipe, shipped_recipes
from linksim.training.trainee import Trainee
from tests.training.conftest import train_until

#: Three orders, whose boundaries are at 4.3 and 12.2 dB.
UJSCC = {
    "name": "ujscc",
    "channels": [4, 4, 4],
    "strides": [1, 2, 2],
    "vectors": 1,
    "orders": [1, 2, 4],
    "dimensions": [2, 3, 4],
}
SIZES = {name: value for name, value in UJSCC.items() if name != "name"}
ME1 = {**SIZES, "dimensions": [4, 4, 4], "switched": False}
TE = {**SIZES, "orders": [4], "dimensions": [4]}

SHIPPED = [name for name in shipped_recipes() if name.startswith("ujscc/b")]


@pytest.fixture
def joint(tiny):
    """The data of a recipe for three orders in one network; each test gets its own."""
    rate = {"initial": 3e-3}
    return {
        **tiny,
        "model": dict(UJSCC),
        "channel": {"snr_db": [-3, 20], "draw": "step"},
        "phases": [{"steps": 8, "learning_rate": rate}],
    }


def trainee_of(recipe, rehearse):
    """A trainee whose codec rehearses as told: (images, snr_db, number of orders) → rehearsal."""
    codec = jscc.create("ujscc", **SIZES)
    codec.rehearse = lambda images, channel, snr_db, hardness, orders, training: rehearse(
        images, snr_db, len(orders)
    )
    return Trainee(codec, None, recipe, recipe.phases[0])


def tiles(recipe, count=4):
    side = recipe.photographs.tile_side
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


def drawn(recipe, training, steps):
    """SNRs of some steps, [steps, orders, batch]."""
    snrs_db = []

    def rehearse(images, snr_db, orders):
        assert snr_db.shape == images.shape[:1]
        snrs_db.append(np.reshape(snr_db, (orders, -1)))
        return Rehearsal(images)

    trainee = trainee_of(recipe, rehearse)
    for _ in range(steps):
        trainee(tiles(recipe), training=training)
    return np.array(snrs_db)


def assert_uniform(values, low, high):
    """Within the range; mean and variance within four standard errors of the uniform distribution's."""
    assert low <= values.min() <= values.max() <= high
    width, count = high - low, values.size
    assert abs(values.mean() - (low + high) / 2) < 4 * width / np.sqrt(12 * count)
    assert abs(values.var() - width**2 / 12) < 4 * width**2 * np.sqrt((1 / 80 - 1 / 144) / count)


@pytest.mark.parametrize("draw", ["step", "image"])
def test_snrs_lie_between_the_boundaries_of_each_order(draw, joint, validated):
    """One for each order and step, or one for each picture too."""
    joint["channel"]["draw"] = draw
    snrs_db = drawn(validated(joint), True, steps=60)
    assert snrs_db.shape == (60, 3, 4)
    ends = [-3, 4.3, 12.2, 20]
    for order, (low, high) in enumerate(pairwise(ends)):
        of_order = snrs_db[:, order]
        assert_uniform(of_order[:, 0] if draw == "step" else of_order, low - 0.05, high + 0.05)
        if draw == "step":
            np.testing.assert_array_equal(of_order, np.repeat(of_order[:, :1], 4, axis=1))
        else:
            assert len(np.unique(of_order)) == of_order.size
    # No order's SNR tells another's: uncorrelated within four standard errors.
    first = snrs_db[:, :, 0]
    correlations = np.corrcoef(first.T)[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(60)


def test_validation_draws_for_every_picture(joint, validated):
    snrs_db = drawn(validated(joint), False, steps=2)
    assert len(np.unique(snrs_db)) == snrs_db.size


def test_a_phase_draws_for_the_orders_that_take_part(joint, validated):
    joint["phases"][0]["orders"] = [1, 4]
    snrs_db = drawn(validated(joint), True, steps=20)
    assert snrs_db.shape == (20, 2, 4)
    assert -3 <= snrs_db[:, 0].min() <= snrs_db[:, 0].max() <= 4.35
    assert 12.15 <= snrs_db[:, 1].min() <= snrs_db[:, 1].max() <= 20


@pytest.fixture
def told():
    """A trainee whose rehearsals end as told: errors of the pictures and penalties of each order."""

    def made(recipe, errors, penalties):
        def rehearse(images, snr_db, orders):
            batch = images.shape[0] // orders
            # Added to pictures in [−1, 1], which halves it in [0, 1].
            error = np.repeat(np.asarray(errors, np.float32), batch)[:, None, None, None] / 2
            return Rehearsal(images + error, {"divergence": np.zeros(orders), **penalties})

        trainee = trainee_of(recipe, rehearse)
        outcome = trainee(tiles(recipe), training=True)
        return float(trainee.compute_loss(y_pred=outcome))

    return made


PENALTIES = {"codebook": [0.1, 0.2, 0.6], "commitment": [0.4, 0.8, 0.0]}


def test_the_loss_by_hand(joint, validated, told):
    """MSE + α·codebook + β·commitment on [−1, 1] is 0.01 + 0.1 + 0.1, 0.04 + 0.2 + 0.2, 0.25 + 0.6 + 0.

    Their mean is 0.5; on the scale 0–255 it is 127.5² times that.
    """
    loss = told(validated(joint), (0.1, 0.2, 0.5), PENALTIES)
    assert loss == pytest.approx(127.5**2 * 0.5, rel=1e-4)


def test_the_weights_of_the_penalties(joint, validated, told):
    """α = 2, β = 0.5: 0.01 + 0.2 + 0.2, 0.04 + 0.4 + 0.4, 0.25 + 1.2 + 0, of mean 0.9."""
    joint["phases"][0] |= {"codebook": 2.0, "commitment": 0.5}
    loss = told(validated(joint), (0.1, 0.2, 0.5), PENALTIES)
    assert loss == pytest.approx(127.5**2 * 0.9, rel=1e-4)


def test_the_weights_of_the_orders(joint, validated, told):
    """λ = 1, 2, 4: 0.21 + 2·0.44 + 4·0.85 = 4.49 over three orders."""
    joint["phases"][0]["order_weights"] = [1, 2, 4]
    loss = told(validated(joint), (0.1, 0.2, 0.5), PENALTIES)
    assert loss == pytest.approx(127.5**2 * 4.49 / 3, rel=1e-4)


class Begun:
    """The codec of a training, and its variables by path as the first phase found them."""

    codec, before = None, None

    def changed(self):
        """Paths of the variables that the training changed, within the codec."""
        return [
            path.partition("/")[2]
            for path, after in ((v.path, np.array(v)) for v in self.codec.variables)
            if np.any(after != self.before[path])
        ]


@pytest.fixture
def begun(monkeypatch):
    found, train_phase = Begun(), loop._train_phase

    def recorded(recipe, number, codec, *others):
        if found.codec is not codec:
            found.codec = codec
            found.before = {variable.path: np.array(variable) for variable in codec.variables}
        return train_phase(recipe, number, codec, *others)

    monkeypatch.setattr(loop, "_train_phase", recorded)
    return found


def test_a_tiny_joint_training_lowers_the_loss(joint, validated, listener, tmp_path, begun):
    """By half in 150 updates, and moves every variable, also the running statistics of every order."""
    joint |= {"epoch": 30, "phases": [{"steps": 150, "learning_rate": {"initial": 1e-2}}]}
    path = train(validated(joint), tmp_path / "out", listener)
    losses = [line["loss"] for line in listener.lines]
    assert losses[-1] < losses[0] / 2
    assert len(begun.changed()) == len(begun.codec.variables)
    for variable in begun.codec.variables:
        if len(variable.shape) == 2:  # norms by order, codebooks by label
            moved = np.array(variable) != begun.before[variable.path]
            assert moved.any(axis=1).all(), variable.path
    card = zoo.find(str(path)).card
    assert (card.model, card.snr_db) == ("ujscc", (-3, 20))
    assert (card.sizes["orders"], card.sizes["dimensions"]) == ((1, 2, 4), (2, 3, 4))
    assert (card.sizes["codewords"], card.sizes["switched"]) == ("learned", True)


def test_a_second_stage_trains_some_codebooks_alone(
    joint, validated, make_weights, listener, tmp_path, begun
):
    """As ME2: bit for bit, networks, running statistics and the other codebook stay as they came."""
    path = make_weights(tmp_path / "te/16qam/16qam.weights.h5", "ujscc", **TE)
    joint |= {"model": {"name": "ujscc", **ME1}, "start": str(path)}
    joint["phases"] = [{"steps": 8, "train": ["quantizer"], "orders": [1, 2]}]
    train(validated(joint), tmp_path / "me2", listener)
    codec, source = begun.codec, zoo.load(zoo.find(str(path)))
    assert begun.changed() == ["codebook_1_bits/codewords", "codebook_2_bits/codewords"]
    for part in ("encoder", "decoder"):
        for ours, theirs in zip(getattr(codec, part).get_weights(), getattr(source, part).get_weights()):
            np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(codec.quantizers[2].codewords, source.quantizers[0].codewords)


def test_a_phase_of_some_orders_leaves_the_others_norms_alone(joint, validated, listener, tmp_path, begun):
    """Scale, bias and running statistics of 4QAM stay, and so does its codebook."""
    joint["phases"] = [{"steps": 4, "orders": [1, 4]}]
    train(validated(joint), tmp_path, listener)
    rows = {"gamma": 0, "beta": 0, "moving_mean": 0, "moving_variance": 0}
    for variable in begun.codec.variables:
        if variable.name in rows:
            rows[variable.name] += 1
            same = (np.array(variable) == begun.before[variable.path]).all(axis=1)
            assert same.tolist() == [False, True, False], variable.path
    assert set(rows.values()) == {8 + 8}  # after each convolution, of which the residuals have two
    codebooks = [path for path in begun.changed() if path.endswith("codewords")]
    assert codebooks == ["codebook_1_bits/codewords", "codebook_4_bits/codewords"]


@pytest.mark.parametrize(
    "phase",
    [{}, pytest.param({"train": ["quantizer"], "orders": [1, 2]}, marks=pytest.mark.slow)],
    ids=["jointly", "some codebooks"],
)
def test_stopped_and_resumed_it_ends_as_if_it_had_not_been(phase, joint, validated, listener, tmp_path):
    """Stopped in the middle of the second epoch; also where most is frozen."""
    joint["phases"] = [{"steps": 8, **phase}]
    recipe = validated(joint)
    train_until(6, recipe, tmp_path / "a", listener)
    assert [line["step"] for line in listener.lines] == [4]
    train(recipe, tmp_path / "a", listener)
    train(recipe, tmp_path / "b", listener)
    found, expected = listener.lines[:2], listener.lines[2:]
    for ours, theirs in zip(found, expected, strict=True):
        assert {**ours, "seconds": 0} == pytest.approx({**theirs, "seconds": 0}, rel=1e-6)
    with (
        np.load(tmp_path / "a" / checkpoint.BEST) as ours,
        np.load(tmp_path / "b" / checkpoint.BEST) as theirs,
    ):
        for name in set(ours.files) - {"progress"}:
            difference = np.linalg.norm(ours[name] - theirs[name])
            assert difference <= 1e-3 * np.linalg.norm(theirs[name]), name


def test_a_start_gives_the_codebook_of_the_order_that_both_have(
    joint, validated, make_weights, tmp_path, begun, listener
):
    path = make_weights(tmp_path / "te.weights.h5", "ujscc", **TE)
    joint |= {"model": {"name": "ujscc", **ME1}, "start": str(path), "seed": 7}
    joint["phases"][0]["steps"] = 1
    train(validated(joint), tmp_path / "out", listener)
    source, quantizers = zoo.load(zoo.find(str(path))), begun.codec.quantizers
    shared, *others = (begun.before[quantizer.codewords.path] for quantizer in quantizers[::-1])
    np.testing.assert_array_equal(shared, source.quantizers[0].codewords)
    # The others are new: as the recipe's seed draws them.
    keras.utils.set_random_seed(7)
    fresh = jscc.create("ujscc", **ME1)
    for values, quantizer in zip(others, fresh.quantizers[1::-1]):
        np.testing.assert_array_equal(values, quantizer.codewords)


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        ({"model": {"orders": [1, 4, 2]}}, "model.orders: the orders do not rise"),
        ({"model": {"orders": [1, 2, 2]}}, "model.orders: the orders do not rise"),
        ({"model": {"orders": [1, 2, 3]}}, "model.orders.2: "),
        ({"model": {"orders": [], "dimensions": []}}, "model.orders: "),
        ({"model": {"dimensions": [2, 3]}}, "model.dimensions: as many as orders are needed"),
        ({"model": {"dimensions": [2, 4, 3]}}, "model.dimensions: the dimensions fall"),
        ({"model": {"dimensions": [0, 2, 3]}}, "model.dimensions.0: "),
        ({"model": {"codewords": "points"}}, "model.dimensions: points have two dimensions"),
        ({"model": {"codewords": "points", "dimensions": [4, 4, 4]}}, "model.dimensions: points have two"),
        ({"model": {"codewords": "fixed"}}, "model.codewords: "),
        ({"model": {"target_ser": 0.5}}, "model.target_ser: "),
        ({"model": {"strides": [1, 2]}}, "model.strides"),
        ({"channel": {"draw": "epoch"}}, "channel.draw: "),
        ({"channel": {"snr_db": 10}}, "channel.snr_db: some order is left without an SNR"),
        ({"channel": {"snr_db": [5, 20]}}, "channel.snr_db: some order is left without an SNR"),
        ({"channel": {"snr_db": [-3, 12]}}, "channel.snr_db: some order is left without an SNR"),
        ({"phases": [{"steps": 1, "orders": [1, 6]}]}, "phases.0.orders: the ujscc has not all of these"),
        ({"phases": [{"steps": 1, "orders": [2, 1]}]}, "phases.0.orders: the orders do not rise"),
        (
            {
                "model": {"codewords": "points", "dimensions": [2, 2, 2]},
                "phases": [{"steps": 1, "train": ["quantizer"]}],
            },
            "phases.0.train: points are not trained",
        ),
        ({"phases": [{"steps": 1}, {"steps": 1, "orders": [8]}]}, "phases.1.orders: the ujscc has not all"),
        ({"phases": [{"steps": 1, "divergence": 0.1}]}, "phases.0.divergence: a ujscc has none"),
        ({"phases": [{"steps": 1, "codebook": -1}]}, "phases.0.codebook: "),
        ({"phases": [{"steps": 1, "order_weights": [1, 2]}]}, "phases.0.order_weights: as many as orders"),
        (
            {"phases": [{"steps": 1, "orders": [1, 2], "order_weights": [1, 2, 3]}]},
            "phases.0.order_weights: as many as orders are needed",
        ),
        ({"phases": [{"steps": 1, "order_weights": [1, 0, 2]}]}, "phases.0.order_weights.1: "),
    ],
)
def test_refusals(changed, known, joint, tmp_path, refusal):
    for name, value in changed.items():
        joint[name] = {**joint[name], **value} if isinstance(value, dict) else value
    (tmp_path / "a.yaml").write_text(json.dumps(joint))
    text = refusal(load_recipe, tmp_path / "a.yaml")
    assert text.startswith(f"{tmp_path / 'a.yaml'}: ")
    assert known in text


@pytest.mark.parametrize(
    ("phase", "known"),
    [
        ({"train": ["quantizer"]}, "phases.0.train: a deepjscc has no quantizer"),
        ({"orders": [1]}, "phases.0.orders: the deepjscc has not all of these"),
        ({"order_weights": [1, 1]}, "phases.0.order_weights: as many as orders are needed"),
    ],
)
def test_refusals_of_a_codec_of_one_order(phase, known, tiny, tmp_path, refusal):
    tiny["model"] = {"name": "deepjscc", "channels": [4, 4], "symbols": 1}
    tiny["phases"][0] |= phase
    (tmp_path / "a.yaml").write_text(json.dumps(tiny))
    assert known in refusal(load_recipe, tmp_path / "a.yaml")


def test_a_range_may_end_just_beyond_the_boundaries(joint, validated):
    """Of each order something is left; a single order has no boundaries."""
    joint["channel"]["snr_db"] = [4.2, 12.3]
    validated(joint)
    joint |= {"model": {"name": "ujscc", **TE}, "channel": {"snr_db": 15}}
    validated(joint)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_are_for_the_basic_setting(name):
    """N = 256 symbols for 32×32, joint training from −3 to 32 dB, one order in the range that is its own."""
    recipe = load_recipe(name)
    model = recipe.model
    reduction = int(np.prod(model.strides))
    assert (32 // reduction) ** 2 * model.vectors == 256
    orders, low, high = (1, 2, 4, 6, 8), *recipe.channel.snr_db
    if len(model.orders) == 1:
        ends = (-3, *snr_boundaries_db(orders, 0.1), 32)
        index = orders.index(model.orders[0])
        assert (low, high) == pytest.approx(ends[index : index + 2], abs=0.05)
    else:
        assert (model.orders, low, high) == (orders, -3, 32)


def test_the_start_of_a_shipped_recipe_has_the_sizes_of_its_networks():
    for name in SHIPPED:
        recipe = load_recipe(name)
        if recipe.start is None:
            continue
        models = [recipe.model, load_recipe(recipe.start.removeprefix("zoo:")).model]
        ours, theirs = (jscc.create(model.name, **model.model_dump(exclude={"name"})) for model in models)
        for part in ("encoder", "decoder"):
            shapes = [[tuple(v.shape) for v in getattr(codec, part).weights] for codec in (ours, theirs)]
            assert shapes[0] == shapes[1], name


_UNDER_JAX = """
import json, sys
from pathlib import Path
from linksim.training import loop
from linksim.training.recipe import Recipe
class Silent:
    def say(self, text): pass
    def update(self, done, total, loss): pass
    def epoch(self, line, best): pass
loop.train(Recipe.model_validate(json.loads(sys.argv[1])), Path(sys.argv[2]), Silent())
"""


@pytest.mark.slow
def test_under_jax_a_joint_training_lowers_the_loss_and_its_weights_are_read_here(joint, tmp_path):
    """In half precision, then the codebooks alone."""
    pytest.importorskip("jax")
    joint |= {"epoch": 40, "precision": "mixed_bfloat16"}
    joint["phases"] = [
        {"steps": 160, "learning_rate": {"initial": 1e-2}},
        {"steps": 40, "train": ["quantizer"], "orders": [1, 2]},
    ]
    done = subprocess.run(
        [sys.executable, "-c", _UNDER_JAX, json.dumps(joint), str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    history = checkpoint.read_progress(tmp_path / checkpoint.CHECKPOINT).history
    losses = [line["loss"] for line in history if line["phase"] == 0]
    assert losses[-1] < losses[0] / 2
    weights = zoo.find(str(tmp_path / "tiny.weights.h5"))
    assert weights.card.device.endswith("(jax)")
    assert [quantizer.count for quantizer in zoo.load(weights).quantizers] == [2, 4, 16]
