"""The digital modem: payload bits to symbols and back, over the channel code and the QAM of one MCS."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numba
import numpy as np
import tensorflow as tf

from linksim.modulation.mcs import MCS
from linksim.phy.codewords import Codewords
from linksim.phy.link import Link
from linksim.phy.modulation import QAM, HalfPiBPSK
from linksim.phy.transport_block import TransportBlock
from linksim.phy.transport_block_size import split_channel_uses, transport_block_size


class ChannelCode(Protocol):
    """What stands between the payload and the mapper.

    Attributes
    ----------
    payload, coded : int
        Bits taken in and given out.
    stages : int
        Parts that are decoded one after the other, until one is lost.
    """

    payload: int
    coded: int
    stages: int

    def encode(self, payload: np.ndarray) -> np.ndarray:
        """Payload bits `[batch, payload]` to coded bits `[batch, coded]`, both uint8."""

    def decode(self, llr: np.ndarray, exhaustive: bool) -> tuple[np.ndarray, np.ndarray]:
        """LLRs ln p(1)/p(0) `[batch, coded]` to payload bits and whether they passed, `[batch]`.

        Unless `exhaustive`, decoding may stop where an image is known to be lost.
        """


@dataclass(frozen=True)
class Transmission:
    """What became of a batch of payloads.

    Attributes
    ----------
    bits : [batch, payload], uint8
        Decoded payload bits.
    passed : [batch], bool
        Whether every CRC passed.
    complete : bool
        Whether every codeword was decoded; otherwise `bits` counts only where `passed`.
    power, peak_power : [batch], float64
        Mean and largest energy of the sent symbols, behind the amplifier.
    symbols : int
        Symbols sent for one image; the channel uses beyond them stayed idle.
    symbol_errors : [batch], int64
        Symbols with a wrong hard decision before decoding.
    """

    bits: np.ndarray
    passed: np.ndarray
    complete: bool
    power: np.ndarray
    peak_power: np.ndarray
    symbols: int
    symbol_errors: np.ndarray


class Modem:
    """Channel code and QAM that fill a number of channel uses.

    Parameters
    ----------
    channel_uses : int
        k, complex symbols of one image.
    mcs : MCS
    decoder : str
        A name of `linksim.phy.ldpc.DECODERS`.
    precision : str or None
        Arithmetic of the decoder `fast`.
    iterations : int
        Decoder iterations.
    """

    def __init__(
        self,
        channel_uses: int,
        mcs: MCS,
        decoder: str = "fast",
        precision: str | None = "int16",
        iterations: int = 20,
    ):
        self.channel_uses = channel_uses
        self._mcs = mcs
        self._decoder = (decoder, precision, iterations)

    @cached_property
    def _sizes(self):
        """Sizes of the transport blocks."""
        order, rate = self._mcs.modulation_order, self._mcs.code_rate
        return [transport_block_size(uses, order, rate) for uses in split_channel_uses(self.channel_uses)]

    @cached_property
    def payload(self) -> int:
        """Payload bits A of one image; 0 when nothing could be sent or decoded."""
        if self._mcs.codeword is not None:
            return self._codes[0].payload
        decodable = all(size.decodable for size in self._sizes)
        return sum(size.payload for size in self._sizes) if decodable else 0

    @cached_property
    def _codes(self) -> list[ChannelCode]:
        if self._mcs.codeword is not None:
            return [Codewords(self._mcs, self.channel_uses, *self._decoder)]
        order = self._mcs.modulation_order
        built = {size: TransportBlock(size, order, *self._decoder) for size in set(self._sizes)}
        return [built[size] for size in self._sizes]

    def transmit(self, payload: np.ndarray, link: Link, exhaustive: bool = True) -> Transmission:
        """Send payloads over a link.

        Parameters
        ----------
        payload : [batch, A], uint8
        link : Link
        exhaustive : bool
            Decode every codeword, those of lost images too.
        """
        modulation = self._modulation
        coded, symbols = _modulated(self, payload.tobytes(), len(payload))
        received = link.transmit(symbols)
        llr = modulation.demap(received.symbols, received.noise_variance).numpy()

        bits, passed = [], np.ones(len(payload), bool)
        for part, code in zip(
            np.split(llr, np.cumsum([code.coded for code in self._codes])[:-1], axis=1), self._codes
        ):
            alive = np.ones(len(payload), bool) if exhaustive else passed.copy()
            decoded = np.zeros((len(payload), code.payload), np.uint8)
            decoded[alive], verdict = code.decode(part[alive], exhaustive)
            passed[alive] &= verdict
            bits.append(decoded)
        return Transmission(
            bits=np.concatenate(bits, axis=1),
            passed=passed,
            complete=exhaustive or sum(code.stages for code in self._codes) == 1,
            power=received.power.numpy().astype(float),
            peak_power=received.peak_power.numpy().astype(float),
            symbols=symbols.shape[1],
            symbol_errors=_symbol_errors(llr, coded, self._mcs.modulation_order),
        )

    def modulate(self, payload: np.ndarray) -> tuple[np.ndarray, tf.Tensor]:
        """Payloads `[batch, A]`, uint8, to coded bits `[batch, G]`, uint8, and symbols `[batch, k]`."""
        parts = np.split(payload, np.cumsum([code.payload for code in self._codes])[:-1], axis=1)
        coded = np.concatenate([code.encode(part) for code, part in zip(self._codes, parts)], axis=1)
        return coded, self._modulation.map(coded)

    @property
    def _modulation(self):
        return modulation_of(self._mcs.modulation_order, self._mcs.half_pi)


@lru_cache(maxsize=4)
def _modulated(modem, payload, batch):
    """The same payloads are sent at every SNR, one SNR after the other."""
    return modem.modulate(np.frombuffer(payload, np.uint8).reshape(batch, -1))


@numba.njit(cache=True, nogil=True)
def _symbol_errors(llr, coded, modulation_order):
    """Symbols with a wrong hard decision, int64 `[batch]`."""
    errors = np.zeros(len(llr), np.int64)
    for image in range(len(llr)):
        for start in range(0, llr.shape[1], modulation_order):
            for bit in range(start, start + modulation_order):
                if (llr[image, bit] > 0) != (coded[image, bit] == 1):
                    errors[image] += 1
                    break
    return errors


@lru_cache(maxsize=16)
def modulation_of(modulation_order: int, half_pi: bool = False) -> QAM | HalfPiBPSK:
    """The QAM of one order, or π/2-BPSK, built once per process."""
    return HalfPiBPSK() if half_pi else QAM(modulation_order)


@lru_cache(maxsize=256)
def modem(channel_uses: int, mcs: MCS, decoder: str, precision: str | None, iterations: int) -> Modem:
    """The modem with these parameters, built once per process."""
    return Modem(channel_uses, mcs, decoder, precision, iterations)
