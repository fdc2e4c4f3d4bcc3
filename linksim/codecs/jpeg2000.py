"""JPEG 2000 by Pillow (OpenJPEG): bare codestreams, 9/7 wavelet, one layer at a target compression ratio."""

from io import BytesIO

import numpy as np
import PIL
from PIL import features

from linksim.codecs.base import check_image
from linksim.codecs.pillow import decode_with_pillow, to_pillow

HIGHEST_QUALITY = 160
STEPS_PER_OCTAVE = 16

_RESOLUTIONS = 6
_COMMENT = " "  # the shortest there is: without one OpenJPEG spends 32 more bytes on its own name


class JPEG2000:
    """The JPEG 2000 codec (ITU-T T.800).

    Quality q asks for the compression ratio 2^((160 − q)/16) of the 8-bit samples: 1024 at q = 0, 4 at
    q = 128, and each step makes the file about 4.4% larger. The header counts, so a tiny picture stays above
    its target at high ratios. At q = 160, ratio 1, nothing is cut off.
    """

    qualities = tuple(range(HIGHEST_QUALITY + 1))

    @property
    def identity(self) -> str:
        """Settings and versions."""
        return f"jpeg2000 rates pillow={PIL.__version__} openjpeg={features.version('jpg_2000')}"

    def encode(self, image: np.ndarray, quality: int) -> bytes:
        """Code a picture, uint8 `[H, W, C]` with C = 1 or 3, at a quality of the class's scale."""
        check_image(image)
        ratio = 2 ** ((HIGHEST_QUALITY - quality) / STEPS_PER_OCTAVE)
        # A wavelet level needs two samples to halve.
        resolutions = min(_RESOLUTIONS, min(image.shape[:2]).bit_length())
        out = BytesIO()
        to_pillow(image).save(
            out,
            "JPEG2000",
            no_jp2=True,
            irreversible=True,
            quality_mode="rates",
            quality_layers=[ratio],
            num_resolutions=resolutions,
            comment=_COMMENT,
        )
        return out.getvalue()

    def decode(self, data: bytes) -> np.ndarray:
        """Decode to uint8 `[H, W, C]`; damaged data give a picture or raise `DecodeError`."""
        return decode_with_pillow(data, "JPEG2000")
