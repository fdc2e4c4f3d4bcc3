"""The fast decoder against plain models of its algorithm, and what it must do with any code and any LLR."""

import math
from dataclasses import dataclass, replace

import numba
import numpy as np
import pytest

from linksim.phy import ldpc
from linksim.phy.ldpc import min_sum_kernel
from linksim.phy.ldpc.code import QuasiCyclicCode
from linksim.phy.ldpc.encoder import Encoder
from linksim.phy.ldpc.ieee80211ad import RATES, ieee80211ad_code
from linksim.phy.ldpc.min_sum import MinSumDecoder
from linksim.phy.ldpc.nr import nr_code

PRECISIONS = ["int16", "float32"]


def array_code(lifting, rows, columns, seed=0):
    """Regular code of shifts i·j mod Z, in a random order of its columns; all bits sent and given out."""
    order = np.random.default_rng(seed).permutation(columns)
    shifts = np.multiply.outer(np.arange(rows), order) % lifting
    return whole_word(QuasiCyclicCode(shifts.astype(np.int16), lifting, 0, np.arange(columns * lifting)))


def whole_word(code):
    """The same code, whose decoder gives out all bits of the word instead of the first ones."""
    return replace(code, k=code.length)


def words_of(code, count, seed=1):
    """Random words: of the encoder, or, where the matrix has no parity part, of the null space of H."""
    rng = np.random.default_rng(seed)
    try:
        information = min(code.k, code.systematic)
        encoder = Encoder(replace(code, k=information))
        return encoder(rng.integers(0, 2, (count, information), np.uint8))
    except ValueError:
        basis = null_space(code.parity_check_matrix().toarray())
        return (rng.integers(0, 2, (count, len(basis))) @ basis % 2).astype(np.uint8)


def null_space(matrix):
    """Basis of the words with H·c = 0 over two elements, by elimination."""
    matrix, pivots = matrix.astype(bool), []
    for column in range(matrix.shape[1]):
        below = len(pivots) + np.flatnonzero(matrix[len(pivots) :, column])
        if below.size:
            matrix[[len(pivots), below[0]]] = matrix[[below[0], len(pivots)]]
            others = np.flatnonzero(matrix[:, column])
            matrix[others[others != len(pivots)]] ^= matrix[len(pivots)]
            pivots.append(column)
    free = np.setdiff1d(np.arange(matrix.shape[1]), pivots)
    basis = np.zeros((len(free), matrix.shape[1]), np.int64)
    basis[np.arange(len(free)), free] = 1
    basis[:, pivots] = matrix[: len(pivots), free].T
    return basis


def received(code, count, mean, seed=1):
    """Bits to decode, and LLRs of BPSK on AWGN: Gaussian of this mean towards the bit, twice the variance."""
    words = words_of(code, count, seed)
    sent = words[:, code.sent]
    noise = np.random.default_rng(seed + 1).normal(size=sent.shape) * np.sqrt(2 * mean)
    return words[:, : code.k], ((2.0 * sent - 1) * mean + noise).astype(np.float32)


# Plain models -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arithmetic:
    """Real numbers, or integers with 16 steps per unit."""

    steps: int
    clip: float
    cap: float
    correction: float
    integer: bool

    def quantised(self, llr):
        value = min(max(-self.steps * llr, -self.clip), self.clip)
        return math.floor(value + 0.5) if self.integer else value

    def boxplus(self, a, b):
        """min(a, b) − f(|a − b|) + f(a + b) with f(x) = max(0, c − x/4), quarters rounded down."""

        def line(x):
            return max(0, self.correction - (x >> 2 if self.integer else x / 4))

        return min(a, b) - line(abs(a - b)) + line(a + b)


REAL = Arithmetic(1, 1e6, 1e9, 0.625, integer=False)


