"""The encoder against Sionna's and against the parity-check matrix itself."""

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.fec.ldpc import LDPC5GEncoder

from linksim.phy.ldpc.code import QuasiCyclicCode
from linksim.phy.ldpc.encoder import Encoder
from linksim.phy.ldpc.nr import nr_code

WHOLE = 10**6


def random_bits(*shape, seed=1):
    return np.random.default_rng(seed).integers(0, 2, shape, np.uint8)


def code_of(shifts, lifting):
    """The code with these blocks, all of whose bits are sent."""
    shifts = np.array(shifts, np.int16)
    rows, columns = shifts.shape
    return QuasiCyclicCode(shifts, lifting, (columns - rows) * lifting, np.arange(columns * lifting))


def meets_all_checks(code, words):
    # A check has fewer than 256 bits, so that its sum stays right in uint8.
    assert words.shape[1:] == (code.length,)
    assert words.dtype == np.uint8
    assert words.max() <= 1
    return not (code.parity_check_matrix() @ words.T % 2).any()


# Rates from 1/5 to 0.93, k with and without fillers, the smallest and the largest of either base graph.
@pytest.mark.parametrize(
    ("k", "n", "base_graph"),
    [
        (12, 60, 2), (40, 64, 2), (96, 480, 2), (193, 400, 2), (292, 330, 2), (640, 1920, 2), (641, 3205, 2),
        (3840, 19200, 2), (44, 132, 1), (100, 108, 1), (2000, 2500, 1), (4000, 8000, 1), (8424, 9216, 1),
        (8448, 25344, 1),
    ],
)  # fmt: skip
def test_sent_bits_are_those_of_sionna(k, n, base_graph):
    code, bits = nr_code(k, n, base_graph), random_bits(3, k)
    words = Encoder(code)(bits)
    expected = LDPC5GEncoder(k, n, bg=f"bg{base_graph}")(tf.constant(bits, tf.float32)).numpy()
    np.testing.assert_array_equal(words[:, code.sent], expected)
    np.testing.assert_array_equal(words[:, :k], bits)
    assert not words[:, k : code.systematic].any()
    assert meets_all_checks(code, words)


@pytest.mark.parametrize("base_graph", [1, 2])
def test_words_meet_every_parity_check_for_every_lifting_size(base_graph, k_of_every_lifting_size):
    for lifting, k in k_of_every_lifting_size(base_graph).items():
        code = nr_code(k - 1, WHOLE, base_graph)
        assert code.lifting == lifting
        assert meets_all_checks(code, Encoder(code)(random_bits(2, k - 1)))


def test_information_comes_first_and_parity_by_hand():
    """Z = 3: the parity column p meets p = a shifted by 1, so that p_j = a_{(j+1) mod 3}."""
    words = Encoder(code_of([[1, 0]], 3))(np.array([[1, 0, 0], [0, 1, 1]], np.uint8))
    assert words.tolist() == [[1, 0, 0, 0, 0, 1], [0, 1, 1, 1, 1, 0]]


def test_shift_of_the_parity_column_by_hand():
    """Row j holds a_j and p_{(j+1) mod 3}: a_0 is p_1."""
    words = Encoder(code_of([[0, 1]], 3))(np.array([[1, 0, 0]], np.uint8))
    assert words.tolist() == [[1, 0, 0, 0, 1, 0]]


def test_any_lower_triangular_parity_part_is_solved():
    rng = np.random.default_rng(3)
    for lifting in (1, 7, 42):
        shifts = rng.integers(-1, lifting, (5, 12))
        shifts[:, 7:] = np.tril(shifts[:, 7:], -1) - np.triu(np.ones((5, 5), int), 1)
        shifts[range(5), range(7, 12)] = rng.integers(0, lifting, 5)
        code = code_of(shifts, lifting)
        assert meets_all_checks(code, Encoder(code)(random_bits(4, code.k)))


def test_rows_in_any_order_are_solved():
    shifts = np.array([[4, 2, 0, 3, 1], [1, 3, 2, -1, -1], [0, 0, 1, 2, -1]])
    for order in ([0, 1, 2], [1, 2, 0], [2, 0, 1]):
        code = code_of(shifts[order], 5)
        assert meets_all_checks(code, Encoder(code)(random_bits(4, code.k)))


def test_a_word_does_not_depend_on_its_neighbours():
    code, bits = nr_code(500, 1000, 2), random_bits(5, 500)
    together = Encoder(code)(bits)
    for row, word in zip(bits, together):
        np.testing.assert_array_equal(Encoder(code)(row[None])[0], word)


def test_no_words():
    code = nr_code(100, 200, 2)
    assert Encoder(code)(np.zeros((0, 100), np.uint8)).shape == (0, code.length)


@pytest.mark.parametrize(
    "shifts",
    [
        # Two unknown columns in each row and, with unequal shifts, in their sum.
        [[0, 1, 2], [3, 4, 0]],
        # The sum of both rows has a single unknown column, but twice.
        [[0, 0, 1], [0, 0, 2]],
        # A parity column in no check at all.
        [[0, 1, -1], [2, 3, -1]],
        # Equal rows.
        [[0, 1, 2], [0, 1, 2]],
    ],
)
def test_matrices_that_back_substitution_does_not_solve_are_refused(shifts):
    with pytest.raises(ValueError, match="single unknown column"):
        Encoder(code_of(shifts, 5))
