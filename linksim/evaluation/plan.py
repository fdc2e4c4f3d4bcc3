"""The plan: from a scenario and the completed rounds to the next round of tasks.

Stopping rules and the pruning of MCSs that cannot win are decided between complete rounds only, so workers,
their number and interruptions cannot change a result.
"""

import secrets
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from linksim import systems
from linksim.evaluation.cases import Case
from linksim.evaluation.statistics import wilson
from linksim.evaluation.summary import Summary
from linksim.evaluation.tasks import ChannelPoint, Task, digest, seed_of, software
from linksim.evaluation.trials import Trials, halfway, mean_psnr_db, precise_enough
from linksim.modulation.capacity import bicm_capacity
from linksim.scenario.errors import InputError
from linksim.scenario.schema import Scenario
from linksim.scenario.systems import CALIBRATION_BLOCKS
from linksim.systems.base import OperatingPoint
from linksim.systems.classifier import Classifier

#: Fields of a system that say no more than its operating points do, or nothing about what is sent; side
#: information, which counts where the rate varies; the equaliser, which counts where it is not the default;
#: and the classifier, which counts by its weights' digest.
_OF_THE_POINT = {
    "label", "mcs", "model", "weights", "target_ser", "boundaries", "order", "side_information", "equaliser",
    "classifier",
}  # fmt: skip

#: A task of a calibration holds as many blocks as fit this many channel uses.
_CALIBRATION_USES = 1_000_000

#: The search for the best MCS starts where a rate lies this far above its capacity.
_IMPLEMENTATION_LOSS_DB = 1.0


@dataclass(frozen=True)
class Series:
    """One case at one bandwidth and one channel point: the smallest unit that is planned on its own.

    Attributes
    ----------
    case : int
        Index of the case in the plan.
    channel : ChannelPoint
    points : tuple of OperatingPoint
        Its candidates, in the order of their indices.
    """

    case: int
    channel: ChannelPoint
    points: tuple[OperatingPoint, ...]


