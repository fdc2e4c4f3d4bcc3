"""Published results: JSON files of numbers that others measured, converted to our conventions when drawn.

A file of `baselines/published` says where its numbers come from and in which conventions they stand. Signal
to noise ratios and channel uses are converted to ours (`docs/definitions.md`); a PSNR that is defined
otherwise is not, and the legend says so.
"""

import json
import math
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

import linksim
from linksim.report.curves import PUBLISHED, Curve
from linksim.report.labels import value_text
from linksim.scenario.base import Model, Number, refusal
from linksim.scenario.errors import InputError
from linksim.scenario.explaining import explain
from linksim.scenario.numbers import CBR

#: What is added to a label in dB to make it Es/N0; Eb/N0 needs the bits of a channel use.
SNR_OFFSETS_DB = {
    "es_n0": 0.0,
    "es_half_n0": -10 * math.log10(2),
    "half_es_n0": 10 * math.log10(2),
    "uncertain": 0.0,
}

#: What a legend says of a PSNR that is not ours, the mean over pictures of each one's PSNR.
METRIC_NOTES = {
    "picture_mean": "",
    "pooled_mse": "PSNR of the mean MSE",
    "channel_mean": "PSNR per colour",
    "unstated": "PSNR not defined there",
}

_Column = Number | list[Number]


class Series(Model):
    """Points of one curve or of one row of a table; a single number holds for all of them."""

    label: str = Field(description="after the system's name in the legend; may be empty")
    cbr: CBR | list[CBR] = Field(description="channel uses per source sample, as counted there")
    channel_uses: Literal["complex", "real"] = Field("complex", description="what was counted as one use")
    snr_db: _Column = Field(description="labels, in the file's convention")
    bits_per_use: Number | None = Field(None, gt=0, description="information bits, for labels in Eb/N0")
    psnr_db: list[Number] | None = Field(None, min_length=1)
    accuracy: list[Number] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _of_one_length(self):
        values = [column for column in (self.psnr_db, self.accuracy) if column is not None]
        if not values:
            raise refusal("missing, and so is accuracy", "list the values", field="psnr_db")
        lengths = {len(values[0])}
        for name in ("psnr_db", "accuracy", "cbr", "snr_db"):
            column = getattr(self, name)
            if isinstance(column, list) and {len(column)} != lengths:
                mend = "write one for each point"
                raise refusal(f"{len(column)} of {len(values[0])} numbers", mend, field=name)
        return self


