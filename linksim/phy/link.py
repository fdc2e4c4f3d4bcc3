"""The Link: complex baseband in, equalised complex baseband out. Nothing else adds noise."""

from dataclasses import dataclass
from functools import cache

import tensorflow as tf

from linksim.phy import amplifier as amplifiers
from linksim.phy import channels, waveform
from linksim.phy.channels import Medium
from linksim.scenario.channels import OFDM
from linksim.scenario.link import Rapp


@dataclass(frozen=True)
class Received:
    """What the receiver has after equalisation.

    Attributes
    ----------
    symbols : [batch, k], complex64
    noise_variance : [batch, k], float32
        Of each equalised symbol; with an amplifier its distortion counts as noise.
    power : [batch], float32
        Mean energy of the symbols that were really sent, behind the amplifier.
    peak_power : [batch], float32
        Largest energy of a sample of their waveform, behind the amplifier. With a single carrier the samples
        are the symbols.
    """

    symbols: tf.Tensor
    noise_variance: tf.Tensor
    power: tf.Tensor
    peak_power: tf.Tensor


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
    csi, interpolation, ofdm
        As in `linksim.phy.channels.Medium`, which the link shows as `medium`.
    amplifier : linksim.scenario.link.Rapp or None
        The transmitter's; None is linear. Energies are those behind it.

    Examples
    --------
    >>> import numpy as np
    >>> link = Link("awgn", snr_db=10.0)
    >>> symbols = np.ones((1, 100_000), np.complex64)
    >>> received = link.transmit(symbols)
    >>> error = np.mean(np.abs(received.symbols - symbols) ** 2)
    >>> print(f"{10 * np.log10(error):.1f} dB")
    -10.0 dB
    """

    def __init__(
        self,
        model: str,
        snr_db: float,
        power: str = "measured",
        csi: str = "perfect",
        interpolation: str | None = None,
        amplifier: Rapp | None = None,
        ofdm: OFDM | None = None,
    ):
        self.model = model
        self.snr_db = snr_db
        self.power = power
        self.csi = csi
        self.amplifier = amplifier
        self.medium = Medium(model, csi, interpolation, ofdm)
        self._noise_variance = tf.constant(10.0 ** (-snr_db / 10.0), tf.float32)

    def ideal(self) -> "Link":
        """The same channel with a linear amplifier and a receiver that knows the gain."""
        csi = "perfect" if self.csi == "ls" else self.csi
        return Link(self.model, self.snr_db, self.power, csi, ofdm=self.medium.ofdm)

    def transmit(self, symbols: tf.Tensor, mask: tf.Tensor | None = None) -> Received:
        """Send one block of symbols per image.

        Parameters
        ----------
        symbols : [batch, k], complex64
        mask : [batch, k], bool, optional
            Marks the symbols that are really sent; the others count for no power.
        """
        mask = tf.ones(tf.shape(symbols), tf.bool) if mask is None else mask
        return Received(*_graph(self.medium, self.power, self.amplifier)(symbols, mask, self._noise_variance))


def send(
    channel: channels.Channel,
    power_policy: str,
    symbols: tf.Tensor,
    mask: tf.Tensor,
    noise_variance: tf.Tensor,
    amplifier: Rapp | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Amplify the blocks, set their noise by the power policy and pass them through the channel.

    The receiver knows the amplifier's gain, which the symbols have in common, and undoes it; what the
    amplifier adds beside it counts as noise. Differentiable in the symbols, through the measured energy too.

    Parameters
    ----------
    channel : Channel
    power_policy : str
        As in `Link`.
    symbols : [batch, k], complex64
    mask : [batch, k], bool
    noise_variance : [] or [batch], float32
        N0 for unit mean symbol energy.
    amplifier : Rapp or None

    Returns
    -------
    symbols, noise_variance, power, peak_power
        As in `Received`.
    """
    sent = tf.cast(mask, tf.float32)
    power = _mean_energy(symbols, sent)
    samples = waveform.to_samples(symbols * tf.cast(sent, tf.complex64), channel.subcarriers)
    if amplifier is not None:
        clean = symbols
        samples = amplifiers.rapp(samples, power, amplifier.backoff_db, amplifier.smoothness)
        symbols = waveform.to_symbols(samples, tf.shape(clean)[1], channel.subcarriers)
        power = _mean_energy(symbols, sent)
        gain, distortion = amplifiers.linear_part(clean, symbols, sent)
    variance = tf.broadcast_to(noise_variance, tf.shape(power))
    pilot_energy = tf.ones_like(power)
    if power_policy == "measured":
        variance *= power
        # At an empty block the standard deviation √variance has an infinite slope.
        variance = tf.where(variance > 0, variance, tf.stop_gradient(variance))
        pilot_energy = power
    received, variance = channel(symbols, variance[:, None], pilot_energy[:, None])
    if amplifier is not None:
        received /= tf.cast(gain, tf.complex64)[:, None]
        variance = (variance + distortion[:, None]) / tf.square(gain)[:, None]
    return received, variance, power, tf.reduce_max(_energy(samples), 1)


def _mean_energy(symbols, sent):
    """The mean of |x|² over the symbols that are sent, `[batch]`."""
    return tf.math.divide_no_nan(tf.reduce_sum(_energy(symbols) * sent, 1), tf.reduce_sum(sent, 1))


def _energy(symbols):
    return tf.square(tf.math.real(symbols)) + tf.square(tf.math.imag(symbols))


@cache
def _graph(medium, power_policy, amplifier):
    """The link over one channel as one graph for all sizes and SNRs."""
    channel = channels.create(medium)

    def transmit(symbols, mask, noise_variance):
        return send(channel, power_policy, symbols, mask, noise_variance, amplifier)

    signature = [
        tf.TensorSpec([None, None], tf.complex64),
        tf.TensorSpec([None, None], tf.bool),
        tf.TensorSpec([], tf.float32),
    ]
    return tf.function(transmit, autograph=False, input_signature=signature)
