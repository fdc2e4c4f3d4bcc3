"""What a study will cost: time and memory from a short measurement of a few of its tasks."""

import resource
import time
from dataclasses import dataclass

import numpy as np

from linksim.codecs.cache import MEMORY_BYTES
from linksim.codecs.rate_search import REMEMBERED_BYTES
from linksim.evaluation.plan import Plan
from linksim.evaluation.tasks import Task
from linksim.evaluation.work import Worker
from linksim.images.stored import KEPT_BYTES

#: Operating points of each kind that are measured; the others are interpolated.
_SAMPLES = 3

#: Cases of each system that are measured; the others take the figures of the nearest before them.
_CASES = 3


@dataclass(frozen=True)
class Estimate:
    """Cost of the first round and of all tasks that there can be.

    Attributes
    ----------
    first_round, upper_bound : int
        Numbers of tasks.
    first_round_seconds, upper_bound_seconds : float
        Working time of one worker.
    start_seconds : float
        Until a worker is ready.
    memory_bytes : int
        Largest memory of one worker, measured.
    memory_limit_bytes : int
        What one worker may grow to as its caches fill, however many pictures there are.
    """

    first_round: int
    upper_bound: int
    first_round_seconds: float
    upper_bound_seconds: float
    start_seconds: float
    memory_bytes: int
    memory_limit_bytes: int


def estimate(plan: Plan) -> Estimate:
    """Measure a few tasks of a plan in this process."""
    worker = Worker(plan.cases)
    start = time.perf_counter()
    import linksim.phy  # noqa: F401

    start_seconds = time.perf_counter() - start
    all_tasks = list(plan.all_tasks())
    asked = {task.id for task in next(plan.rounds({}))}
    first = [task for task in all_tasks if task.id in asked]  # of what cases share, each sees its own
    rates: dict[tuple, tuple[list[float], list[float]]] = {}
    measured = _measured(plan.cases)

    def kind_of(task: Task) -> tuple:
        return measured[task.case], task.channel is None, task.uses is None, task.tabled

    for kind in {kind_of(task) for task in all_tasks}:
        alike = [task for task in all_tasks if kind_of(task) == kind]
        alike = sorted([task for task in alike if task.case == kind[0]] or alike, key=_work)
        chosen = [alike[i] for i in sorted({round(x) for x in np.linspace(0, len(alike) - 1, _SAMPLES)})]
        for task in chosen:
            worker.execute(task)  # builds and traces what later tasks share
        rates[kind] = [_work(task) for task in chosen], [_seconds(worker, task) for task in chosen]

    def seconds(tasks: list[Task]) -> float:
        return float(sum(np.interp(_work(task), *rates[kind_of(task)]) for task in tasks))

    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    caches = KEPT_BYTES + MEMORY_BYTES + len(plan.cases) * REMEMBERED_BYTES
    return Estimate(
        len(first), len(all_tasks), seconds(first), seconds(all_tasks), start_seconds, memory, memory + caches
    )


def _seconds(worker, task):
    """Processor time, which other programs on the machine do not lengthen; a worker has one thread."""
    start = time.process_time()
    worker.execute(task)
    return time.process_time() - start


def _measured(cases):
    """For each case the one that is measured in its place: of every system some, evenly along a sweep."""
    found = []
    for index, case in enumerate(cases):
        own = [i for i, other in enumerate(cases) if other.system == case.system]
        chosen = {own[round(x)] for x in np.linspace(0, len(own) - 1, min(_CASES, len(own)))}
        found.append(max(i for i in chosen if i <= index))
    return found


def _work(task):
    """What the time of a task grows with: coded bits and pictures."""
    uses = float(task.point.cbr) if task.uses is None else task.uses
    return (task.point.modulation_order or 1) * uses * (task.pictures[1] - task.pictures[0])
