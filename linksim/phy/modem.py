"""The digital modem: payload bits to symbols and back, over transport blocks and QAM of one MCS."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
import tensorflow as tf

from linksim.phy.link import Link
from linksim.phy.modulation import QAM
from linksim.phy.transport_block import TransportBlock
from linksim.phy.transport_block_size import split_channel_uses, transport_block_size


@dataclass(frozen=True)
class Transmission:
    """What became of a batch of payloads.

    Attributes
    ----------
    bits : [batch, payload], float32
        Decoded payload bits.
    passed : [batch], bool
        Whether every transport block's CRC passed.
    power, peak_power : [batch], float64
        Mean and largest energy of the sent symbols.
    symbol_errors : [batch], int64
        Symbols with a wrong hard decision before decoding.
    """

    bits: np.ndarray
    passed: np.ndarray
    power: np.ndarray
    peak_power: np.ndarray
    symbol_errors: np.ndarray


class Modem:
    """Transport blocks and QAM that fill a number of channel uses.

    Parameters
    ----------
    channel_uses : int
        k, complex symbols of one image.
    modulation_order : int
        Q_m.
    code_rate : Fraction
        Target code rate R.
    decoder : str
        A name of `linksim.phy.ldpc.DECODERS`.
    iterations : int
        Decoder iterations.
    """

    def __init__(
        self, channel_uses: int, modulation_order: int, code_rate: Fraction, decoder: str, iterations: int
    ):
        self.channel_uses = channel_uses
        self._order = modulation_order
        self._decoder = (decoder, iterations)
        self._sizes = [
            transport_block_size(uses, modulation_order, code_rate)
            for uses in split_channel_uses(channel_uses)
        ]

    @property
    def payload(self) -> int:
        """Payload bits A, of all transport blocks together; 0 when one of them could not be decoded."""
        if not all(size.decodable for size in self._sizes):
            return 0
        return sum(size.payload for size in self._sizes)

    @cached_property
    def _blocks(self):
        built = {size: TransportBlock(size, self._order, *self._decoder) for size in set(self._sizes)}
        return [built[size] for size in self._sizes]

    @cached_property
    def _modulation(self):
        return QAM(self._order)

    def transmit(self, payload: np.ndarray, link: Link) -> Transmission:
        """Send payload bits `[batch, A]`, float32, over a link."""
        bounds = np.cumsum([0, *(size.payload for size in self._sizes)])
        coded = [
            block.encode(payload[:, start:stop])
            for block, start, stop in zip(self._blocks, bounds, bounds[1:])
        ]
        coded = tf.concat(coded, axis=1)
        symbols = self._modulation.map(coded)
        received = link.transmit(symbols)
        llr = self._modulation.demap(received.symbols, received.noise_variance)
        parts = tf.split(llr, [size.coded for size in self._sizes], axis=1)
        decoded = [block.decode(part) for block, part in zip(self._blocks, parts)]
        wrong = (llr.numpy() > 0) != (coded.numpy() > 0.5)
        return Transmission(
            bits=np.concatenate([bits.numpy() for bits, _ in decoded], axis=1),
            passed=np.all([valid.numpy() for _, valid in decoded], axis=0),
            power=received.power.numpy().astype(float),
            peak_power=np.square(np.abs(symbols.numpy())).max(axis=1).astype(float),
            symbol_errors=wrong.reshape(len(payload), self.channel_uses, self._order).any(axis=2).sum(axis=1),
        )


@lru_cache(maxsize=256)
def modem(
    channel_uses: int, modulation_order: int, code_rate: Fraction, decoder: str, iterations: int
) -> Modem:
    """The modem with these parameters, built and traced once per process."""
    return Modem(channel_uses, modulation_order, code_rate, decoder, iterations)
