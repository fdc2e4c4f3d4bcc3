"""A picture and a set of pictures: read-only pixels with a name, a label and a digest."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from linksim.scenario.errors import InputError


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture to send.

    Parameters
    ----------
    name : str
        Unique within its set.
    pixels : ndarray
        `[H, W, C], uint8` with C = 1 (grey) or 3 (RGB). Kept contiguous and read-only; a writeable
        array is copied, so that its owner can go on using it.
    label : int or None
        The class, where the source knows it.

    Raises
    ------
    ValueError
        `pixels` has another dtype or shape.
    """

    name: str
    pixels: np.ndarray
    label: int | None = None

    def __post_init__(self):
        pixels = self.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or not pixels.size:
            raise ValueError(f"{self.name}: expected uint8 [H, W, 1 or 3], got {pixels.dtype} {pixels.shape}")
        if pixels.flags.writeable or not pixels.flags.c_contiguous:
            pixels = pixels.copy(order="C")
            pixels.flags.writeable = False
            object.__setattr__(self, "pixels", pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.pixels.shape

    @property
    def size(self) -> int:
        """Samples: H · W · C."""
        return self.pixels.size

    @cached_property
    def digest(self):
        """SHA-256 over shape and pixels, in hex; the name and the label do not enter."""
        digest = hashlib.sha256(repr(tuple(map(int, self.pixels.shape))).encode())
        digest.update(self.pixels.data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class PictureSet:
    """The pictures of one source, in a fixed order; their sizes may differ.

    Parameters
    ----------
    pictures : tuple of Picture or StoredPicture
        At least one. Both have `name`, `label`, `shape`, `size`, `digest` and `pixels`.
    skipped : tuple of str
        `name: reason` of every file that was left out.

    Raises
    ------
    InputError
        There is no picture.
    """

    pictures: tuple
    skipped: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.pictures:
            raise InputError("the source holds no picture", field="images", mend="choose another source")

    @cached_property
    def digest(self):
        """SHA-256 over names, labels, sizes and pixels of all pictures in their order, in hex."""
        listing = [(picture.name, picture.label, picture.digest) for picture in self.pictures]
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()
