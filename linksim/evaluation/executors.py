"""Executors: who carries out the tasks of a round."""

import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait

from linksim.evaluation.cases import Case
from linksim.evaluation.schedule import Schedule
from linksim.evaluation.tasks import Task
from linksim.evaluation.work import Result, Worker
from linksim.scenario.errors import InputError

#: What often ends a worker.
OUT_OF_MEMORY = "perhaps out of memory: set a smaller `chunk`"


class WorkerFailed(RuntimeError):
    """A worker raised an exception or died; the message says which task and why."""


class InProcess:
    """Carries tasks out one after the other in this process.

    Parameters
    ----------
    worker : Worker
    """

    def __init__(self, worker: Worker):
        self._worker = worker

    def run(self, tasks: list[Task], keep_pictures: bool = False) -> Iterator[tuple[Task, Result]]:
        """Yield each task with its result."""
        for task in tasks:
            yield task, self._worker.execute(task, keep_pictures)

    def describe(self) -> dict:
        """What provenance says of the workers."""
        return {"workers": 1}

    def close(self):
        """Nothing to release."""


class Processes:
    """Carries tasks out in worker processes that share the cores.

    Parameters
    ----------
    count : int
        Number of workers.
    cases : tuple of Case
        What `linksim.evaluation.work.Worker` takes.
    """

    def __init__(self, count: int, cases: tuple[Case, ...]):
        context = multiprocessing.get_context("spawn")
        threads = max(1, len(os.sched_getaffinity(0)) // count)
        self._workers: dict[Connection, multiprocessing.Process] = {}
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, cases, threads), daemon=True)
            process.start()
            theirs.close()
            self._workers[ours] = process

    def run(self, tasks: list[Task], keep_pictures: bool = False) -> Iterator[tuple[Task, Result]]:
        """Yield each task with its result, in the order in which they finish.

        Raises
        ------
        InputError
            A picture is not what it was when the run began.
        WorkerFailed
        """
        schedule = Schedule(tasks)
        for connection in self._workers:
            self._hand_out(connection, schedule, keep_pictures)
        while not schedule.finished:
            for connection in wait(list(schedule.busy)):
                task = schedule.finish(connection)
                result = self._receive(connection, task)
                self._hand_out(connection, schedule, keep_pictures)
                yield task, result

    def describe(self) -> dict:
        """What provenance says of the workers."""
        return {"workers": len(self._workers)}

    def close(self):
        """End the workers."""
        for connection, process in self._workers.items():
            connection.close()
            process.terminate()
        for process in self._workers.values():
            process.join()

    def _hand_out(self, connection, schedule, keep_pictures):
        task = schedule.take(connection)
        if task is not None:
            connection.send((task, keep_pictures))

    def _receive(self, connection, task):
        try:
            answer = connection.recv()
        except (EOFError, ConnectionError) as error:
            process = self._workers[connection]
            process.join()
            raise WorkerFailed(
                f"a worker died (exit code {process.exitcode}) on {describe(task)}; {OUT_OF_MEMORY}"
            ) from error
        return result_of(task, answer)


def attempt(worker: Worker, task: Task, keep_pictures: bool) -> Result | InputError | str:
    """Carry a task out for another process: the result, the user's error or the traceback of ours."""
    try:
        return worker.execute(task, keep_pictures)
    except InputError as error:
        return error
    except Exception:
        return traceback.format_exc()


def result_of(task: Task, answer: Result | InputError | str) -> Result:
    """The result in an answer of `attempt`.

    Raises
    ------
    InputError, WorkerFailed
    """
    if isinstance(answer, InputError):
        raise answer
    if isinstance(answer, str):
        raise WorkerFailed(f"{describe(task)} failed: {answer}")
    return answer


def fix_threads(threads: int) -> None:
    """Settle the threads of a worker process before it loads Numba; no result depends on the decoder's."""
    os.environ["NUMBA_NUM_THREADS"] = str(threads)
    os.environ["OMP_NUM_THREADS"] = "1"


def describe(task: Task) -> str:
    """Name a task for people."""
    where = "ceiling" if task.channel is None else f"{task.channel.name} {task.channel.snr_db:g} dB"
    bandwidth = f"at CBR {task.point.cbr}" if task.uses is None else f"in blocks of {task.uses} channel uses"
    trial = "calibration" if task.trial < 0 else f"trial {task.trial}"
    return f"{task.point.name} {bandwidth}, {where}, {trial}"


def _serve(connection, cases, threads):
    """The life of a worker process: until its driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    fix_threads(threads)
    worker = Worker(cases)
    while True:
        try:
            task, keep_pictures = connection.recv()
        except (EOFError, ConnectionError):
            return
        try:
            connection.send(attempt(worker, task, keep_pictures))
        except (BrokenPipeError, ConnectionError):
            return
