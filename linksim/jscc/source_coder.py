"""The learned source coder under NTSCC and MDJCM: Swin transforms, and a hyperprior that tells the entropy.

It sends nothing: it is trained first, and says afterwards how many bits each patch of a picture holds.

References
----------
Zhang et al., "From analog to digital: multi-order digital joint coding-modulation for semantic
communication", 2024, section II-A; Dai et al., "Nonlinear transform source-channel coding for semantic
communications", 2022.
"""

from typing import NamedTuple

import keras
from keras import ops

from linksim.jscc.codec import KERNEL_STEP, Rehearsal, padded
from linksim.jscc.layers import FactorizedDensity, PatchMerging, PatchSplitting
from linksim.jscc.layers.entropy import MIN_SCALE, gaussian_bits
from linksim.jscc.layers.residual import PixelShuffle, convolution
from linksim.jscc.layers.swin import swin_blocks

#: Offsets by which the quantizer's noise is averaged: the midpoints of equal parts of (−½, ½).
_DITHERS = (-0.375, -0.125, 0.125, 0.375)

#: Channels of a head of attention.
HEAD_WIDTH = 16

#: Width of the blocks' two-layer networks over their channels.
MLP_RATIO = 2


class Estimate(NamedTuple):
    """What the hyperprior makes of a latent.

    Attributes
    ----------
    latent : [batch, rows, columns, channels], float32
        Quantized, or with uniform noise in training.
    bits : [batch, rows, columns], float32
        −log2 P(y | z) of each patch.
    expected_bits : [batch, rows, columns], float32
        The mean of `bits` over the uniform noise. Rates are allocated by it, in training and on the link: a
        value that is nearly certain holds nothing once it is rounded, but up to a bit with noise, so that
        `bits` would give plain patches far less on the link than the networks have learned to use (ours).
    side_bits : [batch], float32
        −log2 P(z).
    """

    latent: object
    bits: object
    expected_bits: object
    side_bits: object


class SourceCoder(keras.Model):
    """picture → g_a → latent y → g_s → picture, and h_a, h_s, which tell the density of y.

    Parameters
    ----------
    channels : sequence of int
        Width of each stage; each halves the picture first. The last is that of y.
    depths : sequence of int
        Swin blocks of each stage.
    window : int
        Positions along each side of a window.
    hyper : int
        Channels of z.
    """

    kernel_bits = 5
    kernel_step = KERNEL_STEP

    #: It sends nothing and names nothing.
    cbr = None
    constellations = ()
    rates = ()
    classes = 0

    #: Names of its networks.
    parts = ("analysis", "hyperprior", "synthesis")

    def __init__(self, channels, depths, window, hyper, **options):
        super().__init__(**options)
        self.reduction = 2 ** len(channels)
        self.analysis = analysis(channels, depths, window)
        self.hyperprior = Hyperprior(hyper)
        self.synthesis = synthesis(channels, depths, window)
        self._latent_channels = channels[-1]

    def build(self, input_shape=None):
        """Make all variables, for pictures of any size."""
        latent = (None, None, None, self._latent_channels)
        self.analysis.build((None, None, None, 3))
        self.hyperprior.build(latent)
        self.synthesis.build(latent)

    def call(self, images, training=False):
        """Pictures [batch, H, W, 3] in [0, 1] to their `Estimate` and the pictures that are decoded."""
        latent = self.analysis(2 * padded(images, self.reduction) - 1)
        estimate = self.hyperprior(latent, training=training)
        return estimate, shown(self.synthesis(estimate.latent), *images.shape[1:3], training)

    def unused_variables(self, orders):
        """None, as `Codec.unused_variables` says."""
        return []

    def take_codewords(self, source):
        """It has none."""

    def rehearse(self, images, channel, snr_db, hardness, orders=(0,), training=False):
        """Pictures as they are decoded, and their rate, as `Codec.rehearse` returns them."""
        estimate, pictures = self(images, training=training)
        return Rehearsal(pictures, {"rate": bits_per_pixel(estimate, images)})


