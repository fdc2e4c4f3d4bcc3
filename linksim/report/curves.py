"""Groups the rows of a results table into the curves of a figure and names them."""

import re
from dataclasses import dataclass

from linksim.report.labels import mcs_text, value_text
from linksim.report.table import target_cbr

MAIN, SINGLE, BOUND, PUBLISHED = "main", "single", "bound", "published"

INTERVALS = {
    "psnr_db": ("psnr_ci95_db",),
    "accuracy": ("accuracy_lo", "accuracy_hi"),
    "bler": ("bler_lo", "bler_hi"),
}
"""The 95% interval of a column: one column holds a half-width, two hold the limits."""

_FEW = 8


@dataclass(frozen=True)
class Curve:
    """One line of a figure.

    Attributes
    ----------
    label : str
        What the legend calls it; single MCSs of one set share one.
    role : str
        `MAIN`: a system, or the policy's own line of a system with MCSs; `SINGLE`: one MCS among many;
        `BOUND`: a capacity bound; `PUBLISHED`: what others measured.
    system : str
        The system's label.
    variant : tuple
        What else the rows share, such as channel and CBR, in the same order for all curves of a figure.
    mcs : str
        The policy ("envelope", "threshold"), the MCS ("pdsch-1/10"), the bound ("bound:bicm"), or "".
    context : str
        What all curves of the figure share, as "AWGN, CBR 1/16".
    rows : tuple of dict
        Rows of the results table, ordered by the column along the curve.
    tag : str
        Of a single MCS, what stands at the end of its line: its index, or its modulation and code rate where
        the system has few.
    """

    label: str
    role: str
    system: str
    variant: tuple
    mcs: str
    context: str
    rows: tuple
    tag: str = ""


def to_curves(rows, x="snr_db"):
    """Curves along a column.

    Rows belong to one curve when they agree in system, channel, CBR, SNR, swept fields and kind of MCS,
    leaving out the column along which the curve runs: `x` if it is one of these, otherwise the SNR. An
    envelope is one curve though its MCS differs from point to point. A system whose rate varies from image to
    image counts with the CBR that it was given, or as "variable CBR" where the bandwidth is not swept.

    Parameters
    ----------
    rows : iterable of dict
        As `linksim.report.table.read_results` gives them.
    x : str
        The column of the figure's horizontal axis.

    Returns
    -------
    list of Curve
        Systems in the order of the rows; within one its own curve, then, along the SNR, its single MCSs in
        ascending order, unless some were pruned. A system without a policy's line whose MCSs are few has them
        as curves of their own.
    """
    rows = list(rows)
    identity, along = _identity_columns(rows, x)
    groups = {}
    for row in rows:
        variant = tuple(_identity_value(row, column) for column in identity)
        groups.setdefault((row["system"], variant), {}).setdefault(_kind(row["mcs"]), []).append(row)

    variants = [variant for _, variant in groups]
    varying = [len(set(values)) > 1 for values in zip(*variants)]
    context = _join(identity, variants[0], [not differs for differs in varying]) if groups else ""

    curves = []
    for (system, variant), by_mcs in groups.items():
        name = ", ".join(filter(None, [system, _join(identity, variant, varying)]))
        singles = sorted((mcs for mcs in by_mcs if "/" in mcs), key=_natural)
        alone = len(singles) == len(by_mcs)
        pruned = len({len(points) for points in by_mcs.values()}) > 1
        if not alone and (pruned or along != "snr_db"):
            singles = []  # what is left of pruned ones has holes; along the CBR they show nothing
        for mcs in [mcs for mcs in by_mcs if "/" not in mcs] + singles:
            role, label, own, tag = MAIN, name, variant, ""
            if mcs.startswith("bound:"):
                role = BOUND
            elif alone and len(singles) <= _FEW:
                label, own = f"{name}, {mcs_text(by_mcs[mcs][0])}", (*variant, mcs)
            elif mcs in singles:
                role = SINGLE
                label = f"{name}, {_span(singles)}" if alone else f"single MCSs ({_span(singles)})"
                tag = mcs_text(by_mcs[mcs][0]) if len(singles) <= _FEW else mcs.rpartition("/")[2]
            points = [row for row in by_mcs[mcs] if row.get(along) is not None]
            # A swept field may mix numbers and names.
            points.sort(key=lambda row: (isinstance(row[along], str), row[along]))
            curves.append(Curve(label, role, system, own, mcs, context, tuple(points), tag))
    return curves


def interval(row, column):
    """The lower and upper limit of a row's number, or None where the table has none."""
    values = [row[name] for name in INTERVALS.get(column, ())]
    if not values or None in values:
        return None
    return (row[column] - values[0], row[column] + values[0]) if len(values) == 1 else tuple(values)


def _identity_columns(rows, x):
    """The columns besides system and MCS in which the rows of one curve agree, and the one along it."""
    columns = ["channel", "cbr", "snr_db"]
    columns += sorted({column for row in rows for column in row if column.startswith("sweep.")})
    if "sweep.bandwidth.cbr" in columns:
        # The same quantity as the CBR column, under its path in the scenario: named once.
        columns.remove("cbr" if x == "sweep.bandwidth.cbr" else "sweep.bandwidth.cbr")
    # A swept channel is told by the channel's name, unless two values share it.
    names = {row["channel"] for row in rows}
    for column in [column for column in columns if column.startswith("sweep.channel") and column != x]:
        if len(names) == len({(row["channel"], row.get(column)) for row in rows}):
            columns.remove(column)
    along = x if x in columns[1:] else "snr_db"
    columns.remove(along)
    return columns, along


def _identity_value(row, column):
    """A row's value in an identity column, one for all rates of a variable-rate system."""
    if column != "cbr" or row["cbr"] is None:
        return row.get(column)
    target = target_cbr(row)
    return "variable CBR" if target is None else target


def _kind(mcs):
    """The policy's name for a policy's line, otherwise the MCS itself."""
    return mcs if mcs.startswith("bound:") else mcs.partition(":")[0]


def _join(identity, variant, chosen):
    """The chosen ones of a variant's values, as text; what does not apply is left out."""
    return ", ".join(
        value_text(column, value)
        for column, value, wanted in zip(identity, variant, chosen)
        if wanted and value is not None
    )


def _natural(text):
    """A sorting key that reads digits as numbers."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def _span(singles):
    """The MCSs of a family in few words: "pdsch-1/3 … 27"."""
    if len(singles) == 1:
        return singles[0]
    table, _, last = singles[-1].rpartition("/")
    return f"{singles[0]} … {last if singles[0].startswith(table + '/') else singles[-1]}"
