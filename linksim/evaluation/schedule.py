"""Schedule: which task of a round a free worker takes next."""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable

from linksim.evaluation.tasks import Task


class Schedule:
    """The tasks of a round that wait, and who carries out which.

    Tasks that share tables and payloads go to one worker as long as there is other work for the others. Every
    second worker starts at the far end: neighbouring MCSs ask for the same files of the codec, and one worker
    can use what another has coded but not what it is just coding.

    Parameters
    ----------
    tasks : iterable of Task
    """

    def __init__(self, tasks: Iterable[Task]):
        self._waiting: dict[tuple, deque[Task]] = defaultdict(deque)
        for task in tasks:
            self._waiting[task.kinship].append(task)
        #: What every worker carries out.
        self.busy: dict[Hashable, Task] = {}
        self._kinship: dict[Hashable, tuple | None] = {}

    @property
    def finished(self) -> bool:
        """Whether nothing waits and nobody works."""
        return not self._waiting and not self.busy

    def take(self, worker: Hashable) -> Task | None:
        """The next task of a free worker, which carries it out from now on; None when nothing waits."""
        kinship = self._kinship.setdefault(worker, None)
        if not self._waiting:
            return None
        if kinship not in self._waiting:
            taken = {task.kinship for task in self.busy.values()}
            free = [key for key in self._waiting if key not in taken] or list(self._waiting)
            far_end = list(self._kinship).index(worker) % 2
            kinship = max(reversed(free) if far_end else free, key=lambda key: len(self._waiting[key]))
        task = self._waiting[kinship].popleft()
        if not self._waiting[kinship]:
            del self._waiting[kinship]
        self.busy[worker] = task
        self._kinship[worker] = kinship
        return task

    def finish(self, worker: Hashable) -> Task:
        """The task that a worker has carried out; the worker is free."""
        return self.busy.pop(worker)

    def lose(self, worker: Hashable) -> Task | None:
        """The task of a worker that is gone, if it had one; it waits again, before its kin."""
        task = self.busy.pop(worker, None)
        if task is not None:
            self._waiting[task.kinship].appendleft(task)
        return task
