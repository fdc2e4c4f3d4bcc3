"""A thread-safe mapping that forgets what was not used for longest once it holds too many bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock


class RecentlyUsed:
    """Keeps values up to a total size.

    Parameters
    ----------
    max_bytes : int
        The sum of the values' sizes never exceeds it; a larger single value is not kept.
    size : callable
        Returns a value's size in bytes.
    """

    def __init__(self, max_bytes: int, size: Callable[[object], int] = len):
        self._max_bytes = max_bytes
        self._size = size
        self._values: OrderedDict[Hashable, object] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: Hashable):
        """Return the value, or None."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Hashable, value) -> None:
        """Keep a value and forget the least recently used ones that no longer fit."""
        with self._lock:
            if key in self._values:
                self._bytes -= self._size(self._values.pop(key))
            self._values[key] = value
            self._bytes += self._size(value)
            while self._bytes > self._max_bytes:
                _, forgotten = self._values.popitem(last=False)
                self._bytes -= self._size(forgotten)
