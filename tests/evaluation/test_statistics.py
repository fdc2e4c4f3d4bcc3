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


def test_wilson_without_trials():
    assert wilson(0, 0) is None
