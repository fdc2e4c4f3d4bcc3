"""The picture that a receiver shows when nothing was delivered."""

from functools import lru_cache

import numpy as np

GREY = (128, 128, 128)


@lru_cache(maxsize=4)
def fallback_picture(shape: tuple[int, int, int], colour: tuple[int, int, int] = GREY) -> np.ndarray:
    """A constant picture, uint8 `[H, W, C]`, read-only.

    Parameters
    ----------
    shape : (H, W, C)
        C is 3, or 1 for grey pictures, which show the colour's BT.601 luma.
    colour : (red, green, blue)
    """
    if shape[2] == 1:
        colour = (round(0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]),)
    picture = np.full(shape, colour, np.uint8)
    picture.flags.writeable = False
    return picture
