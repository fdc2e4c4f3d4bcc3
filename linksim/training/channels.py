"""Training channels in keras.ops: the Link's AWGN and Rayleigh channels, on any backend.

They follow the Link of the physical layer, which evaluates what is trained here: fed the same noise and
fading, both give the same symbols and noise variances (tested). Complex symbols are real pairs.
"""

import math

import keras
from keras import ops

CHANNELS = ("awgn", "rayleigh_block", "rayleigh_fast")
POWERS = ("measured", "nominal")

#: The physical layer's bound on |h|² in the equaliser.
MIN_GAIN = 1e-6


def transmit(symbols, snr_db, noise, fading, power, sent=None):
    """Send one block of symbols per image: y = h·x + n, equalised to y·h*/|h|².

    Differentiable in the symbols, through the measured energy too: under `measured`, raising the energy of a
    block raises its noise as much and gains nothing.

    Parameters
    ----------
    symbols : [batch, k, 2], float32
    snr_db : float, or [] or [batch], float32
        10·log10(1/N0) for unit mean symbol energy, in dB.
    noise : [batch, k, 2], float32
        Samples of CN(0, 1), variance 1/2 per real dimension; scaled here.
    fading : [batch, 1, 2] or [batch, k, 2], float32, or None
        h ~ CN(0, 1), known to the receiver; None stands for h = 1.
    power : str
        `measured`: N0 is scaled by the mean energy of the image's block; `nominal`: it is not.
    sent : [batch, k], bool, or None
        Marks the symbols that are really sent, as in the Link; the others count for no energy.

    Returns
    -------
    equalised : [batch, k, 2], float32
    noise_variance : [batch, k], float32
        Noise variance of each equalised symbol, N0/|h|².
    """
    if sent is None:
        energy = ops.mean(_energy(symbols), axis=1)
    else:
        share = ops.cast(sent, "float32")
        energy = ops.sum(share * _energy(symbols), axis=1) / ops.maximum(ops.sum(share, axis=1), 1.0)
    variance = 10.0 ** (-ops.convert_to_tensor(snr_db, "float32") / 10.0)
    if power == "measured":
        variance = variance * energy
        # At an empty block the standard deviation √variance has an infinite slope.
        variance = ops.where(variance > 0, variance, ops.stop_gradient(variance))
    else:
        variance = variance * ops.ones_like(energy)
    noise = noise * ops.sqrt(variance)[:, None, None]
    # One row for each image, one column for each symbol.
    variance = variance[:, None] * ops.ones_like(symbols[..., 0])
    if fading is None:
        return symbols + noise, variance
    gain = ops.maximum(_energy(fading), MIN_GAIN)
    received = _product(fading, symbols) + noise
    conjugate = fading * ops.convert_to_tensor([1.0, -1.0], "float32")
    return _product(conjugate, received) / gain[..., None], variance / gain


@keras.saving.register_keras_serializable(package="linksim")
class TrainingChannel(keras.layers.Layer):
    """A channel that draws new noise and fading in every call, in training and in inference.

    It computes in float32 under any dtype policy.

    Parameters
    ----------
    model : str
        A name of `CHANNELS`: `awgn`; `rayleigh_block`, one h for all symbols of an image; `rayleigh_fast`, an
        independent h for every symbol.
    power : str
        Power policy: `measured` or `nominal`, as in `transmit`.
    seed : int or None
        None draws a seed.

    Raises
    ------
    ValueError
        If there is no such model or power policy.
    """

    def __init__(self, model, power="measured", seed=None, name=None):
        if model not in CHANNELS:
            raise ValueError(f"no training channel {model!r}; choose from {CHANNELS}")
        if power not in POWERS:
            raise ValueError(f"no power policy {power!r}; choose from {POWERS}")
        super().__init__(dtype="float32", name=name)
        self.model = model
        self.power = power
        self.seed = seed
        self._generator = keras.random.SeedGenerator(seed)

    def call(self, symbols, snr_db, sent=None):
        """Symbols `[batch, k, 2]`, the SNR in dB and perhaps which are sent to what `transmit` returns.

        Keras takes an SNR that is a plain number by keyword only: `channel(symbols, snr_db=10.0)`.
        """
        batch, uses, _ = ops.shape(symbols)
        fading = None
        if self.model != "awgn":
            fading = self._draw((batch, 1 if self.model == "rayleigh_block" else uses, 2))
        return transmit(symbols, snr_db, self._draw((batch, uses, 2)), fading, self.power, sent)

    def _draw(self, shape):
        """Samples of CN(0, 1) as real pairs."""
        return keras.random.normal(shape, stddev=math.sqrt(0.5), dtype="float32", seed=self._generator)

    def compute_output_shape(self, symbols_shape, snr_db_shape=None, sent_shape=None):
        return symbols_shape, symbols_shape[:-1]

    def get_config(self):
        return {"name": self.name, "model": self.model, "power": self.power, "seed": self.seed}


def _energy(pairs):
    """|z|² of real pairs `[..., 2]`."""
    return ops.sum(ops.square(pairs), axis=-1)


def _product(a, b):
    """a·b of complex numbers as real pairs `[..., 2]`."""
    real = a[..., 0] * b[..., 0] - a[..., 1] * b[..., 1]
    imaginary = a[..., 0] * b[..., 1] + a[..., 1] * b[..., 0]
    return ops.stack([real, imaginary], axis=-1)
