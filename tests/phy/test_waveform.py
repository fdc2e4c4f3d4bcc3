"""OFDM waveforms: energy and peaks in closed form, and what a clipper leaves of them."""

import numpy as np
import pytest
from scipy.special import erfc

from linksim.phy import randomness
from linksim.phy.link import Link
from linksim.phy.waveform import OVERSAMPLING, to_samples, to_symbols
from linksim.scenario.channels import OFDM
from linksim.scenario.link import Rapp


def gaussian(batch, count, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(batch, count, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)


def test_samples_are_those_of_the_fourier_series():
    """x(t) = Σ X_n·exp(j2πnt)/√N, at 4N times of an OFDM symbol."""
    symbols = gaussian(2, 12)
    samples = to_samples(symbols, 6).numpy().reshape(2, 2, 24)
    times = np.arange(6 * OVERSAMPLING) / (6 * OVERSAMPLING)
    series = np.exp(2j * np.pi * np.outer(times, np.arange(6))) / np.sqrt(6)
    np.testing.assert_allclose(samples, symbols.reshape(2, 2, 6) @ series.T, atol=1e-5)


@pytest.mark.parametrize("count", [1, 63, 64, 200])
def test_symbols_come_back(count):
    symbols = gaussian(3, count)
    samples = to_samples(symbols, 64)
    np.testing.assert_allclose(to_symbols(samples, count, 64), symbols, atol=1e-5)
    energy = np.square(np.abs(samples)).sum(axis=1) / OVERSAMPLING
    np.testing.assert_allclose(energy, np.square(np.abs(symbols)).sum(axis=1), rtol=1e-4)


def test_a_single_carrier_sends_the_symbols():
    symbols = gaussian(1, 5)
    assert to_samples(symbols, None) is symbols
    assert to_symbols(symbols, 5, None) is symbols


def test_peaks_over_the_link_are_those_of_the_waveform():
    """Equal symbols add up to a peak of N; one subcarrier alone has a constant envelope."""
    randomness.seed(1)
    symbols = np.zeros((2, 64), np.complex64)
    symbols[0], symbols[1, 5] = 1, 8
    received = Link("ofdm", 10.0, ofdm=OFDM(fft_size=64)).transmit(symbols)
    np.testing.assert_allclose(received.power, [1, 1], rtol=1e-5)
    np.testing.assert_allclose(received.peak_power, [64, 1], rtol=1e-4)


@pytest.mark.parametrize("backoff_db", [0.0, 3.0])
def test_a_clipped_waveform_keeps_the_gain_of_a_gaussian_one(backoff_db):
    """α = 1 − e^(−γ²) + √π·γ/2·erfc(γ) at the clipping ratio γ (Ochiai and Imai 2002).

    In-band, what is left beside it is less than all the distortion, 1 − e^(−γ²) − α².
    """
    randomness.seed(2)
    ratio = 10 ** (backoff_db / 20)
    gain = 1 - np.exp(-(ratio**2)) + np.sqrt(np.pi) * ratio / 2 * erfc(ratio)
    distortion = 1 - np.exp(-(ratio**2)) - gain**2
    link = Link(
        "ofdm",
        90.0,
        "nominal",
        amplifier=Rapp(backoff_db=backoff_db, smoothness=50),
        ofdm=OFDM(delay_spread_ns=0),
    )
    symbols = gaussian(4, 24 * 256)
    received = link.transmit(symbols)
    left = np.abs(received.symbols.numpy() - symbols) ** 2
    np.testing.assert_allclose(left.mean(axis=1), received.noise_variance.numpy().mean(axis=1), rtol=0.02)
    in_band = left.mean() * gain**2
    assert 0.5 * distortion < in_band < 0.95 * distortion
    np.testing.assert_allclose(received.power.numpy().mean(), gain**2 + in_band, rtol=0.02)
    assert received.peak_power.numpy().max() <= ratio**2 * 1.01


def test_far_below_saturation_nothing_changes():
    randomness.seed(3)
    symbols = gaussian(2, 3072)
    linear = Link("ofdm", 30.0, ofdm=OFDM()).transmit(symbols)
    randomness.seed(3)
    link = Link("ofdm", 30.0, amplifier=Rapp(backoff_db=60.0), ofdm=OFDM())
    np.testing.assert_allclose(link.transmit(symbols).symbols, linear.symbols, atol=1e-3)
