"""Capacities in bits per channel use, their inverses, and their Rayleigh averages and outages.

Throughout, the SNR is Es/N0 with N0 the variance of the complex noise, and inputs have unit mean energy.
"""

from functools import lru_cache

import numpy as np
from scipy.optimize import brentq

from linksim.modulation.constellations import bit_labels, check_num_bits, pam

_SEARCH_DB = (-100.0, 150.0)
# The noise of the mutual information integrals, in standard deviations. For such integrands the trapezoidal
# rule converges exponentially (Trefethen and Weideman, SIAM Review 56(3), 2014), faster than Gauss-Hermite's.
_NOISE = np.linspace(-8.5, 8.5, 171)
_NOISE_WEIGHTS = np.exp(-(_NOISE**2) / 2) / np.exp(-(_NOISE**2) / 2).sum()
# The gains of the Rayleigh average, in whole dB: mean SNRs that lie whole dB apart share cached capacities.
_GAIN_DB = np.arange(-90.0, 17.0)
_GAIN = 10 ** (_GAIN_DB / 10)
_GAIN_WEIGHTS = _GAIN * np.exp(-_GAIN) * np.log(10) / 10


def gaussian_capacity(snr_db):
    """Shannon's capacity of the complex AWGN channel, log2(1 + SNR).

    Parameters
    ----------
    snr_db : float or array
        Es/N0 in dB.

    Returns
    -------
    float64, the shape of `snr_db`
        Bits per channel use.

    Examples
    --------
    >>> float(gaussian_capacity(0.0))
    1.0
    """
    return np.log1p(10 ** (np.asarray(snr_db, dtype=np.float64) / 10)) / np.log(2)


def cm_capacity(num_bits, snr_db):
    """Coded-modulation capacity: the mutual information of uniform square QAM (or BPSK) inputs on AWGN.

    Ungerboeck, Channel coding with multilevel/phase signals, IEEE Trans. Inf. Theory 28(1), 1982. The axes of
    a square QAM are independent, so the integral is one-dimensional. The absolute error is below 1e-9 bit.

    Parameters
    ----------
    num_bits : int
        Bits per symbol, one of `constellations.BITS_PER_SYMBOL`.
    snr_db : float or array
        Es/N0 in dB.

    Returns
    -------
    float64, the shape of `snr_db`
        Bits per channel use, at most `num_bits`.

    Raises
    ------
    ValueError
        If there is no such constellation.

    Examples
    --------
    >>> print(f"{cm_capacity(2, 0.0):.4f}")
    0.9719
    """
    return _constellation_capacity(num_bits, snr_db, 0)


def bicm_capacity(num_bits, snr_db):
    """Capacity of bit-interleaved coded modulation with Gray square QAM (or BPSK) on AWGN.

    The sum over the label's bits of each bit's mutual information with the received symbol (Caire, Taricco
    and Biglieri, Bit-interleaved coded modulation, IEEE Trans. Inf. Theory 44(3), 1998): what a binary code
    can reach behind a demapper that computes every bit's LLR on its own, as the link's does. The absolute
    error is below 1e-9 bit.

    Parameters
    ----------
    num_bits : int
        Bits per symbol, one of `constellations.BITS_PER_SYMBOL`.
    snr_db : float or array
        Es/N0 in dB.

    Returns
    -------
    float64, the shape of `snr_db`
        Bits per channel use, at most `num_bits`.

    Raises
    ------
    ValueError
        If there is no such constellation.

    Examples
    --------
    >>> print(f"{bicm_capacity(4, 10.0):.4f} of {cm_capacity(4, 10.0):.4f}")
    3.1636 of 3.1639
    """
    return _constellation_capacity(num_bits, snr_db, 1)


def best_bicm_capacity(orders, snr_db):
    """The largest `bicm_capacity` over several modulation orders, at each SNR.

    Parameters
    ----------
    orders : iterable of int
        Modulation orders in bits per symbol, not empty.
    snr_db : float or array
        Es/N0 in dB.

    Returns
    -------
    float64, the shape of `snr_db`
        Bits per channel use.

    Raises
    ------
    ValueError
        If one of the constellations does not exist or `orders` is empty.
    """
    return np.max([bicm_capacity(order, snr_db) for order in orders], axis=0)


