"""uJSCC: one network and a codebook for each modulation order, with its benchmarks ME1, ME2, TE and others.

References
----------
"Universal Joint Source-Channel Coding for Modulation-Agnostic Semantic Communication".
"""

from functools import partial

import keras
import numpy as np
from keras import ops

from linksim.jscc.codec import KERNEL_STEP, Codec, Condition, Rehearsal, Sent
from linksim.jscc.layers import (
    SlicedConv2D,
    SlicedConv2DTranspose,
    SwitchableBatchNormalization,
    VectorQuantizer,
    nearest,
    straight_through,
)
from linksim.modulation.boundaries import snr_boundaries_db
from linksim.modulation.constellations import qam

_TINY = 1e-12


class UJSCC(Codec):
    """An encoder and a decoder for several modulation orders, of which the SNR chooses one.

    picture → outer encoder → inner encoder → N vectors of D_k values → nearest codewords → points → channel
            → detected points → codewords → inner decoder → outer decoder → picture

    Order k takes the first filters of the inner layers and has its own codebook of M_k codewords, whose
    indices are the labels of the points, and its own batch normalisation after every convolution.

    - TE, task-effective: five of these, with one order each.
    - ME1, ME2, model-efficient: equal dimensions, not switched.
    - DeepJSCC-Q in this body: `codewords: points`. Vectors of two values go to the nearest point itself, and
      the decoder gets the equalised symbols.

    Parameters
    ----------
    channels : (int, int, int)
        Width of the three convolutions of the outer encoder, and of its mirror.
    strides : (int, int, int)
        Their strides.
    vectors : int
        Feature vectors, which is channel uses, for each latent position.
    orders : sequence of int
        Bits per symbol of the modulation orders, rising.
    dimensions : sequence of int
        D_k, values of a feature vector, for each order; never falling.
    switched : bool
        Whether each order has its own batch normalisation (S-BN).
    codewords : str
        `learned`, or `points`: those of the constellations, fixed.
    target_ser : float
        Symbol error rate that sets the SNR boundaries between the orders.

    Raises
    ------
    ValueError
        If orders and dimensions do not go together.
    """

    kernel_step = KERNEL_STEP / 2  # the full one costs 0.1 dB here

    def __init__(
        self,
        channels,
        strides,
        vectors,
        orders,
        dimensions,
        switched=True,
        codewords="learned",
        target_ser=0.1,
        **options,
    ):
        super().__init__(int(np.prod(strides)), vectors, **options)
        if len(dimensions) != len(orders) or sorted(dimensions) != list(dimensions):
            raise ValueError(f"dimensions {tuple(dimensions)} for orders {tuple(orders)}")
        if codewords == "points" and set(dimensions) != {2}:
            raise ValueError("a point has two dimensions")
        self.orders = tuple(orders)
        self.dimensions = tuple(dimensions)
        self.boundaries_db = snr_boundaries_db(self.orders, target_ser)
        self.constellations = tuple(qam(order).astype(np.complex64) for order in self.orders)
        self.detects = codewords == "learned"
        self._widths = tuple(vectors * dimension for dimension in dimensions)
        self._points = [np.stack([points.real, points.imag], -1) for points in self.constellations]
        norm = partial(SwitchableBatchNormalization, len(self.orders), switched)
        self.encoder = _encoder(channels, strides, self._widths, norm)
        self.decoder = _decoder(channels, strides, norm)
        self.quantizers = [
            VectorQuantizer(2**order, dimension, name=f"codebook_{order}_bits")
            for order, dimension in zip(self.orders, dimensions)
            if self.detects
        ]

    def build(self, input_shape=None):
        """Make all variables, for pictures of any size."""
        self.encoder.build((None, None, None, 3))
        self.decoder.build((None, None, None, max(self._widths)))
        for quantizer in self.quantizers:
            quantizer.build()

    @property
    def inner_encoder(self):
        """The layer before the channel: sliced convolution, `norm` and tanh."""
        return self.encoder.parts[-1]

    @property
    def inner_decoder(self):
        """The layer behind the channel: sliced transposed convolution, `norm` and rectifier."""
        return self.decoder.parts[0]

    def encode(self, images, condition: Condition) -> Sent:
        order = condition.order
        return Sent(indices=self._labels(self._features(images, (order,))[0], order))

    def decode(self, received, condition: Condition):
        order, height, width = condition.order, condition.height, condition.width
        vectors = self.quantizers[order].look_up(received) if self.detects else received / self._reach(order)
        return self._pictures([vectors], (order,), height, width)

    def rehearse(self, images, channel, snr_db, hardness, orders, training=False):
        """What Algorithm 2 does in a step, with penalties `codebook`, `commitment` and `divergence`."""
        features = self._features(images, orders, training)
        labels = [self._labels(part, order) for part, order in zip(features, orders)]
        symbols = [ops.take(self._points[order], each, axis=0) for each, order in zip(labels, orders)]
        received, _ = channel(ops.concatenate(symbols), snr_db)
        vectors, penalties = [], []
        for part, sent, equalised, order in zip(features, labels, ops.split(received, len(orders)), orders):
            if self.detects:
                detected = nearest(equalised, self._points[order])
                arrived = self.quantizers[order].look_up(detected)
                target = self.quantizers[order].look_up_densely(detected)
            else:
                arrived = equalised / self._reach(order)
                target = ops.take(self._points[order], sent, axis=0) / self._reach(order)
            vectors.append(straight_through(arrived, part))
            penalties.append(
                {
                    "codebook": _distance(ops.stop_gradient(part), target),
                    "commitment": _distance(part, ops.stop_gradient(target)),
                    "divergence": _divergence(sent, len(self._points[order])),
                }
            )
        pictures = self._pictures(vectors, orders, images.shape[1], images.shape[2], training)
        return Rehearsal(
            pictures, {name: ops.stack([each[name] for each in penalties]) for name in penalties[0]}
        )

    def snr_ranges_db(self, low, high, orders):
        """The ranges between the SNR boundaries, closed by the ends of the whole range."""
        ends = [low, *self.boundaries_db, high]
        return [(ends[order], ends[order + 1]) for order in orders]

    def unused_variables(self, orders):
        """The codebooks of the other orders."""
        return [quantizer.codewords for order, quantizer in enumerate(self.quantizers) if order not in orders]

    def take_codewords(self, source):
        """Take over the codebooks of the orders that another uJSCC has too, with equal dimensions."""
        theirs = dict(zip(source.orders, source.quantizers))
        for order, quantizer in zip(self.orders, self.quantizers):
            if order in theirs and theirs[order].dimension == quantizer.dimension:
                quantizer.codewords.assign(theirs[order].codewords)

    def _features(self, images, orders, training=False):
        """Feature vectors float32 [batch / orders, N, D_k] of every order's part of the pictures."""
        features = self.encoder(2 * self._pad(images) - 1, orders=orders, training=training)
        count = features.shape[1] * features.shape[2] * self.symbols
        return [
            ops.reshape(part[..., : self._widths[order]], (-1, count, self.dimensions[order]))
            for part, order in zip(ops.split(features, len(orders)), orders)
        ]

    def _labels(self, vectors, order):
        if self.detects:
            return self.quantizers[order](ops.stop_gradient(vectors))
        return nearest(ops.stop_gradient(vectors) * self._reach(order), self._points[order])

    def _reach(self, order):
        """What 1 stands for in a vector that is a point: beyond the outermost level by half a spacing."""
        levels = np.unique(self._points[order][:, 0])
        return float(levels[-1] + (levels[1] - levels[0]) / 2)

    def _pictures(self, vectors, orders, height, width, training=False):
        rows, columns = self._positions(height), self._positions(width)
        widest = max(self._widths[order] for order in orders)
        grids = [
            ops.pad(
                ops.reshape(part, (-1, rows, columns, self._widths[order])),
                ((0, 0), (0, 0), (0, 0), (0, widest - self._widths[order])),
            )
            for part, order in zip(vectors, orders)
        ]
        grid = grids[0] if len(grids) == 1 else ops.concatenate(grids)
        pictures = (self.decoder(grid, orders=orders, training=training) + 1) / 2
        return pictures[:, :height, :width]


