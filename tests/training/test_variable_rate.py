"""Training source coders, NTSCC and MDJCM: what is drawn and weighed, what stays frozen, starts, refusals."""

import csv
import json

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import linksim.phy  # noqa: F401  starts TensorFlow quietly
from linksim import jscc, zoo
from linksim.jscc.codec import Rehearsal
from linksim.training import checkpoint, loop
from linksim.training.loop import recipe_digest, train
from linksim.training.recipe import load_recipe, shipped_recipes
from linksim.training.trainee import Trainee, phase_orders
from tests.training.conftest import train_until

CODER = {"channels": [16, 32], "depths": [1, 1], "window": 4, "hyper": 16}
RATES = {"rates": [1, 2, 4, 8], "blocks": 2}
SIZES = {**CODER, **RATES, "orders": [2, 4, 6]}
MDJCM = {"name": "mdjcm", **SIZES}


@pytest.fixture
def variable(tiny):
    """The data of a recipe for MDJCM with three orders; each test gets its own."""
    return {**tiny, "model": dict(MDJCM), "channel": {"snr_db": [0, 20]}, "phases": [{"steps": 4}]}


@pytest.fixture
def coder(tiny):
    """The data of a recipe for a source coder."""
    del tiny["channel"]
    return {**tiny, "model": {"name": "source-coder", **CODER}, "phases": [{"steps": 4, "rate": 30.0}]}


# What is drawn and what is minimised.


def trainee_of(recipe, rehearse):
    """A trainee whose codec rehearses as told, by keywords."""
    codec = jscc.create(recipe.model.name, **recipe.model.model_dump(exclude={"name"}))
    codec.rehearse = lambda images, channel, snr_db, hardness, orders, training, **options: rehearse(
        images=images, snr_db=snr_db, orders=orders, options=options
    )
    return Trainee(codec, None, recipe, recipe.phases[0])


def tiles(recipe, count=6):
    side = recipe.photographs.tile_side
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


def heard(recipe, training=True, steps=1):
    """What the codec is told in some steps."""
    told = []
    trainee = trainee_of(recipe, lambda **given: told.append(given) or Rehearsal(given["images"]))
    for _ in range(steps):
        trainee(tiles(recipe), training=training)
    return told


def test_every_picture_is_sent_once_at_an_snr_of_the_whole_range(variable, validated):
    """Not once for each order as by uJSCC, and no order has a part of the range."""
    told = heard(validated(variable), steps=40)
    assert {given["images"].shape[0] for given in told} == {6}
    snr_db = np.array([given["snr_db"] for given in told])
    assert snr_db.shape == (40, 6)
    assert len(np.unique(snr_db)) == snr_db.size
    assert 0 <= snr_db.min() < 1
    assert 19 < snr_db.max() <= 20
    variable["channel"]["draw"] = "step"
    snr_db = np.array([given["snr_db"] for given in heard(validated(variable), steps=2)])
    np.testing.assert_array_equal(snr_db, np.repeat(snr_db[:, :1], 6, axis=1))


def test_a_phase_tells_the_codec_orders_eta_and_process(variable, validated):
    (given,) = heard(validated(variable))
    assert (given["orders"], given["options"]) == ((0, 1, 2), {"eta": (0.2, 0.2), "process": "substitute"})
    variable["phases"] = [{"steps": 1, "orders": [2, 6], "eta": [0.1, 0.4], "process": "real"}]
    (given,) = heard(validated(variable), training=False)
    assert (given["orders"], given["options"]) == ((0, 2), {"eta": (0.1, 0.4), "process": "real"})


def test_models_without_orders_have_one(variable, validated):
    for model in ({"name": "ntscc", **CODER, **RATES}, {"name": "mdjcm", **CODER, **RATES}):
        recipe = validated({**variable, "model": model})
        assert phase_orders(recipe.model, recipe.phases[0]) == (0,)
        (given,) = heard(recipe)
        assert given["orders"] == (0,)


