"""Gallager's codes: their matrices, and Sionna's decoder for the link against pyldpc's own."""

import numpy as np
import pytest

from linksim.phy.ldpc.gallager import DEGREES, gallager_code
from linksim.phy.ldpc.sionna_bp import SionnaDecoder

pyldpc = pytest.importorskip("pyldpc")

CODES = sorted(DEGREES)


def words(code, count, seed=3):
    """Random information bits and their words."""
    bits = np.random.default_rng(seed).integers(0, 2, (count, code.k), np.uint8)
    return bits, code.encode(bits)


@pytest.mark.parametrize("size", CODES)
def test_regular_systematic_and_orthogonal(size):
    code = gallager_code(*size)
    checks = code.parity_check_matrix()
    in_column, in_row = DEGREES[size]
    assert set(np.ravel(checks.sum(axis=0))) == {in_column}
    assert set(np.ravel(checks.sum(axis=1))) == {in_row}
    bits, sent = words(code, 20)
    np.testing.assert_array_equal(sent[:, : code.k], bits)
    assert not ((checks @ sent.T.astype(int)) % 2).any()


def test_dependent_rows_leave_more_information_bits_than_the_design_rate():
    """Two of the (3, d) codes here; three of the (4, 8) code, whose k is 339 and not 336."""
    for (k, n), (in_column, in_row) in DEGREES.items():
        assert k == n - n * in_column // in_row + 2
    _, generator = pyldpc.make_ldpc(672, 4, 8, systematic=True, sparse=True, seed=1)
    assert generator.shape == (672, 339)


@pytest.mark.filterwarnings("ignore:\\s*Decoding stopped before convergence")
@pytest.mark.parametrize(("size", "snr_db"), list(zip(CODES, (-1.6, -0.3, 1.1, 1.9))))
def test_sionna_decodes_as_pyldpc_does(size, snr_db):
    """The same noisy BPSK words at an Es/N0 in the waterfall: both lose the same ones.

    pyldpc takes them one by one: it goes on with a batch until all its words are solved, and where the
    beliefs of those that are saturate it lets messages fall to ±1, which spoils some again.
    """
    code, count = gallager_code(*size), 30
    bits, sent = words(code, count)
    # pyldpc's SNR is over a real noise variance of 10^(−snr/10), half the complex one's.
    deviation = np.sqrt(0.5 * 10 ** (-snr_db / 10))
    received = 1.0 - 2.0 * sent + deviation * np.random.default_rng(4).standard_normal(sent.shape)
    llr = (-2 * received / deviation**2).astype(np.float32)
    ours = (SionnaDecoder(code, 40)(llr) != bits).any(axis=1)
    snr_of_pyldpc = -20 * np.log10(deviation)
    checks = code.parity_check_matrix().toarray().astype(int)
    decoded = np.array([pyldpc.decode(checks, word, snr_of_pyldpc, 40) for word in received])
    theirs = (decoded[:, : code.k] != bits).any(axis=1)
    assert 0 < theirs.sum() < count
    assert (ours != theirs).sum() <= 1  # float32 against float64
