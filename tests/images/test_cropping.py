"""The centre crop: exact cuts at scale 1, covering otherwise, a warning when it enlarges."""

import warnings

import numpy as np
import pytest

from linksim.images import Picture
from linksim.images.cropping import cover_crop


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def gradient(height, width, channels=3):
    """Rows differ by 2 levels, so that a scaled picture shows where it was cut."""
    rows = np.arange(height, dtype=np.uint8)[:, None, None] * 2
    return Picture("gradient", np.broadcast_to(rows, (height, width, channels)), label=4)


def test_no_crop_returns_the_picture_itself():
    picture = gradient(10, 12)
    assert cover_crop(picture, None) is picture


def test_same_scale_cuts_the_centre_without_resampling():
    pixels = np.random.default_rng(0).integers(0, 256, (31, 40, 3), dtype=np.uint8)
    cut = cover_crop(Picture("noise", pixels), (20, 40))
    np.testing.assert_array_equal(cut.pixels, pixels[5:25])


@pytest.mark.parametrize("channels", [1, 3])
def test_scaling_down_keeps_the_aspect_and_the_centre(channels):
    cut = cover_crop(gradient(100, 80, channels), (20, 40))  # scale 1/2, rows 30 … 69 of 100 remain
    assert cut.pixels.shape == (20, 40, channels)
    assert cut.label == 4
    expected = 2 * (30.5 + 2 * np.arange(20))
    np.testing.assert_allclose(cut.pixels[:, 7, 0], expected, atol=1)


def test_scaling_down_averages():
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    cut = cover_crop(Picture("board", np.repeat(board[..., None], 3, -1).astype(np.uint8)), (8, 8))
    np.testing.assert_allclose(cut.pixels, 127.5, atol=3)


def test_scaling_up_warns_and_names_the_picture():
    with pytest.warns(UserWarning, match=r"gradient: 10×12 px is smaller than the crop 20×24; .* by 2$"):
        assert cover_crop(gradient(10, 12), (20, 24)).pixels.shape == (20, 24, 3)


def test_extreme_aspects():
    assert cover_crop(gradient(100, 3), (1, 3)).pixels.shape == (1, 3, 3)
    assert cover_crop(gradient(100, 7), (99, 1)).pixels.shape == (99, 1, 3)
