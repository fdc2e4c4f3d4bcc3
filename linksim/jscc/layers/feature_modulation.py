"""Feature modulation: what both ends know of the channel scales the features."""

import keras
from keras import ops

#: SNR at which the network that reads it gets zero, and how many dB make one unit.
_CENTRE_DB, _UNIT_DB = 10.0, 10.0


@keras.saving.register_keras_serializable(package="linksim")
class FeatureModulation(keras.layers.Layer):
    """Multiplies every channel by a positive factor that a small network reads off the SNR.

    Parameters
    ----------
    hidden : int
        Width of the two hidden layers.

    Input
    -----
    features : [batch, height, width, channels], float
    snr_db : [batch], float, in dB

    Output
    ------
    [batch, height, width, channels], float

    References
    ----------
    The SNR modulation of MDJCM and of Xu et al., "Wireless image transmission using deep source channel
    coding with attention modules", 2022, with softplus for the last activation.
    """

    def __init__(self, hidden=32, **options):
        super().__init__(**options)
        self.hidden = hidden

    def build(self, input_shape, snr_db_shape=None):
        self.network = keras.Sequential(
            [
                keras.layers.Dense(self.hidden, activation="relu"),
                keras.layers.Dense(self.hidden, activation="relu"),
                keras.layers.Dense(input_shape[-1], activation="softplus"),
            ]
        )
        self.network.build((None, 1))

    def call(self, features, snr_db):
        factors = self.network(((snr_db - _CENTRE_DB) / _UNIT_DB)[:, None])
        return features * ops.cast(factors, features.dtype)[:, None, None, :]

    def compute_output_shape(self, input_shape, snr_db_shape=None):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "hidden": self.hidden}
