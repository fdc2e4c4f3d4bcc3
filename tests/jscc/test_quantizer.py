"""The soft-to-hard quantizer against DeepJSCC-Q's equations written out over all points in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim.jscc.layers import SoftToHardQuantizer
from linksim.modulation.constellations import qam

ORDERS = (4, 16, 64, 256, 1024, 4096)
HARDNESS = 5.0

each_order = pytest.mark.parametrize("order", ORDERS)
each_kind = pytest.mark.parametrize("learned", [False, True], ids=["fixed", "learned"])


def quantizer(order, learned, moved=0.0):
    """A built quantizer; learned points are moved at random and used unequally."""
    layer = SoftToHardQuantizer(order, learned)
    layer.build((None, None, 2))
    if learned and moved:
        rng = np.random.default_rng(order)
        layer.points.assign_add(moved * rng.normal(size=(order, 2)))
        use = rng.random(order)
        layer.probabilities.assign(use / use.sum())
    return layer


def latents(batch=3, uses=40, seed=1):
    """Some within the constellation and some far outside."""
    return (0.9 * np.random.default_rng(seed).normal(size=(batch, uses, 2))).astype(np.float32)


def points_of(layer):
    """[M, 2], float64, as sent."""
    return np.stack([layer.constellation.real, layer.constellation.imag], axis=-1).astype(np.float64)


def distances(latent, points):
    """Squared, [batch, k, M]."""
    return np.sum((latent[..., None, :].astype(np.float64) - points) ** 2, axis=-1)


def weights(latent, points, hardness=HARDNESS):
    """Eq. (13)."""
    d = distances(latent, points)
    w = np.exp(-hardness * (d - d.min(axis=-1, keepdims=True)))
    return w / w.sum(axis=-1, keepdims=True)


def divergence(latent, points, hardness=HARDNESS):
    """Eq. (21): Σ P̂ log(P̂ M)."""
    use = weights(latent, points, hardness).mean(axis=(0, 1))
    return np.sum(use[use > 0] * np.log(use[use > 0] * len(points)))


@each_order
def test_fixed_points_are_those_of_the_physical_layer_by_label(order):
    constellation = qam(order.bit_length() - 1)
    np.testing.assert_array_equal(quantizer(order, False).constellation, constellation.astype(np.complex64))
    learned = quantizer(order, True).constellation  # before training: QAM too
    np.testing.assert_allclose(learned, constellation, atol=1e-6)


@each_kind
@each_order
def test_forward_is_the_nearest_point_and_its_label(order, learned):
    layer, latent = quantizer(order, learned, moved=0.1), latents()
    nearest = np.argmin(distances(latent, points_of(layer)), axis=-1)
    indices = layer.indices(latent)
    symbols, _ = layer(latent, hardness=HARDNESS)
    assert indices.dtype == tf.int32
    np.testing.assert_array_equal(indices, nearest)
    np.testing.assert_allclose(symbols, points_of(layer)[nearest], atol=1e-6)


@each_kind
@each_order
def test_points_themselves_are_their_own_nearest(order, learned):
    layer = quantizer(order, learned, moved=0.0)
    labels = layer.indices(points_of(layer)[None].astype(np.float32))
    np.testing.assert_array_equal(labels[0], np.arange(order))


@each_kind
@each_order
@pytest.mark.parametrize("hardness", [5.0, 100.0])
def test_backward_is_the_gradient_of_the_weighted_sum_of_all_points(order, learned, hardness):
    """∂(u·Σ w_j c_j)/∂z = 2σ Σ_j w_j c_j (u·c_j − u·Σ w c), over all M points at once (eqs. 12, 13)."""
    layer, latent = quantizer(order, learned, moved=0.1), latents()
    direction = np.random.default_rng(2).normal(size=latent.shape)
    variable = tf.Variable(latent)
    with tf.GradientTape() as tape:
        symbols, _ = layer(variable, hardness=hardness)
        value = tf.reduce_sum(symbols * direction.astype(np.float32))
    points = points_of(layer)
    w = weights(latent, points, hardness)
    soft = np.einsum("bkm,ma->bka", w, points)
    along = direction @ points.T - np.sum(direction * soft, axis=-1, keepdims=True)
    expected = 2 * hardness * np.einsum("bkm,bkm,ma->bka", w, along, points)
    np.testing.assert_allclose(tape.gradient(value, variable), expected, rtol=1e-3, atol=2e-4)


def test_gradient_of_learned_points_is_that_of_differences():
    """Of a weighted sum of soft symbols, through weights, points and their normalisation (eq. 19)."""
    layer, latent = quantizer(16, True, moved=0.1), latents()
    direction = np.random.default_rng(3).normal(size=latent.shape)
    with tf.GradientTape() as tape:
        symbols, _ = layer(latent, hardness=HARDNESS)
        value = tf.reduce_sum(symbols * direction.astype(np.float32))
    gradient = tape.gradient(value, layer.points.value)
    stored = np.asarray(layer.points, np.float64)
    use = np.asarray(layer.probabilities, np.float64)

    def soft(points):
        points = points / np.sqrt(np.sum(use * np.sum(points**2, axis=-1)))
        return np.sum(direction * (weights(latent, points) @ points))

    expected, step = np.empty_like(stored), 1e-5
    for place in np.ndindex(*stored.shape):
        moved = np.zeros_like(stored)
        moved[place] = step
        expected[place] = (soft(stored + moved) - soft(stored - moved)) / (2 * step)
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-3)


@each_kind
@each_order
@pytest.mark.parametrize("hardness", [5.0, 100.0])
def test_divergence_is_that_of_the_mean_weights_from_uniform(order, learned, hardness):
    layer, latent = quantizer(order, learned, moved=0.1), latents()
    _, found = layer(latent, hardness=hardness)
    np.testing.assert_allclose(found, divergence(latent, points_of(layer), hardness), rtol=1e-4, atol=1e-5)


@each_kind
def test_gradient_of_the_divergence_is_that_of_differences(learned):
    layer, latent = quantizer(16, learned, moved=0.1), latents(1, 6)
    variable = tf.Variable(latent)
    with tf.GradientTape() as tape:
        _, value = layer(variable, hardness=HARDNESS)
    gradient = tape.gradient(value, variable).numpy()
    step, points = 1e-5, points_of(layer)
    for place in np.ndindex(*latent.shape):
        moved = np.zeros(latent.shape)
        moved[place] = step
        difference = divergence(latent + moved, points) - divergence(latent - moved, points)
        np.testing.assert_allclose(gradient[place], difference / (2 * step), rtol=1e-3, atol=1e-4)


def test_divergence_of_uniform_use_is_zero_and_of_one_point_log_m():
    layer = quantizer(16, False)
    every_point = points_of(layer)[None].astype(np.float32)
    _, uniform = layer(every_point, hardness=1000.0)
    _, single = layer(np.broadcast_to(every_point[:, :1], (2, 8, 2)), hardness=1000.0)
    np.testing.assert_allclose(uniform, 0, atol=1e-5)
    np.testing.assert_allclose(single, np.log(16), rtol=1e-5)


def test_training_notes_the_use_of_learned_points_and_normalises_them_by_it():
    """Σ P̂(c)|c|² = 1 for the P̂ of the last batch of training (eqs. 18, 19); inference changes nothing."""
    layer, latent = quantizer(64, True, moved=0.1), latents()
    before = points_of(layer)
    layer(latent, hardness=HARDNESS)
    np.testing.assert_array_equal(points_of(layer), before)
    layer(latent, hardness=HARDNESS, training=True)
    use = weights(latent, before).mean(axis=(0, 1))
    np.testing.assert_allclose(layer.probabilities, use, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(np.sum(use * np.sum(points_of(layer) ** 2, axis=-1)), 1, rtol=1e-4)


def test_only_learned_points_are_weights():
    fixed, learned = quantizer(16, False), quantizer(16, True)
    assert fixed.weights == []
    assert [weight.shape for weight in learned.trainable_weights] == [(16, 2)]
    assert [weight.shape for weight in learned.non_trainable_weights] == [(16,)]


def test_a_soft_quantizer_is_nearly_linear_and_a_hard_one_a_staircase():
    """What σ_q does: the slope halfway between two points grows with it and vanishes at a point."""
    layer = quantizer(4, False)
    slopes = {}
    for hardness in (0.1, 100.0):
        variable = tf.Variable([[[0.0, 0.0], [2**-0.5, 2**-0.5]]])
        with tf.GradientTape() as tape:
            symbols, _ = layer(variable, hardness=hardness)
        slopes[hardness] = tape.gradient(symbols, variable).numpy()[0]
    # Two levels ±a: tanh(2σaz)·a, whose slope at 0 is 2σa² = σ.
    np.testing.assert_allclose(slopes[0.1][0], 0.1, rtol=1e-4)
    np.testing.assert_allclose(slopes[100.0][0], 100, rtol=1e-4)
    np.testing.assert_allclose(slopes[100.0][1], 0, atol=1e-4)


@each_kind
def test_compiled_it_is_what_it_is_eagerly(learned):
    """With a batch of unknown size, as TensorFlow trains it."""
    layer, latent = quantizer(16, learned, moved=0.1), latents()
    compiled = tf.function(
        lambda latent, hardness: layer(latent, hardness, training=True),
        input_signature=[tf.TensorSpec((None, None, 2)), tf.TensorSpec(())],
    )
    eager = [np.asarray(x) for x in quantizer(16, learned, moved=0.1)(latent, hardness=HARDNESS)]
    for ours, theirs in zip(compiled(latent, HARDNESS), eager):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("order", [1, 2, 8, 15, 32, 16384])
def test_refuses_orders_without_a_square_qam(order):
    with pytest.raises(ValueError, match=r"no square QAM|no constellation"):
        SoftToHardQuantizer(order)


def test_it_keeps_float32_under_a_policy_of_half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        symbols, _ = quantizer(16, True)(tf.cast(latents(), tf.bfloat16), hardness=HARDNESS)
    finally:
        keras.config.set_dtype_policy(before)
    assert symbols.dtype == tf.float32
