"""Small pictures and a codec of which everything is known."""

from itertools import islice

import numpy as np
import pytest

from linksim import codecs
from linksim.codecs.base import DecodeError
from linksim.images.patches32 import patches


class LengthCodec:
    """A codec whose file of quality q has q bytes and shows a grey of q levels, whatever the picture.

    The bytes of a file are its length; anything else is refused.
    """

    qualities = tuple(range(2, 201))
    identity = "length"

    def __init__(self):
        self.shape = None

    def encode(self, image, quality):
        self.shape = image.shape
        return bytes([quality]) * quality

    def decode(self, data):
        if len(set(data)) != 1:
            raise DecodeError("bytes differ")
        return np.full(self.shape, data[0], np.uint8)


@pytest.fixture
def length_codec(monkeypatch):
    """Every system built in this test uses this `LengthCodec`."""
    codec = LengthCodec()
    monkeypatch.setattr(codecs, "create", lambda spec: codec)
    return codec


@pytest.fixture(scope="session")
def small_pictures():
    """Ten photographic patches, uint8 [10, 32, 32, 3]."""
    return np.stack([picture.pixels for picture in islice(patches(), 10)])
