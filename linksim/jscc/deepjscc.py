"""DeepJSCC with analogue symbols: the network of 2019, and the one of DeepJSCC-Q without its quantizer.

References
----------
Bourtsoulatze, Burth Kurka, Gündüz, "Deep joint source-channel coding for wireless image transmission", 2019;
Tung, Kurka, Jankowski, Gündüz, "DeepJSCC-Q: Constellation Constrained Deep Joint Source-Channel Coding",
2022.
"""

import keras

from linksim.jscc.codec import KERNEL_STEP, LatentCodec
from linksim.jscc.layers import (
    PowerNormalization,
    ResidualBlock,
    ResidualDown,
    ResidualUp,
    SimplifiedAttention,
)
from linksim.jscc.layers.residual import PixelShuffle, convolution


class _Analogue(LatentCodec):
    """A codec whose latent is sent as it is but for its power."""

    def __init__(self, reduction, symbols, **options):
        super().__init__(reduction, symbols, **options)
        self.power = PowerNormalization(dtype="float32")

    def constrain(self, latent, hardness, training=False):
        return self.power(latent), 0.0


class DeepJSCC2019(_Analogue):
    """The network of Bourtsoulatze et al.: five 5×5 convolutions a side, /4.

    picture → conv 16 s2 → 32 s2 → 32 → 32 → 2·symbols → power → channel
            → conv 32 → 32 → 32 → 16 s2 → 3 s2 → sigmoid → picture, PReLU between

    Parameters
    ----------
    symbols : int
        c, complex channel uses for each of the H/4·W/4 positions; CBR = c / 48.
    """

    def __init__(self, symbols, **options):
        super().__init__(4, symbols, **options)
        self.encoder = keras.Sequential(name="encoder")
        for filters, strides in ((16, 2), (32, 2), (32, 1), (32, 1)):
            self.encoder.add(convolution(filters, 5, strides))
            self.encoder.add(_prelu())
        self.encoder.add(convolution(2 * symbols, 5))
        self.encoder.add(_prelu())
        self.decoder = keras.Sequential(name="decoder")
        for filters, strides in ((32, 1), (32, 1), (32, 1), (16, 2)):
            self.decoder.add(keras.layers.Conv2DTranspose(filters, 5, strides=strides, padding="same"))
            self.decoder.add(_prelu())
        self.decoder.add(keras.layers.Conv2DTranspose(3, 5, strides=2, padding="same"))


class DeepJSCC(_Analogue):
    """The encoder and decoder of DeepJSCC-Q with analogue symbols (eq. 23).

    Parameters
    ----------
    channels : sequence of int
        Width after each halving: two for small pictures (/4), four for large ones (/16).
    symbols : int
        Complex channel uses for each latent position; CBR = symbols / (3·4^len(channels)).
    """

    kernel_step = KERNEL_STEP / 2  # the full one costs 0.1 dB here

    def __init__(self, channels, symbols, **options):
        super().__init__(2 ** len(channels), symbols, **options)
        self.encoder = residual_encoder(channels, symbols)
        self.decoder = residual_decoder(channels)


def residual_encoder(channels, symbols):
    """Halvings with residual blocks between, attention at half depth and at the end, and a 3×3 convolution.

    The figure of the paper is lost in its text; the order of the blocks is that of Cheng et al. (2020).
    """
    layers = []
    for stage, width in enumerate(channels, start=1):
        layers += [ResidualDown(width)]
        if _attends(stage, len(channels)):
            layers += [SimplifiedAttention()]
        layers += [ResidualBlock(width)]
    return keras.Sequential([*layers, convolution(2 * symbols, 3)], name="encoder")


def residual_decoder(channels):
    """The mirror of `residual_encoder`; the last doubling goes to the three colours directly."""
    layers = [convolution(channels[-1], 3)]
    for stage in range(len(channels), 0, -1):
        layers += [ResidualBlock(channels[stage - 1])]
        if _attends(stage, len(channels)):
            layers += [SimplifiedAttention()]
        layers += [ResidualUp(channels[stage - 2])] if stage > 1 else []
    return keras.Sequential(
        [*layers, ResidualBlock(channels[0]), convolution(12, 3), PixelShuffle()], name="decoder"
    )


def _attends(stage, stages):
    return stage in (stages, stages // 2)


def _prelu():
    return keras.layers.PReLU(shared_axes=[1, 2])
