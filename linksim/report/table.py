"""Reads `results.csv`, the table that a run leaves, into rows with numbers parsed."""

import csv
import math
from fractions import Fraction
from pathlib import Path

from linksim.report.labels import value_text
from linksim.scenario.errors import InputError

TEXT_COLUMNS = ("system", "channel", "mcs")
"""Columns that hold names."""

NUMBER_COLUMNS = (
    "snr_db",
    "cbr",
    "modulation_order",
    "code_rate",
    "images",
    "trials",
    "channel_uses",
    "cbr_std",
    "psnr_db",
    "psnr_ci95_db",
    "psnr_delivered_db",
    "ssim",
    "ms_ssim",
    "accuracy",
    "accuracy_lo",
    "accuracy_hi",
    "ber",
    "ser",
    "bler",
    "bler_lo",
    "bler_hi",
    "delivered",
    "channel_outage",
    "codec_infeasible",
    "tx_power_db",
    "papr_db",
    "pilot_overhead",
)
"""Columns that hold numbers, empty where a number does not apply."""

DERIVED_COLUMNS = ("throughput",)
"""What `read_results` computes from them."""

_MEND_TABLE = "export the table again with `linksim run SCENARIO`"


def target_cbr(row):
    """The CBR that a row's system was given; None where the tables do not tell it.

    It is the row's own, unless the rate varies from image to image: then that of a swept bandwidth.
    """
    return swept_cbr(row) if row["cbr_std"] else row["cbr"]


def swept_cbr(row):
    """The CBR of a swept bandwidth, to the four decimals of the tables; None where none is swept."""
    swept = row.get("sweep.bandwidth.cbr")
    return None if swept is None else round(float(Fraction(str(swept))), 4)


def swept_values(row):
    """The swept fields that a row stands for, as texts by column; the bandwidth, a column of its own, aside.

    Parameters
    ----------
    row : dict
        Of results.csv or rows.csv.
    """
    found = {}
    for column, value in row.items():
        if column.startswith("sweep.") and column != "sweep.bandwidth.cbr" and value not in (None, ""):
            number = _number(value)
            found[column] = value if number is None else f"{number:g}"
    return found


def by_sweep(rows):
    """Rows that belong together: for each combination of swept values its own and those that it leaves open.

    Parameters
    ----------
    rows : list of dict

    Returns
    -------
    list of (str, list of dict)
        What the combination is called, and its rows; without a sweep one, called "".
    """
    combinations = list(dict.fromkeys(tuple(swept_values(row).items()) for row in rows))
    narrow = [each for each in combinations if not any(set(each) < set(other) for other in combinations)]
    return [
        (
            ", ".join(value_text(column, value) for column, value in combination),
            [row for row in rows if set(swept_values(row).items()) <= set(combination)],
        )
        for combination in narrow
    ]


def read_results(path):
    """The rows of a results table.

    Parameters
    ----------
    path : str or path-like
        A CSV file with the columns `TEXT_COLUMNS` and `NUMBER_COLUMNS` in any order, and `sweep.<path>` ones.

    Returns
    -------
    list of dict
        One per line, by column: str in the text columns ("" where it does not apply), float or None (where it
        does not apply) in the number columns; a sweep column's cell that is no number stays str. The
        `DERIVED_COLUMNS` are added.

    Raises
    ------
    linksim.scenario.errors.InputError
        If there is no such file, it is no such table, or a cell of a number column holds something else.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = next(lines, [])
            _check_header(header, path)
            rows = [_row(header, cells, path, lines.line_num) for cells in lines]
    except FileNotFoundError:
        raise InputError(
            "there is no such file", file=str(path), mend="run the scenario first: `linksim run SCENARIO`"
        ) from None
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error.strerror})",
            file=str(path),
            mend="name a results.csv you may read",
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"this is not a CSV table ({error})", file=str(path), mend=_MEND_TABLE) from None
    if not rows:
        raise InputError(
            "the table holds no rows", file=str(path), mend="let the run finish at least one point"
        )
    return rows


def _check_header(header, path):
    """Raise InputError unless every column is there, once."""
    missing = [column for column in TEXT_COLUMNS + NUMBER_COLUMNS if column not in header]
    if missing:
        problem = "the column is missing" if len(missing) == 1 else f"{len(missing)} columns are missing"
        raise InputError(problem, file=str(path), field=", ".join(missing), mend=_MEND_TABLE)
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise InputError("the column is there twice", file=str(path), field=twice[0], mend=_MEND_TABLE)


def _row(header, cells, path, line):
    """One line's cells by column, parsed."""
    if len(cells) != len(header):
        problem = f"{len(cells)} cells under {len(header)} columns"
        raise InputError(problem, file=str(path), field=f"line {line}", mend=_MEND_TABLE)
    row = {}
    for column, cell in zip(header, cells):
        if column in TEXT_COLUMNS:
            row[column] = cell
        else:
            row[column] = _number(cell) if cell else None
            if row[column] is None and cell:
                if column in NUMBER_COLUMNS:
                    raise InputError(
                        f"{cell!r} is not a number",
                        file=str(path),
                        field=f"line {line}, {column}",
                        mend="write a number, or leave it empty where it does not apply",
                    )
                row[column] = cell
    return row | {"throughput": _throughput(row)}


def _throughput(row):
    """Q_m·R·(1 − BLER), information bits that arrive per channel use; None without an MCS.

    It is 0 where link adaptation finds no MCS.
    """
    if row["mcs"] == "threshold:none":
        return 0.0
    known = (row["modulation_order"], row["code_rate"], row["bler"])
    return None if None in known else known[0] * known[1] * (1 - known[2])


def _number(cell):
    """The finite number that a cell holds, or None."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
