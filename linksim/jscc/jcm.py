"""JCM: a stochastic encoder that draws constellation points, two decoders, and its three benchmarks.

References
----------
Bo, Duan, Shao, Tao, "Learning based joint coding-modulation for digital semantic communication systems", 2022
("the paper"); its journal version adds 4QAM, 16QAM and 64QAM.
"""

import keras
import numpy as np
from keras import ops

from linksim.jscc import PICTURE_SIDE
from linksim.jscc.codec import KERNEL_STEP, Codec, Condition, Rehearsal, Sent
from linksim.jscc.layers import (
    GumbelSampler,
    NormalizedResidualBlock,
    PowerNormalization,
    SpinalHead,
    gumbel_max,
    straight_through,
)
from linksim.jscc.layers.normalized_residual import normalized_convolution, prelu, residual_stages
from linksim.jscc.layers.residual import PixelShuffle, convolution
from linksim.modulation.constellations import label_grid, qam

#: The class is a matter of the whole picture, so pictures have one size.
SIDE = PICTURE_SIDE["jcm"]

#: Features of a quarter of the picture, 2×2 positions of the last grid, become its channel uses together.
_QUARTERS = 4

#: Bits of a value of `Uniform8Bit`.
_BITS = 8
_PLACES = 2.0 ** np.arange(_BITS - 1, -1, -1)


class _Body(Codec):
    """What all four methods share: the networks before and behind the channel.

    picture → conv, four residual stages, /8 → 4 quarters → linear → [method] → channel → [method] → values
            → linear → residual stages and pixel shuffles → picture
            → SpinalNet → class

    A subclass says how many features the channel uses of a quarter take and how many values its decoders get,
    turns features into symbols and what was received into values.

    Parameters
    ----------
    channels : (int, int, int, int)
        Width of the stages at 32, 16, 8 and 4 px a side.
    symbols : int
        k, complex channel uses of a picture, a multiple of 4; two real uses each, so n = 2·k.
    spine : int
        Width of the four layers of the class decoder.
    classes : int
        0: pictures alone, without a class decoder.
    features, values : float
        For each channel use: what the encoder gives, and what the decoders get.
    """

    def __init__(self, channels, symbols, spine, classes, features, values, **options):
        super().__init__(SIDE, symbols, **options)
        if symbols % _QUARTERS or features * symbols % _QUARTERS:
            raise ValueError(f"{symbols} channel uses cannot be shared by the quarters of a picture")
        self.classes = classes
        self._features = int(features * symbols) // _QUARTERS
        self._values = int(values * symbols) // _QUARTERS
        self.encoder = _encoder(channels, self._features)
        self.decoder = _decoder(channels)
        self.parts = ("encoder", "decoder")
        if classes:
            self.classifier = SpinalHead(spine, classes)
            self.parts = ("encoder", "decoder", "classifier")

    def build(self, input_shape=None):
        """Make all variables."""
        self.encoder.build((None, SIDE, SIDE, 3))
        self.decoder.build((None, 2, 2, self._values))
        if self.classes:
            self.classifier.build((None, _QUARTERS * self._values))

    def modulate(self, features):
        """Features float32 [batch, k, ...] to symbols float32 [batch, k, 2], with a gradient for training."""
        raise NotImplementedError

    def demodulate(self, received, snr_db):
        """What the link hands over, as `decode` takes it, to the decoders' values float32 [batch, ...]."""
        raise NotImplementedError

    def features(self, images, training=False):
        """Pictures float [batch, 32, 32, 3] in [0, 1] to what the encoder gives, float32 [batch, k, ...]."""
        features = self.encoder(2 * images - 1, training=training)
        return ops.cast(features, "float32")

    def decode(self, received, condition: Condition):
        return self._picture(self.demodulate(received, condition.snr_db))

    def classify(self, received, condition: Condition):
        return self._logits(self.demodulate(received, condition.snr_db))

    def rehearse(self, images, channel, snr_db, hardness, orders=(0,), training=False):
        features = self.features(images, training)
        received, _ = channel(self.modulate(features), snr_db)
        values = self._rehearsed(received, features, snr_db)
        logits = self._logits(values, training) if self.classes else None
        return Rehearsal(self._picture(values, training), {"divergence": 0.0}, logits)

    def _rehearsed(self, received, features, snr_db):
        """The decoders' values in training."""
        return self.demodulate(received, snr_db)

    def _picture(self, values, training=False):
        grid = ops.reshape(values, (-1, 2, 2, self._values))
        return ops.cast(ops.sigmoid(self.decoder(grid, training=training)), "float32")

    def _logits(self, values, training=False):
        flat = ops.reshape(values, (-1, _QUARTERS * self._values))
        return ops.cast(self.classifier(flat), "float32")


