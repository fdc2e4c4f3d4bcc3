"""The best file of a picture within a byte budget, and its decoded picture, each computed once."""

import hashlib
from dataclasses import dataclass
from math import log2

import numpy as np

from linksim.codecs.base import Codec
from linksim.codecs.cache import FileCache
from linksim.images.lru import RecentlyUsed

REACH = 3
"""Qualities looked at above the lowest one that was seen to fail."""

_ONE_BIT_A_PIXEL = 1 / 3  # of the scale: where the search starts if the budget is one bit a pixel
_OCTAVES = 10  # how often files double along the scale; both are rules of thumb and cost time only
_AHEAD = 2  # a guess too high is among the qualities that `REACH` asks for anyway

_DECODED_BYTES = 64 << 20
_ANSWERS_BYTES = 64 << 20
REMEMBERED_BYTES = _DECODED_BYTES + _ANSWERS_BYTES
"""What one search keeps in memory at most."""


@dataclass(frozen=True)
class Encoded:
    """A file and the quality, on the codec's own scale, that it was coded with."""

    data: bytes
    quality: int


class RateSearch:
    """Finds the best quality of a picture whose file fits a budget.

    Number the codec's qualities from 0, the smallest file, to n − 1. If sizes never fell on the way up, any
    search by bracketing would find the last one that fits. They do fall at times, so the search looks on:

    1. Bracket with the invariant "`fits` fits, `fails` does not", from the imagined ends −1 and n, until they
       are neighbours. The first guess follows from the budget's bits a pixel, the next ones from sizes: the
       logarithm of the size is taken as a straight line, through both files of the bracket or, as long as one
       end is imagined, through the other with a typical slope. Steps in one direction at least double.
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
        self._answers = RecentlyUsed(_ANSWERS_BYTES, size=_answer_bytes)
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
        answer = self._answers.get((picture, budget_bytes))
        if answer is None:
            answer = (self._look_for(image, picture, budget_bytes),)
            self._answers.put((picture, budget_bytes), answer)
        return answer[0]

    def _look_for(self, image, picture, budget_bytes):
        qualities = self._codec.qualities
        files: dict[int, bytes] = {}

        def is_within(index: int) -> bool:
            if index not in files:
                files[index] = self._file(image, picture, qualities[index])
            return len(files[index]) <= budget_bytes

        fits, fails, step = -1, len(qualities), 0
        slope = len(qualities) / _OCTAVES
        height, width = image.shape[:2]
        guess = len(qualities) * _ONE_BIT_A_PIXEL + slope * _octaves(8 * budget_bytes, height * width)
        while fails - fits > 1:
            index = min(max(int(guess), fits + 1), fails - 1)
            if is_within(index):
                fits, step = index, max(2 * step, 1)
            else:
                fails, step = index, min(2 * step, -1)
            if fits in files and fails in files:
                low, high = len(files[fits]), len(files[fails])
                guess = fits + (fails - fits) * _octaves(budget_bytes, low) / _octaves(high, low) + _AHEAD
            else:
                guess = index + slope * _octaves(budget_bytes, len(files[index])) + _AHEAD
            guess = max(guess, index + step) if step > 0 else min(guess, index + step)
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


def _answer_bytes(answer: tuple[Encoded | None]) -> int:
    """Size of a remembered answer with its bookkeeping."""
    return 512 + (len(answer[0].data) if answer[0] else 0)


def _digest(image: np.ndarray) -> bytes:
    return hashlib.sha256(str(image.shape).encode() + np.ascontiguousarray(image).data).digest()


def _octaves(value: int, reference: int) -> float:
    return log2(max(value, 1) / reference)  # a budget may be 0, files are never empty
