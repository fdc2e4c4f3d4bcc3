"""MDJCM and NTSCC: both faces agree, what is not sent has no influence, power, points, gradients, bits."""

import json
import os
import subprocess
import sys
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim import jscc
from linksim.jscc import rates
from linksim.jscc.codec import Condition
from linksim.jscc.layers import grid
from linksim.modulation.constellations import qam

SIZES = {
    "channels": (16, 32),
    "depths": (1, 1),
    "window": 4,
    "hyper": 16,
    "rates": (1, 2, 4, 8),
    "blocks": 2,
}

#: Analogue symbols with two dimension reductions and one, one order, several.
CASES = {
    "analogue": ("mdjcm", ()),
    "ntscc": ("ntscc", None),
    "one order": ("mdjcm", (4,)),
    "orders": ("mdjcm", (2, 4, 8)),
}
each_model = pytest.mark.parametrize("name", CASES)
each_digital = pytest.mark.parametrize("name", ["one order", "orders"])

#: η with which patches of the random codecs have every rate.
ETA = 0.045

SNR_DB = np.array([0.0, 7.0, 14.0, 21.0], np.float32)


def made(model, orders):
    """A codec of random weights, which all take part."""
    keras.utils.set_random_seed(1)
    codec = jscc.create(model, **SIZES, **({} if orders is None else {"orders": orders}))
    random = np.random.default_rng(2)
    for weight in codec.trainable_variables:
        weight.assign_add(random.normal(scale=0.1, size=weight.shape).astype(np.float32))
    return codec


codec_of = cache(lambda name: made(*CASES[name]))


def pictures(batch=4, height=16, width=20, seed=1):
    """From plain to busy, so that patches differ in what they hold."""
    random = np.random.default_rng(seed)
    noise = random.random((batch, height, width, 3)) - 0.5
    contrast = random.random((batch, height, width, 1)) ** 2
    return (0.5 + contrast * noise).astype(np.float32)


def allocated(codec, images, eta=ETA):
    """Indices of the rates of the patches, [batch, patches]."""
    return rates.allocate(codec.self_information(images), eta, codec.rates)


def condition_of(codec, images, order=0, snr_db=10.0, eta=ETA):
    return Condition(*images.shape[1:3], snr_db, order, allocated(codec, images, eta))


def noiseless(symbols, snr_db, sent):
    return symbols, None


class Noisy:
    """A channel that adds what it is given, everywhere, and remembers what it got."""

    def __init__(self, noise):
        self.noise = noise

    def __call__(self, symbols, snr_db, sent):
        self.symbols, self.sent = np.asarray(symbols), np.asarray(sent)
        return symbols + self.noise, None


def noise_of(codec, images, scale=0.3, seed=3):
    shape = (len(images), codec.channel_uses(*images.shape[1:3]), 2)
    return np.random.default_rng(seed).normal(scale=scale, size=shape).astype(np.float32)


def round_hyper(codec, monkeypatch):
    """Give z no noise in training, so that the rates are those of the link."""
    quantize = codec.hyperprior.quantize_hyper
    monkeypatch.setattr(codec.hyperprior, "quantize_hyper", lambda latent, training=False: quantize(latent))


def as_pairs(points):
    return np.stack([points.real, points.imag], axis=-1).astype(np.float32)


def as_complex(pairs):
    return np.asarray(pairs, float) @ np.array([1, 1j])


def sent_pairs(codec, sent, order):
    """Real pairs of what an encoder gives, of either kind."""
    if sent.symbols is not None:
        return np.asarray(sent.symbols)
    return as_pairs(codec.constellations[order])[np.asarray(sent.indices)]


def detected(codec, pairs, order):
    """Labels of the nearest points by their distances."""
    distances = np.abs(as_complex(pairs)[..., None] - codec.constellations[order])
    return np.argmin(distances, axis=-1).astype(np.int32)


