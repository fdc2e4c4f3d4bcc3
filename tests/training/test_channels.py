"""The training channels against the Link, by moments, by their gradients and on other backends."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.utils import complex_normal

from linksim.phy import channels, randomness
from linksim.phy.channels import rayleigh
from linksim.phy.layers import LinkLayer
from linksim.phy.link import Link
from linksim.training.channels import CHANNELS, MIN_GAIN, POWERS, TrainingChannel, transmit


def pairs(values):
    """Complex `[...]` to real pairs `[..., 2]`, float32."""
    values = np.asarray(values)
    return np.stack([values.real, values.imag], axis=-1).astype(np.float32)


def unequal_blocks(batch, count, seed=1):
    """Gaussian blocks whose energies differ by up to 20 dB, complex64."""
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-0.5, 0.5, (batch, 1))
    return (scale * (rng.normal(size=(batch, count, 2)) @ [1, 1j])).astype(np.complex64)


def drawn_by_sionna(model, batch, count, seed):
    """Fading, or None, and unit noise of the Link's next transmission, in the order in which it draws."""
    randomness.seed(seed)
    fading = None
    if model == "rayleigh_block":
        fading = tf.reshape(complex_normal([batch, 1, 1]), [batch, 1])
    elif model == "rayleigh_fast":
        fading = tf.reshape(complex_normal([batch * count, 1, 1]), [batch, count])
    noise = complex_normal([batch, count])
    return None if fading is None else pairs(fading), pairs(noise)


def assert_mean(sample, expected):
    """The mean lies within four standard errors."""
    sample = np.asarray(sample, np.float64)
    assert abs(sample.mean() - expected) < 4 * sample.std() / np.sqrt(sample.size)


def test_names_and_bounds_are_those_of_the_physical_layer():
    assert {*CHANNELS, "ofdm"} == set(channels.CHANNELS)  # multipath is trained through the Link's own blocks
    assert MIN_GAIN == rayleigh.MIN_GAIN


