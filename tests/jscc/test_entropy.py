"""Entropy models: against float64, as densities that integrate to 1, against the size of a coded stream."""

from itertools import islice

import keras
import numpy as np
import pytest
import tensorflow as tf
from constriction import stream
from scipy.special import expit
from scipy.stats import norm

from linksim import jscc, zoo
from linksim.images.patches32 import patches
from linksim.images.photos import photograph
from linksim.jscc.layers import FactorizedDensity
from linksim.jscc.layers.entropy import MIN_PROBABILITY, MIN_SCALE, gaussian_bits

each_scale = pytest.mark.parametrize("scale", [MIN_SCALE, 0.3, 1.0, 4.0, 30.0, 200.0])

#: Seeds of random factorised densities; None for the one that a layer begins with.
each_density = pytest.mark.parametrize("seed", [None, 1, 2, 3])


def bits_of(probability):
    return -np.log2(probability)


def gaussian_probability(distance, scale):
    """Of values at distances from the mean, float64: a difference of upper tails, each near 0."""
    distance = np.abs(distance)
    return norm.sf((distance - 0.5) / scale) - norm.sf((distance + 0.5) / scale)


@each_scale
def test_bits_of_a_gaussian_are_those_of_float64(scale):
    """From the mean far out into the tails; beyond the least probability they are as many at least."""
    rng = np.random.default_rng(1)
    scale = np.float32(scale)
    mean = rng.uniform(-20, 20, 2000).astype(np.float32)
    values = (mean + scale * rng.uniform(-14, 14, 2000)).astype(np.float32)
    probability = gaussian_probability(values.astype(float) - mean, float(scale))
    likely = probability > 10 * MIN_PROBABILITY
    assert np.sum(likely) > 1000
    assert likely.all() or np.sum(~likely) > 50
    found = np.asarray(gaussian_bits(values, mean, scale))
    np.testing.assert_allclose(found[likely], bits_of(probability[likely]), rtol=1e-4, atol=1e-6)
    beyond = found[probability < MIN_PROBABILITY / 10]
    assert np.all(np.isfinite(beyond))
    assert np.all(beyond > bits_of(MIN_PROBABILITY) * 0.9999)


