"""Distortion measures that training minimises, differentiable and on any Keras backend."""

import numpy as np
from keras import ops

from linksim.metrics.ms_ssim import WEIGHTS

#: Constants of SSIM for pictures in [0, 1], and its window.
_C1, _C2 = 0.01**2, 0.03**2
_WINDOW, _SIGMA = 11, 1.5
#: Keeps powers of small structure terms differentiable.
_LEAST = 1e-6


def mse(images, received):
    """Mean squared error of each picture on the scale 0–255, float32 [batch]; pictures in [0, 1]."""
    return 255.0**2 * ops.mean(ops.square(images - received), axis=(1, 2, 3))


def ms_ssim(images, received):
    """1 − MS-SSIM of each picture, float32 [batch]; pictures [batch, H, W, 3] in [0, 1], sides from 176 px.

    References
    ----------
    Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment", 2003, eq. (7).
    """
    similarity = 1.0
    for scale, weight in enumerate(WEIGHTS):
        luminance, structure = _components(images, received)
        term = luminance * structure if scale == len(WEIGHTS) - 1 else structure
        # Means over positions first, then powers, channel by channel.
        similarity = similarity * ops.power(ops.maximum(ops.mean(term, axis=(1, 2)), _LEAST), weight)
        if scale < len(WEIGHTS) - 1:
            images, received = (ops.average_pool(x, 2, 2, padding="valid") for x in (images, received))
    return 1.0 - ops.mean(similarity, axis=-1)


DISTORTIONS = {"mse": mse, "ms_ssim": ms_ssim}
"""From the name in a recipe to the measure."""


def _components(first, second):
    """Luminance and contrast-structure terms of SSIM at every position of a channel."""
    mean_1, mean_2 = _blur(first), _blur(second)
    variance_1 = _blur(first * first) - mean_1 * mean_1
    variance_2 = _blur(second * second) - mean_2 * mean_2
    covariance = _blur(first * second) - mean_1 * mean_2
    luminance = (2 * mean_1 * mean_2 + _C1) / (mean_1 * mean_1 + mean_2 * mean_2 + _C1)
    structure = (2 * covariance + _C2) / (variance_1 + variance_2 + _C2)
    return luminance, structure


def _blur(images):
    """A Gaussian window over each channel, where it fits whole."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    window = (window / window.sum()).astype(np.float32)
    channels = images.shape[-1]
    for shape in ((_WINDOW, 1, 1, 1), (1, _WINDOW, 1, 1)):
        kernel = np.tile(window.reshape(shape), (1, 1, channels, 1))
        images = ops.depthwise_conv(images, ops.convert_to_tensor(kernel), padding="valid")
    return images