def integers_for(code):
    """A column of 30 blocks limits messages to 511 steps: 1024 + 30·511 ≤ 16383, half of what int16 holds."""
    degree = (code.shifts >= 0).sum(axis=0).max()
    return Arithmetic(16, 1024, int((16383 - 1024) // degree), 10, integer=True)


def decode_by_checks(code, llr, iterations, arithmetic, stop=True):
    """One codeword, check by check in the order of H; bits and the iterations it took."""
    matrix = code.parity_check_matrix()
    checks = [sorted(row.tolist()) for row in np.split(matrix.indices, matrix.indptr[1:-1])]
    values = [0] * code.length
    for bit in range(code.k, code.systematic):
        values[bit] = arithmetic.clip
    for bit, value in zip(code.sent.tolist(), llr.tolist()):
        values[bit] = arithmetic.quantised(value)
    messages = [[0] * len(check) for check in checks]
    taken = 0
    while taken < iterations:
        taken += 1
        for check, old in zip(checks, messages):
            extrinsic = [values[bit] - message for bit, message in zip(check, old)]
            smallest = rest = arithmetic.cap
            for magnitude in map(abs, extrinsic):
                rest = arithmetic.boxplus(rest, max(smallest, magnitude))
                smallest = min(smallest, magnitude)
            whole = arithmetic.boxplus(smallest, rest)
            negative = sum(value < 0 for value in extrinsic) % 2
            for place, (bit, value) in enumerate(zip(check, extrinsic)):
                magnitude = rest if abs(value) == smallest else whole
                old[place] = -magnitude if negative != (value < 0) else magnitude
                values[bit] = value + old[place]
        if stop and not any(sum(values[bit] < 0 for bit in check) % 2 for check in checks):
            break
    return [value < 0 for value in values[: code.k]], taken


# With the mean of the LLRs at which about half of the words need more than five iterations. The words of NR
# have fillers, punctured bits and a cut last column; the others are compared in all their bits.
MODELLED = {
    "base graph 1": (nr_code(205, 331, 1), 4.0),
    "base graph 2": (nr_code(97, 300, 2), 1.8),
    "base graph 2, whole": (nr_code(40, 10**6, 2), 0.6),
    "802.11ad 1/2": (whole_word(ieee80211ad_code(RATES[0])), 2.6),
    "802.11ad 13/16": (whole_word(ieee80211ad_code(RATES[3])), 6.0),
    "array code": (array_code(17, 3, 7, seed=2), 3.5),
}


@pytest.mark.parametrize("name", MODELLED)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_decisions_are_those_of_a_plain_model(name, precision):
    """int16 bit by bit. LLRs are multiples of 1/64, so that the model rounds the same numbers, ties too."""
    code, mean = MODELLED[name]
    bits, llr = received(code, 10, mean)
    llr = np.round(64 * llr) / np.float32(64)
    arithmetic = integers_for(code) if precision == "int16" else REAL
    for iterations in (1, 2, 5, 12):
        model = [decode_by_checks(code, word, iterations, arithmetic) for word in llr]
        decoded = MinSumDecoder(code, iterations, precision)(llr)
        np.testing.assert_array_equal(decoded, [bits for bits, _ in model])
        wrong = (decoded != bits).any(axis=1)
        # The comparison is about words that are still on their way.
        assert wrong.sum() >= {1: 8, 2: 6, 5: 2}.get(iterations, 0)
    assert any(taken < iterations for _, taken in model)


def test_a_word_is_given_out_as_it_was_when_its_checks_first_held():
    """Of random LLRs there are some that first lead to one word and, without a stop, on to another."""
    code = array_code(5, 2, 4)
    llr = np.random.default_rng(3).integers(-200, 201, (500, code.n)).astype(np.float32) / 64
    integers, further = integers_for(code), 0
    for word, decoded in zip(llr, MinSumDecoder(code, 8)(llr)):
        bits, _ = decode_by_checks(code, word, 8, integers)
        np.testing.assert_array_equal(decoded, bits)
        further += bits != decode_by_checks(code, word, 8, integers, stop=False)[0]
    assert further >= 1


# Batches and threads ----------------------------------------------------------------------------------------

# Lifting sizes for which 32, 8, 4 and 2 words are decoded side by side, and one for which each is alone.
SIDE_BY_SIDE = [(7, 40), (20, 120), (44, 336), (72, 700), (384, 3800)]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("lifting", "k"), SIDE_BY_SIDE)
def test_a_word_does_not_depend_on_its_neighbours(lifting, k, precision):
    code = nr_code(k, 2 * k, 2)
    assert code.lifting == lifting
    bits, llr = received(code, 70 if k < 1000 else 9, 2.8 if k < 1000 else 2.7)
    decoder = MinSumDecoder(code, 8, precision)
    together = decoder(llr)
    wrong = (together != bits).any(axis=1)
    assert 0 < wrong.sum() < len(llr)
    for row, word in zip(llr, together):
        np.testing.assert_array_equal(decoder(row[None])[0], word)
    order = np.random.default_rng(5).permutation(len(llr))
    np.testing.assert_array_equal(decoder(llr[order]), together[order])
    np.testing.assert_array_equal(decoder(llr[3:]), together[3:])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("lifting", "k"), SIDE_BY_SIDE)
