"""Compares curves: gaps at equal SNR and at equal PSNR, the mean gap (BD-PSNR), and where curves cross.

The x axis is the SNR in dB, or 10·log10(CBR) for curves over the bandwidth: the logarithm of what is spent,
as the rate is in Bjøntegaard's measure.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from linksim.report import measured, published
from linksim.report.curves import PUBLISHED, SINGLE, to_curves
from linksim.report.labels import value_text
from linksim.report.table import read_results, swept_values, target_cbr
from linksim.scenario.errors import InputError

AXES = ("snr_db", "cbr")
"""Along what curves may be compared."""


@dataclass(frozen=True)
class Line:
    """A curve as it is compared.

    Attributes
    ----------
    name : str
        System, and what else tells it from the others.
    key : tuple
        System, channel, values of swept fields, what does not change along the curve, and the kind of MCS:
        lines of two runs with the same key belong together.
    x : tuple of float
        SNRs in dB, or CBRs; rising.
    psnr_db : tuple of float
    halfwidth_db : tuple of (float or None)
        95% half-width of each PSNR; None where it is not known.
    """

    name: str
    key: tuple
    x: tuple[float, ...]
    psnr_db: tuple[float, ...]
    halfwidth_db: tuple[float | None, ...]

    @property
    def system(self) -> str:
        """The system's label."""
        return self.key[0]

    @property
    def conditions(self) -> tuple:
        """Channel and bandwidth (or SNR): lines that differ in these are not compared."""
        return self.key[1], self.key[2]


@dataclass(frozen=True)
class Reference:
    """What a run is compared with.

    Attributes
    ----------
    name : str
    lines : tuple of Line
    same_metric : bool
        Whether its PSNR is defined as ours: otherwise there is no mean gap.
    certain : bool
        Whether its SNRs are: otherwise it decides nothing.
    notes : tuple of str
        What a reader should know.
    by_name : bool
        Whether its systems are ours under the same labels.
    """

    name: str
    lines: tuple[Line, ...]
    same_metric: bool = True
    certain: bool = True
    notes: tuple[str, ...] = ()
    by_name: bool = True


@dataclass(frozen=True)
class Gap:
    """A line minus its reference at one place.

    Attributes
    ----------
    x : float
    psnr_db, reference_db : float
        The reference is taken linear between its points.
    gap_db : float
    halfwidth_db : float or None
        95% half-width of the gap, of independent draws; None where one of the two is not known.
    shift_db : float or None
        How much later than the reference the line reaches this PSNR, in dB of SNR or of CBR; None where the
        reference lies above or below.
    """

    x: float
    psnr_db: float
    reference_db: float
    gap_db: float
    halfwidth_db: float | None
    shift_db: float | None

    def exceeds(self, tolerance_db: float) -> bool:
        """Whether the gap, less its interval, is larger than a tolerance in either direction."""
        return abs(self.gap_db) - (self.halfwidth_db or 0.0) > tolerance_db


@dataclass(frozen=True)
class Comparison:
    """A line and its reference.

    Attributes
    ----------
    line, reference : Line
    gaps : tuple of Gap
        At the line's places that lie on the reference.
    bd_psnr_db : float or None
        Mean gap over the common range; None where it has none, or the PSNRs are defined differently.
    mean_shift_db : float or None
        Mean shift over the common range of PSNRs; None where it has none, or they are defined differently.
    crossings : tuple of float
        Where the sign of the gap changes.
    """

    line: Line
    reference: Line
    gaps: tuple[Gap, ...]
    bd_psnr_db: float | None
    mean_shift_db: float | None
    crossings: tuple[float, ...]


