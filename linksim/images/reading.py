"""Reads one picture file of any raster format that Pillow knows into 8-bit grey or RGB."""

import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from linksim.scenario.errors import InputError

_GREY_MODES = {"1", "L", "LA"}
_COLOUR_MODES = {"RGB", "RGBA", "RGBX", "P", "PA", "CMYK", "YCbCr"}
_VECTOR_FORMATS = {"EPS", "WMF"}  # Pillow would start Ghostscript, and their size in px is arbitrary.


def picture_extensions():
    """Lower-case file extensions, dot included, of the formats that Pillow reads."""
    return {suffix for suffix, name in Image.registered_extensions().items() if name in Image.OPEN}


def read_pixels(path):
    """Read the first frame of a picture file, upright as its EXIF orientation asks.

    Grey of 16 bits is scaled to 8 (65535 becomes 255), 1-bit pictures become 0 and 255, palettes,
    CMYK and YCbCr become RGB. An alpha channel is dropped when it is opaque everywhere. Colour
    profiles are not applied.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    ndarray
        `[H, W, C], uint8` with C = 1 for grey and 3 for colour.

    Raises
    ------
    InputError
        The file is broken, has transparent pixels, has more px than `PIL.Image.MAX_IMAGE_PIXELS`,
        is a vector picture, or holds samples without a known range (32-bit integers, floats, Lab).
    """
    with warnings.catch_warnings():
        # Pillow remarks on odd metadata; what makes a file unusable comes as an exception.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                if image.format in _VECTOR_FORMATS:
                    raise _refusal(path, f"{image.format} is a vector format", "save it as PNG")
                ImageOps.exif_transpose(image, in_place=True)
                return _to_uint8(image, path)
        except InputError:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            problem = f"it has more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million px"
            raise _refusal(path, problem, "scale it down or cut it") from error
        except UnidentifiedImageError as error:
            raise _refusal(path, "it is no picture that Pillow can read", "save it as PNG") from error
        except Exception as error:  # Pillow's decoders raise anything from SyntaxError to zlib.error.
            reason = getattr(error, "strerror", None) or error  # An OSError's text repeats the path.
            problem = f"the file is broken ({type(error).__name__}: {reason})"
            raise _refusal(path, problem, "replace or remove it") from error


def _refusal(path, problem, mend):
    return InputError(problem, file=str(path), mend=mend)


def _to_uint8(image, path):
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        # Netpbm's 16-bit samples come as mode I, already stretched to 0 … 65535.
        return ((np.asarray(image, np.uint32) + 128) // 257).astype(np.uint8)[..., None]
    if image.mode not in _GREY_MODES | _COLOUR_MODES:
        problem = f"pixels of Pillow's mode {image.mode} have no known 8-bit meaning"
        raise _refusal(path, problem, "save it as an 8-bit PNG")
    if image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255:
        raise _refusal(path, "it has transparent pixels", "flatten it onto a background")
    converted = image.convert("L" if image.mode in _GREY_MODES else "RGB")
    return np.asarray(converted).reshape(converted.height, converted.width, -1)
