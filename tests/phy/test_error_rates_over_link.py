"""Uncoded QAM over the Link against the closed forms of the literature, within four standard errors."""

import numpy as np
import pytest

from linksim.modulation.error_rates import ber_awgn, ber_rayleigh, ser_awgn, ser_rayleigh
from linksim.phy import randomness
from linksim.phy.link import Link
from linksim.phy.modulation import QAM

CASES = [(2, 4.0), (2, 9.0), (4, 11.0), (6, 17.0), (8, 23.0)]


def errors_per_image(model, modulation_order, snr_db, batch, count, seed=1):
    """Symbol and bit error rate of each image, by the signs of the LLRs.

    The power is nominal: the closed forms assume points of unit mean energy, not blocks of unit energy.
    """
    randomness.seed(seed)
    bits = np.random.default_rng(seed).integers(0, 2, (batch, count * modulation_order)).astype(np.float32)
    modulation = QAM(modulation_order)
    received = Link(model, snr_db, "nominal").transmit(modulation.map(bits))
    llr = modulation.demap(received.symbols, received.noise_variance).numpy()
    wrong = ((llr > 0) != (bits > 0.5)).reshape(batch, count, modulation_order)
    return wrong.any(axis=2).mean(axis=1), wrong.mean(axis=(1, 2))


def assert_within_four_standard_errors(images, theory):
    assert abs(images.mean() - theory) < 4 * images.std() / np.sqrt(len(images))


@pytest.mark.parametrize(("modulation_order", "snr_db"), CASES)
def test_awgn(modulation_order, snr_db):
    ser, ber = errors_per_image("awgn", modulation_order, snr_db, 200, 1000)
    assert_within_four_standard_errors(ser, ser_awgn(modulation_order, snr_db))
    assert_within_four_standard_errors(ber, ber_awgn(modulation_order, snr_db))


@pytest.mark.parametrize(("modulation_order", "snr_db"), CASES)
def test_fast_rayleigh_fading(modulation_order, snr_db):
    ser, ber = errors_per_image("rayleigh_fast", modulation_order, snr_db, 200, 1000)
    assert_within_four_standard_errors(ser, ser_rayleigh(modulation_order, snr_db))
    assert_within_four_standard_errors(ber, ber_rayleigh(modulation_order, snr_db))


@pytest.mark.parametrize(("modulation_order", "snr_db"), [(2, 9.0), (4, 11.0)])
def test_block_rayleigh_fading_averages_to_the_same(modulation_order, snr_db):
    """Images are independent, their symbols are not: the standard error comes from images."""
    ser, ber = errors_per_image("rayleigh_block", modulation_order, snr_db, 40_000, 8)
    assert_within_four_standard_errors(ser, ser_rayleigh(modulation_order, snr_db))
    assert_within_four_standard_errors(ber, ber_rayleigh(modulation_order, snr_db))
    assert ber.std() > 1.5 * np.sqrt(ber.mean() * (1 - ber.mean()) / (8 * modulation_order))  # bursts
