"""What every layer owes: its stated shape and dtype, a way back from its files, training, both backends."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim.jscc.layers import (
    GDN,
    ConditionalModule,
    FactorizedDensity,
    NormalizedResidualBlock,
    PatchMerging,
    PatchSplitting,
    PowerNormalization,
    ResidualBlock,
    ResidualDown,
    ResidualUp,
    SimplifiedAttention,
    SlicedConv2D,
    SlicedConv2DTranspose,
    SoftToHardQuantizer,
    SpinalHead,
    SwinBlock,
    SwitchableBatchNormalization,
    TurboDecoder,
    WindowAttention,
    straight_through,
)
from linksim.jscc.layers.conditional import snr_condition
from linksim.jscc.layers.residual import PixelShuffle

FEATURES = [(2, 8, 6, 4)]

#: A maker and the shapes of the inputs, by name.
CASES = {
    "block": (lambda: ResidualBlock(4), FEATURES),
    "block with another width": (lambda: ResidualBlock(6), FEATURES),
    "down": (lambda: ResidualDown(6), FEATURES),
    "down from odd sides": (lambda: ResidualDown(6), [(2, 7, 5, 4)]),
    "up": (lambda: ResidualUp(3), FEATURES),
    "pixel shuffle": (PixelShuffle, FEATURES),
    "GDN": (GDN, FEATURES),
    "inverse GDN": (lambda: GDN(inverse=True), FEATURES),
    "attention": (SimplifiedAttention, FEATURES),
    "conditional module": (lambda: ConditionalModule(16, 5), [*FEATURES, (2, 5)]),
    "window attention": (lambda: WindowAttention(2, 4), FEATURES),
    "shifted window attention": (lambda: WindowAttention(2, 4, True), FEATURES),
    "swin block": (lambda: SwinBlock(1, 3, True, 2), FEATURES),
    "patch merging": (lambda: PatchMerging(6), FEATURES),
    "patch merging of pixels": (lambda: PatchMerging(6, normalized=False), FEATURES),
    "patch splitting": (lambda: PatchSplitting(3), FEATURES),
    "turbo decoder": (lambda: TurboDecoder(3, 6, 5), [(6, 7, 2)]),
    "factorized density": (FactorizedDensity, FEATURES),
    "power": (PowerNormalization, [(3, 5, 2)]),
    "quantizer": (lambda: SoftToHardQuantizer(16), [(2, 30, 2), ()]),
    "learned quantizer": (lambda: SoftToHardQuantizer(16, learned=True), [(2, 30, 2), ()]),
    "sliced convolution": (lambda: SlicedConv2D(6, 3, 2, padding="same"), FEATURES),
    "sliced transposed convolution": (lambda: SlicedConv2DTranspose(6, 3, 2, padding="same"), FEATURES),
    "normalized block": (lambda: NormalizedResidualBlock(4), FEATURES),
    "normalized block with another width": (lambda: NormalizedResidualBlock(6), FEATURES),
    "normalized block down": (lambda: NormalizedResidualBlock(6, strides=2), [(2, 7, 6, 4)]),
    "spinal head": (lambda: SpinalHead(3, 5), [(6, 10)]),
    "switchable norm": (lambda: SwitchableBatchNormalization(2), FEATURES),
}

#: What a layer is told beside its inputs.
OPTIONS = {"switchable norm": {"orders": (0, 1)}}

each_layer = pytest.mark.parametrize("name", CASES)


class Holder(keras.Model):
    """A model of one layer, to save its weights."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.built = True


def made(name):
    """A built layer whose weights are drawn anew, and positive inputs for it."""
    make, shapes = CASES[name]
    keras.utils.set_random_seed(1)
    layer = make()
    layer.build(*shapes)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        share = 1 + 0.3 * rng.random(weight.shape)
        weight.assign(np.asarray(weight) * share + 0.02 * rng.random(weight.shape))
    inputs = [rng.gamma(2.0, 0.4, shape).astype(np.float32) for shape in shapes]
    return layer, inputs


def restored(layer):
    """Another layer from the configuration and the weights of this one."""
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again is not layer
    again.set_weights(layer.get_weights())
    return again


