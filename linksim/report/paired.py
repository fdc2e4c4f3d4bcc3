"""Paired differences: how much better one system shows the same pictures than another, with an interval."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from linksim.evaluation.statistics import mean_halfwidth
from linksim.evaluation.trials import halfway
from linksim.report.labels import value_text
from linksim.report.table import read_results, swept_cbr, swept_values
from linksim.scenario.errors import InputError

_COLUMNS = ("mcs", "trial", "image")

_MEASURE = "add it to the scenario's `metrics`"


class _Metric(NamedTuple):
    """Its column of rows.csv, how its differences are told, and what to do where it was not measured."""

    column: str
    places: int
    scale: float
    unit: str
    mend: str


_METRICS = {
    "psnr_db": _Metric("psnr_db", 2, 1, " dB", _MEASURE),
    "ssim": _Metric("ssim", 4, 1, "", _MEASURE),
    "ms_ssim": _Metric("ms_ssim", 4, 1, "", _MEASURE),
    "accuracy": _Metric(
        "correct", 2, 100, " percentage points", "take labelled pictures and give the system a `classifier`"
    ),
}

METRICS = tuple(_METRICS)
"""What systems can be compared by."""


@dataclass(frozen=True)
class Difference:
    """A metric of one system minus that of another over the same pictures.

    Attributes
    ----------
    system, base : str
        Where fields are swept, with their values.
    cbr, snr_db : float
    mean : float
        Mean over pictures of the differences of their means over trials.
    halfwidth : float or None
        95% half-width of the mean over pictures (Student t); None for a single picture.
    pictures : int
    """

    system: str
    base: str
    cbr: float
    snr_db: float
    mean: float
    halfwidth: float | None
    pictures: int


def differences(folder: Path, base: str, metric: str = "psnr_db") -> list[Difference]:
    """All systems of a run minus one of them, at every bandwidth and SNR and all values of swept fields.

    A system is compared with the base at its own swept values; where the base is swept by fields of its own,
    which the others do not have, with none.

    A system is taken by its policy's line: an envelope by the MCS that it chose and the trials on which it is
    reported. Pictures without the metric, and systems without such pictures, are left out.

    Parameters
    ----------
    folder : Path
        A run folder with results.csv and rows.csv.
    base : str
        Label of the system that the others are compared with.
    metric : str
        One of `METRICS`.

    Raises
    ------
    InputError
        There is no such system or metric, it was not measured for the base, or the tables cannot be read.
    """
    if metric not in METRICS:
        mend = f"one of {', '.join(METRICS)}"
        raise InputError(f"there is no metric {metric!r}", field="metric", mend=mend)
    results = read_results(folder / "results.csv")
    systems = list(dict.fromkeys(row["system"] for row in results))
    if base not in systems:
        raise InputError(
            f"there is no system {base!r}",
            file=str(folder / "results.csv"),
            mend=f"name one of {', '.join(systems)}",
        )
    measure, path = _METRICS[metric], folder / "rows.csv"
    bandwidth = _Bandwidth(results, base)
    pictures = _pictures(path, _lines(results, bandwidth), bandwidth, measure.column)
    if not any(system == base for system, *_ in pictures):
        raise InputError(f"{metric} was not measured for {base}", file=str(path), mend=measure.mend)
    found = []
    for (system, swept, cbr, snr_db), own in pictures.items():
        shared = next((key[1] for key in pictures if key[0] == base and set(key[1]) <= set(swept)), None)
        other = pictures.get((base, shared, cbr, snr_db))
        if system == base or other is None:
            continue
        gains = [own[image] - other[image] for image in own if image in other]
        mean = sum(gains) / len(gains)
        names = _name(system, swept), _name(base, shared)
        found.append(Difference(*names, cbr, snr_db, mean, mean_halfwidth(gains), len(gains)))
    return found


def _name(system, swept):
    return ", ".join([system, *(value_text(column, value) for column, value in swept)])


def table(found: list[Difference], metric: str = "psnr_db") -> list[str]:
    """Lines of text: for each system and bandwidth the differences along the SNR."""
    measure, text = _METRICS[metric], []
    places = measure.places
    for system, cbr in dict.fromkeys((difference.system, difference.cbr) for difference in found):
        mine = [difference for difference in found if (difference.system, difference.cbr) == (system, cbr)]
        text.append(f"{system} minus {mine[0].base}, CBR {cbr:.4g}, {mine[0].pictures} pictures")
        for each in sorted(mine, key=lambda difference: difference.snr_db):
            spread = "" if each.halfwidth is None else f" ± {measure.scale * each.halfwidth:.{places}f}"
            mean = f"{measure.scale * each.mean:+{places + 4}.{places}f}"
            text.append(f"  {each.snr_db:6g} dB: {mean}{spread}{measure.unit}")
    return text


class _Bandwidth:
    """By which CBR rows are told apart: the base's where the rate varies and none is swept, else their own.

    Parameters
    ----------
    results : list of dict
        Of results.csv.
    base : str
    """

    def __init__(self, results, base):
        alone = any(row["cbr_std"] and swept_cbr(row) is None for row in results)
        self._only = next(row["cbr"] for row in results if row["system"] == base) if alone else None

    def __call__(self, row):
        """Of a row of results.csv or rows.csv."""
        if self._only is not None:
            return self._only
        swept = swept_cbr(row)
        return float(row["cbr"]) if swept is None else swept


def _key(row, bandwidth):
    """System, values of swept fields, CBR and SNR of a row of results.csv or rows.csv."""
    return row["system"], tuple(swept_values(row).items()), bandwidth(row), float(row["snr_db"])


def _lines(results, bandwidth):
    """For each `_key` the operating point that stands for it, and its first reported trial."""
    found = {}
    for row in results:
        policy, _, point = row["mcs"].partition(":")
        key = _key(row, bandwidth)
        if policy == "envelope":
            own = [other for other in results if other["mcs"] == point and _key(other, bandwidth) == key]
            trials = max(other["trials"] for other in own)
            found[key] = point, halfway(int(trials)) if trials > 1 else 0
        elif policy in ("weights", "bound"):
            found[key] = row["mcs"], 0
        elif key not in found:
            found[key] = row["mcs"], 0  # a fixed MCS; an envelope's own line follows those of its MCSs
    return found


def _pictures(path, lines, bandwidth, column):
    """The column's mean over trials for each picture that has it, by `_key`."""
    sums = defaultdict(lambda: defaultdict(list))
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                mcs, trial, image = (row[name] for name in _COLUMNS)
                key = _key(row, bandwidth)
                point, first = lines.get(key, (None, 0))
                if mcs == point and int(trial) >= first and row[column]:
                    sums[key][int(image)].append(float(row[column]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"cannot be read ({type(error).__name__})",
            file=str(path),
            mend="export it again with `linksim run SCENARIO`",
        ) from error
    return {key: {image: sum(v) / len(v) for image, v in images.items()} for key, images in sums.items()}
