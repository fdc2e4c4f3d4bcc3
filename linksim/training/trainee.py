"""The end-to-end model that is trained: augmentation, codec, channel, codec, loss."""

import keras
from keras import ops

from linksim.training.distortion import DISTORTIONS, mse
from linksim.training.recipe import PhaseSpec, Recipe
from linksim.training.schedules import hardness


class Trainee(keras.Model):
    """A codec with a channel between its halves, as one model for `fit` and `evaluate`.

    tiles → crop, flip → latent → constrain → channel → reconstruct → distortion + λ·KL

    Parameters
    ----------
    codec : Codec
    channel : keras layer
        (symbols [batch, k, 2], snr_db [batch]) → (equalised symbols, noise variances): a `TrainingChannel` or
        the physical layer's `LinkLayer`.
    recipe : Recipe
    phase : PhaseSpec
    """

    def __init__(self, codec, channel, recipe: Recipe, phase: PhaseSpec):
        super().__init__()
        self.codec = codec
        self.channel = channel
        self._side = recipe.photographs.side
        self._margin = recipe.photographs.margin
        self._phase = phase
        snr_db = recipe.channel.snr_db
        # A variable, so that recipes for several SNRs share one compiled program.
        self._snr_range_db = self.add_weight(
            shape=(2,),
            initializer=lambda shape, dtype: ops.convert_to_tensor(
                snr_db if isinstance(snr_db, tuple) else (snr_db, snr_db), dtype
            ),
            trainable=False,
            name="snr_range_db",
        )
        self._step = self.add_weight(shape=(), initializer="zeros", trainable=False, name="step")
        self._random = keras.random.SeedGenerator(recipe.seed)
        self._psnr_db = keras.metrics.Mean("psnr_db")
        self._divergence = keras.metrics.Mean("divergence")

    def build(self, input_shape=None):
        """The codec is built already; the channel has nothing to learn."""

    def call(self, tiles, training=False):
        """Distortion and squared error of each picture and the divergence of the points' use.

        Parameters
        ----------
        tiles : [batch, side + 2·margin, side + 2·margin, 3], uint8
        """
        images = self._augment(ops.cast(tiles, "float32") / 255.0, training)
        snr_db = self._draw_snr_db(ops.shape(images)[0])
        sigma = hardness(self._phase.hardness, self._step)
        symbols, divergence = self.codec.constrain(self.codec.latent(images), sigma, training)
        received, _ = self.channel(symbols, snr_db)
        pictures = self.codec.reconstruct(received, self._side, self._side)
        if training:
            self._step.assign_add(1.0)
        else:
            pictures = ops.round(255.0 * pictures) / 255.0
        return {
            "distortion": DISTORTIONS[self._phase.distortion](images, pictures),
            "mse": mse(images, pictures),
            "divergence": ops.convert_to_tensor(divergence, "float32"),
        }

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Mean distortion + λ·KL(P̂ ‖ uniform), eq. (21) of DeepJSCC-Q."""
        psnr_db = 10.0 * ops.log10(255.0**2 / ops.maximum(y_pred["mse"], 255.0**2 * 1e-10))
        self._psnr_db.update_state(psnr_db)
        self._divergence.update_state(y_pred["divergence"])
        return ops.mean(y_pred["distortion"]) + self._phase.divergence * y_pred["divergence"]

    def _augment(self, images, training):
        """A patch of every tile: at a random place and perhaps mirrored, or the centre."""
        batch, margin, side = ops.shape(images)[0], self._margin, self._side
        if not training:
            return images[:, margin : margin + side, margin : margin + side]
        if margin:
            corner = keras.random.randint((2,), 0, 2 * margin + 1, seed=self._random)
            images = ops.slice(images, (0, corner[0], corner[1], 0), (batch, side, side, 3))
            images = ops.reshape(images, (-1, side, side, 3))
        mirrored = keras.random.uniform((batch, 1, 1, 1), seed=self._random) < 0.5
        return ops.where(mirrored, ops.flip(images, axis=2), images)

    def _draw_snr_db(self, batch):
        share = keras.random.uniform((batch,), seed=self._random)
        return self._snr_range_db[0] + share * (self._snr_range_db[1] - self._snr_range_db[0])
