"""The LDPC codes of IEEE 802.11ad-2012 (clause 21.3.8): 672 bits, four rates, blocks of 42×42."""

from fractions import Fraction
from functools import cache

import numpy as np

from linksim.phy.ldpc.code import QuasiCyclicCode

LIFTING = 42

#: Shifts of the blocks by code rate; a dash is the zero block.
_TABLES = {
    Fraction(1, 2): """
        40  - 38  - 13  -  5  - 18  -  -  -  -  -  -  -
        34  - 35  - 27  -  - 30  2  1  -  -  -  -  -  -
         - 36  - 31  -  7  - 34  - 10 41  -  -  -  -  -
         - 27  - 18  - 12 20  -  -  - 15  6  -  -  -  -
        35  - 41  - 40  - 39  - 28  -  -  3 28  -  -  -
        29  -  0  -  - 22  -  4  - 28  - 27  - 23  -  -
         - 31  - 23  - 21  - 20  -  - 12  -  -  0 13  -
         - 22  - 34 31  - 14  -  4  -  -  - 13  - 22 24
    """,
    Fraction(5, 8): """
        20 36 34 31 20  7 41 34  - 10 41  -  -  -  -  -
        30 27  - 18  - 12 20 14  2 25 15  6  -  -  -  -
        35  - 41  - 40  - 39  - 28  -  -  3 28  -  -  -
        29  -  0  -  - 22  -  4  - 28  - 27 24 23  -  -
         - 31  - 23  - 21  - 20  -  9 12  -  -  0 13  -
         - 22  - 34 31  - 14  -  4  -  -  -  -  - 22 24
    """,
    Fraction(3, 4): """
        35 19 41 22 40 41 39  6 28 18 17  3 28  -  -  -
        29 30  0  8 33 22 17  4 27 28 20 27 24 23  -  -
        37 31 18 23 11 21  6 20 32  9 12 29  -  0 13  -
        25 22  4 34 31  3 14 15  4  - 14 18 13 13 22 24
    """,
    Fraction(13, 16): """
        29 30  0  8 33 22 17  4 27 28 20 27 24 23  -  -
        37 31 18 23 11 21  6 20 32  9 12 29 10  0 13  -
        25 22  4 34 31  3 14 15  4  2 14 18 13 13 22 24
    """,
}

RATES = tuple(_TABLES)


@cache
def ieee80211ad_code(rate: Fraction) -> QuasiCyclicCode:
    """The code of one rate; all its 672 bits are sent.

    Parameters
    ----------
    rate : Fraction
        1/2, 5/8, 3/4 or 13/16.

    Raises
    ------
    KeyError
        When the standard has no code of this rate.
    """
    rows = [line.replace("-", "-1").split() for line in _TABLES[rate].strip().splitlines()]
    shifts = np.array(rows, np.int16)
    length = shifts.shape[1] * LIFTING
    information = length - shifts.shape[0] * LIFTING
    return QuasiCyclicCode(shifts, LIFTING, information, np.arange(length, dtype=np.int32))
