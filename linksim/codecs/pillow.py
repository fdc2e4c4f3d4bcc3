"""Pictures between numpy and Pillow, for the codecs that Pillow brings."""

from io import BytesIO

import numpy as np
from PIL import Image

from linksim.codecs.base import DecodeError, check_size

_CHANNELS = {"L": 1, "RGB": 3}


def to_pillow(image: np.ndarray) -> Image.Image:
    """Return uint8 `[H, W, 1 or 3]` as a Pillow picture of mode L or RGB."""
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def from_pillow(picture: Image.Image) -> np.ndarray:
    """Return a Pillow picture of mode L or RGB as uint8 `[H, W, 1 or 3]`."""
    return np.array(picture).reshape(picture.height, picture.width, _CHANNELS[picture.mode])


def decode_with_pillow(data: bytes, file_format: str) -> np.ndarray:
    """Decode a file of one format.

    Parameters
    ----------
    data : bytes
        The file.
    file_format : str
        Pillow's name of the only format to try.

    Returns
    -------
    uint8 array [H, W, C]
        C = 3 or 1.

    Raises
    ------
    DecodeError
        The data are damaged, too large, or neither RGB nor gray.
    """
    try:
        with Image.open(BytesIO(data), formats=[file_format]) as picture:
            check_size(picture.width, picture.height)
            if picture.mode not in _CHANNELS:
                raise DecodeError(f"the {file_format} file holds a picture of mode {picture.mode}")
            return from_pillow(picture)
    except DecodeError:
        raise
    except Exception as error:  # Pillow's parsers meet damage with OSError, SyntaxError, KeyError, …
        raise DecodeError(f"the {file_format} file is damaged: {error}") from error
