"""Modulation as rounding to a grid, and the noise that stands for it in training: how far their laws agree.

Of a real dimension s of what an encoder gives, limited to ±(√M − 1)·d with d = √(3/(2(M − 1))), the real
process sends the nearest level (2t − √M − 1)·d and detects the nearest level again; the substitute adds
uniform noise in both places, so that gradients pass:

    (9)   s → ŝ, nearest level → s̃ = ŝ + n → s̄, nearest level
    (10)  s → ô = s + U(−d, d) → õ = ô + n → ō = õ + U(−d, d),    n Gaussian of variance N0/2

The paper argues that P(s̄ = g) ≈ 2d·p(ō = g) at the levels g. Everything here is in closed form for given
samples of s: a mixture with a component for each sample, neither simulated nor smoothed.

Process (10) adds d²/3 of power to a real dimension before the channel, 1/(M − 1) to a symbol: 33% at 4QAM,
1.6% at 64QAM. SNRs here are nominal: N0 is not scaled by what either process really sends.

References
----------
Zhang et al., "From analog to digital: multi-order digital joint coding-modulation for semantic
communication", 2024, section III-B, equations (9), (10) and (15) to (18), and appendices A and B.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from linksim.modulation.constellations import BITS_PER_SYMBOL, pam

SQUARE_ORDERS = tuple(bits for bits in BITS_PER_SYMBOL if bits % 2 == 0)
"""Bits per symbol of the square constellations, which alone are a grid on each axis."""


def levels(num_bits: int) -> np.ndarray:
    """The levels (2t − √M − 1)·d of a real dimension, rising, float64 [√M].

    Two dimensions whose levels are all used equally often make a symbol of unit mean energy.

    Raises
    ------
    ValueError
        If there is no such square constellation.

    Examples
    --------
    >>> levels(4) * 10 ** 0.5
    array([-3., -1.,  1.,  3.])
    """
    if num_bits not in SQUARE_ORDERS:
        raise ValueError(
            f"no square constellation of {num_bits!r} bits per symbol; choose from {SQUARE_ORDERS}"
        )
    return np.sort(pam(num_bits // 2)) / np.sqrt(2)


def half_spacing(num_bits: int) -> float:
    """d = √(3/(2(M − 1))), half the distance of neighbouring levels."""
    return float(np.sqrt(1.5 / (2**num_bits - 1)))


def gaussian_samples(count: int = 100_000) -> np.ndarray:
    """Evenly spaced quantiles of a Gaussian of variance ½, float64 [count]: a model of s before the limits.

    A complex symbol of such dimensions has unit power. The limits clip 32% of them at 4QAM, 13% at 64QAM, 9%
    at 1024QAM.

    Examples
    --------
    >>> gaussian_samples(3).round(3)
    array([-0.684,  0.   ,  0.684])
    """
    return ndtri((np.arange(count) + 0.5) / count) / np.sqrt(2)


def sent_pmf(samples, num_bits: int) -> np.ndarray:
    """P(ŝ = g) for every level, float64 [√M]: the share of the samples in its cell.

    Parameters
    ----------
    samples : [n], float
        s in units of a unit-power symbol, limited here to the outermost levels.
    num_bits : int
        log2(M), even.
    """
    count, half = len(levels(num_bits)), half_spacing(num_bits)
    cells = np.floor((_limited(samples, num_bits) / half + count) / 2).astype(np.int64)
    return np.bincount(cells, minlength=count) / cells.size


def received_pmf(samples, num_bits: int, snr_db: float) -> np.ndarray:
    """P(s̄ = g) for every level, float64 [√M]: equation (15), (17) at the edges.

    Every level that is sent becomes any other with the Gaussian mass of that one's cell; the outermost cells
    reach to infinity.

    Parameters
    ----------
    samples, num_bits
        As of `sent_pmf`.
    snr_db : float
        Es/N0 of the complex channel; n has the variance N0/2.
    """
    grid = levels(num_bits)
    bounds = np.concatenate([[-np.inf], (grid[1:] + grid[:-1]) / 2, [np.inf]])
    below = ndtr((bounds - grid[:, None]) / _deviation(snr_db))
    return sent_pmf(samples, num_bits) @ np.diff(below, axis=1)


def sent_density(samples, num_bits: int, at) -> np.ndarray:
    """p(ô) at some places, float64 [places]: equation (22), the share of samples within d, over 2d.

    Parameters
    ----------
    samples, num_bits
        As of `sent_pmf`.
    at : [places], float
        In the units of the samples.
    """
    half = half_spacing(num_bits)
    ordered = np.sort(_limited(samples, num_bits))
    within = np.searchsorted(ordered, np.asarray(at) + half) - np.searchsorted(ordered, np.asarray(at) - half)
    return within / (2 * half * ordered.size)


def received_density(samples, num_bits: int, snr_db: float, at) -> np.ndarray:
    """p(ō) at some places, float64 [places]: equation (16), on and off the grid, the edges' (18) too.

    A sample s gives the Gaussian convolved with both uniforms: with G the second antiderivative of the
    Gaussian's density, [G(u − s + 2d) − 2·G(u − s) + G(u − s − 2d)] / (2d)².

    Parameters
    ----------
    samples, num_bits, snr_db
        As of `received_pmf`.
    at : [places], float
        In the units of the samples.

    Notes
    -----
    Equation (18) lacks the 1/(4d²) of (16) in print.
    """
    limited, half, deviation = _limited(samples, num_bits), half_spacing(num_bits), _deviation(snr_db)
    densities = []
    for place in np.asarray(at, float):
        away = place - limited
        middle = _second_antiderivative(away, deviation)
        outer = _second_antiderivative(away + 2 * half, deviation)
        outer += _second_antiderivative(away - 2 * half, deviation)
        densities.append(np.mean(outer - 2 * middle))
    return np.maximum(densities, 0) / (2 * half) ** 2


@dataclass(frozen=True, eq=False)
class Comparison:
    """Both processes at the levels of a real dimension.

    Attributes
    ----------
    num_bits : int
        log2(M).
    snr_db : float or None
        None: what is sent, without channel and second step.
    levels : float64 [√M]
    real : float64 [√M]
        P(s̄ = g), or P(ŝ = g).
    substitute : float64 [√M]
        2d·p(ō = g), or of ô, as it is: `mass` is its sum.
    """

    num_bits: int
    snr_db: float | None
    levels: np.ndarray
    real: np.ndarray
    substitute: np.ndarray

    @property
    def mass(self) -> float:
        """Σ 2d·p over the levels: about the share of ō that lies in a cell of the grid; all of s̄ does."""
        return float(self.substitute.sum())

    @property
    def inner(self) -> float | None:
        """Total variation over the inner levels, ½·Σ|P − 2d·p|; None for 4QAM, which has none.

        Of the substitute as it is: renormalised, it would show there what is missing at the edges.
        """
        if len(self.levels) == 2:
            return None
        return float(np.abs(self.real - self.substitute)[1:-1].sum() / 2)

    @property
    def edges(self) -> float:
        """Probability at the two outermost levels, substitute less real: Σ(2d·p − P).

        Detection brings back to the edge what noise takes beyond it, the second uniform does not.
        """
        return float((self.substitute - self.real)[[0, -1]].sum())

    @property
    def renormalised(self) -> np.ndarray:
        """The substitute's law over the levels, of sum 1, float64 [√M]."""
        return self.substitute / self.mass

    @property
    def distance(self) -> float:
        """Total variation ½·Σ|P − 2d·p / mass| over all levels, of two laws of sum 1."""
        return float(np.abs(self.real - self.renormalised).sum() / 2)


