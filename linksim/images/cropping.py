"""The centre crop: scale a picture until it just covers the crop, then cut what stands out."""

import warnings

import numpy as np
from PIL import Image

from linksim.images.picture import Picture


def cover_crop(picture, size):
    """Scale a picture to cover `size`, keeping its aspect, and cut the centre.

    A picture that covers the crop at scale 1 is cut without resampling; otherwise Pillow's Lanczos
    filter, which averages over the whole footprint when it scales down, resamples once.

    Parameters
    ----------
    picture : Picture
        `[H, W, C]`.
    size : (int, int) or None
        Height and width in px; None returns the picture as it is.

    Returns
    -------
    Picture
        `[*size, C]`.

    Warns
    -----
    UserWarning
        The picture is smaller than the crop and was scaled up.
    """
    if size is None:
        return picture
    pixels = _resample(picture.pixels, size)
    scale = _scale(picture.pixels.shape, size)
    if scale > 1:
        before, after = ("×".join(map(str, shape[:2])) for shape in (picture.pixels.shape, size))
        warnings.warn(
            f"{picture.name}: {before} px is smaller than the crop {after}; it was scaled up by {scale:.3g}",
            UserWarning,
            stacklevel=2,
        )
    return Picture(picture.name, pixels, picture.label)


def _scale(shape, size):
    return max(size[0] / shape[0], size[1] / shape[1])


def _resample(pixels, size):
    height, width = size
    scale = _scale(pixels.shape, size)
    if scale == 1:
        top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
        return pixels[top : top + height, left : left + width].copy()  # a view would keep all of them
    # The part that remains, in source px; it may begin between two px, as the filter allows that.
    kept_height, kept_width = min(height / scale, pixels.shape[0]), min(width / scale, pixels.shape[1])
    top, left = (pixels.shape[0] - kept_height) / 2, (pixels.shape[1] - kept_width) / 2
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    box = (left, top, left + kept_width, top + kept_height)
    resized = image.resize((width, height), Image.Resampling.LANCZOS, box=box)
    return np.asarray(resized).reshape(height, width, -1)
