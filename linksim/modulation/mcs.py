"""Modulation and coding schemes: the tables of TS 38.214, clauses 5.1.3.1 and 6.1.4.1, and sets of codes."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from linksim.modulation.constellations import BITS_PER_SYMBOL


@dataclass(frozen=True)
class MCS:
    """One row of an MCS table.

    Attributes
    ----------
    table : str
        A name of `mcs_table`.
    index : int
        I_MCS.
    modulation_order : int
        Q_m, coded bits per symbol.
    code_rate : Fraction
        Target code rate R of transport blocks; k/n of fixed-length codes.
    codeword : (int, int) or None
        (k, n) of a fixed-length code in bits; None stands for NR transport blocks. Of `uncoded` MCSs a word
        is a symbol.
    """

    table: str
    index: int
    modulation_order: int
    code_rate: Fraction
    codeword: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """Its name in results, as `pdsch-1/10`."""
        return f"{self.table}/{self.index}"

    @property
    def half_pi(self) -> bool:
        """Whether one bit per symbol means π/2-BPSK (TS 38.211 clause 5.1.1), not BPSK."""
        return self.modulation_order == 1 and self.table.startswith("pusch-tp-")

    @property
    def spectral_efficiency(self) -> Fraction:
        """Information bits per channel use, Q_m·R."""
        return self.modulation_order * self.code_rate


# Per table of transport blocks: modulation order → R·1024 in the order of the indices.
_TRANSPORT_BLOCKS = {
    "pdsch-1": {
        2: "120 157 193 251 308 379 449 526 602 679",
        4: "340 378 434 490 553 616 658",
        6: "438 466 517 567 616 666 719 772 822 873 910 948",
    },
    "pdsch-2": {
        2: "120 193 308 449 602",
        4: "378 434 490 553 616 658",
        6: "466 517 567 616 666 719 772 822 873",
        8: "682.5 711 754 797 841 885 916.5 948",
    },
    "pdsch-3": {
        2: "30 40 50 64 78 99 120 157 193 251 308 379 449 526 602",
        4: "340 378 434 490 553 616",
        6: "438 466 517 567 616 666 719 772",
    },
    "pdsch-4": {
        2: "120 193 449",
        4: "378 490 616",
        6: "466 517 567 616 666 719 772 822 873",
        8: "682.5 711 754 797 841 885 916.5 948",
        10: "805.5 853 900.5 948",
    },
    # With transform precoding; the rows of modulation order q are those of π/2-BPSK, q = 1.
    "pusch-tp-1": {
        1: "240 314",
        2: "193 251 308 379 449 526 602 679",
        4: "340 378 434 490 553 616 658",
        6: "466 517 567 616 666 719 772 822 873 910 948",
    },
    "pusch-tp-2": {
        1: "60 80 100 128 156 198",
        2: "120 157 193 251 308 379 449 526 602 679",
        4: "378 434 490 553 616 658 699 772",
        6: "567 616 666 772",
    },
}


# Per set of fixed-length codes: (k, n) of its codewords, each over all the modulations below.
_CODEWORDS = {
    "wifi-ad": ((336, 672), (420, 672), (504, 672), (546, 672)),
    "papers-ldpc": ((1536, 4608), (3072, 6144), (3072, 4608)),
    "nr-672": ((336, 672), (420, 672), (504, 672), (546, 672)),
    # (3, 6), (3, 8), (3, 12) and (3, 16) ones in each column and row; two rows of each H depend on others.
    "gallager": ((338, 672), (422, 672), (506, 672), (548, 672)),
}
_CODEWORD_ORDERS = (1, 2, 4, 6)


@cache
def mcs_table(name: str) -> tuple[MCS, ...]:
    """Return the rows of one table in the order of their indices.

    The spectral efficiency need not rise with the index.

    Parameters
    ----------
    name : str
        `pdsch-1` (table 5.1.3.1-1, up to 64QAM), `pdsch-2` (-2, 256QAM), `pdsch-3` (-3, low spectral
        efficiency) or `pdsch-4` (-4, 1024QAM) of TS 38.214; `pusch-tp-1` (6.1.4.1-1, up to 64QAM) or
        `pusch-tp-2` (-2, low spectral efficiency) with transform precoding and π/2-BPSK; `wifi-ad`, the four
        LDPC codes of IEEE 802.11ad-2012, clause 21.3.8, over BPSK, QPSK, 16QAM and 64QAM; over the same
        modulations `papers-ldpc`, plain NR LDPC codewords of three lengths, as public baselines use them,
        `nr-672`, NR LDPC codewords of the lengths and rates of `wifi-ad`, and `gallager`, regular LDPC codes
        of nearly those rates; `uncoded`, BPSK to 4096QAM without a code.

    Raises
    ------
    KeyError
        When there is no such table.

    Examples
    --------
    >>> mcs_table("pdsch-1")[10].code_rate, mcs_table("wifi-ad")[10].codeword
    (Fraction(85, 256), (504, 672))
    """
    if name == "uncoded":
        rows = [(order, Fraction(1), (order, order)) for order in BITS_PER_SYMBOL]
    elif name in _CODEWORDS:
        rows = [(order, Fraction(*word), word) for order in _CODEWORD_ORDERS for word in _CODEWORDS[name]]
    else:
        rates_of = _TRANSPORT_BLOCKS[name].items()
        rows = [(order, Fraction(rate) / 1024, None) for order, rates in rates_of for rate in rates.split()]
    return tuple(MCS(name, index, *row) for index, row in enumerate(rows))
