"""Switchable batch normalisation against numpy and against one `keras.layers.BatchNormalization` an order."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim.jscc.layers import SwitchableBatchNormalization

CHANNELS = 5
EPSILON = 1e-5
NAMES = ("gamma", "beta", "moving_mean", "moving_variance")


def norm(orders=3, switched=True, widths=None):
    """A built layer whose four values are drawn anew for every order and channel."""
    layer = SwitchableBatchNormalization(orders, switched, widths)
    layer.build((None, None, None, CHANNELS))
    rng = np.random.default_rng(1)
    for name in NAMES:
        variable = getattr(layer, name)
        variable.assign(rng.uniform(0.5, 2, variable.shape))
    return layer


def values(layer, name):
    return np.array(getattr(layer, name), np.float64)


def features(parts, seed=2):
    """[4·parts, 3, 2, channels], every part with a mean and a spread of its own."""
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(part, 1 + part, (4, 3, 2, CHANNELS)) for part in range(parts)]
    return np.concatenate(drawn).astype(np.float32)


def statistics(inputs, parts):
    """Mean and variance of every part by channel, each float64 [parts, channels]."""
    rows = inputs.astype(np.float64).reshape(parts, -1, CHANNELS)
    return rows.mean(axis=1), rows.var(axis=1)


def keras_norm(layer, row):
    """Keras's own layer with the values of one order."""
    reference = keras.layers.BatchNormalization(momentum=0.9, epsilon=EPSILON)
    reference.build((None, None, None, CHANNELS))
    reference.set_weights([values(layer, name)[row] for name in NAMES])
    return reference


@pytest.mark.parametrize("orders", [(1,), (0, 2), (2, 0), (0, 1, 2)])
@pytest.mark.parametrize("switched", [True, False])
def test_training_normalises_each_part_by_its_own_statistics(orders, switched):
    layer, inputs = norm(switched=switched), features(len(orders))
    mean, variance = statistics(inputs, len(orders))
    outputs = layer(inputs, orders=orders, training=True)
    for part, order in enumerate(orders):
        row = order if switched else 0
        own = slice(4 * part, 4 * part + 4)
        gamma, beta = values(layer, "gamma")[row], values(layer, "beta")[row]
        expected = gamma * (inputs[own] - mean[part]) / np.sqrt(variance[part] + EPSILON) + beta
        np.testing.assert_allclose(outputs[own], expected, rtol=1e-4, atol=1e-5)


def test_running_statistics_follow_for_the_orders_of_the_call_alone():
    """A tenth of the way to those of the batch; variances are those over the batch, not of its population."""
    layer, inputs = norm(), features(2)
    before = {name: values(layer, name) for name in NAMES}
    layer(inputs, orders=(2, 0), training=True)
    for name, batch in zip(("moving_mean", "moving_variance"), statistics(inputs, 2)):
        after = values(layer, name)
        np.testing.assert_allclose(after[2], 0.9 * before[name][2] + 0.1 * batch[0], rtol=1e-5)
        np.testing.assert_allclose(after[0], 0.9 * before[name][0] + 0.1 * batch[1], rtol=1e-5)
        np.testing.assert_array_equal(after[1], before[name][1])
    for name in ("gamma", "beta"):
        np.testing.assert_array_equal(values(layer, name), before[name])


def test_shared_running_statistics_follow_the_mean_over_the_orders():
    layer, inputs = norm(switched=False), features(3)
    before = {name: values(layer, name) for name in NAMES}
    layer(inputs, orders=(0, 1, 2), training=True)
    for name, batch in zip(("moving_mean", "moving_variance"), statistics(inputs, 3)):
        expected = 0.9 * before[name][0] + 0.1 * batch.mean(axis=0)
        np.testing.assert_allclose(values(layer, name), expected[None], rtol=1e-5)


def test_shared_running_statistics_of_a_channel_come_from_the_orders_that_use_it():
    """Widths 1, 3, 4 of five channels: the last channel is nobody's and stays as it is."""
    layer, inputs = norm(switched=False, widths=(1, 3, 4)), features(3)
    before = {name: values(layer, name)[0] for name in NAMES}
    layer(inputs, orders=(0, 1, 2), training=True)
    for name, batch in zip(("moving_mean", "moving_variance"), statistics(inputs, 3)):
        after = values(layer, name)[0]
        used_by = {0: batch[[0, 1, 2]], 1: batch[[1, 2]], 2: batch[[1, 2]], 3: batch[[2]]}
        for channel, rows in used_by.items():
            expected = 0.9 * before[name][channel] + 0.1 * rows[:, channel].mean()
            np.testing.assert_allclose(after[channel], expected, rtol=1e-5)
        assert after[4] == np.float32(before[name][4])


def test_own_running_statistics_of_channels_beyond_an_orders_width_stay():
    layer, inputs = norm(widths=(1, 3, 5)), features(3)
    before = {name: values(layer, name) for name in NAMES}
    layer(inputs, orders=(0, 1, 2), training=True)
    for name, batch in zip(("moving_mean", "moving_variance"), statistics(inputs, 3)):
        for order, width in enumerate((1, 3, 5)):
            after = values(layer, name)[order]
            expected = 0.9 * before[name][order, :width] + 0.1 * batch[order, :width]
            np.testing.assert_allclose(after[:width], expected, rtol=1e-5)
            np.testing.assert_array_equal(after[width:], before[name][order, width:])