def listed(outputs):
    return [np.asarray(x) for x in (outputs if isinstance(outputs, tuple) else (outputs,))]


@each_layer
def test_the_output_has_the_computed_shape(name):
    layer, inputs = made(name)
    computed = layer.compute_output_shape(*[x.shape for x in inputs])
    shapes = [x.shape for x in listed(layer(*inputs, **OPTIONS.get(name, {})))]
    assert shapes == (list(computed) if len(shapes) > 1 else [tuple(computed)])
    if len(inputs[0].shape) == 4:
        unknown = [(None, None, None, 4), (None,)][: len(inputs)]
        assert tuple(layer.compute_output_shape(*unknown)) == (None, None, None, computed[-1])


@each_layer
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_output_has_the_dtype_of_the_policy(name, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        layer, inputs = made(name)
        outputs = layer(*inputs, **OPTIONS.get(name, {}))
    finally:
        keras.config.set_dtype_policy(before)
    # Small differences of distances and of probabilities need float32, and so do running statistics.
    precise = isinstance(layer, SoftToHardQuantizer | SwitchableBatchNormalization | FactorizedDensity)
    first = outputs[0] if isinstance(outputs, tuple) else outputs
    assert keras.backend.standardize_dtype(first.dtype) == (
        "bfloat16" if policy == "mixed_bfloat16" and not precise else "float32"
    )
    assert {weight.dtype for weight in layer.weights} <= {"float32"}


@each_layer
def test_the_configuration_makes_the_same_layer(name):
    layer, inputs = made(name)
    again = restored(layer)
    assert again.get_config() == layer.get_config()
    json.dumps(keras.saving.serialize_keras_object(layer))
    options = OPTIONS.get(name, {})
    for ours, theirs in zip(listed(layer(*inputs, **options)), listed(again(*inputs, **options))):
        np.testing.assert_array_equal(ours, theirs)


@each_layer
def test_saved_weights_come_back(name, tmp_path):
    layer, inputs = made(name)
    if not layer.weights:
        return
    Holder(layer).save_weights(tmp_path / "a.weights.h5")
    again = CASES[name][0]()
    again.build(*CASES[name][1])
    Holder(again).load_weights(tmp_path / "a.weights.h5")
    options = OPTIONS.get(name, {})
    for ours, theirs in zip(listed(layer(*inputs, **options)), listed(again(*inputs, **options))):
        np.testing.assert_array_equal(ours, theirs)


@each_layer
def test_a_step_down_the_gradient_lowers_the_loss(name):
    """Of the weights and the first input; the loss of a quantizer is its divergence, which is smooth."""
    layer, inputs = made(name)
    first = tf.Variable(inputs[0])
    variables = [first, *[weight.value for weight in layer.trainable_weights]]
    options = OPTIONS.get(name, {})
    shape = listed(layer(*inputs, **options))[0].shape
    target = np.random.default_rng(2).normal(size=shape).astype(np.float32)

    def loss():
        outputs = layer(first, *inputs[1:], **options)
        return outputs[1] if isinstance(outputs, tuple) else tf.reduce_mean(tf.square(outputs - target))

    with tf.GradientTape() as tape:
        before = loss()
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(before, variables)]  # of look-ups: sparse
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        assert np.any(gradient)
    norm = tf.linalg.global_norm(gradients)
    for variable, gradient in zip(variables, gradients):
        variable.assign_sub(1e-2 / norm * gradient)
    assert float(loss()) < float(before)


_UNDER_JAX = """
import json, sys
import jax, keras, numpy as np
import linksim.jscc.layers
given, results = np.load(sys.argv[1]), {}
for name, (config, weights, inputs, options) in json.loads(str(given["layers"])).items():
    layer = keras.saving.deserialize_keras_object(config)
    values = [given[key] for key in weights]
    layer.set_weights(values)
    state = [[w.value for w in part] for part in (layer.trainable_variables, layer.non_trainable_variables)]
    call = jax.jit(lambda *inputs: layer.stateless_call(*state, *inputs, **options)[0])
    outputs = call(*[given[key] for key in inputs])
    for index, output in enumerate(outputs if isinstance(outputs, tuple) else (outputs,)):
        results[f"{name}/{index}"] = output
np.savez(sys.argv[2], **results)
"""


