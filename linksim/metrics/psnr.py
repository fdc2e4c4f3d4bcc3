"""Peak signal-to-noise ratio over all samples of a picture."""

import math

import numpy as np

from linksim.metrics.pair import check_pair

IDENTICAL_DB = 100.0
"""What identical pictures count as, so that means stay finite."""


def psnr_db(reference, received):
    """Return 10·log10(255² / MSE) over all rows, columns and channels, in dB.

    Parameters
    ----------
    reference, received : ndarray
        `[H, W, C], uint8`.

    Returns
    -------
    float
        dB; `IDENTICAL_DB` for identical pictures.

    Raises
    ------
    ValueError
        A dtype or a shape does not fit.
    """
    check_pair(reference, received)
    difference = np.subtract(reference, received, dtype=np.float64).ravel()
    squared_error = float(difference @ difference)  # exact: an integer far below 2**53
    if squared_error == 0:
        return IDENTICAL_DB
    return 10 * math.log10(255**2 * difference.size / squared_error)
