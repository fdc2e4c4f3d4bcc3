"""The store: whole tasks or nothing, one writer, clear errors."""

import math
import sqlite3

import pytest

from linksim.evaluation.store import Store
from linksim.evaluation.summary import summarise
from linksim.evaluation.work import Result, Row
from linksim.scenario.errors import InputError


def result(power=1.1):
    row = Row(0, "delivered", "a", 30.1, 0.9, None, 0.75, 256.0, 1 / 12, power, 1.8, 100, 1, 256, 20)
    lost = Row(1, "codec_infeasible", "b", 12.3, 0.1, None, None, 256.0, 1 / 12, *[math.nan] * 2, *[0] * 4)
    return Result((row, lost), summarise((row, lost)), 0.5)


def test_rows_and_sums_read_back_exactly(tmp_path):
    store = Store(tmp_path)
    store.add("task", result())
    store.close()
    store = Store(tmp_path)
    assert store.summaries() == {"task": result().summary}
    first, second = store.rows("task")
    assert first == result().rows[0]
    assert math.isnan(second.power)
    assert second[:9] == result().rows[1][:9]
    store.close()


def test_a_task_that_fails_half_way_leaves_nothing(tmp_path):
    store = Store(tmp_path)
    broken = Result((*result().rows, (2,)), result().summary, 0.5)
    with pytest.raises((sqlite3.Error, AttributeError)):
        store.add("task", broken)
    assert store.summaries() == {}
    assert store.rows("task") == []
    store.close()


def test_a_second_writer_is_refused(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(InputError, match="another run is writing here"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look at", b"\0" * 5000])
def test_a_foreign_file_is_refused(tmp_path, content):
    (tmp_path / "run.sqlite").write_bytes(content)
    with pytest.raises(InputError, match="--fresh"):
        Store(tmp_path)


@pytest.mark.parametrize("version", [1, 99])  # the first one knew no classes
def test_a_store_of_another_format_is_refused(tmp_path, version):
    with sqlite3.connect(tmp_path / "run.sqlite") as database:
        database.execute(f"PRAGMA user_version={version}")
    database.close()
    with pytest.raises(InputError, match=rf"\(format {version}\)\nmend: start with --fresh"):
        Store(tmp_path)


def test_a_fresh_store_forgets_tasks_and_nothing_else(tmp_path):
    store = Store(tmp_path)
    store.add("task", result())
    store.close()
    (tmp_path / "notes.csv").write_text("mine")
    store = Store(tmp_path, fresh=True)
    assert store.summaries() == {}
    assert (tmp_path / "notes.csv").read_text() == "mine"
    store.close()


def test_a_fresh_store_spares_a_run_in_progress(tmp_path):
    store = Store(tmp_path)
    store.add("task", result())
    with pytest.raises(InputError, match="another run is writing here"):
        Store(tmp_path, fresh=True)
    assert list(store.summaries()) == ["task"]
    store.close()