def test_fewer_channels_than_it_was_built_for_are_the_first_ones():
    layer, inputs = norm(widths=(3, 5, 5)), features(1)
    before = values(layer, "moving_mean")
    outputs = layer(inputs[..., :3], orders=(0,), training=True)
    np.testing.assert_allclose(outputs, norm()(inputs, orders=(0,), training=True)[..., :3], atol=1e-6)
    np.testing.assert_array_equal(values(layer, "moving_mean")[:, 3:], before[:, 3:])
    assert (values(layer, "moving_mean")[0, :3] != before[0, :3]).all()


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("switched", [True, False])
def test_inference_is_that_of_keras_with_the_orders_values(order, switched):
    layer, inputs = norm(switched=switched), features(1)
    expected = keras_norm(layer, order if switched else 0)(inputs, training=False)
    np.testing.assert_allclose(layer(inputs, orders=(order,)), expected, rtol=1e-5, atol=1e-5)


def test_inference_of_several_orders_is_that_of_each_alone_and_changes_nothing():
    layer, inputs = norm(), features(3)
    before = layer.get_weights()
    together = layer(inputs, orders=(2, 0, 1))
    for part, order in enumerate((2, 0, 1)):
        own = slice(4 * part, 4 * part + 4)
        np.testing.assert_allclose(together[own], keras_norm(layer, order)(inputs[own]), rtol=1e-5, atol=1e-5)
    np.testing.assert_equal(layer.get_weights(), before)


def test_inference_folds_into_one_factor_and_one_offset():
    """Eqs. (12) to (14): w = γ/√(σ² + ε), b = β − μ·w, for every channel of an order."""
    layer, inputs = norm(), features(1)
    for order in range(3):
        gamma, beta, mean, variance = (values(layer, name)[order] for name in NAMES)
        factor = gamma / np.sqrt(variance + EPSILON)
        expected = inputs * factor + (beta - mean * factor)
        np.testing.assert_allclose(layer(inputs, orders=(order,)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("order", [0, 2])
def test_a_step_of_training_is_that_of_keras(order):
    """Outputs, gradients of features, scale and bias through the batch's statistics, running statistics."""
    layer, inputs = norm(), tf.Variable(features(1))
    reference = keras_norm(layer, order)
    weights = np.random.default_rng(3).normal(size=inputs.shape).astype(np.float32)
    found, expected = [], []
    for results, made, options in ((found, layer, {"orders": (order,)}), (expected, reference, {})):
        with tf.GradientTape() as tape:
            outputs = made(inputs, training=True, **options)
            value = tf.reduce_sum(weights * outputs)
        variables = [inputs, made.gamma.value, made.beta.value]
        gradients = [tf.convert_to_tensor(each) for each in tape.gradient(value, variables)]
        results += [outputs, *gradients, made.moving_mean, made.moving_variance]
    for ours, theirs in zip(found, expected, strict=True):
        ours = np.asarray(ours)
        if ours.shape == (3, CHANNELS):
            ours = ours[order]
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_while_its_scale_is_frozen_it_infers_in_training_too():
    layer, inputs = norm(), features(2)
    expected = np.asarray(layer(inputs, orders=(0, 1)))
    before = layer.get_weights()
    for variable in (layer.gamma, layer.beta):
        variable.trainable = False
    np.testing.assert_array_equal(layer(inputs, orders=(0, 1), training=True), expected)
    np.testing.assert_equal(layer.get_weights(), before)


def test_four_values_a_channel_and_order():
    assert norm().count_params() == 4 * 3 * CHANNELS
    assert norm(switched=False).count_params() == 4 * CHANNELS
    assert [tuple(variable.shape) for variable in norm().trainable_variables] == [(3, CHANNELS)] * 2


def test_it_computes_in_float32_under_a_policy_of_half_precision():
    """Half-precision features of mean 100 and deviation 1: a variance in bfloat16 would be lost."""
    inputs = tf.cast(100 + features(1), tf.bfloat16)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = norm()
        outputs = layer(inputs, orders=(0,), training=True)
    finally:
        keras.config.set_dtype_policy(before)
    assert outputs.dtype == tf.float32
    exact = np.asarray(tf.cast(inputs, tf.float32))
    mean, variance = statistics(exact, 1)
    expected = (exact - mean[0]) / np.sqrt(variance[0] + EPSILON)
    expected = values(layer, "gamma")[0] * expected + values(layer, "beta")[0]
    np.testing.assert_allclose(outputs, expected, rtol=1e-3, atol=1e-3)


def test_compiled_with_a_batch_of_unknown_size():
    layer, inputs = norm(), features(2)
    signature = [tf.TensorSpec((None, 3, 2, CHANNELS))]
    compiled = tf.function(lambda x: layer(x, orders=(0, 2), training=True), input_signature=signature)
    np.testing.assert_allclose(compiled(inputs), norm()(inputs, orders=(0, 2), training=True), atol=1e-5)
    np.testing.assert_allclose(
        compiled(inputs[:4]), layer(inputs[:4], orders=(0, 2), training=True), atol=1e-5
    )


def test_the_configuration_keeps_what_it_is_made_of():
    layer = SwitchableBatchNormalization(3, False, (1, 2, 5), momentum=0.5, epsilon=1e-3)
    config = SwitchableBatchNormalization.from_config(layer.get_config()).get_config()
    for name, value in {"orders": 3, "switched": False, "momentum": 0.5, "epsilon": 1e-3}.items():
        assert config[name] == value
    assert tuple(config["widths"]) == (1, 2, 5)
