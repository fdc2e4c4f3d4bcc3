"""SNR boundaries between modulation orders, from a target symbol error rate."""

from bisect import bisect_right

from scipy.optimize import brentq

from linksim.modulation.error_rates import ser_awgn

_SEARCH_DB = (-60.0, 120.0)


def snr_boundaries_db(orders, target_ser):
    """The SNRs from which on each modulation order but the first is used.

    The SNR on the AWGN channel at which the order's symbol error rate falls to the target (uJSCC, section
    III-A).

    Parameters
    ----------
    orders : sequence of int
        Bits per symbol, rising, each one of `constellations.BITS_PER_SYMBOL`.
    target_ser : float
        Above 0 and below 0.5, the largest error rate of BPSK.

    Returns
    -------
    tuple of float
        In dB, one fewer than the orders, rising.

    Raises
    ------
    ValueError
        If the orders do not rise or do not exist, or the target is out of range.

    Examples
    --------
    >>> [round(snr_db, 1) for snr_db in snr_boundaries_db((1, 2, 4, 6, 8), 0.1)]
    [4.3, 12.2, 18.8, 25.0]
    """
    if not 0 < target_ser < 0.5:
        raise ValueError(f"a target symbol error rate of {target_ser} is not between 0 and 0.5")
    if sorted(set(orders)) != list(orders):
        raise ValueError(f"modulation orders {tuple(orders)} do not rise")
    return tuple(brentq(_excess, *_SEARCH_DB, args=(order, target_ser)) for order in orders[1:])


def order_at(snr_db, boundaries_db):
    """The index of the modulation order in use at an SNR; at a boundary already the higher one.

    Examples
    --------
    >>> order_at(4.3, (4.3, 12.2)), order_at(4.2, (4.3, 12.2))
    (1, 0)
    """
    return bisect_right(boundaries_db, snr_db)


def _excess(snr_db, order, target_ser):
    return ser_awgn(order, snr_db) - target_ser
