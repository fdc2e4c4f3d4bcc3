"""Baseline JPEG by Pillow (libjpeg-turbo), with Huffman tables optimised for each picture."""

from io import BytesIO

import numpy as np
import PIL
from PIL import features

from linksim.codecs.base import check_image
from linksim.codecs.pillow import decode_with_pillow, to_pillow


class JPEG:
    """The JPEG codec (ITU-T T.81).

    Parameters
    ----------
    subsampling : str
        Chroma sampling of colour pictures, `4:2:0` or `4:4:4`.
    """

    qualities = tuple(range(1, 96))
    """libjpeg's quality, 1…95; above 95 files grow and pictures hardly improve."""

    def __init__(self, subsampling: str = "4:2:0"):
        self.subsampling = subsampling

    @property
    def identity(self) -> str:
        """Settings and versions."""
        return (
            f"jpeg subsampling={self.subsampling} optimize pillow={PIL.__version__} "
            f"libjpeg={features.version('jpg')} turbo={features.version('libjpeg_turbo')}"
        )

    def encode(self, image: np.ndarray, quality: int) -> bytes:
        """Code a picture, uint8 `[H, W, C]` with C = 1 or 3, at libjpeg's quality."""
        check_image(image)
        out = BytesIO()
        subsampling = self.subsampling if image.shape[2] == 3 else "4:4:4"
        to_pillow(image).save(out, "JPEG", quality=quality, optimize=True, subsampling=subsampling)
        return out.getvalue()

    def decode(self, data: bytes) -> np.ndarray:
        """Decode to uint8 `[H, W, C]`; damaged data give a picture or raise `DecodeError`."""
        return decode_with_pillow(data, "JPEG")
