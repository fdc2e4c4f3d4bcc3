"""The distortion measures against the metrics of the evaluation, and their gradients."""

import numpy as np
import pytest
import tensorflow as tf

from linksim.images.photos import photograph
from linksim.metrics.ms_ssim import ms_ssim as measured_ms_ssim
from linksim.metrics.psnr import psnr_db
from linksim.training.distortion import DISTORTIONS, ms_ssim, mse

SIZES = [(192, 192), (192, 256), (176, 208)]  # multiples of 16: no scale has an odd side


def pairs(height, width):
    """Original and received pictures, uint8: mild noise, strong noise, a shift of brightness."""
    pixels = photograph("astronaut").pixels[:height, :width].astype(float)
    rng = np.random.default_rng(1)
    noise = rng.normal(size=pixels.shape)
    received = [pixels + 5 * noise, pixels + 40 * noise, 0.8 * pixels + 20]
    return pixels.astype(np.uint8), [np.clip(np.round(x), 0, 255).astype(np.uint8) for x in received]


def scaled(*pictures):
    return [x[None].astype(np.float32) / 255 for x in pictures]


@pytest.mark.parametrize("size", SIZES)
def test_ms_ssim_is_the_metric(size):
    """To 1e-4 of it, in float32."""
    original, received = pairs(*size)
    for picture in received:
        (found,) = np.asarray(ms_ssim(*scaled(original, picture)))
        assert found == pytest.approx(1 - measured_ms_ssim(original, picture), abs=1e-4)


def test_mse_is_the_metric_for_each_picture():
    original, received = pairs(32, 48)
    batch = np.stack(received).astype(np.float32) / 255
    found = mse(np.broadcast_to(original.astype(np.float32) / 255, batch.shape), batch)
    expected = [255.0**2 / 10 ** (psnr_db(original, picture) / 10) for picture in received]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_pictures_of_a_batch_do_not_mix(name):
    original, received = pairs(176, 176)
    batch = np.stack(received).astype(np.float32) / 255
    together = DISTORTIONS[name](np.broadcast_to(original.astype(np.float32) / 255, batch.shape), batch)
    alone = [DISTORTIONS[name](*scaled(original, picture))[0] for picture in received]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_identical_pictures_have_none(name):
    (same,) = scaled(pairs(176, 176)[0])
    np.testing.assert_allclose(DISTORTIONS[name](same, same), 0, atol=1e-5)


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("kind", ["noisy", "identical", "inverted", "flat"])
def test_gradients_are_finite_and_lead_down(name, kind):
    """Also where structure terms vanish or are negative, whose powers have no slope there."""
    original, (_, strong, _) = pairs(176, 176)
    received = {
        "noisy": strong,
        "identical": original,
        "inverted": 255 - original,
        "flat": np.full_like(original, 128),
    }[kind]
    images, pictures = scaled(original, received)
    variable = tf.Variable(pictures)

    def measure():
        return DISTORTIONS[name](images, variable)[0]

    with tf.GradientTape() as tape:
        before = measure()
    gradient = tape.gradient(before, variable)
    assert np.isfinite(gradient).all()
    if kind == "noisy":
        variable.assign_sub(1e-2 * gradient / tf.norm(gradient))
        assert measure() < before
