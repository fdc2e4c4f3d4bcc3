"""The best file of a picture within a byte budget, and its decoded picture, each computed once."""

import hashlib
from dataclasses import dataclass

import numpy as np

from linksim.codecs.base import Codec
from linksim.codecs.cache import FileCache
from linksim.codecs.lru import RecentlyUsed

REACH = 3
"""Qualities looked at above the answer of the bisection."""

_DECODED_BYTES = 64 << 20


@dataclass(frozen=True)
class Encoded:
    """A file and the quality, on the codec's own scale, that it was coded with."""

    data: bytes
    quality: int


class RateSearch:
    """Finds the best quality of a picture whose file fits a budget.

    Number the codec's qualities from 0, the smallest file, to n − 1. If sizes never fell on the way up, a
    bisection would find the last one that fits. They do fall at times, so the search looks on:

    1. Bisect with the invariant "`fits` fits, `fails` does not", from the imagined ends −1 and n, until they
       are neighbours.
    2. Code the `REACH` qualities above `fails` as well; the highest that fits, else `fits`, is the answer.

    So the answer is the highest quality of all that fits, provided that no file is smaller than one more
    than `REACH` qualities below it. It depends on the picture, the codec and the budget only: never on the
    cache, nor on what was asked before.

    Parameters
    ----------
    codec : Codec
    cache : FileCache
        Where files are remembered, by picture, codec and quality; every SNR and MCS asks for them again.
    """

    def __init__(self, codec: Codec, cache: FileCache):
        self._codec = codec
        self._identity = codec.identity.encode()
        self._cache = cache
        self._decoded = RecentlyUsed(_DECODED_BYTES, size=lambda image: image.nbytes)

    def best(self, image: np.ndarray, budget_bytes: int) -> Encoded | None:
        """Return the file of the highest quality that fits.

        Parameters
        ----------
        image : uint8 [H, W, C]
            C = 3 or 1.
        budget_bytes : int
            The largest file allowed, in bytes.

        Returns
        -------
        Encoded or None
            None when no file among those looked at fits.
        """
        picture = _digest(image)
        qualities = self._codec.qualities
        files: dict[int, bytes] = {}

        def is_within(index: int) -> bool:
            files[index] = self._file(image, picture, qualities[index])
            return len(files[index]) <= budget_bytes

        fits, fails = -1, len(qualities)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            if is_within(middle):
                fits = middle
            else:
                fails = middle
        for index in range(fails + 1, min(fails + 1 + REACH, len(qualities))):
            if is_within(index):
                fits = index
        return None if fits < 0 else Encoded(files[fits], qualities[fits])

    def decoded(self, encoded: Encoded) -> np.ndarray:
        """Return the picture, uint8 `[H, W, C]` and read-only, that the file decodes to.

        Raises
        ------
        DecodeError
            The file is damaged.
        """
        image = self._decoded.get(encoded.data)
        if image is None:
            image = self._codec.decode(encoded.data)
            image.flags.writeable = False
            self._decoded.put(encoded.data, image)
        return image

    def _file(self, image: np.ndarray, picture: bytes, quality: int) -> bytes:
        key = hashlib.sha256(b"\0".join([self._identity, str(quality).encode(), picture])).digest()
        data = self._cache.get(key)
        if data is None:
            data = self._codec.encode(image, quality)
            self._cache.put(key, data)
        return data


def _digest(image: np.ndarray) -> bytes:
    return hashlib.sha256(str(image.shape).encode() + np.ascontiguousarray(image).data).digest()
