"""The mother code to the end of its circular buffer, and the rate matching read from it."""

import numpy as np
import pytest

from linksim.phy.ldpc.mother_code import MotherCodeEncoder
from linksim.phy.transport_block import TransportBlock, _rate_matching
from linksim.phy.transport_block_size import TransportBlockSize


@pytest.mark.parametrize(
    ("k", "base_graph", "columns"), [(40, 2, 50), (140, 2, 50), (600, 2, 50), (200, 1, 66), (484, 1, 66)]
)
def test_every_bit_of_the_buffer_satisfies_the_parity_checks(k, base_graph, columns):
    encoder = MotherCodeEncoder(k, 10**6, base_graph)
    z, fillers = encoder.z, encoder.k_ldpc - k
    # TS 38.212 clause 5.3.2: 66Z or 50Z coded bits, of which the fillers are not sent.
    assert encoder.n == columns * z - fillers
    assert encoder.n >= (3 if base_graph == 1 else 5) * k  # where Sionna's own encoder stops
    bits = np.random.default_rng(1).integers(0, 2, (4, k)).astype(np.float32)
    sent = encoder(bits).numpy()
    # Whole codeword: information (its first 2Z bits are never sent), zero fillers, parity.
    whole = np.concatenate([bits, np.zeros((4, fillers)), sent[:, k - 2 * z :]], axis=1)
    assert whole.shape[1] == encoder.n_ldpc
    np.testing.assert_array_equal(sent[:, : k - 2 * z], bits[:, 2 * z :])
    syndrome = encoder.pcm @ whole.T % 2
    assert not syndrome.any()


@pytest.mark.parametrize(("k", "n", "base_graph"), [(140, 500, 2), (500, 1000, 1)])
def test_a_shorter_codeword_is_the_beginning_of_the_buffer(k, n, base_graph):
    bits = np.random.default_rng(1).integers(0, 2, (2, k)).astype(np.float32)
    short = MotherCodeEncoder(k, n, base_graph)(bits).numpy()
    whole = MotherCodeEncoder(k, 10**6, base_graph)(bits).numpy()
    assert short.shape == (2, n)
    np.testing.assert_array_equal(short, whole[:, :n])


def test_code_rates_beyond_the_limit_are_refused_silently(capsys):
    with pytest.raises(ValueError, match=r"r>0\.95"):
        MotherCodeEncoder(96, 100, 2)
    MotherCodeEncoder(94, 100, 2)
    assert capsys.readouterr() == ("", "")


def test_bit_selection_and_interleaving_by_hand():
    """Buffer 0…4, E = 6 and 8, Q_m = 2.

    Codeword 1 reads 0 1 2 3 4 0; written in two rows of three and read by columns: 0 3 | 1 4 | 2 0.
    Codeword 2 reads 5 6 7 8 9 5 6 7 of the joined buffers, rows of four: 5 9 | 6 5 | 7 6 | 8 7.
    """
    sent, seat, repetitions = _rate_matching((6, 8), 5, 2)
    assert repetitions == 2
    assert sent.tolist() == [0, 3, 1, 4, 2, 0, 5, 9, 6, 5, 7, 6, 8, 7]
    # Place p of turn t around a buffer holds which coded bit? 14 stands for none.
    first = [0, 2, 4, 1, 3, 5, 14, 14, 14, 14]
    second = [6, 8, 10, 12, 7, 9, 11, 13, 14, 14]
    assert seat.tolist() == first + second


def test_16qam_interleaver_by_hand():
    """E = 8, Q_m = 4: rows of two, so bit i of symbol j is e_{2i+j} (TS 38.212 clause 5.4.2.2)."""
    sent, seat, repetitions = _rate_matching((8,), 8, 4)
    assert repetitions == 1
    assert sent.tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    assert seat.tolist() == [0, 4, 1, 5, 2, 6, 3, 7]


@pytest.mark.parametrize(
    ("codewords", "n", "order"), [((12, 12, 18), 18, 6), ((40,), 16, 4), ((30, 32), 33, 2), ((8,), 8, 8)]
)
def test_every_seat_leads_back_to_its_coded_bit(codewords, n, order):
    sent, seat, repetitions = _rate_matching(codewords, n, order)
    coded = sum(codewords)
    seats = seat.reshape(len(codewords), repetitions, n)
    taken = np.argwhere(seats < coded)
    assert sorted(seats[seats < coded].tolist()) == list(range(coded))
    for block, turn, place in taken:
        assert sent[seats[block, turn, place]] == block * n + place
    assert (seats[seats >= coded] == coded).all()


def test_repeated_positions_add_their_llrs():
    """Two and a half turns around the buffer: a decoder that only passes LLRs on sees the sums."""
    k, turns = 40, 2.5
    buffer = MotherCodeEncoder(k, 10**6, 2).n
    coded = int(buffer * turns) // 2 * 2
    size = TransportBlockSize(k - 16, coded, k, (coded,), 16, 0, 2)
    block = TransportBlock(size, 2)
    seen = []

    def remember(llr):
        seen.append(llr.numpy())
        return llr[:, :k]

    block._decoder = remember
    llr = np.random.default_rng(1).normal(size=(1, coded)).astype(np.float32)
    block._decode(llr)
    descrambled = llr[0] * (1 - 2 * block._scrambling.numpy())
    in_order = descrambled.reshape(-1, 2).T.ravel()  # undo the interleaver: symbols to rows
    expected = [in_order[place::buffer].sum(dtype=np.float64) for place in range(buffer)]
    np.testing.assert_allclose(seen[0][0], expected, atol=1e-5)
