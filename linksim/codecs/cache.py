"""Encoded files remembered in memory and on disk, so that no picture is coded twice.

A cache may lose anything at any time but must never stop or change a run: a damaged database is replaced by
an empty one, an unusable folder leaves the memory, and every file read from disk is checked.
"""

import logging
import os
import weakref
from pathlib import Path

from linksim.codecs.file_database import FileDatabase
from linksim.images.lru import RecentlyUsed

MEMORY_BYTES = 64 << 20
DISK_BYTES = 2 << 30

_logger = logging.getLogger(__name__)


class FileCache:
    """Files by key, in memory and in a database on disk.

    Processes may share a folder. Writes are collected and reach the disk in batches, when the cache is
    closed or forgotten, or at the interpreter's end; a killed process loses at most its last batch.

    Parameters
    ----------
    directory : path or None
        The folder of the database; None for the default: `$LINKSIM_CACHE`, else `$XDG_CACHE_HOME/linksim`,
        else `~/.cache/linksim`.
    max_bytes : int
        Bound of the files on disk, 128 bytes a file for the bookkeeping included; the least recently used
        ones are removed.
    memory_only : bool
        Leave the disk alone.
    """

    def __init__(
        self, directory: str | Path | None = None, max_bytes: int = DISK_BYTES, *, memory_only: bool = False
    ):
        self._memory = RecentlyUsed(MEMORY_BYTES)
        self._database = None
        if memory_only:
            return
        try:
            folder = default_directory() if directory is None else Path(directory)
            self._database = FileDatabase(folder, max_bytes)
        except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
            _logger.warning("encoded files are remembered in memory only: %s", error)
        else:
            self._finalizer = weakref.finalize(self, self._database.close)

    def get(self, key: bytes) -> bytes | None:
        """Return the file remembered under a key, or None."""
        data = self._memory.get(key)
        if data is not None:
            if self._database:
                self._database.touch(key)
            return data
        data = self._database.get(key) if self._database else None
        if data is not None:
            self._memory.put(key, data)
        return data

    def put(self, key: bytes, data: bytes) -> None:
        """Remember a file."""
        self._memory.put(key, data)
        if self._database:
            self._database.put(key, data)

    def flush(self) -> None:
        """Write what waits to the disk."""
        if self._database:
            self._database.flush()

    def close(self) -> None:
        """Write what waits and close the database; the cache goes on in memory."""
        if self._database:
            self._finalizer()
            self._database = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def default_directory() -> Path:
    """Return the folder that a `FileCache` uses unless told otherwise.

    Raises
    ------
    RuntimeError
        No variable names one and there is no home folder.
    """
    if folder := os.environ.get("LINKSIM_CACHE"):
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "linksim"
