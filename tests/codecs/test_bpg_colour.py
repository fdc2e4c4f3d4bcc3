"""BPG's colour conversion and resampling against known colours, scalar loops and hand-computed taps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linksim.codecs.bpg_colour import decimate, interpolate, planes_to_rgb, rgb_to_planes
from linksim.codecs.bpg_container import ColourSpace, PixelFormat

DOWN = (2, -4, -8, 17, 57, 57, 17, -8, -4, 2)
UP = (2, -6, 18, 57, -10, 4, -1)


def one_pixel(*colour):
    return np.array(colour, np.uint8).reshape(1, 1, 3)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [  # JFIF's full-range BT.601, as every table of it prints them
        ((0, 0, 0), (0, 128, 128)),
        ((255, 255, 255), (255, 128, 128)),
        ((255, 0, 0), (76, 85, 255)),
        ((0, 255, 0), (150, 44, 21)),
        ((0, 0, 255), (29, 255, 107)),
        ((128, 128, 128), (128, 128, 128)),
    ],
)
def test_known_colours(colour, expected):
    planes = rgb_to_planes(one_pixel(*colour), PixelFormat.YCC_444)
    assert tuple(int(plane[0, 0]) for plane in planes) == expected


def test_forward_is_bt601_rounded():
    image = np.random.default_rng(1).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    red, green, blue = np.moveaxis(image.astype(float), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    exact = [luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402]
    for plane, values in zip(rgb_to_planes(image, PixelFormat.YCC_444), exact):
        assert np.abs(plane - np.clip(values, 0, 255)).max() < 0.5 + 1e-4


@pytest.mark.parametrize(
    ("space", "of_red", "of_blue"),
    [
        (ColourSpace.BT601, 0.299, 0.114),
        (ColourSpace.BT709, 0.2126, 0.0722),
        (ColourSpace.BT2020, 0.2627, 0.0593),
    ],
)
@pytest.mark.parametrize("limited", [False, True])
def test_backward_is_the_inverse_matrix_rounded(space, of_red, of_blue, limited):
    planes = list(np.random.default_rng(2).integers(0, 256, (3, 150, 90)).astype(np.uint8))
    luma, cb, cr = (plane.astype(float) for plane in planes)
    if limited:
        luma, cb, cr = (luma - 16) * 255 / 219, (cb - 128) * 255 / 224, (cr - 128) * 255 / 224
    else:
        cb, cr = cb - 128, cr - 128
    red = luma + 2 * (1 - of_red) * cr
    blue = luma + 2 * (1 - of_blue) * cb
    green = (luma - of_red * red - of_blue * blue) / (1 - of_red - of_blue)
    exact = np.clip(np.stack([red, green, blue], axis=2), 0, 255)
    image = planes_to_rgb(planes, PixelFormat.YCC_444, space, limited)
    assert np.abs(image - exact).max() < 0.5 + 1e-3


def test_444_loses_at_most_two_steps():
    image = np.random.default_rng(3).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    planes = rgb_to_planes(image, PixelFormat.YCC_444)
    back = planes_to_rgb(planes, PixelFormat.YCC_444, ColourSpace.BT601, False)
    # Half a step of each plane times the matrix: at most 0.5 + 0.5 · 1.772 + 0.5.
    assert np.abs(back.astype(int) - image).max() <= 2


def test_gray_in_limited_range():
    plane = np.array([[0, 16, 125, 235, 255]], np.uint8)
    image = planes_to_rgb([plane], PixelFormat.GRAY, ColourSpace.BT601, True)
    assert image[0, :, 0].tolist() == [0, 0, 127, 255, 255]  # (125 − 16) · 255/219 = 126.9


def test_rgb_planes_are_stored_green_blue_red():
    planes = [np.full((1, 1), value, np.uint8) for value in (2, 3, 1)]
    assert planes_to_rgb(planes, PixelFormat.YCC_444, ColourSpace.RGB, False).ravel().tolist() == [1, 2, 3]


def test_interpolation_of_an_impulse_by_hand():
    plane = np.zeros((1, 1, 9), np.uint8)
    plane[0, 0, 4] = 64
    row = interpolate(plane, 1, 18, both_ways=False)[0, 0]
    # Sample 2i lies a quarter before chroma i: the impulse at 4 meets the taps backwards, clipped at 0.
    assert row[2:16:2].tolist() == [max(tap, 0) for tap in reversed(UP)]
    assert row[3:17:2].tolist() == [max(tap, 0) for tap in UP]


def test_decimation_of_an_impulse_by_hand():
    plane = np.zeros((1, 1, 24), np.uint8)
    plane[0, 0, 12] = 128
    row = decimate(plane, both_ways=False)[0, 0]
    # Output i covers the samples 2i − 4 … 2i + 5: those of 4 to 8 see sample 12 under taps 8, 6, 4, 2, 0.
    assert row.tolist() == [0, 0, 0, 0, 0, 17, 57, 0, 2, 0, 0, 0]


def clamp(index, length):
    return min(max(index, 0), length - 1)


def slow_decimate(plane, both_ways):
    """Decimate by scalar loops, straight from the specification."""
    height, width = len(plane), len(plane[0])
    across = [
        [
            sum(tap * row[clamp(2 * x - 4 + k, width)] for k, tap in enumerate(DOWN))
            for x in range((width + 1) // 2)
        ]
        for row in plane
    ]
    if not both_ways:
        return [[clamp((value + 64) >> 7, 256) for value in row] for row in across]
    across = [[(value + 1) >> 1 for value in row] for row in across]
    return [
        [
            clamp(
                (sum(tap * across[clamp(2 * y - 4 + k, height)][x] for k, tap in enumerate(DOWN)) + 4096)
                >> 13,
                256,
            )
            for x in range((width + 1) // 2)
        ]
        for y in range((height + 1) // 2)
    ]


def slow_interpolate(plane, height, width):
    """Interpolate both ways by scalar loops, straight from the specification."""
    rows, columns = len(plane), len(plane[0])

    def taps(index):
        return UP if index % 2 == 0 else UP[::-1]

    down = [
        [
            sum(tap * plane[clamp(y // 2 - 3 + k, rows)][x] for k, tap in enumerate(taps(y)))
            for x in range(columns)
        ]
        for y in range(height)
    ]
    return [
        [
            clamp(
                (sum(tap * row[clamp(x // 2 - 3 + k, columns)] for k, tap in enumerate(taps(x))) + 2048)
                >> 12,
                256,
            )
            for x in range(width)
        ]
        for row in down
    ]


@settings(max_examples=40)
@given(st.integers(1, 19), st.integers(1, 19), st.integers(0, 2**32 - 1), st.booleans())
def test_resampling_equals_scalar_loops(height, width, seed, both_ways):
    rng = np.random.default_rng(seed)
    plane = rng.choice(np.array([0, 255, 128, 77], np.uint8), (height, width))
    fast = decimate(plane[np.newaxis], both_ways)[0]
    assert fast.tolist() == slow_decimate(plane.tolist(), both_ways)
    half = rng.choice(np.array([0, 255, 128, 77], np.uint8), ((height + 1) // 2, (width + 1) // 2))
    assert interpolate(half[np.newaxis], height, width, True)[0].tolist() == slow_interpolate(
        half.tolist(), height, width
    )


@pytest.mark.parametrize("pixel_format", [PixelFormat.YCC_420, PixelFormat.YCC_422, PixelFormat.YCC_444])
def test_flat_colours_stay_flat(pixel_format):
    image = np.broadcast_to(np.array([200, 90, 30], np.uint8), (70, 13, 3))
    back = planes_to_rgb(rgb_to_planes(image, pixel_format), pixel_format, ColourSpace.BT601, False)
    assert np.abs(back.astype(int) - image).max() <= 1
    assert len(np.unique(back.reshape(-1, 3), axis=0)) == 1
