"""Drives a study: rounds of tasks into the store, then the exports."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from linksim.evaluation.executors import Processes
from linksim.evaluation.export import export_results, export_rows
from linksim.evaluation.keepsakes import keep_pictures
from linksim.evaluation.plan import Plan
from linksim.evaluation.provenance import describe_session
from linksim.evaluation.store import Store
from linksim.evaluation.summary import Summary


class Progress(Protocol):
    """Hears how a study gets on."""

    def round(self, number: int, tasks: int, finished: int) -> None:
        """A round begins: how many tasks it has and how many of them are finished already."""

    def task(self) -> None:
        """A task has been finished and stored."""


@dataclass(frozen=True)
class Outcome:
    """How a study ended.

    Attributes
    ----------
    complete : bool
        False when it was interrupted.
    lines : int
        Lines of results.csv.
    tasks : int
        Tasks carried out by this session.
    seconds : float
        Wall time of this session.
    """

    complete: bool
    lines: int
    tasks: int
    seconds: float


def run_study(
    plan: Plan, resolved: str, store: Store, folder: Path, workers: int | None,
    progress: Progress, start: Callable = Processes,
) -> Outcome:  # fmt: skip
    """Carry out what is missing, then export; Ctrl-C ends it early with the exports of what there is.

    Parameters
    ----------
    plan : Plan
    resolved : str
        The resolved scenario, for scenario.yaml.
    store : Store
        Open; finished tasks in it that the plan asks for are not repeated.
    folder : Path
        The run folder.
    workers : int or None
        Worker processes; None leaves their number to `start`.
    progress : Progress
    start : callable (workers, cases) -> executor
        Called when there is a task to carry out.

    Raises
    ------
    WorkerFailed
        When a task fails; everything finished before is stored.
    """
    began = time.monotonic()
    session = describe_session(plan)
    _write(folder / "scenario.yaml", resolved)
    # What an earlier session finished counts only once the plan asks for it: decisions must not see more than
    # those of an uninterrupted run, and exports hold what the scenario as it stands now asks for.
    stored = store.summaries()
    results: dict[str, Summary] = {}
    team = _Team(lambda: start(workers, plan.cases))
    done, complete = 0, False
    try:
        for number, tasks in enumerate(plan.rounds(results), start=1):
            results.update({task.id: stored[task.id] for task in tasks if task.id in stored})
            missing = [task for task in tasks if task.id not in results]
            progress.round(number, len(tasks), len(tasks) - len(missing))
            for task, result in team.run(missing):
                store.add(task.id, result)
                results[task.id] = result.summary
                done += 1
                progress.task()
        if plan.scenario.pictures is not None:
            keep_pictures(folder / "pictures", plan, results, lambda tasks: team.run(tasks, True))
        complete = True
    except KeyboardInterrupt:
        pass
    finally:
        team.close()
        seconds = time.monotonic() - began
        if done or not store.sessions():
            store.record({**session, **team.describe(), "wall_seconds": round(seconds, 1), "tasks": done})
        lines = _export(plan, store, folder, results, complete)
    return Outcome(complete, lines, done, seconds)


class _Team:
    """An executor that is started when the first task comes."""

    def __init__(self, start: Callable):
        self._start = start
        self._executor = None

    def run(self, tasks, keep_pictures=False):
        if tasks:
            if self._executor is None:
                self._executor = self._start()
            yield from self._executor.run(tasks, keep_pictures)

    def describe(self):
        return {"workers": 0} if self._executor is None else self._executor.describe()

    def close(self):
        if self._executor is not None:
            self._executor.close()


def _export(plan, store, folder, results, complete):
    """Write the exports; returns the number of lines of results.csv."""
    lines = export_results(folder / "results.csv", plan, results)
    if plan.scenario.has_pictures:
        export_rows(folder / "rows.csv", plan, results, store)
    record = {"complete": complete, "sessions": store.sessions()}
    _write(folder / "provenance.json", json.dumps(record, indent=2) + "\n")
    return lines


def _write(path, text):
    """Write a file at once, so that a killed run leaves no half of it."""
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