def test_a_source_coder_is_told_nothing_of_rates(coder, validated):
    (given,) = heard(validated(coder))
    assert given["options"] == {}


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ({}, 0.01 * 255**2 + 30.0),  # the source coder's own distortion counts 1, its rate nothing
        ({"rate": 8.0}, 0.01 * 255**2 + 30.0 + 8 * 1.5),
        ({"rate": 8.0, "source": 0.5}, 0.01 * 255**2 + 15.0 + 8 * 1.5),
        ({"source": 0}, 0.01 * 255**2),
    ],
)
def test_the_loss_by_hand(phase, expected, variable, validated):
    """An error of 0.1, a rate of 1.5 bpp and a distortion of 30; the CBR is told and costs nothing."""
    variable["phases"][0] |= phase
    recipe = validated(variable)
    penalties = {"rate": 1.5, "source": 30.0, "cbr": 0.0625}
    trainee = trainee_of(recipe, lambda **given: Rehearsal(given["images"] + 0.1, dict(penalties)))
    outcome = trainee(tiles(recipe), training=True)
    assert float(trainee.compute_loss(y_pred=outcome)) == pytest.approx(expected, rel=1e-4)
    means = {metric.name: float(metric.result()) for metric in trainee.metrics}
    assert means["cbr"] == pytest.approx(0.0625)
    assert means["rate"] == pytest.approx(1.5)
    assert means["psnr_db"] == pytest.approx(20, abs=0.01)


# Trainings.


@pytest.fixture
def begun(monkeypatch):
    """Of every phase that begins: the codec and its variables by part, as they were then and are now."""
    phases, train_phase = [], loop._train_phase

    def recorded(recipe, number, codec, *others):
        phases.append({part: getattr(codec, part).get_weights() for part in codec.parts})
        train_phase(recipe, number, codec, *others)
        phases.append({part: getattr(codec, part).get_weights() for part in codec.parts})

    monkeypatch.setattr(loop, "_train_phase", recorded)
    return phases


#: tf.data says that it goes on compiling.
trained_eagerly = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


