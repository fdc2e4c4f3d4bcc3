"""Rapp's amplifier against its closed form, and the Link behind it."""

import numpy as np
import pytest
import tensorflow as tf

from linksim.phy import randomness
from linksim.phy.amplifier import linear_part, rapp
from linksim.phy.link import Link
from linksim.scenario.link import Rapp


def gaussian(batch, count, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(batch, count, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)


@pytest.mark.parametrize("backoff_db", [-3.0, 0.0, 6.0])
@pytest.mark.parametrize("smoothness", [0.5, 2.0, 10.0])
def test_closed_form(backoff_db, smoothness):
    symbols = 3 * gaussian(4, 100)
    mean = (np.abs(symbols) ** 2).mean(axis=1)
    r, a = np.abs(symbols).astype(float), np.sqrt(mean * 10 ** (backoff_db / 10))[:, None]
    expected = symbols / (1 + (r / a) ** (2 * smoothness)) ** (1 / (2 * smoothness))
    np.testing.assert_allclose(rapp(symbols, mean, backoff_db, smoothness), expected, rtol=1e-4)


def test_limits():
    """Far below saturation nothing changes; far above, the amplitude is A; a hard limiter for large p."""
    symbols = np.array([[1e-4, 1.0, 1e4, 0]], np.complex64)
    one = np.ones(1, np.float32)
    out = rapp(symbols, one, 0.0, 2.0).numpy()[0]
    np.testing.assert_allclose(out, [1e-4, 2 ** (-1 / 4), 1, 0], rtol=1e-4)
    np.testing.assert_allclose(rapp(symbols, one, 0.0, 50.0).numpy()[0, :3], [1e-4, 1, 1], rtol=0.01)
    np.testing.assert_allclose(rapp(symbols[:, :2], one, 60.0, 2.0), symbols[:, :2], rtol=1e-5)


def test_hard_limiter_of_gaussian_symbols():
    """A clipper at back-off 0 dB passes 1 − e⁻¹ of the power, with gain 1 − e⁻¹ + √π/2·erfc(1)."""
    from scipy.special import erfc

    symbols = gaussian(1, 1 << 18)
    out = rapp(symbols, np.ones(1, np.float32), 0.0, 50.0).numpy()
    gain, distortion = linear_part(symbols, out, np.ones(out.shape, np.float32))
    power = 1 - np.exp(-1)
    expected = 1 - np.exp(-1) + np.sqrt(np.pi) / 2 * erfc(1)
    np.testing.assert_allclose((np.abs(out) ** 2).mean(), power, rtol=0.01)
    np.testing.assert_allclose(gain, expected, rtol=0.01)
    np.testing.assert_allclose(distortion, power - expected**2, rtol=0.05)


@pytest.mark.parametrize("model", ["awgn", "rayleigh_fast"])
def test_the_link_states_what_is_behind_the_amplifier(model):
    """Es/N0 is relative to the power behind it; errors, with the distortion, have the stated variance."""
    randomness.seed(2)
    symbols = 2 * gaussian(2, 1 << 16)
    amplifier = Rapp(backoff_db=1.0)
    received = Link(model, 10.0, amplifier=amplifier).transmit(symbols)
    out = rapp(symbols, (np.abs(symbols) ** 2).mean(axis=1), 1.0, 2.0).numpy()
    energy = np.abs(out) ** 2
    np.testing.assert_allclose(received.power, energy.mean(axis=1), rtol=1e-4)
    np.testing.assert_allclose(received.peak_power, energy.max(axis=1), rtol=1e-4)
    errors = np.abs(received.symbols.numpy() - symbols) ** 2 / received.noise_variance.numpy()
    np.testing.assert_allclose(errors.mean(axis=1), 1, rtol=0.03)
    if model == "awgn":
        gain, distortion = linear_part(symbols, out, np.ones(out.shape, np.float32))
        expected = (energy.mean(axis=1) / 10 + distortion) / np.square(gain)
        np.testing.assert_allclose(received.noise_variance.numpy()[:, 0], expected, rtol=1e-4)


def test_constant_modulus_passes_unharmed():
    """Its gain is undone and nothing is left as distortion."""
    randomness.seed(3)
    symbols = np.exp(2j * np.pi * np.random.default_rng(3).random((1, 1 << 14))).astype(np.complex64)
    received = Link("awgn", 60.0, amplifier=Rapp(backoff_db=-6.0)).transmit(symbols)
    np.testing.assert_allclose(received.symbols, symbols, atol=0.01)
    np.testing.assert_allclose(received.noise_variance, 1e-6, rtol=0.05)


def test_unsent_symbols_and_empty_blocks():
    symbols = np.array([[1, 2, 0, 0], [0, 0, 0, 0]], np.complex64)
    mask = np.array([[True, True, False, False], [False] * 4])
    received = Link("awgn", 200.0 / 2, amplifier=Rapp(backoff_db=0.0, smoothness=1.0)).transmit(symbols, mask)
    expected = np.array([1, 2]) / np.sqrt(1 + np.array([1, 4]) / 2.5)
    np.testing.assert_allclose(received.power, [np.square(expected).mean(), 0], rtol=1e-5)
    assert np.isfinite(received.symbols.numpy()).all()


def test_gradient_is_finite_and_that_of_differences():
    symbols = tf.Variable(gaussian(1, 8).astype(np.complex64))
    with tf.GradientTape() as tape:
        out = rapp(symbols, tf.ones(1), 0.0, 2.0)
        loss = tf.reduce_sum(tf.math.real(out))
    slope = tape.gradient(loss, symbols).numpy()[0]
    step = 1e-3

    def value(shift):
        return float(tf.reduce_sum(tf.math.real(rapp(symbols + shift, tf.ones(1), 0.0, 2.0))))

    for index in range(8):
        shift = np.zeros((1, 8), np.complex64)
        shift[0, index] = step
        assert slope[index].real == pytest.approx((value(shift) - value(-shift)) / (2 * step), abs=5e-3)
    with tf.GradientTape() as tape:
        zero = tf.Variable(tf.zeros([1, 2], tf.complex64))
        loss = tf.reduce_sum(tf.math.real(rapp(zero + 0, tf.ones(1), 0.0, 2.0)))
    assert np.isfinite(tape.gradient(loss, zero).numpy()).all()
