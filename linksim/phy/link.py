"""The Link: complex baseband in, equalised complex baseband out. Nothing else adds noise."""

from dataclasses import dataclass
from functools import cache

import tensorflow as tf

from linksim.phy import channels


@dataclass(frozen=True)
class Received:
    """What the receiver has after equalisation.

    Attributes
    ----------
    symbols : [batch, k], complex64
    noise_variance : [batch, k], float32
    power : [batch], float32
        Mean energy per symbol that was really sent.
    """

    symbols: tf.Tensor
    noise_variance: tf.Tensor
    power: tf.Tensor


class Link:
    """One channel at one SNR.

    Parameters
    ----------
    model : str
        A name of `linksim.phy.channels.CHANNELS`.
    snr_db : float
        10·log10(1/N0) for unit mean symbol energy (Es/N0), in dB.
    power : str
        `measured`: the noise of each image's block is scaled by the block's mean energy, so that its Es/N0
        is the stated SNR; `nominal`: noise variance 1/SNR whatever is sent.
    """

    def __init__(self, model: str, snr_db: float, power: str = "measured"):
        self.model = model
        self.snr_db = snr_db
        self.power = power
        self._noise_variance = tf.constant(10.0 ** (-snr_db / 10.0), tf.float32)

    def transmit(self, symbols: tf.Tensor, mask: tf.Tensor | None = None) -> Received:
        """Send one block of symbols per image.

        Parameters
        ----------
        symbols : [batch, k], complex64
        mask : [batch, k], bool, optional
            Marks the symbols that are really sent; the others count for no power.
        """
        mask = tf.ones(tf.shape(symbols), tf.bool) if mask is None else mask
        return Received(*_graph(self.model, self.power)(symbols, mask, self._noise_variance))


def send(
    channel: channels.Channel,
    power_policy: str,
    symbols: tf.Tensor,
    mask: tf.Tensor,
    noise_variance: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Set each block's noise by the power policy and pass the blocks through the channel.

    Differentiable in the symbols, through the measured energy too.

    Parameters
    ----------
    channel : Channel
    power_policy : str
        As in `Link`.
    symbols : [batch, k], complex64
    mask : [batch, k], bool
    noise_variance : [] or [batch], float32
        N0 for unit mean symbol energy.

    Returns
    -------
    symbols, noise_variance, power
        As in `Received`.
    """
    sent = tf.cast(mask, tf.float32)
    energy = tf.square(tf.math.real(symbols)) + tf.square(tf.math.imag(symbols))
    power = tf.math.divide_no_nan(tf.reduce_sum(energy * sent, 1), tf.reduce_sum(sent, 1))
    variance = tf.broadcast_to(noise_variance, tf.shape(power))
    if power_policy == "measured":
        variance *= power
        # At an empty block the standard deviation √variance has an infinite slope.
        variance = tf.where(variance > 0, variance, tf.stop_gradient(variance))
    return *channel(symbols, variance[:, None]), power


@cache
def _graph(model, power_policy):
    """The link over one channel as one graph for all sizes and SNRs."""
    channel = channels.create(model)

    def transmit(symbols, mask, noise_variance):
        return send(channel, power_policy, symbols, mask, noise_variance)

    signature = [
        tf.TensorSpec([None, None], tf.complex64),
        tf.TensorSpec([None, None], tf.bool),
        tf.TensorSpec([], tf.float32),
    ]
    return tf.function(transmit, autograph=False, input_signature=signature)