@pytest.fixture(scope="module")
def under_jax(tmp_path_factory):
    """The outputs of all layers in one process with JAX, from the same configurations, weights and inputs."""
    pytest.importorskip("jax")
    folder = tmp_path_factory.mktemp("jax")
    arrays, layers = {}, {}
    for name in CASES:
        layer, inputs = made(name)
        keys = []
        for kind, values in (("weight", layer.get_weights()), ("input", inputs)):
            keys.append([f"{name}/{kind}{index}" for index in range(len(values))])
            arrays.update(zip(keys[-1], values))
        layers[name] = (keras.saving.serialize_keras_object(layer), *keys, OPTIONS.get(name, {}))
    np.savez(folder / "given.npz", layers=np.array(json.dumps(layers)), **arrays)
    done = subprocess.run(
        [sys.executable, "-c", _UNDER_JAX, folder / "given.npz", folder / "results.npz"],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return np.load(folder / "results.npz")


@each_layer
def test_tensorflow_and_jax_agree(name, under_jax):
    """To float32's rounding, compiled by JAX and eager in TensorFlow."""
    layer, inputs = made(name)
    for index, ours in enumerate(listed(layer(*inputs, **OPTIONS.get(name, {})))):
        np.testing.assert_allclose(under_jax[f"{name}/{index}"], ours, rtol=1e-5, atol=1e-5)


_FUSED = """
import numpy as np, tensorflow as tf
from linksim.jscc.layers import ResidualBlock, ResidualDown, ResidualUp, SimplifiedAttention
x = np.random.default_rng(1).normal(size=(2, 16, 16, 4)).astype(np.float32)
for layer in (ResidualBlock(4), ResidualBlock(6), ResidualDown(4), ResidualUp(4), SimplifiedAttention()):
    layer.build(x.shape)
    np.testing.assert_allclose(tf.function(lambda x: layer(x))(x), layer(x), atol=1e-5, err_msg=layer.name)
"""


@pytest.mark.slow
def test_tensorflow_with_onednn_fuses_nothing_wrongly():
    """It would replace the slope of a leaky rectifier after convolution, bias and sum by 0.2."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run([sys.executable, "-c", _FUSED], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("inverse", [False, True])
def test_gdn_is_its_formula(inverse):
    """Ballé et al. 2017, eqs. (1) and (2), with the weight of channel j on channel i at gamma[j, i]."""
    layer, (features,) = made("inverse GDN" if inverse else "GDN")
    beta, gamma = (np.asarray(weight, np.float64) for weight in (layer.beta, layer.gamma))
    expected = np.empty(features.shape)
    for i in range(features.shape[-1]):
        root = np.sqrt(beta[i] + sum(gamma[j, i] * features[..., j] ** 2.0 for j in range(len(beta))))
        expected[..., i] = features[..., i] * (root if inverse else 1 / root)
    np.testing.assert_allclose(layer(features), expected, rtol=1e-5)


def test_gdn_starts_near_the_identity_and_its_weights_keep_their_signs():
    layer = GDN()
    layer.build((None, None, None, 3))
    np.testing.assert_array_equal(layer.beta, np.ones(3))
    np.testing.assert_array_equal(layer.gamma, np.float32(0.1) * np.eye(3))
    for weight, least in ((layer.beta, 1e-6), (layer.gamma, 0)):
        np.testing.assert_allclose(weight.constraint(np.full(weight.shape, -1.0)), least)


def test_the_sizes_of_the_shortcut():
    """A block that keeps its width has no weights in its shortcut."""
    sizes = {name: made(name)[0].count_params() for name in CASES}
    three = lambda inner, outer: 9 * inner * outer + outer  # noqa: E731
    one = lambda inner, outer: inner * outer + outer  # noqa: E731
    assert sizes["block"] == 2 * three(4, 4)
    assert sizes["block with another width"] == three(4, 6) + three(6, 6) + one(4, 6)
    assert sizes["down"] == three(4, 6) + three(6, 6) + one(4, 6) + 6 + 36
    assert sizes["up"] == three(4, 12) + three(3, 3) + one(4, 12) + 3 + 9
    assert sizes["attention"] == 6 * (one(4, 2) + three(2, 2) + one(2, 4)) + one(4, 4)


def test_pixel_shuffle_moves_channels_into_blocks():
    """Channel 2·row + column of the block first, then the colours, as depth-to-space does."""
    features = np.arange(2 * 1 * 2 * 8, dtype=np.float32).reshape(2, 1, 2, 8)
    blocks = features.reshape(2, 1, 2, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 4, 2)
    np.testing.assert_array_equal(PixelShuffle()(features), blocks)


def test_every_picture_gets_unit_energy_whatever_the_others_have():
    rng = np.random.default_rng(3)
    symbols = rng.normal(size=(4, 50, 2)) * np.array([1e-3, 1, 30, 1e4])[:, None, None]
    sent = np.asarray(PowerNormalization()(symbols.astype(np.float32)), np.float64)
    np.testing.assert_allclose(np.mean(np.sum(sent**2, axis=-1), axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        sent, symbols / np.sqrt(np.mean(np.sum(symbols**2, -1), -1))[:, None, None], rtol=1e-5
    )


def test_a_block_of_zeros_stays_one():
    np.testing.assert_array_equal(PowerNormalization()(np.zeros((1, 4, 2), np.float32)), 0)


def test_a_condition_scales_the_features_of_each_picture_by_its_own():
    """Softplus(W·relu(conv(features) + MLP(condition))), with positive factors that differ by position."""
    layer, (features, condition) = made("conditional module")
    factors = np.asarray(layer(features, condition)) / features
    told = np.asarray(layer.mlp(condition))[:, None, None]
    kernel, bias = (np.asarray(weight) for weight in layer.convolution.weights)
    hidden = np.maximum(features @ kernel + bias + told, 0)
    kernel, bias = (np.asarray(weight) for weight in layer.scale.weights)
    np.testing.assert_allclose(factors, np.logaddexp(0, hidden @ kernel + bias), rtol=1e-4)
    swapped = np.asarray(layer(features, condition[::-1])) / features
    assert (np.abs(swapped - factors).max(axis=(1, 2)) > 1e-4).all()
    alone = np.asarray(layer(features[1:], condition[1:])) / features[1:]
    np.testing.assert_allclose(alone, factors[1:], rtol=1e-5)


def test_a_conditional_module_begins_near_the_identity():
    layer = ConditionalModule(32, 1)
    layer.build((None, None, None, 4))
    features = np.random.default_rng(1).normal(size=(2, 5, 6, 4)).astype(np.float32)
    found = layer(features, snr_condition(np.array([0.0, 20.0], np.float32)))
    np.testing.assert_allclose(found, features, rtol=0.1)


def test_the_condition_of_an_snr_is_small():
    np.testing.assert_allclose(snr_condition(np.array([-10.0, 10.0, 25.0])), [[-2], [0], [1.5]])


def test_the_turbo_decoder_corrects_each_patch_alone_and_begins_near_the_identity():
    layer = TurboDecoder()
    layer.build((None, None, 2))
    symbols = np.random.default_rng(1).normal(size=(3, 8, 2)).astype(np.float32)
    found = np.asarray(layer(symbols))
    assert len(layer.convolutions) == len(layer.linears) == 5
    assert 0 < np.abs(found - symbols).max() < 0.5
    changed = symbols.copy()
    changed[1] += 1
    different = np.any(np.asarray(layer(changed)) != found, axis=(1, 2))
    assert different.tolist() == [False, True, False]


def test_straight_through_has_one_value_and_the_other_gradient():
    x = tf.Variable([0.3, -1.2, 2.0])
    with tf.GradientTape() as tape:
        value = straight_through(tf.round(x), x**3)
    np.testing.assert_allclose(value, [0, -1, 2], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, x), 3 * x.numpy() ** 2, rtol=1e-6)
