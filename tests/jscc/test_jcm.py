"""JCM and its benchmarks as codecs: what they send, what comes back, and that training does the same."""

from fractions import Fraction

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim import jscc
from linksim.jscc.codec import Condition
from linksim.modulation.constellations import qam

SIZES = {"channels": (4, 4, 6, 8), "symbols": 32, "spine": 4, "classes": 10}

#: Model and sizes by name.
CASES = {
    "BPSK, empty quadrature": ("jcm", {"order": 2}),
    "BPSK in pairs": ("jcm", {"order": 4}),
    "16QAM": ("jcm", {"order": 16}),
    "64QAM": ("jcm", {"order": 64}),
    "analog": ("jcm-analog", {}),
    "8-bit": ("jcm-uniform-8bit", {}),
    "1-bit": ("jcm-nn-1bit", {}),
}
STOCHASTIC = [name for name, (model, _) in CASES.items() if model == "jcm"]
CONDITION = Condition(32, 32, snr_db=4.0)

each_codec = pytest.mark.parametrize("name", CASES)


def made(name, **sizes):
    keras.utils.set_random_seed(1)
    model, own = CASES[name]
    return jscc.create(model, **{**SIZES, **own, **sizes})


def pictures(count=3):
    return np.random.default_rng(1).random((count, 32, 32, 3)).astype(np.float32)


def pairs(symbols):
    return np.stack([symbols.real, symbols.imag], axis=-1).astype(np.float32)


def sent_pairs(codec, images):
    """What goes over the link, real pairs; of a stochastic encoder the likeliest points."""
    sent = codec.encode(images, CONDITION)
    if sent.symbols is not None:
        return np.asarray(sent.symbols)
    labels = codec.draw(sent.log_probabilities) if codec.stochastic else sent.indices
    return pairs(codec.constellations[0][np.asarray(labels)])


@each_codec
def test_bandwidth(name):
    """k symbols for 3,072 samples, whatever the method: n = 256 real uses are CBR 1/24."""
    assert made(name).cbr == Fraction(32, 3072)
    codec = made(name, symbols=128)
    assert codec.cbr == Fraction(1, 24)
    assert codec.channel_uses(32, 32) == 128


@each_codec
def test_shapes_of_what_is_sent_and_received(name):
    codec, images = made(name), pictures()
    symbols = sent_pairs(codec, images)
    assert symbols.shape == (3, 32, 2)
    received = np.zeros((3, 32), np.int32) if codec.detects else symbols
    shown = codec.decode(received, CONDITION)
    assert shown.shape == (3, 32, 32, 3)
    assert 0 <= np.min(shown) <= np.max(shown) <= 1
    assert codec.classify(received, CONDITION).shape == (3, 10)


