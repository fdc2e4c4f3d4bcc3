"""The learned systems as codecs: sizes, bandwidth, pictures of any size, what is sent and what comes back."""

from fractions import Fraction
from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim import jscc, zoo
from linksim.jscc.codec import Condition
from linksim.modulation.constellations import qam

#: Small sizes of every model: /4, /4, /8 with analogue symbols, /4 and /2 with points.
CASES = {
    "deepjscc-2019": ("deepjscc-2019", {"symbols": 3}),
    "deepjscc": ("deepjscc", {"channels": [4, 6], "symbols": 2}),
    "deepjscc, three stages": ("deepjscc", {"channels": [4, 6, 6], "symbols": 5}),
    "deepjscc-q": ("deepjscc-q", {"channels": [4, 4], "symbols": 2, "order": 64}),
    "deepjscc-q, learned": ("deepjscc-q", {"channels": [4], "symbols": 1, "order": 16, "learned": True}),
}

each_model = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def codec_of():
    """Makes each codec once; learned points and gains are moved from where they start."""
    made = {}

    def codec(name):
        if name not in made:
            keras.utils.set_random_seed(1)
            model, sizes = CASES[name]
            made[name] = jscc.create(model, **sizes)
            if made[name].constellations:
                made[name].gain.assign(1.2)
            if sizes.get("learned"):
                points = made[name].quantizer.points
                points.assign_add(0.1 * np.random.default_rng(2).normal(size=points.shape))
        return made[name]

    return codec


def pictures(batch, height, width, seed=1):
    return np.random.default_rng(seed).random((batch, height, width, 3)).astype(np.float32)


def sent_symbols(codec, sent):
    """[batch, k], complex, of either kind."""
    if sent.indices is not None:
        return codec.constellations[0][np.asarray(sent.indices)]
    symbols = np.asarray(sent.symbols)
    return symbols[..., 0] + 1j * symbols[..., 1]


def as_pairs(symbols):
    return np.stack([symbols.real, symbols.imag], axis=-1).astype(np.float32)


def test_the_network_of_2019_has_the_layers_of_the_paper():
    """5×5 kernels with biases and a PReLU slope for each channel, but none after the last convolution."""

    def size(widths, slopes):
        return sum(25 * a * b + b for a, b in pairwise(widths)) + sum(slopes)

    encoder, decoder = [3, 16, 32, 32, 32, 16], [16, 32, 32, 32, 16, 3]
    expected = size(encoder, encoder[1:]) + size(decoder, decoder[1:-1])
    assert expected == 156_483
    assert jscc.create("deepjscc-2019", symbols=8).count_params() == expected


def test_the_quantizer_adds_its_gain_and_what_is_learned():
    sizes = {"channels": [4, 4], "symbols": 2}
    analogue = jscc.create("deepjscc", **sizes).count_params()
    assert jscc.create("deepjscc-q", **sizes, order=64).count_params() == analogue + 1
    # Two coordinates of every point, and how often it is used.
    learned = jscc.create("deepjscc-q", **sizes, order=64, learned=True)
    assert learned.count_params() == analogue + 1 + 3 * 64


@each_model
def test_bandwidth(name, codec_of):
    """CBR = symbols / (3·reduction²): so many complex channel uses for so many bytes of a picture."""
    codec, (model, sizes) = codec_of(name), CASES[name]
    reduction = 4 if model == "deepjscc-2019" else 2 ** len(sizes["channels"])
    assert codec.reduction == reduction
    assert codec.cbr == Fraction(sizes["symbols"], 3 * reduction**2)
    assert codec.channel_uses(32, 64) == codec.cbr * 32 * 64 * 3
    # Sides are padded: 17 and 33 px take as many positions as the next multiples.
    for side in (17, 33, 1):
        padded = -(-side // reduction) * reduction
        assert codec.channel_uses(side, 32) == codec.channel_uses(padded, 32) == codec.cbr * padded * 96


@each_model
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (17, 9), (32, 31)])
def test_pictures_of_any_size_go_through(name, size, codec_of):
    codec = codec_of(name)
    condition = Condition(*size, snr_db=10.0)
    sent = codec.encode(pictures(2, *size), condition)
    assert (sent.symbols is None) != (sent.indices is None)
    symbols = sent_symbols(codec, sent)
    assert symbols.shape == (2, codec.channel_uses(*size))
    received = codec.decode(as_pairs(symbols), condition)
    assert received.shape == (2, *size, 3)
    assert received.dtype == tf.float32
    assert 0 <= np.min(received) <= np.max(received) <= 1


