"""Transport block sizes against an exact transcription of the standard, its table and hand-made sums."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest

from linksim.modulation.mcs import mcs_table
from linksim.phy.transport_block_size import (
    MAX_CHANNEL_USES,
    TransportBlockSize,
    split_channel_uses,
    transport_block_size,
)

TABLES = ("pdsch-1", "pdsch-2", "pdsch-3", "pdsch-4")
ALL_MCS = [mcs for name in TABLES for mcs in mcs_table(name)]

# TS 38.214 table 5.1.3.2-1, its four columns of indices 1-30, 31-60, 61-90 and 91-93.
STANDARD_SIZES = [
    *(24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 136, 144, 152, 160, 168, 176, 184, 192),
    *(208, 224, 240, 256, 272, 288, 304, 320),
    *(336, 352, 368, 384, 408, 432, 456, 480, 504, 528, 552, 576, 608, 640, 672, 704, 736, 768, 808, 848),
    *(888, 928, 984, 1032, 1064, 1128, 1160, 1192, 1224, 1256),
    *(1288, 1320, 1352, 1416, 1480, 1544, 1608, 1672, 1736, 1800, 1864, 1928, 2024, 2088, 2152, 2216, 2280),
    *(2408, 2472, 2536, 2600, 2664, 2728, 2792, 2856, 2976, 3104, 3240, 3368, 3496),
    *(3624, 3752, 3824),
]


def log2_floor(value):
    """⌊log2(value)⌋ of a positive Fraction."""
    exponent = 0
    while value >= 2:
        value /= 2
        exponent += 1
    while value < 1:
        value *= 2
        exponent -= 1
    return exponent


def standard_size(channel_uses, modulation_order, code_rate):
    """TS 38.214 clause 5.1.3.2, steps 2 to 4, word by word."""
    n_info = channel_uses * code_rate * modulation_order
    if n_info <= 3824:
        n = max(3, log2_floor(n_info) - 6)
        quantised = max(24, 2**n * math.floor(n_info / 2**n))
        return min(size for size in STANDARD_SIZES if size >= quantised)
    n = log2_floor(n_info - 24) - 5
    scaled = (n_info - 24) / 2**n
    rounded = math.floor(scaled) + (scaled - math.floor(scaled) >= Fraction(1, 2))  # ties go up
    quantised = max(3840, 2**n * rounded)
    if code_rate <= Fraction(1, 4):
        blocks = math.ceil(Fraction(quantised + 24, 3816))
    elif quantised > 8424:
        blocks = math.ceil(Fraction(quantised + 24, 8424))
    else:
        blocks = 1
    return 8 * blocks * math.ceil(Fraction(quantised + 24, 8 * blocks)) - 24


def test_table_of_the_standard_is_copied_whole():
    assert len(STANDARD_SIZES) == 93
    assert all(smaller < larger for smaller, larger in pairwise(STANDARD_SIZES))


def test_every_size_agrees_with_the_standard():
    sweep = [*range(1, 400), *range(400, 4000, 37), *range(4000, MAX_CHANNEL_USES, 4999), MAX_CHANNEL_USES]
    for mcs in ALL_MCS:
        for channel_uses in sweep:
            size = transport_block_size(channel_uses, mcs.modulation_order, mcs.code_rate)
            expected = standard_size(channel_uses, mcs.modulation_order, mcs.code_rate)
            assert size.payload == expected, (channel_uses, mcs.name)


@pytest.mark.parametrize(
    ("channel_uses", "order", "rate", "payload"),
    [
        # 307 bits → 2³·38 = 304, an entry.
        (256, 2, Fraction(614, 1024), 304),
        # 0.23 bits: no size is below 24.
        (1, 2, Fraction(120, 1024), 24),
        # 3600 → n = 5, 2⁵·112 = 3584 → next entry 3624.
        (1800, 2, Fraction(1), 3624),
        # 3824 itself → n = 5, 2⁵·119 = 3808 → 3824.
        (1912, 2, Fraction(1), 3824),
        # 18432·4·553/1024 = 39816 → n = 10, 39·1024 = 39936 → 5 blocks of ⌈39960/40⌉·8 → 39936.
        (18432, 4, Fraction(553, 1024), 39936),
    ],
)
def test_sizes_computed_by_hand(channel_uses, order, rate, payload):
    assert transport_block_size(channel_uses, order, rate).payload == payload


@pytest.mark.parametrize(
    ("channel_uses", "name", "index", "payload"),
    [
        # 4440 bits: (4440 − 24)/2⁷ = 34.5 → 35, 4480 + 24 over 2 blocks → 4488; ties to even give 4360.
        (18944, "pdsch-1", 0, 4488),
        # 37400: 37376/2¹⁰ = 36.5 → 37, 37888 + 24 over 5 blocks → 37896; ties to even give 36896.
        (28160, "pdsch-1", 10, 37896),
    ],
)
def test_ties_are_broken_upwards(channel_uses, name, index, payload):
    mcs = mcs_table(name)[index]
    assert transport_block_size(channel_uses, mcs.modulation_order, mcs.code_rate).payload == payload


@pytest.mark.parametrize(
    ("channel_uses", "name", "index", "payload"),
    [(93033, "pdsch-1", 12, 159880), (27958, "pdsch-1", 23, 116792)],
)
def test_sizes_beyond_the_precision_of_float32(channel_uses, name, index, payload):
    mcs = mcs_table(name)[index]
    assert standard_size(channel_uses, mcs.modulation_order, mcs.code_rate) == payload
    assert transport_block_size(channel_uses, mcs.modulation_order, mcs.code_rate).payload == payload


@pytest.mark.parametrize(
    ("channel_uses", "order", "rate", "base_graph"),
    [
        (584, 2, Fraction(1, 4), 2),  # A = 288 ≤ 292
        (170, 2, Fraction(87, 100), 2),  # A = 288 at a high rate
        (175, 2, Fraction(87, 100), 1),  # A = 304 > 292 at a high rate
        (1900, 2, Fraction(67, 100), 2),  # A ≤ 3824 and R ≤ 0.67
        (1900, 2, Fraction(671, 1000), 1),  # R > 0.67
        (3000, 4, Fraction(1, 3), 1),  # A > 3824 and R > 1/4
        (30000, 2, Fraction(1, 4), 2),  # R ≤ 1/4
        (30000, 2, Fraction(251, 1000), 1),
    ],
)
def test_base_graph_of_ts_38_212_clause_7_2_2(channel_uses, order, rate, base_graph):
    assert transport_block_size(channel_uses, order, rate).base_graph == base_graph


@pytest.mark.parametrize("channel_uses", [64, 256, 512, 18432, 73728])
def test_segmentation_adds_up(channel_uses):
    largest = {1: 8448, 2: 3840}
    for mcs in ALL_MCS:
        size = transport_block_size(channel_uses, mcs.modulation_order, mcs.code_rate)
        count = len(size.codewords)
        payload_and_crc = size.payload + size.crc
        # TS 38.212 clause 5.2.2: the fewest blocks that hold B bits and, beyond one, a CRC each.
        room = largest[size.base_graph]
        assert count == (1 if payload_and_crc <= room else math.ceil(payload_and_crc / (room - 24)))
        assert size.code_block_crc == (0 if count == 1 else 24)
        assert count * (size.code_block - size.code_block_crc) == payload_and_crc
        assert size.crc == (24 if size.payload > 3824 else 16)
        # Clause 5.4.2.1: whole symbols, shorter codewords first, at most one symbol apart.
        assert sum(size.codewords) == size.coded == channel_uses * mcs.modulation_order
        assert {length % mcs.modulation_order for length in size.codewords} == {0}
        assert list(size.codewords) == sorted(size.codewords)
        assert size.codewords[-1] - size.codewords[0] in (0, mcs.modulation_order)


def test_decodable_up_to_code_rate_0_95():
    at_limit = TransportBlockSize(79, 100, 95, (100,), 16, 0, 2)
    beyond = TransportBlockSize(80, 100, 96, (100,), 16, 0, 2)
    one_short_codeword = TransportBlockSize(1, 199, 95, (99, 100), 24, 24, 1)
    assert at_limit.decodable
    assert not beyond.decodable
    assert not one_short_codeword.decodable


def test_an_image_is_split_over_as_few_transport_blocks_as_possible():
    assert split_channel_uses(0) == ()
    assert split_channel_uses(MAX_CHANNEL_USES) == (170352,)
    assert split_channel_uses(MAX_CHANNEL_USES + 1) == (85177, 85176)
    assert split_channel_uses(3 * MAX_CHANNEL_USES) == (170352,) * 3
