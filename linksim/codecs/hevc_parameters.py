"""HEVC parameter sets of a picture: what BPG keeps of them, reading x265's, rebuilding a decoder's."""

from dataclasses import dataclass
from functools import lru_cache

from linksim.codecs.base import DecodeError
from linksim.codecs.bitstream import BitReader, BitWriter, escape, unescape

VPS, SPS, PPS = 32, 33, 34
"""NAL unit types of the parameter sets (ITU-T H.265, table 7-1)."""

IDR_TYPES = (19, 20)
"""NAL unit types of a slice of an IDR picture."""

RANGE_FLAGS = 9
"""The flags of the SPS range extension (ITU-T H.265, 7.3.2.3.2)."""

_RANGE_EXTENSIONS_PROFILE = 4
_UNCONSTRAINED_LEVEL = 255  # level 8.5


@dataclass(frozen=True)
class PCM:
    """Coding blocks sent as raw samples (ITU-T H.265, 7.4.3.2.1)."""

    luma_depth: int
    chroma_depth: int
    log2_min_block_minus3: int
    log2_diff_block: int
    loop_filter_disabled: bool


@dataclass(frozen=True)
class SequenceParameters:
    """The fields of a sequence parameter set that an intra picture depends on and that BPG stores.

    Block sizes are in luma samples. `range_flags` holds the nine flags of the range extension in the order
    of the standard, or None when the extension is absent.
    """

    log2_min_coding_block_minus3: int
    log2_diff_coding_block: int
    log2_min_transform_block_minus2: int
    log2_diff_transform_block: int
    transform_hierarchy_depth_intra: int
    sample_adaptive_offset: bool
    pcm: PCM | None
    strong_intra_smoothing: bool
    range_flags: tuple[bool, ...] | None

    @property
    def min_coding_block(self) -> int:
        """Side of the smallest coding block; a coded picture is a whole number of them wide and high."""
        return 8 << self.log2_min_coding_block_minus3

    def coded_size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height rounded up to whole coding blocks."""
        block = self.min_coding_block
        return -(-width // block) * block, -(-height // block) * block


def nal_unit_type(unit: bytes) -> int:
    """Return the type that the first byte of a NAL unit states."""
    return unit[0] >> 1 & 63


def read_pcm(bits: BitReader) -> PCM | None:
    """Read the PCM flag and the fields behind it, the same in an SPS and in a BPG header."""
    if not bits.flag():
        return None
    return PCM(bits.u(4) + 1, bits.u(4) + 1, bits.ue(), bits.ue(), bits.flag())


def write_pcm(bits: BitWriter, pcm: PCM | None) -> None:
    """Write what `read_pcm` reads."""
    bits.flag(pcm is not None)
    if pcm is not None:
        bits.u(4, pcm.luma_depth - 1)
        bits.u(4, pcm.chroma_depth - 1)
        bits.ue(pcm.log2_min_block_minus3)
        bits.ue(pcm.log2_diff_block)
        bits.flag(pcm.loop_filter_disabled)


def read_range_flags(bits: BitReader) -> tuple[bool, ...] | None:
    """Read the extension flag and the range extension, the same in an SPS and in a BPG header.

    Raises
    ------
    DecodeError
        Another extension than the range extension is present.
    """
    if not bits.flag():
        return None
    has_range_flags = bits.flag()
    if bits.u(7):
        raise DecodeError("the picture uses an HEVC extension that BPG does not know")
    return tuple(bits.flag() for _ in range(RANGE_FLAGS)) if has_range_flags else None


def write_range_flags(bits: BitWriter, flags: tuple[bool, ...] | None) -> None:
    """Write what `read_range_flags` reads."""
    bits.flag(flags is not None)
    if flags is not None:
        bits.u(8, 0b1000_0000)
        for flag in flags:
            bits.flag(flag)


@lru_cache(maxsize=256)
def parse_sps(unit: bytes) -> SequenceParameters:
    """Read the sequence parameter set that an encoder wrote (ITU-T H.265, 7.3.2.2 and E.2.1).

    Parameters
    ----------
    unit : bytes
        The whole NAL unit, emulation prevention bytes included.

    Raises
    ------
    DecodeError
        The set uses what a BPG file cannot say: several sublayers, identifiers other than 0, scaling lists,
        reference picture sets, unequal bit depths, separate colour planes, a conformance window.
    """
    bits = BitReader(unescape(unit[2:]))

    def expect(value: int, wanted: int, what: str) -> None:
        if value != wanted:
            raise DecodeError(f"BPG cannot carry an HEVC picture with {what}")

    expect(bits.u(4), 0, "a video parameter set other than 0")
    expect(bits.u(3), 0, "several sublayers")
    bits.u(1)  # temporal nesting
    bits.u(96)  # profile, tier, level
    expect(bits.ue(), 0, "a sequence parameter set other than 0")
    if bits.ue() == 3:
        expect(bits.u(1), 0, "separate colour planes")
    bits.ue()  # width
    bits.ue()  # height
    expect(bits.u(1), 0, "a conformance window")
    luma_depth = bits.ue()
    expect(bits.ue(), luma_depth, "unequal bit depths")
    bits.ue()  # picture order count length
    bits.u(1)  # sublayer ordering information present: with one sublayer its three numbers always follow
    for _ in range(3):
        bits.ue()
    coding = bits.ue(), bits.ue()
    transform = bits.ue(), bits.ue()
    bits.ue()  # transform hierarchy depth, inter
    depth_intra = bits.ue()
    expect(bits.u(1), 0, "scaling lists")
    bits.u(1)  # asymmetric motion partitions
    sample_adaptive_offset = bits.flag()
    pcm = read_pcm(bits)
    expect(bits.ue(), 0, "short-term reference picture sets")
    expect(bits.u(1), 0, "long-term reference pictures")
    bits.u(1)  # temporal motion vectors
    strong_intra_smoothing = bits.flag()
    if bits.flag():
        _skip_usability_information(bits)
    return SequenceParameters(
        *coding,
        *transform,
        depth_intra,
        sample_adaptive_offset,
        pcm,
        strong_intra_smoothing,
        read_range_flags(bits),
    )


def _skip_usability_information(bits: BitReader) -> None:
    if bits.flag() and bits.u(8) == 255:  # aspect ratio
        bits.u(32)
    if bits.flag():  # overscan
        bits.u(1)
    if bits.flag():  # video signal type
        bits.u(4)
        if bits.flag():
            bits.u(24)
    if bits.flag():  # chroma location
        bits.ue(), bits.ue()
    bits.u(3)  # neutral chroma, field sequence, frame and field information
    if bits.flag():  # default display window
        for _ in range(4):
            bits.ue()
    if bits.flag():  # timing
        bits.u(64)
        if bits.flag():
            bits.ue()
        if bits.flag():
            raise DecodeError("BPG cannot carry an HEVC picture with a reference decoder's parameters")
    if bits.flag():  # bitstream restriction
        bits.u(3)
        for _ in range(5):
            bits.ue()


def build_parameter_sets(
    parameters: SequenceParameters, chroma_format: int, bit_depth: int, width: int, height: int
) -> bytes:
    """Build the VPS and SPS which a decoder needs before a BPG file's picture data.

    Parameters
    ----------
    parameters : SequenceParameters
        What the file says of its coding.
    chroma_format : int
        0 gray, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    bit_depth : int
        Bits a sample, luma and chroma alike.
    width, height : int
        The coded size in luma samples: whole coding blocks.

    Returns
    -------
    bytes
        Two NAL units, each behind a start code.
    """
    return _video_parameter_set() + _sequence_parameter_set(
        parameters, chroma_format, bit_depth, width, height
    )


def _video_parameter_set() -> bytes:
    bits = BitWriter()
    bits.u(4, 0)  # identifier
    bits.u(2, 0b11)  # base layer internal and available
    bits.u(6, 0)  # one layer
    bits.u(3, 0)  # one sublayer
    bits.u(1, 1)  # temporal nesting
    bits.u(16, 0xFFFF)
    _write_profile(bits)
    _write_sublayer_ordering(bits)
    bits.u(6, 0)  # highest layer
    bits.ue(0)  # one layer set
    bits.u(2, 0)  # neither timing nor extension
    return _nal_unit(VPS, bits)


def _sequence_parameter_set(
    parameters: SequenceParameters, chroma_format: int, bit_depth: int, width: int, height: int
) -> bytes:
    bits = BitWriter()
    bits.u(4, 0)  # video parameter set
    bits.u(3, 0)  # one sublayer
    bits.u(1, 1)  # temporal nesting
    _write_profile(bits)
    bits.ue(0)  # identifier
    bits.ue(chroma_format)
    if chroma_format == 3:
        bits.u(1, 0)  # no separate colour planes
    bits.ue(width)
    bits.ue(height)
    bits.u(1, 0)  # no conformance window
    bits.ue(bit_depth - 8)
    bits.ue(bit_depth - 8)
    bits.ue(4)  # picture order count of 8 bits
    _write_sublayer_ordering(bits)
    bits.ue(parameters.log2_min_coding_block_minus3)
    bits.ue(parameters.log2_diff_coding_block)
    bits.ue(parameters.log2_min_transform_block_minus2)
    bits.ue(parameters.log2_diff_transform_block)
    bits.ue(parameters.transform_hierarchy_depth_intra)  # inter: unused, the same by definition of BPG
    bits.ue(parameters.transform_hierarchy_depth_intra)
    bits.u(1, 0)  # no scaling lists
    bits.u(1, 1)  # asymmetric motion partitions
    bits.flag(parameters.sample_adaptive_offset)
    write_pcm(bits, parameters.pcm)
    bits.ue(0)  # no short-term reference picture sets
    bits.u(1, 0)  # no long-term reference pictures
    bits.u(1, 1)  # temporal motion vectors
    bits.flag(parameters.strong_intra_smoothing)
    bits.u(1, 0)  # no usability information
    write_range_flags(bits, parameters.range_flags)
    return _nal_unit(SPS, bits)


def _write_profile(bits: BitWriter) -> None:
    bits.u(8, _RANGE_EXTENSIONS_PROFILE)  # profile space 0, main tier
    bits.u(32, 1 << (31 - _RANGE_EXTENSIONS_PROFILE))
    bits.u(4, 0b1001)  # progressive, frames only
    bits.u(44, 0)
    bits.u(8, _UNCONSTRAINED_LEVEL)


def _write_sublayer_ordering(bits: BitWriter) -> None:
    bits.u(1, 1)
    for _ in range(3):  # buffer size minus 1, reorder, latency
        bits.ue(0)


def _nal_unit(unit_type: int, bits: BitWriter) -> bytes:
    bits.u(1, 1)  # stop bit
    return b"\x00\x00\x00\x01" + bytes([unit_type << 1, 1]) + escape(bits.bytes())
