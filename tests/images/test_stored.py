"""Pictures that stay in their files: the same as in memory, checked when read again, bounded in memory."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from PIL import Image

from linksim.images import Picture, PictureSet, load
from linksim.images import stored as stored_module
from linksim.images.cropping import cover_crop
from linksim.images.lru import RecentlyUsed
from linksim.images.reading import read_pixels
from linksim.images.stored import store
from linksim.scenario.errors import InputError
from linksim.scenario.images import FolderSpec

SIDE = 400


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(stored_module, "_kept", RecentlyUsed(3 << 20, size=lambda pixels: pixels.nbytes))


def write(path, seed, height=SIDE, width=SIDE):
    ramp = np.add.outer(np.arange(height), np.arange(width))[..., None] + np.array([0, seed, 40])
    Image.fromarray(ramp.astype(np.uint8)).save(path, compress_level=1)
    return path


@pytest.mark.parametrize("crop", [None, (100, 200), (SIDE, 100), (50, 50)])
def test_equals_the_picture_in_memory(tmp_path, crop):
    path = write(tmp_path / "a.png", 1)
    expected = cover_crop(Picture("a", read_pixels(path)), crop)
    picture = store("a", path, crop)
    assert (picture.name, picture.label, picture.digest) == ("a", None, expected.digest)
    assert (
        (picture.shape, picture.size)
        == (expected.shape, expected.size)
        == (picture.pixels.shape, expected.pixels.size)
    )
    np.testing.assert_array_equal(picture.pixels, expected.pixels)
    assert not picture.pixels.flags.writeable
    assert PictureSet((picture,)).digest == PictureSet((expected,)).digest


def test_pixels_in_use_again_are_not_read_again(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(stored_module, "read_pixels", lambda path: read.append(path) or read_pixels(path))
    picture = store("a", write(tmp_path / "a.png", 1))
    assert picture.pixels is picture.pixels
    assert len(read) == 2


def test_enlargement_is_said_once(tmp_path):
    path = write(tmp_path / "a.png", 1)
    with pytest.warns(UserWarning, match="smaller than the crop"):
        picture = store("a", path, (2 * SIDE, SIDE))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert picture.pixels.shape == (2 * SIDE, SIDE, 3)


def change(path):
    write(path, 2)


def damage(path):
    path.write_bytes(path.read_bytes()[:1000])


def turn(path):
    write(path, 1, SIDE // 2, 2 * SIDE)


@pytest.mark.parametrize(
    ("alter", "problem"),
    [
        (change, "it changed since"),
        (turn, "it changed since"),
        (damage, "no longer: the file is broken"),
        (lambda path: path.unlink(), "no longer: .*No such file"),
    ],
)
def test_a_file_that_is_no_longer_the_same_is_an_error(tmp_path, alter, problem):
    picture = store("a", write(tmp_path / "a.png", 1))
    alter(tmp_path / "a.png")
    with pytest.raises(InputError, match=problem) as caught:
        picture.pixels  # noqa: B018
    assert caught.value.file == str(tmp_path / "a.png")
    assert caught.value.mend


def test_a_file_written_anew_with_the_same_pixels_is_no_error(tmp_path):
    picture = store("a", write(tmp_path / "a.png", 1))
    Image.open(tmp_path / "a.png").save(tmp_path / "a.png", compress_level=9)
    assert picture.pixels.shape == picture.shape


def test_memory_does_not_grow_with_the_pictures(tmp_path):
    # 60 pictures hold 29 MB; 3 MiB are kept, and a few are in work at a time.
    for index in range(60):
        write(tmp_path / f"{index:02d}.png", index)
    tracemalloc.start()
    try:
        loaded = load(FolderSpec(path=str(tmp_path)))
        _, peak_of_loading = tracemalloc.get_traced_memory()
        for _ in range(2):
            for picture in loaded.pictures:
                assert picture.pixels.shape == (SIDE, SIDE, 3)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_of_loading < 4 << 20
    assert kept < 4 << 20
    assert peak < 8 << 20


def test_a_narrow_cut_does_not_keep_the_whole_picture(tmp_path):
    picture = store("a", write(tmp_path / "a.png", 1, height=20 * SIDE), (SIDE, SIDE))
    tracemalloc.start()
    try:
        assert picture.pixels.nbytes == 3 * SIDE * SIDE
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2 * 3 * SIDE * SIDE


def test_workers_get_names_instead_of_pixels(tmp_path):
    for index in range(20):
        write(tmp_path / f"{index:02d}.png", index)
    loaded = load(FolderSpec(path=str(tmp_path)))
    sent = pickle.dumps(loaded)
    assert len(sent) < 20 * 300 + 1000
    received = pickle.loads(sent)
    assert received.digest == loaded.digest
    np.testing.assert_array_equal(received.pictures[3].pixels, loaded.pictures[3].pixels)


def test_small_pictures_are_sent_once():
    pixels = np.zeros((200, 32, 32, 3), np.uint8)
    pictures = PictureSet(tuple(Picture(f"{index:05d}", image) for index, image in enumerate(pixels)))
    assert pictures.digest
    assert len(pickle.dumps(pictures)) < 1.2 * pixels.nbytes
