"""Mapping: bits or indices to symbols, and received symbols to LLRs or to the indices of the nearest points.

`QAM` serves channel codes, with bits and LLRs; `Constellation` serves learned systems, with indices into any
points. On the points of a QAM, the index is the label that `QAM` reads from the bits.

The points of `QAM` are those of TS 38.211, clause 5.1, for 2, 4, 6, 8 and 10 bits; 12 bits continue the
recursion and one bit is real BPSK, +1 for 0 and −1 for 1 (`linksim.modulation.constellations`). Its mapper
reads the bits of a symbol as the index of its point; its demapper treats the two axes apart
(`linksim.phy.demapping`).
"""

import numpy as np
import tensorflow as tf
from scipy.spatial import KDTree

from linksim.modulation.constellations import qam
from linksim.phy.demapping import Demapper


class QAM:
    """Mapper and demapper of one modulation order, TS 38.211 clause 5.1.

    Parameters
    ----------
    modulation_order : int
        Q_m, bits per symbol: 1 (BPSK), 2, 4, 6, 8, 10 or 12.

    Raises
    ------
    ValueError
        If there is no such modulation order.
    """

    def __init__(self, modulation_order: int):
        points = qam(modulation_order)
        self.modulation_order = modulation_order
        self._points = points.astype(np.complex64)
        self._weights = (2 ** np.arange(modulation_order - 1, -1, -1)).astype(np.uint16)
        self._demap = Demapper(points)

    def map(self, bits: np.ndarray | tf.Tensor) -> tf.Tensor:
        """Bits `[batch, k·Q_m]`, of any numeric type, to symbols `[batch, k]`, complex64."""
        # Integers: numpy gives products of floats to BLAS, whose threads wait for cores that others use.
        bits = np.asarray(bits).astype(np.uint16)
        labels = bits.reshape(len(bits), -1, self.modulation_order) @ self._weights
        return tf.convert_to_tensor(self._points[labels])

    def demap(self, symbols: tf.Tensor, noise_variance: tf.Tensor) -> tf.Tensor:
        """Symbols and noise variances `[batch, k]` to LLRs ln p(1)/p(0) `[batch, k·Q_m]`, float32."""
        return self._demap(symbols, noise_variance)


class HalfPiBPSK:
    """Mapper and demapper of π/2-BPSK, TS 38.211 clause 5.1.1: every second symbol is turned by 90°.

    d(i) = e^{jπ/2·(i mod 2)}·((1 − 2·b(i)) + j·(1 − 2·b(i)))/√2, i counted from the block's start. The
    demapper turns the symbols back; the LLRs are then those of BPSK.
    """

    modulation_order = 1

    def __init__(self):
        self._bpsk = QAM(1)

    def map(self, bits: np.ndarray | tf.Tensor) -> tf.Tensor:
        """Bits `[batch, k]`, of any numeric type, to symbols `[batch, k]`, complex64."""
        symbols = self._bpsk.map(bits)
        return symbols * self._turns(symbols)

    def demap(self, symbols: tf.Tensor, noise_variance: tf.Tensor) -> tf.Tensor:
        """Symbols and noise variances `[batch, k]` to LLRs ln p(1)/p(0) `[batch, k]`, float32."""
        return self._bpsk.demap(symbols * np.conj(self._turns(symbols)), noise_variance)

    @staticmethod
    def _turns(symbols):
        turns = np.array([1 + 1j, -1 + 1j], np.complex64) / np.float32(np.sqrt(2))
        return turns[np.arange(symbols.shape[1]) % 2]


class Constellation:
    """Mapper of indices and hard detector for any points, of a QAM or learned.

    Parameters
    ----------
    points : complex [M]
        Index i is sent as point i, as Sionna's `Mapper` sends the bits of i over a custom constellation. They
        are used as given: no normalisation, no centring.

    Raises
    ------
    ValueError
        If M is not a power of two, or below 2.

    Examples
    --------
    >>> constellation = Constellation([1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j])
    >>> constellation.detect(constellation.map([[3, 0]]) + 0.4).tolist()
    [[3, 0]]
    """

    def __init__(self, points: np.ndarray):
        self._points = np.asarray(points, np.complex64)
        count = self._points.size
        if self._points.shape != (count,) or count < 2 or count & (count - 1):
            raise ValueError(
                f"points of shape {self._points.shape}; a constellation has a power of two, at least 2"
            )
        # Learned points may coincide; the first of them is then the one detected.
        distinct, self._indices = np.unique(self._points, return_index=True)
        self._tree = KDTree(_axes(distinct))

    def map(self, indices: np.ndarray | tf.Tensor) -> tf.Tensor:
        """Indices `[batch, k]`, of any integer type, to symbols `[batch, k]`, complex64."""
        return tf.convert_to_tensor(self._points[np.asarray(indices)])

    def detect(self, symbols: np.ndarray | tf.Tensor) -> np.ndarray:
        """Symbols `[batch, k]`, complex64, finite, to the indices `[batch, k]`, int32, of the nearest points.

        This is maximum likelihood for equally likely indices in Gaussian noise.
        """
        _, nearest = self._tree.query(_axes(np.asarray(symbols)))
        return self._indices[nearest].astype(np.int32)


def _axes(values):
    """Complex `[...]` to real pairs `[..., 2]`, float64."""
    return np.stack([values.real, values.imag], axis=-1).astype(np.float64)
