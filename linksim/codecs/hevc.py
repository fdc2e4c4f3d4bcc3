"""HEVC intra pictures through PyAV: x265 encoders that stay open, and a decoder that survives damage."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from threading import Lock

import av
import numpy as np

from linksim.codecs.base import MAX_PIXELS, DecodeError
from linksim.codecs.bitstream import split_nal_units
from linksim.codecs.hevc_parameters import (
    IDR_TYPES,
    PPS,
    SPS,
    SequenceParameters,
    nal_unit_type,
    parse_sps,
)
from linksim.codecs.hevc_slice import normalise_slice

X265_PARAMETERS = (
    "keyint=1:min-keyint=1:bframes=0:open-gop=0:scenecut=0:rc-lookahead=0:lookahead-slices=0:"
    "repeat-headers=1:aud=0:info=0:hrd=0:annexb=1:log-level=none:frame-threads=1:wpp=0:pools=none:"
    "aq-mode=0:cutree=0:psy-rd=0:psy-rdoq=0:cbqpoffs=0:crqpoffs=0:scaling-list=off:signhide=1:ipratio=1.0"
)
"""Settings of every picture, beside `qp`.

`ipratio=1.0` makes `qp` the slice's QP: by default x265 codes intra slices three below it. Adaptive
quantisation and the psychovisual tools trade PSNR for looks; left on, the latter cost 16% rate at equal PSNR.
"""

PIXEL_FORMATS = ("gray", "yuv420p", "yuv422p", "yuv444p")
"""FFmpeg's names of 8-bit planes, indexed by HEVC's chroma format."""

MIN_SIDE = 16
"""x265 takes no smaller picture."""

_SMALL_PICTURE = 128 * 128
_OPEN_ENCODERS = 64


@dataclass(frozen=True)
class EncoderSettings:
    """What an encoder is opened for.

    Parameters
    ----------
    pixel_format : str
        One of `PIXEL_FORMATS`.
    width, height : int
        The coded size in pixels, whole coding blocks.
    min_coding_block : int
        Side of the smallest coding block, 8 or 16.
    qp : int
        The slice QP, 0…51.
    preset : str
        x265's preset.
    """

    pixel_format: str
    width: int
    height: int
    min_coding_block: int
    qp: int
    preset: str


@dataclass(frozen=True)
class CodedPicture:
    """One picture: its SPS in fields, its other NAL units in bytes without start codes."""

    parameters: SequenceParameters
    pps: bytes
    slice: bytes


class EncoderPool:
    """Encodes single pictures and keeps the encoders of small ones open.

    Opening x265 takes longer than coding a picture of 32×32, and an open encoder takes some megabytes, so
    the least recently used one is closed when too many are open. A thread takes its encoder out of the pool
    while it works: threads never share one, and none waits for another's picture.

    Parameters
    ----------
    size : int
        Encoders kept open.
    """

    def __init__(self, size: int = _OPEN_ENCODERS):
        self._size = size
        self._idle: OrderedDict[EncoderSettings, _Encoder] = OrderedDict()
        self._lock = Lock()

    def encode(self, planes: list[np.ndarray], settings: EncoderSettings) -> CodedPicture:
        """Encode the planes, uint8 `[rows, columns]` each and as large as the settings say."""
        with self._lock:
            encoder = self._idle.pop(settings, None)
        encoder = encoder or _Encoder(settings)
        coded = encoder.encode(planes)
        if settings.width * settings.height <= _SMALL_PICTURE:
            with self._lock:
                self._idle[settings] = encoder
                while len(self._idle) > self._size:
                    self._idle.popitem(last=False)
        return coded

    def __len__(self) -> int:
        """Return the number of idle open encoders."""
        return len(self._idle)


class _Encoder:
    def __init__(self, settings: EncoderSettings):
        self._context = _open_x265(settings, X265_PARAMETERS)
        self._next_time = 0

    def encode(self, planes: list[np.ndarray]) -> CodedPicture:
        frame = _frame(planes, self._context)
        frame.pts = self._next_time
        self._next_time += 1
        stream = b"".join(bytes(packet) for packet in self._context.encode(frame))
        units = {nal_unit_type(unit): unit for unit in split_nal_units(stream)}
        slices = [units[unit_type] for unit_type in IDR_TYPES if unit_type in units]
        if SPS not in units or PPS not in units or len(slices) != 1:
            raise RuntimeError(f"x265 returned no whole picture but NAL units of types {sorted(units)}")
        parameters = parse_sps(units[SPS])
        has_chroma = len(planes) > 1
        return CodedPicture(
            parameters, units[PPS], normalise_slice(slices[0], units[PPS], parameters, has_chroma)
        )


def _open_x265(settings: EncoderSettings, parameters: str) -> av.VideoCodecContext:
    parameters += f":qp={settings.qp}:min-cu-size={settings.min_coding_block}"
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height = settings.width, settings.height
    context.pix_fmt = settings.pixel_format
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.thread_count = 1
    context.options = {"preset": settings.preset, "forced-idr": "1", "x265-params": parameters}
    context.open()
    return context


def _frame(planes: list[np.ndarray], context: av.VideoCodecContext) -> av.VideoFrame:
    frame = av.VideoFrame(context.width, context.height, context.pix_fmt)
    for target, plane in zip(frame.planes, planes):
        rows, columns = plane.shape
        np.frombuffer(target, np.uint8).reshape(-1, target.line_size)[:rows, :columns] = plane
    return frame


def decode_picture(stream: bytes, chroma_format: int, width: int, height: int) -> list[np.ndarray]:
    """Decode one HEVC picture of 8 bits a sample.

    Parameters
    ----------
    stream : bytes
        Parameter sets and one picture with start codes.
    chroma_format : int
        0 gray, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    width, height : int
        The size in pixels that the picture must have.

    Returns
    -------
    list of uint8 arrays
        Luma `[height, width]`, and unless gray two chroma planes.

    Raises
    ------
    DecodeError
        The stream holds no picture of that size and format.
    """
    context = av.CodecContext.create("hevc", "r")
    context.thread_count = 1
    # A damaged stream may bring parameter sets of its own: FFmpeg must not believe any size. It compares
    # the limit with a size rounded up to its alignment, hence the factor.
    context.options = {"max_pixels": str(2 * MAX_PIXELS)}
    try:
        frames = [*context.decode(av.Packet(stream)), *context.decode(None)]
    except (av.error.FFmpegError, ValueError) as error:
        raise DecodeError(f"the HEVC picture is damaged: {error}") from error
    if not frames:
        raise DecodeError("the HEVC picture is damaged: nothing could be decoded")
    frame = frames[0]
    found = (frame.format.name.replace("yuvj", "yuv"), frame.width, frame.height)
    if found != (PIXEL_FORMATS[chroma_format], width, height):
        raise DecodeError("the HEVC picture is damaged: its format is not the one that the header states")
    return [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    ]


@cache
def x265_version() -> str:
    """Return the version which the x265 inside PyAV writes into its streams, as `4.2+1-abcdef`."""
    settings = EncoderSettings("gray", 32, 32, 8, 51, "ultrafast")
    context = _open_x265(settings, X265_PARAMETERS.replace("info=0", "info=1"))
    frame = _frame([np.zeros((32, 32), np.uint8)], context)
    stream = b"".join(bytes(packet) for packet in context.encode(frame))
    match = re.search(rb"x265 \(build \d+\) - ([^: ]+)", stream)
    return match[1].decode("ascii", "replace") if match else "unknown"