class Hyperprior(keras.layers.Layer):
    """h_a and h_s with a factorised density between them: mean and scale of every value of y.

    y → conv → conv s2 → conv s2 → z, quantized → two times conv and pixel shuffle → conv → (μ, σ)

    Parameters
    ----------
    channels : int
        Of z and within.

    Input
    -----
    [batch, rows, columns, channels of y], float, with static rows and columns

    Output
    ------
    Estimate
    """

    def __init__(self, channels, **options):
        super().__init__(**options)
        self.channels = channels
        self._random = keras.random.SeedGenerator()

    def build(self, input_shape):
        relu, channels = keras.layers.ReLU, self.channels
        halvings = [relu(), convolution(channels, 3, 2), relu(), convolution(channels, 3, 2)]
        self.analysis = keras.Sequential([convolution(channels, 3), *halvings])
        doublings = [
            layer for _ in range(2) for layer in (convolution(4 * channels, 1), PixelShuffle(), relu())
        ]
        self.synthesis = keras.Sequential(
            [*doublings, convolution(channels, 3), relu(), convolution(2 * input_shape[-1], 1)]
        )
        self.density = FactorizedDensity()
        hyper_shape = (None, None, None, channels)
        self.analysis.build(input_shape)
        self.density.build(hyper_shape)
        self.synthesis.build(hyper_shape)

    def call(self, latent, training=False):
        latent = ops.cast(latent, "float32")
        hyper = self.quantize_hyper(latent, training)
        mean, scale = self.moments(hyper, latent.shape[1], latent.shape[2])
        noisy = latent + self._noise(latent) if training else mean + ops.round(latent - mean)
        bits = ops.sum(gaussian_bits(noisy, mean, scale), axis=-1)
        expected = sum(gaussian_bits(latent + dither, mean, scale) for dither in _DITHERS) / len(_DITHERS)
        return Estimate(noisy, bits, ops.sum(expected, axis=-1), ops.sum(self.density(hyper), axis=(1, 2, 3)))

    def quantize_hyper(self, latent, training=False):
        """z of a latent, float32 [batch, ⌈rows/4⌉, ⌈columns/4⌉, channels]: rounded, or with noise."""
        hyper = ops.cast(self.analysis(latent), "float32")
        return hyper + self._noise(hyper) if training else ops.round(hyper)

    def moments(self, hyper, rows, columns):
        """μ and σ of every value of y, float32 [batch, rows, columns, channels], of a quantized z."""
        both = ops.cast(self.synthesis(hyper), "float32")[:, :rows, :columns]
        mean, raw = ops.split(both, 2, axis=-1)
        return mean, MIN_SCALE + ops.softplus(raw)

    def _noise(self, values):
        return keras.random.uniform(ops.shape(values), -0.5, 0.5, dtype="float32", seed=self._random)


def analysis(channels, depths, window):
    """g_a: each stage halves the map and attends."""
    layers = []
    for stage, (width, depth) in enumerate(zip(channels, depths)):
        layers += [PatchMerging(width, normalized=stage > 0)]
        layers += swin_blocks(width, depth, HEAD_WIDTH, window, MLP_RATIO)
    return keras.Sequential(layers, name="analysis")


def synthesis(channels, depths, window):
    """g_s: the mirror of `analysis`."""
    layers = []
    for width, next_width, depth in zip(channels[::-1], (*channels[-2::-1], 3), depths[::-1]):
        layers += swin_blocks(width, depth, HEAD_WIDTH, window, MLP_RATIO)
        layers += [PatchSplitting(next_width)]
    return keras.Sequential(layers, name="synthesis")


def shown(features, height, width, training):
    """What g_s gives to pictures float32 [batch, height, width, 3]; in [0, 1] but for training."""
    pictures = 0.5 + 0.5 * ops.cast(features, "float32")[:, :height, :width]
    return pictures if training else ops.clip(pictures, 0.0, 1.0)


def bits_per_pixel(estimate, images):
    """Mean rate of pictures in bits per pixel, −log2 P(y | z) − log2 P(z), eq. (2); scalar."""
    bits = ops.sum(estimate.bits, axis=(1, 2)) + estimate.side_bits
    return ops.mean(bits) / (images.shape[1] * images.shape[2])
