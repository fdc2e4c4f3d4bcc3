"""Draws by Gumbel-max: frequencies are the probabilities; training gets the gradient of the relaxed draw."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import chisquare

from linksim.jscc.layers import GumbelSampler, gumbel_max

#: Laws over two to eight levels, even, uneven and nearly certain.
LAWS = {
    "even": [0.5, 0.5],
    "uneven": [0.9, 0.1],
    "four levels": [0.1, 0.2, 0.3, 0.4],
    "eight levels": [0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.04, 0.01],
    "nearly certain": [0.001, 0.999],
}
COUNT = 200_000

each_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)


def p_value(drawn, law):
    """Of the chi-square test that the indices come from the law."""
    observed = np.bincount(np.ravel(drawn), minlength=len(law))
    return chisquare(observed, COUNT * np.array(law)).pvalue


@each_law
def test_frequencies_are_the_probabilities(law):
    """JCM, eq. (14). A right sampler fails each of these at a rate of 1e-4; the seed is fixed."""
    uniform = np.random.default_rng(1).random((COUNT, len(law)), dtype=np.float32)
    drawn = gumbel_max(np.log(law).astype(np.float32) + np.float32(3), uniform)  # any constant may be added
    assert p_value(drawn, law) > 1e-4


@each_law
def test_the_layer_draws_by_the_same_law(law):
    keras.utils.set_random_seed(1)
    sampler = GumbelSampler(np.arange(len(law)))
    drawn = sampler(tf.tile(tf.math.log(tf.constant([law], tf.float32)), (COUNT, 1)))
    assert p_value(np.rint(drawn).astype(int), law) > 1e-4


def test_the_test_sees_a_wrong_law():
    """Two per cent off are enough at this count."""
    uniform = np.random.default_rng(1).random((COUNT, 2), dtype=np.float32)
    assert p_value(gumbel_max(np.log(np.float32([0.51, 0.49])), uniform), [0.5, 0.5]) < 1e-4


def test_the_ends_of_the_uniform_numbers_are_harmless():
    law = np.log(np.float32([[0.25, 0.75]] * 2))
    assert gumbel_max(law, np.float32([[0, 1 - 2**-24], [1 - 2**-24, 0]])).numpy().tolist() == [1, 0]


def test_draws_are_independent_of_each_other():
    """Neighbours in a block agree as often as chance has it, within four standard errors."""
    uniform = np.random.default_rng(2).random((COUNT, 2, 2), dtype=np.float32)
    drawn = np.asarray(gumbel_max(np.log(np.full((COUNT, 2, 2), [0.3, 0.7], np.float32)), uniform))
    agree = 0.3**2 + 0.7**2
    assert abs((drawn[:, 0] == drawn[:, 1]).mean() - agree) < 4 * np.sqrt(agree * (1 - agree) / COUNT)


def test_the_gradient_is_that_of_the_relaxed_draw(monkeypatch):
    """Σ softmax((ln p + g)/τ)·v with τ = 1.5, by its derivative in closed form."""
    values, temperature = np.array([-3.0, -1.0, 1.0, 3.0]), 1.5
    uniform = np.random.default_rng(3).random((50, 4)).astype(np.float32)
    monkeypatch.setattr(keras.random, "uniform", lambda *_, **__: tf.constant(uniform))
    law = tf.Variable(np.random.default_rng(4).normal(size=(50, 4)).astype(np.float32))
    with tf.GradientTape() as tape:
        drawn = GumbelSampler(values)(law)
        total = tf.reduce_sum(drawn)
    scores = law.numpy() - np.log(-np.log(uniform.astype(float)))
    np.testing.assert_allclose(drawn, values[scores.argmax(axis=1)], atol=1e-5)
    weights = np.exp(scores / temperature)
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * values).sum(axis=1, keepdims=True)
    expected = weights * (values - mean) / temperature
    np.testing.assert_allclose(tape.gradient(total, law), expected, rtol=1e-3, atol=1e-5)


def test_the_configuration_makes_the_same_layer():
    sampler = GumbelSampler([-1.0, 1.0])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(sampler))
    assert again.values == (-1.0, 1.0)
    assert again.compute_output_shape((3, 5, 2)) == (3, 5) == again(np.zeros((3, 5, 2), np.float32)).shape
