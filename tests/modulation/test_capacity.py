"""Capacities against published limits, brute-force integration in the plane, simulation and closed forms."""

from functools import partial

import numpy as np
import pytest
from scipy.special import exp1, exp10

from linksim.modulation.capacity import (
    best_bicm_capacity,
    bicm_capacity,
    cm_capacity,
    ergodic,
    gaussian_capacity,
    outage_probability,
    snr_db_for_capacity,
)
from linksim.modulation.constellations import BITS_PER_SYMBOL, bit_labels, qam

WIDE_SNR_DB = np.arange(-30.0, 60.5, 0.5)


def capacities_in_the_plane(num_bits, snr_db, step=0.05):
    """CM and BICM capacity by a sum over the complex plane, without using that the axes separate."""
    sigma = np.sqrt(0.5 / exp10(snr_db / 10))
    edge = np.abs(qam(num_bits).real).max() + 8 * sigma
    axis = np.arange(-edge, edge, step * 2 * sigma)
    plane = (axis[:, None] + 1j * axis).ravel()
    density = np.exp(-(np.abs(plane - qam(num_bits)[:, None]) ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    area = (axis[1] - axis[0]) ** 2

    def entropy(p):
        return -np.sum(p * np.log2(np.maximum(p, 1e-300))) * area

    noise = np.log2(2 * np.pi * np.e * sigma**2)
    received = entropy(density.mean(axis=0))
    bitwise = sum(
        received - np.mean([entropy(density[bit == value].mean(axis=0)) for value in (0, 1)])
        for bit in bit_labels(num_bits).T
    )
    return received - noise, bitwise


def simulated_information(num_bits, snr_db, num_symbols):
    """Samples [num_symbols] whose means are the CM and the BICM capacity, from the LLRs of every bit."""
    rng = np.random.default_rng(3)
    points, labels = qam(num_bits), bit_labels(num_bits)
    sent = rng.integers(len(points), size=num_symbols)
    n0 = exp10(-snr_db / 10)
    received = points[sent] + rng.normal(size=(num_symbols, 2)) @ [1, 1j] * np.sqrt(n0 / 2)
    likelihood = np.exp(-(np.abs(received[:, None] - points) ** 2) / n0)
    total = likelihood.sum(axis=1)
    symbolwise = num_bits + np.log2(likelihood[np.arange(num_symbols), sent] / total)
    bitwise = np.full(num_symbols, float(num_bits))
    for bit in labels.T:
        agreeing = np.where(bit[sent] == 1, likelihood @ bit, likelihood @ (1 - bit))
        bitwise += np.log2(agreeing / total)
    return symbolwise, bitwise


@pytest.mark.parametrize(
    ("num_bits", "snr_db"), [(1, -2.0), (2, 0.0), (4, 2.0), (4, 12.0), (6, -5.0), (6, 9.0)]
)
def test_brute_force_integration_in_the_plane(num_bits, snr_db):
    cm, bicm = capacities_in_the_plane(num_bits, snr_db)
    assert cm_capacity(num_bits, snr_db) == pytest.approx(cm, abs=1e-6)
    assert bicm_capacity(num_bits, snr_db) == pytest.approx(bicm, abs=1e-6)


@pytest.mark.parametrize(("num_bits", "snr_db"), [(8, 14.0), (10, 3.0), (10, 25.0)])
def test_simulation_of_large_constellations_agrees_within_four_standard_errors(num_bits, snr_db):
    num_symbols = 10_000
    samples_of_both = simulated_information(num_bits, snr_db, num_symbols)
    for samples, theory in zip(samples_of_both, (cm_capacity, bicm_capacity)):
        standard_error = samples.std() / np.sqrt(num_symbols)
        assert abs(samples.mean() - theory(num_bits, snr_db)) < 4 * standard_error


def test_shannon_at_known_points():
    np.testing.assert_allclose(gaussian_capacity([0.0, 10 * np.log10(3), 10 * np.log10(15)]), [1, 2, 4])
    assert gaussian_capacity(-120.0) == pytest.approx(1e-12 / np.log(2), rel=1e-9)


def test_binary_input_shannon_limits():
    """The textbooks' Shannon limits of the binary-input AWGN channel: Eb/N0 in dB against the rate."""
    rates = np.array([1 / 3, 1 / 2, 2 / 3, 3 / 4, 4 / 5, 9 / 10])
    eb_n0_db = snr_db_for_capacity(partial(cm_capacity, 1), rates) - 10 * np.log10(rates)
    np.testing.assert_allclose(eb_n0_db, [-0.495, 0.187, 1.059, 1.626, 2.040, 3.198], atol=6e-4)


def test_qpsk_at_0_db():
    assert bicm_capacity(2, 0.0) == pytest.approx(0.972, abs=5e-4)
    assert cm_capacity(2, 0.0) == pytest.approx(2 * cm_capacity(1, -3.0103), abs=1e-6)


@pytest.mark.parametrize("num_bits", BITS_PER_SYMBOL)
def test_ceilings_order_and_monotony_over_the_whole_range(num_bits):
    cm, bicm = cm_capacity(num_bits, WIDE_SNR_DB), bicm_capacity(num_bits, WIDE_SNR_DB)
    assert np.all(np.diff(cm) >= 0)
    assert np.all(np.diff(bicm) >= 0)
    assert np.all(bicm <= cm + 1e-12)
    assert np.all(cm <= gaussian_capacity(WIDE_SNR_DB) + 1e-12)
    assert cm[-1] == pytest.approx(num_bits, abs=1e-9)
    assert bicm[-1] == pytest.approx(num_bits, abs=1e-9)


@pytest.mark.parametrize("num_bits", BITS_PER_SYMBOL[1:])
def test_low_snr_slopes(num_bits):
    """C·ln(2)/SNR → 1 for CM and 3·M/(4·(M−1)) for BICM with Gray square M-QAM.

    Martinez, Guillén i Fàbregas, Caire and Willems, Bit-interleaved coded modulation in the wideband regime,
    IEEE Trans. Inf. Theory 54(12), 2008.
    """
    slope = 0.75 * 2**num_bits / (2**num_bits - 1)
    nats_per_snr = np.log(2) / exp10(-4.0)
    assert cm_capacity(num_bits, -40.0) * nats_per_snr == pytest.approx(1, rel=2e-4)
    assert bicm_capacity(num_bits, -40.0) * nats_per_snr == pytest.approx(slope, rel=2e-4)


def test_best_order_is_the_maximum():
    orders = (2, 4, 6, 8)
    expected = np.max([bicm_capacity(order, WIDE_SNR_DB) for order in orders], axis=0)
    np.testing.assert_array_equal(best_bicm_capacity(orders, WIDE_SNR_DB), expected)
    assert best_bicm_capacity(orders, -10.0) == bicm_capacity(2, -10.0)
    assert best_bicm_capacity(orders, 40.0) == pytest.approx(8)


@pytest.mark.parametrize(
    "capacity", [gaussian_capacity, partial(bicm_capacity, 12), partial(best_bicm_capacity, (2, 4, 6))]
)
def test_inverse(capacity):
    snr_db = np.array([-25.0, -3.0, 4.0, 11.0])
    np.testing.assert_allclose(snr_db_for_capacity(capacity, capacity(snr_db)), snr_db, atol=1e-6)


def test_inverse_outside_the_range():
    capacity = partial(bicm_capacity, 4)
    np.testing.assert_array_equal(snr_db_for_capacity(capacity, [0.0, 4.0, 4.5]), [-np.inf, np.inf, np.inf])


def test_ergodic_gaussian_capacity_has_a_closed_form():
    """e^(1/γ)·E1(1/γ)/ln 2 (Alouini and Goldsmith, IEEE Trans. Veh. Technol. 48(4), 1999)."""
    snr_db = np.arange(-25.0, 61.0, 2.3)
    inverse = exp10(-snr_db / 10)
    expected = np.exp(inverse) * exp1(inverse) / np.log(2)
    np.testing.assert_allclose(ergodic(gaussian_capacity, snr_db), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("num_bits", [1, 4, 12])
def test_ergodic_bicm_capacity_is_the_mean_over_quantiles_of_the_gain(num_bits):
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    gain_db = 10 * np.log10(-np.log1p(-quantiles))
    grid_db = np.arange(-60.0, 60.0, 0.1)
    curve = bicm_capacity(num_bits, grid_db)
    for snr_db in (-5.0, 8.0, 31.0):
        expected = np.interp(snr_db + gain_db, grid_db, curve).mean()
        assert ergodic(partial(bicm_capacity, num_bits), snr_db) == pytest.approx(expected, abs=1e-4)


def test_outage_of_gaussian_inputs_has_a_closed_form():
    rates, snr = np.array([0.5, 1.0, 4.0]), 10.0
    np.testing.assert_allclose(
        outage_probability(gaussian_capacity, rates, 10.0), 1 - np.exp(-(2**rates - 1) / snr), rtol=1e-8
    )


def test_outage_at_the_edges():
    capacity = partial(bicm_capacity, 4)
    assert outage_probability(capacity, 4.0, 80.0) == 1
    assert outage_probability(capacity, 0.0, -20.0) == 0
    np.testing.assert_array_equal(outage_probability(capacity, 2.0, np.array([5.0, 6.0])).argsort(), [1, 0])


def test_outage_by_simulation_within_four_standard_errors():
    rng = np.random.default_rng(5)
    gains = rng.exponential(size=20_000)
    outages = bicm_capacity(4, 8.0 + 10 * np.log10(gains)) < 2.0
    expected = outage_probability(partial(bicm_capacity, 4), 2.0, 8.0)
    assert abs(outages.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / len(gains))


def test_4096qam_is_fast_enough_to_plan_with():
    """Counts work, not seconds: an inverse needs few evaluations of the capacity."""
    calls = []

    def counted(snr_db):
        calls.append(snr_db)
        return bicm_capacity(12, snr_db)

    assert np.isfinite(snr_db_for_capacity(counted, 7.3))
    assert len(calls) < 60


def test_unknown_constellations_are_refused():
    for capacity in (cm_capacity, bicm_capacity):
        with pytest.raises(ValueError, match="bits per symbol"):
            capacity(3, 0.0)
