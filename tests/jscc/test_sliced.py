"""Sliced convolutions against Keras's own with the kernel cut, and against the whole kernel."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim.jscc.layers import SlicedConv2D, SlicedConv2DTranspose

IN, OUT, KERNEL = 6, 8, 5
REFERENCES = {SlicedConv2D: keras.layers.Conv2D, SlicedConv2DTranspose: keras.layers.Conv2DTranspose}

each_kind = pytest.mark.parametrize("kind", REFERENCES, ids=["convolution", "transposed"])
each_stride = pytest.mark.parametrize("stride", [1, 2, 4])
with_or_without_bias = pytest.mark.parametrize("use_bias", [False, True], ids=["without bias", "with bias"])


def made(kind, stride, use_bias=False):
    """A built layer with a bias drawn anew, and features for it."""
    keras.utils.set_random_seed(1)
    layer = kind(OUT, KERNEL, strides=stride, padding="same", use_bias=use_bias)
    layer.build((None, None, None, IN))
    rng = np.random.default_rng(2)
    if use_bias:
        layer.bias.assign(rng.normal(size=OUT))
    return layer, rng.normal(size=(2, 12, 8, IN)).astype(np.float32)


def cut(layer, features, filters=OUT):
    """Keras's layer with the kernel's first filters and first input channels, applied."""
    channels = features.shape[-1]
    reference = REFERENCES[type(layer)](
        filters, KERNEL, strides=layer.strides, padding="same", use_bias=layer.use_bias
    )
    reference.build((None, None, None, channels))
    kernel = np.asarray(layer.kernel)
    transposed = isinstance(layer, SlicedConv2DTranspose)
    kernel = kernel[:, :, :filters, :channels] if transposed else kernel[:, :, :channels, :filters]
    reference.set_weights([kernel] + ([np.asarray(layer.bias)[:filters]] if layer.use_bias else []))
    return np.asarray(reference(features))


@each_kind
@each_stride
@with_or_without_bias
def test_whole_it_is_keras_own(kind, stride, use_bias):
    layer, features = made(kind, stride, use_bias)
    outputs = layer(features)
    np.testing.assert_allclose(outputs, cut(layer, features), rtol=1e-5, atol=1e-5)
    assert outputs.shape == layer.compute_output_shape(features.shape)
    assert outputs.shape[1] == (12 // stride if kind is SlicedConv2D else 12 * stride)


@each_stride
@with_or_without_bias
@pytest.mark.parametrize("width", [1, 3, OUT])
def test_the_first_filters_are_those_of_the_cut_kernel_and_of_the_whole_one(stride, use_bias, width):
    layer, features = made(SlicedConv2D, stride, use_bias)
    outputs = layer(features, width=width)
    assert outputs.shape == (2, 12 // stride, 8 // stride, width)
    np.testing.assert_allclose(outputs, cut(layer, features, width), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(outputs, layer(features)[..., :width], rtol=1e-5, atol=1e-5)


@each_stride
@with_or_without_bias
@pytest.mark.parametrize("channels", [1, 4, IN])
def test_the_channels_it_gets_meet_the_cut_kernel_and_stand_for_zeros_behind_them(stride, use_bias, channels):
    layer, features = made(SlicedConv2DTranspose, stride, use_bias)
    features = features[..., :channels]
    outputs = layer(features)
    assert outputs.shape == (2, 12 * stride, 8 * stride, OUT)
    np.testing.assert_allclose(outputs, cut(layer, features), rtol=1e-5, atol=1e-5)
    padded = np.pad(features, [(0, 0)] * 3 + [(0, IN - channels)])
    np.testing.assert_allclose(outputs, layer(padded), rtol=1e-5, atol=1e-5)


def test_filters_that_are_not_used_get_no_gradient():
    layer, features = made(SlicedConv2D, 1)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(layer(features, width=3) ** 2)
    gradient = tape.gradient(value, layer.kernel.value)
    np.testing.assert_array_equal(gradient[..., 3:], 0)
    assert np.any(gradient[..., :3], axis=(0, 1, 2)).all()