@each_scale
def test_probabilities_of_a_gaussian_sum_to_one(scale):
    values = np.arange(-1500, 1501, dtype=np.float32)[:, None]
    mean = np.array([0.0, 0.5, -7.2, 100.25], np.float32)
    probability = 2.0 ** -np.asarray(gaussian_bits(values, mean, np.float32(scale)), float)
    np.testing.assert_allclose(np.sum(probability, axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_gradients_of_a_gaussian_are_those_of_float64(scale):
    """By value and scale, against central differences."""
    rng = np.random.default_rng(2)
    values = (scale * rng.uniform(-8, 8, 200)).astype(np.float32)
    scales = np.full_like(values, scale)
    with tf.GradientTape() as tape:
        given = tf.constant(values), tf.constant(scales)
        tape.watch(given)
        bits = gaussian_bits(given[0], np.float32(0), given[1])
    by_value, by_scale = tape.gradient(bits, given)
    step = 1e-5
    values, scales = values.astype(float), scales.astype(float)

    def expected(move_value, move_scale):
        up = bits_of(gaussian_probability(values + move_value, scales + move_scale))
        down = bits_of(gaussian_probability(values - move_value, scales - move_scale))
        return (up - down) / (2 * step)

    np.testing.assert_allclose(by_value, expected(step, 0), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(by_scale, expected(0, step), rtol=1e-3, atol=1e-4)


def density_of(seed, channels=5):
    keras.utils.set_random_seed(4)
    layer = FactorizedDensity()
    layer.build((None, channels))
    if seed is not None:
        rng = np.random.default_rng(seed)
        deviations = {"matrix": 1.0, "bias": 2.0, "factor": 1.5}
        for weight in layer.weights:
            deviation = deviations[weight.name.split("_")[0]]
            weight.assign_add(rng.normal(scale=deviation, size=weight.shape).astype(np.float32))
    return layer


def logits_of(layer, values):
    """ln(c / (1 − c)) of the channels' cumulatives at values [n], float64 [n, channels], from the formula."""
    matrices, biases, factors = (
        [np.asarray(weight, float) for weight in weights]
        for weights in (layer.matrices, layer.biases, layer.factors)
    )
    found = []
    for channel in range(len(biases[0])):
        x = np.asarray(values, float)[None]
        for number, (matrix, bias) in enumerate(zip(matrices, biases)):
            x = np.logaddexp(0, matrix[channel]) @ x + bias[channel]
            if number < len(factors):
                x = x + np.tanh(factors[number][channel]) * np.tanh(x)
        found.append(x[0])
    return np.stack(found, axis=-1)


def every_channel(values, channels=5):
    return np.broadcast_to(np.asarray(values, np.float32)[:, None], (len(values), channels))


@each_density
def test_bits_of_a_factorised_density_are_those_of_its_formula(seed):
    """In both tails too, where the cumulative is near 0 or 1."""
    layer = density_of(seed)
    values = np.linspace(-250, 250, 2001).astype(np.float32)
    lower, upper = (logits_of(layer, values.astype(float) + half) for half in (-0.5, 0.5))
    sign = np.where(lower + upper > 0, -1, 1)
    probability = np.abs(expit(sign * upper) - expit(sign * lower))
    likely = probability > 10 * MIN_PROBABILITY
    assert likely.any(axis=0).all()
    found = np.asarray(layer(every_channel(values)))
    np.testing.assert_allclose(found[likely], bits_of(probability[likely]), rtol=1e-4, atol=1e-5)
    assert np.all(found <= bits_of(MIN_PROBABILITY) * 1.0001)


@each_density
def test_a_factorised_density_sums_and_integrates_to_one(seed):
    """Every channel: over the integers, and the derivative of the cumulative over the real line."""
    layer = density_of(seed)
    integers = every_channel(np.arange(-4000, 4001))
    np.testing.assert_allclose(np.sum(2.0 ** -np.asarray(layer(integers), float), axis=0), 1, atol=1e-4)
    points = np.linspace(-1500, 1500, 96_001)
    with tf.GradientTape() as tape:
        values = tf.constant(every_channel(points))
        tape.watch(values)
        cumulative = tf.sigmoid(layer.logits(values))
    density = np.asarray(tape.gradient(cumulative, values), float)
    assert np.all(density >= 0)
    np.testing.assert_allclose(np.trapezoid(density, points, axis=0), 1, atol=1e-4)


@each_density
def test_the_cumulative_rises_in_every_channel(seed):
    layer = density_of(seed)
    logits = np.asarray(layer.logits(every_channel(np.linspace(-300, 300, 2401))))
    assert np.all(np.diff(logits, axis=0) > 0)
    ends = expit(np.asarray(layer.logits(every_channel([-4000, 4000])), float))
    np.testing.assert_allclose(ends, [[0] * 5, [1] * 5], atol=1e-5)


def test_the_middle_of_a_symmetric_density_is_likely():
    """There lower and upper logits sum to exactly 0."""
    layer = density_of(None)
    for bias in layer.biases:
        bias.assign(np.zeros(bias.shape))
    around, middle = np.asarray(layer(every_channel([0.001, 0.0])))
    np.testing.assert_allclose(middle, around, rtol=1e-3)


@pytest.mark.parametrize("seed", [None, 1])
def test_gradients_reach_every_weight_of_a_factorised_density(seed):
    layer = density_of(seed)
    with tf.GradientTape() as tape:
        values = tf.constant(every_channel(np.linspace(-20, 20, 101)))
        tape.watch(values)
        bits = tf.reduce_sum(layer(values))
    gradients = tape.gradient(bits, [values, *(weight.value for weight in layer.trainable_variables)])
    for gradient in gradients:
        assert np.all(np.isfinite(gradient))
        assert np.all(np.any(np.asarray(gradient) != 0, axis=-1 if gradient is gradients[0] else (1, 2)))


#: Alphabets of the coded streams, wider than anything that is sent.
SIDE_REACH, REACH = 300, 400


def range_coded(coder, images):
    """Code the latents of pictures as a receiver could decode them, and do so.

    Returns
    -------
    float, int, int
        The estimated bits, the size of the stream in bits, and how many symbols it holds.
    """
    hyperprior = coder.hyperprior
    estimate, _ = coder(images)
    latent = np.asarray(estimate.latent)
    rows, columns = latent.shape[1:3]
    hyper = np.asarray(hyper_of(coder, images))
    channels = hyper.shape[-1]

    # ẑ: a table of probabilities for each channel, over all integers of the alphabet.
    alphabet = every_channel(np.arange(-SIDE_REACH, SIDE_REACH + 1), channels)
    table = 2.0 ** -np.asarray(hyperprior.density(alphabet), float)
    models = [stream.model.Categorical(column.copy(), perfect=False) for column in table.T]
    encoder = stream.queue.RangeEncoder()
    sides = (np.moveaxis(hyper, -1, 0).reshape(channels, -1) + SIDE_REACH).astype(np.int32)
    for symbols, model in zip(sides, models):
        encoder.encode(symbols, model)

    # ŷ − μ: whole steps, with Gaussians around 0. constriction's probabilities are fixed-point numbers of 24
    # bits: it cuts the Gaussian at the ends of the alphabet and gives every symbol at least 2^-24. So in the
    # tails it spends 24 bits, where ours go on rising; the 801 least probabilities cost the others 5e-5.
    gaussians = stream.model.QuantizedGaussian(-REACH, REACH)

    def moments(hyper):
        mean, scale = hyperprior.moments(hyper, rows, columns)
        return np.asarray(mean), np.asarray(scale, float).ravel()

    mean, scale = moments(hyper)
    steps = np.rint(latent - mean).astype(np.int32)
    encoder.encode(steps.ravel(), gaussians, np.zeros_like(scale), scale)
    words = encoder.get_compressed()

    # The receiver knows the coder and the stream alone.
    decoder = stream.queue.RangeDecoder(words)
    decoded = [decoder.decode(model, sides.shape[1]) for model in models]
    np.testing.assert_array_equal(decoded, sides)
    decoded_hyper = np.reshape(np.array(decoded) - SIDE_REACH, (channels, *hyper.shape[:-1]))
    decoded_hyper = np.moveaxis(decoded_hyper, 0, -1).astype(np.float32)
    mean, scale = moments(decoded_hyper)
    decoded_steps = decoder.decode(gaussians, np.zeros_like(scale), scale).reshape(latent.shape)
    assert decoder.maybe_exhausted()
    np.testing.assert_array_equal(decoded_steps, steps)
    decoded_latent = mean + decoded_steps.astype(np.float32)
    np.testing.assert_array_equal(decoded_latent, latent)

    estimated = np.sum(np.asarray(estimate.bits, float)) + np.sum(np.asarray(estimate.side_bits, float))
    return estimated, 32 * len(words), sides.size + steps.size


def hyper_of(coder, images):
    """What is rounded to ẑ while a coder works, without its help."""
    kept = []
    quantize = coder.hyperprior.quantize_hyper
    coder.hyperprior.quantize_hyper = lambda *given: kept.append(quantize(*given)) or kept[-1]
    try:
        coder(images)
    finally:
        coder.hyperprior.quantize_hyper = quantize
    return kept[0]


def random_coder():
    """A small coder of random weights, with latents and densities that spread over several steps."""
    keras.utils.set_random_seed(5)
    coder = jscc.create("source-coder", channels=[8, 12], depths=[1, 2], window=4, hyper=6)
    rng = np.random.default_rng(6)
    for weight in coder.trainable_variables:
        weight.assign_add(rng.normal(scale=0.1, size=weight.shape).astype(np.float32))
    # Scales about as large as the steps are, or most bits would be spent in tails.
    coder.hyperprior.synthesis.weights[-1].assign_add(np.repeat([0.0, 1.0], 12).astype(np.float32))
    return coder


def test_the_estimated_rate_is_the_size_of_a_range_coded_stream():
    images = np.random.default_rng(7).random((2, 72, 104, 3)).astype(np.float32)
    estimated, size, symbols = range_coded(random_coder(), images)
    assert estimated > symbols
    assert abs(size - estimated) < 0.02 * estimated


@pytest.mark.parametrize(
    ("weights", "pictures"), [("w176", "coffee"), ("w176", "china"), ("small", "patches")]
)
def test_the_estimated_rate_of_shipped_weights_is_the_size_of_a_range_coded_stream(weights, pictures):
    if pictures == "patches":
        images = np.stack([picture.pixels for picture in islice(patches(), 64)])
    else:
        images = photograph(pictures, (256, 384)).pixels[None]
    coder = zoo.load(zoo.find(f"zoo:source-coder/{weights}"))
    estimated, size, _ = range_coded(coder, images.astype(np.float32) / 255)
    assert abs(size - estimated) < 0.02 * estimated
