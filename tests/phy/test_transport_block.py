"""Transport blocks against Sionna's TBEncoder and TBDecoder, and round trips where Sionna has no answer."""

import contextlib
import io

import numpy as np
import pytest

from linksim.modulation.mcs import mcs_table
from linksim.phy import crc
from linksim.phy.ldpc.nr import nr_code
from linksim.phy.transport_block import TransportBlock
from linksim.phy.transport_block_size import transport_block_size

# One code block of either base graph, both CRCs, several blocks of equal and unequal E_r, 2 to 10 bits.
# Left out is what Sionna's TBEncoder refuses (repetition, as in pdsch-1/0) or codes with another base graph:
# it judges by the rate of a code block, CRC included, where TS 38.212 clause 7.2.2 takes the target rate.
SAME_AS_SIONNA = [
    (64, "pdsch-1", 5),
    (256, "pdsch-1", 4),
    (256, "pdsch-1", 8),
    (256, "pdsch-2", 27),
    (512, "pdsch-1", 14),
    (512, "pdsch-1", 28),
    (1024, "pdsch-4", 26),
    (3072, "pdsch-1", 14),
    (3001, "pdsch-1", 20),
    (5000, "pdsch-1", 28),
    (4801, "pdsch-3", 20),
    (7001, "pdsch-2", 22),
    (6003, "pdsch-1", 3),
]


def size_of(channel_uses, table, index):
    mcs = mcs_table(table)[index]
    return transport_block_size(channel_uses, mcs.modulation_order, mcs.code_rate), mcs


def sionna_encoder(size, mcs):
    from sionna.phy.nr import TBEncoder

    with contextlib.redirect_stdout(io.StringIO()):  # rates above 948/1024 make it print
        return TBEncoder(
            target_tb_size=size.payload,
            num_coded_bits=size.coded,
            target_coderate=float(mcs.code_rate),
            num_bits_per_symbol=mcs.modulation_order,
            n_rnti=1,
            n_id=1,
            channel_type="PDSCH",
        )


def random_bits(*shape, seed=1):
    return np.random.default_rng(seed).integers(0, 2, shape, np.uint8)


def noisy_llr(coded, mean, seed=2):
    """LLRs of BPSK on AWGN: Gaussian with this mean towards the sent bit and twice that variance."""
    noise = np.random.default_rng(seed).normal(size=coded.shape) * np.sqrt(2 * mean)
    return ((2.0 * coded - 1) * mean + noise).astype(np.float32)


@pytest.mark.parametrize(("channel_uses", "table", "index"), SAME_AS_SIONNA)
def test_encodes_like_sionna(channel_uses, table, index):
    size, mcs = size_of(channel_uses, table, index)
    reference = sionna_encoder(size, mcs)
    assert reference.tb_size == size.payload
    assert reference.ldpc_encoder._bg == f"bg{size.base_graph}"
    payload = random_bits(3, size.payload)
    expected = np.stack([reference(row[None]).numpy()[0] for row in payload.astype(np.float32)])
    ours = TransportBlock(size, mcs.modulation_order).encode(payload)
    assert ours.dtype == np.uint8
    np.testing.assert_array_equal(ours, expected)


def test_the_list_above_holds_unequal_codewords_and_every_kind_of_block():
    sizes = [size_of(*case)[0] for case in SAME_AS_SIONNA]
    assert any(len(set(size.codewords)) == 2 for size in sizes)
    kinds = {(size.base_graph, size.crc, len(size.codewords) > 1) for size in sizes}
    assert kinds >= {(1, 16, False), (2, 16, False), (1, 24, True), (1, 24, False)}


def test_sionna_takes_another_base_graph_where_the_crc_lifts_the_rate():
    """R = 679/1024 ≤ 0.67 asks for base graph 2; 344 bits with 16 of CRC over 512 are more than 0.67."""
    size, mcs = size_of(256, "pdsch-1", 9)
    assert size.base_graph == 2
    assert sionna_encoder(size, mcs).ldpc_encoder._bg == "bg1"