def test_the_number_of_threads_changes_nothing(lifting, k, precision):
    code = nr_code(k, 2 * k, 2)
    _, llr = received(code, 70 if k < 1000 else 9, 2.8 if k < 1000 else 2.7)
    decoder, before = MinSumDecoder(code, 8, precision), numba.get_num_threads()
    results = []
    try:
        for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(threads)
            results += [decoder(llr), decoder(llr)]
    finally:
        numba.set_num_threads(before)
    for result in results:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("k", [40, 336, 3800])
def test_no_words(k, precision):
    bits = MinSumDecoder(nr_code(k, 2 * k, 2), 20, precision)(np.zeros((0, 2 * k), np.float32))
    assert bits.shape == (0, k)
    assert bits.dtype == np.uint8


def test_any_layout_of_memory():
    code = nr_code(100, 200, 2)
    bits, llr = received(code, 20, 5.0)
    decoder = MinSumDecoder(code)
    for view in (np.asfortranarray(llr), np.repeat(llr, 2, axis=1)[:, ::2], llr.astype(np.float64)):
        np.testing.assert_array_equal(decoder(view), bits)


# Codes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("base_graph", [1, 2])
def test_every_lifting_size_mends_noisy_words(base_graph, precision, k_of_every_lifting_size):
    """With a filler, punctured bits and an end in the middle of a block; enough words to fill all lanes.

    Rate 1/2 at Es/N0 = 3 dB, the shortest codes at 7 dB: far above threshold, but with many wrong signs.
    """
    for lifting, k in k_of_every_lifting_size(base_graph).items():
        code = nr_code(k - 1, 2 * k - 1, base_graph)
        assert code.lifting == lifting
        bits, llr = received(code, max(4, 600 // lifting), 20.0 if lifting < 16 else 8.0)
        np.testing.assert_array_equal(MinSumDecoder(code, 20, precision)(llr), bits, str(lifting))
        if lifting >= 16:
            wrong_signs = (llr > 0) != words_of(code, len(llr))[:, code.sent]
            assert wrong_signs.mean() > 0.01  # expected: Q(√(8/2)) = 0.023


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("base_graph", [1, 2])
def test_the_whole_circular_buffer_and_high_rates(base_graph, precision):
    for k, n, mean in [(500, 10**6, 2.5), (500, 530, 24.0), (1700, 2000, 13.0)]:
        code = nr_code(k, n, base_graph)
        bits, llr = received(code, 40, mean)
        np.testing.assert_array_equal(MinSumDecoder(code, 20, precision)(llr), bits)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("rate", "mean"), list(zip(RATES, (6.5, 9.0, 12.0, 15.0))))
def test_codes_of_802_11ad(rate, mean, precision):
    code = ieee80211ad_code(rate)
    bits, llr = received(code, 100, mean)
    assert llr.shape == (100, 672)
    np.testing.assert_array_equal(MinSumDecoder(code, 20, precision)(llr), bits)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    ("lifting", "rows", "columns"), [(31, 3, 6), (89, 3, 9), (257, 4, 8), (512, 3, 6), (1, 3, 7)]
)
def test_any_quasi_cyclic_matrix(lifting, rows, columns, precision):
    """Regular array codes, all bits given out; also where the lifting size is neither of NR nor of 802.11."""
    code = array_code(lifting, rows, columns, seed=4)
    bits, llr = received(code, 30, 40.0 if lifting == 1 else 12.0)
    if lifting > 1:
        assert ((llr > 0) != bits).any(axis=1).mean() > 0.5
        assert bits.any(axis=1).all()
    np.testing.assert_array_equal(MinSumDecoder(code, 30, precision)(llr), bits)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_checks_of_one_bit_and_bits_without_checks(precision):
    """Column 0 must be zero whatever its LLRs say; column 3 is in no check and keeps its own."""
    code = QuasiCyclicCode(np.array([[2, -1, -1, -1], [-1, 0, 3, -1]], np.int16), 5, 20, np.arange(20))
    llr = np.r_[np.full(5, 3), np.full(5, -2), [1, 1, 1, 1, 1], [1, -1, 1, 1, -1]].astype(np.float32)
    decoded = MinSumDecoder(code, 5, precision)(llr[None])[0]
    assert decoded.tolist() == [0] * 15 + [1, 0, 1, 1, 0]


