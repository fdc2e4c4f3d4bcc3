"""BPG's colour conversion and chroma resampling in integers, bit by bit those of libbpg.

The forward way is BT.601 in full range, rounded from 23 fraction bits; the way back has 22 fraction bits.
Chroma of 4:2:0 lies between four luma samples (as in JPEG), of 4:2:2 between two; its size is ⌈n/2⌉.
"""

from itertools import pairwise

import numpy as np

from linksim.codecs.bpg_container import ColourSpace, PixelFormat

LUMA_WEIGHTS = {
    ColourSpace.BT601: (0.299, 0.114),
    ColourSpace.BT709: (0.2126, 0.0722),
    ColourSpace.BT2020: (0.2627, 0.0593),
}
"""Weights of red and blue in luma."""

_FORWARD_BITS, _BACKWARD_BITS = 23, 22
_CHROMA_CENTRE = 128
_CENTRES = (0, _CHROMA_CENTRE, _CHROMA_CENTRE)
_BAND_ROWS = 64

_DECIMATION = (2, -4, -8, 17, 57, 57, 17, -8, -4, 2)  # of 128, around the middle of two samples
_INTERPOLATION = (2, -6, 18, 57, -10, 4, -1)  # of 64, a quarter sample before the fourth tap


def _forward_weights() -> list[tuple[int, ...]]:
    of_red, of_blue = LUMA_WEIGHTS[ColourSpace.BT601]
    luma = np.array([of_red, 1 - of_red - of_blue, of_blue])
    cb = (np.array([0, 0, 1]) - luma) / (2 * (1 - of_blue))
    cr = (np.array([1, 0, 0]) - luma) / (2 * (1 - of_red))
    return [tuple(int(weight) for weight in np.rint(row * (1 << _FORWARD_BITS))) for row in (luma, cb, cr)]


_FORWARD_WEIGHTS = _forward_weights()


def rgb_to_planes(image: np.ndarray, pixel_format: PixelFormat) -> list[np.ndarray]:
    """Convert a picture to the planes that BPG codes, in BT.601 full range.

    Parameters
    ----------
    image : uint8 [H, W, 3] or [H, W, 1]
        RGB, or gray for `PixelFormat.GRAY`.
    pixel_format : PixelFormat
        `GRAY`, `YCC_420`, `YCC_422` or `YCC_444`.

    Returns
    -------
    list of uint8 arrays
        Luma `[H, W]`, and unless gray Cb and Cr, subsampled as the format says.
    """
    if pixel_format is PixelFormat.GRAY:
        return [image[:, :, 0]]
    planes = np.empty((3, *image.shape[:2]), np.uint8)
    for rows in _bands(len(image)):
        red, green, blue = (image[rows, :, channel].astype(np.int32) for channel in range(3))
        for plane, (of_red, of_green, of_blue), centre in zip(planes, _FORWARD_WEIGHTS, _CENTRES):
            total = of_red * red + of_green * green + of_blue * blue + (1 << _FORWARD_BITS - 1)
            plane[rows] = _to_bytes((total >> _FORWARD_BITS) + centre)
    if pixel_format is PixelFormat.YCC_444:
        return [*planes]
    return [planes[0], *decimate(planes[1:], both_ways=pixel_format is PixelFormat.YCC_420)]


def planes_to_rgb(
    planes: list[np.ndarray], pixel_format: PixelFormat, colour_space: ColourSpace, limited_range: bool
) -> np.ndarray:
    """Convert decoded planes to a picture.

    Parameters
    ----------
    planes : list of uint8 arrays
        Luma `[H, W]`, and unless gray two chroma planes, subsampled as the format says.
    pixel_format : PixelFormat
        `GRAY`, `YCC_420`, `YCC_422` or `YCC_444`.
    colour_space : ColourSpace
        What the planes are.
    limited_range : bool
        Luma in 16…235 and chroma in 16…240 instead of 0…255; not for `RGB` and `YCGCO`.

    Returns
    -------
    uint8 array [H, W, 3], or [H, W, 1] for gray
    """
    height, width = planes[0].shape
    if pixel_format is PixelFormat.GRAY:
        luma = planes[0][:, :, np.newaxis]
        return _rounded(_luma_gain(True) * (luma.astype(np.int64) - 16)) if limited_range else luma.copy()
    if pixel_format in (PixelFormat.YCC_420, PixelFormat.YCC_422):
        both_ways = pixel_format is PixelFormat.YCC_420
        planes = [planes[0], *interpolate(np.stack(planes[1:]), height, width, both_ways)]
    if colour_space is ColourSpace.RGB:
        green, blue, red = planes
        return np.stack([red, green, blue], axis=2)
    image = np.empty((height, width, 3), np.uint8)
    for rows in _bands(height):
        # Limited range stretches the samples beyond what 32 bits hold at 22 fraction bits.
        band = [plane[rows].astype(np.int64 if limited_range else np.int32) for plane in planes]
        if colour_space is ColourSpace.YCGCO:
            image[rows] = _from_ycgco(*band)
        else:
            image[rows] = _from_ycbcr(*band, colour_space, limited_range)
    return image


