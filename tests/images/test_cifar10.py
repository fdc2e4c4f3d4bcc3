"""The CIFAR-10 loader on small files of both published formats."""

import pickle
import struct
import sys
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest

from linksim.images import load
from linksim.scenario.errors import InputError
from linksim.scenario.images import Cifar10Spec

IMAGES = np.random.default_rng(0).integers(0, 256, (15, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(15) % 10
ROWS = IMAGES.transpose(0, 3, 1, 2).reshape(15, 3072)  # planes R, G, B


def python_two_string(content):
    return b"T" + struct.pack("<i", len(content)) + content


def python_two_pickle(rows, labels):
    """A batch as Python 2 and NumPy 1 pickled it for the published archive: byte strings, protocol 2."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        + b"(K\x01M" + struct.pack("<H", len(rows)) + b"M" + struct.pack("<H", rows.shape[1]) + b"\x86"
        + b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89" + python_two_string(rows.tobytes()) + b"tb"
    )  # fmt: skip
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + numbers + b"u."


def python_three_pickle(rows, labels):
    return pickle.dumps({b"data": rows, b"labels": labels.tolist()}, protocol=2)


def column_order_pickle(rows, labels):
    return python_three_pickle(np.asfortranarray(rows), labels)


def binary(rows, labels):
    return np.hstack([labels[:, None].astype(np.uint8), rows]).tobytes()


def write(folder, serialise, suffix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(5):
        part = slice(3 * index, 3 * index + 3)
        content = serialise(ROWS[part], LABELS[part])
        (folder / f"data_batch_{index + 1}{suffix}").write_bytes(content)
    (folder / f"test_batch{suffix}").write_bytes(serialise(ROWS, LABELS))


FORMATS = {
    "python2": (python_two_pickle, "", "cifar-10-batches-py"),
    "python3": (python_three_pickle, "", "cifar-10-batches-py"),
    "column order": (column_order_pickle, "", "cifar-10-batches-py"),
    "binary": (binary, ".bin", "cifar-10-batches-bin"),
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("place", ["folder", "parent", "archive"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_pictures_and_labels(tmp_path, format, place, split):
    serialise, suffix, name = FORMATS[format]
    write(tmp_path / name, serialise, suffix)
    path = {"folder": tmp_path / name, "parent": tmp_path, "archive": tmp_path / "cifar.tar.gz"}[place]
    if place == "archive":
        with tarfile.open(path, "w:gz") as tar:
            tar.add(tmp_path / name, name)
    pictures = load(Cifar10Spec(path=str(path), split=split)).pictures
    np.testing.assert_array_equal([picture.pixels for picture in pictures], IMAGES)
    assert [picture.label for picture in pictures] == LABELS.tolist()
    assert pictures[2].name == f"cifar10-{split}-00002"


def test_limit_reads_no_further_batches(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(binary(ROWS, LABELS))
    assert len(load(Cifar10Spec(path=str(tmp_path), split="train", limit=15)).pictures) == 15
    with pytest.raises(InputError, match="data_batch_2 is missing"):
        load(Cifar10Spec(path=str(tmp_path), split="train", limit=16))


class Harm:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickle.dumps(Harm(), protocol=2), "exec is not allowed"),
        (pickle.dumps({b"data": Harm()}, protocol=2), "exec is not allowed"),
        (b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x04\x00\x00\x00zlib\x86R.", "zlib.*not allowed"),
        (python_three_pickle(ROWS, LABELS)[:-50], "no CIFAR-10 batch"),
        (python_three_pickle(ROWS, LABELS + 1), "labels"),
        (python_three_pickle(ROWS[:, :5], LABELS), "do not fit"),
        (python_three_pickle(ROWS[:3], LABELS), "do not fit"),
        (python_three_pickle(ROWS.astype(float), LABELS), "no bytes"),
        (pickle.dumps([1, 2]), "no CIFAR-10 batch"),
        (b"", "no CIFAR-10 batch"),
    ],
)
def test_foreign_pickles_are_refused_and_never_executed(tmp_path, content, reason):
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        load(Cifar10Spec(path=str(tmp_path)))
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("content", [b"", binary(ROWS, LABELS)[:-1], binary(ROWS, LABELS + 1)])
def test_broken_binary_batch(tmp_path, content):
    (tmp_path / "test_batch.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"test_batch\.bin is no CIFAR-10 batch"):
        load(Cifar10Spec(path=str(tmp_path)))


def test_broken_archive_and_missing_path(tmp_path):
    archive = tmp_path / "cifar.tar.gz"
    with pytest.raises(InputError, match="no such file"):
        load(Cifar10Spec(path=str(archive)))
    archive.write_bytes(b"not an archive")
    with pytest.raises(InputError, match="no whole tar archive"):
        load(Cifar10Spec(path=str(archive)))
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(InputError, match="test_batch is missing"):
        load(Cifar10Spec(path=str(archive)))


def test_truncated_archive(tmp_path):
    write(tmp_path / "cifar-10-batches-bin", binary, ".bin")
    archive = tmp_path / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "cifar-10-batches-bin", "cifar-10-batches-bin")
    archive.write_bytes(archive.read_bytes()[:20_000])
    with pytest.raises(InputError, match="no whole tar archive"):
        load(Cifar10Spec(path=str(archive)))


def test_download_through_keras(monkeypatch):
    """Keras gives labels as a column; a failed download raises a bare Exception there."""
    train, test = (IMAGES, LABELS[:, None]), (IMAGES[:2], LABELS[:2, None])
    module = SimpleNamespace(cifar10=SimpleNamespace(load_data=lambda: (train, test)))
    monkeypatch.setitem(sys.modules, "keras.datasets", module)
    pictures = load(Cifar10Spec(split="train", limit=12)).pictures
    assert [picture.label for picture in pictures] == LABELS[:12].tolist()
    assert len(load(Cifar10Spec()).pictures) == 2

    def fail():
        raise Exception("URL fetch failure\non some address")

    module.cifar10.load_data = fail
    with pytest.raises(InputError, match=r"could not be downloaded.*\nmend: .*images\.path"):
        load(Cifar10Spec())
