"""Training patches: square tiles cut from photographs at random places and scales.

Child processes import this module, so it needs NumPy, Pillow and pydantic and never Keras.
"""

import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from linksim.images.reading import picture_extensions, read_pixels
from linksim.scenario.base import Model, Whole, refusal
from linksim.scenario.errors import InputError, brief
from linksim.scenario.numbers import as_fraction

FLAT_BELOW = 8
"""Grey levels: below this standard deviation a tile is nearly flat, as in `linksim.images.patches32`."""

FLAT_KEPT = 0.1
"""Probability that a nearly flat tile is kept; otherwise another place of the photograph is tried."""

_ATTEMPTS = 4  # Places tried before a flat tile is taken all the same.
_ITEM_BYTES = 8 << 20  # Tiles that a process makes and sends at a time.
_VALIDATION_SEED = 20_190_101


def _as_scale(value):
    try:
        return as_fraction(value)
    except ValueError:
        problem = f"{brief(value)} is neither a number nor a fraction"
        raise refusal(problem, "write a share of the size such as 1/8 or 0.5") from None


Scale = Annotated[
    Fraction, BeforeValidator(_as_scale), Field(gt=0, le=1), PlainSerializer(str, return_type=str)
]


class PatchSpec(Model):
    """The patches of a recipe."""

    folder: Path = Field(description="photographs in train/ and validation/")
    side: Whole = Field(ge=8, le=1024, description="px of a patch along one side")
    rescale: tuple[Scale, Scale] = Field(description="smallest and largest size, as shares of the original")
    count: Whole = Field(ge=1, description="tiles to make")
    margin: Whole = Field(
        0, ge=0, le=256, description="px that a tile has beyond the patch on each side, for random crops"
    )

    @model_validator(mode="after")
    def _ascending(self):
        if self.rescale[0] > self.rescale[1]:
            raise refusal("the first is larger than the second", "swap the two", field="rescale")
        return self

    @property
    def tile_side(self) -> int:
        """Px of a tile along one side: the patch and a margin on either side."""
        return self.side + 2 * self.margin


def photographs(folder, split) -> list[Path]:
    """The picture files of one split of a corpus, in the order of their names.

    Parameters
    ----------
    folder : str or Path
        Holds the folders `train` and `validation`; `~` is expanded.
    split : str
        `train` or `validation`.

    Raises
    ------
    InputError
        The folder is missing or holds no picture.
    """
    place = Path(folder).expanduser() / split
    mend = "`linksim images fetch-training` makes it, or name a folder of yours with train/ and validation/"
    try:
        paths = sorted(place.iterdir())
    except OSError as error:
        raise InputError(f"no training photographs ({error.strerror})", file=str(place), mend=mend) from error
    extensions = picture_extensions()
    paths = [path for path in paths if path.suffix.lower() in extensions and not path.name.startswith(".")]
    if not paths:
        raise InputError("it holds no picture", file=str(place), mend=mend)
    return paths


def make_tiles(paths, side, rescale, count, seed, processes=1) -> np.ndarray:
    """Cut tiles from photographs, in random order.

    Each tile has a scale of its own, log-uniform, and is cut from a photograph that is large enough at the
    scale, drawn in proportion to the areas; both are stratified, so the shares are met closely. The place
    is uniform. Resampling averages blocks, to twice the scale or more, and then takes Lanczos' filter; at
    scale 1 there is none. Of nearly flat tiles one in ten is kept, unless a photograph has little else.

    Parameters
    ----------
    paths : sequence of Path
        Photographs; grey ones become three equal channels.
    side : int
        Px of a tile along one side.
    rescale : (number, number)
        Smallest and largest size as shares of the original, in (0, 1].
    count : int
        Tiles to make.
    seed : int
        Not negative. The same tiles come of it whatever the number of processes.
    processes : int
        1 works in this process. More are spawned: a calling script needs `if __name__ == "__main__"`.

    Returns
    -------
    ndarray
        `[count, side, side, 3], uint8`.

    Raises
    ------
    InputError
        There is no photograph, none is large enough, or one cannot be read.
    """
    plan = _plan([Path(path) for path in paths], side, rescale, count, np.random.default_rng([seed, 0]))
    order = np.random.default_rng([seed, 1]).permutation(count)
    tiles = np.empty((count, side, side, 3), np.uint8)
    work = partial(_make_item, side=side, seed=seed)
    if processes == 1:
        _scatter(map(work, plan), tiles, order)
    else:
        # Forking would copy the threads of a Keras backend half.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(processes, len(plan)), mp_context=context) as executor:
            _scatter(executor.map(work, plan), tiles, order)
    return tiles


def validation_patches(paths, side, rescale, count) -> np.ndarray:
    """The fixed evaluation list of the validation split: `make_tiles` with a seed of its own."""
    return make_tiles(paths, side, rescale, count, _VALIDATION_SEED)