def decimate(planes: np.ndarray, both_ways: bool) -> np.ndarray:
    """Halve chroma planes, uint8 `[P, H, W]`, to `[P, H, ⌈W/2⌉]`, or `[P, ⌈H/2⌉, ⌈W/2⌉]` with `both_ways`."""
    total = _decimate_columns(planes.astype(np.int32))
    if not both_ways:
        return _to_bytes((total + 64) >> 7)
    total = _decimate_columns(((total + 1) >> 1).swapaxes(1, 2)).swapaxes(1, 2)
    return _to_bytes((total + 4096) >> 13)


def interpolate(planes: np.ndarray, height: int, width: int, both_ways: bool) -> np.ndarray:
    """Double chroma planes, uint8 `[P, rows, columns]`, to `[P, height, width]`.

    Without `both_ways` only the columns are doubled and the rows are as many as `height` already.
    """
    total = planes.astype(np.int32)
    if both_ways:
        total = _interpolate_columns(total.swapaxes(1, 2), height).swapaxes(1, 2)
    total = _interpolate_columns(total, width)
    shift = 12 if both_ways else 6
    return _to_bytes((total + (1 << shift - 1)) >> shift)


def _decimate_columns(planes: np.ndarray) -> np.ndarray:
    half = -(-planes.shape[2] // 2)
    replicated = _replicate_edges(planes, 4, 2 * half + 5)
    out = np.zeros((*planes.shape[:2], half), np.int32)
    for start, tap in enumerate(_DECIMATION):
        out += tap * replicated[:, :, start : start + 2 * half : 2]
    return out


def _interpolate_columns(planes: np.ndarray, width: int) -> np.ndarray:
    half = planes.shape[2]
    replicated = _replicate_edges(planes, 3, half + 3)
    out = np.zeros((*planes.shape[:2], 2 * half), np.int32)
    for start, tap in enumerate(_INTERPOLATION):
        mirrored = len(_INTERPOLATION) - 1 - start
        out[:, :, 0::2] += tap * replicated[:, :, start : start + half]
        out[:, :, 1::2] += tap * replicated[:, :, mirrored : mirrored + half]
    return out[:, :, :width]


def _replicate_edges(planes: np.ndarray, before: int, end: int) -> np.ndarray:
    # Taking columns by index is several times faster than np.pad on the small pictures of fast studies.
    return planes[:, :, np.arange(-before, end).clip(0, planes.shape[2] - 1)]


def _luma_gain(limited_range: bool) -> int:
    return round((255 / 219 if limited_range else 1) * (1 << _BACKWARD_BITS))


def _from_ycbcr(luma, cb, cr, colour_space, limited_range):
    of_red, of_blue = LUMA_WEIGHTS[colour_space]
    of_green = 1 - of_red - of_blue
    gain = (255 / 224 if limited_range else 1) * (1 << _BACKWARD_BITS)
    red_of_cr = round(2 * (1 - of_red) * gain)
    blue_of_cb = round(2 * (1 - of_blue) * gain)
    green_of_cb = round(2 * of_blue * (1 - of_blue) / of_green * gain)
    green_of_cr = round(2 * of_red * (1 - of_red) / of_green * gain)
    luma = _luma_gain(limited_range) * (luma - (16 if limited_range else 0))
    cb = cb - _CHROMA_CENTRE
    cr = cr - _CHROMA_CENTRE
    return np.stack(
        [
            _rounded(luma + red_of_cr * cr),
            _rounded(luma - green_of_cb * cb - green_of_cr * cr),
            _rounded(luma + blue_of_cb * cb),
        ],
        axis=2,
    )


def _from_ycgco(luma, cg, co):
    cg = cg - _CHROMA_CENTRE
    co = co - _CHROMA_CENTRE
    rest = luma - cg
    return _to_bytes(np.stack([rest + co, luma + cg, rest - co], axis=2))


def _rounded(total: np.ndarray) -> np.ndarray:
    return _to_bytes((total + (1 << _BACKWARD_BITS - 1)) >> _BACKWARD_BITS)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    # Twice as fast as np.clip on a picture of 32×32.
    return np.maximum(np.minimum(values, 255), 0).astype(np.uint8)


def _bands(rows: int) -> list[slice]:
    # Bands keep the wide intermediate integers in the processor's cache and out of the memory's limits.
    return [slice(top, bottom) for top, bottom in pairwise([*range(0, rows, _BAND_ROWS), rows])]
