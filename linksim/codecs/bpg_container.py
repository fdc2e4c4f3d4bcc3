"""The BPG container (F. Bellard, BPG specification 0.9.5): its header in fields, and the bytes of both."""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from linksim.codecs.base import DecodeError, check_size
from linksim.codecs.bitstream import BitReader, BitWriter
from linksim.codecs.hevc_parameters import (
    SequenceParameters,
    read_pcm,
    read_range_flags,
    write_pcm,
    write_range_flags,
)

MAGIC = b"BPG\xfb"

MAX_NUMBER_BYTES = 5
"""Bytes of the longest number of a header, 32 bits in base 128."""

_IMPLICIT_RDPCM, _EXTENDED_PRECISION, _BYPASS_ALIGNMENT = 2, 4, 8


class PixelFormat(IntEnum):
    """Chroma sampling; the last two have chroma beside every other luma sample as in MPEG-2."""

    GRAY = 0
    YCC_420 = 1
    YCC_422 = 2
    YCC_444 = 3
    YCC_420_MPEG2 = 4
    YCC_422_MPEG2 = 5


class ColourSpace(IntEnum):
    """What the three planes are; `RGB` is stored as G, B, R, `YCGCO` as Y, Cg, Co."""

    BT601 = 0
    RGB = 1
    YCGCO = 2
    BT709 = 3
    BT2020 = 4


@dataclass(frozen=True)
class BPGHeader:
    """What a file says of its picture: true size in pixels, format, and the HEVC fields."""

    width: int
    height: int
    pixel_format: PixelFormat
    colour_space: ColourSpace
    limited_range: bool
    bit_depth: int
    parameters: SequenceParameters


def write_file(header: BPGHeader, picture: bytes) -> bytes:
    """Build a BPG file.

    Parameters
    ----------
    header : BPGHeader
    picture : bytes
        The picture parameter set's NAL unit, a start code of three bytes, and the slice's NAL unit.

    Returns
    -------
    bytes
        The file. The length of its picture data is written as 0, to the end of the file: one byte.
    """
    return _header_bytes(header) + picture


def read_file(data: bytes) -> tuple[BPGHeader, bytes]:
    """Read a BPG file.

    Parameters
    ----------
    data : bytes
        The file; what follows its picture data is ignored.

    Returns
    -------
    tuple of BPGHeader and bytes
        The header, and the picture data as `write_file` takes them.

    Raises
    ------
    DecodeError
        No BPG file, a damaged or too large one, or one with alpha, an animation or coding tools that the
        HEVC decoder does not have.
    """
    if data[:4] != MAGIC or len(data) < 6:
        raise DecodeError("this is no BPG file")
    formats, flags = data[4], data[5]
    if formats & 16 or flags & 4:
        raise DecodeError("BPG files with an alpha plane are not supported")
    if flags & 1:
        raise DecodeError("BPG animations are not supported")
    try:
        pixel_format, colour_space = PixelFormat(formats >> 5), ColourSpace(flags >> 4)
    except ValueError as error:
        raise DecodeError(f"unknown BPG format: {error}") from error
    bit_depth = 8 + (formats & 15)
    if bit_depth > 14 or (pixel_format is PixelFormat.GRAY and colour_space is not ColourSpace.BT601):
        raise DecodeError("the BPG header contradicts itself")

    width, at = read_number(data, 6)
    height, at = read_number(data, at)
    check_size(width, height)
    length, at = read_number(data, at)
    if flags & 8:
        extension_length, at = read_number(data, at)
        at += extension_length
    end = at + length if length else len(data)
    fields_length, at = read_number(data, at)
    start = at + fields_length
    if start >= end or end > len(data):
        raise DecodeError("the BPG file ends early")
    parameters = _read_parameters(data[at:start])
    header = BPGHeader(width, height, pixel_format, colour_space, bool(flags & 2), bit_depth, parameters)
    return header, data[start:end]


def write_number(value: int) -> bytes:
    """Write a number in big-endian base 128; the high bit of a byte says that more follow."""
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number at byte `at`; return it and where the next field starts.

    Raises
    ------
    DecodeError
        The number starts with a superfluous 0x80, is longer than 32 bits or is cut off.
    """
    value = 0
    for index, byte in enumerate(data[at : at + MAX_NUMBER_BYTES]):
        if index == 0 and byte == 128:
            break
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + index + 1
    raise DecodeError("a number in the BPG header is damaged")


@lru_cache(maxsize=256)
def _header_bytes(header: BPGHeader) -> bytes:
    fields = _write_parameters(header.parameters)
    return b"".join(
        [
            MAGIC,
            bytes([header.pixel_format << 5 | header.bit_depth - 8]),
            bytes([header.colour_space << 4 | header.limited_range << 1]),
            write_number(header.width),
            write_number(header.height),
            write_number(0),
            write_number(len(fields)),
            fields,
        ]
    )


def _write_parameters(parameters: SequenceParameters) -> bytes:
    bits = BitWriter()
    bits.ue(parameters.log2_min_coding_block_minus3)
    bits.ue(parameters.log2_diff_coding_block)
    bits.ue(parameters.log2_min_transform_block_minus2)
    bits.ue(parameters.log2_diff_transform_block)
    bits.ue(parameters.transform_hierarchy_depth_intra)
    bits.flag(parameters.sample_adaptive_offset)
    write_pcm(bits, parameters.pcm)
    bits.flag(parameters.strong_intra_smoothing)
    write_range_flags(bits, parameters.range_flags)
    return bits.bytes()


def _read_parameters(fields: bytes) -> SequenceParameters:
    bits = BitReader(fields)
    parameters = SequenceParameters(
        log2_min_coding_block_minus3=bits.ue(),
        log2_diff_coding_block=bits.ue(),
        log2_min_transform_block_minus2=bits.ue(),
        log2_diff_transform_block=bits.ue(),
        transform_hierarchy_depth_intra=bits.ue(),
        sample_adaptive_offset=bits.flag(),
        pcm=read_pcm(bits),
        strong_intra_smoothing=bits.flag(),
        range_flags=read_range_flags(bits),
    )
    # HEVC's largest coding block has 64 samples a side; a damaged exponent must not reach a shift.
    if parameters.log2_min_coding_block_minus3 + parameters.log2_diff_coding_block > 3:
        raise DecodeError("the BPG header asks for impossible coding blocks")
    flags = parameters.range_flags or ()
    for index, name in (
        (_IMPLICIT_RDPCM, "implicit residual DPCM (the lossless mode of bpgenc -e jctvc)"),
        (_EXTENDED_PRECISION, "extended precision"),
        (_BYPASS_ALIGNMENT, "aligned bypass decoding"),
    ):
        if flags and flags[index]:
            raise DecodeError(f"BPG files with {name} are not supported")
    return parameters
