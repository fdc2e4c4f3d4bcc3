"""The Fashion-MNIST loader on small IDX files."""

import gzip
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from linksim.images import fashion_mnist, load
from linksim.scenario.errors import InputError
from linksim.scenario.images import FashionMnistSpec

IMAGES = np.random.default_rng(0).integers(1, 256, (12, 28, 28), dtype=np.uint8)
LABELS = (np.arange(12) % 10).astype(np.uint8)


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(folder, images=None, labels=None, prefix="t10k", compress=True):
    folder.mkdir(exist_ok=True)
    contents = {
        f"{prefix}-images-idx3-ubyte": idx(IMAGES) if images is None else images,
        f"{prefix}-labels-idx1-ubyte": idx(LABELS) if labels is None else labels,
    }
    for name, content in contents.items():
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return FashionMnistSpec(path=str(folder))


def assert_padded(pictures, count=12):
    pixels = np.array([picture.pixels for picture in pictures])
    assert pixels.shape == (count, 32, 32, 3)
    for channel in range(3):
        np.testing.assert_array_equal(pixels[:, 2:-2, 2:-2, channel], IMAGES[:count])
    assert pixels.astype(int).sum() == 3 * IMAGES[:count].astype(int).sum()  # the border is zero
    assert [picture.label for picture in pictures] == LABELS[:count].tolist()


@pytest.mark.parametrize("compress", [True, False])
def test_pictures_are_padded_and_labelled(tmp_path, compress):
    assert_padded(load(write(tmp_path, compress=compress)).pictures)


def test_training_split_and_limit(tmp_path):
    write(tmp_path, prefix="train")
    spec = FashionMnistSpec(path=str(tmp_path), split="train", limit=5)
    pictures = load(spec).pictures
    assert_padded(pictures, count=5)
    assert pictures[4].name == "fashion_mnist-train-00004"


def test_debians_package_comes_before_a_download(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setattr(fashion_mnist, "_DEBIAN_FOLDER", tmp_path)
    assert_padded(load(FashionMnistSpec()).pictures)


def test_download_through_keras(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "_DEBIAN_FOLDER", tmp_path / "not installed")
    dataset = SimpleNamespace(load_data=lambda: ((IMAGES[:1], LABELS[:1]), (IMAGES, LABELS)))
    monkeypatch.setitem(sys.modules, "keras.datasets", SimpleNamespace(fashion_mnist=dataset))
    assert_padded(load(FashionMnistSpec()).pictures)
    del dataset.load_data
    with pytest.raises(InputError, match=r"could not be downloaded.*\nmend: .*images\.path"):
        load(FashionMnistSpec())


HEADER = bytes([0, 0, 8, 3])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x0d\x03" + idx(IMAGES)[4:],  # floats
        idx(IMAGES)[:-1],
        idx(IMAGES)[:10],
        idx(IMAGES[:, :27]),
        HEADER + struct.pack(">3I", 2**32 - 1, 28, 28),  # would be 3 TB
        idx(LABELS),
    ],
)
@pytest.mark.parametrize("compress", [True, False])
def test_corrupt_idx(tmp_path, content, compress):
    with pytest.raises(InputError, match="no whole IDX file") as caught:
        load(write(tmp_path, images=content, compress=compress))
    assert "t10k-images-idx3-ubyte" in caught.value.file
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("cut", [slice(0, 4), slice(0, -200)])
def test_corrupt_gzip(tmp_path, cut):
    spec = write(tmp_path)
    file = tmp_path / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[cut])
    with pytest.raises(InputError, match="no whole IDX file"):
        load(spec)
    file.write_bytes(b"not gzip")
    with pytest.raises(InputError, match="no whole IDX file"):
        load(spec)


@pytest.mark.parametrize("labels", [idx(LABELS[:-1]), idx(LABELS + 1)])
def test_labels_that_do_not_fit(tmp_path, labels):
    with pytest.raises(InputError, match="labels"):
        load(write(tmp_path, labels=labels))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match=r"t10k-images-idx3-ubyte\.gz is missing"):
        load(FashionMnistSpec(path=str(tmp_path)))
    with pytest.raises(InputError, match="no such folder"):
        load(FashionMnistSpec(path=str(tmp_path / "nowhere")))
