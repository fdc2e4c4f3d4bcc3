"""Executes tasks: from a task to the rows of its pictures."""

import hashlib
import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from linksim import systems
from linksim.codecs.cache import FileCache
from linksim.evaluation.cases import Case
from linksim.evaluation.summary import Summary, summarise, summarise_blocks
from linksim.evaluation.tasks import Task
from linksim.metrics.ms_ssim import ssim_and_ms_ssim
from linksim.metrics.psnr import psnr_db
from linksim.metrics.ssim import ssim
from linksim.scenario.schema import Scenario
from linksim.systems.base import DELIVERED
from linksim.systems.bits import send_blocks
from linksim.systems.classifier import Classifier
from linksim.systems.fallback import GREY, fallback_picture

#: Scores of received pictures to remember; the same file arrives again and again.
_REMEMBERED_SCORES = 65536


class Row(NamedTuple):
    """What became of one picture in one task.

    `received` names the picture that was shown; `psnr_db`, `ssim` and `ms_ssim` are its scores, which are
    stored once however often it was shown. `correct` says whether the receiver named the picture's class, in
    expectation where an outage has a probability; None without a label or where the system names no classes.
    """

    picture: int
    outcome: str
    received: str
    psnr_db: float
    ssim: float | None
    ms_ssim: float | None
    correct: float | None
    channel_uses: float
    cbr: float
    power: float
    peak_power: float
    bits: int
    bit_errors: int
    symbols: int
    symbol_errors: int


@dataclass(frozen=True)
class Result:
    """The rows of one finished task, their sums, the time it took and, where asked for, the pictures.

    With the pictures come the classes that the receiver names, if it names any.
    """

    rows: tuple[Row, ...]
    summary: Summary
    seconds: float
    pictures: np.ndarray | None = None
    classes: np.ndarray | None = None


class Worker:
    """Holds what tasks share: the pictures, the systems, the cache of encoded files.

    Parameters
    ----------
    cases : tuple of Case
        Of the plan.
    """

    def __init__(self, cases: tuple[Case, ...]):
        self._cases = cases
        self._cache = FileCache()
        self._systems: dict[tuple, systems.System] = {}
        self._classifiers: dict[str, Classifier] = {}
        self._scores: dict[tuple, tuple] = {}

    def execute(self, task: Task, keep_pictures: bool = False) -> Result:
        """Run one task."""
        if task.tabled:
            return _look_up(task)
        if task.uses is not None:
            return self._count(task)
        start = time.perf_counter()
        first, last = task.pictures
        case = self._cases[task.case]
        images = np.stack([picture.pixels for picture in case.sent[first:last]])
        system = self._system(case)
        if task.channel is None:
            reception = system.ceiling(images, task.point)
        else:
            from linksim.phy.link import Link

            link = Link(**vars(task.channel))
            reception = self._classify(case, system.transmit(images, link, task.point, task.seed))
        rows = tuple(self._row(case, first + i, reception, i) for i in range(len(images)))
        return Result(
            rows,
            summarise(rows),
            time.perf_counter() - start,
            *((reception.pictures, reception.classes) if keep_pictures else ()),
        )

    def _count(self, task):
        """Send random blocks and count their errors; there are no rows."""
        start = time.perf_counter()
        from linksim.phy.link import Link

        link = Link(**vars(task.channel))
        first, last = task.pictures
        spec = self._cases[task.case].spec
        exhaustive = spec.type == "bits"  # a calibration asks for block errors alone
        reception = send_blocks(
            last - first, task.uses, task.point.mcs, spec.code, link, task.seed, exhaustive
        )
        return Result((), summarise_blocks(reception), time.perf_counter() - start)

    def _system(self, case):
        """The system of a case; cases that differ in the channel alone share one, with what it remembers."""
        fallback = fallback_colour(case.scenario)
        codec = id(case.spec.codec) if case.spec.type == "own" else None
        key = case.spec.model_dump_json(), codec, fallback, id(case.pictures)
        if key not in self._systems:
            self._systems[key] = systems.create(case.spec, self._cache, fallback, case.sent)
        return self._systems[key]

    def _classify(self, case, reception):
        """The reception with the classes that the system's classifier names; the fallback shows none."""
        spec = case.spec.classifier
        if spec is None:
            return reception
        classes = np.full(len(reception.pictures), -1)
        delivered = np.array(reception.outcomes) == DELIVERED
        if delivered.any():
            if spec.weights not in self._classifiers:
                self._classifiers[spec.weights] = Classifier(spec.weights)
            classes[delivered] = self._classifiers[spec.weights](reception.pictures[delivered])
        return replace(reception, classes=classes)

    def _row(self, case, index, reception, i):
        outage_probability = float(reception.outage_probability[i])
        received, scores = self._score(case, index, reception.pictures[i], outage_probability)
        label, correct = case.sent[index].label, None
        if label is not None and reception.classes is not None:
            correct = float(reception.classes[i] == label) * (1 - outage_probability)
        return Row(
            picture=index,
            outcome=reception.outcomes[i],
            received=received,
            **scores,
            correct=correct,
            channel_uses=float(reception.channel_uses[i]),
            cbr=float(reception.channel_uses[i]) / case.sent[index].size,
            power=float(reception.power[i]),
            peak_power=float(reception.peak_power[i]),
            bits=int(reception.bits[i]),
            bit_errors=int(reception.bit_errors[i]),
            symbols=int(reception.symbols[i]),
            symbol_errors=int(reception.symbol_errors[i]),
        )

    def _score(self, case, index, received, outage_probability):
        """Name and scores of a received picture; in expectation where an outage has a probability."""
        fallback, metrics = fallback_colour(case.scenario), case.scenario.metrics
        sha = hashlib.sha256(case.sent[index].digest.encode())
        sha.update(np.ascontiguousarray(received).tobytes())
        sha.update(repr((outage_probability, fallback, metrics)).encode())
        name = sha.hexdigest()[:32]
        if name not in self._scores:
            if len(self._scores) >= _REMEMBERED_SCORES:
                self._scores.clear()
            original = case.sent[index].pixels
            scores = _measure(original, received, metrics)
            if outage_probability:
                lost = _measure(original, fallback_picture(original.shape, fallback), metrics)
                scores = {
                    metric: None
                    if value is None
                    else (1 - outage_probability) * value + outage_probability * lost[metric]
                    for metric, value in scores.items()
                }
            self._scores[name] = scores
        return name, self._scores[name]


def _measure(original, received, metrics):
    single = multi = None
    if "ms_ssim" in metrics:
        single, multi = ssim_and_ms_ssim(original, received)
    elif "ssim" in metrics:
        single = ssim(original, received)
    return {
        "psnr_db": psnr_db(original, received),
        "ssim": single if "ssim" in metrics else None,
        "ms_ssim": multi,
    }


def _look_up(task):
    """How many of the blocks a table expects to be lost; none counts as sent where it has no entry."""
    from linksim.phy.abstraction import block_error_rate  # loads TensorFlow

    start = time.perf_counter()
    bler = block_error_rate(task.point.mcs, task.uses, task.channel.snr_db)
    blocks = task.pictures[1] - task.pictures[0]
    lost = blocks * (bler or 0)
    summary = Summary(
        pictures=blocks,
        sent=0 if bler is None else blocks,
        channel_outage=lost,
        delivered=blocks - lost,
        channel_uses=float(blocks * task.uses),
    )
    return Result((), summary, time.perf_counter() - start)


def fallback_colour(scenario: Scenario) -> tuple[int, int, int]:
    """The colour of the fallback picture."""
    return GREY if scenario.fallback == "grey" else scenario.fallback.mean_colour
