"""An executor for studies with systems that cannot leave this process."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from linksim.evaluation.cases import Case
from linksim.evaluation.executors import InProcess
from linksim.evaluation.tasks import Task
from linksim.evaluation.work import Result, Worker
from linksim.scenario.systems import IN_MEMORY
from linksim.systems.own import stays


class Mixed:
    """Hands a round's tasks to workers, and carries out here those of systems that stay here.

    Parameters
    ----------
    count : int
        Number of workers.
    cases : tuple of Case
        What `linksim.evaluation.work.Worker` takes.
    start : callable (workers, cases) -> executor
        Called when there is a task for a worker; `linksim.evaluation.executors.Processes`, say.
    """

    def __init__(self, count: int, cases: tuple[Case, ...], start: Callable):
        self._here = {index for index, case in enumerate(cases) if stays(case.spec)}
        self._start = lambda: start(count, tuple(map(_elsewhere, cases)))
        self._workers = None
        self._own = InProcess(Worker(cases))

    def run(self, tasks: list[Task], keep_pictures: bool = False) -> Iterator[tuple[Task, Result]]:
        """Yield each task with its result."""
        away = [task for task in tasks if task.case not in self._here]
        if away:
            if self._workers is None:
                with _without_main():
                    self._workers = self._start()
            yield from self._workers.run(away, keep_pictures)
        yield from self._own.run([task for task in tasks if task.case in self._here], keep_pictures)

    def describe(self) -> dict:
        """What provenance says of the workers."""
        return (self._workers or self._own).describe()

    def close(self):
        """End the workers."""
        if self._workers is not None:
            self._workers.close()


def _elsewhere(case):
    """A case without the codecs that stay here."""
    kept = {"codec": IN_MEMORY}
    systems = tuple(spec.model_copy(update=kept) if stays(spec) else spec for spec in case.scenario.systems)
    return replace(case, scenario=case.scenario.model_copy(update={"systems": systems}))


@contextmanager
def _without_main():
    """Keeps new processes from running the program's main file again.

    Python has them import it, so that what it defines can be unpickled: a script would then start another
    run in every worker. What is defined there reaches them by value (`linksim.systems.own.Held`).
    """
    main = sys.modules["__main__"]
    kept = {name: vars(main)[name] for name in ("__file__", "__spec__") if name in vars(main)}
    try:
        vars(main).pop("__file__", None)
        main.__spec__ = None
        yield
    finally:
        vars(main).update(kept)
