"""Pictures and sets: read-only pixels and digests that notice every change."""

import dataclasses
import hashlib

import numpy as np
import pytest

from linksim.images import Picture, PictureSet
from linksim.scenario.errors import InputError


def grey(value, height=2, width=3):
    return np.full((height, width, 1), value, np.uint8)


def test_pixels_are_a_read_only_copy():
    pixels = grey(7)
    picture = Picture("a", pixels)
    pixels[:] = 9
    assert (picture.pixels == 7).all()
    with pytest.raises(ValueError, match="read-only"):
        picture.pixels[0, 0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        picture.name = "b"


def test_digest_is_sha256_over_shape_and_pixels():
    assert Picture("a", grey(7)).digest == hashlib.sha256(b"(2, 3, 1)" + bytes([7] * 6)).hexdigest()
    assert Picture("a", grey(7)).digest == Picture("b", grey(7), label=3).digest
    assert Picture("a", grey(7, 2, 3)).digest != Picture("a", grey(7, 3, 2)).digest


def test_digest_of_a_set_notices_names_labels_pixels_and_order():
    a, b = Picture("a", grey(1)), Picture("b", grey(2), label=1)
    variants = [
        (a, b),
        (b, a),
        (a,),
        (a, Picture("c", grey(2), label=1)),
        (a, Picture("b", grey(2), label=2)),
        (a, Picture("b", grey(3), label=1)),
    ]
    assert len({PictureSet(pictures).digest for pictures in variants}) == len(variants)
    assert PictureSet((a, b)).digest == PictureSet((a, b), ("x: broken",)).digest


def test_empty_set_is_bad_input():
    with pytest.raises(InputError, match="no picture"):
        PictureSet(())


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((2, 3), np.uint8), ((2, 3, 4), np.uint8), ((0, 3, 3), np.uint8), ((2, 3, 3), np.float32)],
)
def test_other_arrays_are_refused(shape, dtype):
    with pytest.raises(ValueError, match="expected uint8"):
        Picture("a", np.zeros(shape, dtype))
