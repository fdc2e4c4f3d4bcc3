"""Modulation and coding schemes of 5G NR: the tables of TS 38.214, clause 5.1.3.1."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache


@dataclass(frozen=True)
class MCS:
    """One row of an MCS table.

    Attributes
    ----------
    table : str
        `pdsch-1` … `pdsch-4`.
    index : int
        I_MCS.
    modulation_order : int
        Q_m, coded bits per symbol.
    code_rate : Fraction
        Target code rate R.
    """

    table: str
    index: int
    modulation_order: int
    code_rate: Fraction

    @property
    def name(self) -> str:
        """Its name in results, as `pdsch-1/10`."""
        return f"{self.table}/{self.index}"

    @property
    def spectral_efficiency(self) -> Fraction:
        """Information bits per channel use, Q_m·R."""
        return self.modulation_order * self.code_rate


# Per table: modulation order → R·1024 in the order of the indices.
_TABLES = {
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
}


@cache
def mcs_table(name: str) -> tuple[MCS, ...]:
    """Return the rows of one table in the order of their indices.

    Parameters
    ----------
    name : str
        `pdsch-1` (table 5.1.3.1-1, up to 64QAM), `pdsch-2` (-2, 256QAM), `pdsch-3` (-3, low spectral
        efficiency) or `pdsch-4` (-4, 1024QAM).

    Raises
    ------
    KeyError
        When there is no such table.

    Examples
    --------
    >>> mcs_table("pdsch-1")[10]
    MCS(table='pdsch-1', index=10, modulation_order=4, code_rate=Fraction(85, 256))
    """
    rows = [
        (order, Fraction(rate) / 1024) for order, rates in _TABLES[name].items() for rate in rates.split()
    ]
    return tuple(MCS(name, index, order, rate) for index, (order, rate) in enumerate(rows))
