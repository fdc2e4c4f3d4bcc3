"""The fixed list of 32×32 patches: pieces of the packaged photographs at 1/2 to 1/8 of their size.

It stands in for CIFAR-10 where nothing can be downloaded. Positions, order and resampling are integer
arithmetic of this module, so the list depends on the photographs alone.
"""

from itertools import chain, islice, zip_longest
from math import gcd

import numpy as np

from linksim.images.photos import PHOTOGRAPHS, photograph
from linksim.images.picture import Picture, PictureSet

SIDE = 32
COUNT = 512
_STRIDES = {2: 32, 3: 32, 4: 32, 6: 16, 8: 16}  # By factor; half overlap where a picture holds few patches.
_MIN_DEVIATION = 8  # Grey levels; flatter patches (sky, blurred background) resemble one another.


def patches():
    """Yield the patches, taking turns over photographs and factors so that every beginning is a fair mix.

    Yields
    ------
    Picture
        `[32, 32, 3]`, named `photograph@1/factor+row,column` with the corner in downscaled px.

    Raises
    ------
    InputError
        A photograph is missing.
    """
    photographs = [photograph(name) for name in PHOTOGRAPHS]
    groups = [_group(picture, factor) for factor in _STRIDES for picture in photographs]
    turns = chain.from_iterable(zip_longest(*groups))
    return islice((patch for patch in turns if patch is not None), COUNT)


def load(spec):
    """Load the first patches of a `Patches32Spec` as a `PictureSet`; they carry no labels."""
    return PictureSet(tuple(islice(patches(), spec.limit)))


def _group(picture, factor):
    """Yield the patches of one photograph at one factor that are not nearly flat."""
    pixels = _shrink(picture.pixels, factor)
    rows, columns = (_corners(length, _STRIDES[factor]) for length in pixels.shape[:2])
    for index in _spread(len(rows) * len(columns)):
        row, column = rows[index // len(columns)], columns[index % len(columns)]
        patch = pixels[row : row + SIDE, column : column + SIDE]
        if not _is_flat(patch):
            yield Picture(f"{picture.name}@1/{factor}+{row},{column}", patch)


def _shrink(pixels, factor):
    """Average blocks of factor × factor px, rounding half up; an incomplete last block is cut."""
    height, width = (length // factor for length in pixels.shape[:2])
    blocks = pixels[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    return ((blocks.sum(axis=(1, 3), dtype=np.int64) + factor**2 // 2) // factor**2).astype(np.uint8)


def _corners(length, stride):
    """Corners of a centred lattice of patches along one side of `length` px."""
    count = (length - SIDE) // stride + 1
    start = (length - SIDE - (count - 1) * stride) // 2
    return range(start, start + count * stride, stride)


def _spread(count):
    """The integers below `count` in golden-ratio steps, so that neighbours are far apart in time."""
    step = next(step for step in range(max(1, count * 618 // 1000), count + 1) if gcd(step, count) == 1)
    return (index * step % count for index in range(count))


def _is_flat(patch):
    """Whether the mean variance of the three channels is below `_MIN_DEVIATION` squared."""
    values = patch.reshape(-1, 3).astype(np.int64)
    count = len(values)
    scaled_variance = count * (values**2).sum(axis=0) - values.sum(axis=0) ** 2
    return scaled_variance.sum() < 3 * (count * _MIN_DEVIATION) ** 2
