"""Measured baselines: the curves of a run with their intervals and where they come from, as one JSON file."""

import json
import os
import re
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from linksim.report.curves import SINGLE, to_curves
from linksim.report.table import read_results
from linksim.scenario.base import Model, Number, refusal
from linksim.scenario.dialect import read_yaml
from linksim.scenario.errors import InputError
from linksim.scenario.explaining import explain

#: Columns of the results table that a point keeps.
_COLUMNS = ("snr_db", "cbr", "cbr_std", "psnr_db", "psnr_ci95_db")

#: A list of scalars that takes several lines.
_LIST = re.compile(r"\[\n([^\[\]{}]*)\n *\]")

#: Packages whose versions are told, of all that the run's provenance has.
_PACKAGES = ("linksim", "sionna", "tensorflow", "keras", "numpy", "scipy", "numba", "av", "pillow")


class MeasuredLine(Model):
    """One curve."""

    system: str
    channel: str
    mcs: str = Field(description="policy, bound or fixed MCS")
    sweep: dict[str, str | Number] = Field(default_factory=dict, description="values of swept fields")
    snr_db: list[Number] = Field(min_length=1)
    cbr: list[Number]
    cbr_std: list[Number]
    psnr_db: list[Number]
    psnr_ci95_db: list[Number] = Field(description="95% half-widths")

    @model_validator(mode="after")
    def _of_one_length(self):
        for name in _COLUMNS:
            if len(getattr(self, name)) != len(self.snr_db):
                raise refusal("not as long as snr_db", "write one for each point", field=name)
        return self


class Measured(Model):
    """Curves of one run."""

    scenario: dict[str, Any] = Field(description="the resolved scenario")
    recorded: str = Field(description="when the run began")
    commit: str | None = Field(description="of the source tree that ran")
    packages: dict[str, str]
    lines: tuple[MeasuredLine, ...] = Field(min_length=1)

    @property
    def notes(self) -> tuple[str, ...]:
        """Where it comes from, for people."""
        return (f"recorded {self.recorded[:10]} at commit {(self.commit or 'none')[:12]}",)

    def rows(self) -> list[dict]:
        """The points as rows of a results table."""
        return [
            {
                "system": line.system,
                "channel": line.channel,
                "mcs": line.mcs,
                **line.sweep,
                **{column: getattr(line, column)[place] for column in _COLUMNS},
            }
            for line in self.lines
            for place in range(len(line.snr_db))
        ]


def of_run(folder: Path) -> Measured:
    """The curves of a run folder: policies' lines, weights, bounds, fixed MCSs.

    Raises
    ------
    InputError
        The folder is no finished run with pictures, or a point has no interval, for want of trials.
    """
    path = folder / "results.csv"
    lines = []
    for curve in to_curves([row for row in read_results(path) if row["psnr_db"] is not None]):
        if curve.role == SINGLE:
            continue
        if any(row["psnr_ci95_db"] is None for row in curve.rows):
            problem, mend = f"{curve.system} has no interval", "give the points more trials, as stop.trials=8"
            raise InputError(problem, file=str(path), field="psnr_ci95_db", mend=mend)
        first = curve.rows[0]
        swept = {
            name: value for name, value in first.items() if name.startswith("sweep.") and value is not None
        }
        points = {column: [row[column] for row in curve.rows] for column in _COLUMNS}
        lines.append(
            MeasuredLine(system=curve.system, channel=first["channel"], mcs=curve.mcs, sweep=swept, **points)
        )
    if not lines:
        raise InputError("has no PSNR", file=str(path), mend="record studies that send pictures")
    session = _last_session(folder / "provenance.json")
    packages = {name: session["packages"][name] for name in _PACKAGES if name in session["packages"]}
    return Measured(
        scenario=read_yaml(folder / "scenario.yaml"),
        recorded=session["started"],
        commit=session["commit"],
        packages=packages,
        lines=tuple(lines),
    )


def _last_session(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))["sessions"][-1]
    except (OSError, ValueError, LookupError, TypeError) as error:
        mend = "run the scenario again: `linksim run SCENARIO`"
        raise InputError(f"cannot be read ({type(error).__name__})", file=str(path), mend=mend) from error


def write(path: Path, measured: Measured) -> None:
    """Write the file at once; a list of numbers on one line.

    Raises
    ------
    InputError
        It cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(_json(measured), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError(problem, file=str(path), mend="choose another --out") from error


def _json(measured):
    text = json.dumps(measured.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return _LIST.sub(lambda found: f"[{' '.join(map(str.strip, found[1].splitlines()))}]", text) + "\n"


def is_measured(path: Path) -> bool:
    """Whether a path is a JSON file with measured lines."""
    try:
        return "lines" in json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def load(path: Path) -> Measured:
    """Read a file of `baselines/measured`.

    Raises
    ------
    InputError
        It is none.
    """
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    try:
        return Measured.model_validate(data)
    except ValidationError as error:
        raise explain(error, data, str(path)) from error