@pytest.fixture
def eagerly():
    """Trainings of a few updates take less time than compiling them does."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def psnr_falls(monkeypatch):
    """Validations say that the PSNR falls from epoch to epoch, whatever it does."""
    evaluate, psnr_db = Trainee.evaluate, iter(range(40, 0, -1))
    monkeypatch.setattr(
        Trainee,
        "evaluate",
        lambda self, *data, **options: {**evaluate(self, *data, **options), "psnr_db": float(next(psnr_db))},
    )


def rows_of(folder):
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def changed(before, after):
    """Of one part: whether each variable is another now."""
    return [bool((x != y).any()) for x, y in zip(before, after, strict=True)]


def test_a_source_coder_learns_and_is_chosen_by_its_loss(coder, validated, listener, tmp_path, psnr_falls):
    """Rate and distortion trade: the epoch with the least loss is best, though its PSNR were the worst."""
    coder |= {"epoch": 20, "phases": [{"steps": 60, "rate": 30.0, "learning_rate": {"initial": 3e-3}}]}
    path = train(validated(coder), tmp_path / "coder", listener)
    losses = [line["validation_loss"] for line in listener.lines]
    assert losses[2] < losses[0] / 2
    assert listener.best == [True, True, True]
    assert all(line["rate_bpp"] > 0 and "cbr" not in line for line in listener.lines)
    rows = rows_of(path.parent)
    assert {row["cbr"] for row in rows} == {""}
    assert [float(row["rate_bpp"]) for row in rows] == pytest.approx(
        [line["rate_bpp"] for line in listener.lines], abs=1e-4
    )
    card = zoo.find(str(path)).card
    assert (card.cbr, card.channel, card.snr_db, card.validation_cbr) == (None, None, None, None)
    assert card.validation_rate_bpp == pytest.approx(listener.lines[-1]["rate_bpp"], abs=1e-4)
    assert (card.base, card.start) == (None, None)
    assert zoo.load(zoo.find(str(path))).count_params() == card.parameters


@trained_eagerly
def test_the_three_phases_of_mdjcm(
    variable, validated, listener, tmp_path, make_weights, begun, psnr_falls, eagerly
):
    """From a source coder: the parts that both have. Then all; at last the receiver alone, with the
    transmitter bit for bit as it was."""
    start = make_weights(tmp_path / "coder.weights.h5", "source-coder", **CODER)
    rate = {"initial": 1e-3}
    variable |= {"start": str(start), "seed": 3, "epoch": 2}
    variable["phases"] = [
        {"steps": 4, "rate": 20.0, "eta": [0.02, 0.2], "learning_rate": rate},
        {
            "steps": 4,
            "process": "real",
            "source": 0,
            "eta": [0.02, 0.2],
            "train": ["decoder", "synthesis"],
            "learning_rate": rate,
        },
    ]
    path = train(validated(variable), tmp_path / "out", listener)

    source = zoo.load(zoo.find(str(start)))
    for part in source.parts:
        assert not any(changed(begun[0][part], getattr(source, part).get_weights()))
    # The others are new: as the recipe's seed draws them.
    keras.utils.set_random_seed(3)
    fresh = jscc.create("mdjcm", **SIZES)
    for part in ("encoder", "decoder"):
        assert not any(changed(begun[0][part], getattr(fresh, part).get_weights()))

    first, second = ({part: changed(x[part], y[part]) for part in x} for x, y in (begun[:2], begun[2:]))
    assert all(all(moved) for moved in first.values())
    for part in ("analysis", "hyperprior", "encoder"):
        assert not any(second[part])
    assert all(second["decoder"])
    assert all(second["synthesis"])
    assert not any(any(changed(begun[1][part], begun[2][part])) for part in first)

    # A phase that weighs the rate is judged by its loss, the other by its PSNR, which falls here.
    assert [(line["phase"], line["step"]) for line in listener.lines] == [(0, 2), (0, 4), (1, 2), (1, 4)]
    losses = [line["validation_loss"] for line in listener.lines]
    assert listener.best == [True, losses[1] < losses[0], True, False]
    assert ["rate_bpp" in line for line in listener.lines] == [True, True, False, False]
    rows = rows_of(path.parent)
    assert [bool(row["rate_bpp"]) for row in rows] == [True, True, False, False]
    # Between all patches at the least and at the largest rate.
    assert all(16 / 768 < line["cbr"] < 16 * 8 / 768 for line in listener.lines)
    assert [float(row["cbr"]) for row in rows] == pytest.approx(
        [line["cbr"] for line in listener.lines], abs=1e-4
    )
    card = zoo.find(str(path)).card
    assert (card.cbr, card.varies, card.rates, card.orders) == (None, True, (1, 2, 4, 8), (2, 4, 6))
    assert card.validation_cbr == pytest.approx(listener.lines[2]["cbr"], abs=1e-4)
    assert (card.validation_rate_bpp, card.validation_psnr_db) == (None, 38)
    # The start is of another model: nothing to store differences from.
    assert (card.start, card.base) == (str(start), None)


def test_a_receiver_of_shipped_weights_is_stored_as_differences(
    variable, validated, listener, tmp_path, make_weights, monkeypatch, begun
):
    """Where the weights that it starts from are shipped; what was frozen differs by nothing."""
    monkeypatch.setattr(zoo.weights, "FOLDER", tmp_path / "zoo")
    shipped = make_weights(tmp_path / "zoo/mdjcm/base.weights.h5", "mdjcm", **SIZES)
    variable |= {"model": {**MDJCM, "orders": [4]}, "start": "zoo:mdjcm/base", "epoch": 2}
    variable["phases"] = [{"steps": 2, "process": "real", "train": ["decoder", "synthesis"]}]
    path = train(validated(variable), tmp_path / "out", listener)
    weights, base = zoo.find(str(path)), zoo.find("zoo:mdjcm/base")
    assert (weights.card.base, weights.card.base_sha256) == ("zoo:mdjcm/base", base.digest)
    ours, theirs = zoo.load(weights), zoo.load(base)
    for part in ("analysis", "hyperprior", "encoder"):
        for value, expected in zip(getattr(ours, part).get_weights(), getattr(theirs, part).get_weights()):
            np.testing.assert_array_equal(value, expected)
    with h5py.File(path) as file:
        grids = []
        file.visititems(lambda name, entry: grids.append(entry) if "step" in entry.attrs else None)
        assert grids
        assert all(entry.dtype == np.int8 and not entry[()].any() for entry in grids)
    assert path.stat().st_size < shipped.stat().st_size
    # A model of one order began as the one of several: all its parts, the order modules too.
    for part in theirs.parts:
        assert not any(changed(begun[0][part], getattr(theirs, part).get_weights()))


@trained_eagerly
def test_stopped_and_resumed_it_ends_as_if_it_had_not_been(variable, validated, listener, tmp_path, eagerly):
    """Stopped in the second epoch: η, orders and noise are drawn on as if nothing had been."""
    variable |= {"epoch": 2}
    variable["phases"] = [{"steps": 4, "rate": 20.0, "eta": [0.05, 0.4]}]
    recipe = validated(variable)
    train_until(3, recipe, tmp_path / "a", listener)
    assert [line["step"] for line in listener.lines] == [2]
    train(recipe, tmp_path / "a", listener)
    train(recipe, tmp_path / "b", listener)
    for ours, theirs in zip(listener.lines[:2], listener.lines[2:], strict=True):
        assert {**ours, "seconds": 0} == pytest.approx({**theirs, "seconds": 0}, rel=1e-6)
    with (
        np.load(tmp_path / "a" / checkpoint.BEST) as ours,
        np.load(tmp_path / "b" / checkpoint.BEST) as theirs,
    ):
        for name in set(ours.files) - {"progress"}:
            difference = np.linalg.norm(ours[name].astype(float) - theirs[name])
            assert difference <= 1e-3 * np.linalg.norm(theirs[name]), name


@pytest.mark.parametrize(
    ("model", "sizes", "part"),
    [
        ("mdjcm", {**SIZES, "orders": []}, "encoder"),  # without order modules
        ("mdjcm", {**SIZES, "rates": [1, 2, 4]}, "encoder"),
        ("source-coder", {**CODER, "hyper": 8}, "hyperprior"),
        ("source-coder", {**CODER, "window": 3}, "analysis"),
    ],
)
def test_weights_of_other_sizes_are_no_start(
    model, sizes, part, variable, validated, make_weights, tmp_path, refusal, listener
):
    path = make_weights(tmp_path / "start.weights.h5", model, **sizes)
    recipe = validated({**variable, "start": str(path)})
    text = refusal(train, recipe, tmp_path / "out", listener)
    assert text.startswith(f"start: the {part} of {path} has other sizes")


# Recipes.


def test_new_fields_at_their_defaults_leave_the_digest_of_older_recipes(tiny, variable, validated):
    for data in (tiny, variable):
        digest = recipe_digest(validated(data))
        defaults = {"rate": 0.0, "source": 1.0, "eta": [0.2, 0.2], "process": "substitute"}
        told = {**data, "phases": [{**defaults, **data["phases"][0]}]}
        assert recipe_digest(validated(told)) == digest
    for field, value in (("eta", [0.1, 0.2]), ("process", "real"), ("rate", 1.0), ("source", 0.0)):
        other = {**variable, "phases": [{**variable["phases"][0], field: value}]}
        assert recipe_digest(validated(other)) != recipe_digest(validated(variable))


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"model": {"rates": [1, 4, 2]}}, "model.rates: the rates do not rise"),
        ({"model": {"rates": [1, 2, 2]}}, "model.rates: the rates do not rise"),
        ({"model": {"rates": [0, 2]}}, "model.rates.0: "),
        ({"model": {"rates": [4]}}, "model.rates: "),
        ({"model": {"rates": [1, 17]}}, "model.rates: the last channels carry fewer\nmend: write at most 16"),
        ({"model": {"channels": [16, 24]}}, "model.channels.1: "),
        ({"model": {"channels": []}}, "model.channels: "),
        ({"model": {"depths": [1]}}, "model.depths: as many as channels are needed"),
        ({"model": {"depths": [1, 0]}}, "model.depths.1: "),
        ({"model": {"window": 1}}, "model.window: "),
        ({"model": {"hyper": 15}}, "model.hyper: "),
        ({"model": {"blocks": 0}}, "model.blocks: "),
        ({"model": {"orders": [2, 3]}}, "model.orders.1: "),
        ({"model": {"orders": [4, 2]}}, "model.orders: the orders do not rise"),
        ({"model": {"orders": [4, 4]}}, "model.orders: the orders do not rise"),
        ({"model": {"orders": [12]}}, "model.orders.0: "),
        ({"model": {"name": "ntscc"}}, "model.orders: unknown"),
        ({"model": {"name": "ntscc", "orders": ..., "rates": ...}}, "model.rates: missing"),
        ({"model": {"name": "source-coder", "orders": ...}}, "model.rates: unknown"),
        ({"channel": ...}, "channel: a mdjcm needs one"),
        ({"phases": [{"steps": 1, "eta": [0.4, 0.1]}]}, "phases.0.eta: the least lies above the largest"),
        ({"phases": [{"steps": 1, "eta": [0, 0.1]}]}, "phases.0.eta.0: "),
        ({"phases": [{"steps": 1, "eta": 0.2}]}, "phases.0.eta"),
        ({"phases": [{"steps": 1, "process": "ideal"}]}, "phases.0.process: "),
        ({"phases": [{"steps": 1, "rate": -1}]}, "phases.0.rate: "),
        ({"phases": [{"steps": 1, "source": -1}]}, "phases.0.source: "),
        (
            {"phases": [{"steps": 1, "train": ["decoder", "classifier"]}]},
            "phases.0.train: a mdjcm has not all of these\n"
            "mend: its parts are analysis, hyperprior, synthesis, encoder, decoder",
        ),
        ({"phases": [{"steps": 1, "train": ["turbo"]}]}, "phases.0.train.0: "),
        ({"phases": [{"steps": 1, "train": ["quantizer"]}]}, "phases.0.train: a mdjcm has no quantizer"),
        ({"phases": [{"steps": 1, "orders": [2, 8]}]}, "phases.0.orders: the mdjcm has not all of these"),
        ({"phases": [{"steps": 1, "orders": [4, 2]}]}, "phases.0.orders: the orders do not rise"),
        ({"phases": [{"steps": 1, "divergence": 0.1}]}, "phases.0.divergence: a mdjcm has none"),
        (
            {"phases": [{"steps": 1, "order_weights": [1, 2, 3]}]},
            "phases.0.order_weights: a mdjcm draws an order for each picture",
        ),
    ],
)
def test_refusals(changes, known, variable, tmp_path, refusal):
    for name, value in changes.items():
        value = {**variable[name], **value} if isinstance(value, dict) else value
        if isinstance(value, dict):
            value = {key: entry for key, entry in value.items() if entry is not ...}
        variable[name] = value
    data = {name: value for name, value in variable.items() if value is not ...}
    (tmp_path / "a.yaml").write_text(json.dumps(data))
    text = refusal(load_recipe, tmp_path / "a.yaml")
    assert text.startswith(f"{tmp_path / 'a.yaml'}: ")
    assert known in text


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"channel": {"snr_db": 10}}, "channel: a source-coder sends nothing"),
        ({"phases": [{"steps": 1, "train": ["encoder"]}]}, "phases.0.train: a source-coder has not all"),
        ({"phases": [{"steps": 1, "orders": [2]}]}, "phases.0.orders: the source-coder has not all"),
    ],
)
def test_refusals_of_a_source_coder(changes, known, coder, tmp_path, refusal):
    (tmp_path / "a.yaml").write_text(json.dumps({**coder, **changes}))
    assert known in refusal(load_recipe, tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("phase", "known"),
    [
        ({"rate": 1.0}, "phases.0.rate: a deepjscc-2019 has none"),
        ({"train": ["synthesis"]}, "phases.0.train: a deepjscc-2019 has not all of these"),
    ],
)
def test_a_model_without_a_hyperprior_has_no_rate(phase, known, tiny, tmp_path, refusal):
    tiny["phases"][0] |= phase
    (tmp_path / "a.yaml").write_text(json.dumps(tiny))
    assert known in refusal(load_recipe, tmp_path / "a.yaml")


def test_shipped_recipes_of_variable_rate_end_with_the_receiver_over_real_modulation():
    """They start from a source coder or from each other; where phase 3 is, it trains nothing of the
    transmitter."""
    names = [name for name in shipped_recipes() if name.split("/")[0] in jscc.VARIABLE_RATE]
    assert len(names) >= 5
    for name in names:
        recipe = load_recipe(name)
        assert recipe.start.removeprefix("zoo:").split("/")[0] in (*jscc.VARIABLE_RATE, "source-coder")
        for phase in recipe.phases:
            if phase.train is not None:
                assert set(phase.train) == {"decoder", "synthesis"}
                assert phase.process == "real"
