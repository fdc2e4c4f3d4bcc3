"""Modulation over the link against closed forms and the tables of the standard."""

import numpy as np
import pytest

from linksim.modulation.error_rates import ber_rayleigh, ser_awgn
from linksim.phy import randomness
from linksim.phy.link import Link
from linksim.phy.modulation import QAM

NAMES = {1: "BPSK", 2: "QPSK"} | {bits: f"{2**bits}QAM" for bits in (4, 6, 8, 10, 12)}

#: SNR in dB at which about one symbol in ten is wrong.
SNRS_DB = {1: 0.0, 2: 4.0, 4: 11.0, 6: 17.0, 8: 23.0, 10: 29.0, 12: 35.0}

#: s0 + j·s1 of all-zero labels over the normalisation, and its square: TS 38.211, 5.1.3 to 5.1.6 and 5.1.7.
POINTS = {2: (1, 2), 4: (1, 10), 6: (3, 42), 8: (5, 170), 10: (11, 682)}


def errors(model, order, snr_db, blocks, count, seed=11):
    """Share of wrong symbols and of wrong bits in each block."""
    randomness.seed(seed)
    bits = np.random.default_rng(seed).integers(0, 2, (blocks, count * order)).astype(np.float32)
    modulation = QAM(order)
    received = Link(model, snr_db, "nominal").transmit(modulation.map(bits))
    llr = modulation.demap(received.symbols, received.noise_variance).numpy()
    wrong = ((llr > 0) != (bits > 0.5)).reshape(blocks, count, order)
    return wrong.any(axis=2).mean(axis=1), wrong.mean(axis=(1, 2))


@pytest.mark.parametrize("order", NAMES)
def test_symbol_error_rate_on_awgn(order, verified):
    snr_db = SNRS_DB[order]
    ser, _ = errors("awgn", order, snr_db, 200, 2000)
    tolerance = 3 * ser.std(ddof=1) / np.sqrt(len(ser)), "3 standard errors"
    source = "Proakis and Salehi, 5th ed., section 4.3"
    verified(
        f"{NAMES[order]}, SER on AWGN at {snr_db:g} dB",
        source,
        float(ser_awgn(order, snr_db)),
        ser.mean(),
        tolerance,
    )


@pytest.mark.parametrize("order", NAMES)
def test_bit_error_rate_on_flat_rayleigh_fading(order, verified):
    snr_db = SNRS_DB[order] + 3
    _, ber = errors("rayleigh_fast", order, snr_db, 200, 2000)
    tolerance = 3 * ber.std(ddof=1) / np.sqrt(len(ber)), "3 standard errors"
    source = "Simon and Alouini, 2nd ed., section 8.2"
    verified(
        f"{NAMES[order]}, BER on flat Rayleigh at {snr_db:g} dB",
        source,
        float(ber_rayleigh(order, snr_db)),
        ber.mean(),
        tolerance,
    )


@pytest.mark.parametrize("order", POINTS)
def test_points_are_those_of_the_standard(order, verified):
    level, square = POINTS[order]
    point = QAM(order).map(np.zeros((1, order))).numpy()[0, 0]
    verified(
        f"{NAMES[order]}, the point of zeros",
        "TS 38.211, clause 5.1",
        level / np.sqrt(square),
        float(point.real),
        (1e-6, "float32"),
        digits=6,
    )
    assert point.real == point.imag
