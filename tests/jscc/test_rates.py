"""Rate allocation: the nearest rate for every patch, and which symbols that sends."""

import numpy as np
import pytest

from linksim.jscc.rates import allocate, midpoints, sent_mask

RATES = (1, 2, 4, 8)


def nearest(uses, rates):
    """Index of the nearest rate, the smaller one of two equally near."""
    return np.argmin(np.abs(np.asarray(uses)[..., None] - np.asarray(rates, float)), axis=-1)


def test_every_patch_gets_the_rate_nearest_to_its_share():
    """η/2 channel uses for a bit; below the least and above the largest rate too."""
    bits = np.random.default_rng(1).uniform(0, 150, (3, 5, 7))
    found = allocate(bits, 0.15, RATES)
    assert (found.shape, found.dtype) == (bits.shape, np.int32)
    np.testing.assert_array_equal(found, nearest(bits * 0.075, RATES))
    assert set(found.ravel()) == {0, 1, 2, 3}


def test_half_way_the_smaller_rate_is_taken():
    """η = 2: as many channel uses as bits."""
    assert allocate([1.5, 3.0, 6.0], 2.0, RATES).tolist() == [0, 1, 2]
    above = np.nextafter([1.5, 3.0, 6.0], 9)
    assert allocate(above, 2.0, RATES).tolist() == [1, 2, 3]
    np.testing.assert_array_equal(midpoints(RATES), [1.5, 3, 6])


def test_nothing_to_say_costs_the_least_rate():
    assert allocate([0.0, 1e-9, 1e9], 0.2, RATES).tolist() == [0, 0, 3]


def test_a_single_rate_is_everyones():
    assert allocate([0.0, 7.0, 1e6], 0.2, (3,)).tolist() == [0, 0, 0]
    assert midpoints((3,)).shape == (0,)


def test_more_bits_or_a_larger_eta_never_cost_fewer_uses():
    bits = np.linspace(0, 200, 1001)
    of_eta = np.stack([allocate(bits, eta, RATES) for eta in (0.01, 0.05, 0.1, 0.2, 0.4)])
    assert (np.diff(of_eta, axis=0) >= 0).all()
    assert (np.diff(of_eta, axis=1) >= 0).all()


def test_the_first_symbols_of_a_patch_are_sent():
    mask = sent_mask([[0, 3], [2, 1]], RATES)
    expected = [[1, 0, 0, 0, 0, 0, 0, 0] + [1] * 8, [1, 1, 1, 1, 0, 0, 0, 0] + [1, 1] + [0] * 6]
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, np.array(expected, bool))


@pytest.mark.parametrize("rates", [RATES, (3,), (2, 5, 6)])
def test_as_many_symbols_are_sent_as_the_rates_say(rates):
    indices = np.random.default_rng(2).integers(len(rates), size=(4, 9))
    mask = sent_mask(indices, rates)
    assert mask.shape == (4, 9 * max(rates))
    np.testing.assert_array_equal(mask.sum(axis=1), np.asarray(rates)[indices].sum(axis=1))
