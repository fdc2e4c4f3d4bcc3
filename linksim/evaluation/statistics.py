"""Intervals: Student's t for means over trials, Wilson's score for rates."""

import math

from scipy.special import stdtrit

_Z95 = 1.959963984540054


def mean_halfwidth(values) -> float | None:
    """95% half-width of a mean (Student t); None for fewer than two values.

    Parameters
    ----------
    values : sequence of float

    Examples
    --------
    >>> print(f"{mean_halfwidth([1.0, 2.0, 3.0]):.4f}")
    2.4841
    """
    count = len(values)
    if count < 2:
        return None
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return float(stdtrit(count - 1, 0.975)) * math.sqrt(variance / count)


def wilson(successes: float, trials: int) -> tuple[float, float] | None:
    """95% score interval of a rate (Wilson, J. Amer. Statist. Assoc. 22, 1927); None without trials.

    Parameters
    ----------
    successes : float
        A fraction where a trial's outcome is an expectation.
    trials : int

    Examples
    --------
    >>> low, high = wilson(1, 10)
    >>> print(f"{low:.4f} {high:.4f}")
    0.0179 0.4042
    """
    if trials == 0:
        return None
    rate = successes / trials
    centre = rate + _Z95**2 / (2 * trials)
    spread = _Z95 * math.sqrt(rate * (1 - rate) / trials + _Z95**2 / (4 * trials**2))
    scale = 1 + _Z95**2 / trials
    # The ends of a sure rate are exact; rounding would leave them a hair off.
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return low, high
