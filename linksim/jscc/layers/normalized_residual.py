"""Residual blocks with batch normalisation.

References
----------
He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2016.
"""

import keras


def normalized_convolution(filters, size, strides=1):
    """A convolution without bias that keeps the size, divided by `strides`, and batch normalisation."""
    return keras.Sequential(
        [
            keras.layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False),
            keras.layers.BatchNormalization(),
        ]
    )


def prelu():
    """A rectifier with one learned slope for each channel."""
    return keras.layers.PReLU(shared_axes=[1, 2])


def residual_stages(channels):
    """Layers: a convolution, then a residual block for each width, halving from the second on."""
    first, *others = channels
    blocks = [NormalizedResidualBlock(first), *(NormalizedResidualBlock(width, 2) for width in others)]
    return [normalized_convolution(first, 3), prelu(), *blocks]


@keras.saving.register_keras_serializable(package="linksim")
class NormalizedResidualBlock(keras.layers.Layer):
    """Two normalised 3×3 convolutions beside a shortcut (1×1 where the shape changes); PReLU after each.

    Parameters
    ----------
    filters : int
        Channels of the output.
    strides : int

    Input
    -----
    [batch, height, width, channels], float

    Output
    ------
    [batch, ⌈height / strides⌉, ⌈width / strides⌉, filters], float
    """

    def __init__(self, filters, strides=1, **options):
        super().__init__(**options)
        self.filters = filters
        self.strides = strides

    def build(self, input_shape):
        inner = self.compute_output_shape(input_shape)
        self.first = normalized_convolution(self.filters, 3, self.strides)
        self.second = normalized_convolution(self.filters, 3)
        self.slopes = [prelu(), prelu()]
        self.first.build(input_shape)
        for layer in (self.second, *self.slopes):
            layer.build(inner)
        self.shortcut = None
        if self.strides > 1 or input_shape[-1] != self.filters:
            self.shortcut = normalized_convolution(self.filters, 1, self.strides)
            self.shortcut.build(input_shape)

    def call(self, features, training=False):
        branch = self.slopes[0](self.first(features, training=training))
        branch = self.second(branch, training=training)
        past = features if self.shortcut is None else self.shortcut(features, training=training)
        return self.slopes[1](branch + past)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return batch, height and -(-height // self.strides), width and -(-width // self.strides), self.filters

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "strides": self.strides}