class JCM(_Body):
    """The stochastic encoder: it gives the probabilities of the levels of every real dimension and draws one.

    On the link the draw is by Gumbel-max from what `Sent.log_probabilities` says. In training it is relaxed
    (`GumbelSampler`), with the hard draw forward.

    Parameters
    ----------
    channels, symbols, spine, classes
        As in `_Body`.
    order : int
        M, points of the constellation. 4, 16, 64 or 256: two dimensions of 2, 4, 8 or 16 levels; a pair of
        BPSK values is a point of 4QAM, so 4 is the paper's BPSK with n = 2·k real uses. 2: BPSK with an empty
        quadrature, n = k real uses.
    """

    kernel_step = KERNEL_STEP
    stochastic = True

    def __init__(self, channels, symbols, spine, classes, order, **options):
        if order not in (2, 4, 16, 64, 256):
            raise ValueError(f"no JCM with {order} points")
        points = qam(order.bit_length() - 1)
        self._levels, self._labels = label_grid(points)
        self._axes = 1 if order == 2 else 2
        super().__init__(
            channels, symbols, spine, classes, self._axes * len(self._levels), self._axes, **options
        )
        self.constellations = (points.astype(np.complex64),)
        self.sampler = GumbelSampler(self._levels)

    def log_probabilities(self, features):
        """ln of the probability of each level, float32 [batch, k, axes, levels]."""
        law = ops.reshape(features, (-1, self.symbols, self._axes, len(self._levels)))
        return ops.log_softmax(law, axis=-1)

    def encode(self, images, condition: Condition) -> Sent:
        return Sent(log_probabilities=self.log_probabilities(self.features(images)))

    def draw(self, log_probabilities, uniform=None):
        if uniform is None:
            levels = ops.cast(ops.argmax(log_probabilities, axis=-1), "int32")
        else:
            levels = gumbel_max(log_probabilities, uniform)
        flat = levels[..., 0]
        if self._axes == 2:
            flat = flat * len(self._levels) + levels[..., 1]
        return ops.take(ops.convert_to_tensor(self._labels.reshape(-1)), flat, axis=0)

    def modulate(self, features):
        reals = self.sampler(self.log_probabilities(features))
        return ops.pad(reals, ((0, 0), (0, 0), (0, 2 - self._axes)))

    def demodulate(self, received, snr_db):
        return _scaled(received[..., : self._axes], snr_db, 1 / self._axes)


class Analog(_Body):
    """The benchmark "Analog": the encoder's real numbers are sent, at unit power for each picture."""

    def __init__(self, channels, symbols, spine, classes, **options):
        super().__init__(channels, symbols, spine, classes, 2, 2, **options)
        self.power = PowerNormalization(dtype="float32")

    def encode(self, images, condition: Condition) -> Sent:
        return Sent(symbols=self.modulate(self.features(images)))

    def modulate(self, features):
        return self.power(ops.reshape(features, (-1, self.symbols, 2)))

    def demodulate(self, received, snr_db):
        return _scaled(received, snr_db, 1 / 2)


class _Binary(_Body):
    """A benchmark that sends hard bits, two BPSK values a symbol."""

    def __init__(self, channels, symbols, spine, classes, features, values, **options):
        super().__init__(channels, symbols, spine, classes, features, values, **options)
        self.constellations = (qam(2).astype(np.complex64),)

    def bits(self, features):
        """Bits, float32 [batch, k, 2] of zeros and ones, without a gradient."""
        raise NotImplementedError

    def encode(self, images, condition: Condition) -> Sent:
        bits = ops.cast(self.bits(self.features(images)), "int32")
        return Sent(indices=2 * bits[..., 0] + bits[..., 1])


