"""Lines of results.csv: what the completed trials of a scenario say at every point."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from linksim.evaluation.plan import Plan, Series
from linksim.evaluation.statistics import mean_halfwidth, wilson
from linksim.evaluation.summary import Summary
from linksim.evaluation.trials import mean_psnr_db
from linksim.systems.base import OperatingPoint

#: Columns of results.csv; a column for each swept field follows.
COLUMNS = (
    "system", "channel", "snr_db", "cbr", "mcs", "modulation_order", "code_rate", "images", "trials",
    "channel_uses", "cbr_std", "psnr_db", "psnr_ci95_db", "psnr_delivered_db", "ssim", "ms_ssim", "accuracy",
    "accuracy_lo", "accuracy_hi", "ber", "ser", "bler", "bler_lo", "bler_hi", "delivered", "channel_outage",
    "codec_infeasible", "tx_power_db", "papr_db", "pilot_overhead",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line: a decoded operating point, or a policy's choice.

    Attributes
    ----------
    series : Series
    mcs : str
        `pdsch-1/10`, `envelope:pdsch-1/10`, `weights:deepjscc/awgn10-c8`, `bound:bicm`.
    point : OperatingPoint
    trials : tuple of Summary
        On which the line is reported.
    """

    series: Series
    mcs: str
    point: OperatingPoint
    trials: tuple[Summary, ...]


def lines(plan: Plan, results: Mapping[str, Summary]) -> Iterator[Line]:
    """All lines in canonical order; points without a complete trial have none."""
    for series in plan.series():
        trials = plan.trials(series, results)
        for point in series.points:
            done = trials.of(point)
            if done:
                yield Line(series, point.name, point, tuple(done))
        spec = plan.case(series).spec
        if spec.type == "separated" and spec.mcs.policy == "threshold":
            point = plan.threshold_choice(series, results)
            done = trials.of(point)
            if done and point.mcs is not None:  # otherwise its line is there
                yield Line(series, f"threshold:{point.name}", point, tuple(done))
        if spec.type == "separated" and spec.mcs.policy == "envelope":
            chosen = trials.choose()
            if chosen is not None:
                point, reported = chosen
                yield Line(series, f"envelope:{point.name}", point, tuple(reported))


def values(plan: Plan, line: Line) -> dict[str, object]:
    """The columns of one line as numbers and texts; None where a column does not apply."""
    case = plan.case(line.series)
    total = sum(line.trials, Summary())
    random = plan.is_random(line.series)
    sent = total.delivered + total.channel_outage if line.point.mcs is not None else 0  # has blocks
    bler = wilson(total.channel_outage, sent)
    ofdm = line.series.channel.ofdm
    found = {
        "system": case.spec.label,
        "channel": line.series.channel.name,
        "snr_db": line.series.channel.snr_db,
        "mcs": line.mcs,
        "modulation_order": line.point.modulation_order,
        "code_rate": None if line.point.code_rate is None else float(line.point.code_rate),
        "images": total.pictures // len(line.trials),
        "trials": len(line.trials),
        "channel_uses": total.channel_uses / total.pictures,
        "ber": _quotient(total.bit_errors, total.bits),
        "ser": _quotient(total.symbol_errors, total.symbols),
        "bler": _quotient(total.channel_outage, sent),
        "bler_lo": bler and bler[0],
        "bler_hi": bler and bler[1],
        "delivered": total.delivered,
        "channel_outage": total.channel_outage,
        "codec_infeasible": total.codec_infeasible,
        "tx_power_db": 10 * math.log10(total.power / total.sent) if total.sent else None,
        "papr_db": _quotient(total.papr_db, total.sent),
        "pilot_overhead": ofdm and ofdm.pilot_overhead,
    }
    if case.scenario.has_pictures:
        found |= _of_pictures(total, line.trials, random)
    for path, value in swept(plan, line.series, line.point).items():
        found[f"sweep.{path}"] = value
    return found


def _of_pictures(total, trials, random):
    """The columns that say how many channel uses pictures take and what they look like."""
    mean_cbr = total.cbr / total.pictures
    cbr_variance = max(0.0, total.cbr_squared / total.pictures - mean_cbr**2)
    accuracy = wilson(total.correct, total.classified)
    return {
        "cbr": mean_cbr,
        "cbr_std": math.sqrt(cbr_variance),
        "psnr_db": mean_psnr_db(total),
        "psnr_ci95_db": mean_halfwidth([mean_psnr_db(trial) for trial in trials]) if random else 0.0,
        "psnr_delivered_db": _quotient(total.psnr_delivered_db, total.delivered),
        "ssim": _quotient(total.ssim, total.ssim_pictures),
        "ms_ssim": _quotient(total.ms_ssim, total.ms_ssim_pictures),
        "accuracy": _quotient(total.correct, total.classified),
        "accuracy_lo": accuracy and accuracy[0],
        "accuracy_hi": accuracy and accuracy[1],
    }


def columns(plan: Plan) -> tuple[str, ...]:
    """The columns of this run's results.csv."""
    return COLUMNS + tuple(f"sweep.{path}" for path in swept_paths(plan))


def swept_paths(plan: Plan) -> tuple[str, ...]:
    """All swept fields, SNR aside, by their paths."""
    cbrs = ["bandwidth.cbr"] if any(_many_cbrs(case) for case in plan.cases) else []
    return tuple(dict.fromkeys([*cbrs, *(path for case in plan.cases for path in case.swept)]))


def swept(plan: Plan, series: Series, point: OperatingPoint) -> dict[str, str]:
    """The fields that are swept for this case, SNR aside, with the values that the scenario wrote."""
    case = plan.case(series)
    return ({"bandwidth.cbr": str(point.cbr)} if _many_cbrs(case) else {}) | dict(case.swept)


def _many_cbrs(case):
    return case.scenario.has_pictures and len(case.scenario.bandwidth.cbr) > 1


def _quotient(numerator, denominator):
    return numerator / denominator if denominator else None
