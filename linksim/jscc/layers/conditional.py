"""Conditional modules: what both ends know of the channel scales the features of the JSC encoder and decoder.

References
----------
Zhang et al., "From analog to digital: multi-order digital joint coding-modulation for semantic
communication", 2024, section IV-C and Fig. 4: the SNR and the modulation conditional module.
"""

import math

import keras
from keras import ops

#: SNR at which the network that reads it gets zero, and how many dB make one unit.
_CENTRE_DB, _UNIT_DB = 10.0, 10.0

#: softplus of it is 1: a module begins by leaving the features as they are.
_ONE = math.log(math.e - 1)


@keras.saving.register_keras_serializable(package="linksim")
class ConditionalModule(keras.layers.Layer):
    """Multiplies the features by softplus(W·relu(conv(features) + MLP(condition))).

    The convolution is 1×1. The figure's details are lost; where the pieces meet is ours.

    Parameters
    ----------
    hidden : int
        Width of the convolution and of the MLP.
    inputs : int
        Numbers of the condition.

    Input
    -----
    features : [batch, height, width, channels], float
    condition : [batch, inputs], float32

    Output
    ------
    [batch, height, width, channels], float
    """

    def __init__(self, hidden, inputs, **options):
        super().__init__(**options)
        self.hidden = hidden
        self.inputs = inputs

    def build(self, input_shape, condition_shape=None):
        self.mlp = keras.Sequential(
            [keras.layers.Dense(self.hidden, activation="relu"), keras.layers.Dense(self.hidden)]
        )
        self.mlp.build((None, self.inputs))
        self.convolution = keras.layers.Dense(self.hidden)
        self.convolution.build(input_shape)
        self.scale = keras.layers.Dense(
            input_shape[-1],
            activation="softplus",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            bias_initializer=keras.initializers.Constant(_ONE),
        )
        self.scale.build((*input_shape[:-1], self.hidden))

    def call(self, features, condition):
        told = self.mlp(condition)[:, None, None, :]
        return features * self.scale(ops.relu(self.convolution(features) + told))

    def compute_output_shape(self, input_shape, condition_shape=None):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "hidden": self.hidden, "inputs": self.inputs}


def snr_condition(snr_db):
    """The condition of an SNR module, float32 [batch, 1], for SNRs [batch] in dB."""
    return ((ops.cast(snr_db, "float32") - _CENTRE_DB) / _UNIT_DB)[:, None]
