"""Closed forms beside measured error rates: dashed curves for uncoded QAM over AWGN and Rayleigh fading."""

import numpy as np

from linksim.modulation import error_rates
from linksim.report.curves import BOUND, Curve
from linksim.report.labels import value_text

LABEL = "closed form"

#: By column and channel, from bits per symbol and Es/N0 in dB to the rate. With one gain for each block the
#: mean over blocks is that over symbols.
CLOSED_FORMS = {
    ("ber", "awgn"): error_rates.ber_awgn,
    ("ser", "awgn"): error_rates.ser_awgn,
    ("ber", "rayleigh_fast"): error_rates.ber_rayleigh,
    ("ser", "rayleigh_fast"): error_rates.ser_rayleigh,
    ("ber", "rayleigh_block"): error_rates.ber_rayleigh,
    ("ser", "rayleigh_block"): error_rates.ser_rayleigh,
}

_STEP_DB = 0.25


def closed_forms(curves, x, y):
    """The closed forms of the curves that have one.

    Parameters
    ----------
    curves : list of linksim.report.curves.Curve
        Measured ones, for this `x`.
    x, y : str
        Columns of the figure.

    Returns
    -------
    list of Curve
        One for each modulation order and channel, over the SNRs of the curves, down to half the smallest rate
        measured; empty where `x` is not `snr_db`.
    """
    rows = [row for curve in curves for row in curve.rows if row["mcs"].startswith("uncoded/")]
    rows = [row for row in rows if (y, row["channel"]) in CLOSED_FORMS]
    measured = [row[y] for row in rows if row[y]]
    if x != "snr_db" or not measured:
        return []
    floor = min(measured) / 2
    snr_db = [row["snr_db"] for row in rows]
    grid = np.arange(min(snr_db), max(snr_db) + _STEP_DB / 2, _STEP_DB)
    found = []
    for channel, order in dict.fromkeys((row["channel"], int(row["modulation_order"])) for row in rows):
        rates = CLOSED_FORMS[y, channel](order, grid)
        points = tuple(
            {"system": LABEL, "channel": channel, "mcs": f"{LABEL} {order}", x: float(at), y: float(rate)}
            for at, rate in zip(grid, rates)
            if rate >= floor
        )
        several = len({row["channel"] for row in rows}) > 1
        label = f"{LABEL}, {value_text('channel', channel)}" if several else LABEL
        context = curves[0].context
        found.append(Curve(label, BOUND, LABEL, (channel, order), "bound:closed-form", context, points))
    return found
