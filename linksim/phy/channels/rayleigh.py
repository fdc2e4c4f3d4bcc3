"""Flat Rayleigh fading with channel knowledge at the receiver, or at both ends."""

import tensorflow as tf
from sionna.phy.channel import AWGN, GenerateFlatFadingChannel

from linksim.phy.channels import refuse_csi

#: Bound on |h|² in the equaliser: a deep fade gives a large noise variance instead of a division by zero.
MIN_GAIN = 1e-6


def _fading(count):
    """Draw h ~ CN(0, 1), `[count]`, complex64."""
    return tf.reshape(GenerateFlatFadingChannel(num_tx_ant=1, num_rx_ant=1)(count), [-1])


class _Rayleigh:
    """y = h·x + n, equalised to y·h*/|h|² with noise variance N0/|h|².

    A transmitter that knows h too sends e^(−j·arg h)·x, as much energy as before; then y = |h|·x + n.
    """

    subcarriers = None

    def __init__(self, precoded=False):
        self._precoded = precoded

    @classmethod
    def of(cls, medium):
        """The channel of a `Medium`."""
        refuse_csi(medium, ("perfect", "both"))
        return cls(medium.csi == "both")

    def __call__(self, symbols, noise_variance, pilot_energy):
        fading = self._draw(symbols)
        if self._precoded:
            fading = tf.cast(tf.abs(fading), tf.complex64)
        received = AWGN()(fading * symbols, noise_variance)
        gain = tf.maximum(tf.square(tf.abs(fading)), MIN_GAIN)
        equalised = received * tf.math.conj(fading) / tf.cast(gain, tf.complex64)
        return equalised, tf.broadcast_to(noise_variance / gain, tf.shape(symbols))


class RayleighBlock(_Rayleigh):
    """One h for all symbols of an image."""

    def _draw(self, symbols):
        return _fading(tf.shape(symbols)[0])[:, None]


class RayleighFast(_Rayleigh):
    """An independent h for every symbol."""

    def _draw(self, symbols):
        return tf.reshape(_fading(tf.size(symbols)), tf.shape(symbols))
