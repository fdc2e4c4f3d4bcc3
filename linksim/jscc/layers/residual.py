"""Residual blocks: at one size, down by two with a strided convolution, up by two with a pixel shuffle.

References
----------
Cheng, Sun, Takeuchi, Katto, "Learned image compression with discretized Gaussian mixture likelihoods and
attention modules", 2020, Fig. 4; pixel shuffle: Shi et al., "Real-time single image and video
super-resolution using an efficient sub-pixel convolutional neural network", 2016.
"""

import keras
from keras import ops

from linksim.jscc.layers.gdn import GDN

#: Slope of the leaky rectifiers below zero.
NEGATIVE_SLOPE = 0.01


def convolution(filters, size, strides=1):
    """A convolution with zero padding that keeps the size, divided by `strides`."""
    return keras.layers.Conv2D(filters, size, strides=strides, padding="same")


@keras.saving.register_keras_serializable(package="linksim")
class PixelShuffle(keras.layers.Layer):
    """Moves groups of four channels into blocks of 2×2 px.

    Input
    -----
    [batch, height, width, 4·channels], float

    Output
    ------
    [batch, 2·height, 2·width, channels], float
    """

    def call(self, features):
        return ops.depth_to_space(features, 2)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and 2 * height, width and 2 * width, channels // 4)


class _Residual(keras.layers.Layer):
    """What the blocks of this module share: their width and its place in the configuration."""

    def __init__(self, filters, **options):
        super().__init__(**options)
        self.filters = filters

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable(package="linksim")
class ResidualBlock(_Residual):
    """Two 3×3 convolutions with leaky rectifiers beside a shortcut (1×1 where the width changes).

    Parameters
    ----------
    filters : int
        Channels of the output.

    Input
    -----
    [batch, height, width, channels], float

    Output
    ------
    [batch, height, width, filters], float
    """

    def build(self, input_shape):
        self.first = convolution(self.filters, 3)
        self.second = convolution(self.filters, 3)
        self.first.build(input_shape)
        inner = (*input_shape[:-1], self.filters)
        self.second.build(inner)
        self.shortcut = None
        if input_shape[-1] != self.filters:
            self.shortcut = convolution(self.filters, 1)
            self.shortcut.build(input_shape)

    def call(self, features):
        branch = ops.leaky_relu(self.first(features), NEGATIVE_SLOPE)
        branch = ops.leaky_relu(self.second(branch), NEGATIVE_SLOPE)
        return branch + (features if self.shortcut is None else self.shortcut(features))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)


@keras.saving.register_keras_serializable(package="linksim")
class ResidualDown(_Residual):
    """Halves height and width: a strided 3×3 and a 3×3 convolution and GDN beside a strided 1×1 shortcut.

    Parameters
    ----------
    filters : int
        Channels of the output.

    Input
    -----
    [batch, height, width, channels], float, height and width even

    Output
    ------
    [batch, height / 2, width / 2, filters], float
    """

    def build(self, input_shape):
        self.first = convolution(self.filters, 3, strides=2)
        self.second = convolution(self.filters, 3)
        self.gdn = GDN()
        self.shortcut = convolution(self.filters, 1, strides=2)
        inner = self.compute_output_shape(input_shape)
        for layer, shape in (
            (self.first, input_shape),
            (self.second, inner),
            (self.gdn, inner),
            (self.shortcut, input_shape),
        ):
            layer.build(shape)

    def call(self, features):
        branch = ops.leaky_relu(self.first(features), NEGATIVE_SLOPE)
        return self.gdn(self.second(branch)) + self.shortcut(features)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, height and -(-height // 2), width and -(-width // 2), self.filters)


@keras.saving.register_keras_serializable(package="linksim")
class ResidualUp(_Residual):
    """Doubles height and width: 3×3 convolution, pixel shuffle, 3×3 convolution, inverse GDN, and a shortcut.

    Parameters
    ----------
    filters : int
        Channels of the output.

    Input
    -----
    [batch, height, width, channels], float

    Output
    ------
    [batch, 2·height, 2·width, filters], float
    """

    def build(self, input_shape):
        self.first = convolution(4 * self.filters, 3)
        self.second = convolution(self.filters, 3)
        self.gdn = GDN(inverse=True)
        self.shortcut = convolution(4 * self.filters, 1)
        outer = self.compute_output_shape(input_shape)
        for layer, shape in (
            (self.first, input_shape),
            (self.second, outer),
            (self.gdn, outer),
            (self.shortcut, input_shape),
        ):
            layer.build(shape)

    def call(self, features):
        branch = ops.leaky_relu(ops.depth_to_space(self.first(features), 2), NEGATIVE_SLOPE)
        return self.gdn(self.second(branch)) + ops.depth_to_space(self.shortcut(features), 2)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, height and 2 * height, width and 2 * width, self.filters)
