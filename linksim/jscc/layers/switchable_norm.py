"""Switchable batch normalisation: statistics and parameters of their own for each modulation order."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="linksim")
class SwitchableBatchNormalization(keras.layers.Layer):
    """Batch normalisation whose scale, bias and running statistics are chosen by the modulation order.

    In training each part of a batch is normalised by its own mean and variance; in inference by the running
    ones, which fold into one factor and one offset for each channel (eqs. 12 to 14). While its scale is
    frozen, the layer infers in training too. It computes in float32 under any dtype policy.

    Parameters
    ----------
    orders : int
        Number of modulation orders.
    switched : bool
        Whether each order has its own values; if not, all share them, and the running statistics are the
        orders' mean.
    widths : tuple of int, optional
        Channels that each order uses, the first ones; default: all. A channel's shared running statistics
        come from the orders that use it.
    momentum : float
        Share of the running statistics that a batch leaves as it is.
    epsilon : float
        Added to the variance.

    Input
    -----
    features : [batch, height, width, channels], float
        Equal parts one after the other, one for each of `orders`.
    orders : tuple of int
        Modulation orders of the parts, from 0.

    Output
    ------
    [batch, height, width, channels], float32

    References
    ----------
    uJSCC, section III-B; Yu, Yang, Xu, Yang, Huang, "Slimmable neural networks", 2018.
    """

    def __init__(self, orders, switched=True, widths=None, momentum=0.9, epsilon=1e-5, **options):
        super().__init__(**{"dtype": "float32", **options})
        self.orders = orders
        self.switched = switched
        self.widths = widths and tuple(widths)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        shape = (self.orders if self.switched else 1, input_shape[-1])
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")
        self.moving_mean = self.add_weight(
            shape=shape, initializer="zeros", trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape=shape, initializer="ones", trainable=False, name="moving_variance"
        )

    def call(self, features, orders, training=False):
        channels = features.shape[-1]
        rows = [order if self.switched else 0 for order in orders]
        features = ops.cast(features, "float32")
        parts = ops.reshape(features, (len(orders), -1, channels))
        if training and self.gamma.trainable:
            mean = ops.mean(parts, axis=1)
            variance = ops.mean(ops.square(parts - mean[:, None]), axis=1)
            self._follow(mean, variance, rows, orders)
        else:
            mean, variance = (
                _rows(each, rows, channels) for each in (self.moving_mean, self.moving_variance)
            )
        factor = _rows(self.gamma, rows, channels) * ops.rsqrt(variance + self.epsilon)
        offset = _rows(self.beta, rows, channels) - mean * factor
        if len(orders) == 1:
            return features * factor[0] + offset[0]
        return ops.reshape(parts * factor[:, None] + offset[:, None], ops.shape(features))

    def compute_output_shape(self, input_shape, orders=None):
        return input_shape

    def get_config(self):
        own = {name: getattr(self, name) for name in ("orders", "switched", "widths", "momentum", "epsilon")}
        return {**super().get_config(), **own}

    def _follow(self, mean, variance, rows, orders):
        """Move the running statistics towards those of the batch."""
        channels = mean.shape[-1]
        # Of each part in the new value of a row's channel.
        share = np.zeros((*self.moving_mean.shape, len(rows)), np.float32)
        for part, (row, order) in enumerate(zip(rows, orders)):
            share[row, : self.widths[order] if self.widths else channels, part] = 1
        share = share[:, :channels]
        count = share.sum(axis=-1)
        share /= np.maximum(count, 1)[..., None]
        rate = (1 - self.momentum) * (count > 0)
        for running, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            target = ops.einsum("rcp,pc->rc", share, ops.stop_gradient(batch))
            moved = running[:, :channels] + rate * (target - running[:, :channels])
            running.assign(ops.concatenate([moved, running[:, channels:]], axis=1))


def _rows(variable, rows, channels):
    """Some rows of a variable and its first channels."""
    if rows == list(range(variable.shape[0])):
        return variable[:, :channels]
    return ops.take(variable, np.array(rows), axis=0)[:, :channels]
