"""Modulation over the link against closed forms and the tables of the standard."""

import numpy as np
import pytest

from linksim.modulation.capacity import bicm_capacity
from linksim.modulation.error_rates import ber_rayleigh, ser_awgn
from linksim.phy import randomness
from linksim.phy.link import Link
from linksim.phy.modulation import QAM, HalfPiBPSK

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


def test_points_of_half_pi_bpsk(equal):
    bits = np.array([[0, 1, 1, 0]])
    turned = np.exp(0.5j * np.pi * (np.arange(4) % 2)) * (1 + 1j) * (1 - 2 * bits[0])
    measured = np.round(HalfPiBPSK().map(bits).numpy()[0] * np.sqrt(2))
    equal("π/2-BPSK, bits 0110", "TS 38.211, clause 5.1.1", np.round(turned), measured)


@pytest.mark.parametrize(("order", "snr_db"), [(2, 0.0), (4, 6.0), (6, 12.0), (8, 18.0), (10, 24.0)])
def test_bicm_capacity(order, snr_db, verified):
    """Q_m − Σ E[log2(1 + e^(−±LLR))] of the LLRs that the exact demapper of Sionna gives over the link."""
    from sionna.phy.mapping import Constellation, Demapper, Mapper

    randomness.seed(16)
    bits = np.random.default_rng(16).integers(0, 2, (40, 1000 * order)).astype(np.float32)
    points = Constellation("qam", order)
    received = Link("awgn", snr_db, "nominal").transmit(Mapper(constellation=points)(bits))
    llr = Demapper("app", constellation=points)(received.symbols, received.noise_variance).numpy()
    loss = np.logaddexp(0, np.where(bits > 0, -llr, llr)).sum(axis=1) / 1000 / np.log(2)
    information = order - loss
    tolerance = 3 * information.std(ddof=1) / np.sqrt(len(information)), "3 standard errors"
    block = f"BICM capacity of {NAMES[order]} at {snr_db:g} dB, bit"
    source = "LLRs of Sionna's demapper"
    verified(block, source, information.mean(), float(bicm_capacity(order, snr_db)), tolerance)


@pytest.mark.parametrize("order", [2, 6])
def test_bits_study(order, verified):
    """A task of a study without pictures, from its payload to its count."""
    from linksim.modulation.mcs import mcs_table
    from linksim.scenario.systems import CodeSpec
    from linksim.systems.bits import send_blocks

    mcs = next(mcs for mcs in mcs_table("uncoded") if mcs.modulation_order == order)
    snr_db, code = SNRS_DB[order] + 3, CodeSpec().of_table("uncoded")
    sent = send_blocks(200, 1000, mcs, code, Link("rayleigh_fast", snr_db, "nominal"), 17)
    ber = sent.bit_errors / sent.bits
    tolerance = 3 * ber.std(ddof=1) / np.sqrt(len(ber)), "3 standard errors"
    block = f"bits study, uncoded {NAMES[order]}, BER on flat Rayleigh at {snr_db:g} dB"
    source = "Simon and Alouini, 2nd ed., section 8.2"
    verified(block, source, float(ber_rayleigh(order, snr_db)), ber.mean(), tolerance)
