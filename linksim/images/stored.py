"""Pictures that stay in their files: a set of any size takes no more memory than the pixels in use."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from linksim.images.cropping import cover_crop
from linksim.images.lru import RecentlyUsed
from linksim.images.picture import Picture
from linksim.images.reading import read_pixels
from linksim.scenario.errors import InputError

KEPT_BYTES = 64 << 20
"""Pixels that a process keeps of the pictures it used last."""

_kept = RecentlyUsed(KEPT_BYTES, size=lambda pixels: pixels.nbytes)


@dataclass(frozen=True, eq=False)
class StoredPicture:
    """A `Picture` whose pixels are read, and cropped, when they are asked for; made by `store`.

    Parameters
    ----------
    name : str
        Unique within its set.
    path : Path
    crop : (int, int) or None
        Height and width in px, as `cover_crop` takes them.
    shape : tuple of int
        `(H, W, C)` after the crop.
    digest : str
        That of the cropped picture; the pixels must still have it when they are read again.
    """

    name: str
    path: Path
    crop: tuple[int, int] | None
    shape: tuple[int, int, int]
    digest: str
    label = None

    @property
    def size(self) -> int:
        """Samples: H · W · C."""
        height, width, channels = self.shape
        return height * width * channels

    @property
    def pixels(self) -> np.ndarray:
        """`[H, W, C], uint8`, read-only.

        Raises
        ------
        InputError
            The file is not what it was when the picture was loaded.
        """
        pixels = _kept.get(self.digest)
        if pixels is None:
            pixels = self._read_again()
            _kept.put(self.digest, pixels)
        return pixels

    def _read_again(self):
        mend = "put the picture back, or start anew with the pictures as they are"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # said when the picture was loaded
                picture = _read(self.name, self.path, self.crop)
        except InputError as error:
            problem = f"it was a picture when the pictures were loaded, but no longer: {error.problem}"
            raise InputError(problem, file=str(self.path), mend=mend) from error
        if picture.digest != self.digest:
            raise InputError("it changed since the pictures were loaded", file=str(self.path), mend=mend)
        return picture.pixels


def store(name: str, path: Path, crop: tuple[int, int] | None = None) -> StoredPicture:
    """Read a picture once, to see that it can be used, and leave its pixels in the file.

    Parameters
    ----------
    name : str
    path : Path
    crop : (int, int) or None
        Height and width in px, as `cover_crop` takes them.

    Raises
    ------
    InputError
        What `read_pixels` raises.

    Warns
    -----
    UserWarning
        The picture is smaller than the crop and is scaled up.
    """
    picture = _read(name, path, crop)
    return StoredPicture(name, path, crop, picture.shape, picture.digest)


def _read(name, path, crop):
    return cover_crop(Picture(name, read_pixels(path)), crop)
