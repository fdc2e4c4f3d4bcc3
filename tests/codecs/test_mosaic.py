"""Mosaics: their grid, their order, their padding."""

import numpy as np
import pytest

from linksim.codecs.mosaic import tile, untile


@pytest.mark.parametrize(
    ("count", "rows", "columns"),
    [(1, 1, 1), (2, 1, 2), (3, 2, 2), (4, 2, 2), (5, 2, 3), (7, 3, 3), (64, 8, 8), (65, 8, 9)],
)
def test_grid_and_round_trip(count, rows, columns):
    images = np.random.default_rng(count).integers(0, 256, (count, 3, 5, 3)).astype(np.uint8)
    mosaic = tile(images)
    assert mosaic.shape == (rows * 3, columns * 5, 3)
    np.testing.assert_array_equal(untile(mosaic, count, 3, 5), images)


def test_order_and_padding_by_hand():
    images = np.array([10, 20, 30, 40, 50], np.uint8).reshape(5, 1, 1, 1)
    assert tile(images)[:, :, 0].tolist() == [[10, 20, 30], [40, 50, 128]]
