"""SSIM against scikit-image, a closed form and its symmetries."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from linksim.metrics.ssim import ssim


def noisy_pair(shape, seed):
    """A smooth picture and the same with noise, so that the map spans a wide range."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    smooth = 128 + 100 * np.sin(rows / 9)[..., None] * np.cos(columns[..., None] / 7 + np.arange(shape[2]))
    noise = random.normal(0, 1, shape) * (columns / shape[1] * 60)[..., None]
    return smooth.astype(np.uint8), np.clip(smooth + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(64, 48, 3), (11, 11, 3), (33, 90, 1), (200, 301, 3)])
def test_agrees_with_scikit_image(shape):
    reference, received = noisy_pair(shape, seed=shape[0])
    expected = structural_similarity(
        reference,
        received,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
    )
    assert ssim(reference, received) == pytest.approx(expected, abs=1e-9)


def test_flat_pictures_leave_only_the_luminance_term():
    reference, received = (np.full((16, 16, 3), level, np.uint8) for level in (100, 150))
    c1 = 2.55**2
    luminance = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim(reference, received) == pytest.approx(luminance, abs=1e-12)


def test_identical_pictures_score_one_and_order_does_not_matter():
    reference, received = noisy_pair((40, 40, 3), seed=3)
    assert ssim(reference, reference) == 1.0
    assert ssim(reference, received) == pytest.approx(ssim(received, reference), abs=1e-12)


@pytest.mark.parametrize("shape", [(10, 40, 3), (40, 10, 1)])
def test_empty_where_the_window_does_not_fit(shape):
    assert ssim(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)) is None
