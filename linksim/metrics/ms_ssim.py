"""Multi-scale structural similarity of Wang, Simoncelli and Bovik with the five published weights."""

import numpy as np

from linksim.metrics.pair import check_pair
from linksim.metrics.ssim import WINDOW, channel_planes, mean_similarity, ssim

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales, from the full picture to 1/16 of its side (the paper's section 3.2)."""

SMALLEST_SIDE = WINDOW * 2 ** (len(WEIGHTS) - 1)
"""176 px: the window must fit into the picture at the coarsest scale."""


def ms_ssim(reference, received):
    """Return the multi-scale structural similarity index.

    Per channel the contrast-structure means of the four finer scales and the SSIM of the coarsest are
    multiplied with the published exponents, then the channels are averaged: Z. Wang, E. P. Simoncelli,
    A. C. Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003, eq. (7).
    A negative mean, which has no real power, counts as zero; a picture that is anticorrelated with its
    reference at one scale thus scores 0.

    Parameters
    ----------
    reference, received : ndarray
        `[H, W, C], uint8`.

    Returns
    -------
    float or None
        0 … 1, 1 for identical pictures; None when a side is below 176 px.

    Raises
    ------
    ValueError
        A dtype or a shape does not fit.
    """
    return ssim_and_ms_ssim(reference, received)[1]


def ssim_and_ms_ssim(reference, received):
    """Return both indices for little more than one: the finest scale of the one is the other.

    Parameters
    ----------
    reference, received : ndarray
        `[H, W, C], uint8`.

    Returns
    -------
    ssim, ms_ssim : float or None
        As `linksim.metrics.ssim.ssim` and `ms_ssim` give them.
    """
    check_pair(reference, received)
    if min(reference.shape[:2]) < SMALLEST_SIDE:
        return ssim(reference, received), None
    both = np.mean([_of_plane(x, y) for x, y in channel_planes(reference, received)], axis=0)
    return float(both[0]), float(both[1])


def _of_plane(reference, received):
    """SSIM and MS-SSIM of one plane."""
    scales = [mean_similarity(reference, received)]
    for _ in WEIGHTS[1:]:
        reference, received = _halve(reference), _halve(received)
        scales.append(mean_similarity(reference, received))
    factors = [contrast for _, contrast in scales[:-1]] + [scales[-1][0]]
    return scales[0][0], np.prod(np.maximum(factors, 0) ** WEIGHTS)


def _halve(plane):
    """Average 2×2 px; an odd last row or column is repeated first, as the authors' code does."""
    height, width = plane.shape
    even = np.pad(plane, [(0, height % 2), (0, width % 2)], mode="edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
