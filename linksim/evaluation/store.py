"""The store of a run: finished tasks and their rows, one transaction each, in one SQLite file."""

import fcntl
import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from linksim.evaluation.disk import is_disk_failure
from linksim.evaluation.summary import Summary
from linksim.evaluation.work import Result, Row
from linksim.scenario.errors import InputError

_FORMAT = 2

_TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, summary TEXT NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS received (
    id TEXT PRIMARY KEY, psnr_db REAL, ssim REAL, ms_ssim REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
    task TEXT, picture INTEGER, outcome TEXT, received TEXT, correct REAL, channel_uses REAL, cbr REAL,
    power REAL, peak_power REAL, bits INTEGER, bit_errors INTEGER, symbols INTEGER, symbol_errors INTEGER,
    PRIMARY KEY (task, picture)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS provenance (session INTEGER PRIMARY KEY, record TEXT NOT NULL);
"""


class Store:
    """Results of one run folder; written by the driving process only.

    Parameters
    ----------
    folder : Path
        The run folder; made if missing.
    fresh : bool
        Forget what earlier runs left in the store.

    Raises
    ------
    InputError
        When the folder cannot be used, another run writes to it, or the file is no store or damaged.
    sqlite3.Error
        The disk is full or fails.
    """

    def __init__(self, folder: Path, fresh: bool = False):
        self._path = Path(folder) / "run.sqlite"
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._lock = (Path(folder) / ".lock").open("w")
        except OSError as error:
            raise InputError(
                f"cannot be written ({error.strerror})", file=str(folder), mend="choose another --out"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise InputError(
                "another run is writing here", file=str(folder), mend="wait for it or choose another --out"
            ) from error
        if fresh:  # only now: under the lock nobody else can be writing
            for path in Path(folder).glob("run.sqlite*"):
                path.unlink()
        try:
            self._database = sqlite3.connect(self._path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            found = self._database.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, _FORMAT):
                raise sqlite3.DatabaseError(f"format {found}")
            self._database.executescript(_TABLES)
            self._database.execute(f"PRAGMA user_version={_FORMAT}")
            (verdict,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            self._lock.close()
            if is_disk_failure(error):
                raise
            raise InputError(
                f"is no results store of this version ({error})",
                file=str(self._path),
                mend="start with --fresh",
            ) from error
        if verdict != "ok":
            self.close()
            raise InputError(
                f"is damaged or cut short ({verdict.splitlines()[-1]})",
                file=str(self._path),
                mend="put a copy of it back, or start with --fresh",
            )

    def close(self):
        """Release the file and the lock."""
        self._database.close()
        self._lock.close()

    def summaries(self) -> dict[str, Summary]:
        """The sums of every finished task, by task id."""
        found = self._database.execute("SELECT id, summary FROM tasks")
        return {task: Summary.from_json(text) for task, text in found}

    def add(self, task_id: str, result: Result) -> None:
        """Write one finished task: all of it or nothing."""
        with self._transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO tasks VALUES (?, ?, ?)",
                (task_id, result.summary.to_json(), result.seconds),
            )
            database.executemany(
                "INSERT OR IGNORE INTO received VALUES (?, ?, ?, ?)",
                [(row.received, row.psnr_db, row.ssim, row.ms_ssim) for row in result.rows],
            )
            database.executemany(
                f"INSERT OR REPLACE INTO rows VALUES ({', '.join('?' * 13)})",
                [
                    (
                        task_id,
                        row.picture,
                        row.outcome,
                        row.received,
                        *row[row._fields.index("correct") :],
                    )
                    for row in result.rows
                ],
            )

    def rows(self, task_id: str) -> list[Row]:
        """The rows of a finished task, in the order of its pictures."""
        found = self._database.execute(
            """SELECT picture, outcome, received, psnr_db, ssim, ms_ssim, correct, channel_uses, cbr,
                      power, peak_power, bits, bit_errors, symbols, symbol_errors
               FROM rows JOIN received ON received.id = rows.received WHERE task = ? ORDER BY picture""",
            (task_id,),
        )
        return [Row(*values)._replace(**_absent(values)) for values in found]

    def record(self, provenance: dict) -> None:
        """Add the provenance of one session."""
        self._database.execute("INSERT INTO provenance (record) VALUES (?)", (json.dumps(provenance),))

    def sessions(self) -> list[dict]:
        """The provenance of every session that wrote here."""
        return [json.loads(text) for (text,) in self._database.execute("SELECT record FROM provenance")]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # on a full disk SQLite has rolled back itself
                self._database.execute("ROLLBACK")
            raise


def _absent(values):
    """SQLite keeps NaN as NULL: the powers of a picture that was not sent."""
    named = dict(zip(Row._fields, values))
    return {name: math.nan for name in ("power", "peak_power") if named[name] is None}
