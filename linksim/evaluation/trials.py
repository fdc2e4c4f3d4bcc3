"""Completed trials of one series, and what the stopping rules and the envelope read off them."""

from collections.abc import Mapping

from linksim.evaluation.statistics import mean_halfwidth
from linksim.evaluation.summary import Summary
from linksim.evaluation.tasks import Task
from linksim.scenario.schema import StopSpec
from linksim.systems.base import OperatingPoint


def total(tasks: list[Task], results: Mapping[str, Summary]) -> Summary | None:
    """The sum over tasks, or None while one of them is missing."""
    if any(task.id not in results for task in tasks):
        return None
    return sum((results[task.id] for task in tasks), Summary())


def mean_psnr_db(summary: Summary) -> float:
    """Mean PSNR over pictures, fallback pictures included."""
    return summary.psnr_db / summary.pictures


class Trials:
    """The trials of one series.

    Parameters
    ----------
    tasks_of : callable (OperatingPoint, trial) -> list of Task
    points : tuple of OperatingPoint
        In the order of their indices.
    results : mapping from task id to Summary
        May grow while this object lives.
    """

    def __init__(self, tasks_of, points: tuple[OperatingPoint, ...], results: Mapping[str, Summary]):
        self._tasks_of = tasks_of
        self._results = results
        self._done: dict[OperatingPoint, list[Summary]] = {point: [] for point in points}

    def of(self, point: OperatingPoint) -> list[Summary]:
        """Completed trials of a point, in order and without gaps."""
        done = self._done[point]
        while (summary := total(self._tasks_of(point, len(done)), self._results)) is not None:
            done.append(summary)
        return done

    def choose(self, count: int | None = None) -> tuple[OperatingPoint, list[Summary]] | None:
        """The envelope: the point with the best mean PSNR and the trials on which it is reported.

        With one trial both happen on the same blocks; with more, the choice is made on the first half of the
        trials and reported on the rest. Ties go to the lowest index. None while no point has been decoded.

        Parameters
        ----------
        count : int, optional
            Trials in all; by default as many as the point with most has.
        """
        count = max(len(self.of(point)) for point in self._done) if count is None else count
        if count == 0:
            return None
        half = halfway(count)
        best, best_db = None, None
        for point in self._done:
            trials = self.of(point)
            if len(trials) >= half:
                value = self._mean_db(trials[:half])
                if best is None or value > best_db:
                    best, best_db = point, value
        trials = self.of(best)
        return best, trials[half:] if count > 1 else trials

    def contenders(
        self, count: int, ceilings: Mapping[OperatingPoint, list[Summary]]
    ) -> list[OperatingPoint]:
        """Points short of half of `count` trials that may still beat every point that has them.

        Parameters
        ----------
        count : int
            Trials in all.
        ceilings : mapping from point to list of Summary
            For each task of a trial what it gives if the channel spoils nothing.
        """
        half = halfway(count)
        best_db, best_rank = float("-inf"), len(self._done)
        for rank, point in enumerate(self._done):
            trials = self.of(point)
            if len(trials) >= half and self._mean_db(trials[:half]) > best_db:
                best_db, best_rank = self._mean_db(trials[:half]), rank
        found = []
        for rank, point in enumerate(self._done):
            if len(self.of(point)) < half:
                highest = self._highest_db(point, half, ceilings[point])
                if highest > best_db or (highest == best_db and rank < best_rank):
                    found.append(point)
        return found

    def missing(self, point: OperatingPoint, count: int) -> list[Task]:
        """Tasks of the first `count` trials without a result, in order."""
        trials = range(len(self.of(point)), count)
        tasks = [task for trial in trials for task in self._tasks_of(point, trial)]
        return [task for task in tasks if task.id not in self._results]

    def _highest_db(self, point, half, ceilings):
        """Mean PSNR of the first `half` trials if all tasks without a result reach their ceilings."""
        ceiling_db = mean_psnr_db(sum(ceilings, Summary()))
        trials = self.of(point)
        begun = zip(self._tasks_of(point, len(trials)), ceilings)
        begun_db = mean_psnr_db(
            sum((self._results.get(task.id, ceiling) for task, ceiling in begun), Summary())
        )
        known_db = sum(mean_psnr_db(trial) for trial in trials) + begun_db
        return (known_db + (half - len(trials) - 1) * ceiling_db) / half

    @staticmethod
    def _mean_db(trials):
        return sum(mean_psnr_db(trial) for trial in trials) / len(trials)


def halfway(count: int) -> int:
    """How many of the trials decide the envelope."""
    return max(1, count // 2)


def precise_enough(trials: list[Summary], stop: StopSpec) -> bool:
    """Whether the stopping rules are met by these trials."""
    if stop.psnr_halfwidth_db is not None:
        halfwidth = mean_halfwidth([mean_psnr_db(trial) for trial in trials])
        if halfwidth is None or halfwidth > stop.psnr_halfwidth_db:
            return False
    return sum(trial.channel_outage for trial in trials) >= stop.min_block_errors