def transmitted(codec, images, order, noise, snr_db=10.0, eta=ETA):
    """Encode, add noise, detect, decode: the face that the link sees."""
    condition = condition_of(codec, images, order, snr_db, eta)
    received = sent_pairs(codec, codec.encode(images, condition), order) + noise
    if codec.detects:
        received = detected(codec, received, order)
    return np.asarray(codec.decode(received, condition))


# Both faces.


@each_model
@pytest.mark.parametrize("scale", [0.0, 0.3])
def test_a_rehearsal_without_a_substitute_is_what_the_link_shows(name, scale):
    """With the same noise, over a channel without and with noise; each picture at its own SNR in training,
    and in an order of its own."""
    codec, images = codec_of(name), pictures()
    noise = noise_of(codec, images, scale)
    for order in range(max(1, len(codec.orders))):
        channel = Noisy(noise)
        found = codec.rehearse(images, channel, SNR_DB, 1.0, (order,), eta=(ETA, ETA), process="real")
        expected = np.concatenate(
            [
                transmitted(codec, images[i : i + 1], order, noise[i : i + 1], SNR_DB[i])
                for i in range(len(images))
            ]
        )
        assert found.pictures.shape == images.shape
        assert found.logits is None
        np.testing.assert_allclose(found.pictures, expected, atol=2e-5)
        assert expected.std() > 0.05
        np.testing.assert_array_equal(channel.sent, rates.sent_mask(allocated(codec, images), codec.rates))


def test_every_picture_of_a_batch_has_an_order_of_its_own():
    """Drawn from those that take part; each picture is the one of some order, and all orders occur."""
    codec, images = codec_of("orders"), pictures(16, 8, 8)
    noise = noise_of(codec, images)
    of_order = np.stack([transmitted(codec, images, order, noise) for order in range(3)])
    for taking_part in ((0, 1, 2), (0, 2)):
        found = codec.rehearse(images, Noisy(noise), 10.0, 1.0, taking_part, eta=(ETA, ETA))
        distances = np.abs(of_order - found.pictures).max(axis=(2, 3, 4))
        np.testing.assert_allclose(distances.min(axis=0), 0, atol=2e-5)
        assert set(distances.argmin(axis=0)) == set(taking_part)
        assert np.sort(distances, axis=0)[1].min() > 1e-3


@each_model
def test_a_rehearsal_in_validation_ignores_the_substitute(name):
    codec, images = codec_of(name), pictures(2, 8, 8)
    options = {"snr_db": 10.0, "hardness": 1.0, "orders": (0,), "eta": (ETA, ETA)}
    shown = [
        codec.rehearse(images, noiseless, **options, process=process).pictures
        for process in ("substitute", "real")
    ]
    np.testing.assert_array_equal(*shown)


@each_model
def test_what_a_rehearsal_costs(name):
    """The mean CBR is that of the symbols sent; the rate is that of the hyperprior; the source coder's own
    pictures count in training alone."""
    codec, images = codec_of(name), pictures()
    found = codec.rehearse(images, noiseless, 10.0, 1.0, (0,), eta=(ETA, ETA))
    uses = np.asarray(codec.rates)[allocated(codec, images)].sum(axis=1)
    assert float(found.penalties["cbr"]) == pytest.approx(uses.mean() / images[0].size, rel=1e-6)
    estimate = codec.hyperprior(codec.latent(images))
    bits = np.sum(estimate.bits) + np.sum(estimate.side_bits)
    assert float(found.penalties["rate"]) == pytest.approx(bits / images[..., 0].size, rel=1e-5)
    assert set(found.penalties) == {"rate", "cbr"}
    trained = codec.rehearse(images, noiseless, 10.0, 1.0, (0,), True, eta=(ETA, ETA))
    assert set(trained.penalties) == {"rate", "source", "cbr"}
    assert trained.penalties["source"] > 0


