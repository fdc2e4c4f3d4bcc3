"""Gray-labelled square QAM: bits to symbols, and received symbols to LLRs.

The points are those of TS 38.211, clause 5.1, for 2, 4, 6, 8 and 10 bits; 12 bits continue the recursion and
one bit is real BPSK, +1 for 0 and −1 for 1 (`linksim.modulation.constellations`). The mapper reads the bits
of a symbol as the index of its point; the demapper treats the two axes apart (`linksim.phy.demapping`).
"""

import numpy as np
import tensorflow as tf

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
