"""BPG (F. Bellard): an HEVC intra picture in a slim container, coded by x265 and decoded by FFmpeg."""

import av
import numpy as np

from linksim import __version__
from linksim.codecs.base import DecodeError, check_image
from linksim.codecs.bpg_colour import planes_to_rgb, rgb_to_planes
from linksim.codecs.bpg_container import BPGHeader, ColourSpace, PixelFormat, read_file, write_file
from linksim.codecs.hevc import (
    MIN_SIDE,
    PIXEL_FORMATS,
    X265_PARAMETERS,
    EncoderPool,
    EncoderSettings,
    decode_picture,
    x265_version,
)
from linksim.codecs.hevc_parameters import build_parameter_sets

CHROMA_FORMATS = {"4:2:0": PixelFormat.YCC_420, "4:4:4": PixelFormat.YCC_444}

_BLOCK, _BLOCK_OF_SLIVERS = 8, 16  # sides of the smallest coding block; below 16 pixels x265 takes only 16
_encoders = EncoderPool()


class BPG:
    """The BPG codec.

    Parameters
    ----------
    chroma : str
        `4:2:0` or `4:4:4`, for colour pictures.
    preset : str
        x265's preset, `medium` to `veryslow`.
    """

    qualities = tuple(range(51, -1, -1))
    """The slice QP; it is another scale than `bpgenc -q`."""

    def __init__(self, chroma: str = "4:2:0", preset: str = "slow"):
        self.chroma = chroma
        self.preset = preset
        self._last: tuple[np.ndarray, list[np.ndarray]] | None = None

    @property
    def identity(self) -> str:
        """Settings and versions: the bytes change between versions of x265."""
        return (
            f"bpg chroma={self.chroma} preset={self.preset} linksim={__version__} av={av.__version__} "
            f"x265={x265_version()} {X265_PARAMETERS}"
        )

    def encode(self, image: np.ndarray, quality: int) -> bytes:
        """Code a picture.

        Parameters
        ----------
        image : uint8 [H, W, C]
            C = 3 for RGB, 1 for gray.
        quality : int
            The slice QP, from 51 (smallest file) to 0.

        Returns
        -------
        bytes
            A BPG file; the same picture and quality always give the same bytes.
        """
        check_image(image)
        pixel_format = PixelFormat.GRAY if image.shape[2] == 1 else CHROMA_FORMATS[self.chroma]
        planes = self._planes(image, pixel_format)
        return encode_planes(planes, pixel_format, ColourSpace.BT601, quality, self.preset)

    def _planes(self, image: np.ndarray, pixel_format: PixelFormat) -> list[np.ndarray]:
        # A rate search codes one picture many times; converting it takes a quarter as long as coding it.
        last = self._last
        if last is None or not np.array_equal(last[0], image):
            image = image.copy()  # gray planes are views
            self._last = last = image, rgb_to_planes(image, pixel_format)
        return last[1]

    def decode(self, data: bytes) -> np.ndarray:
        """Decode a BPG file, one of libbpg's included.

        Parameters
        ----------
        data : bytes
            A still picture of 8 bits a sample without alpha. Zero bytes behind it do no harm.

        Returns
        -------
        uint8 array [H, W, C]
            C = 3 for RGB, 1 for gray.

        Raises
        ------
        DecodeError
            The file is damaged, or uses what this reader does not support. Most damage goes unseen and
            gives a wrong picture: only a checksum around the file tells.
        """
        header, picture = read_file(data)
        _refuse_unsupported(header)
        width, height = header.parameters.coded_size(header.width, header.height)
        sets = build_parameter_sets(header.parameters, header.pixel_format, header.bit_depth, width, height)
        stream = sets + b"\x00\x00\x00\x01" + picture
        planes = decode_picture(stream, header.pixel_format, width, height)
        return planes_to_rgb(
            _crop(planes, header), header.pixel_format, header.colour_space, header.limited_range
        )


def encode_planes(
    planes: list[np.ndarray], pixel_format: PixelFormat, colour_space: ColourSpace, qp: int, preset: str
) -> bytes:
    """Code planes that are already in BPG's colour space, in full range.

    Parameters
    ----------
    planes : list of uint8 arrays
        Luma `[H, W]`, and unless gray two chroma planes, `⌈n/2⌉` where subsampled.
    pixel_format : PixelFormat
        `GRAY`, `YCC_420`, `YCC_422` or `YCC_444`.
    colour_space : ColourSpace
        What the planes are; it is only written down.
    qp : int
        The slice QP, 0…51.
    preset : str
        x265's preset.

    Returns
    -------
    bytes
        A BPG file.
    """
    height, width = planes[0].shape
    block = _BLOCK if min(height, width) >= MIN_SIDE else _BLOCK_OF_SLIVERS
    coded_height, coded_width = -(-height // block) * block, -(-width // block) * block
    padded = [
        _pad(plane, coded_height >> down, coded_width >> across)
        for plane, (down, across) in zip(planes, _subsampling(pixel_format))
    ]
    settings = EncoderSettings(PIXEL_FORMATS[pixel_format], coded_width, coded_height, block, qp, preset)
    coded = _encoders.encode(padded, settings)
    if coded.parameters.coded_size(width, height) != (coded_width, coded_height):
        raise RuntimeError("x265 chose other coding blocks than the picture was padded for")
    header = BPGHeader(width, height, pixel_format, colour_space, False, 8, coded.parameters)
    return write_file(header, coded.pps + b"\x00\x00\x01" + coded.slice)


def _refuse_unsupported(header: BPGHeader) -> None:
    if header.bit_depth != 8:
        raise DecodeError(f"BPG files of {header.bit_depth} bits a sample are not supported")
    if header.pixel_format in (PixelFormat.YCC_420_MPEG2, PixelFormat.YCC_422_MPEG2):
        raise DecodeError("BPG files with the chroma positions of MPEG-2 are not supported")
    if header.colour_space in (ColourSpace.RGB, ColourSpace.YCGCO) and header.limited_range:
        raise DecodeError("BPG files with RGB or YCgCo in limited range are not supported")
    if header.colour_space is ColourSpace.RGB and header.pixel_format is not PixelFormat.YCC_444:
        raise DecodeError("BPG files with subsampled RGB are not supported")


def _subsampling(pixel_format: PixelFormat) -> list[tuple[int, int]]:
    chroma = {PixelFormat.YCC_420: (1, 1), PixelFormat.YCC_422: (0, 1)}.get(pixel_format, (0, 0))
    return [(0, 0), chroma, chroma]


def _pad(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = plane.shape
    if (rows, columns) == (height, width):
        return plane
    return np.pad(plane, ((0, height - rows), (0, width - columns)), mode="edge")


def _crop(planes: list[np.ndarray], header: BPGHeader) -> list[np.ndarray]:
    return [
        plane[: -(-header.height >> down), : -(-header.width >> across)]
        for plane, (down, across) in zip(planes, _subsampling(header.pixel_format))
    ]
