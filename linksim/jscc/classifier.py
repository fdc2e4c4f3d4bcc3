"""A classifier of pictures: trained on clean ones, it names the class of what a receiver shows.

It gives a separate chain the accuracy that learned systems get from a class decoder of their own.
"""

import keras

from linksim.jscc.codec import Rehearsal
from linksim.jscc.layers.normalized_residual import residual_stages


class PictureClassifier(keras.Model):
    """picture → conv, residual stages, halving from the second on → mean over positions → linear → logits.

    Parameters
    ----------
    channels : sequence of int
        Width of each stage.
    classes : int
    """

    kernel_bits = 5
    kernel_step = None

    #: It sends nothing.
    cbr = None
    constellations = ()
    rates = ()

    #: Names of its networks.
    parts = ("encoder", "decoder")

    def __init__(self, channels, classes, **options):
        super().__init__(**options)
        self.classes = classes
        self.encoder = keras.Sequential(residual_stages(channels), name="encoder")
        self.decoder = keras.Sequential(
            [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(classes)], name="decoder"
        )

    def build(self, input_shape=None):
        """Make all variables, for pictures of any size."""
        self.encoder.build((None, None, None, 3))
        self.decoder.build(self.encoder.compute_output_shape((None, None, None, 3)))

    def call(self, images, training=False):
        """Pictures float32 [batch, H, W, 3] in [0, 1] to logits float32 [batch, classes]."""
        return self.decoder(self.encoder(2 * images - 1, training=training), training=training)

    def unused_variables(self, orders):
        """None, as `Codec.unused_variables` says."""
        return []

    def take_codewords(self, source):
        """It has none."""

    def rehearse(self, images, channel, snr_db, hardness, orders=(0,), training=False):
        """Pictures as they are and their logits, as `Codec.rehearse` returns them."""
        return Rehearsal(images, {"divergence": 0.0}, self(images, training=training))
