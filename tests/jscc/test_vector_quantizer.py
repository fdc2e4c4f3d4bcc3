"""The vector quantizer against a search through all codewords in numpy, and its gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim.jscc.layers import VectorQuantizer, nearest
from linksim.modulation.constellations import qam

SIZES = [(2, 2), (4, 4), (16, 8), (64, 12), (256, 16)]

each_size = pytest.mark.parametrize(("count", "dimension"), SIZES)


def quantizer(count, dimension):
    keras.utils.set_random_seed(1)
    layer = VectorQuantizer(count, dimension)
    layer.build()
    return layer


def vectors(dimension, seed=2):
    return np.random.default_rng(seed).uniform(-1.2, 1.2, (3, 50, dimension)).astype(np.float32)


@each_size
def test_labels_are_those_of_the_nearest_codewords(count, dimension):
    layer, features = quantizer(count, dimension), vectors(dimension)
    codewords = np.asarray(layer.codewords, np.float64)
    distances = np.sum((features[..., None, :] - codewords) ** 2, axis=-1)
    labels = layer(features)
    assert labels.dtype == tf.int32
    assert labels.shape == layer.compute_output_shape(features.shape) == (3, 50)
    np.testing.assert_array_equal(labels, np.argmin(distances, axis=-1))


@each_size
def test_every_codeword_is_its_own_nearest_and_is_looked_up_both_ways(count, dimension):
    layer = quantizer(count, dimension)
    labels = np.random.default_rng(3).integers(count, size=(2, 40)).astype(np.int32)
    expected = np.asarray(layer.codewords)[labels]
    np.testing.assert_array_equal(layer.look_up(labels), expected)
    np.testing.assert_array_equal(layer.look_up_densely(labels), expected)
    np.testing.assert_array_equal(layer(expected), labels)


@pytest.mark.parametrize("order", [1, 2, 4, 6, 8])
def test_the_nearest_point_of_a_constellation(order):
    points = qam(order)
    received = 0.9 * np.random.default_rng(4).normal(size=(4, 100, 2))
    expected = np.argmin(np.abs((received @ [1, 1j])[..., None] - points), axis=-1)
    pairs = np.stack([points.real, points.imag], axis=-1).astype(np.float32)
    np.testing.assert_array_equal(nearest(received.astype(np.float32), pairs), expected)


@each_size
def test_looking_up_densely_has_the_gradient_of_looking_up(count, dimension):
    """The gradients of a codeword are summed over its uses."""
    layer = quantizer(count, dimension)
    rng = np.random.default_rng(5)
    labels = rng.integers(count, size=200).astype(np.int32)
    weights = rng.normal(size=(200, dimension)).astype(np.float32)
    expected = np.zeros((count, dimension))
    np.add.at(expected, labels, weights)
    for look_up in (layer.look_up, layer.look_up_densely):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(weights * look_up(labels))
        gradient = tf.convert_to_tensor(tape.gradient(value, layer.codewords.value))
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


def test_codewords_start_over_the_range_of_a_hyperbolic_tangent():
    """Uniform in [−1, 1]: 4096 values of mean 0 and variance 1/3, within four standard errors."""
    values = np.asarray(quantizer(256, 16).codewords, np.float64)
    assert np.abs(values).max() <= 1
    assert abs(values.mean()) < 4 * np.sqrt(1 / 3 / values.size)
    assert abs(np.mean(values**2) - 1 / 3) < 4 * np.sqrt((1 / 5 - 1 / 9) / values.size)


def test_half_precision_leaves_labels_and_codewords_alone():
    features = vectors(16)
    expected = quantizer(256, 16)(features)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = quantizer(256, 16)
        labels = layer(features)
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_array_equal(labels, expected)
    assert layer.look_up(labels).dtype == layer.look_up_densely(labels).dtype == tf.float32


def test_the_configuration_makes_the_same_layer():
    layer = quantizer(16, 8)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(vectors(8)), layer(vectors(8)))
    assert (again.count, again.dimension, again.count_params()) == (16, 8, 128)
