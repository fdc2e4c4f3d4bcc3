"""Intervals against tables and another implementation."""

import math

import pytest
from scipy import stats

from linksim.evaluation.statistics import mean_halfwidth, wilson


def test_halfwidth_uses_student_t_of_the_tables():
    # t(0.975) with 9 degrees of freedom is 2.262 in every table.
    values = [float(i) for i in range(10)]
    assert mean_halfwidth(values) == pytest.approx(2.262 * math.sqrt(55 / 6) / math.sqrt(10), rel=2e-4)


def test_halfwidth_needs_two_values():
    assert mean_halfwidth([1.0]) is None
    assert mean_halfwidth([]) is None


def test_halfwidth_of_equal_values_is_zero():
    assert mean_halfwidth([28.5] * 4) == 0.0


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (1, 20), (7, 200), (199, 200), (20, 20)])
def test_wilson_agrees_with_scipy(successes, trials):
    reference = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_wilson_of_a_fraction_lies_between_its_neighbours():
    """By hand for 7.5 of 10, z² = 3.8415: (0.75 + 0.19207 ± 1.95996·√(0.01875 + 0.0096036)) / 1.38415."""
    assert wilson(7.5, 10) == pytest.approx((0.44218, 0.91906), abs=1e-5)
    assert wilson(7, 10)[0] < wilson(7.5, 10)[0] < wilson(8, 10)[0]


def test_wilson_of_nothing_and_of_everything():
    """z²/(n + z²) by hand: 3.84146/13.84146."""
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.27753), abs=1e-5)
    assert wilson(10.0, 10) == pytest.approx((0.72247, 1.0), abs=1e-5)


def test_wilson_without_trials():
    assert wilson(0, 0) is None
