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
        self._bar = _bar(self._console, "tasks")
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


class TrainingProgress:
    """Shows the updates of a training, its loss and the time left, and a line for every epoch.

    Implements `linksim.training.loop.Listener`.

    Parameters
    ----------
    name : str
        Stands before the bar.
    """

    def __init__(self, name: str):
        self._console = Console(stderr=True)
        self._bar = _bar(self._console, "updates, loss {task.fields[loss]:.4g}")
        self._name = name
        self._task = None
        self._before = None

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *_):
        self._bar.stop()

    def say(self, text):
        """Print a line."""
        self._console.print(f"{self._name}: {text}", highlight=False, soft_wrap=True)

    def update(self, done, total, loss):
        """Move the bar."""
        if self._task is None:
            self._task = self._bar.add_task(self._name, total=total, completed=done, loss=loss)
        self._bar.update(self._task, completed=done, total=total, loss=loss)

    def epoch(self, line, best):
        """Print the line of an epoch."""
        step, seconds = line["step"], line["seconds"]
        rate = ""
        if self._before is not None and step > self._before[0]:
            rate = f", {(step - self._before[0]) / (seconds - self._before[1]):.1f} updates/s"
        self._before = step, seconds
        facts = [f"loss {line['loss']:.5g}"]
        if "train_psnr_db" in line:
            facts += [
                f"training {line['train_psnr_db']:.2f} dB",
                f"validation {line['validation_psnr_db']:.2f} dB",
            ]
        if "validation_accuracy" in line:
            facts.append(f"{line['validation_accuracy']:.1%} right")
        best = ", the best" if best else ""
        self.say(f"phase {line['phase']}, update {step}, {seconds:.0f} s: {', '.join(facts)}{best}{rate}")


def _bar(console, counted):
    """A bar with what is counted and the time left, shown on terminals only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(counted),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