def compare(samples, num_bits: int, snr_db: float | None) -> Comparison:
    """Compare process (9) with process (10) at the levels.

    What is sent agrees exactly, whatever the law of s: P(ŝ = g) and 2d·p(ô = g) are both the share of samples
    within d of g, at the edges too, since s is limited to the outermost levels. All differences come from the
    channel and the second step.

    Parameters
    ----------
    samples, num_bits
        As of `sent_pmf`.
    snr_db : float or None
        None: what is sent.
    """
    grid = levels(num_bits)
    if snr_db is None:
        real, density = sent_pmf(samples, num_bits), sent_density(samples, num_bits, grid)
    else:
        real = received_pmf(samples, num_bits, snr_db)
        density = received_density(samples, num_bits, snr_db, grid)
    return Comparison(num_bits, snr_db, grid, real, 2 * half_spacing(num_bits) * density)


def _limited(samples, num_bits):
    """All samples in one row, within the outermost levels."""
    limit = levels(num_bits)[-1]
    return np.clip(np.ravel(samples).astype(float), -limit, limit)


def _deviation(snr_db):
    """√(N0/2)."""
    return np.sqrt(0.5) * 10 ** (-snr_db / 20)


def _second_antiderivative(x, deviation):
    """E[max(x − n, 0)] of Gaussian noise n: x·Φ(x/σ) + σ·φ(x/σ)."""
    ratio = x / deviation
    return x * ndtr(ratio) + deviation * np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
