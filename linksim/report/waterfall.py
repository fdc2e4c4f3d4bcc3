"""Where coded blocks begin to arrive: the SNR of a block error rate, and its distance to the capacity."""

import math
from collections import defaultdict
from functools import partial
from itertools import pairwise

from linksim.modulation.capacity import bicm_capacity, snr_db_for_capacity
from linksim.report.labels import mcs_text, value_text

#: The block error rate of link adaptation in 3GPP (TS 38.214 clause 5.2.2.1).
TARGET = 0.1


def crossing_db(points: list[dict], target: float = TARGET) -> float | None:
    """The lowest SNR from which the block error rate stays at most a target.

    Its logarithm is taken linear between two points; where none of the later one's blocks was lost, its upper
    limit stands for it.

    Parameters
    ----------
    points : list of dict
        Rows of one MCS with a block error rate, SNRs rising.

    Returns
    -------
    float or None
        In dB; None where the points do not enclose it.
    """
    found = None
    for left, right in pairwise(points):
        if left["bler"] > target >= right["bler"]:
            low = math.log(right["bler"] or min(right["bler_hi"], target))
            share = (math.log(left["bler"]) - math.log(target)) / (math.log(left["bler"]) - low)
            found = left["snr_db"] + share * (right["snr_db"] - left["snr_db"])
    return found


def describe(rows: list[dict]) -> list[str]:
    """A line of text for each coded MCS of a study without pictures: where its block error rate is 0.1.

    On AWGN with the distance to the SNR at which the BICM capacity of its modulation is the information rate
    Q_m·R.

    Parameters
    ----------
    rows : list of dict
        As `linksim.report.table.read_results` gives them.
    """
    groups = defaultdict(list)
    for row in rows:
        if row["cbr"] is None and row["bler"] is not None and row["code_rate"] != 1:
            groups[row["system"], row["channel"], row["mcs"]].append(row)
    text = []
    for (system, channel, mcs), points in groups.items():
        points.sort(key=lambda row: row["snr_db"])
        at_db = crossing_db(points)
        if at_db is None:
            continue
        line = f"{system}, {mcs} ({mcs_text(points[0])}), {value_text('channel', channel)}: BLER {TARGET} at "
        line += f"{at_db:.2f} dB"
        if channel == "awgn":
            order, rate = int(points[0]["modulation_order"]), points[0]["code_rate"]
            limit_db = snr_db_for_capacity(partial(bicm_capacity, order), order * rate)
            line += f", {at_db - limit_db:.2f} dB from the BICM capacity ({limit_db:.2f} dB)"
        text.append(line)
    return text
