"""The additive white Gaussian noise channel."""

import tensorflow as tf
from sionna.phy.channel import AWGN as SionnaAWGN

from linksim.phy.channels import refuse_csi


class AWGN:
    """y = x + n, n ~ CN(0, N0)."""

    subcarriers = None

    def __init__(self):
        self._awgn = SionnaAWGN()

    @classmethod
    def of(cls, medium):
        """The channel of a `Medium`."""
        refuse_csi(medium, ("perfect",))
        return cls()

    def __call__(self, symbols, noise_variance, pilot_energy):
        received = self._awgn(symbols, noise_variance)
        return received, tf.broadcast_to(noise_variance, tf.shape(symbols))