def test_eta_is_drawn_for_each_picture_evenly_in_its_logarithm():
    """Between the ends, its logarithm with mean and variance of the uniform law within four standard errors;
    equal ends draw nothing."""
    codec = codec_of("analogue")
    drawn = np.log(codec._draw_eta(4000, (0.05, 0.4)))
    low, high = np.log([0.05, 0.4])
    assert low - 1e-6 <= drawn.min() < drawn.max() <= high + 1e-6
    width = high - low
    assert abs(drawn.mean() - (low + high) / 2) < 4 * width / np.sqrt(12 * 4000)
    assert abs(drawn.var() - width**2 / 12) < 4 * width**2 * np.sqrt((1 / 80 - 1 / 144) / 4000)
    np.testing.assert_allclose(codec._draw_eta(5, (0.2, 0.2)), 0.2, rtol=1e-6)


# What is not sent.


@each_model
def test_what_is_not_sent_has_no_influence_on_the_link(name):
    codec, images = codec_of(name), pictures()
    condition = condition_of(codec, images)
    mask = rates.sent_mask(condition.rates, codec.rates)
    assert 0.2 < mask.mean() < 0.9
    sent = codec.encode(images, condition).content
    np.testing.assert_array_equal(np.asarray(sent)[~mask], 0)
    random = np.random.default_rng(4)
    if codec.detects:
        garbage = random.integers(len(codec.constellations[0]), size=mask.shape).astype(np.int32)
    else:
        garbage = random.normal(scale=30, size=(*mask.shape, 2)).astype(np.float32)
    received = np.where(mask if codec.detects else mask[..., None], sent, garbage)
    expected = np.asarray(codec.decode(sent, condition))
    np.testing.assert_array_equal(codec.decode(received, condition), expected)
    # And what is sent has one.
    spoilt = np.where(mask if codec.detects else mask[..., None], garbage, sent)
    assert (np.abs(codec.decode(spoilt, condition) - expected).max(axis=(1, 2, 3)) > 1e-3).all()


@each_model
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("process", ["real", "substitute"])
def test_what_is_not_sent_has_no_influence_in_training(name, training, process):
    """The channel gets zeros there, and may give back anything."""
    codec, images = codec_of(name), pictures()

    def rehearsed(scale):
        """The generators of all drawings are put back, so that both rehearsals draw the same."""
        for generator in (codec._random, codec.hyperprior._random):
            generator.state.assign([1, 2])
        given = []

        def channel(symbols, snr_db, sent):
            given.append((np.asarray(symbols), np.asarray(sent)))
            garbage = scale * np.random.default_rng(5).normal(size=symbols.shape)
            return tf.where(sent[..., None], symbols, garbage.astype(np.float32)), None

        found = codec.rehearse(images, channel, 10.0, 1.0, (0,), training, eta=(ETA, ETA), process=process)
        symbols, sent = given[0]
        np.testing.assert_array_equal(symbols[~sent], 0)
        assert (symbols[sent] != 0).any(axis=-1).all()
        return np.asarray(found.pictures)

    np.testing.assert_array_equal(rehearsed(30.0), rehearsed(0.0))


# Rates.


@each_model
def test_the_rates_in_training_are_those_of_the_link(name):
    codec, random = codec_of(name), np.random.default_rng(6)
    bits = random.uniform(0, 200, (5, 4, 7)).astype(np.float32)
    eta = np.array([0.03, 0.06, 0.12, 0.24, 0.01], np.float32)
    found = np.asarray(codec._allocate(bits, eta))
    for picture in range(5):
        expected = rates.allocate(bits[picture], float(eta[picture]), codec.rates)
        np.testing.assert_array_equal(found[picture], expected)
    assert set(found.ravel()) == {0, 1, 2, 3}
    indices = found.reshape(5, -1)
    mask = rates.sent_mask(indices, codec.rates)
    np.testing.assert_array_equal(codec._mask(indices), mask)
    np.testing.assert_array_equal(mask.sum(axis=1), np.asarray(codec.rates)[indices].sum(axis=1))


