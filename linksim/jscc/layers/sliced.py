"""Sliced convolutions: only as many filters of a kernel as a modulation order needs.

References
----------
uJSCC, section III-A: the inner encoder's first filters, and those of the inner decoder that belong to the
channels it gets.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="linksim")
class SlicedConv2D(keras.layers.Conv2D):
    """A convolution with the first filters of its kernel; the others cost nothing.

    Input
    -----
    features : [batch, height, width, channels], float
    width : int, optional
        How many filters; default: all.

    Output
    ------
    [batch, height / strides, width / strides, filters], float
    """

    def call(self, features, width=None):
        outputs = ops.conv(
            features,
            self.kernel[..., :width],
            strides=list(self.strides),
            padding=self.padding,
            data_format=self.data_format,
        )
        return outputs if self.bias is None else outputs + self.bias[:width]


@keras.saving.register_keras_serializable(package="linksim")
class SlicedConv2DTranspose(keras.layers.Conv2DTranspose):
    """A transposed convolution of the first channels that it was built for, as many as it gets.

    Input
    -----
    features : [batch, height, width, at most the channels it was built for], float

    Output
    ------
    [batch, height · strides, width · strides, filters], float
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, features):
        outputs = ops.conv_transpose(
            features,
            self.kernel[..., : features.shape[-1]],
            strides=list(self.strides),
            padding=self.padding,
            data_format=self.data_format,
        )
        return outputs if self.bias is None else outputs + self.bias
