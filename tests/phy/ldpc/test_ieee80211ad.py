"""The 802.11ad codes: tables, structure of the matrices, and error rates against Sionna's decoder.

pyldpc, which is independent of Sionna, cannot serve here: its decoder fails on irregular matrices.
"""

from fractions import Fraction

import numpy as np
import pytest

from linksim.phy import ldpc
from linksim.phy.ldpc.encoder import Encoder
from linksim.phy.ldpc.ieee80211ad import RATES, ieee80211ad_code

HALF, FIVE_EIGHTHS, THREE_QUARTERS, THIRTEEN_SIXTEENTHS = (
    Fraction(text) for text in ("1/2", "5/8", "3/4", "13/16")
)

#: Of each printed table, added up from its text by another program: sums of rows and columns, blocks.
SUMS = {
    HALF: (
        [114, 129, 159, 98, 214, 133, 120, 164],
        [138, 116, 114, 106, 111, 62, 78, 88, 52, 39, 68, 36, 41, 23, 35, 24],
        52,
    ),
    FIVE_EIGHTHS: (
        [274, 169, 214, 157, 129, 151],
        [114, 116, 75, 106, 91, 62, 114, 72, 34, 72, 68, 36, 52, 23, 35, 24],
        50,
    ),
    THREE_QUARTERS: (
        [337, 292, 262, 256],
        [126, 102, 63, 87, 115, 87, 76, 45, 91, 55, 63, 77, 65, 36, 35, 24],
        56,
    ),
    THIRTEEN_SIXTEENTHS: (
        [292, 272, 258],
        [91, 83, 22, 65, 75, 46, 37, 39, 63, 39, 46, 74, 47, 36, 35, 24],
        45,
    ),
}

#: Es/N0 of BPSK in real noise, in dB, at which about a third of the words is lost.
WATERFALL_DB = {HALF: 1.25, FIVE_EIGHTHS: 2.6, THREE_QUARTERS: 4.25, THIRTEEN_SIXTEENTHS: 5.0}


def dense(rate):
    return ieee80211ad_code(rate).parity_check_matrix().toarray().astype(int)


def rank(matrix):
    """Rank over the field of two elements."""
    rows = [int("".join(map(str, row)), 2) for row in matrix]
    found = 0
    while rows:
        pivot = rows.pop()
        if pivot:
            found += 1
            lowest = pivot & -pivot
            rows = [row ^ pivot if row & lowest else row for row in rows]
    return found


def test_the_standard_has_four_rates():
    assert set(RATES) == set(SUMS)
    with pytest.raises(KeyError):
        ieee80211ad_code(Fraction(7, 8))


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_size(rate):
    code = ieee80211ad_code(rate)
    assert (code.n, code.length, code.lifting, code.k) == (672, 672, 42, 672 * rate)
    assert code.systematic == code.k  # no fillers
    np.testing.assert_array_equal(code.sent, np.arange(672))  # nothing punctured


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_entries_add_up_to_those_of_the_printed_table(rate):
    rows, columns, blocks = SUMS[rate]
    shifts = ieee80211ad_code(rate).shifts
    assert shifts.min() == -1
    assert shifts.max() < 42
    shown = np.where(shifts < 0, 0, shifts)
    assert shown.sum(axis=1).tolist() == rows
    assert shown.sum(axis=0).tolist() == columns
    assert (shifts >= 0).sum() == blocks