@dataclass(frozen=True)
class _Item:
    """Tiles of one photograph: the scale of each."""

    number: int
    path: Path
    scales: tuple[float, ...]


class _Photograph:
    """An RGB photograph from which tiles are cut at any scale."""

    def __init__(self, path):
        pixels = read_pixels(path)
        self.pixels = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
        self._reduced = {1: Image.fromarray(self.pixels)}

    def cut(self, side, scale, place):
        """A tile `[side, side, 3], uint8`; `place` is its (down, across) share of the way, in [0, 1)."""
        height, width = self.pixels.shape[:2]
        if scale == 1:
            row, column = (int(share * (n - side + 1)) for share, n in zip(place, (height, width)))
            return self.pixels[row : row + side, column : column + side]
        factor = max(1, int(0.5 / scale))
        if factor not in self._reduced:
            self._reduced[factor] = self._reduced[1].reduce(factor)
        span = side / scale  # In px of the photograph; rounding may have made it too long by a hair.
        top, left = (share * max(0, n - span) for share, n in zip(place, (height, width)))
        box = (left, top, min(left + span, width), min(top + span, height))
        box = tuple(edge / factor for edge in box)
        # The filter reaches beyond the box, so a tile is what it would be in the whole picture rescaled.
        return np.asarray(self._reduced[factor].resize((side, side), Image.Resampling.LANCZOS, box=box))


def _plan(paths, side, rescale, count, random):
    """Items in the order of the paths; together they make `count` tiles."""
    if not paths:
        raise InputError("there is no photograph to cut patches from")
    sizes = np.array([_size(path) for path in paths], np.float64)
    shortest = sizes.min(axis=1)
    low, high = max(float(rescale[0]), side / shortest.max()), float(rescale[1])
    if low > high + 1e-9:
        raise InputError(
            f"no photograph holds a tile of {side} px at {high:g} of its size",
            file=str(paths[0].parent),
            mend="take smaller patches, a smaller margin, a larger rescale or larger photographs",
        )
    scales = np.clip(np.exp(np.log(low) + _stratified(count, random) * np.log(high / low)), low, high)
    chosen = _choose(sizes.prod(axis=1), shortest, (side - 1e-6) / scales, _stratified(count, random))
    tiles_an_item = max(1, _ITEM_BYTES // (3 * side**2))
    items = []
    for index, path in enumerate(paths):
        mine = scales[chosen == index].tolist()
        for start in range(0, len(mine), tiles_an_item):
            items.append(_Item(len(items), path, tuple(mine[start : start + tiles_an_item])))
    return items


def _stratified(count, random):
    """`count` numbers in [0, 1), one in each interval of 1/count, in random order."""
    return (random.permutation(count) + random.random(count)) / count


def _choose(areas, shortest, needed, places):
    """For each tile the index of a photograph at least `needed` px short, in proportion to the areas."""
    order = np.argsort(shortest, kind="stable")
    edges = np.concatenate([[0], np.cumsum(areas[order])])
    # Photographs that are large enough come last; the largest always is.
    first = np.minimum(np.searchsorted(shortest[order], needed), len(order) - 1)
    targets = edges[first] + places * (edges[-1] - edges[first])
    return order[np.clip(np.searchsorted(edges, targets, side="right") - 1, first, len(order) - 1)]


def _size(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.size
    except Exception as error:  # Pillow's readers raise anything.
        reason = getattr(error, "strerror", None) or "it is no picture that Pillow can read"
        raise InputError(reason, file=str(path), mend="replace or remove it") from error


def _make_item(item, side, seed):
    """The tiles of one item, `[tiles, side, side, 3], uint8`; its random numbers are its own."""
    random = np.random.default_rng([seed, 2, item.number])
    photograph = _Photograph(item.path)
    tiles = np.empty((len(item.scales), side, side, 3), np.uint8)
    wanting = np.arange(len(tiles))
    for _ in range(_ATTEMPTS):
        places = random.random((len(wanting), 2)).tolist()
        for index, place in zip(wanting, places):
            tiles[index] = photograph.cut(side, item.scales[index], place)
        wanting = wanting[_are_flat(tiles[wanting]) & (random.random(len(wanting)) >= FLAT_KEPT)]
        if not len(wanting):
            break
    return tiles


def _are_flat(tiles):
    """Which tiles have a mean variance of the channels below `FLAT_BELOW` squared."""
    values = tiles.reshape(len(tiles), -1, 3).astype(np.float32)
    return values.var(axis=1).mean(axis=1) < FLAT_BELOW**2


def _scatter(parts, tiles, order):
    """Put the tiles of the items, as they come, where the random order wants them."""
    start = 0
    for part in parts:
        tiles[order[start : start + len(part)]] = part
        start += len(part)
