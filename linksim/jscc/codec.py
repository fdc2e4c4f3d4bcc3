"""The contract of a learned system: pictures to channel symbols and received symbols to pictures."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import keras
import numpy as np
from keras import ops

#: Step of the stored kernels over their standard deviation; it costs at most 0.1 dB of PSNR at 30 dB.
KERNEL_STEP = 1 / 16


@dataclass(frozen=True)
class Condition:
    """What both ends know.

    Attributes
    ----------
    height : int
        Of the picture in px, before padding.
    width : int
    snr_db : float
        Mean SNR of the channel.
    order : int
        Which of the codec's modulation orders is in use, from 0.
    rates : [batch, patches], int32, or None
        Of a codec of variable rate: for every patch the index of its rate in `Codec.rates`.
    """

    height: int
    width: int
    snr_db: float
    order: int = 0
    rates: Any = None


@dataclass(frozen=True)
class Sent:
    """What a transmitter hands to the physical layer: symbols, labels of constellation points, or a law.

    Attributes
    ----------
    symbols : [batch, k, 2], float32, or None
        Real pairs.
    indices : [batch, k], int32, or None
        Labels into the order's constellation, an entry of `Codec.constellations`.
    log_probabilities : [batch, k, axes, levels], float32, or None
        Of a stochastic encoder: ln of the probability of every level of each real dimension, from which the
        transmitter draws one; `Codec.draw` does so.
    """

    symbols: Any = None
    indices: Any = None
    log_probabilities: Any = None

    @property
    def content(self):
        """The one of the three that there is."""
        return next(part for part in vars(self).values() if part is not None)


@dataclass(frozen=True)
class Rehearsal:
    """What came out of a transmission in training.

    Attributes
    ----------
    pictures : [batch, H, W, 3], float32
        In [0, 1].
    penalties : dict
        Terms of the loss beside the distortion, by the name of their weight in a recipe's phase: a scalar, or
        one for each modulation order.
    logits : [batch, classes], float32, or None
        Of a codec that classifies.
    """

    pictures: Any
    penalties: dict[str, Any] = field(default_factory=dict)
    logits: Any = None


class Codec(keras.Model):
    """A learned system between the picture and the channel.

    A subclass sets `encoder` and `decoder` and implements `encode`, `decode` and `rehearse`.

    Parameters
    ----------
    reduction : int
        Pixels for one latent position along each side.
    symbols : int
        Channel uses for one latent position.
    """

    #: The points that are sent, complex64 [M] by label, for each modulation order; none for analogue symbols.
    constellations: tuple[np.ndarray, ...] = ()

    #: Whether the decoder takes the labels of the detected points instead of equalised symbols.
    detects = False

    #: Whether the encoder says only with what probabilities the transmitter draws its points.
    stochastic = False

    #: Names of its networks: what a recipe trains or freezes, and what another one starts from.
    parts: tuple[str, ...] = ("encoder", "decoder")

    #: Whether every picture of a batch in training is sent in each of several modulation orders; otherwise an
    #: order is drawn for each picture.
    sends_every_order = True

    #: Bits of the kernels' mantissas that are stored. Fewer compress better; five cost at most 0.02 dB of
    #: PSNR at 34 dB, seven nothing that shows.
    kernel_bits = 5

    #: Instead of `kernel_bits`, where kernels have few outliers: the step of the grid of stored values over
    #: their standard deviation.
    kernel_step: float | None = None

    #: Classes that the receiver tells apart by `classify`; 0 for a codec that does not classify.
    classes = 0

    #: Of a codec of variable rate: the channel uses that a patch may get, rising; none for a fixed rate.
    rates: tuple[int, ...] = ()

    #: Whether what is sent depends on the SNR too.
    adapts = False

    def __new__(cls, *arguments, **options):
        codec = super().__new__(cls, *arguments, **options)
        vars(codec)["_arguments"] = arguments, options
        return codec

    def __init__(self, reduction, symbols, **options):
        super().__init__(**options)
        self.reduction = reduction
        self.symbols = symbols

    def __reduce__(self):
        """Pickled as the class, the arguments that it was made with, its networks' shapes and all values."""
        shapes = [layer.get_build_config() if layer.built else None for layer in self.layers]
        values = [ops.convert_to_numpy(variable) for variable in self.variables]
        return _rebuilt, (type(self), *self._arguments, shapes, values)

    @property
    def cbr(self) -> Fraction | None:
        """Channel uses per source sample of a picture whose sides are multiples of `reduction`.

        None where the rate varies.
        """
        return None if self.rates else Fraction(self.symbols, 3 * self.reduction**2)

    def channel_uses(self, height: int, width: int) -> int:
        """k of a colour picture, the largest where the rate varies; sides that are no multiples of
        `reduction` are padded."""
        return self._positions(height) * self._positions(width) * self.symbols

    def encode(self, images, condition: Condition) -> Sent:
        """Pictures float [batch, H, W, 3] in [0, 1] to what is sent for them."""
        raise NotImplementedError

    def decode(self, received, condition: Condition):
        """What was received to pictures float32 [batch, height, width, 3] in [0, 1].

        Parameters
        ----------
        received : [batch, k, 2], float32, or [batch, k], int32
            Equalised symbols or, where the codec `detects`, labels of points.
        condition : Condition
        """
        raise NotImplementedError

    def classify(self, received, condition: Condition):
        """What was received, as `decode` takes it, to logits float32 [batch, classes]."""
        raise NotImplementedError

    def draw(self, log_probabilities, uniform=None):
        """Labels int32 [batch, k] of the points that a stochastic encoder sends.

        Parameters
        ----------
        log_probabilities : [batch, k, axes, levels], float32
            As in `Sent`.
        uniform : [batch, k, axes, levels], float32, or None
            Independent and uniform in [0, 1). None: the likeliest points.
        """
        raise NotImplementedError

    def self_information(self, images):
        """Of a codec of variable rate: bits that each patch holds, float32 [batch, patches], row by row.

        The transmitter allocates channel uses by them (`linksim.jscc.rates`).
        """
        raise NotImplementedError

    def unquantized(self, images):
        """What a quantizer gets for pictures: real pairs, float32 [batch, k, 2]; None where there is none."""
        return None

    def rehearse(
        self, images, channel: Callable, snr_db, hardness, orders: tuple[int, ...], training=False
    ) -> Rehearsal:
        """Send pictures over a channel, differentiably.

        Parameters
        ----------
        images : [batch, H, W, 3], float32
            In [0, 1]; as many equal parts one after the other as there are `orders`, one for each.
        channel : callable
            (symbols [batch, k, 2], snr_db [batch]) → (equalised symbols, noise variances).
        snr_db : [batch], float32
        hardness : scalar
            σ_q of a soft-to-hard quantizer.
        orders : tuple of int
            Modulation orders in use, from 0.
        """
        raise NotImplementedError

    def snr_ranges_db(self, low: float, high: float, orders: tuple[int, ...]) -> list[tuple[float, float]]:
        """The part of a range of SNRs in which each order is used."""
        return [(low, high) for _ in orders]

    def unused_variables(self, orders: tuple[int, ...]) -> list:
        """Variables that no transmission in these modulation orders touches."""
        return []

    def take_codewords(self, source) -> None:
        """Take over the codewords that another codec shares with this one; quantizers else start afresh."""

    def _positions(self, length):
        return -(-length // self.reduction)

    def _pad(self, images):
        return padded(images, self.reduction)


def _rebuilt(codec_class, arguments, options, shapes, values):
    """The codec that `Codec.__reduce__` took apart."""
    codec = codec_class(*arguments, **options)
    for layer, shape in zip(codec.layers, shapes, strict=True):
        if shape is not None and not layer.built:
            layer.build_from_config(shape)
    for variable, value in zip(codec.variables, values, strict=True):
        variable.assign(value)
    return codec


def padded(images, multiple):
    """Repeat the last row and column of pictures [batch, H, W, channels] up to a multiple."""
    for axis, length in ((1, images.shape[1]), (2, images.shape[2])):
        whole = -(-length // multiple) * multiple
        if whole > length:
            images = ops.take(images, np.minimum(np.arange(whole), length - 1), axis=axis)
    return images


class LatentCodec(Codec):
    """A codec whose pictures become a latent of real pairs, one for each channel use.

    `constrain` turns the latent into what may be sent: symbols of limited power, or constellation points. A
    subclass implements it and sets `encoder`, from pictures to features [batch, H / reduction, W / reduction,
    2·symbols], and its mirror `decoder`.
    """

    def build(self, input_shape=None):
        """Make all variables, for pictures of any size."""
        self.encoder.build((None, None, None, 3))
        self.decoder.build((None, None, None, 2 * self.symbols))

    def latent(self, images):
        """Pictures float [batch, H, W, 3] in [0, 1] to unconstrained real pairs, float32 [batch, k, 2]."""
        features = self.encoder(2 * self._pad(images) - 1)
        count = features.shape[1] * features.shape[2] * self.symbols
        return ops.cast(ops.reshape(features, (-1, count, 2)), "float32")

    def constrain(self, latent, hardness, training=False):
        """What is sent for a latent, differentiably.

        Parameters
        ----------
        latent : [batch, k, 2], float32
        hardness : scalar
            σ_q of a quantizer.

        Returns
        -------
        symbols : [batch, k, 2], float32
        divergence : scalar
            KL divergence of the use of the points from uniform, in nats; 0 for analogue symbols.
        """
        raise NotImplementedError

    def encode(self, images, condition: Condition) -> Sent:
        symbols, _ = self.constrain(self.latent(images), 0.0)
        return Sent(symbols=symbols)

    def decode(self, received, condition: Condition):
        return self.reconstruct(received, condition.height, condition.width)

    def call(self, images, hardness=1.0, training=False):
        """The pictures that arrive over a channel without noise."""
        symbols, _ = self.constrain(self.latent(images), hardness, training)
        return self.reconstruct(symbols, images.shape[1], images.shape[2])

    def rehearse(self, images, channel, snr_db, hardness, orders=(0,), training=False):
        symbols, divergence = self.constrain(self.latent(images), hardness, training)
        received, _ = channel(symbols, snr_db)
        pictures = self.reconstruct(received, images.shape[1], images.shape[2])
        return Rehearsal(pictures, {"divergence": divergence})

    def reconstruct(self, received, height, width):
        """Equalised symbols float32 [batch, k, 2] to pictures float32 [batch, height, width, 3] in [0, 1]."""
        rows, columns = self._positions(height), self._positions(width)
        features = ops.reshape(received, (-1, rows, columns, 2 * self.symbols))
        pictures = ops.cast(ops.sigmoid(self.decoder(features)), "float32")
        return pictures[:, :height, :width]
