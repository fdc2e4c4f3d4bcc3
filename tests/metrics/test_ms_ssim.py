"""MS-SSIM against a plain two-dimensional implementation and stored values of TensorFlow's."""

import numpy as np
import pytest
from scipy.signal import convolve2d

from linksim.images.photos import photograph
from linksim.metrics.ms_ssim import ms_ssim, ssim_and_ms_ssim
from linksim.metrics.ssim import ssim


def plain_ms_ssim(reference, received):
    """The 2003 paper written down line by line with full two-dimensional convolutions."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    scores = []
    for channel in range(reference.shape[2]):
        x, y = reference[..., channel].astype(float), received[..., channel].astype(float)
        score = 1.0
        for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            mean_x, mean_y, xx, yy, xy = (convolve2d(v, window, "valid") for v in (x, y, x * x, y * y, x * y))
            var_x, var_y, cov = xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y
            cs = (2 * cov + 7.65**2) / (var_x + var_y + 7.65**2)
            luminance = (2 * mean_x * mean_y + 2.55**2) / (mean_x**2 + mean_y**2 + 2.55**2)
            score *= max(0.0, (cs * luminance if scale == 4 else cs).mean()) ** weight
            x, y = halved(x), halved(y)
        scores.append(score)
    return np.mean(scores)


def halved(plane):
    height, width = plane.shape
    out = np.empty(((height + 1) // 2, (width + 1) // 2))
    for row, column in np.ndindex(out.shape):
        rows = [2 * row, min(2 * row + 1, height - 1)]
        columns = [2 * column, min(2 * column + 1, width - 1)]
        out[row, column] = plane[np.ix_(rows, columns)].mean()
    return out


@pytest.mark.parametrize("shape", [(176, 176, 3), (177, 203, 1)])
def test_agrees_with_the_plain_implementation(shape):
    random = np.random.default_rng(5)
    reference = np.cumsum(random.normal(0, 6, shape), axis=1).clip(-128, 127) + 128
    received = (reference + random.normal(0, 25, shape)).clip(0, 255)
    reference, received = reference.astype(np.uint8), received.astype(np.uint8)
    assert ms_ssim(reference, received) == pytest.approx(plain_ms_ssim(reference, received), abs=1e-10)


@pytest.mark.parametrize(("name", "expected"), [("chelsea", 0.9332159), ("coffee", 0.9365828)])
def test_agrees_with_tensorflow(name, expected):
    """Values of tf.image.ssim_multiscale (TensorFlow 2, which works in float32) for 8-level pictures."""
    reference = photograph(name).pixels
    assert ms_ssim(reference, reference // 32 * 32 + 16) == pytest.approx(expected, abs=5e-6)


def test_identical_pictures_score_one_and_order_does_not_matter():
    reference, received = np.random.default_rng(0).integers(0, 256, (2, 180, 190, 3), dtype=np.uint8)
    assert ms_ssim(reference, reference) == 1.0
    assert ms_ssim(reference, received) == pytest.approx(ms_ssim(received, reference), abs=1e-12)


def test_anticorrelated_picture_scores_zero():
    reference = np.random.default_rng(0).integers(0, 256, (176, 176, 1), dtype=np.uint8)
    assert ms_ssim(reference, 255 - reference) == 0.0


@pytest.mark.parametrize("shape", [(175, 400, 3), (400, 175, 3)])
def test_empty_below_176(shape):
    assert ms_ssim(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)) is None


def test_both_indices_together_are_those_taken_apart():
    rng = np.random.default_rng(3)
    for side in (32, 180):
        original = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
        received = (original // 2 + rng.integers(0, 120, original.shape)).astype(np.uint8)
        assert ssim_and_ms_ssim(original, received) == (ssim(original, received), ms_ssim(original, received))
