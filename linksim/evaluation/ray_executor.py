"""Carries tasks out on the machines of a Ray cluster; importing it needs the extra `cluster`."""

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from linksim.evaluation.executors import (
    OUT_OF_MEMORY,
    WorkerFailed,
    attempt,
    describe,
    fix_threads,
    result_of,
)
from linksim.evaluation.plan import Plan
from linksim.evaluation.provenance import describe_machine, source_digest
from linksim.evaluation.schedule import Schedule
from linksim.evaluation.tasks import Task, software
from linksim.evaluation.work import Result, Worker
from linksim.images.lru import RecentlyUsed
from linksim.images.picture import Picture, PictureSet
from linksim.images.stored import KEPT_BYTES
from linksim.scenario.errors import InputError

try:
    import ray
except ModuleNotFoundError as missing:
    raise InputError(
        "Ray is not installed", field="--ray", mend="pip install 'linksim[cluster]', or leave --ray out"
    ) from missing

#: A cluster that is there answers in two or three seconds.
_CONNECT_SECONDS = 20

#: How long a round waits for the first worker, or for another one after the last was lost.
_PATIENCE_SECONDS = 120

#: A task that ends this many workers ends the run.
_LOSSES = 3

_kept = RecentlyUsed(KEPT_BYTES, size=lambda pixels: pixels.nbytes)


def connect(address: str, plan: Plan) -> Callable:
    """Join a Ray cluster; returns what starts an executor on it, as `linksim.evaluation.study` takes it.

    Parameters
    ----------
    address : str
        `auto` for the cluster to which this machine belongs, `HOST:PORT` of its head, or `ray://HOST:PORT` of
        its head's client server.
    plan : Plan
        Its weights must be on every node.

    Raises
    ------
    InputError
        There is no cluster at the address, it does not answer, or it has another version of Ray or Python.
    """
    refusal = _rehearse(address)
    if refusal:
        mend = "`ray start --head` starts a cluster; docs/cluster.md shows how"
        if "ersion" in refusal:
            mend = "install the same versions of Ray and Python on all machines"
        raise InputError(f"no connection to {address} ({refusal})", field="--ray", mend=mend)
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    # Ray prints the logs of a lost node to standard output; a warning of ours says what it means.
    ray._private.worker.print_to_stdstream = lambda *_, **__: None
    return partial(RayActors, plan.weights())


