"""Moments of the link's noise and fading, and capacities, against theory."""

import numpy as np
import pytest
from scipy.special import exp1

from linksim.modulation.capacity import bicm_capacity, ergodic, gaussian_capacity, outage_probability
from linksim.phy import randomness
from linksim.phy.link import Link


def ones(blocks, count):
    return np.ones((blocks, count), np.complex64)


@pytest.mark.parametrize("snr_db", [-5.0, 10.0, 25.0])
def test_noise_has_the_stated_power(snr_db, verified):
    randomness.seed(3)
    received = Link("awgn", snr_db).transmit(ones(100, 4000))
    energy = np.mean(np.abs(received.symbols.numpy() - 1) ** 2, axis=1)
    measured = -10 * np.log10(energy.mean())
    error = 10 / np.log(10) * energy.std(ddof=1) / energy.mean() / np.sqrt(len(energy))
    verified(
        f"Es/N0 of the link at {snr_db:g} dB",
        "definition",
        snr_db,
        measured,
        (3 * error, "3 standard errors"),
    )


@pytest.mark.parametrize(
    ("model", "blocks", "count"), [("rayleigh_block", 40_000, 1), ("rayleigh_fast", 40, 1000)]
)
def test_gain_of_rayleigh_fading(model, blocks, count, verified):
    """Of an exponential gain of mean 1 the variance is 1 and a share 1 − 1/e lies below the mean."""
    randomness.seed(4)
    received = Link(model, 60.0).transmit(ones(blocks, count))
    gains = (1e-6 / received.noise_variance.numpy()).ravel()
    source, error = "exponential law of |h|²", 3 / np.sqrt(gains.size)
    verified(f"mean |h|², {model}", source, 1.0, gains.mean(), (error, "3 standard errors"))
    share = (1 - np.exp(-1)) * np.exp(-1)
    below = np.mean(gains < 1)
    verified(
        f"P(|h|² < 1), {model}", source, 1 - np.exp(-1), below, (error * np.sqrt(share), "3 standard errors")
    )


def test_bicm_capacity_of_qpsk(verified):
    verified(
        "BICM capacity of QPSK at 0 dB, bit",
        "Ungerboeck 1982",
        0.97,
        float(bicm_capacity(2, 0.0)),
        0.005,
    )


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_ergodic_capacity(snr_db, verified):
    """E[log2(1 + g·SNR)] = e^(1/SNR)·E1(1/SNR)/ln 2."""
    inverse = 10 ** (-snr_db / 10)
    expected = np.exp(inverse) * exp1(inverse) / np.log(2)
    source = "Alouini and Goldsmith 1999"
    block = f"ergodic capacity at {snr_db:g} dB, bit"
    verified(block, source, expected, float(ergodic(gaussian_capacity, snr_db)), (1e-4, "quadrature"))


@pytest.mark.parametrize(("rate", "snr_db"), [(1.0, 5.0), (2.0, 10.0), (3.0, 20.0)])
def test_outage_over_the_link(rate, snr_db, verified):
    """P(log2(1 + g·SNR) < R) = 1 − exp(−(2^R − 1)/SNR), counted over blocks of the link."""
    randomness.seed(5)
    received = Link("rayleigh_block", snr_db).transmit(ones(40_000, 1))
    lost = np.mean(np.log2(1 + 1 / received.noise_variance.numpy()) < rate)
    expected = -np.expm1(-(2**rate - 1) / 10 ** (snr_db / 10))
    tolerance = 3 * np.sqrt(expected * (1 - expected) / 40_000), "3 standard errors"
    verified(f"outage of {rate:g} bit at {snr_db:g} dB", "closed form", expected, lost, tolerance)
    assert abs(float(outage_probability(gaussian_capacity, rate, snr_db)) - expected) < 1e-6
