"""The cache of encoded files: memory, disk, bounds, several processes, damage."""

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from linksim.codecs.cache import FileCache, default_directory
from linksim.codecs.file_database import OVERHEAD
from linksim.images.lru import RecentlyUsed


def key(number):
    return number.to_bytes(32, "big")


def content(number, size=100):
    return (number % 251).to_bytes(1, "big") * size


def kept(directory, numbers):
    """Return which keys a fresh cache finds on disk."""
    with FileCache(directory) as cache:
        return [number for number in numbers if cache.get(key(number)) is not None]


def test_files_come_back_at_once_and_from_disk(tmp_path):
    with FileCache(tmp_path) as cache:
        cache.put(key(1), b"one")
        assert cache.get(key(1)) == b"one"
        assert cache.get(key(2)) is None
    with FileCache(tmp_path) as cache:
        assert cache.get(key(1)) == b"one"


def test_a_forgotten_cache_writes_its_batch(tmp_path):
    cache = FileCache(tmp_path)
    cache.put(key(1), b"one")
    del cache
    assert kept(tmp_path, [1]) == [1]


def test_an_ending_interpreter_writes_the_batch(tmp_path):
    program = "import sys; from linksim.codecs.cache import FileCache\n"
    program += "cache = FileCache(sys.argv[1]); cache.put(bytes(31) + bytes([7]), b'seven')"
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True, env=environment())
    assert kept(tmp_path, [7]) == [7]


def test_memory_only_leaves_the_disk_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("LINKSIM_CACHE", str(tmp_path / "cache"))
    with FileCache(memory_only=True) as cache:
        cache.put(key(1), b"one")
        assert cache.get(key(1)) == b"one"
    assert list(tmp_path.iterdir()) == []


