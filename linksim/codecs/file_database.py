"""A bounded SQLite database of files that several processes share and that may break without harm."""

import logging
import os
import re
import sqlite3
import time
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from threading import RLock

OVERHEAD = 128
"""Bytes counted for the bookkeeping of one file."""

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS files (
    key BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    used REAL NOT NULL,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS files_by_use ON files (used, size);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL);
INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT * FROM total);
CREATE TRIGGER IF NOT EXISTS count_added AFTER INSERT ON files
    BEGIN UPDATE total SET bytes = bytes + NEW.size; END;
CREATE TRIGGER IF NOT EXISTS count_removed AFTER DELETE ON files
    BEGIN UPDATE total SET bytes = bytes - OLD.size; END;
COMMIT;
"""

_BUSY_SECONDS = 5.0
_BATCH_ROWS = 1024
_BATCH_BYTES = 8 << 20
_BATCH_SECONDS = 5.0
_KEPT_SHARE = 0.9  # evicting somewhat below the bound spares the next batches the work

_OUT_OF_REACH = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}
"""Failures that say nothing about the database; any other one means that it is damaged."""

_logger = logging.getLogger(__name__)


class FileDatabase:
    """Files by key, the least recently used ones removed beyond a bound.

    The database is `encoded-N.sqlite`. A damaged one is never repaired or overwritten, since another process
    may have it open, but replaced by `encoded-(N+1).sqlite`. Any failure after the start costs the entries
    concerned and nothing else.

    Parameters
    ----------
    directory : Path
        The folder, made if missing.
    max_bytes : int
        Bound of all files together, `OVERHEAD` for each included.

    Raises
    ------
    OSError
        The folder cannot be made or no database be opened in it.
    """

    def __init__(self, directory: Path, max_bytes: int):
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._forget_batch()
        directory.mkdir(parents=True, exist_ok=True)
        self._open_newest()
        if self._connection is None:
            raise OSError(f"no database can be opened in {directory}")

    def get(self, key: bytes) -> bytes | None:
        """Return a file, or None if it is unknown, damaged or out of reach."""
        with self._lock:
            data = self._waiting.get(key)
            if data is None:
                data = self._try(lambda: self._read(key))
            if data is not None:
                self.touch(key)
            return data

    def put(self, key: bytes, data: bytes) -> None:
        """Note a file for the next batch."""
        with self._lock:
            self._waiting_bytes += len(data)
            self._waiting[key] = data
            self.touch(key)

    def touch(self, key: bytes) -> None:
        """Note that a file was used just now."""
        with self._lock:
            self._touched[key] = time.time()
            is_old = time.monotonic() - self._batch_began > _BATCH_SECONDS
            if is_old or len(self._touched) >= _BATCH_ROWS or self._waiting_bytes >= _BATCH_BYTES:
                self.flush()

    def flush(self) -> None:
        """Write the batch in one transaction and remove what no longer fits."""
        with self._lock:
            if self._touched:
                self._try(self._write_batch)
            self._forget_batch()

    def close(self) -> None:
        """Write the batch and close the database."""
        with self._lock:
            self.flush()
            if self._connection is not None and not self._is_inherited():
                self._connection.close()
                self._connection = None

    def _forget_batch(self) -> None:
        self._waiting: dict[bytes, bytes] = {}
        self._touched: dict[bytes, float] = {}
        self._waiting_bytes = 0
        self._batch_began = time.monotonic()

    def _is_inherited(self) -> bool:
        return self._connection is not None and self._owner != os.getpid()

    def _try(self, action: Callable):
        """Run an action on the database; on failure return None, after replacing a damaged database."""
        if self._is_inherited():
            # SQLite forbids to use a connection behind a fork, even to close it, so it is kept unused. Files
            # of the batch that both processes hold are written twice, which changes nothing.
            self._inherited = self._connection
            self._open_newest()
        if self._connection is None:
            return None
        try:
            return action()
        except (sqlite3.Error, TypeError, ValueError) as error:  # damaged rows may hold values of any type
            if _is_out_of_reach(error):
                _logger.info("the cache of encoded files is out of reach: %s", error)
            else:
                _logger.warning("the cache of encoded files is damaged and starts anew: %s", error)
                self._connection.close()
                self._open_newest(beyond=self._generation)
            return None

    def _open_newest(self, beyond: int = -1) -> None:
        """Open the newest database; make a newer one if that is damaged or not newer than `beyond`."""
        self._connection = None
        patience = time.monotonic() + _BUSY_SECONDS
        while time.monotonic() <= patience:
            existing = self._generations()
            generation = max([*existing, beyond + 1])
            try:
                self._connection = self._open(generation)
            except sqlite3.Error as error:
                if not _is_out_of_reach(error):
                    beyond = generation
                elif error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    # Turning a new database to write-ahead logging does not wait for another process.
                    time.sleep(0.01)
                else:
                    _logger.info("the cache of encoded files cannot be opened: %s", error)
                    return
            else:
                self._generation = generation
                self._remove([older for older in existing if older < generation])
                return

    def _open(self, generation: int) -> sqlite3.Connection:
        self._owner = os.getpid()
        connection = sqlite3.connect(
            self._path(generation), timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _path(self, generation: int) -> Path:
        return self._directory / f"encoded-{generation}.sqlite"

    def _generations(self) -> list[int]:
        names = (re.fullmatch(r"encoded-(\d+)\.sqlite", path.name) for path in self._directory.iterdir())
        return [int(name[1]) for name in names if name]

    def _remove(self, generations: list[int]) -> None:
        for generation in generations:
            path = self._path(generation)
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                with suppress(OSError):  # left for the next start
                    path.with_name(name).unlink(missing_ok=True)

    def _read(self, key: bytes) -> bytes | None:
        query = "SELECT data, checksum FROM files WHERE key = ?"
        with closing(self._connection.execute(query, [key])) as rows:
            row = rows.fetchone()
        return row[0] if row and zlib.crc32(row[0]) == row[1] else None

    def _write_batch(self) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Deleted and inserted, since SQLite's replacing would skip the trigger that counts removed bytes.
            connection.executemany("DELETE FROM files WHERE key = ?", [[key] for key in self._waiting])
            connection.executemany(
                "INSERT INTO files (key, size, used, checksum, data) VALUES (?, ?, ?, ?, ?)",
                [
                    (key, len(data) + OVERHEAD, self._touched[key], zlib.crc32(data), data)
                    for key, data in self._waiting.items()
                ],
            )
            connection.executemany(
                "UPDATE files SET used = ? WHERE key = ?",
                [(used, key) for key, used in self._touched.items() if key not in self._waiting],
            )
            self._evict()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _evict(self) -> None:
        (total,) = self._connection.execute("SELECT bytes FROM total").fetchone()
        if total <= self._max_bytes:
            return
        excess = total - int(_KEPT_SHARE * self._max_bytes)
        victims = []
        with closing(self._connection.execute("SELECT rowid, size FROM files ORDER BY used")) as rows:
            for rowid, size in rows:
                if excess <= 0:
                    break
                victims.append([rowid])
                excess -= size
        self._connection.executemany("DELETE FROM files WHERE rowid = ?", victims)


def _is_out_of_reach(error: Exception) -> bool:
    # The low byte of SQLite's error code is the kind of failure, the rest its details.
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUT_OF_REACH
