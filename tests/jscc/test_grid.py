"""QAM as a limited and scaled quantizer, against the constellations, and the noise in its place."""

import numpy as np
import pytest
import tensorflow as tf

from linksim.jscc.layers import grid
from linksim.modulation.constellations import label_grid, qam

each_order = pytest.mark.parametrize("bits", [2, 4, 6, 8, 10])


def as_pairs(points):
    return np.stack([points.real, points.imag], axis=-1).astype(np.float32)


def around(bits, count=4000, seed=1):
    """Real pairs in and beyond a constellation."""
    return np.random.default_rng(seed).uniform(-1.7, 1.7, (count, 2)).astype(np.float32)


def nearest_label(bits, pairs):
    """By the distance from every point, float64."""
    complex_pairs = pairs.astype(float) @ np.array([1, 1j])
    return np.argmin(np.abs(complex_pairs[:, None] - qam(bits)), axis=1)


@each_order
def test_levels_are_those_of_the_constellation(bits):
    order = 2.0**bits
    levels, _ = label_grid(qam(bits))
    numbers = np.arange(len(levels), dtype=np.float32)
    np.testing.assert_allclose(grid.from_levels(numbers, order), levels, atol=1e-6)
    np.testing.assert_array_equal(grid.levels(levels.astype(np.float32), order), numbers)
    np.testing.assert_allclose(np.diff(levels), 2 * grid.half_spacing(order), rtol=1e-9)


@each_order
def test_the_numbers_of_the_levels_give_the_labels(bits):
    """What the encoder sends: every point has the label that the table of the constellation has."""
    labels = label_grid(qam(bits))[1]
    numbers = np.asarray(grid.levels(as_pairs(qam(bits)), 2.0**bits)).astype(int)
    np.testing.assert_array_equal(labels[numbers[:, 0], numbers[:, 1]], np.arange(2**bits))


@each_order
def test_the_nearest_points_are_those_of_least_distance(bits):
    pairs = around(bits)
    found = np.asarray(grid.nearest_points(pairs, 2.0**bits))
    np.testing.assert_allclose(found, as_pairs(qam(bits)[nearest_label(bits, pairs)]), atol=1e-6)
    np.testing.assert_allclose(grid.nearest_points(found, 2.0**bits), found, atol=1e-6)


@each_order
def test_clamping_ends_at_the_outermost_levels(bits):
    """And moves nothing within; it changes no nearest point."""
    limit = np.abs(qam(bits).real).max()
    pairs = around(bits)
    found = np.asarray(grid.clamp(pairs, 2.0**bits))
    np.testing.assert_allclose(found, np.clip(pairs, -limit, limit), atol=1e-6)
    inside = np.abs(pairs) < limit - 1e-6
    np.testing.assert_array_equal(found[inside], pairs[inside])
    np.testing.assert_allclose(
        grid.nearest_points(found, 2.0**bits), grid.nearest_points(pairs, 2.0**bits), atol=1e-6
    )


def test_every_picture_has_an_order_of_its_own():
    orders = np.array([4.0, 16.0, 1024.0], np.float32)[:, None, None]
    pairs = np.random.default_rng(2).normal(size=(3, 50, 2)).astype(np.float32)
    uniform = np.random.default_rng(3).random((3, 50, 2), np.float32)
    for picture, order in enumerate((4.0, 16.0, 1024.0)):
        for function in (grid.clamp, grid.nearest_points, grid.levels):
            together = function(pairs, orders)[picture]
            np.testing.assert_allclose(together, function(pairs[picture], order), atol=1e-6)
        together = grid.dither(pairs, orders, uniform)[picture]
        np.testing.assert_allclose(
            together, grid.dither(pairs[picture], order, uniform[picture]), rtol=1e-6, atol=1e-7
        )


@each_order
def test_the_gradient_of_points_passes_straight_through(bits):
    pairs = tf.Variable(around(bits, 200))
    weights = np.random.default_rng(4).normal(size=(200, 2)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * grid.nearest_points(pairs, 2.0**bits))
    np.testing.assert_array_equal(tape.gradient(loss, pairs), weights)


def test_the_gradient_of_clamping_ends_where_it_does():
    limit = 3 / np.sqrt(10)  # 16QAM
    pairs = tf.Variable([[0.0, 0.9 * limit], [1.1 * limit, -2.0]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(grid.clamp(pairs, 16.0))
    np.testing.assert_array_equal(tape.gradient(loss, pairs), [[1, 1], [0, 0]])


@each_order
def test_the_substitute_adds_the_power_of_a_step_of_noise(bits):
    """1/(M − 1): twice the variance d²/3 of U(−d, d), whatever is sent; points used evenly have 1.

    Within four standard errors, and no value moves by more than d.
    """
    order, rng = 2.0**bits, np.random.default_rng(5)
    points = as_pairs(qam(bits)[rng.integers(2**bits, size=200_000)])
    sent = np.asarray(grid.dither(points, order, rng.random(points.shape, np.float32)), float)
    noise = sent - points
    assert np.abs(noise).max() <= grid.half_spacing(order) * (1 + 1e-5)
    # Energy of the noise alone and, whose spread is larger, of the symbols with it.
    for energy, expected in (
        (np.sum(noise**2, axis=-1), 1 / (order - 1)),
        (np.sum(sent**2, axis=-1), 1 + 1 / (order - 1)),
    ):
        error = energy.std() / np.sqrt(len(energy))
        assert abs(energy.mean() - expected) < 4 * error
    correlations = np.corrcoef(np.concatenate([noise, points], axis=1).T)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(len(points))


def test_noise_of_a_step_spreads_evenly_what_stood_anywhere_in_a_cell():
    """What is drawn evenly over the cells is detected as the point of its cell; the other way round, points
    with the noise are spread evenly over the cells: the substitute looks like what it stands for."""
    rng, order = np.random.default_rng(6), 16.0
    points = as_pairs(qam(4)[rng.integers(16, size=50_000)])
    spread = np.asarray(grid.dither(points, order, rng.random(points.shape, np.float32)))
    np.testing.assert_allclose(grid.nearest_points(spread, order), points, atol=1e-6)
    limit = 4 * grid.half_spacing(order)
    counts, _ = np.histogram(spread, bins=16, range=(-limit, limit))
    expected = spread.size / 16
    assert np.abs(counts - expected).max() < 4.5 * np.sqrt(expected)
