"""The additive white Gaussian noise channel."""

import tensorflow as tf
from sionna.phy.channel import AWGN as SionnaAWGN


class AWGN:
    """y = x + n, n ~ CN(0, N0)."""

    def __init__(self):
        self._awgn = SionnaAWGN()

    def __call__(self, symbols, noise_variance):
        received = self._awgn(symbols, noise_variance)
        return received, tf.broadcast_to(noise_variance, tf.shape(symbols))
