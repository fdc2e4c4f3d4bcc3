"""NR transport blocks: CRC, segmentation, LDPC, rate matching and scrambling (TS 38.212, 38.214, 38.211).

The steps stand here one by one, from Sionna's blocks, because Sionna's own TBEncoder has no repetition: it
refuses the lowest MCSs of every table. Where it works, this chain gives the same bits (tested).
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import tensorflow as tf
from sionna.phy.fec.crc import CRCDecoder, CRCEncoder
from sionna.phy.nr.utils import calculate_tb_size, generate_prng_seq

from linksim.phy import ldpc
from linksim.phy.ldpc.mother_code import MAX_CODE_RATE, MotherCodeEncoder

#: Resource elements of one codeword in one slot: 156 per resource block (TS 38.214 clause 5.1.3.2), 273
#: resource blocks (TS 38.101-1), 4 layers (TS 38.211 clause 7.3.1.3). Longer blocks are split.
MAX_CHANNEL_USES = 156 * 273 * 4

#: Scrambling identities n_RNTI and n_ID of TS 38.211 clause 7.3.1.1; any values serve a single link.
_RNTI, _ID = 1, 1


@dataclass(frozen=True)
class TransportBlockSize:
    """How one transport block is built; all in bits.

    Attributes
    ----------
    payload : int
        A, the transport block size of TS 38.214 clause 5.1.3.2.
    coded : int
        G, the coded bits.
    code_block : int
        K', bits of each code block, CRCs included.
    codewords : tuple of int
        E_r, coded bits of each code block (TS 38.212 clause 5.4.2.1).
    crc : int
        Length of the transport block's CRC.
    code_block_crc : int
        Length of each code block's CRC; 0 when there is one code block.
    base_graph : int
        1 or 2 (TS 38.212 clause 7.2.2).
    """

    payload: int
    coded: int
    code_block: int
    codewords: tuple[int, ...]
    crc: int
    code_block_crc: int
    base_graph: int

    @property
    def decodable(self) -> bool:
        """Whether every code block stays within the code rate that a receiver must accept."""
        return self.code_block <= MAX_CODE_RATE * min(self.codewords)


@cache
def transport_block_size(channel_uses: int, modulation_order: int, code_rate: Fraction) -> TransportBlockSize:
    """Size a transport block for a number of channel uses (TS 38.214 clause 5.1.3.2).

    Parameters
    ----------
    channel_uses : int
        k, at least 1.
    modulation_order : int
        Q_m.
    code_rate : Fraction
        Target code rate R.
    """
    coded = channel_uses * modulation_order
    size, block, _, crc, block_crc, codewords = (
        np.asarray(value)
        for value in calculate_tb_size(
            modulation_order=modulation_order, target_coderate=float(code_rate), num_coded_bits=coded
        )
    )
    payload = int(size)
    small = payload <= 292 or (payload <= 3824 and code_rate <= Fraction(67, 100))
    return TransportBlockSize(
        payload=payload,
        coded=coded,
        code_block=int(block),
        codewords=tuple(int(length) for length in codewords if length),
        crc=int(crc),
        code_block_crc=int(block_crc),
        base_graph=2 if small or code_rate <= Fraction(1, 4) else 1,
    )


def split_channel_uses(channel_uses: int) -> tuple[int, ...]:
    """Divide the uses of one image over as few transport blocks as the standard's limit allows."""
    count = -(-channel_uses // MAX_CHANNEL_USES)
    return tuple(channel_uses // count + (i < channel_uses % count) for i in range(count))


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
        scrambling = generate_prng_seq(size.coded, _RNTI * 2**15 + _ID)
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
