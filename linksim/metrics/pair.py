"""The contract of every metric: two 8-bit pictures of one shape."""

import numpy as np


def check_pair(reference, received):
    """Refuse anything but two `[H, W, C], uint8` arrays of one shape.

    Metrics are taken after rounding to 8 bits, never on floats, whose range would be a guess.

    Raises
    ------
    ValueError
        A dtype or a shape does not fit.
    """
    if reference.dtype != np.uint8 or received.dtype != np.uint8:
        raise ValueError(f"metrics compare uint8 pictures, not {reference.dtype} and {received.dtype}")
    if reference.shape != received.shape or reference.ndim != 3 or not reference.size:
        raise ValueError(f"metrics compare one shape [H, W, C], not {reference.shape} and {received.shape}")
