"""The progress bar of the command line."""

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class ProgressBar:
    """Shows the tasks of each round and the time left; without a terminal, a line for each round.

    Implements `linksim.evaluation.study.Progress`.

    Parameters
    ----------
    name : str
        Stands before the bar.
    """

    def __init__(self, name: str):
        self._name = name
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("tasks"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._current = None

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *_):
        self._bar.stop()

    def round(self, number, tasks, finished):
        """Begin a round."""
        if not self._console.is_terminal:
            resumed = f", {finished} finished before" if finished else ""
            print(f"{self._name}: round {number}, {tasks} tasks{resumed}", file=sys.stderr, flush=True)
        if self._current is not None:
            self._bar.remove_task(self._current)
        self._current = self._bar.add_task(f"{self._name}, round {number}", total=tasks, completed=finished)

    def task(self):
        """Count a finished task."""
        self._bar.advance(self._current)
