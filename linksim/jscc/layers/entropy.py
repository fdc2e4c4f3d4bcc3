"""Entropy models of quantized latents: a factorised density and a Gaussian conditional.

References
----------
Ballé, Minnen, Singh, Hwang, Johnston, "Variational image compression with a scale hyperprior", 2018; its
appendix 6.1 has the factorised density. Minnen, Ballé, Toderici, "Joint autoregressive and hierarchical
priors for learned image compression", 2018, adds the mean.
"""

import math
from itertools import pairwise

import keras
from keras import ops

#: Least probability, which keeps the bits finite.
MIN_PROBABILITY = 1e-30

#: Least standard deviation of the Gaussian conditional, in steps of the quantizer.
MIN_SCALE = 0.11

#: Coefficients of the rational Chebyshev approximation of erfc of Press et al., "Numerical recipes in C", 2nd
#: ed., section 6.2, the highest power first; its relative error is below 1.2e-7 everywhere.
_ERFC = (
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
    1.00002368, -1.26551223,
)  # fmt: skip


def gaussian_bits(values, mean, scale):
    """Self-information of values quantized in steps of 1, −log2 P(value), under Gaussians.

    P(v) = Φ((v + ½ − μ)/σ) − Φ((v − ½ − μ)/σ), eq. (3) of MDJCM. Exact far out in the tails too.

    Parameters
    ----------
    values, mean, scale : [...], float32
        scale : σ > 0, in steps.

    Returns
    -------
    [...], float32
        Bits.
    """
    distance = ops.abs(values - mean)
    near, far = _upper_tail((distance - 0.5) / scale), _upper_tail((distance + 0.5) / scale)
    return -ops.log(ops.maximum(near - far, MIN_PROBABILITY)) / math.log(2)


def _upper_tail(x):
    """1 − Φ(x) with a small relative error for positive x."""
    x = x / math.sqrt(2)
    t = 1.0 / (1.0 + 0.5 * ops.abs(x))
    polynomial = 0.0
    for coefficient in _ERFC:
        polynomial = polynomial * t + coefficient
    tail = 0.5 * t * ops.exp(-ops.square(x) + polynomial)
    return ops.where(x >= 0, tail, 1.0 - tail)


@keras.saving.register_keras_serializable(package="linksim")
class FactorizedDensity(keras.layers.Layer):
    """A learned density for each channel, and the bits of its values quantized in steps of 1.

    The cumulative is a small monotone network: c = σ(f_K ∘ … ∘ f_1(x)), f_k(x) = H_k·x + b_k, followed by
    x + tanh(a_k)·tanh(x) except for the last, with H_k = softplus(…) (Ballé et al., appendix 6.1).

    Parameters
    ----------
    widths : tuple of int
        Of the hidden layers.
    init_scale : float
        The density begins about this many steps wide.

    Input
    -----
    [..., channels], float

    Output
    ------
    [..., channels], float32
        −log2 P(value), P(v) = c(v + ½) − c(v − ½), eq. (5) of MDJCM.
    """

    def __init__(self, widths=(3, 3, 3), init_scale=10.0, **options):
        super().__init__(**{"dtype": "float32", **options})
        self.widths = tuple(widths)
        self.init_scale = init_scale

    def build(self, input_shape):
        channels = input_shape[-1]
        sizes = (1, *self.widths, 1)
        scale = self.init_scale ** (1 / (len(self.widths) + 1))
        self.matrices, self.biases, self.factors = [], [], []
        for number, (width, next_width) in enumerate(pairwise(sizes)):
            # softplus of it is 1 / (scale·next_width).
            start = math.log(math.expm1(1 / scale / next_width))
            self.matrices.append(
                self.add_weight(
                    shape=(channels, next_width, width),
                    initializer=keras.initializers.Constant(start),
                    name=f"matrix_{number}",
                )
            )
            self.biases.append(
                self.add_weight(
                    shape=(channels, next_width, 1),
                    initializer=keras.initializers.RandomUniform(-0.5, 0.5),
                    name=f"bias_{number}",
                )
            )
            if number < len(self.widths):
                self.factors.append(
                    self.add_weight(
                        shape=(channels, next_width, 1), initializer="zeros", name=f"factor_{number}"
                    )
                )

    def call(self, values):
        values = ops.cast(values, "float32")
        lower, upper = self.logits(values - 0.5), self.logits(values + 0.5)
        # The difference of two numbers near 0 rather than near 1.
        sign = ops.where(lower + upper > 0, -1.0, 1.0)
        probability = ops.abs(ops.sigmoid(sign * upper) - ops.sigmoid(sign * lower))
        return -ops.log(ops.maximum(probability, MIN_PROBABILITY)) / math.log(2)

    def logits(self, values):
        """ln(c / (1 − c)) of the cumulative c at values [..., channels], float32."""
        shape = ops.shape(values)
        x = ops.transpose(ops.reshape(values, (-1, shape[-1])))[:, None, :]
        for number, (matrix, bias) in enumerate(zip(self.matrices, self.biases)):
            # Sums rather than a matrix product: accelerators round the factors of the latter.
            x = ops.sum(ops.softplus(matrix)[..., None] * x[:, None], axis=2) + bias
            if number < len(self.factors):
                x = x + ops.tanh(self.factors[number]) * ops.tanh(x)
        return ops.reshape(ops.transpose(x[:, 0]), shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "widths": self.widths, "init_scale": self.init_scale}
