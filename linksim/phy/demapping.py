r"""Log-likelihood ratios of the bits of received symbols, axis by axis where the constellation allows it.

**The problem.** A symbol c(b₀ … b_{Q−1}) of Q bits is received as y = c + n with complex Gaussian noise of
variance N₀. Bit-interleaved coded modulation (Caire et al. 1998) decodes from each bit's own log-likelihood
ratio, here ln p(1)/p(0). With equally likely bits, and C_b the points whose bit i is b,

    LLR_i = ln Σ_{c∈C₁} exp(−|y−c|²/N₀) − ln Σ_{c∈C₀} exp(−|y−c|²/N₀).            (app)

That is a sum over 2^Q points for every bit.

**Separation.** |y−c|² is the sum of a term of the real parts and one of the imaginary parts. Where some bits
of the label alone choose Re c and the others alone choose Im c, the factor of the other axis is common to
both sums of a bit and cancels. What is left is a real constellation (PAM) of 2^m levels a for the m bits of
an axis:

    LLR_i = ln Σ_{a∈A₁} exp(−(x−a)²/N₀) − ln Σ_{a∈A₀} exp(−(x−a)²/N₀),  x = Re y or Im y.

The square QAM of TS 38.211, clause 5.1, is made so: its even bits choose the in-phase level, its odd bits the
quadrature level. 4096QAM then has two sums over 64 levels instead of one over 4096 points. BPSK has one axis.
`separate` finds the axes from the points themselves. Points that do not separate, such as 8PSK or a learned
constellation, go to Sionna's Demapper, which sums over all points.

**Max-log.** Replacing each sum by its largest term gives

    LLR_i ≈ max_{a∈A₁} −(x−a)²/N₀ − max_{a∈A₀} −(x−a)²/N₀,                      (maxlog)

piecewise linear in x. The difference to `app` is at most ln of the number of terms, and vanishes at high SNR
(Robertson et al. 1995; Tosato and Bisaglia 2002 for QAM).

**Numbers.** x² cancels too, so the metric of a level is (2xa − a²)/N₀. It is computed in float64 and taken
relative to the largest of all levels before it is rounded to float32: one of a bit's two maxima is then zero,
and the LLR keeps float32's relative precision however far x lies outside the constellation. Each sum is taken
relative to its own largest term, so it is at least 1 and no LLR saturates. The exponential is the Taylor
series on |f| ≤ ln(2)/2, the logarithm the series of 2·artanh; both are free of branches and tables, so that
the compiler turns the loops over samples into vector instructions.

A compiled loop is used because TensorFlow's operations each pass over memory once: the same formula as a
graph took about ten times as long for 64QAM and twenty for 4096QAM. The loop runs outside TensorFlow's graphs
and has no gradient.

References
----------
- 3GPP TS 38.211, clause 5.1: modulation mapper.
- G. Caire, G. Taricco, E. Biglieri, "Bit-interleaved coded modulation", IEEE Transactions on Information
  Theory 44(3), 1998.
- P. Robertson, E. Villebrun, P. Hoeher, "A comparison of optimal and sub-optimal MAP decoding algorithms
  operating in the log domain", IEEE ICC 1995.
- F. Tosato, P. Bisaglia, "Simplified soft-output demapper for binary interleaved COFDM with application to
  HIPERLAN/2", IEEE ICC 2002.
"""

from typing import NamedTuple

import numpy as np
import sionna.phy.mapping
import tensorflow as tf
from numba import njit

METHODS = ("app", "maxlog")


class Axis(NamedTuple):
    """One real dimension of a constellation that separates.

    Attributes
    ----------
    levels : float64 [2**m]
        The level of every value of the axis' m bits, read as a binary number, most significant bit first.
    positions : int64 [m]
        Where in the label these bits stand, ascending; empty for an axis that carries none.
    """

    levels: np.ndarray
    positions: np.ndarray