def lines_of(rows: list[dict], x: str = "snr_db") -> tuple[Line, ...]:
    """The curves of a results table that stand for systems: policies' lines, weights, bounds, fixed MCSs.

    Parameters
    ----------
    rows : list of dict
        As `linksim.report.table.read_results` gives them.
    x : str
        `snr_db` or `cbr`.
    """
    found = []
    for curve in to_curves([row for row in rows if row["psnr_db"] is not None], x):
        if curve.role == SINGLE:
            continue
        first = curve.rows[0]
        across = first["snr_db"] if x == "cbr" else target_cbr(first)
        swept = tuple(swept_values(first).items())
        found.append(
            Line(
                curve.label,
                (curve.system, first["channel"], across, curve.mcs, swept),
                tuple(row[x] for row in curve.rows),
                tuple(row["psnr_db"] for row in curve.rows),
                tuple(row["psnr_ci95_db"] for row in curve.rows),
            )
        )
    return tuple(found)


def read_reference(reference: str | Path, x: str = "snr_db") -> Reference:
    """A run folder, a file of `baselines/measured`, or one of `baselines/published` or its name.

    Raises
    ------
    InputError
        It is none of these.
    """
    path = Path(reference)
    if path.is_dir():
        return Reference(str(path), _with_psnr(lines_of(read_results(path / "results.csv"), x), path))
    if measured.is_measured(path):
        found = measured.load(path)
        return Reference(str(path), _with_psnr(lines_of(found.rows(), x), path), notes=found.notes)
    found = published.load(reference)
    curves = published.overlay(reference, x, "psnr_db")
    metric = published.METRIC_NOTES[found.metric_definition]
    notes = [f"{found.source}; {found.where}", f"its pictures: {found.dataset}", metric, found.note]
    return Reference(
        str(reference),
        tuple(_published_line(curve, x) for curve in curves if curve.role == PUBLISHED),
        same_metric=not metric,
        certain=not found.uncertain,
        notes=tuple(filter(None, notes)),
        by_name=False,
    )


def _published_line(curve, x):
    first = curve.rows[0]
    across = first["snr_db"] if x == "cbr" else first["cbr"]
    return Line(
        curve.label,
        (curve.system, first["channel"], across, "published", ()),
        tuple(row[x] for row in curve.rows),
        tuple(row["psnr_db"] for row in curve.rows),
        (None,) * len(curve.rows),
    )


def _with_psnr(lines, path):
    if not lines:
        raise InputError("has no PSNR", file=str(path), mend="compare studies that send pictures")
    return lines


def compare(
    lines: tuple[Line, ...],
    reference: Reference,
    *,
    x: str = "snr_db",
    system: str | None = None,
    against: str | None = None,
) -> list[Comparison]:
    """Pair the lines of a run with those of a reference and measure their gaps.

    Lines belong together under the same name; those of published results, or of a system that is named, meet
    all that share their channel and bandwidth.

    Parameters
    ----------
    lines : tuple of Line
    reference : Reference
    x : str
        `snr_db` or `cbr`.
    system, against : str or None
        A label of the run, one of the reference: only these.

    Raises
    ------
    InputError
        A label is not there, or nothing belongs together.
    """
    ours = _labelled(lines, system, "--system", "the run")
    theirs = _labelled(reference.lines, against, "--against", reference.name)
    by_name = reference.by_name and against is None
    pairs = [
        (line, other)
        for line in ours
        for other in theirs
        if (line.key == other.key if by_name else line.conditions == other.conditions)
    ]
    found = [_compared(line, other, reference.same_metric, x) for line, other in pairs]
    found = [each for each in found if each.gaps]
    if not found:
        there = dict.fromkeys(f"{line.system} ({_conditions(line, x)})" for line in theirs)
        problem = "no curve of the run has its like in it, by label, channel and bandwidth"
        mend = f"choose with --system and --against, or run what is there: {'; '.join(there)}"
        raise InputError(problem, file=reference.name, mend=mend if len(mend) < 500 else f"{mend[:497]}...")
    return found


def _labelled(lines, label, option, where):
    if label is None:
        return lines
    found = [line for line in lines if label == line.system]
    if not found:
        labels = ", ".join(dict.fromkeys(line.system for line in lines))
        raise InputError(f"{where} has no system {label!r}", field=option, mend=f"name one of {labels}")
    return found


