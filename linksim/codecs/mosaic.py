"""Many small pictures as one: a near-square mosaic, and back."""

from math import isqrt

import numpy as np

MID_GRAY = 128


def tile(images: np.ndarray) -> np.ndarray:
    """Lay pictures of one size side by side, row by row.

    Parameters
    ----------
    images : uint8 [N, H, W, C]

    Returns
    -------
    uint8 array [rows * H, columns * W, C]
        ⌈√N⌉ columns and as many rows as needed; the rest of the last row is mid-grey.
    """
    count, height, width, channels = images.shape
    rows, columns = _grid(count)
    cells = np.full((rows * columns, height, width, channels), MID_GRAY, np.uint8)
    cells[:count] = images
    cells = cells.reshape(rows, columns, height, width, channels)
    return cells.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def untile(mosaic: np.ndarray, count: int, height: int, width: int) -> np.ndarray:
    """Cut a mosaic of `tile` into its pictures again.

    Parameters
    ----------
    mosaic : uint8 [rows * height, columns * width, C]
    count : int
        Pictures in the mosaic.
    height, width : int
        Size of one picture in pixels.

    Returns
    -------
    uint8 array [count, height, width, C]
    """
    rows, columns = _grid(count)
    cells = mosaic.reshape(rows, height, columns, width, -1).swapaxes(1, 2)
    return cells.reshape(rows * columns, height, width, -1)[:count]


def _grid(count: int) -> tuple[int, int]:
    columns = isqrt(count - 1) + 1
    return -(-count // columns), columns
