"""Residual blocks with batch normalisation, and the classifying head of SpinalNet, as JCM uses them.

References
----------
He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2016; Kabir et al., "SpinalNet: deep
neural network with gradual input", 2022.
"""

import keras
from keras import ops


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


@keras.saving.register_keras_serializable(package="linksim")
class SpinalHead(keras.layers.Layer):
    """Four narrow layers, each fed half of the features and the layer before; all four name the class.

    Parameters
    ----------
    width : int
        Of each of the four layers.
    classes : int

    Input
    -----
    [batch, features], float, an even number

    Output
    ------
    [batch, classes], float: logits
    """

    def __init__(self, width, classes, **options):
        super().__init__(**options)
        self.width = width
        self.classes = classes

    def build(self, input_shape):
        half = input_shape[-1] // 2
        self.spine = [keras.layers.Dense(self.width, activation="relu") for _ in range(4)]
        self.output_layer = keras.layers.Dense(self.classes)
        for number, layer in enumerate(self.spine):
            layer.build((None, half + (self.width if number else 0)))
        self.output_layer.build((None, 4 * self.width))

    def call(self, features):
        halves = ops.split(features, 2, axis=-1)
        found = []
        for number, layer in enumerate(self.spine):
            found.append(layer(ops.concatenate([halves[number % 2], *found[-1:]], axis=-1)))
        return self.output_layer(ops.concatenate(found, axis=-1))

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.classes

    def get_config(self):
        return {**super().get_config(), "width": self.width, "classes": self.classes}
