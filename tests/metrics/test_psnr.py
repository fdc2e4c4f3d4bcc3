"""PSNR against cases computed by hand."""

import math

import numpy as np
import pytest

from linksim.metrics.psnr import psnr_db


def picture(*samples):
    return np.array(samples, np.uint8).reshape(1, 1, -1)


@pytest.mark.parametrize(
    ("reference", "received", "expected"),
    [
        (picture(0, 0, 0), picture(255, 255, 255), 0.0),
        (picture(10, 20, 30), picture(10, 20, 30), 100.0),
        (picture(10, 20, 30), picture(11, 19, 31), 48.13080360867910),  # 20·log10(255)
        (picture(255, 0, 0), picture(0, 0, 0), 10 * math.log10(3)),  # one of three samples
        (picture(0), picture(10), 28.13080360867910),  # 20·log10(25.5)
    ],
)
def test_hand_computed(reference, received, expected):
    assert psnr_db(reference, received) == pytest.approx(expected, abs=1e-12)


def test_one_wrong_level_in_a_large_picture_is_not_rounded_away():
    reference = np.full((1000, 1000, 3), 255, np.uint8)
    received = reference.copy()
    received[0, 0, 0] = 254
    assert psnr_db(reference, received) == pytest.approx(10 * math.log10(255**2 * 3e6), abs=1e-9)


def test_symmetric():
    a, b = np.random.default_rng(1).integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)
    assert psnr_db(a, b) == psnr_db(b, a)
