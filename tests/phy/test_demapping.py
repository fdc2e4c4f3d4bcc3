"""The demapper against Sionna's and against log-sum-exp over all points in float64."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from sionna.phy.mapping import Constellation
from sionna.phy.mapping import Demapper as SionnaDemapper

from linksim.modulation.constellations import BITS_PER_SYMBOL, bit_labels, pam, qam
from linksim.phy.demapping import Demapper, separate

METHODS = {"app": logsumexp, "maxlog": np.max}
PSK8 = np.exp(2j * np.pi * np.array([0, 1, 3, 2, 7, 6, 4, 5]) / 8)
# One unit in the last place of float32: an LLR of −20,000 has no digit at 1e-3.
CLOSE = {"rtol": 2.0**-23, "atol": 1e-3}


def reference(points, symbols, noise_variance, reduce=logsumexp):
    """ln Σ exp(−|y−c|²/N0) over the points with bit 1, minus the same over those with bit 0, in float64."""
    order = len(points).bit_length() - 1
    ones = bit_labels(order).astype(bool)
    metric = -(np.abs(symbols[..., None].astype(complex) - points) ** 2) / noise_variance[..., None]
    llr = [reduce(metric[..., bit], axis=-1) - reduce(metric[..., ~bit], axis=-1) for bit in ones.T]
    return np.stack(llr, axis=-1).reshape(len(symbols), -1)


def received(points, noise_variance, seed=1):
    """Random points in noise of the variances given, complex64."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(*noise_variance.shape, 2)) @ [1, 1j] * np.sqrt(noise_variance / 2)
    return (rng.choice(points, noise_variance.shape) + noise).astype(np.complex64)


def grid_of_cases(points, per_snr):
    """Symbols and variances float32: −10 to 35 dB, under fading, and far outside the constellation."""
    snr_db = np.repeat(np.arange(-10, 36, 5), per_snr)[None]
    gain = np.random.default_rng(3).exponential(size=snr_db.shape)
    flat = (10 ** (-snr_db / 10)).astype(np.float32)
    faded = (flat / gain).astype(np.float32)
    symbols = [received(points, flat), received(points, faded)]
    symbols += [10 * symbols[0], 1000 * symbols[0]]
    return np.concatenate(symbols), np.concatenate([flat, faded, flat, flat])


@pytest.mark.parametrize("order", BITS_PER_SYMBOL)
@pytest.mark.parametrize("method", METHODS)
def test_llrs_are_those_of_the_sum_over_all_points(order, method):
    symbols, variance = grid_of_cases(qam(order), per_snr=4 if order == 12 else 20)
    llr = Demapper(qam(order), method)(symbols, variance).numpy()
    assert llr.dtype == np.float32
    np.testing.assert_allclose(llr, reference(qam(order), symbols, variance, METHODS[method]), **CLOSE)


def sionna(order, method, precision):
    kind = "pam" if order == 1 else "qam"
    return SionnaDemapper(method, kind, order, precision=precision)


@pytest.mark.parametrize("order", BITS_PER_SYMBOL)
@pytest.mark.parametrize("method", METHODS)
def test_llrs_are_those_of_sionna_in_double_precision(order, method):
    symbols, variance = grid_of_cases(qam(order), per_snr=2 if order == 12 else 10)
    expected = sionna(order, method, "double")(symbols.astype(complex), variance.astype(float))
    llr = Demapper(qam(order), method)(symbols, variance)
    np.testing.assert_allclose(llr, expected, **CLOSE)


@pytest.mark.parametrize("order", BITS_PER_SYMBOL)
@pytest.mark.parametrize("method", METHODS)
def test_llrs_are_those_of_sionna_in_single_precision(order, method):
    """Up to 25 dB: at 35 dB Sionna's own rounding of a metric near 10,000 reaches 1e-3."""
    variance = np.repeat(10 ** -np.arange(-1, 2.6, 0.5), 5 if order == 12 else 50)[None].astype(np.float32)
    symbols = received(qam(order), variance)
    expected = sionna(order, method, "single")(tf.constant(symbols), tf.constant(variance))
    np.testing.assert_allclose(Demapper(qam(order), method)(symbols, variance), expected, rtol=0, atol=1e-3)


def test_small_llrs_are_exact_to_single_precision():
    """Where 1e-3 would hide an error of the series for exponential and logarithm."""
    for order in BITS_PER_SYMBOL[:-1]:
        variance = np.random.default_rng(8).uniform(0.1, 3, (1, 500)).astype(np.float32)
        symbols = received(qam(order), variance)
        expected = reference(qam(order), symbols, variance)
        np.testing.assert_allclose(Demapper(qam(order))(symbols, variance), expected, rtol=5e-7, atol=1e-6)


def test_variances_spread_over_decades_keep_their_symbols():
    """Each symbol alone gives what it gives in a long batch of rows, whatever its neighbours' variance."""
    variance = 10 ** np.random.default_rng(4).uniform(-6, 6, (3, 400)).astype(np.float32)
    symbols = received(qam(6), variance)
    demapper = Demapper(qam(6))
    together = demapper(symbols, variance).numpy().reshape(3, 400, 6)
    for row, column in ((0, 0), (0, 255), (0, 256), (1, 0), (1, 111), (1, 112), (2, 399)):
        alone = demapper(symbols[row : row + 1, column : column + 1], variance[row : row + 1, column:][:, :1])
        np.testing.assert_array_equal(alone[0], together[row, column])


