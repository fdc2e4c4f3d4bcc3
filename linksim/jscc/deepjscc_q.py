"""DeepJSCC-Q: joint source-channel coding with the points of a finite constellation.

References
----------
Tung, Kurka, Jankowski, Gündüz, "DeepJSCC-Q: Constellation Constrained Deep Joint Source-Channel Coding",
2022.
"""

from keras import ops

from linksim.jscc.codec import KERNEL_STEP, Condition, LatentCodec, Sent
from linksim.jscc.deepjscc import residual_decoder, residual_encoder
from linksim.jscc.layers import PowerNormalization, SoftToHardQuantizer


class DeepJSCCQ(LatentCodec):
    """An encoder whose latent is quantized to constellation points, and a decoder of noisy points.

    picture → encoder → unit power · gain → nearest point → channel → decoder → picture

    The power constraint holds for each picture (eq. 1): the latent is normalised before it is quantized,
    times one trained gain, so that a network without quantizer can go on as one with (ours).

    Parameters
    ----------
    channels : sequence of int
        Width after each halving: two for small pictures (/4), four for large ones (/16).
    symbols : int
        Complex channel uses for each latent position; CBR = symbols / (3·4^len(channels)).
    order : int
        M, points of the constellation: 4, 16, 64, 256, 1024 or 4096.
    learned : bool
        Whether the points are trained (L-M) or those of M-QAM.
    """

    kernel_step = KERNEL_STEP / 2  # the full one costs 0.1 dB here

    def __init__(self, channels, symbols, order, learned=False, **options):
        super().__init__(2 ** len(channels), symbols, **options)
        self.encoder = residual_encoder(channels, symbols)
        self.decoder = residual_decoder(channels)
        self.power = PowerNormalization(dtype="float32")
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")
        self.quantizer = SoftToHardQuantizer(order, learned)

    def build(self, input_shape=None):
        """Make all variables, for pictures of any size."""
        super().build(input_shape)
        self.quantizer.build((None, None, 2))

    @property
    def constellations(self):
        """The points that are sent, complex64 [M], by label."""
        return (self.quantizer.constellation,)

    def constrain(self, latent, hardness, training=False):
        return self.quantizer(self._scaled(latent), hardness=hardness, training=training)

    def unquantized(self, images):
        """The latent of pictures as it is quantized: real pairs of energy gain², float32 [batch, k, 2]."""
        return self._scaled(self.latent(images))

    def encode(self, images, condition: Condition) -> Sent:
        """Pictures float [batch, H, W, 3] in [0, 1] to the labels of their points."""
        return Sent(indices=self.quantizer.indices(self.unquantized(images)))

    def _scaled(self, latent):
        return self.power(latent) * ops.cast(self.gain, "float32")
