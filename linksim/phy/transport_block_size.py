"""How large a transport block is and how it is cut into code blocks (TS 38.214 5.1.3.2, TS 38.212 5 and 7).

The standard's arithmetic is exact and breaks ties upwards. Sionna's `calculate_tb_size` computes in float32
and breaks ties to even, so that some sizes come out a step off: 18944 uses of pdsch-1/0 give 4360 bits there
instead of 4488.
"""

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, floor

#: Resource elements of one codeword in one slot: 156 per resource block (TS 38.214 clause 5.1.3.2), 273
#: resource blocks (TS 38.101-1), 4 layers (TS 38.211 clause 7.3.1.3). Longer blocks are split.
MAX_CHANNEL_USES = 156 * 273 * 4

#: Code blocks beyond this rate cannot be decoded (TS 38.214 clause 5.1.3 lets a receiver skip them).
MAX_CODE_RATE = Fraction(95, 100)

#: Runs of TS 38.214 table 5.1.3.2-1, the sizes up to 3824 bits: (first, last, step).
_SMALL_SIZE_RUNS = (
    (24, 192, 8),
    (208, 384, 16),
    (408, 576, 24),
    (608, 768, 32),
    (808, 928, 40),
    (984, 1032, 48),
    (1064, 1064, 1),
    (1128, 1352, 32),
    (1416, 1928, 64),
    (2024, 2280, 64),
    (2408, 2856, 64),
    (2976, 3104, 128),
    (3240, 3752, 128),
    (3824, 3824, 1),
)
_SMALL_SIZES = tuple(size for first, last, step in _SMALL_SIZE_RUNS for size in range(first, last + 1, step))


@dataclass(frozen=True)
class TransportBlockSize:
    """How one transport block is built; all in bits.

    Attributes
    ----------
    payload : int
        A, the transport block size of TS 38.214 clause 5.1.3.2.
    coded : int
        G, the coded bits.
    code_block : int
        K', bits of each code block, CRCs included (TS 38.212 clause 5.2.2).
    codewords : tuple of int
        E_r, coded bits of each code block (TS 38.212 clause 5.4.2.1).
    crc : int
        Length of the transport block's CRC (TS 38.212 clause 7.2.1).
    code_block_crc : int
        Length of each code block's CRC; 0 when there is one code block.
    base_graph : int
        1 or 2 (TS 38.212 clause 7.2.2).
    """

    payload: int
    coded: int
    code_block: int
    codewords: tuple[int, ...]
    crc: int
    code_block_crc: int
    base_graph: int

    @property
    def decodable(self) -> bool:
        """Whether every code block stays within the code rate that a receiver must accept."""
        return self.code_block <= MAX_CODE_RATE * min(self.codewords)


@cache
def transport_block_size(channel_uses: int, modulation_order: int, code_rate: Fraction) -> TransportBlockSize:
    """Size a transport block for a number of channel uses (TS 38.214 clause 5.1.3.2).

    Parameters
    ----------
    channel_uses : int
        k, at least 1.
    modulation_order : int
        Q_m.
    code_rate : Fraction
        Target code rate R.

    Examples
    --------
    >>> transport_block_size(256, 2, Fraction(602, 1024)).payload
    304
    """
    payload, count = _payload(channel_uses * modulation_order * code_rate, code_rate)
    crc = 24 if payload > 3824 else 16
    code_block_crc = 24 if count > 1 else 0
    uses, longer = divmod(channel_uses, count)
    return TransportBlockSize(
        payload=payload,
        coded=channel_uses * modulation_order,
        code_block=(payload + crc) // count + code_block_crc,
        codewords=tuple((uses + (i >= count - longer)) * modulation_order for i in range(count)),
        crc=crc,
        code_block_crc=code_block_crc,
        base_graph=base_graph(payload, code_rate),
    )


def base_graph(payload: int, code_rate: Fraction) -> int:
    """The base graph, 1 or 2, for A payload bits at rate R (TS 38.212 clause 7.2.2)."""
    small = payload <= 292 or (payload <= 3824 and code_rate <= Fraction(67, 100))
    return 2 if small or code_rate <= Fraction(1, 4) else 1


def _payload(information: Fraction, code_rate: Fraction) -> tuple[int, int]:
    """A and the number of code blocks for N_info, steps 2 to 4 of the clause."""
    if information <= 3824:
        step = 2 ** max(3, floor(information).bit_length() - 7)
        quantised = max(24, floor(information / step) * step)
        return _SMALL_SIZES[bisect_left(_SMALL_SIZES, quantised)], 1
    step = 2 ** (floor(information - 24).bit_length() - 6)
    quantised = max(3840, floor((information - 24) / step + Fraction(1, 2)) * step)
    if code_rate <= Fraction(1, 4):
        count = ceil(Fraction(quantised + 24, 3816))
    elif quantised > 8424:
        count = ceil(Fraction(quantised + 24, 8424))
    else:
        count = 1
    return 8 * count * ceil(Fraction(quantised + 24, 8 * count)) - 24, count


def split_channel_uses(channel_uses: int) -> tuple[int, ...]:
    """Divide the uses of one image over as few transport blocks as the standard's limit allows."""
    count = -(-channel_uses // MAX_CHANNEL_USES)
    return tuple(channel_uses // count + (i < channel_uses % count) for i in range(count))
