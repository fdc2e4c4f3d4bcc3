"""Bits, Exp-Golomb codes and emulation prevention of HEVC headers (ITU-T H.265, 7.3 and 9.2)."""

import re

from linksim.codecs.base import DecodeError

MAX_LEADING_ZEROS = 31
"""An Exp-Golomb code of an HEVC header never needs more; damaged data may."""


class BitReader:
    """Reads bits from the most significant one of the first byte on.

    Parameters
    ----------
    data : bytes
        The bits, without emulation prevention bytes.

    Raises
    ------
    DecodeError
        From every method, when the data end early.
    """

    def __init__(self, data: bytes):
        self._bits = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    @property
    def left(self) -> int:
        """Bits that remain."""
        return self._left

    def u(self, count: int) -> int:
        """Return an unsigned number of `count` bits."""
        if count > self._left:
            raise DecodeError("a header ends early")
        self._left -= count
        return (self._bits >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """Return one bit."""
        return bool(self.u(1))

    def ue(self) -> int:
        """Return an unsigned Exp-Golomb number."""
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > MAX_LEADING_ZEROS:
                raise DecodeError("a header holds an impossible number")
        return (1 << zeros) - 1 + self.u(zeros)


class BitWriter:
    """Collects bits, the most significant one of the first byte first."""

    def __init__(self):
        self._bits = 0
        self._count = 0

    def u(self, count: int, value: int) -> None:
        """Append an unsigned number of `count` bits."""
        if not 0 <= value < 1 << count:
            raise ValueError(f"{value} does not fit into {count} bits")
        self._bits = self._bits << count | value
        self._count += count

    def flag(self, value: bool) -> None:
        """Append one bit."""
        self.u(1, int(value))

    def ue(self, value: int) -> None:
        """Append an unsigned Exp-Golomb number."""
        length = (value + 1).bit_length()
        self.u(2 * length - 1, value + 1)

    def bytes(self) -> bytes:
        """Return the bits so far, with zero bits to the end of the last byte."""
        padding = -self._count % 8
        return (self._bits << padding).to_bytes((self._count + padding) // 8, "big")


def escape(payload: bytes) -> bytes:
    """Insert the emulation prevention bytes: 0x03 between two zero bytes and one below 4 (H.265, 7.4.2)."""
    out = bytearray()
    start = 0
    zeros = payload.find(b"\x00\x00")
    while 0 <= zeros < len(payload) - 2:
        if payload[zeros + 2] <= 3:
            out += payload[start : zeros + 2] + b"\x03"
            start = zeros + 2
        zeros = payload.find(b"\x00\x00", max(start, zeros + 1))
    return bytes(out + payload[start:])


def unescape(payload: bytes) -> bytes:
    """Remove the emulation prevention bytes."""
    return payload.replace(b"\x00\x00\x03", b"\x00\x00")


def split_nal_units(stream: bytes) -> list[bytes]:
    """Split an Annex B byte stream into its NAL units, start codes and trailing zeros removed."""
    return [unit for unit in (part.rstrip(b"\x00") for part in re.split(b"\x00\x00\x01", stream)) if unit]