def snr_db_for_capacity(capacity_fn, bits):
    """The SNR at which a capacity reaches a number of bits.

    Parameters
    ----------
    capacity_fn : callable
        From an SNR in dB to bits per channel use, increasing.
    bits : float or array
        Bits per channel use.

    Returns
    -------
    float64, the shape of `bits`
        SNR in dB, to 1e-9 dB where the capacity is steep enough to tell; `inf` from the capacity's ceiling
        upwards (its value at 150 dB); `-inf` for no more bits than it has at −100 dB.

    Examples
    --------
    >>> print(f"{snr_db_for_capacity(gaussian_capacity, 2.0):.4f}")
    4.7712
    """
    floor, ceiling = (float(capacity_fn(edge)) for edge in _SEARCH_DB)

    def invert(target):
        if target >= ceiling:
            return np.inf
        if target <= floor:
            return -np.inf
        return brentq(lambda snr_db: float(capacity_fn(snr_db)) - target, *_SEARCH_DB, xtol=1e-9)

    return _each(invert, bits)


def ergodic(capacity_fn, mean_snr_db):
    """Mean capacity over fast Rayleigh fading, the gain known to the receiver only.

    The transmitter cannot follow the gain, so a choice among modulations has to be made outside: take the
    maximum of each one's ergodic capacity, not the ergodic capacity of the maximum.

    The gain is exponential with mean 1 and integrated by the trapezoidal rule in dB, which converges
    exponentially; the absolute error is below 1e-6 bit.

    Parameters
    ----------
    capacity_fn : callable
        From an array of SNRs in dB to bits per channel use.
    mean_snr_db : float or array
        Mean SNR in dB.

    Returns
    -------
    float64, the shape of `mean_snr_db`
        Bits per channel use.

    Examples
    --------
    >>> print(f"{ergodic(gaussian_capacity, 10.0):.4f}")
    2.9065
    """
    mean_snr_db = np.asarray(mean_snr_db, dtype=np.float64)
    return capacity_fn(mean_snr_db[..., None] + _GAIN_DB) @ _GAIN_WEIGHTS


def outage_probability(capacity_fn, bits, mean_snr_db):
    """Probability that one block of a Rayleigh block-fading channel cannot carry a rate.

    P(C(g·SNR) < R) = 1 − exp(−g*/SNR), where g* is the SNR at which C reaches R (Ozarow, Shamai and Wyner,
    Information theoretic considerations for cellular mobile radio, IEEE Trans. Veh. Technol. 43(2), 1994).

    Parameters
    ----------
    capacity_fn : callable
        From an SNR in dB to bits per channel use, increasing.
    bits : float or array
        The rate in bits per channel use.
    mean_snr_db : float or array
        Mean SNR in dB, broadcast against `bits`.

    Returns
    -------
    float64, the broadcast shape
        1 for a rate that no SNR carries.

    Examples
    --------
    >>> print(f"{outage_probability(gaussian_capacity, 1.0, 10.0):.6f}")
    0.095163
    """
    needed_db = snr_db_for_capacity(capacity_fn, bits)
    return -np.expm1(-(10 ** ((needed_db - np.asarray(mean_snr_db, dtype=np.float64)) / 10)))


def _constellation_capacity(num_bits, snr_db, kind):
    """CM (`kind` 0) or BICM (`kind` 1) capacity from the axes' mutual information."""
    check_num_bits(num_bits)
    if num_bits == 1:
        # All the energy on one axis, which bears half the noise.
        return _each(lambda value: _axis_information(1, 2 * 10 ** (value / 10))[kind], snr_db)
    return _each(lambda value: 2 * _axis_information(num_bits // 2, 10 ** (value / 10))[kind], snr_db)


@lru_cache(maxsize=65536)
def _axis_information(num_bits, snr):
    """Symbol-wise and summed bit-wise mutual information of Gray PAM in real noise, in bits.

    `snr` is the mean energy of the levels over the variance of the real noise. The constellation is
    symmetric, so only its positive levels are sent. Likelihoods are relative to the sent level's, whose
    exponent is 0; the largest exponent is half the largest squared noise, so nothing overflows.
    """
    levels = pam(num_bits)
    bits = bit_labels(num_bits)
    positive = levels > 0
    sent = levels[positive]
    distance = np.sqrt(snr) * (sent[:, None] - levels)[:, None, :]
    likelihoods = np.exp(-distance * (distance / 2 + _NOISE[:, None]))
    total = np.log2(likelihoods.sum(axis=-1))
    same_bit = (bits[positive][:, None, :] == bits).astype(np.float64)
    per_bit = np.log2(likelihoods @ same_bit)
    symbol_loss = (total @ _NOISE_WEIGHTS).mean()
    bit_loss = (_NOISE_WEIGHTS @ (total[..., None] - per_bit)).mean(axis=0).sum()
    return num_bits - float(symbol_loss), num_bits - float(bit_loss)


def _each(function, values):
    """`function` of every float in `values`, as float64 of the same shape."""
    values = np.asarray(values, dtype=np.float64)
    return np.array([function(value) for value in values.ravel().tolist()]).reshape(values.shape)[()]
