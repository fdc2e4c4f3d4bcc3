"""Mappers, LLRs and hard detection against formulas computed here in float64, and against Sionna."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from sionna.phy import mapping
from sionna.phy.mapping import Mapper

from linksim.modulation.constellations import BITS_PER_SYMBOL, bit_labels, qam
from linksim.modulation.error_rates import ser_awgn
from linksim.phy.modulation import QAM, Constellation


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


def learned(count, seed=3):
    """Points as a training might leave them, on no grid."""
    return (np.random.default_rng(seed).normal(size=(count, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)


def sent(points, shape, noise_variance, seed=4):
    """Random indices and their points in AWGN, complex64."""
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, len(points), shape)
    noise = (rng.normal(size=(*shape, 2)) @ [1, 1j]) * np.sqrt(noise_variance / 2)
    return indices, (points[indices] + noise).astype(np.complex64)


@pytest.mark.parametrize("modulation_order", BITS_PER_SYMBOL)
def test_an_index_of_a_qam_is_the_label_of_its_bits(modulation_order):
    indices = np.random.default_rng(5).integers(0, 2**modulation_order, (3, 500)).astype(np.int32)
    symbols = Constellation(qam(modulation_order)).map(tf.constant(indices))
    assert (symbols.dtype, symbols.shape) == (tf.complex64, (3, 500))
    bits = bit_labels(modulation_order)[indices].reshape(3, -1)
    np.testing.assert_array_equal(symbols, QAM(modulation_order).map(bits))


@pytest.mark.parametrize("points", [qam(1), qam(4), qam(6), learned(2), learned(16), learned(64)], ids=len)
def test_maps_and_detects_like_sionna(points):
    """Index → bits → Mapper, and Demapper's hard decisions → index, over Sionna's custom constellation."""
    modulation_order = len(points).bit_length() - 1
    indices, received = sent(points, (2, 1000), 0.02)
    labels = bit_labels(modulation_order)
    custom = mapping.Constellation("custom", modulation_order, points=points)
    expected = mapping.Mapper(constellation=custom)(labels[indices].reshape(2, -1).astype(np.float32))
    constellation = Constellation(points)
    np.testing.assert_array_equal(constellation.map(indices), expected)

    demapper = mapping.Demapper("maxlog", constellation=custom, hard_out=True)
    bits = demapper(received, tf.constant(0.02)).numpy().astype(int).reshape(2, 1000, modulation_order)
    detected = constellation.detect(tf.constant(received))
    assert detected.dtype == np.int32
    np.testing.assert_array_equal(detected, bits @ 2 ** np.arange(modulation_order - 1, -1, -1))


@pytest.mark.parametrize("points", [qam(1), qam(8), qam(12), learned(256), learned(4096)], ids=len)
@pytest.mark.parametrize("noise_variance", [1e-3, 1.0, 1e4])
def test_detects_the_nearest_of_all_points(points, noise_variance):
    _, received = sent(points, (2, 100), noise_variance)
    distance = np.abs(received[..., None].astype(complex) - points.astype(np.complex64))
    np.testing.assert_array_equal(Constellation(points).detect(received), distance.argmin(axis=-1))


@pytest.mark.parametrize(("modulation_order", "snr_db"), [(1, 2.0), (2, 5.0), (4, 12.0), (6, 18.0)])
def test_symbol_error_rate_is_the_closed_form(modulation_order, snr_db):
    indices, received = sent(qam(modulation_order), (4, 50_000), 10 ** (-snr_db / 10))
    errors = Constellation(qam(modulation_order)).detect(received) != indices
    expected = ser_awgn(modulation_order, snr_db)
    assert abs(errors.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / errors.size)


def test_every_point_is_detected_as_itself():
    for points in (*(qam(order) for order in BITS_PER_SYMBOL), learned(4096)):
        indices = np.arange(len(points))[None]
        constellation = Constellation(points)
        np.testing.assert_array_equal(constellation.detect(constellation.map(indices)), indices)


def test_of_points_that_coincide_the_first_is_detected():
    points = learned(8)[[3, 1, 3, 2, 1, 0, 5, 3]]
    expected = [[0, 1, 0, 3, 1, 5, 6, 0]]
    np.testing.assert_array_equal(Constellation(points).detect(points[None] + 1e-3), expected)


def test_detects_many_symbols_of_4096_points_at_once():
    """262,144 symbols: a table of all distances would take 4 GiB."""
    points = learned(4096)
    indices, received = sent(points, (512, 512), 1e-9)
    assert (Constellation(points).detect(received) != indices).mean() < 1e-3


@pytest.mark.parametrize("points", [learned(1), learned(6), learned(16).reshape(4, 4)], ids=lambda p: p.shape)
def test_a_constellation_has_a_power_of_two_points(points):
    with pytest.raises(ValueError, match="power of two"):
        Constellation(points)