def _encoder(channels, strides, widths, norm):
    """Outer encoder: conv, conv, res, conv, res; inner encoder: the first filters of a convolution."""
    first, second, third = (
        _Normed(_convolution(filters, stride), norm(), "relu") for filters, stride in zip(channels, strides)
    )
    inner = _Normed(_convolution(max(widths)), norm(widths=widths), "tanh", widths)
    residuals = (_Residual(_convolution, width, norm) for width in channels[1:])
    return _Chain([first, second, next(residuals), third, next(residuals), inner], name="encoder")


def _decoder(channels, strides, norm):
    """Inner decoder: a transposed convolution of what arrives; outer decoder: the mirror of the encoder."""
    inner = _Normed(_transposed(channels[2]), norm(), "relu")
    third, second, first = (
        _Normed(_transposed(filters, stride), norm(), activation)
        for filters, stride, activation in zip(
            (channels[1], channels[0], 3), strides[::-1], ("relu", "relu", "tanh")
        )
    )
    residuals = (_Residual(_transposed, width, norm) for width in channels[:0:-1])
    return _Chain([inner, next(residuals), third, next(residuals), second, first], name="decoder")


def _convolution(filters, stride=1):
    return SlicedConv2D(filters, _kernel(stride), strides=stride, padding="same", use_bias=False)