@each_codec
def test_energy_of_what_is_sent(name):
    """Unit for each picture of analogue symbols and for every BPSK value; QAM's own points otherwise."""
    codec = made(name)
    symbols = sent_pairs(codec, pictures())
    if codec.constellations and len(codec.constellations[0]) > 4:
        assert np.isin(symbols[..., 0] + 1j * symbols[..., 1], codec.constellations[0]).all()
    else:
        np.testing.assert_allclose(np.square(symbols).sum(-1).mean(1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_the_law_is_one_of_levels_for_each_real_dimension(name):
    codec = made(name)
    order = CASES[name][1]["order"]
    law = np.exp(codec.encode(pictures(), CONDITION).log_probabilities)
    assert law.shape == (3, 32, 1 if order == 2 else 2, 2 if order == 2 else round(order**0.5))
    np.testing.assert_allclose(law.sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", STOCHASTIC)
def test_levels_become_the_label_of_their_point(name):
    """The label's point has the levels as its real and imaginary parts, by the points of TS 38.211."""
    codec = made(name)
    order = CASES[name][1]["order"]
    points = qam(order.bit_length() - 1)
    levels = np.unique(points.real.round(12))
    axes = 1 if order == 2 else 2
    law = np.random.default_rng(2).normal(size=(5, 32, axes, len(levels))).astype(np.float32)
    labels = np.asarray(codec.draw(law))
    np.testing.assert_allclose(points[labels].real, levels[law[:, :, 0].argmax(-1)])
    if axes == 2:
        np.testing.assert_allclose(points[labels].imag, levels[law[:, :, 1].argmax(-1)])
    else:
        assert not points[labels].imag.any()


def test_the_likeliest_point_and_a_certain_law_agree():
    codec = made("16QAM")
    law = np.full((1, 32, 2, 4), -80, np.float32)
    law[..., 2] = 0
    uniform = np.random.default_rng(1).random(law.shape, dtype=np.float32)
    np.testing.assert_array_equal(codec.draw(law, uniform), codec.draw(law))


@each_codec
def test_training_is_what_the_link_does(name, monkeypatch):
    """Over a channel that adds the same noise, with the same draws; at inference of the normalisations."""
    codec, images = made(name), pictures()
    noise = 0.3 * np.random.default_rng(3).normal(size=(3, 32, 2)).astype(np.float32)
    sent = codec.encode(images, CONDITION)
    if codec.stochastic:
        uniform = np.random.default_rng(4).random(sent.log_probabilities.shape, dtype=np.float32)
        monkeypatch.setattr(keras.random, "uniform", lambda *_, **__: tf.constant(uniform))
        labels = np.asarray(codec.draw(sent.log_probabilities, uniform))
        received = pairs(codec.constellations[0][labels]) + noise
    else:
        received = sent_pairs(codec, images) + noise
    if codec.detects:
        points = pairs(codec.constellations[0])
        distances = np.square(received[:, :, None] - points).sum(-1)
        received = distances.argmin(-1).astype(np.int32)
    rehearsed = codec.rehearse(
        images, lambda symbols, snr_db: (symbols + noise, None), np.full(3, 4.0, np.float32), 1.0
    )
    np.testing.assert_allclose(rehearsed.pictures, codec.decode(received, CONDITION), atol=1e-5)
    np.testing.assert_allclose(rehearsed.logits, codec.classify(received, CONDITION), atol=1e-4)


@each_codec
def test_every_weight_of_both_ends_gets_a_gradient(name):
    """Of both decoders and of the encoder, through draws, signs and quantizers."""
    codec, images = made(name), pictures(8)
    noise = 0.1 * np.random.default_rng(5).normal(size=(8, 32, 2)).astype(np.float32)
    with tf.GradientTape() as tape:
        rehearsed = codec.rehearse(
            images,
            lambda symbols, snr_db: (symbols + noise, None),
            np.full(8, 20.0, np.float32),
            1.0,
            training=True,
        )
        loss = tf.reduce_mean(tf.square(rehearsed.pictures - images)) - rehearsed.logits[0, 0]
    gradients = tape.gradient(loss, [variable.value for variable in codec.trainable_variables])
    without = [v.path for v, g in zip(codec.trainable_variables, gradients) if g is None or not np.any(g)]
    # A rectifier of the class decoder may be closed for all eight pictures.
    assert [path for path in without if "spinal" not in path] == []


@pytest.mark.parametrize("snr_db", [-20.0, -2.0, 18.0])
@pytest.mark.parametrize("name", ["BPSK, empty quadrature", "BPSK in pairs", "16QAM", "analog", "1-bit"])
def test_decoders_see_values_of_unit_variance_at_any_snr(name, snr_db):
    """Of a signal of unit energy a symbol in noise of N0/2 a real dimension; within 5 standard errors."""
    codec = made(name, symbols=4096)
    rng = np.random.default_rng(6)
    axes = 1 if name == "BPSK, empty quadrature" else 2
    symbols = np.zeros((8, 4096, 2))
    symbols[..., :axes] = rng.choice([-1, 1], (8, 4096, axes)) / np.sqrt(axes)
    noise = rng.normal(size=symbols.shape) * np.sqrt(10 ** (-snr_db / 10) / 2)
    values = np.asarray(codec.demodulate((symbols + noise).astype(np.float32), snr_db))
    assert values.shape == (8, 4096, axes)
    assert abs(np.square(values).mean() - 1) < 5 * np.sqrt(2 / values.size)


def test_numbers_of_8_bits_come_back_within_half_a_step():
    """2/255 apart in [−1, 1], the most significant bit first: 255 is eight ones."""
    codec = made("8-bit")
    outputs = np.linspace(-3, 3, 3 * 8).reshape(3, 8).astype(np.float32)
    bits = np.asarray(codec.bits(outputs))
    assert bits.shape == (3, 32, 2)
    labels = (2 * bits[..., 0] + bits[..., 1]).astype(np.int32)
    np.testing.assert_allclose(codec.demodulate(labels, 0.0), np.tanh(outputs), atol=1 / 255 + 1e-6)
    one = np.asarray(codec.bits(np.full((1, 8), np.arctanh(2 * 0b10110001 / 255 - 1), np.float32)))
    assert one.reshape(8, 8)[0].tolist() == [1, 0, 1, 1, 0, 0, 0, 1]


def test_a_flipped_leading_bit_costs_half_the_range():
    codec = made("8-bit")
    labels = np.zeros((1, 32), np.int32)
    flipped = labels.copy()
    flipped[0, 0] = 2  # the first bit of the first number
    change = np.asarray(codec.demodulate(flipped, 0.0)) - np.asarray(codec.demodulate(labels, 0.0))
    assert change[0, 0] == pytest.approx(2 * 128 / 255)
    assert not change[0, 1:].any()


def test_the_1_bit_benchmark_sends_the_signs_of_its_linear_layer():
    codec, images = made("1-bit"), pictures()
    outputs = np.asarray(codec.features(images)).reshape(3, 32, 2)
    np.testing.assert_allclose(sent_pairs(codec, images), np.sign(outputs) * np.sqrt(0.5), rtol=1e-6)


@pytest.mark.parametrize(("name", "symbols"), [("BPSK in pairs", 30), ("8-bit", 24)])
def test_symbols_that_the_quarters_cannot_share_are_refused(name, symbols):
    with pytest.raises(ValueError, match="cannot be shared"):
        made(name, symbols=symbols)


def test_other_constellations_are_refused():
    with pytest.raises(ValueError, match="no JCM with 8 points"):
        jscc.create("jcm", **SIZES, order=8)
    with pytest.raises(ValueError, match="4QAM"):
        jscc.create("jcm-nn-1bit", **SIZES, order=16)


def test_a_classifier_takes_pictures_of_any_size():
    network = jscc.create("picture-classifier", channels=(4, 6), classes=7)
    for size in ((32, 32), (20, 48)):
        images = np.random.default_rng(1).random((2, *size, 3)).astype(np.float32)
        assert network(images).shape == (2, 7)
        rehearsed = network.rehearse(images, None, None, 1.0)
        np.testing.assert_array_equal(rehearsed.pictures, images)
        np.testing.assert_allclose(rehearsed.logits, network(images), atol=1e-6)
