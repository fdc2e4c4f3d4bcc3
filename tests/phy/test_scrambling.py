"""The Gold sequence against Sionna's bit-by-bit generator and the standard's two shift registers."""

import numpy as np
import pytest

from linksim.phy import runtime
from linksim.phy.scrambling import gold_sequence

runtime.load()


@pytest.mark.parametrize("length", [1, 30, 31, 32, 1000, 12_345])
@pytest.mark.parametrize("initial", [0, 1, 32769, 2**31 - 1])
def test_equal_to_sionna(length, initial):
    from sionna.phy.nr.utils import generate_prng_seq

    np.testing.assert_array_equal(gold_sequence(length, initial), generate_prng_seq(length, initial))


def test_m_sequences_obey_their_recurrences():
    """c = x1 + x2 is annihilated by the product of both polynomials; x1 alone (c_init = 0) by its own."""
    x1 = gold_sequence(5000, 0).astype(int)
    np.testing.assert_array_equal(x1[31:], (x1[3:-28] + x1[:-31]) % 2)
    c = gold_sequence(5000, 12345).astype(int)
    without_x1 = (c[31:] + c[3:-28] + c[:-31]) % 2  # a shifted sum of x2's, which obeys x2's recurrence
    s = without_x1
    np.testing.assert_array_equal(s[31:], (s[3:-28] + s[2:-29] + s[1:-30] + s[:-31]) % 2)


def test_balanced():
    """Zeros and ones of a Gold sequence are as even as coin tosses."""
    bits = gold_sequence(1_000_000, 32769)
    assert abs(bits.mean() - 0.5) < 4 * 0.5 / 1000