@pytest.mark.parametrize(
    ("channel_uses", "table", "index", "mean"),
    [
        (256, "pdsch-1", 4, 1.8),
        (512, "pdsch-1", 14, 3.0),
        (3001, "pdsch-1", 20, 3.3),
        (2500, "pdsch-1", 28, 9.0),
    ],
)
def test_decodes_like_sionna(channel_uses, table, index, mean):
    """At LLRs that leave some blocks right and some wrong, bits and CRC verdicts are the same."""
    from sionna.phy.nr import TBDecoder

    size, mcs = size_of(channel_uses, table, index)
    block = TransportBlock(size, mcs.modulation_order, "sionna", iterations=8)
    reference = TBDecoder(sionna_encoder(size, mcs), num_bp_iter=8)
    payload = random_bits(12, size.payload)
    strength = np.linspace(0.6, 1.6, 12)[:, None] * mean
    llr = noisy_llr(block.encode(payload), strength)
    bits, passed = block.decode(llr)
    expected_bits, expected_passed = reference(llr)
    np.testing.assert_array_equal(bits, expected_bits)
    np.testing.assert_array_equal(passed, expected_passed)
    np.testing.assert_array_equal(passed, (bits == payload).all(axis=1))
    assert 0 < np.sum(passed) < 12


@pytest.mark.parametrize("decoder", ["fast", "sionna"])
@pytest.mark.parametrize(
    ("channel_uses", "table", "index", "turns"),
    [
        # Lower rates than Sionna's 1/5, yet within the buffer.
        (256, "pdsch-1", 0, 1),
        (256, "pdsch-1", 2, 1),
        # Base graph 2: 40 bits have a buffer of 320, 72 of 552, 256 of 1536, 368 of 2288, 944 of 4784.
        (300, "pdsch-3", 0, 2),
        (1024, "pdsch-3", 0, 4),
        (4000, "pdsch-3", 0, 6),
        (1500, "pdsch-1", 0, 2),
        (3000, "pdsch-1", 1, 2),
        # Base graph 1: 4888 bits have a buffer of 14744; the last is two code blocks.
        (8200, "pdsch-1", 4, 2),
        (18432, "pdsch-1", 4, 2),
    ],
)
def test_noiseless_round_trip_with_repetition_and_beyond_sionnas_shortest_rates(
    channel_uses, table, index, turns, decoder
):
    size, mcs = size_of(channel_uses, table, index)
    block = TransportBlock(size, mcs.modulation_order, decoder, iterations=4)
    buffer = nr_code(size.code_block, max(size.codewords), size.base_graph).n
    assert -(-max(size.codewords) // buffer) == turns
    payload = random_bits(2, size.payload)
    bits, passed = block.decode(noisy_llr(block.encode(payload), 12.0))
    assert passed.all()
    np.testing.assert_array_equal(bits, payload)


# One code block, several of equal and of unequal length, repetition; the mean LLR at which some of them fail.
PARTLY_LOST = [
    (512, "pdsch-1", 5, 1.55),
    (5000, "pdsch-1", 28, 9.0),
    (7001, "pdsch-2", 22, 4.6),
    (18432, "pdsch-1", 17, 1.9),
    (18432, "pdsch-1", 0, 0.45),
]


@pytest.mark.parametrize(("channel_uses", "table", "index", "mean"), PARTLY_LOST)
@pytest.mark.parametrize("precision", ["int16", "float32"])
def test_stopping_at_the_first_lost_code_block_changes_no_verdict(
    channel_uses, table, index, mean, precision
):
    size, mcs = size_of(channel_uses, table, index)
    block = TransportBlock(size, mcs.modulation_order, precision=precision, iterations=12)
    payload = random_bits(16, size.payload)
    strength = np.linspace(0.8, 1.25, 16)[:, None] * mean
    llr = noisy_llr(block.encode(payload), strength)
    bits, passed = block.decode(llr)
    early_bits, early_passed = block.decode(llr, exhaustive=False)
    assert 0 < passed.sum() < 16
    assert (bits.dtype, passed.dtype) == (early_bits.dtype, early_passed.dtype) == (np.uint8, bool)
    np.testing.assert_array_equal(early_passed, passed)
    np.testing.assert_array_equal(early_bits[passed], bits[passed])
    np.testing.assert_array_equal(passed, (bits == payload).all(axis=1))


@pytest.mark.parametrize("exhaustive", [True, False])
def test_decoding_stops_at_the_lost_code_block_unless_exhaustive(exhaustive):
    """Ten code blocks; of image 1 the third is noise. Groups of 1, 2, 4, … blocks are decoded."""
    size, mcs = size_of(18432, "pdsch-1", 21)
    blocks = len(size.codewords)
    assert blocks >= 8
    block = TransportBlock(size, mcs.modulation_order)
    payload = random_bits(2, size.payload)
    llr = 20 * (2 * block.encode(payload).astype(np.float32) - 1)
    third = slice(2 * size.codewords[0], 3 * size.codewords[0])
    llr[1, third] = np.random.default_rng(1).normal(size=size.codewords[2])
    decode, decoded = block._decoder, []

    def counting(llr):
        decoded.append(len(llr))
        return decode(llr)

    block._decoder = counting
    bits, passed = block.decode(llr, exhaustive)
    assert passed.tolist() == [True, False]
    np.testing.assert_array_equal(bits[0], payload[0])
    if exhaustive:
        assert sum(decoded) == 2 * blocks
        length = size.code_block - 24
        np.testing.assert_array_equal(bits[1, 3 * length :], payload[1, 3 * length :])
    else:
        assert sum(decoded) == 2 * 3 + (blocks - 3)
        assert not bits[1, 3 * (size.code_block - 24) :].any()


def test_all_images_lost_at_once_and_none_at_all():
    size, mcs = size_of(18432, "pdsch-1", 21)
    block = TransportBlock(size, mcs.modulation_order)
    noise = np.random.default_rng(3).normal(size=(3, size.coded)).astype(np.float32)
    for exhaustive in (True, False):
        bits, passed = block.decode(noise, exhaustive)
        assert bits.shape == (3, size.payload)
        assert not passed.any()
        bits, passed = block.decode(noise[:0], exhaustive)
        assert (bits.shape, passed.shape) == ((0, size.payload), (0,))
    assert block.encode(np.zeros((0, size.payload), np.uint8)).shape == (0, size.coded)


def test_the_checks_of_code_blocks_and_of_the_transport_block_both_count():
    """A wrong payload bit that its code block's CRC fits; then a right payload and a wrong CRC-24B."""
    size, mcs = size_of(5000, "pdsch-1", 28)
    block = TransportBlock(size, mcs.modulation_order)
    payload = random_bits(1, size.payload)
    blocks = crc.append(payload, crc.CRC24A).reshape(block.stages, -1)
    altered = blocks.copy()
    altered[1, 5] ^= 1
    whole = crc.append(altered, crc.CRC24B)
    bad_check = crc.append(blocks, crc.CRC24B)
    bad_check[1, -1] ^= 1
    for words, matches in ((whole, False), (bad_check, True)):
        block._decoder = lambda llr, decoded=words: decoded
        bits, passed = block.decode(np.zeros((1, size.coded), np.float32))
        assert passed.tolist() == [False]
        assert (bits == payload).all() == matches


def test_crc_fails_on_noise_alone():
    size, mcs = size_of(512, "pdsch-1", 5)
    block = TransportBlock(size, mcs.modulation_order, "fast", iterations=5)
    noise = np.random.default_rng(3).normal(size=(64, size.coded)).astype(np.float32)
    _, passed = block.decode(noise)
    assert not passed.any()  # each passes with probability 2⁻¹⁶


def test_scrambling_makes_the_zero_payload_balanced():
    """All-zero payload: CRC and code words are zero, so the coded bits are the Gold sequence itself."""
    size, mcs = size_of(2000, "pdsch-1", 5)
    coded = TransportBlock(size, mcs.modulation_order).encode(np.zeros((1, size.payload), np.uint8))
    ones = coded.sum(dtype=int)
    assert abs(ones - size.coded / 2) < 4 * np.sqrt(size.coded / 4)


@pytest.mark.parametrize(
    "channel_uses", [64, 256, *(pytest.param(uses, marks=pytest.mark.slow) for uses in (512, 18432, 73728))]
)
def test_every_mcs_has_a_code_or_says_that_it_is_not_decodable(channel_uses):
    for number in (1, 2, 3, 4):
        for mcs in mcs_table(f"pdsch-{number}"):
            size = transport_block_size(channel_uses, mcs.modulation_order, mcs.code_rate)
            if size.decodable:
                code = nr_code(size.code_block, max(size.codewords), size.base_graph)
                assert code.k == size.code_block
                assert code.n <= max(size.codewords)
                assert code.systematic < code.length
            else:
                assert mcs.code_rate > 0.85
