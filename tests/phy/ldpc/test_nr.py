"""NR codes: lifting sizes, parity-check matrices and sent bits, against Sionna and the standard's text."""

import numpy as np
import pytest
from sionna.phy.fec.ldpc import LDPC5GEncoder

from linksim.phy.ldpc.nr import LIFTING_SIZES, nr_code

SIZES = sorted(size for sizes in LIFTING_SIZES for size in sizes)
WHOLE = 10**6

#: Systematic block columns; block columns in the circular buffer (TS 38.212 clause 5.3.2); largest K'.
SYSTEMATIC = {1: 22, 2: 10}
BUFFER = {1: 66, 2: 50}
LARGEST = {1: 8448, 2: 3840}


def sionna_encoder(k, base_graph):
    return LDPC5GEncoder(k, (3 if base_graph == 1 else 5) * k, bg=f"bg{base_graph}")


def test_there_are_the_51_lifting_sizes_of_the_standard():
    runs = [(2, 16, 1), (18, 32, 2), (36, 64, 4), (72, 128, 8), (144, 256, 16), (288, 384, 32)]
    assert [size for first, last, step in runs for size in range(first, last + 1, step)] == SIZES
    assert len(SIZES) == 51


@pytest.mark.parametrize("base_graph", [1, 2])
def test_every_k_gets_sionnas_lifting_size(base_graph):
    for k in range(12, LARGEST[base_graph] + 1):
        expected, _, _ = LDPC5GEncoder._sel_lifting(None, k, f"bg{base_graph}")
        # A code cut to few sent bits is quick to build.
        assert nr_code.__wrapped__(k, k, base_graph).lifting == expected


@pytest.mark.parametrize("base_graph", [1, 2])
def test_parity_check_matrices_are_sionnas_for_every_lifting_size(base_graph, k_of_every_lifting_size):
    for lifting, k in k_of_every_lifting_size(base_graph).items():
        reference, code = sionna_encoder(k, base_graph), nr_code(k, WHOLE, base_graph)
        assert (code.lifting, code.k) == (reference.z, k) == (lifting, k)
        assert (code.systematic, code.length) == (reference.k_ldpc, reference.n_ldpc)
        assert (code.parity_check_matrix() != reference.pcm).nnz == 0


@pytest.mark.parametrize("base_graph", [1, 2])
@pytest.mark.parametrize("k", [40, 100, 485, 561, 650, 2000, 3840])
def test_sent_bits_are_read_from_the_circular_buffer(base_graph, k):
    """Written out as in TS 38.212, clauses 5.3.2 and 5.4.2.1, with None for what is not to be sent."""
    code = nr_code(k, WHOLE, base_graph)
    z, columns = code.lifting, SYSTEMATIC[base_graph]
    word = [*range(k), *[None] * (columns * z - k), *range(columns * z, (BUFFER[base_graph] + 2) * z)]
    buffer = word[2 * z :]
    assert len(buffer) == BUFFER[base_graph] * z
    places = [place for place in buffer if place is not None]
    assert code.sent.tolist() == places
    assert code.n == BUFFER[base_graph] * z - (columns * z - k)
    for n in (k, 2 * k + 1, len(places) - 1):
        assert nr_code(k, n, base_graph).sent.tolist() == places[:n]


def test_wanting_more_than_the_buffer_gives_the_buffer():
    whole = nr_code(100, WHOLE, 2)
    assert nr_code(100, whole.n, 2).n == nr_code(100, whole.n + 1, 2).n == whole.n
    assert nr_code(100, whole.n - 1, 2).n == whole.n - 1


@pytest.mark.parametrize(("k", "base_graph"), [(44, 1), (1000, 1), (8448, 1), (40, 2), (640, 2), (3840, 2)])
def test_a_code_of_fewer_bits_is_the_upper_left_part_of_the_whole(k, base_graph):
    whole = nr_code(k, WHOLE, base_graph)
    z, systematic = whole.lifting, whole.systematic
    for n in (round(1.06 * k), round(1.5 * k), 2 * k, 2 * k + z, whole.n - 1):
        code = nr_code(k, n, base_graph)
        rows, columns = code.shifts.shape
        assert columns - rows == SYSTEMATIC[base_graph]
        np.testing.assert_array_equal(code.shifts, whole.shifts[:rows, :columns])
        assert code.sent.max() < code.length
        # Nothing is carried along in vain: the last block column is sent, at least in part, or of the core.
        assert rows == 4 or code.sent.max() >= code.length - z
        part = whole.parity_check_matrix()[: rows * z, : columns * z]
        assert (code.parity_check_matrix() != part).nnz == 0
    assert systematic == SYSTEMATIC[base_graph] * z


@pytest.mark.parametrize("base_graph", [1, 2])
def test_the_rows_cut_off_say_nothing_about_the_bits_that_stay(base_graph):
    """Each defines parity bits of its own, which are in no other row: whatever the word, they fit."""
    shifts = nr_code(LARGEST[base_graph], WHOLE, base_graph).shifts
    columns = SYSTEMATIC[base_graph]
    own = shifts[4:, columns + 4 :]
    np.testing.assert_array_equal(own, np.where(np.eye(len(own)), 0, -1))
    assert (shifts[:4, columns + 4 :] == -1).all()


@pytest.mark.parametrize("base_graph", [1, 2])
def test_more_bits_than_the_base_graph_holds_are_refused(base_graph):
    assert nr_code(LARGEST[base_graph], WHOLE, base_graph).lifting == 384
    with pytest.raises(ValueError, match=f"base graph {base_graph} holds at most {LARGEST[base_graph]} bits"):
        nr_code(LARGEST[base_graph] + 1, WHOLE, base_graph)
