"""Gray square QAM over Sionna's Mapper and Demapper."""

import tensorflow as tf
from sionna.phy.mapping import Constellation, Demapper, Mapper


class QAM:
    """Mapper and demapper of one modulation order, TS 38.211 clause 5.1.

    Parameters
    ----------
    modulation_order : int
        Q_m, bits per symbol (2, 4, 6, 8, 10 or 12).
    """

    def __init__(self, modulation_order: int):
        constellation = Constellation("qam", modulation_order)
        self.modulation_order = modulation_order
        self._map = Mapper(constellation=constellation)
        # Sionna's Demapper needs the length when it is traced: one graph for each.
        self._demap = tf.function(Demapper("app", constellation=constellation), autograph=False)

    def map(self, bits: tf.Tensor) -> tf.Tensor:
        """Bits `[batch, k·Q_m]`, float32, to symbols `[batch, k]`, complex64."""
        return self._map(bits)

    def demap(self, symbols: tf.Tensor, noise_variance: tf.Tensor) -> tf.Tensor:
        """Symbols and noise variances `[batch, k]` to LLRs ln p(1)/p(0) `[batch, k·Q_m]`, float32."""
        return self._demap(symbols, noise_variance)
