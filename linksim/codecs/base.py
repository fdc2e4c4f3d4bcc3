"""The contract of a source codec, its one exception, and the checks that all codecs share."""

from typing import Protocol

import numpy as np

MAX_PIXELS = 7680 * 4320
"""The largest picture that codecs take, 8K UHD: a damaged header cannot ask for more memory than that."""


class DecodeError(ValueError):
    """The data are no file of this codec, or a damaged one."""


class Codec(Protocol):
    """A source codec with an integer quality scale.

    Attributes
    ----------
    qualities : tuple of int
        Every quality, from the one of the smallest file to the one of the largest.
    identity : str
        Name, settings and library versions: everything beside the picture and the quality that can change
        the bytes. Files are remembered under it.
    """

    qualities: tuple[int, ...]
    identity: str

    def encode(self, image: np.ndarray, quality: int) -> bytes:
        """Code a picture, uint8 `[H, W, C]` with C = 1 or 3; the same input always gives the same bytes."""

    def decode(self, data: bytes) -> np.ndarray:
        """Decode a file to uint8 `[H, W, C]`; damaged data give a picture or `DecodeError`, nothing else."""


def check_image(image: np.ndarray) -> None:
    """Refuse what is not uint8 `[H, W, C]` with C = 1 or 3 and at most `MAX_PIXELS` pixels.

    Raises
    ------
    ValueError
        Wrong dtype, shape or size.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or image.size == 0:
        raise ValueError(f"a codec takes uint8 [H, W, 1 or 3], not {image.dtype} {list(image.shape)}")
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise ValueError(f"a picture of {image.shape[1]}x{image.shape[0]} pixels is larger than 8K UHD")


def check_size(width: int, height: int) -> None:
    """Refuse the size that a file's header claims if it is empty or beyond `MAX_PIXELS`.

    Raises
    ------
    DecodeError
        The size is zero or too large.
    """
    if not 0 < width * height <= MAX_PIXELS:
        raise DecodeError(f"the file claims a picture of {width}x{height} pixels")
