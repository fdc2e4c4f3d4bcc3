"""The block error rate that link adaptation keeps to, as a line of its own in figures of the BLER."""

from linksim.report.curves import BOUND, Curve


def targets(curves, x, y, rates):
    """A level curve for each target.

    Parameters
    ----------
    curves : list of linksim.report.curves.Curve
        Measured ones, for this `x`.
    x, y : str
        Columns of the figure.
    rates : iterable of float
        Target block error rates of the policy `threshold`.

    Returns
    -------
    list of Curve
        From the lowest `x` to the highest; empty where `y` is not `bler`.
    """
    ends = [row[x] for curve in curves for row in curve.rows if isinstance(row.get(x), float)]
    if y != "bler" or not ends:
        return []
    found = []
    for rate in sorted(set(rates)):
        label = f"target {rate:g}"
        of_all = {"system": label, "channel": "", "mcs": label, "bler_lo": None, "bler_hi": None}
        points = tuple({**of_all, x: end, y: rate} for end in (min(ends), max(ends)))
        found.append(Curve(label, BOUND, label, (), f"bound:{label}", curves[0].context, points))
    return found
