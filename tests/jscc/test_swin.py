"""The Swin blocks against torchvision's, recorded by data/make_swin_reference.py, and maps of any size."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim.jscc.layers import PatchMerging, PatchSplitting, SwinBlock, WindowAttention

REFERENCE = np.load(Path(__file__).parent / "data" / "swin_reference.npz")
ABOUT = json.loads(str(REFERENCE["about"]))

each_case = pytest.mark.parametrize("case", ABOUT["cases"])

#: torchvision's names of weights, in the order of ours, and whether they are matrices [out, in].
NAMES = {
    "attn.relative_position_bias_table": "attention.position_bias",
    "attn.qkv.weight": "attention.query_key_value.kernel",
    "attn.qkv.bias": "attention.query_key_value.bias",
    "attn.proj.weight": "attention.projection.kernel",
    "attn.proj.bias": "attention.projection.bias",
    "norm1.weight": "first_norm.gamma",
    "norm1.bias": "first_norm.beta",
    "norm2.weight": "second_norm.gamma",
    "norm2.bias": "second_norm.beta",
    "mlp.0.weight": "widen.kernel",
    "mlp.0.bias": "widen.bias",
    "mlp.3.weight": "narrow.kernel",
    "mlp.3.bias": "narrow.bias",
}


def ours(name, array):
    """A weight of torchvision in our layout: its linear layers have matrices [out, in]."""
    return array.T if array.ndim == 2 and "table" not in name else array


def variable(layer, path):
    for part in NAMES[path].split("."):
        layer = getattr(layer, part)
    return layer


def reference_block(case):
    """Our block with the weights of the reference."""
    name, shifted, *_ = ABOUT["cases"][case]
    sizes = ABOUT["blocks"][name]
    block = SwinBlock(sizes["heads"], sizes["window"], shifted, sizes["mlp_ratio"])
    block.build(REFERENCE[f"{case}/input"].shape)
    for path in NAMES:
        variable(block, path).assign(ours(path, REFERENCE[f"{name}/{path}"]))
    return block


def error(case):
    """Largest difference of the outputs."""
    output = reference_block(case)(REFERENCE[f"{case}/input"])
    return float(np.max(np.abs(np.asarray(output) - REFERENCE[f"{case}/output"])))


def features(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@each_case
def test_a_block_is_that_of_torchvision(case):
    assert error(case) < 1e-5


def test_jax_agrees_with_torchvision():
    """The cases that have everything: whole and padded windows, shifted, even and odd."""
    pytest.importorskip("jax")
    script = "import runpy, sys; tests = runpy.run_path(sys.argv[1])\n"
    script += "print(max(map(tests['error'], ('padded, shifted', 'odd window, shifted'))))"
    done = subprocess.run(
        [sys.executable, "-c", script, __file__],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-5


@each_case
def test_its_gradients_are_those_of_torchvision(case):
    """Of the sum of output times input: by the input, and by the weights where the reference has them."""
    block = reference_block(case)
    values = tf.constant(REFERENCE[f"{case}/input"])
    weights = {path: variable(block, path).value for path in NAMES}
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = tf.reduce_sum(block(values) * tf.stop_gradient(values))
    by_input, by_weights = tape.gradient(loss, (values, weights))
    pairs = [(by_input, REFERENCE[f"{case}/input gradient"])]
    pairs += [
        (gradient, ours(path, REFERENCE[f"{case}/gradient/{path}"]))
        for path, gradient in by_weights.items()
        if f"{case}/gradient/{path}" in REFERENCE
    ]
    assert len(pairs) == (1 + len(NAMES) if case in ("padded, shifted", "odd window, shifted") else 1)
    for gradient, expected in pairs:
        gradient = tf.convert_to_tensor(gradient)  # that of a look-up is sparse
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-5 * np.max(np.abs(expected)))


def test_the_reference_tells_small_mistakes(monkeypatch):
    """A shift forgotten, biases of positions read the other way round, an approximate GELU: all show."""
    block = reference_block("padded, shifted")
    given, expected = (REFERENCE[f"padded, shifted/{kind}"] for kind in ("input", "output"))
    block.attention.shifted = False
    assert np.max(np.abs(block(given) - expected)) > 0.1
    block.attention.shifted = True
    table = np.asarray(block.attention.position_bias)
    block.attention.position_bias.assign(table[::-1])
    assert np.max(np.abs(block(given) - expected)) > 0.1
    block.attention.position_bias.assign(table)
    monkeypatch.setattr(keras.ops, "gelu", lambda values, approximate: keras.activations.gelu(values, True))
    assert np.max(np.abs(block(given) - expected)) > 1e-4


def test_merging_is_that_of_torchvision():
    """Which reads the blocks of 2×2 down first and has no bias: ours gets its weights in another order."""
    given = REFERENCE["merging/input"]
    layer = PatchMerging(12)
    layer.build(given.shape)
    order = np.arange(24).reshape(2, 2, 6).transpose(1, 0, 2).reshape(-1)
    layer.norm.gamma.assign(REFERENCE["merging/norm.weight"][order])
    layer.norm.beta.assign(REFERENCE["merging/norm.bias"][order])
    layer.linear.kernel.assign(REFERENCE["merging/reduction.weight"].T[order])
    np.testing.assert_allclose(layer(given), REFERENCE["merging/output"], atol=1e-5)


def test_splitting_is_a_normalisation_a_linear_layer_and_a_shuffle():
    given = features(2, 3, 5, 6)
    layer = PatchSplitting(4)
    layer.build(given.shape)
    gain, offset, bias = features(6), features(6, seed=2), features(16, seed=3)
    layer.norm.gamma.assign(gain)
    layer.norm.beta.assign(offset)
    layer.linear.bias.assign(bias)
    centred = given - given.mean(axis=-1, keepdims=True)
    normal = centred / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
    linear = (normal * features(6) + features(6, seed=2)) @ np.asarray(layer.linear.kernel) + features(
        16, seed=3
    )
    expected = linear.reshape(2, 3, 5, 2, 2, 4).transpose(0, 1, 3, 2, 4, 5).reshape(2, 6, 10, 4)
    np.testing.assert_allclose(layer(given), expected, rtol=1e-5, atol=1e-5)
    assert layer.compute_output_shape(given.shape) == (2, 6, 10, 4)
    assert layer.compute_output_shape((None, None, None, 6)) == (None, None, None, 4)


def test_merging_without_a_normalisation_is_a_convolution_of_stride_2():
    given = features(2, 6, 4, 3)
    layer = PatchMerging(5, normalized=False)
    layer.build(given.shape)
    kernel = np.asarray(layer.linear.kernel).reshape(2, 2, 3, 5)
    np.testing.assert_allclose(layer(given), tf.nn.conv2d(given, kernel, 2, "VALID"), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shifted", [False, True])
def test_a_block_takes_maps_of_any_size(shifted):
    """One layer, one set of weights; and one picture has the result that it has in a batch."""
    block = SwinBlock(2, 4, shifted)
    block.build((None, None, None, 8))
    count = block.count_params()
    for height, width in [(1, 1), (1, 9), (3, 4), (5, 7), (8, 12), (13, 2)]:
        given = features(3, height, width, 8)
        output = np.asarray(block(given))
        assert output.shape == block.compute_output_shape(given.shape) == given.shape
        assert np.all(np.isfinite(output))
        np.testing.assert_allclose(block(given[1:2]), output[1:2], rtol=1e-5, atol=1e-5)
    assert block.count_params() == count


@pytest.mark.parametrize(("shifted", "reach"), [(False, range(4, 8)), (True, range(6, 10))])
def test_attention_reaches_as_far_as_its_window(shifted, reach):
    """A change at position 6 of 16 shows in its window alone; that of a shifted layer lies two further."""
    layer = WindowAttention(1, 4, shifted)
    layer.build((None, None, None, 4))
    given = features(1, 4, 16, 4)
    changed = given.copy()
    changed[:, :, 6] += 1
    different = np.any(np.abs(layer(changed) - layer(given)) > 1e-6, axis=(0, 1, 3))
    assert list(np.flatnonzero(different)) == list(reach)


@pytest.mark.parametrize("position", [0, 15])
def test_a_shifted_window_around_the_edges_joins_nothing(position):
    """The first and the last two columns share a window and do not see each other."""
    layer = WindowAttention(1, 4, shifted=True)
    layer.build((None, None, None, 4))
    given = features(1, 4, 16, 4)
    changed = given.copy()
    changed[:, :, position] += 1
    different = np.any(np.abs(layer(changed) - layer(given)) > 1e-6, axis=(0, 1, 3))
    assert list(np.flatnonzero(different)) == ([0, 1] if position == 0 else [14, 15])


def test_channels_that_heads_cannot_share_are_refused():
    with pytest.raises(ValueError, match="10 channels cannot be shared by 4 heads"):
        SwinBlock(4, 4).build((None, 8, 8, 10))


@pytest.mark.parametrize(
    "layer",
    [
        WindowAttention(2, 4, True),
        SwinBlock(2, 3, True, 2),
        PatchMerging(6),
        PatchMerging(6, normalized=False),
        PatchSplitting(6),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_is_made_again_from_its_configuration(layer):
    given = features(1, 6, 6, 4)
    layer.build(given.shape)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy(given), layer(given))


def test_half_precision_stays_near():
    """In mixed precision scores and their softmax are float32."""
    given = features(2, 6, 10, 8)
    block = SwinBlock(2, 4, True)
    block.build(given.shape)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = SwinBlock(2, 4, True)
        half.build(given.shape)
        half.set_weights(block.get_weights())
        output = half(given)
    finally:
        keras.config.set_dtype_policy("float32")
    assert output.dtype == tf.bfloat16
    np.testing.assert_allclose(np.asarray(output, np.float32), block(given), atol=0.1)
