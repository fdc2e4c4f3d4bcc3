"""Picture metrics and codecs against other implementations."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from linksim.images.photos import photograph
from linksim.metrics.psnr import psnr_db
from linksim.metrics.ssim import ssim


@pytest.fixture(scope="module")
def pair():
    """A photograph and a noisy copy, uint8."""
    image = photograph("coffee", (192, 256)).pixels
    noise = np.random.default_rng(8).normal(0, 12, image.shape)
    return image, np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def test_psnr(pair, verified):
    expected = peak_signal_noise_ratio(*pair, data_range=255)
    verified("PSNR, dB", "scikit-image", expected, psnr_db(*pair), 1e-6, digits=8)


def test_ssim(pair, verified):
    # linksim keeps the places where the whole window fits, as Wang et al. do.
    _, full = structural_similarity(
        *pair,
        channel_axis=-1,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    verified("SSIM", "scikit-image", full[5:-5, 5:-5].mean(), ssim(*pair), 1e-4, digits=6)