@pytest.mark.parametrize(
    ("lower", "higher", "kept"),
    [
        (HALF, FIVE_EIGHTHS, {3: 1, 4: 2, 5: 3, 6: 4, 7: 5}),
        (FIVE_EIGHTHS, THREE_QUARTERS, {2: 0, 3: 1, 4: 2, 5: 3}),
        (THREE_QUARTERS, THIRTEEN_SIXTEENTHS, {1: 0, 2: 1, 3: 2}),
    ],
    ids=["1/2 in 5/8", "5/8 in 3/4", "3/4 in 13/16"],
)
def test_rows_of_a_lower_rate_live_on_in_the_next(lower, higher, kept):
    """The standard makes higher rates by filling up rows: a second, independent reading of most entries."""
    lower, higher = ieee80211ad_code(lower).shifts, ieee80211ad_code(higher).shifts
    for old, new in kept.items():
        there = (lower[old] >= 0) & (higher[new] >= 0)
        assert there.sum() >= 6
        assert (lower[old][there] == higher[new][there]).all()


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_each_block_is_the_identity_shifted_to_the_right(rate):
    """Row j of a block with shift s has its one in column (j + s) mod 42."""
    matrix, shifts = dense(rate), ieee80211ad_code(rate).shifts
    for row in range(shifts.shape[0]):
        for column in range(16):
            block = matrix[42 * row : 42 * row + 42, 42 * column : 42 * column + 42]
            shift = shifts[row, column]
            expected = np.zeros_like(block) if shift < 0 else np.roll(np.eye(42, dtype=int), shift, axis=1)
            np.testing.assert_array_equal(block, expected)


@pytest.mark.parametrize(
    ("rate", "column_weights", "row_weights"),
    [
        (HALF, {1: 42, 2: 126, 3: 126, 4: 378}, {5: 42, 6: 126, 7: 126, 8: 42}),
        (FIVE_EIGHTHS, {1: 42, 2: 126, 3: 210, 4: 294}, {7: 84, 8: 84, 10: 84}),
        (THREE_QUARTERS, {1: 42, 2: 42, 3: 126, 4: 462}, {13: 42, 14: 84, 15: 42}),
        (THIRTEEN_SIXTEENTHS, {1: 42, 2: 42, 3: 588}, {14: 42, 15: 42, 16: 42}),
    ],
    ids=str,
)
def test_weights(rate, column_weights, row_weights):
    matrix = dense(rate)
    for axis, expected in ((0, column_weights), (1, row_weights)):
        values, counts = np.unique(matrix.sum(axis=axis), return_counts=True)
        assert dict(zip(values.tolist(), counts.tolist())) == expected


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_no_check_is_redundant(rate):
    assert rank(dense(rate)) == 672 - 672 * rate


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_no_two_checks_share_two_bits(rate):
    """So the girth is at least 6."""
    matrix = dense(rate)
    shared = matrix @ matrix.T
    np.fill_diagonal(shared, 0)
    assert shared.max() == 1


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_encoded_words_are_systematic_and_meet_every_check(rate):
    code = ieee80211ad_code(rate)
    bits = np.random.default_rng(1).integers(0, 2, (50, code.k), dtype=np.uint8)
    words = Encoder(code)(bits)
    np.testing.assert_array_equal(words[:, : code.k], bits)
    assert not (words @ dense(rate).T % 2).any()


@pytest.mark.parametrize("precision", ["int16", "float32"])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_error_rates_are_those_of_belief_propagation(rate, precision):
    """The same LLRs for both; the mean difference lies within four of its standard errors.

    Layered decoding converges about twice as fast as flooding does, hence the numbers of iterations.
    """
    code, batch = ieee80211ad_code(rate), 500
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, (batch, code.k), dtype=np.uint8)
    variance = 10 ** (-WATERFALL_DB[rate] / 10)
    received = 1 - 2.0 * Encoder(code)(bits) + np.sqrt(variance) * rng.normal(size=(batch, 672))
    llr = (-2 * received / variance).astype(np.float32)
    ours = (ldpc.create("fast", code, 20, precision)(llr) != bits).mean(axis=1)
    reference = (ldpc.create("sionna", code, 40)(llr) != bits).mean(axis=1)
    assert 0.15 < (reference > 0).mean() < 0.5
    for mine, other in ((ours, reference), (ours > 0, reference > 0)):
        difference = mine.astype(float) - other
        assert abs(difference.mean()) <= 4 * difference.std() / np.sqrt(batch)
