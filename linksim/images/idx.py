"""The IDX format of the MNIST family: a magic number, big-endian sizes, then bytes."""

import gzip
import struct
import zlib

import numpy as np

from linksim.scenario.errors import InputError

_UBYTE = 0x08
_MAX_ITEMS = 1_000_000


def read_idx(path, item_shape, limit=None):
    """Read the first items of an IDX file of unsigned bytes.

    Parameters
    ----------
    path : pathlib.Path
        The file; `.gz` is decompressed.
    item_shape : tuple of int
        The shape that one item must have; `()` for labels.
    limit : int or None
        The most items to read; None reads all.

    Returns
    -------
    ndarray
        `[count, *item_shape], uint8`, read-only.

    Raises
    ------
    InputError
        The file is truncated, is of another kind or holds items of another shape.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            return _parse(file, item_shape, limit)
    except (ValueError, OSError, EOFError, zlib.error, struct.error) as error:
        problem = f"it is no whole IDX file of {item_shape or 'single'} bytes ({error})"
        raise InputError(problem, file=str(path), mend="download it anew") from error


def _parse(file, item_shape, limit):
    magic = file.read(4)
    if magic != bytes([0, 0, _UBYTE, 1 + len(item_shape)]):
        raise ValueError(f"magic number {magic.hex() or 'missing'}")
    count, *shape = struct.unpack(f">{1 + len(item_shape)}I", file.read(4 * (1 + len(item_shape))))
    # The header is a claim: it decides how much memory is asked for.
    if tuple(shape) != item_shape or count > _MAX_ITEMS:
        raise ValueError(f"sizes {(count, *shape)}")
    count = count if limit is None else min(count, limit)
    size = count * int(np.prod(item_shape, dtype=np.int64))
    content = file.read(size)
    if len(content) < size:
        raise ValueError(f"{len(content)} of {size} bytes")
    return np.frombuffer(content, np.uint8).reshape(count, *item_shape)