def separate(points: np.ndarray) -> tuple[Axis, Axis] | None:
    """The in-phase and the quadrature axis of a constellation, if each bit changes one of them only.

    Parameters
    ----------
    points : complex [2**Q]
        The point of every label, the label read as a binary number, most significant bit first.

    Returns
    -------
    (Axis, Axis) or None
        None if a bit changes both parts or neither. Differences within float32's rounding of the largest
        point count as none.

    Raises
    ------
    ValueError
        If the number of points is not a power of two, or there is only one.

    Examples
    --------
    >>> in_phase, quadrature = separate(np.array([1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j]))
    >>> in_phase.levels, quadrature.positions
    (array([ 1., -1.]), array([1]))
    """
    points = np.asarray(points, np.complex128)
    order = _bits_per_symbol(points)
    tolerance = np.finfo(np.float32).eps * np.abs(points).max()
    cube = points.reshape((2,) * order)
    steps = np.stack([np.diff(cube, axis=bit).ravel() for bit in range(order)])
    moves_real = (np.abs(steps.real) > tolerance).any(axis=1)
    moves_imaginary = (np.abs(steps.imag) > tolerance).any(axis=1)
    if (moves_real == moves_imaginary).any():
        return None

    def axis(part, moves):
        along = tuple(slice(None) if moved else 0 for moved in moves)
        return Axis(part[along].flatten(), np.flatnonzero(moves))

    return axis(cube.real, moves_real), axis(cube.imag, moves_imaginary)


class Demapper:
    """Received symbols to LLRs, for any constellation.

    Parameters
    ----------
    points : complex [2**Q]
        The point of every label, as in `separate`. They are used as given: no normalisation, no centring.
    method : "app" or "maxlog"
        The exact sum over all points, or its largest term.

    Raises
    ------
    ValueError
        If there is no such method, or the number of points is not a power of two above 1.

    Notes
    -----
    Points that separate are demapped outside TensorFlow's graphs and without a gradient; for others the
    result is Sionna's and differentiable.
    """

    def __init__(self, points: np.ndarray, method: str = "app"):
        if method not in METHODS:
            raise ValueError(f"no demapping method {method!r}; choose from {METHODS}")
        self._exact = method == "app"
        self._order = _bits_per_symbol(points)
        self._axes = separate(points)
        if self._axes is None:
            constellation = sionna.phy.mapping.Constellation("custom", self._order, points=points)
            demapper = sionna.phy.mapping.Demapper(method, constellation=constellation)
            # Sionna's Demapper needs the length when it is traced: one graph for each.
            self._over_points = tf.function(demapper, autograph=False)

    def __call__(self, symbols: tf.Tensor, noise_variance: tf.Tensor) -> tf.Tensor:
        """LLRs of the bits of received symbols.

        Parameters
        ----------
        symbols : complex64 [batch, k], tensor or array
            Equalised symbols, finite.
        noise_variance : float32 [batch, k], tensor or array
            N₀ of each, variance of the complex noise in units of the points' energy, above 0. Values below
            float32's smallest normal number count as that number.

        Returns
        -------
        tf.Tensor, float32 [batch, k·Q]
            ln p(1)/p(0), the bits of a symbol side by side in the order of the label. Always finite where the
            points separate: magnitudes are cut at 3e38.
        """
        if self._axes is None:
            return self._over_points(symbols, noise_variance)
        symbols = np.asarray(symbols, np.complex64)
        noise_variance = np.asarray(noise_variance, np.float32).flatten()
        llr = np.empty((symbols.size, self._order), np.float32)
        for part, axis in zip((symbols.real, symbols.imag), self._axes):
            _demap_axis(part.flatten(), noise_variance, *axis, self._exact, llr)
        return tf.convert_to_tensor(llr.reshape(len(symbols), -1))


def _bits_per_symbol(points):
    order = len(points).bit_length() - 1
    if order < 1 or len(points) != 2**order:
        raise ValueError(f"{len(points)} points; a constellation has a power of two of them, at least 2")
    return order


