"""How good systems are: a separate chain's cliffs and distance to the bound, a learned system's steps."""

from dataclasses import dataclass
from itertools import pairwise

from linksim.report.table import target_cbr


@dataclass(frozen=True)
class Cliff:
    """Where one MCS begins to work.

    Attributes
    ----------
    mcs : str
    threshold_db : float
        Lowest SNR of the grid from which on no block is lost.
    width_db : float
        From the highest SNR at which every block is lost to the threshold.
    plateau_db : float
        Mean PSNR above the threshold.
    ripple_db : float
        Largest difference between two PSNRs above the threshold; 0 for a flat plateau.
    """

    mcs: str
    threshold_db: float
    width_db: float
    plateau_db: float
    ripple_db: float


@dataclass(frozen=True)
class Gap:
    """Distance of an envelope to a bound at equal PSNR.

    Attributes
    ----------
    system, bound : str
    cbr : float
    snr_db : tuple of float
        The SNRs of the envelope, between the lowest and the highest threshold of its MCSs.
    gap_db : tuple of float
        At each of them: SNR minus the SNR at which the bound reaches the same PSNR.
    excess_db : float
        Largest PSNR of the envelope above the bound at the same SNR, over all SNRs (at most 0 in theory).
    """

    system: str
    bound: str
    cbr: float
    snr_db: tuple[float, ...]
    gap_db: tuple[float, ...]
    excess_db: float

    @property
    def mean_db(self) -> float:
        """Mean distance in dB."""
        return sum(self.gap_db) / len(self.gap_db)


def cliffs(rows: list[dict], system: str, cbr: float) -> list[Cliff]:
    """The cliffs of a system's MCSs that were decoded on both sides of their threshold.

    Parameters
    ----------
    rows : list of dict
        As `linksim.report.table.read_results` gives them.
    system : str
        The system's label.
    cbr : float
        Its bandwidth, as in the rows.
    """
    by_mcs: dict[str, list[dict]] = {}
    for row in rows:
        if (
            row["system"] == system
            and row["cbr"] == cbr
            and ":" not in row["mcs"]
            and row["bler"] is not None
        ):
            by_mcs.setdefault(row["mcs"], []).append(row)
    found = [_cliff(mcs, sorted(points, key=lambda row: row["snr_db"])) for mcs, points in by_mcs.items()]
    return [cliff for cliff in found if cliff is not None]


def _cliff(mcs, points):
    lost = [row for row in points if row["bler"] > 0]
    above = [row for row in points if not lost or row["snr_db"] > lost[-1]["snr_db"]]
    if not lost or not above:
        return None
    threshold_db = above[0]["snr_db"]
    all_lost = [row["snr_db"] for row in points if row["bler"] == 1 and row["snr_db"] < threshold_db]
    if not all_lost:
        return None
    plateau = [row["psnr_db"] for row in above]
    return Cliff(
        mcs,
        threshold_db,
        threshold_db - max(all_lost),
        sum(plateau) / len(plateau),
        max(plateau) - min(plateau),
    )


def gaps(rows: list[dict]) -> list[Gap]:
    """The distance of every envelope to every bound at the same bandwidth that lies near it.

    A bound of another codec says nothing about a chain: an envelope that rises above a bound by more than
    0.5 dB, or stays more than 6 dB of SNR from it on average, is not compared with it.
    """
    found = []
    envelopes = _curves(rows, "envelope:")
    bounds = _curves(rows, "bound:")
    for (system, cbr), envelope in envelopes.items():
        thresholds = sorted(cliff.threshold_db for cliff in cliffs(rows, system, cbr))
        if not thresholds:
            continue
        for (bound_system, bound_cbr), bound in bounds.items():
            if bound_cbr != cbr:
                continue
            at = {row["snr_db"]: row["psnr_db"] for row in bound}
            excess = [row["psnr_db"] - at[row["snr_db"]] for row in envelope if row["snr_db"] in at]
            between = [row for row in envelope if thresholds[0] <= row["snr_db"] <= thresholds[-1]]
            pairs = [(row["snr_db"], reach_db(bound, row["psnr_db"])) for row in between]
            pairs = [(snr_db, snr_db - reached) for snr_db, reached in pairs if reached is not None]
            if pairs and excess:
                snr_db, gap_db = zip(*pairs)
                found.append(Gap(system, bound_system, cbr, snr_db, gap_db, max(excess)))
    return [gap for gap in found if gap.excess_db <= 0.5 and gap.mean_db <= 6]


def reach_db(curve: list[dict], psnr_db: float) -> float | None:
    """The lowest SNR at which a curve, linear between its points, reaches a PSNR; None outside it."""
    for left, right in pairwise(curve):
        low, high = left["psnr_db"], right["psnr_db"]
        if low <= psnr_db <= high:
            if high == low:
                return left["snr_db"]
            share = (psnr_db - low) / (high - low)
            return left["snr_db"] + share * (right["snr_db"] - left["snr_db"])
    return None


def _curves(rows, kind):
    found: dict[tuple[str, float], list[dict]] = {}
    for row in rows:
        if row["mcs"].startswith(kind):
            found.setdefault((row["system"], target_cbr(row)), []).append(row)
    return {key: sorted(points, key=lambda row: row["snr_db"]) for key, points in found.items()}


def steepest_step(curve: list[dict]) -> tuple[float, float, float] | None:
    """The largest rise of PSNR, in dB per dB of SNR, and the two SNRs that it lies between."""
    steps = [
        (
            (right["psnr_db"] - left["psnr_db"]) / (right["snr_db"] - left["snr_db"]),
            left["snr_db"],
            right["snr_db"],
        )
        for left, right in pairwise(curve)
    ]
    return max(steps) if steps else None


def describe(rows: list[dict]) -> list[str]:
    """Lines of text: learned systems' steps; each envelope's cliffs and its distance to each bound."""
    text = []
    for (system, cbr), curve in _curves(rows, "weights:").items():
        step, rate = steepest_step(curve), "variable CBR" if cbr is None else f"CBR {cbr:.4g}"
        if step is not None:
            text.append(
                f"{system}, {rate}: degrades by at most {step[0]:.2f} dB of PSNR per dB of SNR "
                f"({step[1]:g} to {step[2]:g} dB)"
            )
    found = gaps(rows)
    for system, cbr in dict.fromkeys((gap.system, gap.cbr) for gap in found):
        edges = cliffs(rows, system, cbr)
        thresholds = [cliff.threshold_db for cliff in edges]
        widest = max(edges, key=lambda cliff: cliff.width_db)
        ripple_db = max(cliff.ripple_db for cliff in edges)
        text.append(
            f"{system}, CBR {cbr:.4g}: {len(edges)} MCSs with their cliff in range, thresholds "
            f"{min(thresholds):g} to {max(thresholds):g} dB, widest cliff "
            f"{widest.width_db:g} dB ({widest.mcs}), plateaus flat within {ripple_db:.3f} dB"
        )
        for gap in found:
            if (gap.system, gap.cbr) == (system, cbr):
                text.append(
                    f"  from {gap.bound}: {gap.mean_db:.2f} dB of SNR on average ({min(gap.gap_db):.2f} to "
                    f"{max(gap.gap_db):.2f} dB between these thresholds), at most {gap.excess_db:+.3f} dB "
                    "of PSNR above it"
                )
    return text