def _transposed(filters, stride=1):
    return SlicedConv2DTranspose(filters, _kernel(stride), strides=stride, padding="same", use_bias=False)


def _kernel(stride):
    """A transposed convolution narrower than its stride would leave gaps."""
    return max(3, stride + 1)


class _Chain(keras.layers.Layer):
    """Layers one after the other, each told the modulation orders."""

    def __init__(self, parts, name):
        super().__init__(name=name)
        self.parts = parts

    def build(self, input_shape):
        for part in self.parts:
            part.build(input_shape)
            input_shape = part.compute_output_shape(input_shape)

    def call(self, features, orders, training=False):
        for part in self.parts:
            features = part(features, orders=orders, training=training)
        return features


class _Normed(keras.layers.Layer):
    """A convolution, batch normalisation and an activation.

    Parameters
    ----------
    convolution, norm : keras layers
    activation : str or None
    widths : tuple of int, optional
        Filters that each modulation order uses; default: all.
    """

    def __init__(self, convolution, norm, activation, widths=None):
        super().__init__()
        self.convolution, self.norm = convolution, norm
        self.activation = keras.activations.get(activation)
        self.widths = widths

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.norm.build(self.compute_output_shape(input_shape))

    def call(self, features, orders, training=False):
        sliced = {"width": max(self.widths[order] for order in orders)} if self.widths else {}
        features = self.convolution(features, **sliced)
        return self.activation(self.norm(features, orders=orders, training=training))

    def compute_output_shape(self, input_shape, orders=None):
        return self.convolution.compute_output_shape(input_shape)


class _Residual(keras.layers.Layer):
    """Two convolutions beside a shortcut; the activation follows the sum."""

    def __init__(self, convolution, width, norm):
        super().__init__()
        self.first = _Normed(convolution(width), norm(), "relu")
        self.second = _Normed(convolution(width), norm(), None)

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(input_shape)

    def call(self, features, orders, training=False):
        branch = self.first(features, orders=orders, training=training)
        branch = self.second(branch, orders=orders, training=training)
        return keras.activations.relu(ops.cast(features, branch.dtype) + branch)

    def compute_output_shape(self, input_shape, orders=None):
        return input_shape


def _distance(first, second):
    return ops.mean(ops.square(first - second))


def _divergence(labels, count):
    """KL divergence of the use of the points from uniform, in nats."""
    shares = ops.mean(ops.one_hot(ops.reshape(labels, (-1,)), count, dtype="float32"), axis=0)
    return ops.sum(shares * ops.log(shares * count + _TINY))