def test_half_way_both_take_the_smaller_rate():
    codec = codec_of("analogue")
    bits = np.array([1.5, 3, 6, 1.5001, 3.0001, 6.0001], np.float32).reshape(1, 2, 3)
    found = np.asarray(codec._allocate(bits, np.array([2.0], np.float32)))
    np.testing.assert_array_equal(found, rates.allocate(bits, 2.0, codec.rates))
    assert found.ravel().tolist() == [0, 1, 2, 1, 2, 3]


def test_self_information_is_that_of_the_patches_row_by_row():
    codec, images = codec_of("analogue"), pictures(2, 16, 20)
    found = np.asarray(codec.self_information(images))
    expected = np.asarray(codec.hyperprior(codec.latent(images)).expected_bits)
    assert expected.shape == (2, 4, 5)
    np.testing.assert_array_equal(found, expected.reshape(2, 20))
    assert (codec.cbr, codec.channel_uses(16, 20)) == (None, 20 * 8)


def test_more_channel_uses_than_the_latent_has_pairs_are_refused():
    with pytest.raises(ValueError, match="17 channel uses need 34 channels"):
        jscc.create("mdjcm", **{**SIZES, "rates": (1, 17)})


# What is sent.


@each_model
def test_the_sent_symbols_of_every_picture_have_unit_energy_before_they_are_clamped(name, monkeypatch):
    codec, images = codec_of(name), pictures()
    condition = condition_of(codec, images)
    mask = rates.sent_mask(condition.rates, codec.rates)
    with monkeypatch.context() as patch:
        patch.setattr(grid, "clamp", lambda symbols, order: symbols)
        pairs = np.asarray(codec.pairs(images, condition), float)
    energy = np.sum(pairs**2, axis=(1, 2)) / mask.sum(axis=1)
    np.testing.assert_allclose(energy, 1, rtol=1e-5)
    np.testing.assert_array_equal(pairs[~mask], 0)
    if not codec.orders:
        np.testing.assert_array_equal(codec.pairs(images, condition), pairs.astype(np.float32))


@each_digital
def test_pairs_lie_within_the_grid_and_labels_are_those_of_the_nearest_points(name):
    """By every order: ±(√M − 1)·d, where points are at (2t − √M + 1)·d."""
    codec, images = codec_of(name), pictures()
    for number, bits in enumerate(codec.orders):
        condition = condition_of(codec, images, number)
        mask = rates.sent_mask(condition.rates, codec.rates)
        pairs = np.asarray(codec.pairs(images, condition))
        limit = (2 ** (bits / 2) - 1) * np.sqrt(1.5 / (2**bits - 1))
        assert limit == pytest.approx(np.abs(qam(bits).real).max())
        assert np.abs(pairs).max() <= limit * (1 + 1e-6)
        assert (np.abs(pairs) > limit * 0.999).any()  # some are clamped
        sent = codec.encode(images, condition)
        assert sent.symbols is None
        assert sent.indices.dtype == tf.int32
        np.testing.assert_array_equal(np.asarray(sent.indices)[mask], detected(codec, pairs, number)[mask])
        np.testing.assert_allclose(codec.constellations[number], qam(bits), atol=1e-6)


@each_digital
def test_the_substitute_spreads_no_further_than_a_cell(name, monkeypatch):
    """The channel gets the symbols and at most d more, evenly."""
    codec, images = codec_of(name), pictures()
    round_hyper(codec, monkeypatch)
    for number, bits in enumerate(codec.orders):
        spacing = np.sqrt(1.5 / (2**bits - 1))
        channel = Noisy(0.0)
        codec.rehearse(images, channel, SNR_DB, 1.0, (number,), True, eta=(ETA, ETA))
        pairs = np.concatenate(
            [
                codec.pairs(images[i : i + 1], condition_of(codec, images[i : i + 1], number, SNR_DB[i]))
                for i in range(len(images))
            ]
        )
        moved = (channel.symbols - pairs)[channel.sent]
        assert 0.9 * spacing < np.abs(moved).max() <= spacing * (1 + 1e-5)
        assert abs(np.mean(moved**2) - spacing**2 / 3) < 4 * np.std(moved**2) / np.sqrt(moved.size)


