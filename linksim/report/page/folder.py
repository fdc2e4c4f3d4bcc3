"""Reads what a page shows of a run: its scenario, results and provenance."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from linksim.report.table import read_results
from linksim.scenario.errors import InputError
from linksim.scenario.schema import Scenario
from linksim.scenario.sweep import load_sweep

_MEND = "run the scenario again: `linksim run SCENARIO`"


@dataclass(frozen=True)
class Run:
    """A run folder's content.

    Attributes
    ----------
    folder : Path
    scenario : Scenario
        Resolved; of a sweep, its first values.
    sweep : str
        What it sweeps, in a line; empty where it sweeps nothing.
    scenario_text : str
        As the run left it.
    rows : list of dict
        As `linksim.report.table.read_results` gives them.
    cells : list of dict
        The same lines as they stand in results.csv: column to text.
    complete : bool or None
        Whether the run came to its end; None where it does not say so.
    sessions : list of dict
        As `linksim.evaluation.provenance` describes them, with wall time and tasks; the latest last.
    """

    folder: Path
    scenario: Scenario
    sweep: str
    scenario_text: str
    rows: list[dict]
    cells: list[dict]
    complete: bool | None
    sessions: list[dict]


def read_run(folder: Path) -> Run:
    """Read a run folder.

    Raises
    ------
    InputError
        There is no such folder, no run in it, none with a finished point, or a file cannot be read.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", file=str(folder), mend="name the folder of a run")
    results = folder / "results.csv"
    if not results.exists():
        problem = "holds no finished run: there is no results.csv"
        raise InputError(problem, file=str(folder), mend="`linksim run SCENARIO` makes a run folder")
    rows = read_results(results)
    with results.open(encoding="utf-8", newline="") as file:
        cells = list(csv.DictReader(file))
    sweep = load_sweep(folder / "scenario.yaml")
    record = _provenance(folder / "provenance.json")
    text = (folder / "scenario.yaml").read_text(encoding="utf-8")
    told, plain = sweep.describe() if sweep.axes else "", sweep.members[0].scenario
    return Run(folder, plain, told, text, rows, cells, record.get("complete"), record["sessions"])


def _provenance(path):
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(session, dict) for session in record["sessions"]):
            raise TypeError("its sessions are no records")
    except FileNotFoundError:
        raise InputError("there is no such file", file=str(path), mend=_MEND) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"cannot be read ({type(error).__name__}: {error})"
        raise InputError(problem, file=str(path), mend=_MEND) from error
    return record
