"""Transport blocks against Sionna's TBEncoder and TBDecoder, and round trips where Sionna has no answer."""

import contextlib
import io

import numpy as np
import pytest

from linksim.modulation.mcs import mcs_table
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
    return np.random.default_rng(seed).integers(0, 2, shape).astype(np.float32)


def noisy_llr(coded, mean, seed=2):
    """LLRs of BPSK on AWGN: Gaussian with this mean towards the sent bit and twice that variance."""
    noise = np.random.default_rng(seed).normal(size=coded.shape) * np.sqrt(2 * mean)
    return ((2 * coded - 1) * mean + noise).astype(np.float32)


@pytest.mark.parametrize(("channel_uses", "table", "index"), SAME_AS_SIONNA)
def test_encodes_like_sionna(channel_uses, table, index):
    size, mcs = size_of(channel_uses, table, index)
    reference = sionna_encoder(size, mcs)
    assert reference.tb_size == size.payload
    assert reference.ldpc_encoder._bg == f"bg{size.base_graph}"
    payload = random_bits(3, size.payload)
    expected = np.stack([reference(row[None]).numpy()[0] for row in payload])
    ours = TransportBlock(size, mcs.modulation_order).encode(payload).numpy()
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
        (512, "pdsch-1", 14, 2.2),
        (3001, "pdsch-1", 20, 2.4),
        (2500, "pdsch-1", 28, 9.0),
    ],
)
def test_decodes_like_sionna(channel_uses, table, index, mean):
    """At LLRs that leave some blocks right and some wrong, bits and CRC verdicts are the same."""
    from sionna.phy.nr import TBDecoder

    size, mcs = size_of(channel_uses, table, index)
    block = TransportBlock(size, mcs.modulation_order, "sionna", 8)
    reference = TBDecoder(sionna_encoder(size, mcs), num_bp_iter=8)
    payload = random_bits(12, size.payload)
    strength = np.linspace(0.6, 1.6, 12)[:, None] * mean
    llr = noisy_llr(block.encode(payload).numpy(), strength)
    bits, passed = block.decode(llr)
    expected_bits, expected_passed = reference(llr)
    np.testing.assert_array_equal(bits, expected_bits)
    np.testing.assert_array_equal(passed, expected_passed)
    np.testing.assert_array_equal(passed, (bits.numpy() == payload).all(axis=1))
    assert 0 < np.sum(passed) < 12


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
    channel_uses, table, index, turns
):
    size, mcs = size_of(channel_uses, table, index)
    block = TransportBlock(size, mcs.modulation_order, "sionna", 4)
    assert block._repetitions == turns
    payload = random_bits(2, size.payload)
    bits, passed = block.decode(noisy_llr(block.encode(payload).numpy(), 12.0))
    assert passed.numpy().all()
    np.testing.assert_array_equal(bits, payload)


def test_crc_fails_on_noise_alone():
    size, mcs = size_of(512, "pdsch-1", 5)
    block = TransportBlock(size, mcs.modulation_order, "sionna", 5)
    noise = np.random.default_rng(3).normal(size=(64, size.coded)).astype(np.float32)
    _, passed = block.decode(noise)
    assert not passed.numpy().any()  # each passes with probability 2⁻¹⁶


def test_scrambling_makes_the_zero_payload_balanced():
    """All-zero payload: CRC and code words are zero, so the coded bits are the Gold sequence itself."""
    size, mcs = size_of(2000, "pdsch-1", 5)
    coded = TransportBlock(size, mcs.modulation_order).encode(np.zeros((1, size.payload), np.float32))
    ones = coded.numpy().sum()
    assert abs(ones - size.coded / 2) < 4 * np.sqrt(size.coded / 4)


def test_undecodable_sizes_are_refused():
    size, mcs = size_of(64, "pdsch-1", 28)
    assert not size.decodable
    with pytest.raises(ValueError, match="coderate"):
        TransportBlock(size, mcs.modulation_order)


@pytest.mark.parametrize(
    "channel_uses", [64, 256, *(pytest.param(uses, marks=pytest.mark.slow) for uses in (512, 18432, 73728))]
)
def test_every_mcs_builds_or_says_that_it_is_not_decodable(channel_uses):
    from linksim.phy.ldpc.mother_code import MotherCodeEncoder

    for number in (1, 2, 3, 4):
        for mcs in mcs_table(f"pdsch-{number}"):
            size = transport_block_size(channel_uses, mcs.modulation_order, mcs.code_rate)
            if size.decodable:
                encoder = MotherCodeEncoder(size.code_block, max(size.codewords), size.base_graph)
                assert encoder.k == size.code_block
                assert encoder.n <= max(size.codewords)
            else:
                assert mcs.code_rate > 0.85