@each_model
def test_the_snr_and_the_order_change_what_is_sent(name):
    codec, images = codec_of(name), pictures(1)
    assert codec.adapts
    of_snr = [codec.pairs(images, condition_of(codec, images, 0, snr_db)) for snr_db in (0.0, 20.0)]
    assert np.abs(of_snr[0] - of_snr[1]).max() > 1e-3
    if len(codec.orders) > 1:
        # Beyond the clamping, which 16QAM and 256QAM do at 0.95 and 1.15.
        of_order = [np.asarray(codec.pairs(images, condition_of(codec, images, n))) for n in (1, 2)]
        inside = np.abs(of_order[1]) < 0.8
        assert np.abs(of_order[0] - of_order[1])[inside].max() > 1e-3


# Dimension reductions.


@pytest.mark.parametrize(("name", "reductions"), [("analogue", 2), ("orders", 2), ("ntscc", 1)])
def test_where_dimensions_are_reduced(name, reductions, monkeypatch):
    """MDJCM: y to 4 and, before the second block, to 2 channels for each channel use; NTSCC: only at last."""
    codec, images = codec_of(name), pictures()
    latent = np.asarray(codec.latent(images))
    indices = allocated(codec, images).reshape(latent.shape[:3])
    uses = np.asarray(codec.rates)[indices][..., None]
    told = codec._told(len(images), 10.0, np.zeros(len(images), np.int32))

    seen = []
    for block in codec.encoder.trunk.blocks:
        call = block.call
        monkeypatch.setattr(block, "call", lambda x, call=call: seen.append(np.asarray(x)) or call(x))
    before = np.asarray(codec.encoder(latent, indices, *told))
    number = np.arange(latent.shape[-1])
    assert codec.reductions == reductions
    assert ((seen[1] == 0) == (number >= 2 * uses)).all() == (reductions == 2)
    assert (seen[0] != 0).all()  # the rate token is everywhere

    changed = np.where(number >= 4 * uses, latent + 1, latent)
    assert (changed != latent).any()
    after = np.asarray(codec.encoder(changed, indices, *told))
    assert (np.abs(after - before).max() < 1e-6) == (reductions == 2)
    # Within what is kept every channel matters.
    changed = np.where(number < 4 * uses, latent + 1, latent)
    assert np.abs(np.asarray(codec.encoder(changed, indices, *told)) - before).max() > 1e-3


def test_ntscc_is_mdjcm_without_orders_and_a_reduction():
    """One set of variables fits both."""
    ntscc, mdjcm = codec_of("ntscc"), codec_of("analogue")
    assert [w.shape for w in ntscc.weights] == [w.shape for w in mdjcm.weights]
    assert (ntscc.detects, ntscc.orders, ntscc.constellations) == (False, (), ())


# Orders.


def test_one_order_starts_from_several():
    """The same variables; with them it sends and shows what that one of several orders does."""
    several, one, images = codec_of("orders"), made("mdjcm", (8,)), pictures()
    assert [w.shape for w in one.weights] == [w.shape for w in several.weights]
    for part in one.parts:
        getattr(one, part).set_weights(getattr(several, part).get_weights())
    single, among = condition_of(one, images, 0), condition_of(several, images, 2)
    np.testing.assert_array_equal(single.rates, among.rates)
    sent = one.encode(images, single).indices
    np.testing.assert_array_equal(sent, several.encode(images, among).indices)
    np.testing.assert_array_equal(one.decode(sent, single), several.decode(sent, among))
    assert (
        np.asarray(sent) != np.asarray(several.encode(images, condition_of(several, images, 1)).indices)
    ).any()


# Pictures of any size.


