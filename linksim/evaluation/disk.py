"""A full or failing disk: one clear error, whichever library met it."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}

#: The low byte of SQLite's error code is the kind of failure.
_NO_ROOM_IN_DATABASE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


class DiskFailed(RuntimeError):
    """A run cannot write; the message says where, why, and how to go on."""


def is_disk_failure(error: Exception) -> bool:
    """Whether an error says that the disk is full or fails, and not that something is wrong with a file."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_ROOM_IN_DATABASE
    return isinstance(error, OSError) and error.errno in _NO_ROOM


@contextmanager
def disk_failures(folder: Path) -> Iterator[None]:
    """Turn disk failures of all that is written into a run folder into `DiskFailed`."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        if not is_disk_failure(error):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise DiskFailed(
            f"{folder} cannot be written ({reason}); make room, and the same command goes on from there"
        ) from error
