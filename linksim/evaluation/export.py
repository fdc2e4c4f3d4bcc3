"""CSV exports of the store: results.csv, a line a point, and rows.csv, a line a picture."""

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from linksim.evaluation import points
from linksim.evaluation.plan import Plan
from linksim.evaluation.store import Store
from linksim.evaluation.summary import Summary

_ROW_COLUMNS = (
    "system", "channel", "snr_db", "cbr", "mcs", "trial", "image", "name", "outcome", "channel_uses",
    "psnr_db", "ssim", "ms_ssim", "correct", "bits", "bit_errors", "symbols", "symbol_errors", "tx_power_db",
    "papr_db",
)  # fmt: skip


#: Columns whose smallest values count as much as their largest.
_RATES = ("ber", "ser", "bler", "bler_lo", "bler_hi")


def export_results(path: Path, plan: Plan, results: Mapping[str, Summary]) -> int:
    """Write results.csv; returns the number of lines."""
    columns = points.columns(plan)
    table = [points.values(plan, line) for line in points.lines(plan, results)]
    write_csv(path, columns, ([_cell(column, row.get(column)) for column in columns] for row in table))
    return len(table)


def _cell(column, value):
    """A value as `write_csv` takes it: small rates with four digits that count instead of four decimals."""
    return f"{value:.4g}" if column in _RATES and value and value < 0.1 else value


def export_rows(path: Path, plan: Plan, results: Mapping[str, Summary], store: Store) -> None:
    """Write rows.csv: every picture of every trial of every decoded operating point."""
    swept = points.columns(plan)[len(points.COLUMNS) :]
    write_csv(path, _ROW_COLUMNS + swept, _picture_rows(plan, results, store))


def _picture_rows(plan, results, store):
    paths = points.swept_paths(plan)
    for series in plan.series():
        trials = plan.trials(series, results)
        case = plan.case(series)
        for point in series.points:
            swept = points.swept(plan, series, point)
            for trial in range(len(trials.of(point))):
                for task in plan.tasks(series, point, trial):
                    for row in store.rows(task.id):
                        yield [
                            case.spec.label,
                            series.channel.name,
                            series.channel.snr_db,
                            row.cbr,
                            point.name,
                            trial,
                            row.picture,
                            case.sent[row.picture].name,
                            row.outcome,
                            row.channel_uses,
                            row.psnr_db,
                            row.ssim,
                            row.ms_ssim,
                            row.correct,
                            row.bits,
                            row.bit_errors,
                            row.symbols,
                            row.symbol_errors,
                            None if math.isnan(row.power) else 10 * math.log10(row.power),
                            None if math.isnan(row.power) else 10 * math.log10(row.peak_power / row.power),
                            *(swept.get(path) for path in paths),
                        ]


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable]) -> None:
    """Write a CSV atomically: floats with four decimals, empty where a value is None."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(value) for value in row] for row in rows)
    temporary.replace(path)


def _text(value):
    if value is None:
        return ""
    if isinstance(value, float):
        text = f"{value:.4f}"
        return "0.0000" if text == "-0.0000" else text
    return str(value)