@pytest.mark.parametrize("order", BITS_PER_SYMBOL)
@pytest.mark.parametrize("method", METHODS)
def test_finite_input_gives_finite_llrs(order, method):
    magnitudes = np.array([0, 1e-38, 1e-20, 1e-3, 1, 1e3, 1e20, 3e38])
    variances = np.array([0, 1e-45, 1e-38, 1e-20, 1e-3, 1, 1e3, 1e20, 3e38])
    values, variance = np.meshgrid(np.concatenate([magnitudes, -magnitudes]), variances)
    symbols = (values + 1j * values[::-1]).astype(np.complex64)
    llr = Demapper(qam(order), method)(symbols, variance.astype(np.float32)).numpy()
    assert np.isfinite(llr).all()


def test_takes_tensors_and_arrays_alike():
    variance = np.full((2, 30), 0.1, np.float32)
    symbols = received(qam(4), variance)
    demapper = Demapper(qam(4))
    expected = demapper(symbols, variance)
    np.testing.assert_array_equal(demapper(tf.constant(symbols), tf.constant(variance)), expected)
    np.testing.assert_array_equal(demapper(symbols[:, ::-1], variance)[:, :4], expected[:, -4:])


@pytest.mark.parametrize("order", BITS_PER_SYMBOL)
def test_square_qam_separates_into_two_pams_of_even_and_odd_bits(order):
    in_phase, quadrature = separate(qam(order))
    np.testing.assert_array_equal(in_phase.positions, np.arange(0, order, 2))
    np.testing.assert_array_equal(quadrature.positions, np.arange(1, order, 2))
    if order == 1:
        assert quadrature.levels.tolist() == [0]
        np.testing.assert_array_equal(in_phase.levels, [1, -1])
    else:
        np.testing.assert_allclose(in_phase.levels, pam(order // 2) / np.sqrt(2), atol=1e-15)
        np.testing.assert_allclose(quadrature.levels, pam(order // 2) / np.sqrt(2), atol=1e-15)


def uneven():
    """One bit in phase, two in quadrature, unequal levels, bits in a mixed order; shifted by a constant."""
    in_phase = np.array([0.4, -1.1])
    quadrature = np.array([0.2, 1.3, -0.9, -0.1])
    labels = bit_labels(3)
    return in_phase[labels[:, 1]] + 1j * quadrature[2 * labels[:, 0] + labels[:, 2]] + 0.05


def test_any_levels_and_any_division_of_the_bits_separate():
    in_phase, quadrature = separate(uneven())
    assert in_phase.positions.tolist() == [1]
    assert quadrature.positions.tolist() == [0, 2]
    np.testing.assert_allclose(quadrature.levels, [0.2, 1.3, -0.9, -0.1])
    variance = np.random.default_rng(5).uniform(0.01, 2, (2, 200)).astype(np.float32)
    symbols = received(uneven(), variance)
    for method, reduce in METHODS.items():
        llr = Demapper(uneven(), method)(symbols, variance)
        np.testing.assert_allclose(llr, reference(uneven(), symbols, variance, reduce), **CLOSE)


def test_imaginary_bpsk_separates():
    variance = np.full((1, 100), 0.5, np.float32)
    points = np.array([1j, -1j])
    symbols = received(points, variance)
    np.testing.assert_allclose(Demapper(points)(symbols, variance), -4 * symbols.imag / 0.5, rtol=1e-6)


def test_rounding_to_float32_does_not_couple_the_axes():
    turned = (qam(4) * np.exp(0.3j)).astype(np.complex64)
    back = (turned * np.exp(-0.3j).astype(np.complex64)).astype(np.complex64)
    assert separate(turned) is None
    assert not np.array_equal(back, qam(4).astype(np.complex64))
    assert separate(back) is not None


def learned():
    """16QAM moved a little at every point, of unit mean energy."""
    points = qam(4) + np.random.default_rng(6).normal(size=(16, 2)) @ [0.05, 0.05j]
    return points / np.sqrt(np.mean(np.abs(points) ** 2))


@pytest.mark.parametrize(
    "points", [PSK8, learned(), np.array([1 + 1j, -1 - 1j]), np.array([1, -1, 1, -1], complex)]
)
def test_points_that_do_not_separate(points):
    """8PSK, learned points, turned BPSK and a bit that moves nothing: the sum over all points."""
    assert separate(points) is None
    variance = np.random.default_rng(7).uniform(0.05, 1, (2, 100)).astype(np.float32)
    symbols = received(points, variance)
    for method, reduce in METHODS.items():
        llr = Demapper(points, method)(symbols, variance)
        np.testing.assert_allclose(llr, reference(points, symbols, variance, reduce), rtol=1e-5, atol=1e-3)


def test_points_are_used_as_given():
    """Neither path normalises or centres."""
    for points in (3 * qam(2) + 1, 3 * PSK8 + 1):
        variance = np.full((1, 50), 2.0, np.float32)
        symbols = received(points, variance)
        np.testing.assert_allclose(
            Demapper(points)(symbols, variance), reference(points, symbols, variance), rtol=1e-5, atol=1e-3
        )


def test_the_points_of_sionna_are_ours():
    for order in BITS_PER_SYMBOL:
        points = Constellation("pam" if order == 1 else "qam", order)().numpy()
        np.testing.assert_allclose(points, qam(order), atol=2e-7)
        assert separate(points) is not None


@pytest.mark.parametrize("points", [np.ones(1), np.arange(3), np.arange(12)])
def test_refuses_a_number_of_points_that_is_no_power_of_two(points):
    for refuse in (separate, Demapper):
        with pytest.raises(ValueError, match="power of two"):
            refuse(points)


def test_refuses_an_unknown_method():
    with pytest.raises(ValueError, match="max-log"):
        Demapper(qam(2), "max-log")
