"""Error rates against textbook closed forms, numerical integration over the fading, and simulation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfc

from linksim.modulation.constellations import BITS_PER_SYMBOL, bit_labels, qam
from linksim.modulation.error_rates import ber_awgn, ber_rayleigh, ser_awgn, ser_rayleigh

ES_N0_DB = np.array([-10.0, 0.0, 7.0, 15.0, 30.0])


def gaussian_tail(x):
    return 0.5 * erfc(np.asarray(x) / np.sqrt(2))


def simulated_errors(num_bits, es_n0_db, num_symbols, fading):
    """Symbol and bit errors per symbol [num_symbols] by minimum distance over the whole constellation."""
    rng = np.random.default_rng(1)
    points, labels = qam(num_bits), bit_labels(num_bits)
    sent = rng.integers(len(points), size=num_symbols)
    noise = rng.normal(size=(num_symbols, 2)) @ [1, 1j] * np.sqrt(0.5 * 10 ** (-es_n0_db / 10))
    gain = rng.normal(size=(num_symbols, 2)) @ [1, 1j] * np.sqrt(0.5) if fading else 1.0
    received = points[sent] + noise / gain
    detected = np.concatenate(
        [np.argmin(np.abs(chunk[:, None] - points), axis=1) for chunk in np.array_split(received, 20)]
    )
    return detected != sent, np.sum(labels[detected] != labels[sent], axis=1)


@pytest.mark.parametrize("fading", [False, True], ids=["awgn", "rayleigh"])
@pytest.mark.parametrize(
    ("num_bits", "es_n0_db"), [(1, 3.0), (2, 5.0), (4, 8.0), (6, 0.0), (6, 18.0), (8, 20.0)]
)
def test_simulation_agrees_within_four_standard_errors(num_bits, es_n0_db, fading):
    num_symbols = 100_000
    symbol_errors, bit_errors = simulated_errors(num_bits, es_n0_db, num_symbols, fading)
    ser, ber = (ser_rayleigh, ber_rayleigh) if fading else (ser_awgn, ber_awgn)
    for errors, theory in [
        (symbol_errors, ser(num_bits, es_n0_db)),
        (bit_errors / num_bits, ber(num_bits, es_n0_db)),
    ]:
        assert abs(errors.mean() - theory) < 4 * errors.std() / np.sqrt(num_symbols)


def test_bpsk_and_qpsk_on_awgn():
    gamma = 10 ** (ES_N0_DB / 10)
    np.testing.assert_allclose(ber_awgn(1, ES_N0_DB), gaussian_tail(np.sqrt(2 * gamma)), rtol=1e-10)
    np.testing.assert_allclose(ser_awgn(1, ES_N0_DB), gaussian_tail(np.sqrt(2 * gamma)), rtol=1e-10)
    np.testing.assert_allclose(ber_awgn(2, ES_N0_DB), gaussian_tail(np.sqrt(gamma)), rtol=1e-10)
    q = gaussian_tail(np.sqrt(gamma))
    np.testing.assert_allclose(ser_awgn(2, ES_N0_DB), 2 * q - q**2, rtol=1e-10)


def test_16qam_bit_error_rate_is_the_textbook_sum():
    """¾·Q(a) + ½·Q(3a) − ¼·Q(5a), a = √(γ/5)."""
    a = np.sqrt(10 ** (ES_N0_DB / 10) / 5)
    expected = 0.75 * gaussian_tail(a) + 0.5 * gaussian_tail(3 * a) - 0.25 * gaussian_tail(5 * a)
    np.testing.assert_allclose(ber_awgn(4, ES_N0_DB), expected, rtol=1e-10)


def test_bpsk_and_qpsk_on_rayleigh():
    gamma = 10 ** (ES_N0_DB / 10)
    np.testing.assert_allclose(ber_rayleigh(1, ES_N0_DB), (1 - np.sqrt(gamma / (1 + gamma))) / 2, rtol=1e-9)
    np.testing.assert_allclose(ber_rayleigh(2, ES_N0_DB), (1 - np.sqrt(gamma / (2 + gamma))) / 2, rtol=1e-9)


@pytest.mark.parametrize("num_bits", BITS_PER_SYMBOL)
@pytest.mark.parametrize(("awgn", "rayleigh"), [(ser_awgn, ser_rayleigh), (ber_awgn, ber_rayleigh)])
def test_rayleigh_rates_are_the_awgn_rates_averaged_over_the_gain(awgn, rayleigh, num_bits):
    for es_n0_db in (0.0, 12.0, 35.0):

        def integrand(log_gain, es_n0_db=es_n0_db):
            gain = np.exp(log_gain)
            return awgn(num_bits, es_n0_db + 10 * np.log10(gain)) * gain * np.exp(-gain)

        expected = quad(integrand, -35, 4, limit=200, epsabs=1e-12, epsrel=1e-9)[0]
        assert rayleigh(num_bits, es_n0_db) == pytest.approx(expected, rel=1e-6)


def test_rayleigh_rates_keep_their_precision_at_high_snr():
    """The diversity order is 1: 10 dB more divide the rates by ten, without cancellation at 100 dB."""
    for rate in (ser_rayleigh, ber_rayleigh):
        assert rate(6, 110.0) / rate(6, 100.0) == pytest.approx(0.1, rel=1e-6)


@pytest.mark.parametrize("num_bits", BITS_PER_SYMBOL)
@pytest.mark.parametrize("rate", [ser_awgn, ber_awgn, ser_rayleigh, ber_rayleigh])
def test_rates_fall_with_snr_from_guessing(rate, num_bits):
    values = rate(num_bits, np.arange(-60.0, 50.0))
    assert np.all(np.diff(values) <= 0)
    guessing = 0.5 if rate in (ber_awgn, ber_rayleigh) else 1 - 2.0**-num_bits
    assert values[0] == pytest.approx(guessing, abs=2e-3)


def test_shapes_follow_the_snr():
    assert np.shape(ber_awgn(4, 3.0)) == ()
    assert ser_rayleigh(4, np.zeros((2, 3))).shape == (2, 3)


def test_unknown_constellations_are_refused():
    for rate in (ser_awgn, ber_awgn, ser_rayleigh, ber_rayleigh):
        with pytest.raises(ValueError, match="bits per symbol"):
            rate(3, 0.0)
