"""Gray-labelled constellations of unit mean energy, indexed by their bit labels as in TS 38.211."""

from functools import cache

import numpy as np

BITS_PER_SYMBOL = (1, 2, 4, 6, 8, 10, 12)
"""Bits per symbol of the supported constellations: BPSK, QPSK, 16, 64, 256, 1024 and 4096QAM."""


@cache
def pam(num_bits):
    """Gray-labelled pulse amplitude modulation of unit mean energy.

    The level of label (b0, b1, …) is (1−2·b0)·(2^(m−1) − (1−2·b1)·(2^(m−2) − …)) before normalisation, the
    recursion behind each axis of the QAM mappings in TS 38.211, clause 5.1.

    Parameters
    ----------
    num_bits : int
        Bits per symbol m, at least 1.

    Returns
    -------
    float64 [2**num_bits], read-only
        The level of every label, the label read as a binary number, most significant bit first.

    Examples
    --------
    >>> pam(2) * 5 ** 0.5
    array([ 1.,  3., -1., -3.])
    """
    bits = bit_labels(num_bits).astype(np.float64)
    levels = 1 - 2 * bits[:, -1]
    for position in range(num_bits - 2, -1, -1):
        levels = (1 - 2 * bits[:, position]) * (2 ** (num_bits - 1 - position) - levels)
    return _frozen(levels / np.sqrt(np.mean(levels**2)))


@cache
def qam(num_bits):
    """Gray-labelled square QAM of unit mean energy; real BPSK for one bit.

    Even label bits (b0, b2, …) select the in-phase level and odd ones the quadrature level, as in TS 38.211,
    clauses 5.1.3 to 5.1.7 (QPSK to 1024QAM); 4096QAM continues the same recursion. One bit gives the real
    points +1 and −1. The BPSK of clause 5.1.2 is this one turned by 45°, and the π/2-BPSK of clause 5.1.1
    turns every second symbol by a further 90°; neither turn changes an error rate or a capacity here.

    Parameters
    ----------
    num_bits : int
        Bits per symbol, one of `BITS_PER_SYMBOL`.

    Returns
    -------
    complex128 [2**num_bits], read-only
        The point of every label, the label read as a binary number, most significant bit first.

    Raises
    ------
    ValueError
        If there is no such constellation.

    Examples
    --------
    >>> qam(2) * 2 ** 0.5
    array([ 1.+1.j,  1.-1.j, -1.+1.j, -1.-1.j])
    """
    check_num_bits(num_bits)
    if num_bits == 1:
        return _frozen(pam(1).astype(np.complex128))
    bits = bit_labels(num_bits)
    axis = pam(num_bits // 2)
    weights = 2 ** np.arange(num_bits // 2 - 1, -1, -1)
    return _frozen((axis[bits[:, 0::2] @ weights] + 1j * axis[bits[:, 1::2] @ weights]) / np.sqrt(2))


@cache
def bit_labels(num_bits):
    """The bits of every label.

    Parameters
    ----------
    num_bits : int
        Bits per symbol, at least 1.

    Returns
    -------
    uint8 [2**num_bits, num_bits], read-only
        Row i is i in binary, most significant bit first.

    Examples
    --------
    >>> bit_labels(2).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    indices = np.arange(2**num_bits)[:, None]
    return _frozen((indices >> np.arange(num_bits - 1, -1, -1) & 1).astype(np.uint8))


def check_num_bits(num_bits):
    """Raise ValueError unless `num_bits` is one of `BITS_PER_SYMBOL`."""
    if num_bits not in BITS_PER_SYMBOL:
        raise ValueError(f"no constellation of {num_bits!r} bits per symbol; choose from {BITS_PER_SYMBOL}")


def _frozen(array):
    """The array made read-only, because the cache hands the same one to every caller."""
    array.flags.writeable = False
    return array


def label_grid(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The in-phase levels of a grid of points, and its labels by in-phase and quadrature level, both rising.

    Parameters
    ----------
    points : complex [M]
        By label; of a square QAM, or of BPSK, whose one quadrature level is 0.

    Returns
    -------
    levels : float [L]
    labels : [L, M / L], int32

    Examples
    --------
    >>> label_grid(qam(2))[1].tolist()
    [[3, 2], [1, 0]]
    """
    levels = np.unique(points.real.round(12))
    order = np.lexsort((points.imag.round(12), points.real.round(12)))
    return levels, order.reshape(len(levels), -1).astype(np.int32)
