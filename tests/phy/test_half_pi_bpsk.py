"""π/2-BPSK: the formula of TS 38.211 clause 5.1.1, and bits that come back."""

import numpy as np
import tensorflow as tf

from linksim.modulation.error_rates import ber_awgn
from linksim.modulation.mcs import mcs_table
from linksim.phy import randomness
from linksim.phy.link import Link
from linksim.phy.modem import modem, modulation_of
from linksim.phy.modulation import HalfPiBPSK


def test_symbols_of_the_standard():
    symbols = HalfPiBPSK().map(np.array([[0, 0, 1, 1]])).numpy()[0] * np.sqrt(2)
    np.testing.assert_allclose(symbols, [1 + 1j, -1 + 1j, -1 - 1j, 1 - 1j], rtol=1e-6)


def test_neighbours_are_a_quarter_turn_apart():
    bits = np.random.default_rng(1).integers(0, 2, (1, 100))
    symbols = HalfPiBPSK().map(bits).numpy()[0]
    np.testing.assert_allclose(np.real(symbols[1:] * np.conj(symbols[:-1])), 0, atol=1e-6)


def test_llrs_are_those_of_bpsk():
    bits = np.random.default_rng(2).integers(0, 2, (3, 51))
    noise = tf.complex(*tf.unstack(tf.random.stateless_normal((2, 3, 51), (1, 2))))
    variance = tf.fill((3, 51), 0.7)
    half_pi, bpsk = HalfPiBPSK(), modulation_of(1)
    turns = half_pi.map(bits) / bpsk.map(bits)
    llr = half_pi.demap(half_pi.map(bits) + noise * turns, variance)
    np.testing.assert_allclose(llr, bpsk.demap(bpsk.map(bits) + noise, variance), rtol=1e-4, atol=1e-5)


def test_bit_error_rate_over_the_link_is_that_of_bpsk():
    randomness.seed(1_804_289_383)
    bits = np.random.default_rng(5).integers(0, 2, (100, 2000))
    half_pi = HalfPiBPSK()
    received = Link("awgn", 4.0, "nominal").transmit(half_pi.map(bits))
    llr = half_pi.demap(received.symbols, received.noise_variance).numpy()
    expected = ber_awgn(1, 4.0)
    error = np.sqrt(expected * (1 - expected) / bits.size)
    assert abs(((llr > 0) != bits).mean() - expected) < 3 * error


def test_transport_blocks_of_the_uplink_arrive():
    mcs = mcs_table("pusch-tp-2")[0]
    chain = modem(3000, mcs, "fast", "int16", 20)
    payload = np.random.default_rng(6).integers(0, 2, (4, chain.payload)).astype(np.uint8)
    randomness.seed(6)
    sent = chain.transmit(payload, Link("awgn", -8.0))
    assert sent.passed.all()
    np.testing.assert_array_equal(sent.bits, payload)
