"""The packaged photographs and the patches made from them."""

from types import SimpleNamespace

import numpy as np
import pytest

from linksim.images import load
from linksim.images import photos as photos_module
from linksim.images import stored as stored_module
from linksim.scenario.errors import InputError
from linksim.scenario.images import Patches32Spec, PhotosSpec

PHOTOS_DIGEST = "dae1f18a633c89d48211b03693c3043576e6a5f4adb95212ca552df1858ebb18"
PATCHES_DIGEST = "8b7f5920e8a5ac2f733f68cf4689f8996150e9f76c4dbc6e6dc5f10490217ea2"


def test_photographs_are_these():
    photos = load(PhotosSpec())
    assert {picture.name: picture.pixels.shape for picture in photos.pictures} == {
        "astronaut": (512, 512, 3),
        "chelsea": (300, 451, 3),
        "coffee": (400, 600, 3),
        "motorcycle_left": (500, 741, 3),
        "rocket": (427, 640, 3),
        "china": (427, 640, 3),
        "flower": (427, 640, 3),
    }
    assert photos.digest == PHOTOS_DIGEST


def test_photograph_equals_what_its_package_loads():
    from skimage.data import coffee
    from sklearn.datasets import load_sample_image

    np.testing.assert_array_equal(photos_module.photograph("coffee").pixels, coffee())
    np.testing.assert_array_equal(photos_module.photograph("china").pixels, load_sample_image("china.jpg"))


def test_limit_decodes_no_more_than_it_needs(monkeypatch):
    read = []
    original = stored_module.read_pixels
    monkeypatch.setattr(stored_module, "read_pixels", lambda path: read.append(path.name) or original(path))
    assert len(load(PhotosSpec(limit=2, crop=(64, 96))).pictures) == 2
    assert read == ["astronaut.png", "chelsea.png"]


@pytest.mark.parametrize("installed", [True, False])
def test_missing_photograph_names_the_package(monkeypatch, tmp_path, installed):
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)]) if installed else None
    monkeypatch.setattr(photos_module, "find_spec", lambda name: found)
    with pytest.raises(InputError, match=r"astronaut.*scikit-image\nmend: reinstall"):
        load(PhotosSpec())


def test_patches_are_these():
    patches = load(Patches32Spec())
    assert len(patches.pictures) == 512
    assert len({picture.name for picture in patches.pictures}) == 512
    assert patches.digest == PATCHES_DIGEST


def test_patch_is_the_block_mean_at_its_name():
    patch = load(Patches32Spec(limit=1)).pictures[0]
    assert patch.name == "astronaut@1/2+0,0"
    corner = photos_module.photograph("astronaut").pixels[:64, :64].astype(float)
    blocks = (corner[::2, ::2] + corner[1::2, ::2] + corner[::2, 1::2] + corner[1::2, 1::2]) / 4
    np.testing.assert_array_equal(patch.pixels, np.floor(blocks + 0.5))


def test_patches_do_not_repeat_and_every_beginning_is_a_mix():
    pictures = load(Patches32Spec()).pictures
    pixels = np.stack([picture.pixels.ravel() for picture in pictures]).astype(np.float64)
    energy = (pixels**2).sum(axis=1)
    squared_error = (energy[:, None] + energy - 2 * pixels @ pixels.T) / pixels.shape[1]
    np.fill_diagonal(squared_error, np.inf)
    assert squared_error.min() > 40  # below 32.1 dB PSNR between any two
    beginning = [picture.name.split("+")[0] for picture in pictures[:35]]
    assert len(set(beginning)) == 35  # seven photographs at five factors
