"""Channel coding against catalogues, Sionna, and the distance to capacity that its codes are known for."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from linksim.modulation.capacity import bicm_capacity, snr_db_for_capacity
from linksim.modulation.mcs import mcs_table
from linksim.phy import crc, randomness
from linksim.phy.abstraction import block_error_rate
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


@pytest.mark.parametrize("number", [1, 2])
def test_uplink_tables(number, equal):
    """Modulation orders, π/2-BPSK among them, and code rates."""
    from sionna.phy.nr.utils import decode_mcs_index

    table = mcs_table(f"pusch-tp-{number}")
    order, rate = decode_mcs_index(
        list(range(len(table))), table_index=number, is_pusch=True, transform_precoding=True, pi2bpsk=True
    )
    expected = np.array([order.numpy(), np.round(1024 * rate.numpy(), 1)])
    measured = np.array([[mcs.modulation_order, float(1024 * mcs.code_rate)] for mcs in table]).T
    equal(f"MCSs of pusch-tp-{number}", "Sionna, TS 38.214 6.1.4.1", expected, measured)


@cache
def _waterfall(table, order, rate):
    """An MCS with the SNR at which the BICM capacity is its rate and that of BLER 0.1, for 3000 uses."""
    mcs = next(
        m
        for m in mcs_table(table)
        if m.modulation_order == order and m.code_rate > Fraction(rate) - Fraction(1, 40)
    )
    modem = Modem(3000, mcs)
    rate = modem.payload / 3000
    capacity_db = float(snr_db_for_capacity(lambda snr_db: bicm_capacity(order, snr_db), rate))
    return mcs, capacity_db, _crossing_db(modem, capacity_db)


def _named(mcs):
    name = {2: "QPSK"}.get(mcs.modulation_order, f"{2**mcs.modulation_order}QAM")
    return f"{name}, R {float(mcs.code_rate):.2f}"


@pytest.mark.parametrize(("table", "order", "rate"), WATERFALLS)
def test_tables_of_sionna(table, order, rate, verified):
    """Where the PHY abstraction has BLER 0.1, on a grid of 0.1 dB as its own."""
    mcs, _, crossing_db = _waterfall(table, order, rate)
    tabled_db = next(
        crossing_db + step / 10
        for step in range(-30, 30)
        if block_error_rate(mcs, 3000, crossing_db + step / 10) <= 0.1
    )
    verified(
        f"NR LDPC, {_named(mcs)}: dB at BLER 0.1",
        "Sionna's PHY abstraction",
        tabled_db,
        crossing_db,
        (0.8, "its SNRs are 1.3 or 1.8 dB apart"),
        digits=3,
    )


@pytest.mark.parametrize(("table", "order", "rate"), WATERFALLS)
def test_distance_to_capacity_of_nr_codes(table, order, rate, verified):
    """The SNR of BLER 0.1 over that at which the BICM capacity is the rate, for some thousand bits."""
    mcs, capacity_db, crossing_db = _waterfall(table, order, rate)
    verified(
        f"NR LDPC, {_named(mcs)}: dB above BICM capacity at BLER 0.1",
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


@pytest.mark.filterwarnings("ignore:\\s*Decoding stopped before convergence")
@pytest.mark.parametrize(("size", "snr_db"), [((338, 672), -1.6), ((506, 672), 1.1)])
def test_gallager_codes(size, snr_db, verified):
    """Words of BPSK in the waterfall; pyldpc takes them one by one, in float64."""
    import pyldpc

    from linksim.phy.ldpc.gallager import gallager_code
    from linksim.phy.ldpc.sionna_bp import SionnaDecoder

    code, count, iterations = gallager_code(*size), 60, 40
    bits = np.random.default_rng(13).integers(0, 2, (count, code.k), np.uint8)
    sent = 1.0 - 2.0 * code.encode(bits)
    deviation = np.sqrt(0.5 * 10 ** (-snr_db / 10))  # of each real dimension
    received = sent + deviation * np.random.default_rng(14).standard_normal(sent.shape)
    llr = (-2 * received / deviation**2).astype(np.float32)
    ours = (SionnaDecoder(code, iterations)(llr) != bits).any(axis=1)
    checks = code.parity_check_matrix().toarray().astype(int)
    of_pyldpc = -20 * np.log10(deviation)
    decoded = np.array([pyldpc.decode(checks, word, of_pyldpc, iterations) for word in received])
    theirs = (decoded[:, : code.k] != bits).any(axis=1)
    block = f"Gallager code {size[::-1]}: lost of {count} words at {snr_db:g} dB"
    verified(block, "pyldpc's decoder", theirs.sum(), ours.sum(), (1, "float32"), digits=3)
