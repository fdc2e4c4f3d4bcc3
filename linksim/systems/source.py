"""Source coding shared by the separate chain and its bound: groups of pictures, budgets, best files."""

import math
from fractions import Fraction

import numpy as np

from linksim import codecs
from linksim.codecs.cache import FileCache
from linksim.codecs.mosaic import tile, untile
from linksim.codecs.rate_search import Encoded, RateSearch
from linksim.systems.base import channel_uses
from linksim.systems.fallback import fallback_picture


class Source:
    """A codec over pictures or mosaics of pictures.

    Parameters
    ----------
    codec : CodecSpec
    grouping : GroupingSpec or None
        None codes every picture on its own.
    cache : FileCache or None
        None remembers files in memory only.
    fallback : (red, green, blue)
    """

    def __init__(self, codec, grouping, cache, fallback):
        self.codec = codecs.create(codec)
        self._search = RateSearch(self.codec, FileCache(memory_only=True) if cache is None else cache)
        self._fallback = fallback
        self._group_size = grouping.mosaic if grouping else 1

    def group(self, images: np.ndarray) -> list[np.ndarray]:
        """Divide images `[batch, H, W, C]` into groups that are coded as one picture each."""
        return [images[i : i + self._group_size] for i in range(0, len(images), self._group_size)]

    def channel_uses(self, group: np.ndarray, cbr: Fraction) -> int:
        """Channel uses of one group: those of its pictures, put together."""
        return channel_uses(group.size, cbr)

    def encode(self, group: np.ndarray, budget_bytes: int) -> Encoded | None:
        """The best file of a group within a budget, None where none fits."""
        return self._search.best(self._canvas(group), budget_bytes)

    def pictures(self, group: np.ndarray, encoded: Encoded | None) -> np.ndarray:
        """The pictures of a group after decoding its file, or fallback pictures where there is none."""
        return self._separate(group, None if encoded is None else self._search.decoded(encoded))

    def decode(self, group: np.ndarray, data: bytes) -> np.ndarray | None:
        """What a decoder shows for other bytes than were sent; None where it refuses them."""
        try:
            canvas = self.codec.decode(data)
        except codecs.DecodeError:
            return None
        return self._separate(group, canvas) if canvas.shape == self._canvas(group).shape else None

    def _canvas(self, group):
        return group[0] if self._group_size == 1 else tile(group)

    def _separate(self, group, canvas):
        if canvas is None:
            return np.stack([fallback_picture(image.shape, self._fallback) for image in group])
        return canvas[None] if self._group_size == 1 else untile(canvas, *group.shape[:3])


def file_bits(data: bytes, length: int) -> np.ndarray:
    """A file as bits, most significant first, zero-padded: uint8 `[length]`."""
    bits = np.zeros(length, np.uint8)
    bits[: 8 * len(data)] = np.unpackbits(np.frombuffer(data, np.uint8))
    return bits


def file_bytes(bits: np.ndarray, size: int) -> bytes:
    """The first `size` bytes of received bits."""
    return np.packbits(bits[: 8 * size]).tobytes()


def whole_bytes(bits: float) -> int:
    """Bytes that fit into a number of bits."""
    return math.floor(bits / 8)