@pytest.mark.parametrize("model", CHANNELS)
@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("snr_db", [-4.0, 0.0, 13.0])
def test_equals_the_link_fed_what_sionna_drew(model, power, snr_db):
    symbols = unequal_blocks(6, 200)
    fading, noise = drawn_by_sionna(model, 6, 200, seed=2)
    equalised, variance = transmit(pairs(symbols), snr_db, noise, fading, power)
    randomness.seed(2)
    received = Link(model, snr_db, power).transmit(symbols)
    np.testing.assert_allclose(equalised, pairs(received.symbols), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(variance, received.noise_variance, rtol=1e-5)


def partly_sent(batch, count):
    """Which symbols are sent: of the blocks one all, one none, the others some."""
    sent = np.random.default_rng(12).random((batch, count)) < np.linspace(0.2, 0.9, batch)[:, None]
    sent[0], sent[1] = True, False
    return sent


@pytest.mark.parametrize("model", CHANNELS)
@pytest.mark.parametrize("power", POWERS)
def test_what_is_sent_counts_as_in_the_link(model, power, monkeypatch):
    """By function, layer and the physical layer's layer; what is not sent may be anything."""
    symbols, sent = unequal_blocks(5, 80), partly_sent(5, 80)
    symbols[~sent] *= 10
    fading, noise = drawn_by_sionna(model, 5, 80, seed=13)
    randomness.seed(13)
    received = Link(model, 6.0, power).transmit(symbols, sent)
    layer = TrainingChannel(model, power)
    drawn = iter([noise] if fading is None else [fading, noise])
    monkeypatch.setattr(layer, "_draw", lambda shape: next(drawn))
    found = [
        transmit(pairs(symbols), 6.0, noise, fading, power, sent),
        layer(pairs(symbols), snr_db=6.0, sent=sent),
    ]
    randomness.seed(13)
    found.append(LinkLayer(model, power)(pairs(symbols), snr_db=6.0, sent=sent))
    for equalised, variance in found:
        np.testing.assert_allclose(equalised, pairs(received.symbols), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(variance, received.noise_variance, rtol=1e-5)
    # A block of which nothing is sent has no power, and no noise by which it could be scaled.
    if power == "measured":
        np.testing.assert_array_equal(received.noise_variance[1], 0)


def test_all_sent_is_nothing_said():
    symbols = pairs(unequal_blocks(3, 20))
    _, noise = drawn_by_sionna("awgn", 3, 20, seed=14)
    for power in POWERS:
        said = transmit(symbols, 3.0, noise, None, power, np.ones((3, 20), bool))
        for ours, theirs in zip(said, transmit(symbols, 3.0, noise, None, power)):
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("power", POWERS)
def test_what_is_not_sent_moves_nothing_else(power):
    """Neither values nor gradients of what is sent; those of an empty block are finite."""
    symbols, sent = pairs(unequal_blocks(4, 30)), partly_sent(4, 30)
    _, noise = drawn_by_sionna("awgn", 4, 30, seed=15)
    results = []
    for scale in (0.0, 100.0):
        variable = tf.Variable(np.where(sent[..., None], symbols, scale * symbols))
        with tf.GradientTape() as tape:
            equalised, variance = transmit(variable, 3.0, noise, None, power, sent)
            share = tf.cast(sent, tf.float32)
            loss = tf.reduce_sum(share[..., None] * equalised**2) + tf.reduce_sum(variance)
        slope = tape.gradient(loss, variable).numpy()
        assert np.isfinite(slope).all()
        np.testing.assert_array_equal(slope[~sent], 0)
        results.append((equalised.numpy()[sent], variance.numpy(), slope))
    for first, second in zip(*results):
        np.testing.assert_array_equal(first, second)


def test_a_fade_to_nothing_is_bounded_as_in_the_link():
    equalised, variance = transmit(
        np.ones((1, 1, 2), np.float32), 0.0, np.zeros((1, 1, 2)), np.zeros((1, 1, 2), np.float32), "nominal"
    )
    np.testing.assert_array_equal(equalised, 0)
    np.testing.assert_allclose(variance, 1e6)


@pytest.mark.parametrize("power", POWERS)
def test_moments_of_awgn(power):
    """N0 at 3 dB from each block's energy (measured) or from 1; half of it on both axes, uncorrelated."""
    symbols = unequal_blocks(2, 1 << 17, seed=3)
    energy = np.mean(np.abs(symbols.astype(complex)) ** 2, axis=1)
    received, variance = TrainingChannel("awgn", power, seed=4)(pairs(symbols), snr_db=3.0)
    n0 = 10**-0.3 * (energy if power == "measured" else np.ones(2))
    np.testing.assert_allclose(variance, np.broadcast_to(n0[:, None], variance.shape), rtol=1e-4)
    noise = (received - pairs(symbols)).numpy().astype(np.float64) / np.sqrt(n0)[:, None, None]
    for axis in (0, 1):
        assert_mean(noise[..., axis], 0)
        assert_mean(noise[..., axis] ** 2, 0.5)
        assert_mean(noise[..., axis] ** 4, 0.75)  # Gaussian: 3·σ⁴
    assert_mean(noise[..., 0] * noise[..., 1], 0)
    assert_mean(noise[0] * noise[1], 0)


@pytest.mark.parametrize(
    ("model", "batch", "count"), [("rayleigh_block", 1 << 17, 2), ("rayleigh_fast", 4, 1 << 16)]
)
def test_moments_of_rayleigh_fading(model, batch, count):
    """|h|² is exponential with mean 1; the error over its stated variance is CN(0, 1) whatever the fade."""
    symbols = np.broadcast_to(pairs(np.exp(0.3j)), (batch, count, 2))
    received, variance = (
        x.numpy().astype(np.float64) for x in TrainingChannel(model, seed=5)(symbols, snr_db=0.0)
    )
    gain = 1 / variance
    if model == "rayleigh_block":
        np.testing.assert_array_equal(gain, np.repeat(gain[:, :1], count, axis=1))
        gain = gain[:, 0]
        assert_mean((gain[1:] - 1) * (gain[:-1] - 1), 0)
    else:
        assert_mean((gain[:, 1:] - 1) * (gain[:, :-1] - 1), 0)
        assert_mean((gain[1:] - 1) * (gain[:-1] - 1), 0)
    assert_mean(gain, 1)
    assert_mean((gain - 1) ** 2, 1)
    assert_mean(gain < 0.1, 1 - np.exp(-0.1))
    scaled = (received - symbols) / np.sqrt(variance)[..., None]
    for axis in (0, 1):
        assert_mean(scaled[..., axis], 0)
        assert_mean(scaled[..., axis] ** 2, 0.5)
    assert_mean(scaled[..., 0] * scaled[..., 1], 0)


@pytest.mark.parametrize("model", CHANNELS)
def test_snr_of_each_image(model):
    """A vector of SNRs gives each image what the scalar gives it, from the same noise."""
    symbols, snr_db = pairs(unequal_blocks(3, 50)), np.array([-5.0, 0.0, 20.0], np.float32)
    fading, noise = drawn_by_sionna(model, 3, 50, seed=6)
    equalised, variance = transmit(symbols, snr_db, noise, fading, "measured")
    for image, snr in enumerate(snr_db):
        alone = transmit(symbols, float(snr), noise, fading, "measured")
        np.testing.assert_allclose(equalised[image], alone[0][image], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(variance[image], alone[1][image], rtol=1e-6)


@pytest.mark.parametrize("model", CHANNELS)
@pytest.mark.parametrize("power", POWERS)
def test_gradient_is_that_of_differences(model, power):
    """Of a weighted sum of symbols and variances, along a random direction."""
    rng = np.random.default_rng(7)
    symbols = pairs(unequal_blocks(2, 16))
    fading, noise = drawn_by_sionna(model, 2, 16, seed=8)
    weights, direction = rng.normal(size=(2, 2, 16, 2)).astype(np.float32)

    def loss(symbols):
        equalised, variance = transmit(symbols, 2.0, noise, fading, power)
        return tf.reduce_sum(weights * equalised) + tf.reduce_mean(variance)

    variable = tf.Variable(symbols)
    with tf.GradientTape() as tape:
        value = loss(variable)
    slope = np.sum(tape.gradient(value, variable).numpy() * direction)
    step = 1e-2
    difference = (loss(symbols + step * direction) - loss(symbols - step * direction)) / (2 * step)
    assert slope != 0
    np.testing.assert_allclose(slope, difference, rtol=1e-2)


def test_an_empty_block_has_a_finite_gradient():
    variable = tf.Variable(tf.zeros((1, 4, 2)))
    with tf.GradientTape() as tape:
        equalised, variance = TrainingChannel("rayleigh_fast", seed=1)(variable, snr_db=0.0)
        loss = tf.reduce_sum(tf.square(equalised - 1.0)) + tf.reduce_sum(variance)
    assert np.isfinite(tape.gradient(loss, variable)).all()


def test_measured_power_leaves_nothing_to_gain_from_energy():
    """The error over the block's energy, to which a receiver scales it, does not change with the energy."""
    symbols = tf.constant(pairs(unequal_blocks(2, 64)))
    _, noise = drawn_by_sionna("awgn", 2, 64, seed=9)
    scale = tf.Variable(1.0)
    slopes = {}
    for power in POWERS:
        with tf.GradientTape() as tape:
            received, _ = transmit(scale * symbols, 5.0, noise, None, power)
            relative = tf.reduce_sum(tf.square(received / scale - symbols))
        slopes[power] = tape.gradient(relative, scale).numpy()
    assert abs(slopes["measured"]) < 1e-3
    assert slopes["nominal"] < -1


def test_the_layer_round_trips_and_repeats_its_seed():
    layer = TrainingChannel("rayleigh_fast", "nominal", seed=10)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    symbols = pairs(unequal_blocks(2, 8))
    first, second = layer(symbols, snr_db=1.0)[0], layer(symbols, snr_db=1.0)[0]
    np.testing.assert_array_equal(again(symbols, snr_db=1.0)[0], first)
    assert (first.numpy() != second.numpy()).all()


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "bfloat16"])
def test_the_layer_computes_in_float32(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        layer = TrainingChannel("rayleigh_block", seed=1)
        equalised, variance = layer(keras.ops.ones((2, 8, 2), "bfloat16"), snr_db=10.0)
    finally:
        keras.config.set_dtype_policy(before)
    assert (equalised.dtype, equalised.shape) == (tf.float32, (2, 8, 2))
    assert (variance.dtype, variance.shape) == (tf.float32, (2, 8))


@pytest.mark.parametrize("model", CHANNELS)
def test_shapes_of_symbolic_inputs(model):
    """Any batch and any number of symbols, with the SNR as an input of its own."""
    symbols, snr_db = keras.Input((None, 2)), keras.Input(())
    network = keras.Model([symbols, snr_db], TrainingChannel(model, seed=1)(symbols, snr_db))
    assert [output.shape for output in network.outputs] == [(None, None, 2), (None, None)]
    for batch, count in ((2, 5), (3, 7)):
        equalised, variance = network([np.ones((batch, count, 2), np.float32), np.zeros(batch, np.float32)])
        assert (equalised.shape, variance.shape) == ((batch, count, 2), (batch, count))


@pytest.mark.parametrize(("model", "power"), [("rayleigh", "measured"), ("awgn", "peak")])
def test_refuses_unknown_names(model, power):
    with pytest.raises(ValueError, match="choose from"):
        TrainingChannel(model, power)


_UNDER_JAX = """
import sys
import jax, keras, numpy as np
from linksim.training.channels import TrainingChannel, transmit
given = np.load(sys.argv[1])
step = jax.jit(lambda x: transmit(x, given["snr_db"], given["noise"], given["fading"], "measured"))
equalised, variance = step(given["symbols"])
slope = jax.jit(jax.grad(lambda x: (transmit(x, given["snr_db"], given["noise"], given["fading"],
                                             "measured")[0] ** 2).sum()))(given["symbols"])
layer = TrainingChannel("rayleigh_block", seed=1)
layer.build(given["symbols"].shape)
state = [v.value for v in layer.non_trainable_variables]
call = jax.jit(lambda state, x: layer.stateless_call([], state, x, snr_db=3.0))
(first, _), state = call(state, given["symbols"])
(second, _), state = call(state, given["symbols"])
np.savez(sys.argv[2], equalised=equalised, variance=variance, slope=slope, first=first, second=second)
"""


def test_under_jax_it_gives_the_same(tmp_path):
    """Compiled, with its gradient; the layer's generator moves on from call to call."""
    pytest.importorskip("jax")
    symbols, snr_db = pairs(unequal_blocks(3, 20)), np.array([0.0, 5.0, 10.0], np.float32)
    fading, noise = drawn_by_sionna("rayleigh_fast", 3, 20, seed=11)
    np.savez(tmp_path / "given.npz", symbols=symbols, snr_db=snr_db, fading=fading, noise=noise)
    subprocess.run(
        [sys.executable, "-c", _UNDER_JAX, tmp_path / "given.npz", tmp_path / "result.npz"],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        check=True,
        capture_output=True,
    )
    result = np.load(tmp_path / "result.npz")
    variable = tf.Variable(symbols)
    with tf.GradientTape() as tape:
        equalised, variance = transmit(variable, snr_db, noise, fading, "measured")
        loss = tf.reduce_sum(tf.square(equalised))
    np.testing.assert_allclose(result["equalised"], equalised, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(result["variance"], variance, rtol=1e-5)
    np.testing.assert_allclose(result["slope"], tape.gradient(loss, variable), rtol=1e-4, atol=1e-4)
    assert (result["first"] != result["second"]).all()
