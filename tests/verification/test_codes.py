"""Channel coding against catalogues, Sionna, and the distance to capacity that its codes are known for."""

from fractions import Fraction

import numpy as np
import pytest

from linksim.modulation.capacity import bicm_capacity, snr_db_for_capacity
from linksim.modulation.mcs import mcs_table
from linksim.phy import crc, randomness
from linksim.phy.link import Link
from linksim.phy.modem import Modem
from linksim.phy.transport_block_size import transport_block_size

#: CRC of the ASCII text 123456789, from the catalogue of parametrised CRC algorithms: CRC-24/LTE-A and -B,
#: CRC-16/XMODEM, and CRC-32/CKSUM without its final inversion.
CHECKS = {
    "CRC24A": (crc.CRC24A, 0xCDE703),
    "CRC24B": (crc.CRC24B, 0x23EF52),
    "CRC16": (crc.CRC16, 0x31C3),
    "CRC32": (crc.CRC32, 0x765E7680 ^ 0xFFFFFFFF),
}

#: Table, modulation order and least code rate.
WATERFALLS = [("pdsch-1", 2, 0.5), ("pdsch-1", 4, 0.6), ("pdsch-1", 6, 0.75), ("pdsch-2", 8, 0.85)]


@pytest.mark.parametrize("name", CHECKS)
def test_crc(name, equal):
    kind, expected = CHECKS[name]
    text = np.unpackbits(np.frombuffer(b"123456789", np.uint8))[None]
    remainder = crc.append(text, kind)[0, text.size :]
    wanted = np.array([int(bit) for bit in f"{expected:0{kind.length}b}"], np.uint8)
    equal(f"{name} of 123456789", "catalogue of parametrised CRCs", wanted, remainder)


@pytest.mark.parametrize("table", ["pdsch-1", "pdsch-2", "pdsch-4"])
def test_transport_block_sizes(table, equal):
    from sionna.phy.nr.utils import calculate_tb_size

    expected, measured = [], []
    for mcs in mcs_table(table):
        for uses in (600, 2400, 18432):
            size = transport_block_size(uses, mcs.modulation_order, mcs.code_rate)
            theirs = calculate_tb_size(
                target_coderate=float(mcs.code_rate),
                modulation_order=mcs.modulation_order,
                num_coded_bits=uses * mcs.modulation_order,
                num_layers=1,
                verbose=False,
            )
            expected.append(int(theirs[0]))
            measured.append(size.payload)
    equal(
        f"transport block sizes of {table}",
        "Sionna, TS 38.214 5.1.3.2",
        np.array(expected),
        np.array(measured),
    )


@pytest.mark.parametrize(("table", "order", "rate"), WATERFALLS)
def test_distance_to_capacity_of_nr_codes(table, order, rate, verified):
    """The SNR of BLER 0.1 over that at which the BICM capacity is the rate, for some thousand bits."""
    mcs = next(
        m
        for m in mcs_table(table)
        if m.modulation_order == order and m.code_rate > Fraction(rate) - Fraction(1, 40)
    )
    modem = Modem(3000, mcs)
    rate = modem.payload / 3000
    capacity_db = float(snr_db_for_capacity(lambda snr_db: bicm_capacity(order, snr_db), rate))
    crossing_db = _crossing_db(modem, capacity_db)
    name = {2: "QPSK"}.get(order, f"{2**order}QAM")
    verified(
        f"NR LDPC, {name}, R {float(mcs.code_rate):.2f}: dB above BICM capacity at BLER 0.1",
        "0.8 to 1.5 dB, some thousand bits",
        1.15,
        crossing_db - capacity_db,
        (0.45, "20 iterations, min-sum"),
        digits=3,
    )


def _crossing_db(modem, capacity_db, target=0.1, blocks=200):
    """Where the block error rate crosses the target, linear in its logarithm between steps of 0.2 dB."""
    payload = np.random.default_rng(6).integers(0, 2, (blocks, modem.payload)).astype(np.uint8)
    before = None
    for step in range(20):
        snr_db = capacity_db + 0.4 + 0.2 * step
        randomness.seed(7 + step)
        bler = 1 - modem.transmit(payload, Link("awgn", snr_db, "nominal")).passed.mean()
        now = np.log(max(bler, 0.5 / blocks))
        if now <= np.log(target):
            return snr_db - 0.2 * (np.log(target) - now) / (before - now) if before is not None else snr_db
        before = now
    raise AssertionError("the code never works")


@pytest.mark.parametrize(("information", "coded"), [(1000, 2000), (3000, 4000), (8448, 10000)])
def test_nr_codewords(information, coded, equal):
    from sionna.phy.fec.ldpc import LDPC5GEncoder

    from linksim.phy.ldpc.encoder import Encoder
    from linksim.phy.ldpc.nr import nr_code

    bits = np.random.default_rng(9).integers(0, 2, (4, information)).astype(np.uint8)
    theirs = LDPC5GEncoder(information, coded)
    code = nr_code(information, coded, 1 if theirs._bg == "bg1" else 2)
    measured = Encoder(code)(bits)[:, code.sent]
    expected = theirs(bits.astype(np.float32)).numpy().astype(np.uint8)
    equal(f"NR LDPC codewords ({coded}, {information})", "Sionna, TS 38.212 5.3.2", expected, measured)


@pytest.mark.parametrize("index", [4, 5, 6, 7])
def test_802_11ad_decoder(index, verified):
    """Block errors of the fast decoder and of Sionna's belief propagation on the same noise.

    Layers need half the iterations of flooding.
    """
    mcs = mcs_table("wifi-ad")[index]
    snr_db = (
        float(snr_db_for_capacity(lambda snr_db: bicm_capacity(2, snr_db), float(2 * mcs.code_rate))) + 1.6
    )
    payload_bits = Modem(336, mcs).payload
    payload = np.random.default_rng(10).integers(0, 2, (1000, payload_bits)).astype(np.uint8)
    lost = []
    for decoder in (("fast", "int16", 20), ("sionna", None, 40)):
        randomness.seed(12)
        lost.append(~Modem(336, mcs, *decoder).transmit(payload, Link("awgn", snr_db, "nominal")).passed)
    differ = lost[0].astype(int) - lost[1]
    tolerance = 3 * max(differ.std(ddof=1), 1e-3) / np.sqrt(len(differ)) + 0.01
    block = f"IEEE 802.11ad LDPC, QPSK, R {mcs.code_rate}: BLER at {snr_db:.2f} dB"
    source = "Sionna, belief propagation, 40 iterations"
    verified(block, source, lost[1].mean(), lost[0].mean(), (tolerance, "3 standard errors + 0.01"), digits=3)
