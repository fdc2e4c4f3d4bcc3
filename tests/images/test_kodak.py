"""The Kodak loader on small files of the same names."""

import pytest
from PIL import Image

from linksim.images import load
from linksim.scenario.errors import InputError
from linksim.scenario.images import KodakSpec


def write(folder, indices):
    folder.mkdir(parents=True, exist_ok=True)
    for index in indices:
        Image.new("RGB", (12, 8), (index, 0, 0)).save(folder / f"kodim{index:02d}.png")


def test_all_24_in_order_from_the_data_folder(tmp_path, monkeypatch):
    write(tmp_path / "kodak", range(1, 25))
    monkeypatch.setenv("LINKSIM_DATA", str(tmp_path))
    pictures = load(KodakSpec()).pictures
    assert [picture.name for picture in pictures] == [f"kodim{index:02d}" for index in range(1, 25)]
    assert [picture.pixels[0, 0, 0] for picture in pictures] == list(range(1, 25))


def test_default_folder_is_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("LINKSIM_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with pytest.raises(InputError, match=r"no such folder\nmend: put kodim01\.png") as caught:
        load(KodakSpec())
    assert caught.value.file == str(tmp_path / ".cache" / "linksim" / "kodak")


def test_missing_pictures_are_named_unless_the_limit_does_without(tmp_path):
    write(tmp_path, [*range(1, 7), *range(9, 25)])
    with pytest.raises(InputError, match=r"missing kodim07\.png, kodim08\.png"):
        load(KodakSpec(path=str(tmp_path)))
    assert len(load(KodakSpec(path=str(tmp_path), limit=6, crop=(4, 4))).pictures) == 6


def test_broken_picture_is_named(tmp_path):
    write(tmp_path, [1])
    (tmp_path / "kodim02.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"kodim02\.png"):
        load(KodakSpec(path=str(tmp_path), limit=2))