class Published(Model):
    """One table or figure of a source."""

    system: str = Field(min_length=1, description="what was measured")
    source: str = Field(min_length=1, description="who published it, and where")
    where: str = Field(min_length=1, description="table, figure or file, and how the numbers were read off")
    dataset: str = Field(min_length=1, description="picture set")
    channel: Literal["awgn", "rayleigh_block", "rayleigh_fast"]
    snr_convention: Literal["es_n0", "es_half_n0", "half_es_n0", "eb_n0", "uncertain"] = Field(
        description="what the labels are: energy of a complex symbol over the noise variance in it, over "
        "half of it (one real dimension's), half the energy over it, energy of an information bit over it"
    )
    metric_definition: Literal["picture_mean", "pooled_mse", "channel_mean", "unstated"] = Field(
        description="of the PSNR: mean over pictures, of the mean MSE of all, mean over the three colours"
    )
    note: str = Field("", description="what a reader of the numbers should know besides")
    series: tuple[Series, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _bits_where_needed(self):
        for index, series in enumerate(self.series):
            if (series.bits_per_use is not None) != (self.snr_convention == "eb_n0"):
                problem, mend = "goes with eb_n0", "write both or none of them"
                raise refusal(problem, mend, field=f"series.{index}.bits_per_use")
        return self

    @property
    def caveats(self) -> list[str]:
        """What could not be converted, in few words each."""
        metric = METRIC_NOTES[self.metric_definition]
        return [*([metric] if metric else []), *(["SNR uncertain"] if self.uncertain else [])]

    @property
    def uncertain(self) -> bool:
        """Whether the SNRs may be off: such curves decide nothing."""
        return self.snr_convention == "uncertain"


@dataclass(frozen=True)
class PublishedCurve:
    """A curve with a name, for any drawing.

    Attributes
    ----------
    label : str
        System, bandwidth, picture set and what could not be converted.
    x, y : tuple of float
        In our conventions, x rising.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def load(reference: str | Path) -> Published:
    """Read a published file.

    Parameters
    ----------
    reference : str or Path
        A path, or the name of a file of `baselines/published` without its ending.

    Raises
    ------
    InputError
        There is no such file, or it is none of this kind.
    """
    path = find(reference)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        mend = "name a JSON file as those of baselines/published"
        raise InputError(f"cannot be read ({type(error).__name__})", file=str(path), mend=mend) from error
    try:
        return Published.model_validate(data)
    except ValidationError as error:
        raise explain(error, data, str(path)) from error


def find(reference: str | Path) -> Path:
    """The path of a published file, given its path or its name.

    Raises
    ------
    InputError
        There is none; the mend lists the names.
    """
    if Path(reference).is_file():
        return Path(reference)
    known = shipped()
    if str(reference) not in known:
        mend = f"a file, or one of {', '.join(known) or 'none: baselines/published was not installed'}"
        raise InputError("there are no such published results", file=str(reference), mend=mend)
    return known[str(reference)]


def shipped() -> dict[str, Path]:
    """The files of `baselines/published` by their names: of the source tree, or as installed."""
    tree = Path(linksim.__file__).parents[1] / "baselines" / "published"
    installed = Path(sysconfig.get_path("data"), "share", "linksim", "published")
    folder = tree if tree.is_dir() else installed
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


def rows(published: Published) -> list[dict]:
    """The points as rows of a results table, in our conventions.

    Es/N0 = label + offset, or Eb/N0 + 10·log10(bits per use); n real uses are n/2 complex ones at the same
    SNR, two reals a symbol. The CBR has the four decimals of the tables.
    """
    found = []
    for series in published.series:
        count = len(series.psnr_db or series.accuracy)
        offset = SNR_OFFSETS_DB.get(published.snr_convention)
        if offset is None:
            offset = 10 * math.log10(series.bits_per_use)
        halved = 2 if series.channel_uses == "real" else 1
        for i in range(count):
            cbr, snr_db = (
                column[i] if isinstance(column, list) else column for column in (series.cbr, series.snr_db)
            )
            row = {
                "system": " ".join(filter(None, [published.system, series.label])),
                "channel": published.channel,
                "snr_db": float(snr_db) + offset,
                "cbr": round(float(cbr) / halved, 4),
                "cbr_std": None,
                "mcs": "published",
                "psnr_ci95_db": None,
            }
            for column in ("psnr_db", "accuracy"):
                listed = getattr(series, column)
                row[column] = None if listed is None else float(listed[i])
            found.append(row)
    return found


def overlay(reference: str | Path, x: str, y: str, cbrs: frozenset[float] = frozenset()) -> list[Curve]:
    """The curves of a published file for a figure.

    Parameters
    ----------
    reference : str or Path
        As `load` takes it.
    x, y : str
        Columns of the figure.
    cbrs : frozenset of float
        Bandwidths of the figure's own curves, to four decimals: of a published grid those are taken, and all
        where none of them is there.

    Raises
    ------
    InputError
        As `load`; it has no points with both columns.
    """
    published = load(reference)
    points = [row for row in rows(published) if row.get(x) is not None and row.get(y) is not None]
    if x not in ("snr_db", "cbr") or not points:
        mend = "draw psnr_db or accuracy against snr_db or cbr"
        raise InputError(f"has no points of {y} against {x}", file=str(reference), mend=mend)
    if x != "cbr":
        points = [row for row in points if row["cbr"] in cbrs] or points
    across = "snr_db" if x == "cbr" else "cbr"
    groups: dict[tuple, list[dict]] = {}
    for row in points:
        groups.setdefault((row["system"], row[across]), []).append(row)
    return [
        Curve(
            _legend(published, system, across, value),
            PUBLISHED,
            system,
            (str(reference), value),
            "published",
            "",
            tuple(sorted(group, key=lambda row: row[x])),
        )
        for (system, value), group in groups.items()
    ]


def published_curves(
    reference: str | Path, x: str = "snr_db", y: str = "psnr_db", cbrs: frozenset[float] = frozenset()
) -> list[PublishedCurve]:
    """The same as `overlay`, as plain labelled x and y."""
    return [
        PublishedCurve(curve.label, tuple(row[x] for row in curve.rows), tuple(row[y] for row in curve.rows))
        for curve in overlay(reference, x, y, cbrs)
    ]


def _legend(published, system, across, value):
    """As "published: JCM 4QAM, CBR 1/24 (CIFAR-10; PSNR per colour)"."""
    where = [value_text(across, value)]
    if published.channel != "awgn":
        where.append(value_text("channel", published.channel))
    return f"published: {system}, {', '.join(where)} ({'; '.join([published.dataset, *published.caveats])})"
