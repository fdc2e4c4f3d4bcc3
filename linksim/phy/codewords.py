"""Fixed-length codes: a payload and its CRC-32 over whole codewords, without transport blocks.

The bits of all codewords but the last 32 are payload; a CRC-32 over the payload fills them up. Each codeword
then encodes its k bits in turn. Nothing is scrambled or interleaved. Without a code, a word is the bits of a
symbol.
"""

from functools import cached_property

import numpy as np

from linksim.modulation.mcs import MCS
from linksim.phy import crc, ldpc
from linksim.phy.ldpc.code import QuasiCyclicCode
from linksim.phy.ldpc.encoder import Encoder
from linksim.phy.ldpc.gallager import GallagerCode, gallager_code
from linksim.phy.ldpc.ieee80211ad import ieee80211ad_code
from linksim.phy.ldpc.nr import nr_code
from linksim.phy.transport_block_size import base_graph


class Codewords:
    """Encoder and decoder of as many codewords as fit the channel uses of an image.

    Parameters
    ----------
    mcs : MCS
        With a `codeword`.
    channel_uses : int
        k, complex symbols of one image.
    decoder : str
        A name of `linksim.phy.ldpc.DECODERS`.
    precision : str or None
        Arithmetic of the decoder `fast`.
    iterations : int
        Decoder iterations.

    Attributes
    ----------
    payload : int
        A, payload bits; 0 when not even a codeword with a payload fits.
    coded : int
        Bits handed to the mapper: the codewords and zeros up to a whole symbol. The channel uses that are
        left stay idle.
    stages : int
        1: nothing tells that a codeword is lost before all are decoded.
    """

    stages = 1

    def __init__(self, mcs: MCS, channel_uses: int, decoder: str, precision: str | None, iterations: int):
        k, n = mcs.codeword
        self._mcs = mcs
        self._settings = (decoder, precision, iterations)
        self._count = channel_uses * mcs.modulation_order // n
        self._length = self._count * n
        self.payload = max(0, self._count * k - crc.CRC32.length)
        self.coded = -(-self._length // mcs.modulation_order) * mcs.modulation_order

    @cached_property
    def _word(self):
        return Uncoded() if self._mcs.table == "uncoded" else LDPC(code_of(self._mcs), *self._settings)

    def encode(self, payload: np.ndarray) -> np.ndarray:
        """Payload bits `[batch, A]` to coded bits `[batch, coded]`, both uint8."""
        blocks = crc.append(payload, crc.CRC32).reshape(-1, self._mcs.codeword[0])
        words = self._word.encode(blocks).reshape(len(payload), self._length)
        return np.pad(words, ((0, 0), (0, self.coded - self._length)))

    def decode(self, llr: np.ndarray, exhaustive: bool) -> tuple[np.ndarray, np.ndarray]:
        """LLRs to payload bits and whether they are right.

        Parameters
        ----------
        llr : [batch, coded], float32
            ln p(1)/p(0).
        exhaustive : bool
            Changes nothing here: only the CRC over all codewords tells that one of them is wrong.

        Returns
        -------
        bits : [batch, A], uint8
        passed : [batch], bool
            Whether the CRC-32 passed.
        """
        blocks = self._word.decode(llr[:, : self._length].reshape(-1, self._mcs.codeword[1]))
        bits = blocks.reshape(len(llr), -1)
        return bits[:, : self.payload], crc.check(bits, crc.CRC32)


class LDPC:
    """Encoder and decoder of the codewords of one LDPC code."""

    def __init__(
        self, code: QuasiCyclicCode | GallagerCode, decoder: str, precision: str | None, iterations: int
    ):
        self._code = code
        self._encoder = code.encode if isinstance(code, GallagerCode) else Encoder(code)
        self._decoder = ldpc.create(decoder, code, iterations, precision)

    def encode(self, bits: np.ndarray) -> np.ndarray:
        """Information bits `[batch, k]` to sent bits `[batch, n]`, both uint8."""
        return self._encoder(bits)[:, self._code.sent]

    def decode(self, llr: np.ndarray) -> np.ndarray:
        """LLRs ln p(1)/p(0) `[batch, n]`, float32, to information bits `[batch, k]`, uint8."""
        return self._decoder(llr)


class Uncoded:
    """Bits as they are, and hard decisions."""

    def encode(self, bits: np.ndarray) -> np.ndarray:
        """Bits `[batch, n]`, uint8, unchanged."""
        return bits

    def decode(self, llr: np.ndarray) -> np.ndarray:
        """LLRs ln p(1)/p(0) `[batch, n]`, float32, to bits `[batch, n]`, uint8."""
        return (llr > 0).astype(np.uint8)


def code_of(mcs: MCS) -> QuasiCyclicCode | GallagerCode:
    """The fixed-length code of an MCS."""
    if mcs.table == "wifi-ad":
        return ieee80211ad_code(mcs.code_rate)
    k, n = mcs.codeword
    if mcs.table == "gallager":
        return gallager_code(k, n)
    return nr_code(k, n, base_graph(k, mcs.code_rate))
