"""NR transport blocks: CRC, segmentation, LDPC, rate matching and scrambling (TS 38.212, 38.211).

Sionna's TBEncoder and TBDecoder hold the same steps but have no repetition: they refuse the lowest MCSs of
every table. Where they work, this chain gives the same bits (tested).
"""

import numba
import numpy as np

from linksim.phy import crc, ldpc
from linksim.phy.ldpc.encoder import Encoder
from linksim.phy.ldpc.nr import nr_code
from linksim.phy.scrambling import gold_sequence
from linksim.phy.transport_block_size import TransportBlockSize

#: Scrambling identities n_RNTI and n_ID of TS 38.211 clause 7.3.1.1; any values serve a single link.
_RNTI, _ID = 1, 1


class TransportBlock:
    """Encoder and decoder of one transport block size, for batches of images.

    Parameters
    ----------
    size : TransportBlockSize
    modulation_order : int
        Q_m; the bit interleaver of TS 38.212 clause 5.4.2.2 depends on it.
    decoder : str
        A name of `linksim.phy.ldpc.DECODERS`.
    precision : str or None
        Arithmetic of the decoder `fast`.
    iterations : int
        Decoder iterations.

    Attributes
    ----------
    payload, coded : int
        A and G, bits.
    stages : int
        C, code blocks.
    """

    def __init__(
        self,
        size: TransportBlockSize,
        modulation_order: int,
        decoder: str = "fast",
        precision: str | None = "int16",
        iterations: int = 20,
    ):
        self.payload, self.coded, self.stages = size.payload, size.coded, len(size.codewords)
        self._size = size
        self._crc = crc.CRC24A if size.crc == 24 else crc.CRC16
        code = nr_code(size.code_block, max(size.codewords), size.base_graph)
        self._encoder = Encoder(code)
        self._decoder = ldpc.create(decoder, code, iterations, precision)
        orders = {length: _interleaving(length, modulation_order) for length in set(size.codewords)}
        self._orders = [orders[length] for length in size.codewords]
        self._starts = np.cumsum([0, *size.codewords])
        self._scrambling = gold_sequence(size.coded, _RNTI * 2**15 + _ID)

    def encode(self, payload: np.ndarray) -> np.ndarray:
        """Payload bits `[batch, A]` to coded bits `[batch, G]`, both uint8."""
        batch, length = len(payload), self._size.code_block - self._size.code_block_crc
        blocks = crc.append(payload, self._crc).reshape(batch * self.stages, length)
        if self._size.code_block_crc:
            blocks = crc.append(blocks, crc.CRC24B)
        code = self._encoder.code
        words = self._encoder(blocks)[:, code.sent].reshape(batch, self.stages, code.n)
        coded = [words[:, block, order % code.n] for block, order in enumerate(self._orders)]
        return np.concatenate(coded, axis=1) ^ self._scrambling

    def decode(self, llr: np.ndarray, exhaustive: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """LLRs to payload bits and the verdict of the CRC.

        A transport block is lost with its first wrong code block; unless `exhaustive`, decoding may stop
        there, and the bits of what was not decoded are zero.

        Parameters
        ----------
        llr : [batch, G], float32
            ln p(1)/p(0).
        exhaustive : bool

        Returns
        -------
        bits : [batch, A], uint8
        passed : [batch], bool
        """
        batch, length = len(llr), self._size.code_block - self._size.code_block_crc
        blocks = np.zeros((batch, self.stages, length), np.uint8)
        passed = np.ones(batch, bool)
        start, count = 0, self.stages if exhaustive else 1
        while start < self.stages and passed.any():
            # Growing groups: little is decoded in vain, and many blocks at once keep all threads busy.
            group = range(start, min(start + count, self.stages))
            images = np.arange(batch) if exhaustive else np.flatnonzero(passed)
            received = np.concatenate([self._received(llr[images], block) for block in group])
            bits = self._decoder(received).reshape(len(group), len(images), self._size.code_block)
            blocks[images, group.start : group.stop] = bits[:, :, :length].swapaxes(0, 1)
            if self._size.code_block_crc:
                for of_block in bits:
                    passed[images] &= crc.check(of_block, crc.CRC24B)
            start, count = group.stop, 2 * count
        whole = blocks.reshape(batch, self.stages * length)
        return whole[:, : self.payload], passed & crc.check(whole, self._crc)

    def _received(self, llr, block):
        """LLRs of one code block as the decoder takes them: in the buffer's order, repetitions added up."""
        values = np.zeros((len(llr), self._encoder.code.n), np.float32)
        coded = slice(self._starts[block], self._starts[block + 1])
        _collect(llr[:, coded], self._scrambling[coded], self._orders[block], values)
        return values


@numba.njit(cache=True, nogil=True)
def _collect(llr, scrambling, order, values):
    """Undo scrambling, interleaving and rate matching: add LLRs `[batch, E]` to values `[batch, n]`."""
    length = values.shape[1]
    for image in range(len(llr)):
        for i in range(order.size):
            value = llr[image, i]
            values[image, order[i] % length] += -value if scrambling[i] else value


def _interleaving(length, modulation_order):
    """From each coded bit f_i of a codeword to the e_j it is, int32 `[E]` (TS 38.212 clause 5.4.2.2).

    f_{i+j·Q_m} = e_{i·E/Q_m+j}: written by rows, read by columns. The rate matching before it reads e_j from
    place j of the circular buffer, around and around.
    """
    return np.arange(length, dtype=np.int32).reshape(modulation_order, -1).T.ravel()