def test_one_compiled_kernel_for_each_precision():
    nr = [nr_code(44, 100, 1), nr_code(3840, 6000, 2)]
    for precision in PRECISIONS:
        for code in (*nr, ieee80211ad_code(RATES[1]), array_code(5, 3, 5)):
            MinSumDecoder(code, 3, precision)(np.zeros((3, code.n), np.float32))
    assert len(min_sum_kernel.decode.signatures) == 2


# Extreme LLRs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("magnitude", [1e-3, 63.9, 64, 1e4, 1e9, 3e38, np.inf])
@pytest.mark.parametrize(("k", "n", "base_graph"), [(3800, 7600, 2), (44, 132, 1), (1000, 10**6, 1)])
def test_noiseless_words_of_any_magnitude(k, n, base_graph, magnitude, precision):
    code = nr_code(k, n, base_graph)
    words = words_of(code, 3)
    llr = np.where(words[:, code.sent], np.float32(magnitude), -np.float32(magnitude))
    if magnitude * 16 < 0.5 and precision == "int16":
        llr = llr * 0  # less than half a step is nothing
        words = words * 0
    np.testing.assert_array_equal(MinSumDecoder(code, 20, precision)(llr), words[:, :k])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("magnitude", [1e9, 3e38, np.inf])
@pytest.mark.parametrize(("k", "n", "base_graph"), [(3800, 7600, 2), (100, 300, 1), (1000, 2500, 1)])
def test_certain_but_wrong_bits_do_not_overflow(k, n, base_graph, magnitude, precision):
    """A few signs wrong, all as sure as can be: a decoder whose sums wrap around does not find the word."""
    code = nr_code(k, n, base_graph)
    words = words_of(code, 5)
    rng = np.random.default_rng(6)
    sent = words[:, code.sent] ^ (rng.random((5, code.n)) < 0.01)
    llr = np.where(sent, np.float32(magnitude), -np.float32(magnitude))
    np.testing.assert_array_equal(MinSumDecoder(code, 20, precision)(llr), words[:, :k])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", MODELLED)
def test_contradictions_and_mixtures_of_extremes_stay_as_modelled(name, precision):
    """Random signs with 0, tiny, usual and infinite magnitudes never settle: sums grow as far as they can."""
    code, _ = MODELLED[name]
    rng = np.random.default_rng(7)
    magnitudes = np.array([0, 1e-30, 1 / 64, 1, 40, 1e9, np.inf], np.float32)
    llr = rng.choice(magnitudes, (6, code.n)) * rng.choice(np.array([-1, 1], np.float32), (6, code.n))
    decoder = MinSumDecoder(code, 12, precision)
    if precision == "int16":
        expected = [decode_by_checks(code, word, 12, integers_for(code))[0] for word in llr]
        np.testing.assert_array_equal(decoder(llr), expected)
    else:
        assert decoder(llr).max() <= 1
        np.testing.assert_array_equal(decoder(llr), decoder(llr[::-1])[::-1])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("k", [40, 336, 3800])
def test_zeros_decode_to_the_zero_word(k, precision):
    decoded = MinSumDecoder(nr_code(k, 2 * k, 2), 20, precision)(np.zeros((5, 2 * k), np.float32))
    assert not decoded.any()


# The interface ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ldpc.DECODERS)
def test_decoders_by_name_share_an_interface(name):
    code = nr_code(100, 250, 2)
    bits, llr = received(code, 10, 6.0)
    decoded = ldpc.create(name, code, 20)(llr)
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, bits)
