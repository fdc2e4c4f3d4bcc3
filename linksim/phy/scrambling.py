"""The Gold sequence that scrambles coded bits (TS 38.211 clause 5.2.1).

Sionna's generator takes microseconds a bit, which for the transport blocks of photographs adds up to seconds.
"""

import numpy as np

_DISCARDED = 1600
_TAPS_1, _TAPS_2 = (0, 3), (0, 1, 2, 3)


def gold_sequence(length: int, initial: int) -> np.ndarray:
    """The sequence c, uint8 `[length]` of 0 and 1.

    Parameters
    ----------
    length : int
    initial : int
        c_init, below 2³¹.

    Examples
    --------
    >>> gold_sequence(8, 32769).tolist()
    [0, 0, 0, 1, 0, 0, 1, 1]
    """
    end = _DISCARDED + length
    return (_shift_register(1, _TAPS_1, end) ^ _shift_register(initial, _TAPS_2, end))[_DISCARDED:]


def _shift_register(state, taps, length):
    """The m-sequence x(n+31) = Σ x(n+t), modulo 2, from 31 bits of state.

    Squaring the recurrence's polynomial doubles all its distances, x(n+62) = Σ x(n+2t), and so on: the more
    is known of the sequence, the more follows in one step.
    """
    bits = np.zeros(max(length, 31), np.uint8)
    bits[:31] = state >> np.arange(31) & 1
    known = 31
    while known < length:
        scale = 1 << (known // 31).bit_length() - 1
        start = known - 31 * scale
        count = min((31 - taps[-1]) * scale, length - known)
        for tap in taps:
            bits[known : known + count] ^= bits[start + tap * scale : start + tap * scale + count]
        known += count
    return bits[:length]
