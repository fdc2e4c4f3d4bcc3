"""Cyclic redundancy checks of NR (TS 38.212 clause 5.1), and the CRC-32 of IEEE 802.3 in the same manner."""

from dataclasses import dataclass

import numba
import numpy as np


@dataclass(frozen=True)
class CRC:
    """A generator polynomial.

    Attributes
    ----------
    length : int
        Number of check bits L, at most 32.
    polynomial : int
        Coefficients below D^L, that of D^(L−1) first.
    """

    length: int
    polynomial: int


CRC16 = CRC(16, 0x1021)
CRC24A = CRC(24, 0x864CFB)
CRC24B = CRC(24, 0x800063)
CRC32 = CRC(32, 0x04C11DB7)


def append(bits: np.ndarray, crc: CRC) -> np.ndarray:
    """Bits `[batch, k]` followed by their check bits, `[batch, k + L]`, both uint8."""
    remainders = _remainders(bits, crc.length, crc.polynomial)
    places = np.arange(crc.length - 1, -1, -1, dtype=np.uint32)
    return np.concatenate([bits, (remainders[:, None] >> places & 1).astype(np.uint8)], axis=1)


def check(bits: np.ndarray, crc: CRC) -> np.ndarray:
    """Whether bits that end with their check bits, uint8 `[batch, k + L]`, pass: bool `[batch]`."""
    return _remainders(bits, crc.length, crc.polynomial) == 0


@numba.njit(cache=True, nogil=True)
def _remainders(bits, length, polynomial):
    """Remainder of each row's polynomial times D^L, uint32 `[batch]`: zero for a row with its check bits."""
    remainders = np.zeros(len(bits), np.uint32)
    top = np.uint32(length - 1)
    mask = np.uint32((1 << length) - 1)
    for row in range(len(bits)):
        remainder = np.uint32(0)
        for bit in bits[row]:
            feedback = (remainder >> top) ^ np.uint32(bit)
            remainder = np.uint32(remainder << np.uint32(1)) & mask
            if feedback & np.uint32(1):
                remainder ^= np.uint32(polynomial)
        remainders[row] = remainder
    return remainders
