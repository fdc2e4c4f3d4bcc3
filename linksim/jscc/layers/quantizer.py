"""The soft-to-hard quantizer of DeepJSCC-Q: latent values to points of a fixed or a learned constellation."""

import keras
import numpy as np
from keras import ops

from linksim.jscc.layers.straight_through import straight_through
from linksim.modulation.constellations import label_grid, qam

_TINY = 1e-12


@keras.saving.register_keras_serializable(package="linksim")
class SoftToHardQuantizer(keras.layers.Layer):
    r"""Nearest constellation point forward; backward the gradient of the softmax-weighted sum of all points.

    :math:`\tilde z = \sum_j w_j c_j`, :math:`w_j \propto e^{-\sigma_q |z - c_j|^2}` (eqs. 12, 13). The points
    of M-QAM form a grid, so its weights are products of those of the two axes: M = 4096 costs two softmaxes
    over 64 levels. Learned points (L-M) start as M-QAM; they are divided by √(Σ P̂(c)|c|²), with P̂ the mean
    weights of the last training batch (eqs. 18, 19), where they are used rather than where they are stored
    (ours), so that an optimiser may treat them like any other weight.

    Parameters
    ----------
    order : int
        M, the number of points: 4, 16, 64, 256, 1024 or 4096.
    learned : bool
        Whether the points are trained.

    Input
    -----
    latent : [batch, k, 2], float, real pairs
    hardness : scalar, σ_q

    Output
    ------
    symbols : [batch, k, 2], float
    divergence : scalar, float
        KL(P̂ ‖ uniform) in nats (eq. 21).

    Raises
    ------
    ValueError
        If there is no square QAM of this order.

    References
    ----------
    Tung, Kurka, Jankowski, Gündüz, "DeepJSCC-Q: Constellation Constrained Deep Joint Source-Channel
    Coding", 2022.
    """

    def __init__(self, order, learned=False, **options):
        super().__init__(**{"dtype": "float32", **options})
        bits = order.bit_length() - 1
        if order != 1 << bits or bits % 2 or order < 4:
            raise ValueError(f"no square QAM of {order} points")
        self.order = order
        self.learned = learned
        points = qam(bits)
        levels, self._labels = label_grid(points)
        self._levels = levels.astype(np.float32)
        self._qam = np.stack([points.real, points.imag], axis=-1).astype(np.float32)

    def build(self, input_shape, hardness_shape=None):
        if self.learned:
            self.points = self.add_weight(
                shape=(self.order, 2),
                initializer=lambda shape, dtype: ops.convert_to_tensor(self._qam, dtype),
                name="points",
            )
            self.probabilities = self.add_weight(
                shape=(self.order,),
                initializer=keras.initializers.Constant(1 / self.order),
                trainable=False,
                name="probabilities",
            )

    @property
    def constellation(self) -> np.ndarray:
        """The points that are sent, complex64 [M], in the order of their labels."""
        points = ops.convert_to_numpy(self._normalised()) if self.learned else self._qam
        return (points[:, 0] + 1j * points[:, 1]).astype(np.complex64)

    def call(self, latent, hardness, training=False):
        quantize = self._to_learned_points if self.learned else self._to_grid
        return quantize(latent, hardness, training)

    def indices(self, latent):
        """Labels of the nearest points, int32 [batch, k]."""
        if self.learned:
            return ops.cast(ops.argmax(self._closeness(latent, self._normalised()), axis=-1), "int32")
        levels = self._nearest_levels(latent)
        flat = levels[..., 0] * len(self._levels) + levels[..., 1]
        return ops.take(ops.convert_to_tensor(self._labels.reshape(-1)), flat)

    def compute_output_shape(self, input_shape, hardness_shape=None):
        return input_shape, ()

    def get_config(self):
        return {**super().get_config(), "order": self.order, "learned": self.learned}

    def _to_grid(self, latent, hardness, training):
        levels = ops.convert_to_tensor(self._levels)
        weights = ops.softmax(-hardness * ops.square(latent[..., None] - levels), axis=-1)
        soft = ops.sum(weights * levels, axis=-1)
        hard = ops.take(levels, self._nearest_levels(latent))
        count = len(self._levels)
        in_phase, quadrature = (ops.reshape(weights[..., axis, :], (-1, count)) for axis in (0, 1))
        probabilities = ops.matmul(ops.transpose(in_phase), quadrature) / ops.cast(
            ops.shape(in_phase)[0], latent.dtype
        )
        return straight_through(hard, soft), self._divergence(probabilities)

    def _to_learned_points(self, latent, hardness, training):
        points = self._normalised()
        closeness = self._closeness(latent, points)
        weights = ops.softmax(hardness * closeness, axis=-1)
        soft = ops.matmul(weights, points)
        hard = ops.take(points, ops.argmax(closeness, axis=-1), axis=0)
        probabilities = ops.mean(weights, axis=(0, 1))
        if training:
            self.probabilities.assign(ops.stop_gradient(probabilities))
        return straight_through(hard, soft), self._divergence(probabilities)

    def _normalised(self):
        energy = ops.sum(self.probabilities * ops.sum(ops.square(self.points), axis=-1))
        return self.points * ops.rsqrt(energy + _TINY)

    def _closeness(self, latent, points):
        """|z|² − |z − c|²: what differs between points, [batch, k, M]."""
        # Products rather than a matrix product: accelerators round the factors of the latter.
        products = latent[..., :1] * points[:, 0] + latent[..., 1:] * points[:, 1]
        return 2 * products - ops.sum(ops.square(points), axis=-1)

    def _nearest_levels(self, latent):
        """Indices of the nearest levels, int32 [batch, k, 2]."""
        step = self._levels[1] - self._levels[0]
        index = ops.round((latent - self._levels[0]) / step)
        return ops.cast(ops.clip(index, 0, len(self._levels) - 1), "int32")

    def _divergence(self, probabilities):
        return ops.sum(probabilities * ops.log(probabilities * self.order + _TINY))