class NN1Bit(_Binary):
    """The benchmark "1-bit NN": a linear layer behind the encoder, and the sign of each of its outputs.

    The gradient passes straight through the sign, as that of a hyperbolic tangent.
    """

    #: Hard decisions forgive: four bits cost 0.04 dB here, and 0.4 dB before a quantizer of 8 bits.
    kernel_bits = 4

    def __init__(self, channels, symbols, spine, classes, order=4, **options):
        _check_order(order)
        super().__init__(channels, symbols, spine, classes, 2, 2, **options)
        self.encoder.add(prelu())
        self.encoder.add(convolution(self._features, 1))

    def bits(self, features):
        return ops.cast(ops.reshape(features, (-1, self.symbols, 2)) < 0, "float32")

    def modulate(self, features):
        outputs = ops.reshape(features, (-1, self.symbols, 2))
        return straight_through(_bpsk(1 - 2 * self.bits(features)), ops.tanh(outputs))

    def demodulate(self, received, snr_db):
        return _scaled(received, snr_db, 1 / 2)


class Uniform8Bit(_Binary):
    """The benchmark "8-bit Uniform": each real number of the encoder is quantized to 8 bits.

    The most significant bit goes first. The receiver decides for every bit and puts the numbers together. In
    training they make the same way over the channel, and the gradient passes straight from what arrives to
    what the encoder gave (ours).
    """

    detects = True

    def __init__(self, channels, symbols, spine, classes, order=4, **options):
        _check_order(order)
        super().__init__(channels, symbols, spine, classes, 2 / _BITS, 2 / _BITS, **options)

    def bits(self, features):
        steps = ops.round((ops.tanh(features) + 1) / 2 * (2**_BITS - 1))
        bits = ops.floor(steps[..., None] / _PLACES) % 2
        return ops.reshape(bits, (-1, self.symbols, 2))

    def modulate(self, features):
        return _bpsk(1 - 2 * ops.stop_gradient(self.bits(features)))

    def demodulate(self, received, snr_db):
        return self._numbers(ops.stack([received // 2, received % 2], axis=-1))

    def _rehearsed(self, received, features, snr_db):
        numbers = self._numbers(received < 0)
        return straight_through(numbers, ops.reshape(ops.tanh(features), ops.shape(numbers)))

    def _numbers(self, bits):
        """Detected bits [batch, k, 2] to the numbers in [−1, 1] that they stand for, float32 [batch, k/4]."""
        bits = ops.reshape(ops.cast(bits, "float32"), (-1, self.symbols * 2 // _BITS, _BITS))
        steps = ops.sum(bits * _PLACES, axis=-1)
        return 2 * steps / (2**_BITS - 1) - 1


def _encoder(channels, features):
    """Residual stages down to 4×4 positions, whose quarters go through one linear layer."""
    return keras.Sequential(
        [*residual_stages(channels), _Quarters(), convolution(features, 1)], name="encoder"
    )


def _decoder(channels):
    """A linear layer up to 4×4 positions, then residual blocks and pixel shuffles up to the picture."""
    _, *others = channels
    layers = [normalized_convolution(4 * others[-1], 1), PixelShuffle(), prelu()]
    for width, next_width in zip(others[::-1], others[-2::-1]):
        layers += [NormalizedResidualBlock(width), convolution(4 * next_width, 1), PixelShuffle()]
    return keras.Sequential(
        [*layers, NormalizedResidualBlock(others[0]), convolution(12, 3), PixelShuffle()], name="decoder"
    )


@keras.saving.register_keras_serializable(package="linksim")
class _Quarters(keras.layers.Layer):
    """Moves blocks of 2×2 positions into channels: [batch, 4, 4, c] to [batch, 2, 2, 4·c]."""

    def call(self, features):
        return ops.space_to_depth(features, 2)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, height // 2, width // 2, 4 * channels


def _scaled(reals, snr_db, power):
    """Received reals at unit variance: of this power when sent, with noise of N0/2."""
    noise = 0.5 * 10.0 ** (-ops.convert_to_tensor(snr_db, "float32") / 10.0)
    scale = ops.rsqrt(power + noise)
    return reals * (scale if len(ops.shape(scale)) == 0 else scale[:, None, None])


def _bpsk(signs):
    """Signs [batch, k, 2] to symbols of unit energy."""
    return signs * np.float32(np.sqrt(0.5))


def _check_order(order):
    if order != 4:
        raise ValueError("two BPSK values a symbol are 4QAM")
