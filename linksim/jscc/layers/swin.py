"""Swin Transformer blocks on feature maps of any size, and the linear layers that halve and double them.

References
----------
Liu et al., "Swin Transformer: hierarchical vision transformer using shifted windows", 2021.
"""

import math

import keras
import numpy as np
from keras import ops

#: Added to the scores of positions that a shift has brought into one window and that are no neighbours.
_APART = -100.0

_EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="linksim")
class WindowAttention(keras.layers.Layer):
    """Multi-head self-attention within windows, with a learned bias for each relative position.

    The map is filled with zeros below and to the right up to whole windows. Of a shifted layer the windows
    lie `window // 2` further down and right, around the edges too, where positions that are no neighbours do
    not see each other. A map of one window is not shifted.

    Parameters
    ----------
    heads : int
    window : int
        Positions along each side of a window.
    shifted : bool

    Input
    -----
    [batch, height, width, channels], float, with static height and width

    Output
    ------
    [batch, height, width, channels], float
    """

    def __init__(self, heads, window, shifted=False, **options):
        super().__init__(**options)
        self.heads = heads
        self.window = window
        self.shifted = shifted

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.heads:
            raise ValueError(f"{channels} channels cannot be shared by {self.heads} heads")
        self.query_key_value = keras.layers.Dense(3 * channels)
        self.projection = keras.layers.Dense(channels)
        self.query_key_value.build(input_shape)
        self.projection.build(input_shape)
        self.position_bias = self.add_weight(
            shape=((2 * self.window - 1) ** 2, self.heads),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="position_bias",
        )

    def call(self, features):
        _, height, width, channels = features.shape
        window = self.window
        rows, columns = (-(-length // window) * window for length in (height, width))
        shifts = [window // 2 if self.shifted and length > window else 0 for length in (rows, columns)]
        padded = ops.pad(features, ((0, 0), (0, rows - height), (0, columns - width), (0, 0)))
        if any(shifts):
            padded = ops.roll(padded, [-shift for shift in shifts], axis=(1, 2))
        attended = self._attend(self._to_windows(padded), _neighbours(rows, columns, window, shifts))
        attended = self._from_windows(attended, rows, columns, channels)
        if any(shifts):
            attended = ops.roll(attended, shifts, axis=(1, 2))
        return attended[:, :height, :width]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "heads": self.heads,
            "window": self.window,
            "shifted": self.shifted,
        }

    def _attend(self, tokens, apart):
        """Attention within windows [batch, windows, window², channels]."""
        _, windows, length, channels = tokens.shape
        width = channels // self.heads
        parts = ops.reshape(self.query_key_value(tokens), (-1, windows, length, 3, self.heads, width))
        query, key, value = (parts[:, :, :, part] for part in range(3))
        scores = ops.einsum("bnqhc,bnkhc->bnhqk", query / math.sqrt(width), key)
        bias = ops.take(self.position_bias, _relative_positions(self.window), axis=0)
        bias = ops.transpose(ops.reshape(bias, (length, length, self.heads)), (2, 0, 1))
        scores = ops.cast(scores, "float32") + ops.cast(bias, "float32")
        if apart is not None:
            scores = scores + apart[:, None]
        weights = ops.cast(ops.softmax(scores, axis=-1), value.dtype)
        attended = ops.einsum("bnhqk,bnkhc->bnqhc", weights, value)
        return self.projection(ops.reshape(attended, (-1, windows, length, channels)))

    def _to_windows(self, features):
        _, rows, columns, channels = features.shape
        window = self.window
        blocks = ops.reshape(features, (-1, rows // window, window, columns // window, window, channels))
        windows = rows * columns // window**2
        return ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4, 5)), (-1, windows, window**2, channels))

    def _from_windows(self, tokens, rows, columns, channels):
        window = self.window
        blocks = ops.reshape(tokens, (-1, rows // window, columns // window, window, window, channels))
        return ops.reshape(ops.transpose(blocks, (0, 1, 3, 2, 4, 5)), (-1, rows, columns, channels))


@keras.saving.register_keras_serializable(package="linksim")
class SwinBlock(keras.layers.Layer):
    """Window attention and a two-layer network, each behind a layer normalisation and beside a shortcut.

    Parameters
    ----------
    heads, window, shifted
        As in `WindowAttention`.
    mlp_ratio : int
        Width of the two-layer network over the channels.

    Input
    -----
    [batch, height, width, channels], float, with static height and width

    Output
    ------
    [batch, height, width, channels], float
    """

    def __init__(self, heads, window, shifted=False, mlp_ratio=4, **options):
        super().__init__(**options)
        self.attention = WindowAttention(heads, window, shifted)
        self.mlp_ratio = mlp_ratio

    def build(self, input_shape):
        channels = input_shape[-1]
        self.first_norm = keras.layers.LayerNormalization(epsilon=_EPSILON)
        self.second_norm = keras.layers.LayerNormalization(epsilon=_EPSILON)
        self.widen = keras.layers.Dense(self.mlp_ratio * channels)
        self.narrow = keras.layers.Dense(channels)
        for layer in (self.first_norm, self.attention, self.second_norm, self.widen):
            layer.build(input_shape)
        self.narrow.build((*input_shape[:-1], self.mlp_ratio * channels))

    def call(self, features):
        features = features + self.attention(self.first_norm(features))
        hidden = ops.gelu(self.widen(self.second_norm(features)), approximate=False)
        return features + self.narrow(hidden)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {name: getattr(self.attention, name) for name in ("heads", "window", "shifted")}
        return {**super().get_config(), **own, "mlp_ratio": self.mlp_ratio}


@keras.saving.register_keras_serializable(package="linksim")
class PatchMerging(keras.layers.Layer):
    """Halves height and width: blocks of 2×2 become channels, are normalised, and go through a linear layer.

    Parameters
    ----------
    filters : int
        Channels of the output.
    normalized : bool
        Whether there is a layer normalisation; the first layer, on pixels, has none.

    Input
    -----
    [batch, height, width, channels], float, height and width even

    Output
    ------
    [batch, height / 2, width / 2, filters], float
    """

    def __init__(self, filters, normalized=True, **options):
        super().__init__(**options)
        self.filters = filters
        self.normalized = normalized

    def build(self, input_shape):
        merged = (*input_shape[:-1], 4 * input_shape[-1])
        self.linear = keras.layers.Dense(self.filters)
        self.linear.build(merged)
        if self.normalized:
            self.norm = keras.layers.LayerNormalization(epsilon=_EPSILON)
            self.norm.build(merged)

    def call(self, features):
        merged = ops.space_to_depth(features, 2)
        return self.linear(self.norm(merged) if self.normalized else merged)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return batch, height and height // 2, width and width // 2, self.filters

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "normalized": self.normalized}


@keras.saving.register_keras_serializable(package="linksim")
class PatchSplitting(keras.layers.Layer):
    """Doubles height and width: a normalisation, a linear layer, and channels become blocks of 2×2.

    Parameters
    ----------
    filters : int
        Channels of the output.

    Input
    -----
    [batch, height, width, channels], float

    Output
    ------
    [batch, 2·height, 2·width, filters], float
    """

    def __init__(self, filters, **options):
        super().__init__(**options)
        self.filters = filters

    def build(self, input_shape):
        self.norm = keras.layers.LayerNormalization(epsilon=_EPSILON)
        self.linear = keras.layers.Dense(4 * self.filters)
        self.norm.build(input_shape)
        self.linear.build(input_shape)

    def call(self, features):
        return ops.depth_to_space(self.linear(self.norm(features)), 2)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return batch, height and 2 * height, width and 2 * width, self.filters

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def swin_blocks(channels, depth, head_width, window, mlp_ratio):
    """`depth` blocks of one width, every second one shifted."""
    heads = max(1, channels // head_width)
    return [SwinBlock(heads, window, bool(number % 2), mlp_ratio) for number in range(depth)]


def _relative_positions(window):
    """Row of the table of biases for each pair of positions of a window, int [window⁴]."""
    places = np.stack(np.meshgrid(np.arange(window), np.arange(window), indexing="ij")).reshape(2, -1)
    down, across = places[:, :, None] - places[:, None, :] + window - 1
    return (down * (2 * window - 1) + across).reshape(-1).astype(np.int32)


def _neighbours(rows, columns, window, shifts):
    """What to add to scores, float32 [windows, window², window²]: 0 for neighbours; None without a shift."""
    if not any(shifts):
        return None
    regions = np.zeros((rows, columns), int)
    for axis, (length, shift) in enumerate(zip((rows, columns), shifts)):
        if not shift:
            continue
        number = np.zeros(length, int)
        number[length - window : length - shift] = 1
        number[length - shift :] = 2
        regions += 3**axis * (number[:, None] if axis == 0 else number)
    blocks = regions.reshape(rows // window, window, columns // window, window).transpose(0, 2, 1, 3)
    blocks = blocks.reshape(-1, window**2)
    return np.where(blocks[:, :, None] == blocks[:, None, :], 0.0, _APART).astype(np.float32)
