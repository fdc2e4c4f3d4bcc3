"""Flat Rayleigh fading with channel knowledge at the receiver."""

import tensorflow as tf
from sionna.phy.channel import AWGN, GenerateFlatFadingChannel

#: Bound on |h|² in the equaliser: a deep fade gives a large noise variance instead of a division by zero.
MIN_GAIN = 1e-6


def _fading(count):
    """Draw h ~ CN(0, 1), `[count]`, complex64."""
    return tf.reshape(GenerateFlatFadingChannel(num_tx_ant=1, num_rx_ant=1)(count), [-1])


def _send(symbols, fading, noise_variance):
    """y = h·x + n, equalised to y·h*/|h|² with noise variance N0/|h|²."""
    received = AWGN()(fading * symbols, noise_variance)
    gain = tf.maximum(tf.square(tf.abs(fading)), MIN_GAIN)
    equalised = received * tf.math.conj(fading) / tf.cast(gain, tf.complex64)
    return equalised, tf.broadcast_to(noise_variance / gain, tf.shape(symbols))


class RayleighBlock:
    """One h for all symbols of an image."""

    def __call__(self, symbols, noise_variance):
        return _send(symbols, _fading(tf.shape(symbols)[0])[:, None], noise_variance)


class RayleighFast:
    """An independent h for every symbol."""

    def __call__(self, symbols, noise_variance):
        return _send(symbols, tf.reshape(_fading(tf.size(symbols)), tf.shape(symbols)), noise_variance)