@pytest.mark.parametrize("name", ["ntscc", "orders"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 18), (17, 33)])
def test_pictures_of_any_size(name, height, width):
    """A codec pads by the last row and column; both faces agree there too."""
    codec, images = codec_of(name), pictures(2, height, width)
    patches = -(-height // 4) * -(-width // 4)
    assert codec.self_information(images).shape == (2, patches)
    noise = noise_of(codec, images)
    assert noise.shape[1] == patches * 8
    found = codec.rehearse(images, Noisy(noise), 10.0, 1.0, (0,), eta=(ETA, ETA))
    assert found.pictures.shape == images.shape
    np.testing.assert_allclose(found.pictures, transmitted(codec, images, 0, noise), atol=2e-5)
    padding = ((0, 0), (0, -height % 4), (0, -width % 4), (0, 0))
    whole = np.pad(images, padding, mode="edge")
    np.testing.assert_array_equal(codec.self_information(whole), codec.self_information(images))
    shown = transmitted(codec, whole, 0, noise)[:, :height, :width]
    np.testing.assert_allclose(shown, found.pictures, atol=2e-5)


# Gradients.


def gradients(codec, loss_of, **options):
    """By part, the gradient of each of its variables, None where there is none."""
    images = pictures()
    with tf.GradientTape() as tape:
        rehearsal = codec.rehearse(
            images, noiseless, SNR_DB, 1.0, (0,), True, **{"eta": (ETA, ETA), **options}
        )
        loss = loss_of(images, rehearsal)
    variables = {part: getattr(codec, part).trainable_variables for part in codec.parts}
    found = tape.gradient(loss, {part: [v.value for v in listed] for part, listed in variables.items()})
    return {
        part: [None if g is None else np.asarray(tf.convert_to_tensor(g)) for g in listed]
        for part, listed in found.items()
    }


def squared_error(images, rehearsal):
    return tf.reduce_mean(tf.square(images - rehearsal.pictures))


@each_model
@pytest.mark.parametrize("process", ["substitute", "real"])
def test_the_received_picture_teaches_every_part_but_the_hyperprior(name, process):
    """Through the noise that stands for modulation and detection, or straight through them, to g_a; the rates
    are given."""
    found = gradients(codec_of(name), squared_error, process=process)
    assert all(gradient is None for gradient in found.pop("hyperprior"))
    for part, listed in found.items():
        assert all(np.isfinite(gradient).all() and np.any(gradient) for gradient in listed), part


def test_the_rate_teaches_the_hyperprior_and_the_source_coders_own_picture_its_transforms():
    codec = codec_of("orders")
    found = gradients(codec, lambda images, rehearsal: rehearsal.penalties["rate"])
    for part in ("analysis", "hyperprior"):
        assert all(np.any(gradient) for gradient in found[part])
    for part in ("encoder", "decoder", "synthesis"):
        assert all(gradient is None for gradient in found[part])
    found = gradients(codec, lambda images, rehearsal: rehearsal.penalties["source"])
    assert all(np.any(gradient) for part in ("analysis", "synthesis") for gradient in found[part])
    for part in ("encoder", "decoder", "hyperprior"):
        assert all(gradient is None for gradient in found[part])


def test_the_gradient_of_the_symbols_ends_where_they_are_clamped():
    """Straight through both quantizers: 1 within the grid."""
    codec = codec_of("one order")
    pairs = tf.Variable(np.random.default_rng(7).normal(size=(2, 16, 2)).astype(np.float32))
    told = codec._told(2, 10.0, np.zeros(2, np.int32))
    mask = rates.sent_mask([[0, 3], [1, 2]], codec.rates)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(codec._over(pairs, mask, noiseless, 10.0, told, False))
    np.testing.assert_array_equal(tape.gradient(loss, pairs), np.repeat(mask[..., None], 2, axis=-1))


# The hyperprior's bits.


def repeated(codec, count):
    """Estimates of one picture's latent in training, again and again; and that without noise."""
    latent = np.asarray(codec.latent(pictures(1, 8, 8)))
    return codec.hyperprior(np.repeat(latent, count, axis=0), training=True), codec.hyperprior(latent)


def test_expected_bits_are_the_mean_of_the_noisy_ones(monkeypatch):
    """With z rounded in both, in training too: four midpoints against 20,000 draws, within 1% and four
    standard errors; and they do not change with training."""
    codec = codec_of("analogue")
    round_hyper(codec, monkeypatch)
    noisy, still = repeated(codec, 20_000)
    np.testing.assert_allclose(noisy.expected_bits[:1], still.expected_bits, rtol=1e-5)
    bits, expected = np.asarray(noisy.bits, float), np.asarray(still.expected_bits[0], float)
    error = bits.std(axis=0) / np.sqrt(len(bits))
    assert (np.abs(bits.mean(axis=0) - expected) < 0.01 * expected + 4 * error).all()
    assert bits.std(axis=0).min() > 0.5


def test_training_changes_expected_bits_by_the_noise_of_z_alone():
    """Which averages out: what is allocated in training is near what the link allocates."""
    noisy, still = repeated(codec_of("analogue"), 2000)
    found, expected = np.asarray(noisy.expected_bits, float), np.asarray(still.expected_bits[0], float)
    assert found.std(axis=0).min() > 0
    np.testing.assert_allclose(found.mean(axis=0), expected, rtol=0.1)


def test_bits_of_the_link_are_those_of_rounded_values():
    """y − μ is whole, and the latent within half a step of y."""
    codec = codec_of("analogue")
    latent = np.asarray(codec.latent(pictures()))
    estimate = codec.hyperprior(latent)
    hyper = codec.hyperprior.quantize_hyper(latent)
    np.testing.assert_array_equal(hyper, np.round(hyper))
    mean, scale = codec.hyperprior.moments(hyper, *latent.shape[1:3])
    steps = np.asarray(estimate.latent - mean)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    assert np.abs(estimate.latent - latent).max() <= 0.5 + 1e-4
    assert (np.asarray(scale) > 0.11).all()
    assert estimate.bits.shape == estimate.expected_bits.shape == latent.shape[:3]
    assert estimate.side_bits.shape == (4,)


# Another backend.

_UNDER_JAX = """
import json, sys
import jax, keras, numpy as np
from linksim import jscc
from linksim.jscc.codec import Condition
given = np.load(sys.argv[1])
about = json.loads(str(given["about"]))
codec = jscc.create(about["model"], **about["sizes"])
codec.set_weights([given[f"weight{i}"] for i in range(len(codec.weights))])
images, results = given["images"], {}
condition = Condition(*images.shape[1:3], 7.0, 1, given["rates"])
results["bits"] = jax.jit(codec.self_information)(images)
results["sent"] = jax.jit(lambda images: codec.encode(images, condition).indices)(images)
results["shown"] = jax.jit(lambda labels: codec.decode(labels, condition))(results["sent"])
np.savez(sys.argv[2], **results)
"""


def test_tensorflow_and_jax_agree(tmp_path):
    """Compiled: bits, labels and pictures of the second of three orders."""
    pytest.importorskip("jax")
    codec, images = codec_of("orders"), pictures()
    condition = condition_of(codec, images, 1, 7.0)
    about = {"model": "mdjcm", "sizes": {**SIZES, "orders": codec.orders}}
    weights = {f"weight{index}": value for index, value in enumerate(codec.get_weights())}
    np.savez(tmp_path / "given.npz", about=json.dumps(about), images=images, rates=condition.rates, **weights)
    done = subprocess.run(
        [sys.executable, "-c", _UNDER_JAX, tmp_path / "given.npz", tmp_path / "results.npz"],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results = np.load(tmp_path / "results.npz")
    np.testing.assert_allclose(results["bits"], codec.self_information(images), rtol=1e-4)
    sent = np.asarray(codec.encode(images, condition).indices)
    assert np.mean(results["sent"] != sent) < 0.002  # where a symbol is half way, rounding decides
    np.testing.assert_allclose(results["shown"], codec.decode(results["sent"], condition), atol=1e-4)
