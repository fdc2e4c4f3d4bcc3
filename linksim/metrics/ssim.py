"""Structural similarity of Wang et al. with an 11×11 Gaussian window, over its valid region."""

import numpy as np
from scipy.ndimage import correlate1d

from linksim.metrics.pair import check_pair

WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

_OFFSETS = np.arange(WINDOW) - WINDOW // 2
_TAPS = np.exp(-0.5 * (_OFFSETS / _SIGMA) ** 2)
_TAPS /= _TAPS.sum()


def ssim(reference, received):
    """Return the mean structural similarity index.

    The map is computed where the window lies inside the picture, then averaged over positions and
    channels, as in Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment:
    from error visibility to structural similarity", IEEE Trans. Image Process. 13(4), 2004, eq. (13);
    without the downscaling of large pictures that their later code adds.

    Parameters
    ----------
    reference, received : ndarray
        `[H, W, C], uint8`.

    Returns
    -------
    float or None
        At most 1, which identical pictures reach; None when a side is below 11 px.

    Raises
    ------
    ValueError
        A dtype or a shape does not fit.
    """
    check_pair(reference, received)
    if min(reference.shape[:2]) < WINDOW:
        return None
    return float(np.mean([mean_similarity(x, y)[0] for x, y in channel_planes(reference, received)]))


def channel_planes(reference, received):
    """Yield each channel's two planes `[H, W], float64`; planes fit the cache, whole pictures do not."""
    for channel in range(reference.shape[2]):
        yield reference[..., channel].astype(np.float64), received[..., channel].astype(np.float64)


def mean_similarity(reference, received):
    """Return the means of one plane's SSIM map and of the map's contrast-structure factor.

    Parameters
    ----------
    reference, received : ndarray
        `[H, W], float64` on the scale 0 … 255, H and W at least 11.

    Returns
    -------
    similarity, contrast : float
        Means of l·cs and of cs, with l = (2·μx·μy + C1) / (μx² + μy² + C1) and
        cs = (2·σxy + C2) / (σx² + σy² + C2).
    """
    mean_x, mean_y = _window_mean(reference), _window_mean(received)
    # Only the sum of both variances is needed: four filterings instead of five.
    energy = _window_mean(reference**2 + received**2)
    product = _window_mean(reference * received)
    mean_energy, mean_product = mean_x**2 + mean_y**2, mean_x * mean_y
    contrast = (2 * (product - mean_product) + _C2) / (energy - mean_energy + _C2)
    luminance = (2 * mean_product + _C1) / (mean_energy + _C1)
    return (luminance * contrast).mean(), contrast.mean()


def _window_mean(plane):
    """Weighted mean in the window at each position inside: `[H, W]` to `[H - 10, W - 10]`."""
    height, radius = plane.shape[0] - WINDOW + 1, WINDOW // 2
    # SciPy's filter strides through memory along the first axis; sums of whole rows are twice as fast.
    rows = _TAPS[radius] * plane[radius : radius + height]
    for tap in range(radius):
        opposite = WINDOW - 1 - tap
        pair = plane[tap : tap + height] + plane[opposite : opposite + height]
        pair *= _TAPS[tap]  # In place: one more temporary of this size costs more than the arithmetic.
        rows += pair
    return correlate1d(rows, _TAPS, axis=1)[:, radius:-radius]