def _rehearse(address):
    """Why `ray.init` fails; empty if it does not. It cannot be interrupted, so a child process tries it."""
    code = (
        "import logging, sys, ray\n"
        "try: ray.init(address=sys.argv[1], log_to_driver=False, logging_level=logging.ERROR)\n"
        "except Exception as error: sys.exit(f'{type(error).__name__}: {error}')"
    )
    command = [sys.executable, "-c", code, address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CONNECT_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer in {_CONNECT_SECONDS} s"
    reason = " ".join(done.stderr.split()) if done.returncode else ""
    return reason if len(reason) <= 300 else f"…{reason[-300:]}"


@dataclass(frozen=True, eq=False)
class ShippedPicture:
    """A `Picture` whose pixels lie in Ray's object store; made by `ship`.

    Parameters
    ----------
    name : str
        Unique within its set.
    label : int or None
    shape : tuple of int
        `(H, W, C)`.
    digest : str
        Of the picture in the driving process; the pixels must have it where they arrive.
    pixels_there : ray.ObjectRef
    """

    name: str
    label: int | None
    shape: tuple[int, int, int]
    digest: str
    pixels_there: object

    @property
    def size(self) -> int:
        """Samples: H · W · C."""
        height, width, channels = self.shape
        return height * width * channels

    @property
    def pixels(self) -> np.ndarray:
        """`[H, W, C], uint8`, read-only.

        Raises
        ------
        InputError
            What arrived is not the picture.
        """
        pixels = _kept.get(self.digest)
        if pixels is None:
            picture = Picture(self.name, ray.get(self.pixels_there))
            if picture.digest != self.digest:
                problem = f"the picture {self.name} arrived damaged at {_node_name()}"
                raise InputError(problem, field="images", mend="run again without this machine")
            pixels = picture.pixels
            _kept.put(self.digest, pixels)
        return pixels


def ship(pictures: PictureSet | None) -> PictureSet | None:
    """Put the pixels of all pictures into Ray's object store, one object each."""
    if pictures is None:
        return None
    shipped = (
        ShippedPicture(picture.name, picture.label, picture.shape, picture.digest, ray.put(picture.pixels))
        for picture in pictures.pictures
    )
    return PictureSet(tuple(shipped), pictures.skipped)


def _shipped(cases):
    """The cases with their pictures shipped, each set once."""
    sets = {id(case.pictures): case.pictures for case in cases}
    shipped = {key: ship(pictures) for key, pictures in sets.items()}
    return tuple(replace(case, pictures=shipped[id(case.pictures)]) for case in cases)


@ray.remote
class _Actor:
    """A worker on a node, which takes one CPU of it."""

    def inspect(self, references, folder):
        """What must agree with the driving process, and the machine; goes to its folder if it is here too."""
        if Path(folder).is_dir():
            os.chdir(folder)
        fix_threads(1)
        from linksim import zoo

        self._weights, digests = {}, {}
        for reference in references:
            try:
                self._weights[reference] = zoo.find(reference)
                digests[reference] = self._weights[reference].digest
            except InputError as error:
                digests[reference] = str(error).partition("\n")[0]
        return _installed(), digests, {"name": _node_name(), **describe_machine()}

    def load(self, cases):
        self._worker = Worker(cases)

    def execute(self, task, keep_pictures, loaded):
        """Carry a task out; `loaded` only makes it wait for `load`, and fail with it."""
        weights = task.point.weights
        if weights is not None:  # they may lie elsewhere than at the driving process
            task = replace(task, point=replace(task.point, weights=self._weights[weights.reference]))
        return attempt(self._worker, task, keep_pictures)


class RayActors:
    """Carries tasks out in Ray actors, each on one CPU of the cluster, with one thread.

    A lost worker's task runs again on another one, and a new worker starts as soon as some node has a CPU
    free for it. A node whose packages, sources of linksim or weights are not those of the driving process is
    refused. Pictures are shipped, so that nodes need no files of them.

    Parameters
    ----------
    weights : mapping from str to str
        SHA-256 of all weights in use by their references.
    count : int or None
        Number of workers; None or more than the cluster has CPUs: as many as it has.
    cases : tuple of Case
        What `linksim.evaluation.work.Worker` takes.
    """

    def __init__(self, weights, count, cases):
        self._expected_weights = weights
        self._installed = _installed()
        cpus = int(ray.cluster_resources().get("CPU", 0))
        self._count = min(count or cpus, cpus)
        self._shared = ray.put(_shipped(cases))
        self._starting = {}  # from what an actor's inspection will be to the actor
        self._loaded = {}  # from every actor at work to the end of its loading
        self._machines = {}  # of every node that had a worker, by name
        self._names = {}  # from an actor to the name of its node
        self._failed_starts = 0
        for _ in range(self._count):
            self._start()

    def run(self, tasks: list[Task], keep_pictures: bool = False) -> Iterator[tuple[Task, Result]]:
        """Yield each task with its result, in the order in which they finish.

        Raises
        ------
        InputError
            A node differs from the driving process.
        WorkerFailed
            A task failed, or ended several workers; no worker is left.
        """
        schedule, answers, losses = Schedule(tasks), {}, {}

        def hand_out():
            for actor, loaded in self._loaded.items():
                task = None if actor in schedule.busy else schedule.take(actor)
                if task is not None:
                    answers[actor.execute.remote(task, keep_pictures, loaded)] = actor

        hand_out()
        while not schedule.finished:
            patience = None if answers else _PATIENCE_SECONDS
            awaited = [*answers, *self._starting]
            done, _ = ray.wait(awaited, timeout=patience) if awaited else ([], [])
            if not done:
                raise WorkerFailed(
                    f"the cluster had no CPU free for a worker in {_PATIENCE_SECONDS} s; "
                    "`ray status` shows its nodes"
                )
            (ref,) = done
            if ref in self._starting:
                self._welcome(ref)
            else:
                actor = answers.pop(ref)
                answer = self._answer(ref, schedule.busy[actor])
                if answer is None:
                    task = schedule.lose(actor)
                    losses[task.id] = losses.get(task.id, 0) + 1
                    if losses[task.id] == _LOSSES:
                        raise WorkerFailed(f"{_LOSSES} workers died on {describe(task)}; {OUT_OF_MEMORY}")
                    self._replace(actor)
                else:
                    task = schedule.finish(actor)
                    yield task, result_of(task, answer)
            hand_out()

    def describe(self) -> dict:
        """What provenance says of the workers."""
        return {"workers": self._count, "nodes": list(self._machines.values())}

    def close(self):
        """End the workers and leave the cluster."""
        for actor in [*self._loaded, *self._starting.values()]:
            ray.kill(actor)
        ray.shutdown()

    def _start(self):
        actor = _Actor.options(num_cpus=1, scheduling_strategy="SPREAD").remote()
        inspection = actor.inspect.remote(list(self._expected_weights), str(Path.cwd()))
        self._starting[inspection] = actor

    def _welcome(self, ref):
        """Let an actor work whose inspection is there, if its node is as it should be."""
        actor = self._starting.pop(ref)
        try:
            installed, weights, machine = ray.get(ref)
        except ray.exceptions.RayError as error:
            if isinstance(error, ray.exceptions.RayTaskError) or "creation task" in str(error):
                raise _unusable(error) from error
            self._failed_starts += 1
            if self._failed_starts > _LOSSES * self._count:
                raise WorkerFailed(f"no worker starts on the cluster: {_first_line(error)}") from error
            self._start()
            return
        self._failed_starts = 0
        name = machine["name"]
        _compare(name, "package", self._installed, installed, "install the same environment on every node")
        mend = "copy the weights there, to the same place"
        _compare(name, "weights", self._expected_weights, weights, mend)
        if name not in self._machines:
            self._machines[name] = machine
            processor = describe_machine()["processor"]
            if machine["processor"] != processor:
                warnings.warn(
                    f"{name} has another processor ({machine['processor']}) than this machine ({processor}); "
                    "last digits of results may depend on where tasks run",
                    stacklevel=2,
                )
        self._names[actor] = name
        self._loaded[actor] = actor.load.remote(self._shared)

    def _answer(self, ref, task):
        """The answer of an actor; None if it or the answer is lost."""
        try:
            return ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            raise WorkerFailed(f"{describe(task)} failed: {error}") from error
        except ray.exceptions.RayError:
            return None

    def _replace(self, actor):
        """Start another actor for a lost one."""
        del self._loaded[actor]
        name = self._names.pop(actor)
        warnings.warn(f"a worker on {name} is lost; its task runs again elsewhere", stacklevel=2)
        ray.kill(actor)  # it may only be out of reach
        self._start()


def _installed():
    """Versions of everything that can change a row, and the digest of linksim itself."""
    versions = {**software("keras"), "linksim's source": source_digest()}
    try:
        versions["pyldpc"] = version("pyldpc")
    except PackageNotFoundError:
        versions["pyldpc"] = "none"
    return versions


def _node_name():
    """Host and id of this actor's node, since a host may have several."""
    return f"{os.uname().nodename} ({ray.get_runtime_context().get_node_id()[:8]})"


def _compare(node, kind, expected, found, mend):
    """Raise InputError where a node differs from the driving process."""
    for name, value in expected.items():
        if found.get(name) != value:
            problem = f"node {node} differs in {kind} {name}: {found.get(name)} there, {value} here"
            raise InputError(problem, field="--ray", mend=mend)


def _unusable(error):
    """The InputError of a node on which the actor cannot even be inspected."""
    lines = [line for line in str(error).splitlines() if "Error" in line]
    reason = lines[-1].strip() if lines else _first_line(error)
    return InputError(
        f"linksim cannot be used on a node ({reason})",
        field="--ray",
        mend="install the same environment on every node",
    )


def _first_line(error):
    return str(error).strip().partition("\n")[0]
