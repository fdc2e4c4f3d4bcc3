"""The mapper and the demapper's LLRs against formulas computed here in float64."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from sionna.phy.mapping import Mapper

from linksim.modulation.constellations import BITS_PER_SYMBOL, bit_labels, qam
from linksim.phy.modulation import QAM


def received(modulation_order, count, noise_variance, seed=1):
    """Random bits, their symbols by the tables of TS 38.211, and what AWGN makes of them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2**modulation_order, (2, count))
    bits = bit_labels(modulation_order)[labels].reshape(2, -1).astype(np.float32)
    noise = (rng.normal(size=(2, count, 2)) @ [1, 1j]) * np.sqrt(noise_variance / 2)
    return bits, qam(modulation_order)[labels], (qam(modulation_order)[labels] + noise).astype(np.complex64)


def app_llr(symbols, noise_variance, modulation_order, reduce=logsumexp):
    """ln Σ exp(−|y−c|²/N0) over points with bit 1, minus the same over points with bit 0."""
    metric = -(np.abs(symbols[..., None].astype(complex) - qam(modulation_order)) ** 2) / noise_variance
    labels = bit_labels(modulation_order).astype(bool)
    return np.stack(
        [
            reduce(metric[..., labels[:, bit]], axis=-1) - reduce(metric[..., ~labels[:, bit]], axis=-1)
            for bit in range(modulation_order)
        ],
        axis=-1,
    ).reshape(len(symbols), -1)


@pytest.mark.parametrize("modulation_order", BITS_PER_SYMBOL)
def test_maps_like_ts_38_211_and_like_sionna(modulation_order):
    bits, expected, _ = received(modulation_order, 2000, 1.0)
    modulation = QAM(modulation_order)
    symbols = modulation.map(bits)
    assert symbols.dtype == tf.complex64
    np.testing.assert_array_equal(symbols, expected.astype(np.complex64))
    sionna = Mapper("pam" if modulation_order == 1 else "qam", modulation_order)
    np.testing.assert_allclose(symbols, sionna(bits), rtol=0, atol=2e-7)
    for same in (bits.astype(np.uint8), tf.constant(bits)):
        np.testing.assert_array_equal(modulation.map(same), symbols)


def test_refuses_an_unknown_modulation_order():
    with pytest.raises(ValueError, match="3 bits per symbol"):
        QAM(3)


def test_bpsk_llr_is_linear_in_the_real_part():
    """ln p(1)/p(0) = −4·Re(y)/N0, whatever the imaginary part: bit 0 is sent as +1."""
    _, _, symbols = received(1, 500, 0.4)
    llr = QAM(1).demap(symbols, np.full(symbols.shape, 0.4, np.float32))
    np.testing.assert_allclose(llr, -4 * symbols.real / 0.4, rtol=1e-6)


def test_qpsk_llr_is_linear_in_the_received_axis():
    """ln p(1)/p(0) = −2√2·Re(y)/N0 for the first bit and of Im(y) for the second: bit 0 is sent as +1/√2."""
    noise_variance = 0.4
    _, _, symbols = received(2, 500, noise_variance)
    llr = QAM(2).demap(symbols, np.full(symbols.shape, noise_variance, np.float32)).numpy().reshape(2, 500, 2)
    axes = np.stack([symbols.real, symbols.imag], axis=-1)
    np.testing.assert_allclose(llr, -2 * np.sqrt(2) * axes / noise_variance, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(("modulation_order", "noise_variance"), [(4, 0.5), (4, 0.05), (6, 0.1), (8, 0.01)])
def test_llrs_are_those_of_the_sum_over_all_points(modulation_order, noise_variance):
    _, _, symbols = received(modulation_order, 300, noise_variance)
    llr = QAM(modulation_order).demap(symbols, np.full(symbols.shape, noise_variance, np.float32))
    np.testing.assert_allclose(llr, app_llr(symbols, noise_variance, modulation_order), rtol=1e-4, atol=2e-3)


def test_noise_variance_is_taken_symbol_by_symbol():
    _, _, symbols = received(4, 300, 0.1)
    variances = np.random.default_rng(2).uniform(0.02, 2.0, symbols.shape).astype(np.float32)
    llr = QAM(4).demap(symbols, variances)
    np.testing.assert_allclose(llr, app_llr(symbols, variances[..., None], 4), rtol=1e-4, atol=2e-3)


def test_max_log_is_the_limit_at_high_snr():
    """At 30 dB all but the nearest points have vanished, and the sum over points is its largest term."""
    _, _, symbols = received(4, 300, 1e-3)
    llr = QAM(4).demap(symbols, np.full(symbols.shape, 1e-3, np.float32))
    np.testing.assert_allclose(llr, app_llr(symbols, 1e-3, 4, np.max), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(("modulation_order", "noise_variance"), [(1, 0.8), (2, 0.8), (4, 0.2), (6, 0.05)])
def test_llrs_are_calibrated(modulation_order, noise_variance):
    """The bit minus the probability of a 1 that its LLR states has mean 0, however it is weighted."""
    bits, _, symbols = received(modulation_order, 100_000, noise_variance)
    llr = QAM(modulation_order).demap(symbols, np.full(symbols.shape, noise_variance, np.float32)).numpy()
    belief = 1 / (1 + np.exp(-llr.astype(np.float64)))  # the probability of a 1
    surplus = bits - belief
    weighted = surplus * belief
    for sample in (surplus, weighted):
        assert abs(sample.mean()) < 4 * sample.std() / np.sqrt(sample.size)


def test_noiseless_hard_decisions_are_the_bits():
    for modulation_order in BITS_PER_SYMBOL:
        bits, _, _ = received(modulation_order, 500, 1.0)
        modulation = QAM(modulation_order)
        symbols = modulation.map(tf.constant(bits))
        llr = modulation.demap(symbols, tf.fill(tf.shape(symbols), 1e-4)).numpy()
        np.testing.assert_array_equal(llr > 0, bits > 0.5)