class Plan:
    """All the tasks that a study may need, and the order in which they are asked for.

    Parameters
    ----------
    cases : tuple of Case
        In the order of the results; of one scenario, or of the members of a sweep.

    Raises
    ------
    InputError
        A system has no operating point at some bandwidth and SNR, such as weights made for them; its
        classifier's weights are none; weights take pictures of another size.
    """

    def __init__(self, cases: tuple[Case, ...]):
        self.cases = cases
        self._systems = [systems.create(case.spec, pictures=case.sent) for case in cases]
        self._classifiers = [self._classifier(case) for case in cases]
        self._chunks = [_divide(case) for case in cases]
        self._identities = [digest(self._identity(index)) for index in range(len(cases))]
        self._series = tuple(self._all_series())
        self._tasks: dict[tuple, Task] = {}
        self._digest_of = cache(
            lambda case, start, stop: digest(
                [(picture.digest, picture.label) for picture in cases[case].sent[start:stop]]
            )
        )

    @property
    def scenario(self) -> Scenario:
        """The scenario; of a sweep, its first values."""
        return self.cases[0].scenario

    def case(self, series: Series) -> Case:
        """What a series is about."""
        return self.cases[series.case]

    def series(self) -> Iterator[Series]:
        """All series in canonical order: cases as they are listed, CBRs as the scenario, SNRs rising.

        Without pictures every MCS is a series of its own.
        """
        return iter(self._series)

    def _all_series(self):
        for index, (case, system) in enumerate(zip(self.cases, self._systems)):
            scenario = case.scenario
            for cbr in scenario.bandwidth.cbr if scenario.has_pictures else (None,):
                for snr_db in sorted(scenario.channel.snr_db):
                    channel_point = ChannelPoint.of(scenario, snr_db)
                    try:
                        points = system.operating_points(cbr, snr_db)
                    except InputError as error:
                        raise _of_system(error, case) from error
                    for point in points:
                        if point.weights is not None:
                            _refuse_other_sizes(case, point.weights, "weights")
                    for together in [points] if scenario.has_pictures else zip(points):
                        yield Series(index, channel_point, together)

    def _classifier(self, case):
        """The weights of a system's classifier; None where it has none."""
        if case.spec.classifier is None:
            return None
        try:
            weights = Classifier(case.spec.classifier.weights).weights
        except InputError as error:
            raise _of_system(error, case) from error
        _refuse_other_sizes(case, weights, "classifier.weights")
        return weights

    def weights(self) -> dict[str, str]:
        """SHA-256 of all weights in use, of networks and classifiers, by their references."""
        used = [point.weights for series in self._series for point in series.points] + self._classifiers
        return {weights.reference: weights.digest for weights in used if weights is not None}

    def is_random(self, series: Series) -> bool:
        """Whether the series depends on the drawn channel."""
        return self._systems[series.case].random(series.channel)

    def trials(self, series: Series, results: Mapping[str, Summary]) -> Trials:
        """The completed trials of a series."""
        return Trials(lambda point, trial: self.tasks(series, point, trial), series.points, results)

    def tasks(self, series: Series, point: OperatingPoint, trial: int) -> list[Task]:
        """The tasks of one trial of one operating point: one for each chunk of pictures."""
        return [
            self._task(series.case, point, series.channel, chunk, trial)
            for chunk in self._chunks[series.case]
        ]

    def rounds(self, results: Mapping[str, Summary]) -> Generator[list[Task]]:
        """Yield rounds; each must be completed in `results` before the next is asked for.

        Parameters
        ----------
        results : mapping from task id to Summary
            Empty at first; grows by the tasks of each round. Tasks may be asked for again in later rounds.
        """
        running, lines = [], defaultdict(list)
        for series in self.series():
            if self.case(series).scenario.has_pictures:
                running.append(self._rounds_of(series, results))
            else:
                lines[series.case, series.points].append(series)
        running += [self._rounds_of_bits(of_point, results) for of_point in lines.values()]
        while running:
            requests = [(generator, next(generator, None)) for generator in running]
            running = [generator for generator, tasks in requests if tasks is not None]
            round_ = {task.id: task for _, tasks in requests if tasks for task in tasks}
            if round_:
                yield list(round_.values())

    def all_tasks(self) -> Iterator[Task]:
        """Every task that the rounds can ask for, each once."""
        seen = set()
        for series in self.series():
            system, random = self._systems[series.case], self.is_random(series)
            spec, stop = self.case(series).spec, self.case(series).scenario.stop
            calibrates = spec.type == "separated" and spec.mcs.policy == "threshold"
            for point in series.points:
                tasks = self._ceiling(series, point) if system.prunes else []
                if calibrates and point.mcs:
                    tasks += self._tables(series, point) + self._calibration(series, point)
                for trial in range(stop.limit if random else 1):
                    tasks += self.tasks(series, point, trial)
                for task in tasks:
                    if task.id not in seen:
                        seen.add(task.id)
                        yield task

    def _rounds_of(self, series, results):
        spec = self.case(series).spec
        trials = self.trials(series, results)
        if not self.is_random(series):
            yield self.tasks(series, series.points[0], 0)
        elif spec.type != "separated" or spec.mcs.policy == "fixed":
            yield from self._fixed_rounds(series, series.points[0], trials)
        elif spec.mcs.policy == "threshold":
            points = self._by_rate(series)
            yield [task for point in points for task in self._tables(series, point)]
            for point in points:
                if not self._is_tabled(series, point, results):
                    yield self._calibration(series, point)
                if self._keeps_to_target(series, point, results):
                    break
            yield from self._fixed_rounds(series, self.threshold_choice(series, results), trials)
        else:
            yield from self._envelope_rounds(series, trials, results)

    def _rounds_of_bits(self, line, results):
        """One MCS at all SNRs, rising, each until it has block errors enough.

        All get the first trials. Above the lowest SNR at which all the trials that there can be bring no
        block error, more would only count none.
        """
        stop = self.case(line[0]).scenario.stop
        counts = dict.fromkeys(range(len(line)), stop.trials)
        trials = [self.trials(series, results) for series in line]
        yield [task for series in line for task in self._first_trials(series, series.points[0], stop.trials)]
        while True:
            request = []
            for place, series in enumerate(line):
                (point,) = series.points
                done = trials[place].of(point)
                if counts[place] < stop.limit and not precise_enough(done, stop):
                    counts[place] = _more(counts[place], stop)
                    request += self._first_trials(series, point, counts[place])
                if not any(trial.channel_outage for trial in done):
                    break
            if not request:
                return
            yield request

    def threshold_choice(self, series: Series, results: Mapping[str, Summary]) -> OperatingPoint:
        """The operating point of highest rate whose block error rate keeps to the target.

        By the calibrations that there are; the last point, which has no MCS, where none keeps to it.
        """
        for point in self._by_rate(series):
            if self._keeps_to_target(series, point, results):
                return point
        return series.points[-1]

    def _by_rate(self, series):
        """Points of falling spectral efficiency; of two with the same, the lower index first."""
        points = [point for point in series.points if point.mcs is not None]
        return sorted(points, key=lambda point: -point.mcs.spectral_efficiency)

    def _keeps_to_target(self, series, point, results):
        """Whether Wilson's upper limit is at most the target, for the blocks of every size.

        Of a table's rates, which are expectations, the rate itself.
        """
        target = self.case(series).spec.mcs.target
        if self._is_tabled(series, point, results):
            tabled = [results[task.id] for task in self._tables(series, point)]
            return all(each.channel_outage <= target * each.sent for each in tabled)
        by_uses = defaultdict(list)
        for task in self._calibration(series, point):
            if task.id not in results:
                return False
            by_uses[task.uses].append(results[task.id])
        totals = [sum(summaries, Summary()) for summaries in by_uses.values()]
        return all(total.sent and wilson(total.channel_outage, total.sent)[1] <= target for total in totals)

    def _block_uses(self, series, point):
        """Channel uses of the blocks of all pictures, each number once."""
        sent = self.case(series).sent
        shapes = [(stop - start, sent[start].shape) for start, stop in self._chunks[series.case]]
        return self._systems[series.case].block_uses(shapes, point.cbr)

    def _is_tabled(self, series, point, results):
        """Whether a table has rates for the blocks of every size."""
        tasks = self._tables(series, point)
        return bool(tasks) and all(task.id in results and results[task.id].sent for task in tasks)

    def _tables(self, series, point):
        """Tasks that look block errors up, one for each size of block; none where they are measured."""
        if self.case(series).spec.mcs.calibration != "sionna":
            return []
        tasks = []
        for uses in self._block_uses(series, point):
            identity = ["table", point.name, uses, CALIBRATION_BLOCKS, repr(series.channel), software()]
            blocks = (0, CALIBRATION_BLOCKS)
            name = digest(identity)[:32]
            tasks.append(Task(name, series.case, point, series.channel, blocks, -1, 0, uses, tabled=True))
        return tasks

    def _calibration(self, series, point):
        """Tasks that count block errors of random payloads, with seeds of their own."""
        case = self.case(series)
        tasks = []
        for uses in self._block_uses(series, point):
            step = max(1, _CALIBRATION_USES // uses)
            for start in range(0, CALIBRATION_BLOCKS, step):
                chunk = (start, min(start + step, CALIBRATION_BLOCKS))
                # A trial that no picture has.
                seed = seed_of(case.scenario.seed, series.channel, start, -1)
                identity = [
                    "calibration",
                    case.spec.code.model_dump(mode="json"),
                    point.name,
                    uses,
                    chunk,
                    repr(series.channel),
                    seed,
                    software(*(("pyldpc",) if _needs_pyldpc(case) else ())),
                ]
                name = digest(identity)[:32]
                tasks.append(Task(name, series.case, point, series.channel, chunk, -1, seed, uses))
        return tasks

    def _fixed_rounds(self, series, point, trials):
        """One operating point until the stopping rules are met."""
        stop = self.case(series).scenario.stop
        if point.mcs is None:  # without blocks there are no block errors to wait for
            stop = stop.model_copy(update={"min_block_errors": 0})
        count = stop.trials
        while True:
            yield self._first_trials(series, point, count)
            if count == stop.limit or precise_enough(trials.of(point), stop):
                return
            count = _more(count, stop)

    def _envelope_rounds(self, series, trials, results):
        """All operating points, or those that may still be the best, until the envelope is precise enough."""
        stop, prunes = self.case(series).scenario.stop, self._systems[series.case].prunes
        if prunes:
            tasks = {point: self._ceiling(series, point) for point in series.points}
            yield [task for of_point in tasks.values() for task in of_point]
            ceilings = {point: [results[task.id] for task in tasks[point]] for point in tasks}
            ceilings_db = {point: mean_psnr_db(sum(ceilings[point], Summary())) for point in ceilings}
            guess = _first_guess(series)
        count = stop.trials
        while True:
            if prunes:
                while contenders := trials.contenders(count, ceilings):
                    # Above the guess a growing part of the tasks tells which ones fail; below, one at a time.
                    above = [point for point in contenders if ceilings_db[point] >= ceilings_db[guess]]
                    request = []
                    for point in above or [max(contenders, key=ceilings_db.get)]:
                        missing = trials.missing(point, halfway(count))
                        done = halfway(count) * len(ceilings[point]) - len(missing)
                        whole = point == guess or not above
                        request += missing if whole else missing[: max(1, done)]
                    yield request
                chosen, _ = trials.choose(count)
                yield self._first_trials(series, chosen, count)
            else:
                yield [task for point in series.points for task in self._first_trials(series, point, count)]
            _, reported = trials.choose(count)
            if count == stop.limit or precise_enough(reported, stop):
                return
            count = _more(count, stop)

    def _first_trials(self, series, point, count):
        return [task for trial in range(count) for task in self.tasks(series, point, trial)]

    def _ceiling(self, series, point):
        return [self._task(series.case, point, None, chunk, 0) for chunk in self._chunks[series.case]]

    def _identity(self, index):
        """Everything that can change the rows of a case and is the same for all its tasks."""
        case, classifier = self.cases[index], self._classifiers[index]
        scenario, spec = case.scenario, case.spec
        network = spec.type in ("learned", "own") or classifier is not None
        own = spec.type == "own"
        shared = {"link": {"power", "csi"}}
        if scenario.has_pictures:
            shared |= {"fallback": True, "metrics": True}
        return [
            # Which MCSs take part changes no row, but one that prunes counts no bit errors of lost blocks.
            # Weights and their modulation order come with their operating point.
            spec.model_dump(mode="json", exclude=_OF_THE_POINT | ({"codec"} if own else set())),
            self._systems[index].prunes,
            classifier and classifier.digest,
            # The rest of the link comes with the channel point.
            scenario.model_dump(mode="json", include=shared),
            software(*(("keras",) if network else ()), *(("pyldpc",) if _needs_pyldpc(case) else ())),
            # Two systems may have one digest, as "v1"; what has none is another system every time.
            *([spec.label, spec.digest or secrets.token_hex()] if own else []),
        ]

    def _task(self, case, point, channel, chunk, trial):
        key = (case, point, channel, chunk, trial)
        if key not in self._tasks:
            self._tasks[key] = self._build_task(*key)
        return self._tasks[key]

    def _build_task(self, index, point, channel, chunk, trial):
        start, stop = chunk
        case = self.cases[index]
        uses = case.spec.uses if case.spec.type == "bits" else None
        seed = seed_of(case.scenario.seed, channel, start, trial)
        identity = [
            self._identities[index],
            [point.name, str(point.cbr)],
            repr(channel),
            [start, self._digest_of(index, start, stop) if uses is None else stop],
            trial,
            seed,
        ]
        if point.weights is not None:
            identity.append(point.weights.digest)
        if point.varies:
            identity += [case.spec.side_information, case.all_digests]
        if case.spec.type == "learned" and case.spec.equaliser != "zf":
            identity.append(case.spec.equaliser)
        return Task(digest(identity)[:32], index, point, channel, chunk, trial, seed, uses)


def _of_system(error, case):
    """The error of a system with the path of the field in the scenario."""
    return InputError(error.problem, field=f"systems.{case.system}.{error.field}", mend=error.mend)


def _refuse_other_sizes(case, weights, field):
    """Raise InputError unless all pictures have the size that the network takes, if it takes one only."""
    side = weights.card.side
    if side is None:
        return
    for picture in case.sent:
        height, width, _ = picture.shape
        if (height, width) != (side, side):
            raise InputError(
                f"{weights.reference} takes {side}×{side} px, and {picture.name} has {height}×{width}",
                field=f"systems.{case.system}.{field}",
                mend=f"take pictures of this size, or set images.crop to [{side}, {side}]",
            )


def _divide(case):
    """Chunks of consecutive pictures of one size, or of blocks; mosaics are not torn apart."""
    if case.spec.type == "bits":
        return [(0, case.spec.blocks)]
    grouping = getattr(case.spec, "grouping", None)
    members = grouping.mosaic if grouping else 1
    length = -(-case.scenario.chunk // members) * members
    pictures, chunks, start = case.sent, [], 0
    for stop in range(1, len(pictures) + 1):
        if stop == len(pictures) or stop - start == length or pictures[stop].shape != pictures[start].shape:
            chunks.append((start, stop))
            start = stop
    return chunks


def _needs_pyldpc(case):
    """Whether a system's codes are made by pyldpc; raises InputError where it is not installed."""
    if case.spec.type not in ("separated", "bits") or case.spec.code.name != "gallager":
        return False
    if find_spec("pyldpc") is None:
        raise InputError(
            "these codes are made by pyldpc, which is not installed",
            field=f"systems.{case.system}.mcs.table",
            mend="`pip install numpy scipy numba setuptools wheel`, then `pip install "
            "--no-build-isolation pyldpc==0.7.9`",
        )
    return True


def _more(count, stop):
    """Trials grow by doubling."""
    return min(2 * count, stop.limit)


def _first_guess(series):
    """The fastest MCS whose rate lies safely below its capacity; the slowest if there is none."""
    snr_db = series.channel.snr_db - _IMPLEMENTATION_LOSS_DB
    rate = {point: point.mcs.spectral_efficiency for point in series.points}
    safe = [point for point in rate if rate[point] <= bicm_capacity(point.modulation_order, snr_db)]
    return max(safe, key=rate.get) if safe else min(rate, key=rate.get)
