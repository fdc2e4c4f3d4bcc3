"""MDJCM and NTSCC: pictures take as many channel uses as their entropy asks for, in any modulation order.

References
----------
Zhang et al., "From analog to digital: multi-order digital joint coding-modulation for semantic
communication", 2024 ("the paper"); Dai et al., "Nonlinear transform source-channel coding for semantic
communications", 2022.
"""

import keras
import numpy as np
from keras import ops

from linksim.jscc import rates as allocation
from linksim.jscc.codec import KERNEL_STEP, Codec, Condition, Rehearsal, Sent, padded
from linksim.jscc.layers import ConditionalModule, TurboDecoder, grid
from linksim.jscc.layers.conditional import snr_condition
from linksim.jscc.layers.swin import swin_blocks
from linksim.jscc.source_coder import (
    HEAD_WIDTH,
    MLP_RATIO,
    Hyperprior,
    analysis,
    bits_per_pixel,
    shown,
    synthesis,
)
from linksim.modulation.constellations import label_grid, qam

#: η₁/η₂: how much longer a patch is after the first dimension reduction than after the second.
_FIRST_REDUCTION = 2

#: Bits per symbol of the modulation orders that there are; every digital model tells them all apart, so that
#: one for a single order can start from one for several.
ORDERS = (2, 4, 6, 8, 10)

#: Width of the conditional modules.
_HIDDEN = 32

#: Keeps the power of a picture without symbols from dividing by zero.
_TINY = 1e-12