def _conditions(line, x):
    across = "snr_db" if x == "cbr" else "cbr"
    parts = [value_text("channel", line.key[1])]
    return ", ".join(parts if line.key[2] is None else [*parts, value_text(across, line.key[2])])


def _compared(line, other, same_metric, x):
    scale = _decibels if x == "cbr" else float
    at, values = np.array([scale(each) for each in line.x]), np.array(line.psnr_db)
    other_at, other_values = np.array([scale(each) for each in other.x]), np.array(other.psnr_db)
    gaps = []
    for place, (here, value) in enumerate(zip(at, values)):
        if other_at[0] - 1e-9 <= here <= other_at[-1] + 1e-9:
            reference_db = float(np.interp(here, other_at, other_values))
            halfwidth = _independent(line.halfwidth_db[place], _halfwidth(other, other_at, here))
            reached = _reached(at, values, value), _reached(other_at, other_values, value)
            shift = None if None in reached or not same_metric else reached[0] - reached[1]
            gaps.append(
                Gap(line.x[place], float(value), reference_db, float(value) - reference_db, halfwidth, shift)
            )
    curves = at, values, other_at, other_values
    bd = bd_psnr_db(*curves) if same_metric else None
    mean_shift = mean_shift_db(*curves) if same_metric else None
    crossings = _crossings(*curves)
    if x == "cbr":
        crossings = tuple(10 ** (each / 10) for each in crossings)
    return Comparison(line, other, tuple(gaps), bd, mean_shift, crossings)


def _decibels(ratio):
    return 10 * math.log10(ratio)


def _halfwidth(line, at, here):
    """Of a point, or the larger of the two that a place lies between."""
    near = [line.halfwidth_db[int(i)] for i in np.flatnonzero(np.isclose(at, here))]
    if not near:
        right = int(np.searchsorted(at, here))
        near = [line.halfwidth_db[right - 1], line.halfwidth_db[right]]
    return None if None in near else max(near)


def _independent(first, second):
    """Half-width of a difference of independent means."""
    return None if first is None or second is None else math.hypot(first, second)


def bd_psnr_db(x, psnr_db, reference_x, reference_db) -> float | None:
    """Bjøntegaard's mean PSNR difference over the common range of x.

    Both curves are interpolated by piecewise cubic polynomials that keep their shape (PCHIP, as the video
    coding groups do since JCTVC-L1100), which neither the plateaus nor the cliffs of a link disturb.

    Parameters
    ----------
    x, reference_x : float [n]
        Rising; in dB.
    psnr_db, reference_db : float [n]

    Returns
    -------
    float or None
        In dB, positive where the first is better; None without a common range.
    """
    from scipy.interpolate import PchipInterpolator

    low, high = max(x[0], reference_x[0]), min(x[-1], reference_x[-1])
    if not low < high:
        return None
    first, second = PchipInterpolator(x, psnr_db), PchipInterpolator(reference_x, reference_db)
    return float((first.integrate(low, high) - second.integrate(low, high)) / (high - low))


def _reached(x, psnr_db, level_db):
    """Where a curve, linear between its points, first has a PSNR; None if it begins above or never has it."""
    if psnr_db[0] > level_db:
        return None
    highest = np.maximum.accumulate(psnr_db)
    place = int(np.searchsorted(highest, level_db))
    if place == len(x):
        return None
    if place == 0:
        return float(x[0])
    share = (level_db - highest[place - 1]) / (highest[place] - highest[place - 1])
    return float(x[place - 1] + share * (x[place] - x[place - 1]))


def mean_shift_db(x, psnr_db, reference_x, reference_db) -> float | None:
    """Mean distance along x at equal PSNR, over the PSNRs that both curves reach and neither begins above.

    A curve reaches a PSNR where, linear between its points, it first has it; plateaus take no part.

    Parameters, returns
        As `bd_psnr_db`; positive where the first needs more.
    """
    low = max(psnr_db[0], reference_db[0])
    high = min(max(psnr_db), max(reference_db))
    if not low < high:
        return None
    return (_area(x, psnr_db, low, high) - _area(reference_x, reference_db, low, high)) / (high - low)


