"""Power normalisation: every picture's block gets unit mean energy."""

import keras
from keras import ops

#: Keeps a block of zeros from dividing by zero.
_TINY = 1e-12


@keras.saving.register_keras_serializable(package="linksim")
class PowerNormalization(keras.layers.Layer):
    """z·√k / ‖z‖ for each picture: a mean symbol energy of 1.

    Input
    -----
    [batch, k, 2], float, real pairs

    Output
    ------
    [batch, k, 2], float

    References
    ----------
    Tung, Kurka, Jankowski, Gündüz, "DeepJSCC-Q", 2022, eq. (23) with P = 1.
    """

    def call(self, symbols):
        energy = ops.mean(ops.sum(ops.square(symbols), axis=-1, keepdims=True), axis=1, keepdims=True)
        return symbols * ops.rsqrt(energy + _TINY)

    def compute_output_shape(self, input_shape):
        return input_shape
