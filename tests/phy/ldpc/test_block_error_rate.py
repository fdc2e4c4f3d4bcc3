"""Block error rates of the fast decoder against Sionna's boxplus-phi with 20 flooding iterations.

Both decode the same LLRs, so that the difference of the two rates is known far better than either rate. The
bound is on the upper end of its 95% interval: 20% of the reference's rate. As a script, this file prints the
rows of the table one by one and appends them to a file of tab-separated values:

    python tests/phy/ldpc/test_block_error_rate.py table.tsv ['name of a case' ...]

`make bler` does so for all cases, which takes more than an hour.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from linksim.modulation.error_rates import ber_awgn
from linksim.modulation.mcs import mcs_table
from linksim.phy.ldpc.code import QuasiCyclicCode
from linksim.phy.ldpc.encoder import Encoder
from linksim.phy.ldpc.ieee80211ad import RATES, ieee80211ad_code
from linksim.phy.ldpc.min_sum import MinSumDecoder
from linksim.phy.ldpc.nr import nr_code
from linksim.phy.ldpc.sionna_bp import SionnaDecoder
from linksim.phy.modulation import QAM
from linksim.phy.transport_block_size import transport_block_size

ITERATIONS = 20

#: Words at each SNR; bound on the upper end of the difference's interval, in rates of the reference.
WORDS, TOLERANCE = 4000, 0.2

#: Names of the modulations by order.
MODULATIONS = {2: "QPSK", 4: "16QAM", 6: "64QAM", 8: "256QAM"}

#: (k, n, base graph). The last is a code block of the lowest MCS, which goes around its buffer 1.6 times.
SIZES = {
    "(96, 480)": (96, 480, 2),
    "(640, 1920)": (640, 1920, 2),
    "(2000, 2500)": (2000, 2500, 1),
    "(4000, 8000)": (4000, 8000, 1),
    "(8424, 9216)": (8424, 9216, 1),
    "pdsch-1/0": (2216, 18432, 2),
}

#: Es/N0 in dB at which the reference's block error rates lie between about 0.3 and 0.01.
SNR_DB = {
    "(96, 480) QPSK": (-3.53, -2.91, -2.43, -2.1),
    "(640, 1920) QPSK": (-1.15, -0.97, -0.82, -0.69),
    "(2000, 2500) QPSK": (4.78, 4.9, 4.99, 5.07),
    "(4000, 8000) QPSK": (1.07, 1.14, 1.2, 1.25),
    "(8424, 9216) QPSK": (6.66, 6.75, 6.81, 6.87),
    "pdsch-1/0 QPSK": (-6.09, -5.99, -5.91, -5.83),
    "(640, 1920) 16QAM": (3.44, 3.7, 3.91, 4.1),
    "(640, 1920) 64QAM": (6.93, 7.23, 7.47, 7.68),
    "(640, 1920) 256QAM": (9.89, 10.15, 10.35, 10.53),
    "802.11ad 1/2 QPSK": (1.43, 1.73, 1.95, 2.16),
    "802.11ad 5/8 QPSK": (2.92, 3.17, 3.36, 3.54),
    "802.11ad 3/4 QPSK": (4.34, 4.58, 4.77, 4.94),
    "802.11ad 13/16 QPSK": (5.18, 5.46, 5.68, 5.87),
    "(96, 480) 16QAM": (0.8, 1.38, 1.83, 2.23),
    "(2000, 2500) 16QAM": (10.96, 11.09, 11.2, 11.29),
    "(4000, 8000) 16QAM": (6.34, 6.46, 6.55, 6.63),
    "(8424, 9216) 16QAM": (13.14, 13.23, 13.3, 13.36),
    "pdsch-1/0 16QAM": (-2.09, -1.98, -1.9, -1.83),
    "(96, 480) 64QAM": (3.72, 4.32, 4.78, 5.19),
    "(2000, 2500) 64QAM": (16.32, 16.47, 16.59, 16.7),
    "(4000, 8000) 64QAM": (10.48, 10.58, 10.65, 10.72),
    "(8424, 9216) 64QAM": (18.87, 18.97, 19.04, 19.1),
    "pdsch-1/0 64QAM": (0.33, 0.44, 0.53, 0.61),
    "(96, 480) 256QAM": (5.9, 6.42, 6.82, 7.18),
    "(2000, 2500) 256QAM": (21.5, 21.68, 21.82, 21.94),
    "(4000, 8000) 256QAM": (14.35, 14.48, 14.58, 14.67),
    "(8424, 9216) 256QAM": (24.44, 24.53, 24.6, 24.67),
    "pdsch-1/0 256QAM": (2.02, 2.14, 2.23, 2.31),
}


@dataclass(frozen=True)
class Case:
    """A code on a modulation.

    Attributes
    ----------
    name : str
    code : QuasiCyclicCode
    coded : int
        E, sent bits with their repetitions.
    order : int
        Q_m.
    interleaved : bool
        By rows and columns as in TS 38.212 clause 5.4.2.2.
    """

    name: str
    code: QuasiCyclicCode
    coded: int
    order: int
    interleaved: bool = True

    def received(self, snr_db, count, rng):
        """Random information bits and the LLRs of their codewords after AWGN, repetitions added up."""
        code, qam = self.code, QAM(self.order)
        bits = rng.integers(0, 2, (count, code.k), np.uint8)
        place = np.arange(self.coded)
        if self.interleaved:
            place = place.reshape(self.order, -1).T.ravel()
        symbols = qam.map(Encoder(code)(bits)[:, code.sent[place % code.n]]).numpy()
        variance = np.full(symbols.shape, 10 ** (-snr_db / 10), np.float32)
        noise = rng.normal(size=(*symbols.shape, 2)) @ [1, 1j] * np.sqrt(variance / 2)
        turns = np.zeros((count, -(-self.coded // code.n) * code.n), np.float32)
        turns[:, place] = qam.demap((symbols + noise).astype(np.complex64), variance)
        return bits, turns.reshape(count, -1, code.n).sum(axis=1)

    def errors(self, decoders, snr_db, words, batch=250, seed=1):
        """Which words each decoder gets wrong, bool `[decoders, words]`."""
        rng = np.random.default_rng([seed, round(1000 * (snr_db + 100))])
        wrong = []
        for _ in range(-(-words // batch)):
            bits, llr = self.received(snr_db, batch, rng)
            wrong.append([(decoder(llr) != bits).any(axis=1) for decoder in decoders])
        return np.concatenate(wrong, axis=1)


def cases():
    """All cases: first every size on QPSK, the four codes of 802.11ad and (640, 1920) on every modulation."""
    nr = []
    for order, modulation in MODULATIONS.items():
        for name, (k, n, base_graph) in SIZES.items():
            coded = n // order * order
            nr.append(Case(f"{name} {modulation}", nr_code(k, coded, base_graph), coded, order))
    ieee = [Case(f"802.11ad {rate} QPSK", ieee80211ad_code(rate), 672, 2, False) for rate in RATES]
    chosen = [case for case in nr if case.order == 2 or case.name.startswith("(640, 1920)")]
    return [*chosen, *ieee, *(case for case in nr if case not in chosen)]


def compare(case, snr_db, words, batch=250):
    """Rows of SNR, words, BLER of reference and fast decoder, upper end of the difference over the former."""
    decoders = [SionnaDecoder(case.code, ITERATIONS, compiled=True), MinSumDecoder(case.code, ITERATIONS)]
    for point in snr_db:
        reference, fast = case.errors(decoders, point, words, batch)
        difference = fast.astype(float) - reference
        upper = difference.mean() + 1.96 * difference.std() / np.sqrt(len(difference))
        yield point, len(fast), reference.mean(), fast.mean(), upper / reference.mean()


#: Small codes, one SNR each and a quarter of the words: seconds instead of minutes.
QUICK = {"(640, 1920) 16QAM": 3.7, "802.11ad 3/4 QPSK": SNR_DB["802.11ad 3/4 QPSK"][1]}


@pytest.mark.parametrize("name", QUICK)
def test_small_codes_err_no_more_than_with_belief_propagation(name):
    (case,) = (case for case in cases() if case.name == name)
    ((_, words, reference, _, upper),) = compare(case, [QUICK[name]], WORDS // 4)
    assert words == 1000
    assert 0.03 < reference < 0.3
    assert upper <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_no_code_errs_more_than_with_belief_propagation(case):
    """At the second SNR, where the reference loses about a tenth; `make bler` has all four."""
    for snr_db, words, reference, fast, upper in compare(case, SNR_DB[case.name][1:2], WORDS):
        assert words >= 4000
        assert 0.005 < reference < 0.4, f"{snr_db} dB"
        assert upper <= TOLERANCE, f"{snr_db} dB: {reference} and {fast}"


def test_the_lowest_rate_is_a_code_block_of_the_lowest_mcs():
    """pdsch-1/0 at 18432 channel uses, 768×512 pixels at CBR 1/64: two code blocks of this size."""
    mcs = mcs_table("pdsch-1")[0]
    size = transport_block_size(18432, mcs.modulation_order, mcs.code_rate)
    k, n, base_graph = SIZES["pdsch-1/0"]
    assert (size.code_block, size.codewords, size.base_graph) == (k, (n, n), base_graph)
    assert nr_code(k, n, base_graph).n < n


@pytest.mark.parametrize("order", MODULATIONS)
def test_the_received_llrs_are_as_the_snr_has_it(order):
    """Wrong hard decisions on the bits of all axes against the closed form of the bit error rate.

    Without repetition an LLR belongs to one sent bit; 200 words of 1920 bits, four standard errors, of which
    bits of one symbol may share a cause: as if there were only as many bits as symbols.
    """
    case = next(case for case in cases() if case.name == f"(640, 1920) {MODULATIONS[order]}")
    snr_db = SNR_DB[case.name][0]
    bits, llr = case.received(snr_db, 200, np.random.default_rng(1))
    sent = Encoder(case.code)(bits)[:, case.code.sent]
    expected = float(ber_awgn(order, snr_db))
    wrong = ((llr > 0) != sent).mean()
    assert abs(wrong - expected) < 4 * np.sqrt(expected * (1 - expected) / (200 * 1920 / order))


def write_rows(case, path):
    """Compare at the case's four SNRs; print the rows and append them to a file of tab-separated values."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        if new:
            writer.writerow(["case", "SNR dB", "words", "BLER sionna", "BLER fast", "upper end / reference"])
        """At the second SNR, where the reference loses about a tenth; `make bler` has all four."""
    for snr_db, words, reference, fast, upper in compare(case, SNR_DB[case.name][1:2], WORDS):
        row = [case.name, snr_db, words, f"{reference:.4f}", f"{fast:.4f}", f"{upper:.3f}"]
        writer.writerow(row)
        file.flush()
        print(*row, sep="\t", flush=True)


def main(path, *names):
    for case in cases():
        if not names or case.name in names:
            write_rows(case, Path(path))


if __name__ == "__main__":
    main(*sys.argv[1:])
