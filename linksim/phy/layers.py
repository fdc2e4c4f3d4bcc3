"""The Link as a Keras layer, to train through the real physical layer on TensorFlow."""

import keras
import tensorflow as tf

from linksim.phy import channels
from linksim.phy.channels import Medium
from linksim.phy.link import send
from linksim.scenario.channels import OFDM
from linksim.scenario.errors import InputError
from linksim.scenario.link import Rapp


@keras.saving.register_keras_serializable(package="linksim")
class LinkLayer(keras.layers.Layer):
    """The Link over one channel, differentiable, for real pairs of symbols.

    It draws from Sionna's generators (`linksim.phy.randomness.seed`): with the same seed and SNR it gives
    what `Link` gives. A model that holds it trains with `jit_compile=False`, in float32 under any dtype
    policy. `linksim.training.channels.TrainingChannel` is AWGN and Rayleigh fading on any backend.

    Parameters
    ----------
    model : str
        A name of `linksim.phy.channels.CHANNELS`.
    power : str
        `measured` or `nominal`, as in `Link`.
    csi, interpolation
        As in `Link`.
    amplifier : Rapp, dict of its fields, or None
    ofdm : OFDM, dict of its fields, or None

    Raises
    ------
    ValueError
        If there is no such model, power policy or channel knowledge.
    InputError
        If Keras runs on another backend than TensorFlow.
    """

    def __init__(
        self,
        model,
        power="measured",
        name=None,
        csi="perfect",
        interpolation=None,
        amplifier=None,
        ofdm=None,
    ):
        if keras.backend.backend() != "tensorflow":
            raise InputError(
                f"training through the physical layer needs TensorFlow, and Keras runs on "
                f"{keras.backend.backend()}",
                mend="set KERAS_BACKEND=tensorflow, or train over the light training channel",
            )
        if model not in channels.CHANNELS:
            raise ValueError(f"no channel {model!r}; choose from {tuple(channels.CHANNELS)}")
        if power not in ("measured", "nominal"):
            raise ValueError(f"no power policy {power!r}; choose from ('measured', 'nominal')")
        super().__init__(dtype="float32", name=name)
        self.model = model
        self.power = power
        self.csi = csi
        self.interpolation = interpolation
        self.amplifier = Rapp(**amplifier) if isinstance(amplifier, dict) else amplifier
        self.ofdm = OFDM(**ofdm) if isinstance(ofdm, dict) else ofdm
        self._channel = channels.create(Medium(model, csi, interpolation, self.ofdm))

    def call(self, symbols, snr_db, sent=None):
        """Send one block of symbols per image.

        Keras takes an SNR that is a plain number by keyword only: `layer(symbols, snr_db=10.0)`.

        Parameters
        ----------
        symbols : [batch, k, 2], float32
            Real pairs.
        snr_db : float, or [] or [batch], float32
            10·log10(1/N0) for unit mean symbol energy, in dB.
        sent : [batch, k], bool, optional
            Marks the symbols that are really sent, as in `Link.transmit`.

        Returns
        -------
        equalised : [batch, k, 2], float32
        noise_variance : [batch, k], float32
            Noise variance of each equalised symbol.
        """
        symbols = tf.complex(symbols[..., 0], symbols[..., 1])
        mask = tf.ones(tf.shape(symbols), tf.bool) if sent is None else sent
        # In float64, as the Link computes it.
        noise_variance = tf.cast(10.0 ** (-tf.cast(snr_db, tf.float64) / 10.0), tf.float32)
        received, noise_variance, *_ = send(
            self._channel, self.power, symbols, mask, noise_variance, self.amplifier
        )
        return tf.stack([tf.math.real(received), tf.math.imag(received)], axis=-1), noise_variance

    def compute_output_shape(self, symbols_shape, snr_db_shape=None, sent_shape=None):
        return symbols_shape, symbols_shape[:-1]

    def get_config(self):
        return {
            "name": self.name,
            "model": self.model,
            "power": self.power,
            "csi": self.csi,
            "interpolation": self.interpolation,
            "amplifier": self.amplifier and self.amplifier.model_dump(),
            "ofdm": self.ofdm and self.ofdm.model_dump(),
        }
