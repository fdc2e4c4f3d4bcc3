"""The simplified attention module: a mask from the features themselves decides where to spend the channel."""

import keras
from keras import ops

from linksim.jscc.layers.residual import NEGATIVE_SLOPE, convolution

#: Residual units of the trunk and of the mask.
UNITS = 3


@keras.saving.register_keras_serializable(package="linksim")
class SimplifiedAttention(keras.layers.Layer):
    """x + T(x)·σ(M(x)): three residual units in the trunk T, three and a 1×1 convolution in the mask M.

    Input
    -----
    [batch, height, width, channels], float, channels even

    Output
    ------
    [batch, height, width, channels], float

    References
    ----------
    Cheng, Sun, Takeuchi, Katto, "Learned image compression with discretized Gaussian mixture likelihoods and
    attention modules", 2020, Fig. 5.
    """

    def build(self, input_shape):
        self.trunk = [_Unit() for _ in range(UNITS)]
        self.mask = [*(_Unit() for _ in range(UNITS)), convolution(input_shape[-1], 1)]
        for layer in (*self.trunk, *self.mask):
            layer.build(input_shape)

    def call(self, features):
        trunk = mask = features
        for layer in self.trunk:
            trunk = layer(trunk)
        for layer in self.mask:
            mask = layer(mask)
        return features + trunk * ops.sigmoid(mask)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="linksim")
class _Unit(keras.layers.Layer):
    """Bottleneck residual unit: 1×1 to half the channels, 3×3, 1×1 back."""

    def build(self, input_shape):
        channels = input_shape[-1]
        half = (*input_shape[:-1], channels // 2)
        self.narrow = convolution(channels // 2, 1)
        self.middle = convolution(channels // 2, 3)
        self.widen = convolution(channels, 1)
        self.narrow.build(input_shape)
        self.middle.build(half)
        self.widen.build(half)

    def call(self, features):
        branch = ops.leaky_relu(self.narrow(features), NEGATIVE_SLOPE)
        branch = ops.leaky_relu(self.middle(branch), NEGATIVE_SLOPE)
        total = features + self.widen(branch)
        # A leaky rectifier. TensorFlow with oneDNN would fuse `leaky_relu` with the sum, at a slope of 0.2.
        return ops.maximum(total, NEGATIVE_SLOPE * total)

    def compute_output_shape(self, input_shape):
        return input_shape
