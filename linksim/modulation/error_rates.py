"""Symbol and bit error rates of Gray square QAM with minimum-distance detection, in closed form.

On one axis of a square QAM every error event compares Gaussian noise with an odd multiple of half the
distance between neighbours. Every rate below is therefore a short sum of Gaussian tails Q(·), exact at every
SNR, and its Rayleigh average is the same sum of averaged tails.
"""

from functools import cache

import numpy as np
from scipy.special import ndtr

from linksim.modulation.constellations import bit_labels, check_num_bits, pam


def ser_awgn(num_bits, es_n0_db):
    """Symbol error rate on the AWGN channel.

    1 − (1 − p)² with p = 2·(1 − 1/√M)·Q(√(3·γ/(M−1))), γ = Es/N0; Q(√(2·γ)) for BPSK (Proakis and Salehi,
    Digital Communications, 5th ed., section 4.3).

    Parameters
    ----------
    num_bits : int
        Bits per symbol, log2(M), one of `constellations.BITS_PER_SYMBOL`.
    es_n0_db : float or array
        Es/N0 in dB, N0 the variance of the complex noise.

    Returns
    -------
    float64, the shape of `es_n0_db`

    Raises
    ------
    ValueError
        If there is no such constellation.

    Examples
    --------
    >>> print(f"{ser_awgn(4, 15.0):.6f}")
    0.017782
    """
    check_num_bits(num_bits)
    tail = ndtr(-np.sqrt(2 * _half_distance_snr(num_bits, es_n0_db)))
    if num_bits == 1:
        return tail
    axis = _neighbour_share(num_bits) * tail
    return axis * (2 - axis)


def ber_awgn(num_bits, es_n0_db):
    """Bit error rate on the AWGN channel, averaged over the bits of the label.

    Exact: all decision regions are counted, not only the nearest neighbours' (Cho and Yoon, On the general
    BER expression of one- and two-dimensional amplitude modulations, IEEE Trans. Commun. 50(7), 2002).

    Parameters
    ----------
    num_bits : int
        Bits per symbol, one of `constellations.BITS_PER_SYMBOL`.
    es_n0_db : float or array
        Es/N0 in dB, N0 the variance of the complex noise.

    Returns
    -------
    float64, the shape of `es_n0_db`

    Raises
    ------
    ValueError
        If there is no such constellation.

    Examples
    --------
    >>> print(f"{ber_awgn(1, 9.588):.2e}")
    1.00e-05
    """
    check_num_bits(num_bits)
    multiples, weights = _bit_error_terms(max(num_bits // 2, 1))
    snr = _half_distance_snr(num_bits, es_n0_db)
    return ndtr(-multiples * np.sqrt(2 * snr)[..., None]) @ weights


def ser_rayleigh(num_bits, es_n0_db):
    """Symbol error rate on the flat Rayleigh channel with perfect channel knowledge at the receiver.

    Closed form: Simon and Alouini, Digital Communication over Fading Channels, 2nd ed., section 8.2.

    Parameters
    ----------
    num_bits : int
        Bits per symbol, one of `constellations.BITS_PER_SYMBOL`.
    es_n0_db : float or array
        Mean Es/N0 in dB over an exponentially distributed power gain of mean 1.

    Returns
    -------
    float64, the shape of `es_n0_db`

    Raises
    ------
    ValueError
        If there is no such constellation.
    """
    check_num_bits(num_bits)
    snr = _half_distance_snr(num_bits, es_n0_db)
    if num_bits == 1:
        return _mean_tail(snr)
    share = _neighbour_share(num_bits)
    return 2 * share * _mean_tail(snr) - share**2 * _mean_squared_tail(snr)


def ber_rayleigh(num_bits, es_n0_db):
    """Bit error rate on the flat Rayleigh channel with perfect channel knowledge at the receiver.

    The terms of `ber_awgn`, each averaged in closed form; ½·(1 − √(γ/(1+γ))) for BPSK.

    Parameters
    ----------
    num_bits : int
        Bits per symbol, one of `constellations.BITS_PER_SYMBOL`.
    es_n0_db : float or array
        Mean Es/N0 in dB over an exponentially distributed power gain of mean 1.

    Returns
    -------
    float64, the shape of `es_n0_db`

    Raises
    ------
    ValueError
        If there is no such constellation.

    Examples
    --------
    >>> print(f"{ber_rayleigh(1, 10.0):.6f}")
    0.023269
    """
    check_num_bits(num_bits)
    multiples, weights = _bit_error_terms(max(num_bits // 2, 1))
    snr = _half_distance_snr(num_bits, es_n0_db)
    return _mean_tail(multiples**2 * snr[..., None]) @ weights


def _half_distance_snr(num_bits, es_n0_db):
    """Squared half distance between neighbours over N0: a neighbour is preferred with Q(√(2·this))."""
    es_n0 = 10 ** (np.asarray(es_n0_db, dtype=np.float64) / 10)
    return es_n0 if num_bits == 1 else es_n0 * 1.5 / (2**num_bits - 1)


def _neighbour_share(num_bits):
    """Mean number of neighbours of a level on one axis."""
    return 2 * (1 - 2 ** (-num_bits / 2))


def _mean_tail(snr):
    """E[Q(√(2·g·snr))] over an exponential gain g: ½·(1 − μ), μ = √(snr/(1+snr)), free of cancellation."""
    return 0.5 / (1 + snr) / (1 + np.sqrt(snr / (1 + snr)))


def _mean_squared_tail(snr):
    """E[Q²(√(2·g·snr))] over an exponential gain g: ¼ − μ·arctan(1/μ)/π, rearranged against cancellation."""
    mu = np.sqrt(snr / (1 + snr))
    difference = 2 * _mean_tail(snr)
    return difference / 4 - mu * np.arctan(difference / (1 + mu)) / np.pi


@cache
def _bit_error_terms(num_bits):
    """The bit error rate of Gray PAM as Σ weight·Q(multiple·d/σ), d half the distance between neighbours.

    Walking from the sent level outwards, a decoded bit turns wrong or right again at those thresholds where
    the labels of the levels on both sides differ in it; each one adds or takes away its Gaussian tail.
    """
    order = np.argsort(pam(num_bits))
    bits = bit_labels(num_bits)[order].astype(np.int64)
    levels = len(bits)
    counts = np.zeros(2 * levels)
    for sent in range(levels):
        wrong = bits != bits[sent]
        for outwards in (wrong[sent:], wrong[sent::-1]):
            steps = np.diff(outwards.astype(np.int64), axis=0).sum(axis=1)
            counts[1 : 2 * len(steps) : 2] += steps
    multiples = np.flatnonzero(counts)
    return multiples, counts[multiples] / (levels * num_bits)