def _area(x, psnr_db, low, high):
    """Integral over PSNRs of where a curve first reaches them."""
    total, highest = 0.0, np.maximum.accumulate(psnr_db)
    for (left, below), (right, above) in pairwise(zip(x, highest)):
        bottom, top = max(below, low), min(above, high)
        if bottom < top:
            middle = ((bottom + top) / 2 - below) / (above - below)
            total += (top - bottom) * float(left + middle * (right - left))
    return total


def _crossings(x, psnr_db, reference_x, reference_db):
    """Where the sign of the difference of two curves, linear between their points, changes."""
    low, high = max(x[0], reference_x[0]), min(x[-1], reference_x[-1])
    grid = np.unique([each for each in (*x, *reference_x) if low <= each <= high])
    gaps = np.interp(grid, x, psnr_db) - np.interp(grid, reference_x, reference_db)
    signed = [(at, gap) for at, gap in zip(grid, gaps) if gap != 0]
    return tuple(
        float(left + (right - left) * before / (before - after))
        for (left, before), (right, after) in pairwise(signed)
        if before * after < 0
    )


def table(found: list[Comparison], x: str = "snr_db", *, same_metric: bool = True) -> list[str]:
    """Lines of text: for each pair the gaps along x, the mean gap, the shift and the crossings."""
    text = []
    for each in found:
        text.append(f"{each.line.name} minus {each.reference.name}")
        text += _gap_table(each.gaps, x)
        text.append("  " + "; ".join(_summary(each, x, same_metric)))
    return text


def _gap_table(gaps, x):
    shift = "SNR gap" if x == "snr_db" else "CBR gap"
    rows = [("SNR" if x == "snr_db" else "CBR", "PSNR", "reference", "PSNR gap", shift)]
    for gap in gaps:
        interval = "" if gap.halfwidth_db is None else f" ± {gap.halfwidth_db:.2f}"
        rows.append(
            (
                f"{gap.x:g} dB" if x == "snr_db" else value_text("cbr", gap.x).removeprefix("CBR "),
                f"{gap.psnr_db:.2f}",
                f"{gap.reference_db:.2f}",
                f"{gap.gap_db:+.2f}{interval} dB",
                "" if gap.shift_db is None else _shift_text(gap.shift_db, x),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _summary(each, x, same_metric):
    if each.bd_psnr_db is not None:
        yield f"BD-PSNR {each.bd_psnr_db:+.3f} dB"
    elif not same_metric:
        yield "no BD-PSNR and no gap at equal PSNR: the PSNRs are defined differently"
    else:
        yield "no BD-PSNR: one common point"
    name = "SNR" if x == "snr_db" else "CBR"
    if each.mean_shift_db is not None:
        yield f"mean {name} gap at equal PSNR {_shift_text(each.mean_shift_db, x)}"
    places = ", ".join(f"{place:.1f} dB" if x == "snr_db" else f"CBR {place:.4f}" for place in each.crossings)
    yield f"curves cross at {places}" if places else "curves do not cross"


def _shift_text(shift_db, x):
    """In dB of SNR, or as a share of the CBR."""
    return f"{shift_db:+.2f} dB" if x == "snr_db" else f"{100 * (10 ** (shift_db / 10) - 1):+.1f}%"


def exceeding(found: list[Comparison], tolerance_db: float) -> list[str]:
    """A line of text for each pair that lies farther apart than a tolerance: its largest excess."""
    text = []
    for each in found:
        beyond = [gap for gap in each.gaps if gap.exceeds(tolerance_db)]
        if beyond:
            worst = max(beyond, key=lambda gap: abs(gap.gap_db) - (gap.halfwidth_db or 0.0))
            interval = "" if worst.halfwidth_db is None else f" ± {worst.halfwidth_db:.2f}"
            text.append(
                f"{each.line.name}: {len(beyond)} of {len(each.gaps)} points have moved by more than their "
                f"interval and {tolerance_db:g} dB, most {worst.gap_db:+.2f}{interval} dB at {worst.x:g}"
            )
    return text
