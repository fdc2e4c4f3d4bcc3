"""The end-to-end model that is trained: augmentation, codec, channel, codec, loss."""

import keras
from keras import ops

from linksim.training.distortion import DISTORTIONS, mse
from linksim.training.recipe import PhaseSpec, Recipe
from linksim.training.schedules import hardness


class Trainee(keras.Model):
    """A codec with a channel between its halves, as one model for `fit` and `evaluate`.

    tiles → crop, flip → encoder → channel → decoder → distortion + weighted penalties
                                             classifier → cross entropy, where there are labels

    A codec for several modulation orders sends every picture in each of them, in one pass: convolutions see a
    batch of as many parts as there are orders.

    Parameters
    ----------
    codec : Codec or PictureClassifier
    channel : keras layer or None
        (symbols [batch, k, 2], snr_db [batch]) → (equalised symbols, noise variances): a `TrainingChannel` or
        the physical layer's `LinkLayer`. None for a classifier, which sends nothing.
    recipe : Recipe
    phase : PhaseSpec
    """

    def __init__(self, codec, channel, recipe: Recipe, phase: PhaseSpec):
        super().__init__()
        self.codec = codec
        self.channel = channel
        self._side = recipe.side
        self._margin = recipe.margin
        self._phase = phase
        self._orders = phase_orders(recipe.model, phase)
        self._draw = recipe.channel and recipe.channel.draw
        every_order = getattr(codec, "sends_every_order", True)
        self._copies = len(self._orders) if every_order else 1
        self._options = {"eta": phase.eta, "process": phase.process} if recipe.channel and codec.rates else {}
        ranges_db = [(0.0, 0.0)]
        if recipe.channel is not None:
            snr_db = recipe.channel.snr_db
            low, high = snr_db if isinstance(snr_db, tuple) else (snr_db, snr_db)
            ranges_db = codec.snr_ranges_db(low, high, self._orders)[: self._copies]
        # A variable, so that recipes for several SNRs share one compiled program.
        self._snr_ranges_db = self.add_weight(
            shape=(self._copies, 2),
            initializer=lambda shape, dtype: ops.convert_to_tensor(ranges_db, dtype),
            trainable=False,
            name="snr_ranges_db",
        )
        self._step = self.add_weight(shape=(), initializer="zeros", trainable=False, name="step")
        self._random = keras.random.SeedGenerator(recipe.seed)
        self._psnr_db = keras.metrics.Mean("psnr_db")
        self._means = {name: keras.metrics.Mean(name) for name in ("divergence", "rate", "cbr")}
        if codec.classes:
            self._accuracy = keras.metrics.Mean("accuracy")

    def build(self, input_shape=None):
        """The codec is built already; the channel has nothing to learn."""

    def call(self, tiles, training=False):
        """Distortion and squared error of each received picture, the penalties, and the logits.

        Parameters
        ----------
        tiles : [batch, side + 2·margin, side + 2·margin, 3], uint8
        """
        images = self._augment(ops.cast(tiles, "float32") / 255.0, training)
        snr_db = self._draw_snr_db(ops.shape(images)[0], training)
        if self._copies > 1:
            images = ops.tile(images, (self._copies, 1, 1, 1))
        sigma = hardness(self._phase.hardness, self._step)
        rehearsal = self.codec.rehearse(
            images, self.channel, snr_db, sigma, self._orders, training, **self._options
        )
        pictures = rehearsal.pictures
        if training:
            self._step.assign_add(1.0)
        else:
            pictures = ops.round(255.0 * pictures) / 255.0
        penalties = {name: ops.convert_to_tensor(x, "float32") for name, x in rehearsal.penalties.items()}
        measured = {
            "distortion": DISTORTIONS[self._phase.distortion](images, pictures),
            "mse": mse(images, pictures),
            **penalties,
        }
        return measured if rehearsal.logits is None else {**measured, "logits": rehearsal.logits}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Distortion + λ·KL(P̂ ‖ uniform), eq. (21) of DeepJSCC-Q; or what uJSCC minimises: the mean over the
        orders of λ_k·(distortion + α·codebook + β·commitment), eqs. (1) and (15), for pictures in [−1, 1];
        or, of codecs that classify, cross entropy + λ·squared error on [−1, 1], eq. (4) of JCM; or, of those
        with a source coder, its distortion and the weighted rate too, eqs. (2) and (13) of MDJCM over λ.

        `y` holds the labels, int [batch], where there are any.
        """
        psnr_db = 10.0 * ops.log10(255.0**2 / ops.maximum(y_pred["mse"], 255.0**2 * 1e-10))
        self._psnr_db.update_state(psnr_db)
        if "logits" in y_pred:
            return self._classification_loss(y, y_pred)
        for name, mean in self._means.items():
            if name in y_pred:
                mean.update_state(y_pred[name])
        distortion = ops.mean(ops.reshape(y_pred["distortion"], (self._copies, -1)), axis=1)
        for name, weight in (("codebook", self._phase.codebook), ("commitment", self._phase.commitment)):
            if name in y_pred:
                distortion = distortion + 127.5**2 * weight * y_pred[name]
        if self._phase.order_weights is not None:
            distortion = distortion * ops.convert_to_tensor(self._phase.order_weights, "float32")
        loss = ops.mean(distortion)
        for name in ("divergence", "rate", "source"):
            if name in y_pred:
                loss = loss + getattr(self._phase, name) * ops.mean(y_pred[name])
        return loss

    def _classification_loss(self, labels, y_pred):
        right = ops.cast(ops.argmax(y_pred["logits"], axis=-1) == ops.cast(labels, "int32"), "float32")
        self._accuracy.update_state(right)
        entropy = keras.losses.sparse_categorical_crossentropy(labels, y_pred["logits"], from_logits=True)
        return ops.mean(entropy) + self._phase.reconstruction * ops.mean(y_pred["mse"]) / 127.5**2

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

    def _draw_snr_db(self, batch, training):
        """An SNR for each picture, order by order; validation always draws for each picture."""
        drawn = 1 if training and self._draw == "step" else batch
        share = keras.random.uniform((self._copies, drawn), seed=self._random)
        low, high = self._snr_ranges_db[:, :1], self._snr_ranges_db[:, 1:]
        snr_db = low + share * (high - low)
        return ops.reshape(ops.broadcast_to(snr_db, (self._copies, batch)), (-1,))


def phase_orders(model, phase) -> tuple[int, ...]:
    """Which of the model's modulation orders take part in a phase, from 0."""
    if phase.orders is None:
        return tuple(range(max(1, len(getattr(model, "orders", ())))))
    return tuple(model.orders.index(order) for order in phase.orders)
