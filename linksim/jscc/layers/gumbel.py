"""The Gumbel-max trick: draws from categorical distributions, and its relaxation that passes gradients.

References
----------
Bo, Duan, Shao, Tao, "Learning based joint coding-modulation for digital semantic communication systems",
2022, eq. (14); Jang, Gu, Poole, "Categorical reparameterization with Gumbel-softmax", 2017.
"""

import keras
from keras import ops

from linksim.jscc.layers.straight_through import straight_through

#: Keeps ln(−ln u) finite at both ends of [0, 1) in float32.
_TINY = 1e-7

TEMPERATURE = 1.5
"""τ of the relaxation, that of JCM's published configuration."""


def gumbel_max(log_probabilities, uniform):
    """Draw an index from each distribution, int32 [...]: argmax of ln p + g, g = −ln(−ln u).

    Parameters
    ----------
    log_probabilities : [..., M], float32
        Up to a constant.
    uniform : [..., M], float32
        Independent and uniform in [0, 1).
    """
    return ops.cast(ops.argmax(log_probabilities + _gumbel(uniform), axis=-1), "int32")


@keras.saving.register_keras_serializable(package="linksim")
class GumbelSampler(keras.layers.Layer):
    """Draws one of M values by their probabilities; the gradient is that of the relaxed draw.

    Forward the value of the drawn index; backward the derivative of Σ softmax((ln p + g)/τ)·value.

    Parameters
    ----------
    values : sequence of M floats

    Input
    -----
    [..., M], float: ln of the probabilities, up to a constant

    Output
    ------
    [...], float
    """

    def __init__(self, values, **options):
        super().__init__(**{"dtype": "float32", **options})
        self.values = tuple(map(float, values))
        self._random = keras.random.SeedGenerator()

    def call(self, log_probabilities):
        values = ops.convert_to_tensor(self.values, "float32")
        uniform = keras.random.uniform(ops.shape(log_probabilities), dtype="float32", seed=self._random)
        soft = ops.softmax((log_probabilities + _gumbel(uniform)) / TEMPERATURE, axis=-1)
        drawn = ops.take(values, gumbel_max(log_probabilities, uniform), axis=0)
        return straight_through(drawn, ops.sum(soft * values, axis=-1))

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]

    def get_config(self):
        return {**super().get_config(), "values": self.values}


def _gumbel(uniform):
    return -ops.log(-ops.log(ops.clip(uniform, _TINY, 1 - _TINY)))
