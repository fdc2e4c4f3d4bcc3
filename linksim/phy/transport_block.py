"""NR transport blocks: CRC, segmentation, LDPC, rate matching and scrambling (TS 38.212, 38.211).

The steps stand here one by one, from Sionna's blocks, because Sionna's own TBEncoder has no repetition: it
refuses the lowest MCSs of every table. Where it works, this chain gives the same bits (tested).
"""

import numpy as np
import tensorflow as tf
from sionna.phy.fec.crc import CRCDecoder, CRCEncoder

from linksim.phy import ldpc
from linksim.phy.ldpc.mother_code import MotherCodeEncoder
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
    iterations : int
        Decoder iterations.

    Raises
    ------
    ValueError
        When the size is not decodable.
    """

    def __init__(
        self, size: TransportBlockSize, modulation_order: int, decoder: str = "sionna", iterations: int = 20
    ):
        self.size = size
        self._crc = CRCEncoder("CRC24A" if size.crc == 24 else "CRC16")
        self._crc_check = CRCDecoder(self._crc)
        self._block_crc = CRCEncoder("CRC24B") if size.code_block_crc else None
        self._encoder = MotherCodeEncoder(size.code_block, max(size.codewords), size.base_graph)
        self._decoder = ldpc.create(decoder, self._encoder, iterations)
        self._sent, self._seat, self._repetitions = _rate_matching(
            size.codewords, self._encoder.n, modulation_order
        )
        scrambling = gold_sequence(size.coded, _RNTI * 2**15 + _ID)
        self._scrambling = tf.constant(scrambling, tf.float32)
        # Autograph would unroll Python loops over every bit; nothing here needs it.
        self.encode = tf.function(
            self._encode, autograph=False, input_signature=[tf.TensorSpec([None, size.payload], tf.float32)]
        )
        self.decode = tf.function(
            self._decode, autograph=False, input_signature=[tf.TensorSpec([None, size.coded], tf.float32)]
        )

    def _encode(self, payload):
        """Payload bits `[batch, A]` to coded bits `[batch, G]`, both float32."""
        count = len(self.size.codewords)
        blocks = tf.reshape(self._crc(payload), [-1, self.size.code_block - self.size.code_block_crc])
        if self._block_crc is not None:
            blocks = self._block_crc(blocks)
        codewords = tf.reshape(self._encoder(blocks), [-1, count * self._encoder.n])
        return tf.abs(tf.gather(codewords, self._sent, axis=1) - self._scrambling)

    def _decode(self, llr):
        """LLRs ln p(1)/p(0) `[batch, G]` to payload bits `[batch, A]`, float32, and CRC passed `[batch]`."""
        count = len(self.size.codewords)
        llr = llr * (1.0 - 2.0 * self._scrambling)
        llr = tf.pad(llr, [[0, 0], [0, 1]])  # the last column stands for what was never sent
        llr = tf.gather(llr, self._seat, axis=1)
        llr = tf.reduce_sum(tf.reshape(llr, [-1, self._repetitions, self._encoder.n]), axis=1)
        blocks = self._decoder(llr)
        blocks = tf.reshape(blocks, [-1, count, self.size.code_block])
        blocks = blocks[:, :, : self.size.code_block - self.size.code_block_crc]
        payload, valid = self._crc_check(tf.reshape(blocks, [-1, self.size.payload + self.size.crc]))
        return payload, valid[:, 0]


def _rate_matching(codewords, n, modulation_order):
    """Bit selection, interleaving and concatenation as index arrays (TS 38.212 clauses 5.4.2 and 5.5).

    Parameters
    ----------
    codewords : tuple of int
        E_r of each code block.
    n : int
        Bits in the circular buffer; a longer E_r wraps around.
    modulation_order : int

    Returns
    -------
    sent : [G], int32
        For each coded bit its place among the buffers laid end to end.
    seat : [C·repetitions·n], int32
        The inverse: for each place of each turn around each buffer the coded bit, or G where none was sent.
    repetitions : int
        Turns around the buffer.
    """
    repetitions = -(-max(codewords) // n)
    sent, seat = [], np.full((len(codewords), repetitions * n), sum(codewords))
    start = 0
    for block, length in enumerate(codewords):
        # f_{i+j·Q_m} = e_{i·E/Q_m+j}: written by rows, read by columns.
        order = np.arange(length).reshape(modulation_order, -1).T.ravel()
        sent.append(block * n + order % n)
        seat[block, order] = start + np.arange(length)
        start += length
    return np.concatenate(sent).astype(np.int32), seat.ravel().astype(np.int32), repetitions