@each_model
def test_padding_repeats_the_last_row_and_column(name, codec_of):
    codec = codec_of(name)
    picture = pictures(1, 13, 11)
    up_to = -(-13 // codec.reduction) * codec.reduction, -(-11 // codec.reduction) * codec.reduction
    padded = np.pad(picture, [(0, 0), (0, up_to[0] - 13), (0, up_to[1] - 11), (0, 0)], mode="edge")
    np.testing.assert_array_equal(codec.latent(picture), codec.latent(padded))


@each_model
def test_what_training_constrains_is_what_is_sent(name, codec_of):
    """The hard points, not their relaxation; at any hardness."""
    codec, images = codec_of(name), pictures(3, 16, 16)
    symbols = sent_symbols(codec, codec.encode(images, Condition(16, 16, 10.0)))
    for hardness in (1.0, 100.0):
        constrained, divergence = codec.constrain(codec.latent(images), hardness)
        np.testing.assert_allclose(constrained, as_pairs(symbols), atol=1e-6)
        assert np.shape(divergence) == ()
        assert divergence >= 0


@each_model
def test_pictures_do_not_share_anything(name, codec_of):
    """Each is sent and shown alone as among others, so that its power is its own."""
    codec, images = codec_of(name), pictures(3, 16, 12)
    images[1] *= 0.1
    condition = Condition(16, 12, 10.0)
    together = sent_symbols(codec, codec.encode(images, condition))
    shown = np.asarray(codec.decode(as_pairs(together), condition))
    for index in range(3):
        alone = sent_symbols(codec, codec.encode(images[index : index + 1], condition))
        np.testing.assert_allclose(alone[0], together[index], atol=1e-5)
        again = codec.decode(as_pairs(together)[index : index + 1], condition)
        np.testing.assert_allclose(again[0], shown[index], atol=1e-5)


@each_model
def test_power_of_what_is_sent(name, codec_of):
    """Analogue: unit energy for every picture. Points: those of the constellation, used as it comes."""
    codec = codec_of(name)
    symbols = sent_symbols(codec, codec.encode(pictures(4, 16, 16), Condition(16, 16, 10.0)))
    energy = np.mean(np.abs(symbols) ** 2, axis=1)
    if codec.constellations:
        assert np.isin(symbols, codec.constellations[0]).all()
    else:
        np.testing.assert_allclose(energy, 1, rtol=1e-5)


def test_constellations(codec_of):
    assert codec_of("deepjscc").constellations == ()
    assert codec_of("deepjscc-2019").constellations == ()
    (fixed,) = codec_of("deepjscc-q").constellations
    assert fixed.dtype == np.complex64
    np.testing.assert_array_equal(fixed, qam(6).astype(np.complex64))
    learned = codec_of("deepjscc-q, learned")
    use = np.asarray(learned.quantizer.probabilities)
    (points,) = learned.constellations
    assert points.shape == (16,)
    np.testing.assert_allclose(np.sum(use * np.abs(points) ** 2), 1, rtol=1e-5)


def test_the_latent_meets_the_points_at_its_gain(codec_of):
    """Unit energy for each picture times the gain, then the nearest point (DeepJSCC-Q's eq. 1)."""
    codec, images = codec_of("deepjscc-q"), pictures(2, 16, 16)
    latent = np.asarray(codec.latent(images), np.float64)
    scaled = 1.2 * latent / np.sqrt(np.mean(np.sum(latent**2, -1), -1))[:, None, None]
    distance = np.abs((scaled @ [1, 1j])[..., None] - codec.constellations[0])
    indices = codec.encode(images, Condition(16, 16, 10.0)).indices
    np.testing.assert_array_equal(indices, np.argmin(distance, axis=-1))


@each_model
def test_a_call_is_a_transmission_without_noise(name, codec_of):
    codec, images, condition = codec_of(name), pictures(2, 9, 14), Condition(9, 14, 10.0)
    symbols = sent_symbols(codec, codec.encode(images, condition))
    np.testing.assert_allclose(codec(images), codec.decode(as_pairs(symbols), condition), atol=1e-5)


@each_model
def test_compiled_it_is_what_it_is_eagerly(name, codec_of):
    codec, images, condition = codec_of(name), pictures(2, 16, 16), Condition(16, 16, 10.0)
    eager = codec.encode(images, condition)
    compiled = tf.function(lambda x: [y for y in vars(codec.encode(x, condition)).values() if y is not None])
    expected = eager.symbols if eager.indices is None else eager.indices
    np.testing.assert_allclose(compiled(images)[0], expected, atol=1e-5)


@each_model
def test_the_loss_reaches_every_trainable_weight(name, codec_of):
    codec, images = codec_of(name), pictures(2, 16, 16)
    with tf.GradientTape() as tape:
        symbols, divergence = codec.constrain(codec.latent(images), 5.0, training=True)
        pictured = codec.reconstruct(symbols, 16, 16)
        loss = tf.reduce_mean(tf.square(pictured - images)) + 0.01 * divergence
    values = [variable.value for variable in codec.trainable_variables]
    for variable, gradient in zip(codec.trainable_variables, tape.gradient(loss, values)):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all(), variable.path
        assert np.any(gradient), variable.path


@pytest.mark.parametrize("name", ["deepjscc-2019", "deepjscc", "deepjscc-q, learned"])
def test_the_zoo_keeps_what_a_codec_does(name, make_weights, tmp_path):
    model, sizes = CASES[name]
    path = make_weights(tmp_path / "a.weights.h5", model, **sizes)
    loaded, images = zoo.load(zoo.find(str(path))), pictures(2, 16, 16)
    keras.utils.set_random_seed(1)
    original = jscc.create(model, **sizes)
    # To the half precision of the file.
    np.testing.assert_allclose(loaded.latent(images), original.latent(images), atol=0.05)
    for ours, theirs in zip(loaded.constellations, original.constellations, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_half_precision_keeps_what_is_sent_in_float32():
    """The network computes in bfloat16, the symbols and the pictures stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        codec = jscc.create("deepjscc-q", channels=[4, 4], symbols=2, order=64)
    finally:
        keras.config.set_dtype_policy(before)
    images = pictures(1, 8, 8)
    assert codec.encoder(images).dtype == tf.bfloat16
    symbols, _ = codec.constrain(codec.latent(images), 5.0)
    assert symbols.dtype == codec.latent(images).dtype == codec.reconstruct(symbols, 8, 8).dtype == tf.float32


@pytest.mark.parametrize(
    ("model", "sizes", "error"),
    [
        ("deepjscc-3", {"symbols": 8}, KeyError),
        ("deepjscc-2019", {"symbols": 8, "channels": [4]}, (TypeError, ValueError)),
        ("deepjscc", {"symbols": 8}, TypeError),
        ("deepjscc-q", {"channels": [4], "symbols": 8, "order": 32}, ValueError),
        ("deepjscc-q", {"channels": [4], "symbols": 8, "order": 16, "width": 3}, (TypeError, ValueError)),
    ],
)
def test_refuses_unknown_models_and_sizes(model, sizes, error):
    with pytest.raises(error):
        jscc.create(model, **sizes)