class MDJCM(Codec):
    """Source coder for the rates, JSC encoder, QAM of several orders, JSC decoder.

    picture → g_a → y → h_a, h_s: −log2 P(y | z) of each patch → its rate
                    y → f_e, masked twice → symbols → nearest points → link
            → nearest points → f_d → g_s → picture

    Both ends know the rate of every patch, the SNR and the modulation order. Of a patch's symbols the first
    ones are sent, as many as its rate says. Without modulation orders the symbols are sent as they are
    (MDJCM-A).

    Parameters
    ----------
    channels, depths, window, hyper
        Of the source coder, as in `linksim.jscc.source_coder.SourceCoder`. Channels of y are real dimensions
        that may be sent.
    rates : sequence of int
        Complex channel uses that a patch may get, rising; at most half the last of the channels.
    blocks : int
        Swin blocks of f_e and of f_d each.
    orders : sequence of int
        Bits per symbol of the modulation orders, all even: several (-V), one (-S) or none (-A).
    """

    parts = ("analysis", "hyperprior", "synthesis", "encoder", "decoder")
    sends_every_order = False
    adapts = True
    reductions = 2
    kernel_step = KERNEL_STEP

    def __init__(self, channels, depths, window, hyper, rates, blocks, orders=(), **options):
        super().__init__(2 ** len(channels), max(rates), **options)
        if 2 * max(rates) > channels[-1]:
            raise ValueError(f"{max(rates)} channel uses need {2 * max(rates)} channels")
        self.rates = tuple(rates)
        self.orders = tuple(orders)
        self.detects = bool(orders)
        points = [qam(bits) for bits in orders]
        self.constellations = tuple(p.astype(np.complex64) for p in points)
        self._labels = [label_grid(p)[1].reshape(-1) for p in points]
        self._latent_channels = channels[-1]
        self.analysis = analysis(channels, depths, window)
        self.hyperprior = Hyperprior(hyper)
        self.synthesis = synthesis(channels, depths, window)
        self.encoder = JSCEncoder(self.rates, self.detects, blocks, window, self.reductions)
        self.decoder = JSCDecoder(channels[-1], len(rates), self.detects, blocks, window)
        self._random = keras.random.SeedGenerator()

    def build(self, input_shape=None):
        """Make all variables, for pictures of any size."""
        latent = (None, None, None, self._latent_channels)
        self.analysis.build((None, None, None, 3))
        self.hyperprior.build(latent)
        self.synthesis.build(latent)
        self.encoder.build(latent)
        self.decoder.build((None, None, None, 2 * self.symbols))

    def latent(self, images):
        """y of pictures, [batch, rows, columns, channels]."""
        return self.analysis(2 * padded(images, self.reduction) - 1)

    def self_information(self, images):
        bits = self.hyperprior(self.latent(images)).expected_bits
        return ops.reshape(bits, (ops.shape(bits)[0], -1))

    def encode(self, images, condition: Condition) -> Sent:
        symbols = self.pairs(images, condition)
        if not self.orders:
            return Sent(symbols=symbols)
        numbers = ops.cast(grid.levels(symbols, 2.0 ** self.orders[condition.order]), "int32")
        flat = numbers[..., 0] * 2 ** (self.orders[condition.order] // 2) + numbers[..., 1]
        labels = ops.take(ops.convert_to_tensor(self._labels[condition.order]), flat)
        return Sent(indices=ops.where(self._mask(condition.rates), labels, 0))

    def pairs(self, images, condition: Condition):
        """What the encoder gives for pictures before points are chosen: real pairs, float32 [batch, k, 2]."""
        latent = self.latent(images)
        batch = ops.shape(latent)[0]
        told = self._told(batch, condition.snr_db, ops.full((batch,), condition.order, "int32"))
        rates = ops.reshape(condition.rates, (-1, latent.shape[1], latent.shape[2]))
        return self._symbols(latent, rates, told)

    def decode(self, received, condition: Condition):
        if self.detects:
            points = self.constellations[condition.order]
            pairs = np.stack([points.real, points.imag], axis=-1)
            received = ops.take(ops.convert_to_tensor(pairs), received, axis=0)
        received = received * ops.cast(self._mask(condition.rates), "float32")[..., None]
        batch = ops.shape(received)[0]
        told = self._told(batch, condition.snr_db, ops.full((batch,), condition.order, "int32"))
        rows, columns = self._positions(condition.height), self._positions(condition.width)
        rates = ops.reshape(condition.rates, (-1, rows, columns))
        return self._pictures(received, rates, told, condition.height, condition.width)

    def rehearse(
        self,
        images,
        channel,
        snr_db,
        hardness,
        orders=(0,),
        training=False,
        eta=(0.2, 0.2),
        process="substitute",
    ):
        """Send pictures over a channel, differentiably, as `Codec.rehearse`.

        Parameters
        ----------
        eta : (float, float)
            Ends of the range of which η is drawn for each picture, evenly in its logarithm.
        process : str
            `substitute`: noise stands for modulation and detection, process (10); `real`: points are chosen
            and detected with the gradient passing straight through, process (9). In validation points are
            chosen and detected always.
        """
        height, width = images.shape[1:3]
        latent = self.latent(images)
        estimate = self.hyperprior(latent, training=training)
        penalties = {"rate": bits_per_pixel(estimate, images)}
        if training:
            decoded = shown(self.synthesis(estimate.latent), height, width, training)
            penalties["source"] = ops.mean(ops.square(255.0 * (images - decoded)))
        batch = ops.shape(images)[0]
        rates = self._allocate(ops.stop_gradient(estimate.expected_bits), self._draw_eta(batch, eta))
        order = keras.random.randint((batch,), 0, max(1, len(orders)), seed=self._random)
        order = ops.take(ops.convert_to_tensor(orders or (0,), "int32"), order)
        told = self._told(batch, snr_db, order)
        symbols = self._symbols(latent, rates, told)
        mask = self._mask(ops.reshape(rates, (batch, -1)))
        received = self._over(symbols, mask, channel, snr_db, told, training and process == "substitute")
        uses = ops.sum(ops.cast(mask, "float32"), axis=1)
        penalties["cbr"] = ops.mean(uses) / (3 * height * width)
        return Rehearsal(self._pictures(received, rates, told, height, width, training), penalties)

    def _over(self, symbols, mask, channel, snr_db, told, substitute):
        """Modulate, send and detect real pairs [batch, k, 2]."""
        sent = ops.cast(mask, "float32")[..., None]
        if not self.orders:
            return channel(symbols, snr_db, mask)[0] * sent
        points = _points(told)
        if substitute:
            uniform = keras.random.uniform((2, *ops.shape(symbols)), dtype="float32", seed=self._random)
            received, _ = channel(sent * grid.dither(symbols, points, uniform[0]), snr_db, mask)
            return sent * grid.dither(received, points, uniform[1])
        received, _ = channel(sent * grid.nearest_points(symbols, points), snr_db, mask)
        return sent * grid.nearest_points(received, points)

    def _symbols(self, latent, rates, told):
        """Real pairs float32 [batch, k, 2] of a latent: unit energy over the sent ones, within the grid."""
        features = self.encoder(latent, rates, *told)
        batch = ops.shape(features)[0]
        pairs = ops.reshape(features, (batch, features.shape[1] * features.shape[2] * self.symbols, 2))
        mask = ops.cast(self._mask(ops.reshape(rates, (batch, -1))), "float32")
        energy = ops.sum(mask[..., None] * ops.square(pairs), axis=(1, 2)) / ops.sum(mask, axis=1)
        pairs = mask[..., None] * pairs * ops.rsqrt(energy + _TINY)[:, None, None]
        if not self.orders:
            return pairs
        return grid.clamp(pairs, _points(told))

    def _pictures(self, received, rates, told, height, width, training=False):
        rows, columns = self._positions(height), self._positions(width)
        grid_of_symbols = ops.reshape(received, (-1, rows, columns, 2 * self.symbols))
        latent = self.decoder(grid_of_symbols, rates, *told)
        return shown(self.synthesis(latent), height, width, training)

    def _told(self, batch, snr_db, order):
        """What the conditional modules are told: of the SNR, float32 [batch, 1], and of the order, one-hot
        float32 [batch, 5], for the index [batch] of an order."""
        snr_db = ops.broadcast_to(ops.convert_to_tensor(snr_db, "float32"), (batch,))
        places = [ORDERS.index(bits) for bits in self.orders] or [0]
        order = ops.one_hot(
            ops.take(ops.convert_to_tensor(places, "int32"), order), len(ORDERS), dtype="float32"
        )
        return snr_condition(snr_db), order

    def _mask(self, rates):
        """Which symbols are sent, bool [batch, k], for the rates [batch, patches] of the patches."""
        uses = ops.take(ops.convert_to_tensor(self.rates, "int32"), rates)
        mask = ops.arange(self.symbols, dtype="int32") < uses[..., None]
        return ops.reshape(mask, (-1, ops.shape(rates)[1] * self.symbols))

    def _allocate(self, bits, eta):
        """As `linksim.jscc.rates.allocate`, for η float32 [batch] and bits [batch, rows, columns]."""
        uses = bits * eta[:, None, None] / 2
        above = uses[..., None] > ops.convert_to_tensor(allocation.midpoints(self.rates), "float32")
        return ops.sum(ops.cast(above, "int32"), axis=-1)

    def _draw_eta(self, batch, eta):
        low, high = np.log(eta)
        share = keras.random.uniform((batch,), dtype="float32", seed=self._random)
        return ops.exp(low + share * (high - low))


def _points(told):
    """M of the order that the conditional modules are told, float32 [batch, 1, 1]."""
    return ops.matmul(told[1], ops.convert_to_tensor([[2.0**bits] for bits in ORDERS], "float32"))[..., None]


class NTSCC(MDJCM):
    """Analogue symbols and one dimension reduction, after f_e.

    Parameters
    ----------
    channels, depths, window, hyper, rates, blocks
        As in `MDJCM`.
    """

    reductions = 1


class JSCEncoder(keras.layers.Layer):
    """f_e: rate token, conditional modules and Swin blocks, with dimensions reduced on the way.

    Parameters
    ----------
    rates : tuple of int
        Channel uses by index, as in `MDJCM`.
    digital : bool
        Whether there are modulation orders.
    blocks, window : int
        Of the Swin blocks.
    reductions : int
        2: dimensions are masked before everything and between the blocks; 1: not within f_e.

    Input
    -----
    latent : [batch, rows, columns, channels], float
    rates : [batch, rows, columns], int32
        Index of each patch's rate.
    snr, order : [batch, 1] and [batch, 5], float32
        Conditions.

    Output
    ------
    [batch, rows, columns, 2·max(rates)], float32
        Real pairs, of which the caller masks those beyond the rate.
    """

    def __init__(self, rates, digital, blocks, window, reductions, **options):
        super().__init__(**options)
        self.rates = rates
        self.reductions = reductions
        self.trunk = _Trunk(len(rates), digital, blocks, window)
        self.to_symbols = keras.layers.Dense(2 * max(rates))

    def build(self, input_shape):
        self.trunk.build(input_shape)
        self.to_symbols.build(input_shape)

    def call(self, latent, rates, snr, order):
        inner = None
        if self.reductions == 2:
            latent = latent * self._mask(rates, _FIRST_REDUCTION, latent)
            inner = self._mask(rates, 1, latent)
        return ops.cast(self.to_symbols(self.trunk(latent, rates, snr, order, inner)), "float32")

    def _mask(self, rates, factor, latent):
        """Eq. (19): ones for the first channels of a patch, `factor` times as many as it sends reals."""
        kept = 2 * factor * ops.take(ops.convert_to_tensor(self.rates, "int32"), rates)
        mask = ops.arange(latent.shape[-1], dtype="int32") < kept[..., None]
        return ops.cast(mask, latent.dtype)


class JSCDecoder(keras.layers.Layer):
    """f_d: turbo decoder, then rate token, conditional modules and Swin blocks.

    Parameters
    ----------
    channels : int
        Of y.
    rates : int
        How many there are.
    digital : bool
    blocks, window : int
        Of the Swin blocks.

    Input
    -----
    received : [batch, rows, columns, 2·symbols], float32
        Real pairs, zero where nothing was sent.
    rates, snr, order
        As of `JSCEncoder`.

    Output
    ------
    [batch, rows, columns, channels], float
        y as the receiver sees it.
    """

    def __init__(self, channels, rates, digital, blocks, window, **options):
        super().__init__(**options)
        self.turbo = TurboDecoder()
        self.from_symbols = keras.layers.Dense(channels)
        self.trunk = _Trunk(rates, digital, blocks, window)
        self.to_latent = keras.layers.Dense(channels)

    def build(self, input_shape):
        inner = (*input_shape[:-1], self.to_latent.units)
        self.turbo.build((None, None, 2))
        self.from_symbols.build(input_shape)
        self.trunk.build(inner)
        self.to_latent.build(inner)

    def call(self, received, rates, snr, order):
        shape = ops.shape(received)
        symbols = self.turbo(ops.reshape(received, (-1, shape[-1] // 2, 2)))
        # The decoder guesses nothing where nothing was sent.
        symbols = ops.reshape(symbols, shape) * ops.cast(received != 0, symbols.dtype)
        return self.to_latent(self.trunk(self.from_symbols(symbols), rates, snr, order))


class _Trunk(keras.layers.Layer):
    """What f_e and f_d share: rate token, SNR and modulation module, Swin blocks, perhaps a mask between."""

    def __init__(self, rates, digital, blocks, window, **options):
        super().__init__(**options)
        self._rates = rates
        self._digital = digital
        self._depth, self._window = blocks, window

    def build(self, input_shape):
        channels = input_shape[-1]
        self.tokens = self.add_weight(
            shape=(self._rates, channels),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="rate_tokens",
        )
        self.snr_module = ConditionalModule(_HIDDEN, 1)
        self.snr_module.build(input_shape)
        self.order_module = None
        if self._digital:
            self.order_module = ConditionalModule(_HIDDEN, len(ORDERS))
            self.order_module.build(input_shape)
        self.blocks = swin_blocks(channels, self._depth, HEAD_WIDTH, self._window, MLP_RATIO)
        for block in self.blocks:
            block.build(input_shape)

    def call(self, features, rates, snr, order, mask=None):
        chosen = ops.one_hot(rates, self._rates, dtype=features.dtype)
        features = features + ops.matmul(chosen, ops.cast(self.tokens, features.dtype))
        features = self.snr_module(features, snr)
        if self.order_module is not None:
            features = self.order_module(features, order)
        for number, block in enumerate(self.blocks):
            if mask is not None and number == (len(self.blocks) + 1) // 2:
                features = features * mask
            features = block(features)
        return features
