"""Executors: who carries out the tasks of a round."""

import multiprocessing
import os
import signal
import traceback
from collections import defaultdict, deque
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait

from linksim.evaluation.cases import Case
from linksim.evaluation.tasks import Task
from linksim.evaluation.work import Result, Worker
from linksim.scenario.errors import InputError


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

    def close(self):
        """Nothing to release."""


class Processes:
    """Carries tasks out in worker processes that share the cores.

    Tasks that share tables and payloads go to one worker as long as there is other work for the others. Every
    second worker starts at the far end: neighbouring MCSs ask for the same files of the codec, and one worker
    can use what another has coded but not what it is just coding.

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
        waiting = defaultdict(deque)
        for task in tasks:
            waiting[task.kinship].append(task)
        busy: dict[Connection, Task] = {}
        for connection in self._workers:
            self._hand_out(connection, None, waiting, busy, keep_pictures)
        while busy:
            for connection in wait(list(busy)):
                task = busy.pop(connection)
                result = self._receive(connection, task)
                self._hand_out(connection, task.kinship, waiting, busy, keep_pictures)
                yield task, result

    def close(self):
        """End the workers."""
        for connection, process in self._workers.items():
            connection.close()
            process.terminate()
        for process in self._workers.values():
            process.join()

    def _hand_out(self, connection, kinship, waiting, busy, keep_pictures):
        if not waiting:
            return
        if kinship not in waiting:
            taken = {task.kinship for task in busy.values()}
            free = [key for key in waiting if key not in taken] or list(waiting)
            far_end = list(self._workers).index(connection) % 2
            kinship = max(reversed(free) if far_end else free, key=lambda key: len(waiting[key]))
        task = waiting[kinship].popleft()
        if not waiting[kinship]:
            del waiting[kinship]
        busy[connection] = task
        connection.send((task, keep_pictures))

    def _receive(self, connection, task):
        try:
            success, value = connection.recv()
        except (EOFError, ConnectionError) as error:
            process = self._workers[connection]
            process.join()
            raise WorkerFailed(
                f"a worker died (exit code {process.exitcode}) on {describe(task)}; "
                "perhaps out of memory: set a smaller `chunk`"
            ) from error
        if isinstance(value, InputError):
            raise value
        if not success:
            raise WorkerFailed(f"{describe(task)} failed: {value}")
        return value


def describe(task: Task) -> str:
    """Name a task for people."""
    where = "ceiling" if task.channel is None else f"{task.channel.name} {task.channel.snr_db:g} dB"
    bandwidth = f"at CBR {task.point.cbr}" if task.uses is None else f"in blocks of {task.uses} channel uses"
    trial = "calibration" if task.trial < 0 else f"trial {task.trial}"
    return f"{task.point.name} {bandwidth}, {where}, {trial}"


def _serve(connection, cases, threads):
    """The life of a worker process: until its driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    # Read when Numba and the libraries beneath numpy are loaded. No result depends on the decoder's threads.
    os.environ["NUMBA_NUM_THREADS"] = str(threads)
    os.environ["OMP_NUM_THREADS"] = "1"
    worker = Worker(cases)
    while True:
        try:
            task, keep_pictures = connection.recv()
        except (EOFError, ConnectionError):
            return
        try:
            answer = (True, worker.execute(task, keep_pictures))
        except InputError as error:
            answer = (False, error)
        except Exception:
            answer = (False, traceback.format_exc())
        try:
            connection.send(answer)
        except (BrokenPipeError, ConnectionError):
            return
