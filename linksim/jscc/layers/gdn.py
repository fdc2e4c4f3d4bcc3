"""Generalised divisive normalisation and its approximate inverse."""

import keras
from keras import ops

#: Least value of β: the root below a feature never vanishes.
MIN_BETA = 1e-6


@keras.saving.register_keras_serializable(package="linksim")
class GDN(keras.layers.Layer):
    r"""Generalised divisive normalisation over channels.

    :math:`y_i = x_i / \sqrt{\beta_i + \sum_j \gamma_{ij} x_j^2}` at every position, with β > 0 and γ ≥ 0 kept
    by projection after each update; the inverse multiplies by the root.

    Parameters
    ----------
    inverse : bool
        Multiply instead of divide.

    Input
    -----
    [batch, height, width, channels], float

    Output
    ------
    [batch, height, width, channels], float

    References
    ----------
    Ballé, Laparra, Simoncelli, "End-to-end optimized image compression", 2017, eqs. (1) and (2).
    """

    def __init__(self, inverse=False, **options):
        super().__init__(**options)
        self.inverse = inverse

    def build(self, input_shape):
        channels = input_shape[-1]
        self.beta = self.add_weight(
            shape=(channels,),
            initializer="ones",
            constraint=_AtLeast(MIN_BETA),
            name="beta",
        )
        self.gamma = self.add_weight(
            shape=(channels, channels),
            initializer=keras.initializers.Identity(0.1),
            constraint=_AtLeast(0.0),
            name="gamma",
        )

    def call(self, features):
        energy = ops.matmul(ops.square(features), self.gamma) + self.beta
        return features * (ops.sqrt(energy) if self.inverse else ops.rsqrt(energy))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "inverse": self.inverse}


class _AtLeast(keras.constraints.Constraint):
    """Projects onto the values of at least `limit`."""

    def __init__(self, limit):
        self.limit = limit

    def __call__(self, values):
        return ops.maximum(values, self.limit)
