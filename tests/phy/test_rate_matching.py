"""Rate matching: bits read around the circular buffer, the bit interleaver, and the sums of repetitions."""

import numpy as np
import pytest

from linksim.phy.ldpc.nr import nr_code
from linksim.phy.transport_block import TransportBlock, _interleaving
from linksim.phy.transport_block_size import TransportBlockSize


class Recorder:
    """In place of a decoder: keeps what it is given and says that all bits are zero."""

    def __init__(self, k):
        self.k, self.seen = k, []

    def __call__(self, llr):
        self.seen.append(llr.copy())
        return np.zeros((len(llr), self.k), np.uint8)


def one_block(k, coded, order, base_graph=2):
    """A transport block of one code block, k bits with CRC-16, over this many coded bits."""
    return TransportBlock(TransportBlockSize(k - 16, coded, k, (coded,), 16, 0, base_graph), order)


def two_blocks(k, codewords, order):
    size = TransportBlockSize(2 * (k - 24) - 24, sum(codewords), k, codewords, 24, 24, 1)
    return TransportBlock(size, order)


def random_bits(*shape, seed=1):
    return np.random.default_rng(seed).integers(0, 2, shape, np.uint8)


def test_interleavers_by_hand():
    """f_{i+j·Q_m} = e_{i·E/Q_m+j}: written by rows, read by columns."""
    assert _interleaving(6, 2).tolist() == [0, 3, 1, 4, 2, 5]
    assert _interleaving(8, 4).tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    assert _interleaving(8, 8).tolist() == list(range(8))
    assert _interleaving(12, 6).tolist() == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]


@pytest.mark.parametrize(("length", "order"), [(48, 2), (48, 4), (48, 6), (48, 8), (50, 10)])
def test_interleavers_follow_the_standards_formula(length, order):
    places = _interleaving(length, order)
    for i in range(order):
        for j in range(length // order):
            assert places[i + j * order] == i * length // order + j


@pytest.mark.parametrize(("k", "coded", "order"), [(40, 96, 2), (40, 808, 4), (200, 1200, 6), (100, 2400, 8)])
def test_coded_bits_are_the_buffers_around_and_around(k, coded, order):
    block = one_block(k, coded, order)
    payload = random_bits(2, block.payload)
    # The buffer of the mother code, by an encoder that sends all of it.
    whole = one_block(k, 20000, 2)
    e = descrambled(whole, whole.encode(payload))
    buffer = e.reshape(2, -1, 2).swapaxes(1, 2).reshape(2, -1)[:, : nr_code(k, 10**6, 2).n]
    # A codeword that is shorter than the buffer is its beginning; a longer one starts again.
    expected = np.tile(buffer, (1, -(-coded // buffer.shape[1])))[:, :coded]
    rows = descrambled(block, block.encode(payload)).reshape(2, -1, order).swapaxes(1, 2)
    np.testing.assert_array_equal(rows.reshape(2, -1), expected)


def descrambled(block, coded):
    return coded ^ block._scrambling


@pytest.mark.parametrize("coded", [200, 318, 320, 322, 800, 960, 2000])
def test_llrs_of_repeated_bits_are_added_up(coded):
    """40 bits have a buffer of 320: the decoder is given the sums over up to seven turns around it."""
    k = 40
    block = one_block(k, coded, 2)
    block._decoder = recorder = Recorder(k)
    llr = np.random.default_rng(1).normal(size=(3, coded)).astype(np.float32)
    block.decode(llr)
    in_order = (llr * (1 - 2.0 * block._scrambling)).reshape(3, -1, 2).swapaxes(1, 2).reshape(3, -1)
    n = min(coded, nr_code(k, 10**6, 2).n)
    expected = np.stack([in_order[:, place::n].sum(axis=1) for place in range(n)], axis=1)
    (seen,) = recorder.seen
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, expected, atol=1e-5)


@pytest.mark.parametrize("codewords", [(700, 700), (698, 702), (2600, 2604)])
def test_code_blocks_of_unequal_length_share_a_decoder(codewords):
    """The shorter one has no LLR for the last bits of the longer one."""
    block = two_blocks(500, codewords, 2)
    block._decoder = recorder = Recorder(500)
    llr = np.random.default_rng(1).normal(size=(2, sum(codewords))).astype(np.float32)
    block.decode(llr)
    (seen,) = recorder.seen
    n = min(max(codewords), nr_code(500, 10**6, 1).n)
    assert seen.shape == (4, n)  # first block of both images, then the second
    signed = llr * (1 - 2.0 * block._scrambling)
    for index, part in enumerate(np.split(signed, [codewords[0]], axis=1)):
        in_order = part.reshape(2, -1, 2).swapaxes(1, 2).reshape(2, -1)
        expected = np.stack([in_order[:, place::n].sum(axis=1) for place in range(n)], axis=1)
        np.testing.assert_allclose(seen[2 * index : 2 * index + 2], expected, atol=1e-5)
    if codewords == (698, 702):
        assert not seen[:2, 698:].any()
        assert seen[2:, 698:].all()


@pytest.mark.parametrize("order", [2, 4, 6, 8, 10])
@pytest.mark.parametrize("coded", [240, 480, 1200, 2400])
def test_the_decoder_meets_each_bit_where_the_encoder_took_it(order, coded):
    """Certain LLRs of the coded bits come back as the signs of the word's sent bits, however often sent."""
    block = one_block(100, coded, order)
    block._decoder = recorder = Recorder(100)
    payload = random_bits(3, block.payload)
    block.decode((2.0 * block.encode(payload) - 1).astype(np.float32))
    other = one_block(100, recorder.seen[0].shape[1] // 2 * 2, 2)  # the same bits, each once
    bits = descrambled(other, other.encode(payload)).reshape(3, -1, 2).swapaxes(1, 2).reshape(3, -1)
    np.testing.assert_array_equal(recorder.seen[0] > 0, bits)
    turns = np.abs(recorder.seen[0])
    assert set(np.unique(turns)) <= {coded // bits.shape[1], -(-coded // bits.shape[1])}