def test_default_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("LINKSIM_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    monkeypatch.setenv("HOME", "/c")
    assert str(default_directory()) == "/a"
    monkeypatch.delenv("LINKSIM_CACHE")
    assert str(default_directory()) == "/b/linksim"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert str(default_directory()) == "/c/.cache/linksim"
    monkeypatch.setenv("LINKSIM_CACHE", str(tmp_path / "mine"))
    with FileCache() as cache:
        cache.put(key(1), b"one")
    assert kept(tmp_path / "mine", [1]) == [1]


def test_disk_is_bounded_and_forgets_the_least_recently_used(tmp_path):
    bound = 40 * (100 + OVERHEAD)
    with FileCache(tmp_path, max_bytes=bound) as cache:
        for number in range(40):
            cache.put(key(number), content(number))
        cache.flush()
        for number in range(10):
            cache.get(key(number))
        cache.flush()
        for number in range(100, 120):
            cache.put(key(number), content(number))
    # 60 files wait in 40 places, of which a tenth is freed ahead: 24 go, the untouched oldest ones.
    assert kept(tmp_path, range(200)) == [*range(10), *range(34, 40), *range(100, 120)]


def test_total_follows_replacement_and_removal(tmp_path):
    with FileCache(tmp_path, max_bytes=5000) as cache:
        for number in range(300):
            cache.put(key(number % 70), content(number, 10 + number % 90))
            cache.flush()
    connection = sqlite3.connect(tmp_path / "encoded-0.sqlite")
    counted = connection.execute("SELECT bytes FROM total").fetchall()
    summed = connection.execute("SELECT sum(length(data) + ?) FROM files", [OVERHEAD]).fetchone()
    connection.close()
    assert counted == [summed]
    assert 2500 < summed[0] <= 5000


def test_memory_is_bounded():
    memory = RecentlyUsed(max_bytes=250)
    for number in range(3):
        memory.put(number, content(number))
        memory.get(0)
    assert [memory.get(number) is not None for number in range(3)] == [True, False, True]
    memory.put(0, bytes(10))
    memory.put(4, content(4))
    assert memory.get(2) is not None
    memory.put(5, bytes(251))
    assert memory.get(5) is None


def environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


WRITER = """
import sys
from linksim.codecs.cache import FileCache
directory, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cache = FileCache(directory)
for number in range(first, first + count):
    cache.put(number.to_bytes(32, "big"), (number % 251).to_bytes(1, "big") * 100)
    cache.flush()
    print(number, flush=True)
cache.close()
"""


def start_writer(directory, first, count):
    command = [sys.executable, "-c", WRITER, str(directory), str(first), str(count)]
    return subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_processes_write_at_once(tmp_path):
    # They start together on an empty folder, overlap in half of their keys and commit after each file.
    writers = [start_writer(tmp_path, first, 200) for first in (0, 100, 200)]
    for writer in writers:
        _, complaints = writer.communicate(timeout=120)
        assert (writer.returncode, complaints) == (0, "")
    with FileCache(tmp_path) as cache:
        assert [cache.get(key(number)) for number in range(400)] == [content(number) for number in range(400)]


def test_a_killed_process_leaves_a_working_cache(tmp_path):
    writer = start_writer(tmp_path, 0, 10**6)
    for line in writer.stdout:
        if int(line) >= 50:
            break
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    assert kept(tmp_path, range(50)) == list(range(50))
    with FileCache(tmp_path) as cache:
        cache.put(key(10**6), b"new")
    assert kept(tmp_path, [10**6]) == [10**6]


def test_a_fork_leaves_the_parents_cache_alone(tmp_path):
    with FileCache(tmp_path) as cache:
        cache.put(key(1), b"one")
        child = os.fork()
        if child == 0:
            cache.put(key(2), b"two")
            cache.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        cache.put(key(3), b"three")
    assert kept(tmp_path, [1, 2, 3]) == [1, 2, 3]


@pytest.mark.parametrize("damage", ["garbage", "header", "pages", "cut", "rows"])
def test_damage_starts_anew(tmp_path, damage):
    with FileCache(tmp_path) as cache:
        for number in range(400):
            cache.put(key(number), content(number))
    path = tmp_path / "encoded-0.sqlite"
    data = bytearray(path.read_bytes())
    if damage == "garbage":
        data = b"this is no database" * 100
    elif damage == "header":
        data[:100] = bytes(100)
    elif damage == "pages":
        for at in range(5000, len(data) - 2000, 3000):
            data[at : at + 1500] = b"\xa5" * 1500
    elif damage == "cut":
        data = data[: len(data) // 2]
    path.write_bytes(data)
    if damage == "rows":
        connection = sqlite3.connect(path)
        connection.execute("UPDATE files SET data = 'text', used = 'never', size = 'large'")
        connection.execute("UPDATE total SET bytes = 'many'")
        connection.commit()
        connection.close()

    for _ in range(2):  # a database may show its damage only when it is written
        with FileCache(tmp_path, max_bytes=10**6) as cache:
            for number in range(400):
                assert cache.get(key(number)) in (None, content(number))
                cache.put(key(number), content(number))
    assert kept(tmp_path, range(400)) == list(range(400))


def test_silently_changed_files_are_not_returned(tmp_path):
    with FileCache(tmp_path) as cache:
        cache.put(key(1), b"the right bytes")
    connection = sqlite3.connect(tmp_path / "encoded-0.sqlite")
    connection.execute("UPDATE files SET data = ?", [b"the wrong bytes"])
    connection.commit()
    connection.close()
    assert kept(tmp_path, [1]) == []


def test_damage_does_not_disturb_a_process_that_has_the_old_database(tmp_path):
    with FileCache(tmp_path) as first:
        first.put(key(1), b"one")
        first.flush()
        (tmp_path / "encoded-1.sqlite").write_bytes(b"this is no database" * 100)
        with FileCache(tmp_path) as second:
            second.put(key(2), b"two")
            second.flush()
            first.put(key(3), b"three")
            first.flush()
            assert first.get(key(1)) == b"one"
    assert kept(tmp_path, [2]) == [2]
    assert [path.name for path in tmp_path.glob("*.sqlite")] == ["encoded-2.sqlite"]


@pytest.mark.parametrize("place", ["file", "below-a-file"])
def test_an_unusable_folder_leaves_the_memory(tmp_path, place):
    (tmp_path / "file").write_text("no folder")
    cache = FileCache(tmp_path / ("file" if place == "file" else "file/folder"))
    cache.put(key(1), b"one")
    assert cache.get(key(1)) == b"one"
    cache.close()


def test_a_vanished_folder_does_no_harm(tmp_path):
    folder = tmp_path / "cache"
    with FileCache(folder) as cache:
        cache.put(key(1), b"one")
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        cache.flush()
        assert cache.get(key(1)) == b"one"


def test_a_database_locked_for_long_does_no_harm(tmp_path, monkeypatch):
    monkeypatch.setattr("linksim.codecs.file_database._BUSY_SECONDS", 0.1)
    with FileCache(tmp_path) as cache:
        other = sqlite3.connect(tmp_path / "encoded-0.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        cache.put(key(1), b"one")
        cache.flush()
        assert cache.get(key(1)) == b"one"
        other.execute("ROLLBACK")
        other.close()
        cache.put(key(2), b"two")
    assert kept(tmp_path, [1, 2]) == [2]