_SMALLEST = np.finfo(np.float32).tiny
_LOWEST = -3e38  # just inside float32
_TOGETHER = 256  # samples of one pass: the metrics of 64 levels then fit a core's second-level cache
# Typed constants: a Python float would lift the loops to float64, half as many lanes.
_LN2 = np.float32(np.log(2))
_LOG2_E = np.float32(1 / np.log(2))
_HALF = np.float32(0.5)
_ONE = np.float32(1)
_E3, _E4, _E5, _E6 = (np.float32(1 / n) for n in (6, 24, 120, 720))
_L3, _L5, _L7, _L9 = (np.float32(1 / n) for n in (3, 5, 7, 9))
_FLOOR = np.float32(-87)  # exp of it is the smallest normal number


@njit(cache=True, nogil=True)
def _exp(x):
    """exp(x) for x ≤ 0, float32; below −87 it stays at 2e−38, which no sum of at least 1 sees."""
    octaves = max(x, _FLOOR) * _LOG2_E
    whole = np.int32(octaves - _HALF)  # to the nearest: the conversion cuts towards zero
    f = (octaves - np.float32(whole)) * _LN2
    series = _ONE + f * (_ONE + f * (_HALF + f * (_E3 + f * (_E4 + f * (_E5 + f * _E6)))))
    return series * np.int32((whole + 127) << 23).view(np.float32)


@njit(cache=True, nogil=True)
def _log(x):
    """ln(x) for normal x > 0, float32: x = m·2^e with m in [√½, √2), ln m = 2·artanh((m−1)/(m+1))."""
    bits = np.float32(x).view(np.int32)
    exponent = (bits - 0x3F3504F3) >> 23  # 0x3F3504F3: the bits of √½
    m = np.int32(bits - (exponent << 23)).view(np.float32)
    f = (m - _ONE) / (m + _ONE)
    square = f * f
    series = _ONE + square * (_L3 + square * (_L5 + square * (_L7 + square * _L9)))
    return np.float32(exponent) * _LN2 + (f + f) * series


@njit(
    "void(float32[::1], float32[::1], float64[::1], int64[::1], boolean, float32[:, ::1])",
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _demap_axis(samples, noise_variance, levels, positions, exact, llr):
    """Fill the columns `positions` of `llr [n, Q]` from `samples [n]`. Inner loops run over samples."""
    slope = np.empty(_TOGETHER)
    curve = np.empty(_TOGETHER)
    best = np.empty(_TOGETHER)
    metric = np.empty((levels.size, _TOGETHER), np.float32)
    largest = np.empty((2, _TOGETHER), np.float32)
    total = np.empty((2, _TOGETHER), np.float32)
    for start in range(0, samples.size, _TOGETHER):
        count = min(_TOGETHER, samples.size - start)
        for j in range(count):
            curve[j] = -1 / np.float64(max(noise_variance[start + j], _SMALLEST))
            slope[j] = -2 * curve[j] * samples[start + j]
            best[j] = -np.inf
        for level in levels:
            for j in range(count):
                best[j] = max(best[j], (slope[j] + curve[j] * level) * level)
        for index, level in enumerate(levels):
            row = metric[index]
            for j in range(count):
                row[j] = np.float32(max((slope[j] + curve[j] * level) * level - best[j], _LOWEST))
        for bit, position in enumerate(positions):
            shift = positions.size - 1 - bit
            largest[:] = -np.inf
            for index in range(levels.size):
                row, top = metric[index], largest[index >> shift & 1]
                for j in range(count):
                    top[j] = max(top[j], row[j])
            total[:] = not exact
            if exact:
                for index in range(levels.size):
                    value = index >> shift & 1
                    row, top, terms = metric[index], largest[value], total[value]
                    for j in range(count):
                        terms[j] += _exp(row[j] - top[j])
            for j in range(count):
                total[1, j] = largest[1, j] - largest[0, j] + _log(total[1, j] / total[0, j])
            llr[start : start + count, position] = total[1, :count]  # strided, so not in the loop above
