"""Makes a slice's bytes independent of how many pictures its encoder coded before.

x265 signs its streams with a flag of the slice header that means nothing in a picture of one slice
(`slice_loop_filter_across_slices_enabled_flag`): it follows the picture's number, modulo 31. An encoder that
stays open would so give other bytes for the same picture. Here the flag gets the value of the first picture.
"""

from functools import lru_cache

from linksim.codecs.bitstream import BitReader, escape, unescape
from linksim.codecs.hevc_parameters import SequenceParameters

_NAL_HEADER = 2
_HEADER_BYTES = 16  # more than the slice header of a picture of one slice can take up to the flag


def normalise_slice(unit: bytes, pps: bytes, sps: SequenceParameters, has_chroma: bool) -> bytes:
    """Set the flag of an IDR picture's only slice.

    Parameters
    ----------
    unit : bytes
        The slice's NAL unit.
    pps : bytes
        The NAL unit of its picture parameter set.
    sps : SequenceParameters
    has_chroma : bool
        Whether the picture is more than luma.

    Returns
    -------
    bytes
        The NAL unit with the flag set.

    Raises
    ------
    RuntimeError
        The slice header holds fields that x265 does not write with our settings.
    """
    if not _flag_is_present(pps):
        return unit
    bits = BitReader(unescape(unit[_NAL_HEADER : _NAL_HEADER + _HEADER_BYTES]))
    start = bits.left
    bits.u(2)  # first slice of the picture, no output of prior pictures
    bits.ue()  # picture parameter set
    bits.ue()  # slice type
    if sps.sample_adaptive_offset:
        bits.u(2 if has_chroma else 1)
    bits.ue()  # QP: a signed number has the length of an unsigned one
    position = start - bits.left
    if bits.flag():
        return unit
    payload = bytearray(unescape(unit[_NAL_HEADER:]))
    payload[position // 8] |= 128 >> position % 8
    return unit[:_NAL_HEADER] + escape(bytes(payload))


@lru_cache(maxsize=256)
def _flag_is_present(pps: bytes) -> bool:
    # ITU-T H.265, 7.3.2.3.1
    bits = BitReader(unescape(pps[_NAL_HEADER:]))
    unexpected = bits.ue() + bits.ue()  # identifiers
    bits.u(1)  # dependent slice segments: none in the first slice
    unexpected += bits.u(4)  # output flag and extra bits in the slice header
    bits.u(2)  # sign hiding, CABAC initialisation
    bits.ue(), bits.ue()  # reference pictures
    bits.ue()  # initial QP
    bits.u(2)  # constrained intra prediction, transform skip
    if bits.flag():  # QP deltas
        bits.ue()
    bits.ue(), bits.ue()  # chroma QP offsets
    unexpected += bits.u(1)  # chroma QP offsets in the slice header
    bits.u(3)  # weighted prediction, lossless blocks
    unexpected += bits.u(1)  # tiles
    bits.u(1)  # wavefronts
    present = bits.flag()
    if bits.flag():  # deblocking
        unexpected += bits.u(2)  # overridden in the slice header, switched off
    if unexpected:
        raise RuntimeError("x265 wrote a picture parameter set that this version of linksim does not know")
    return present
