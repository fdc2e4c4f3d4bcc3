"""uJSCC: its sizes, what each modulation order uses and sends, and where its gradients go."""

import os
import subprocess
import sys
from fractions import Fraction

import keras
import numpy as np
import pytest
import tensorflow as tf

from linksim import jscc, zoo
from linksim.jscc.codec import Condition
from linksim.modulation.constellations import qam

#: The basic setting: N = 256 symbols for 32×32.
B = {
    "channels": [64, 128, 128],
    "strides": [1, 2, 2],
    "vectors": 4,
    "orders": [1, 2, 4, 6, 8],
    "dimensions": [2, 4, 8, 12, 16],
}

SMALL = {
    "channels": [6, 8, 8],
    "strides": [1, 2, 2],
    "vectors": 2,
    "orders": [1, 2, 4],
    "dimensions": [2, 3, 5],
}

CASES = {
    "switched": SMALL,
    "ME1": {**SMALL, "dimensions": [5, 5, 5], "switched": False},
    "TE": {**SMALL, "orders": [4], "dimensions": [5]},
    "points": {**SMALL, "dimensions": [2, 2, 2], "codewords": "points"},
    "wide strides": {**SMALL, "strides": [1, 4, 4], "vectors": 1},
}

each_model = pytest.mark.parametrize("name", CASES)


def made(sizes):
    """A codec whose every variable is drawn anew, so that no two orders agree."""
    keras.utils.set_random_seed(1)
    codec = jscc.create("ujscc", **sizes)
    rng = np.random.default_rng(1)
    for variable in codec.variables:
        value = np.asarray(variable)
        if variable.name == "gamma":
            variable.assign(rng.uniform(0.5, 1.5, value.shape))
        elif variable.name == "moving_variance":
            variable.assign(rng.uniform(0.4, 0.8, value.shape))
        elif variable.name in ("beta", "moving_mean"):
            variable.assign(rng.normal(0, 0.2, value.shape))
    return codec


@pytest.fixture(scope="module")
def codec_of():
    """Makes each codec once, for tests that change none."""
    codecs = {}
    return lambda name: codecs.get(name) or codecs.setdefault(name, made(CASES[name]))


def pictures(batch, height=16, width=16, seed=1):
    return np.random.default_rng(seed).random((batch, height, width, 3)).astype(np.float32)


def conditions(codec, height=16, width=16):
    return [Condition(height, width, 10.0, order) for order in range(len(codec.orders))]


def as_pairs(symbols):
    return np.stack([symbols.real, symbols.imag], axis=-1).astype(np.float32)


def received(codec, sent, order):
    """What the decoder gets without noise."""
    return sent.indices if codec.detects else as_pairs(codec.constellations[order][np.asarray(sent.indices)])


def noiseless(symbols, snr_db):
    return symbols, None


def scattered(symbols, snr_db):
    """So much noise that many of the points of 4QAM and 16QAM are taken for others."""
    noise = np.random.default_rng(3).normal(0, 0.4, symbols.shape)
    return symbols + noise.astype(np.float32), None


def features_of(codec, images, order):
    """Feature vectors of an order, [batch, positions · vectors, D], float32, positions row by row."""
    width = codec.symbols * codec.dimensions[order]
    grid = np.asarray(codec.encoder(2 * images - 1, orders=(order,)))[..., :width]
    return grid.reshape(len(images), -1, codec.dimensions[order])


def nearest_in_numpy(vectors, points):
    distances = np.sum((np.asarray(vectors, np.float64)[..., None, :] - np.asarray(points)) ** 2, axis=-1)
    return np.argmin(distances, axis=-1)


class TestSizes:
    """Parameters against a count by hand.

    Kernels are 3×3 without biases. Encoder: 3→64, 64→128, twice 128→128, 128→128, twice 128→128, then
    128→4·D. Decoder: 4·D→128, twice 128→128, 128→128, twice 128→128, 128→64, 64→3. Normalised channels:
    64 + 128 + 2·128 + 128 + 2·128 + 4·D and 128 + 2·128 + 128 + 2·128 + 64 + 3, each with scale,
    bias, mean and variance. Codebooks: 2^order codewords of D values.
    """

    @staticmethod
    def convolutions(dimension):
        encoder = 3 * 64 + 64 * 128 + 2 * 128**2 + 128**2 + 2 * 128**2 + 128 * 4 * dimension
        decoder = 4 * dimension * 128 + 2 * 128**2 + 128**2 + 2 * 128**2 + 128 * 64 + 64 * 3
        return 9 * (encoder + decoder)

    @staticmethod
    def norms(dimension, switches=1):
        encoder = 64 + 128 + 2 * 128 + 128 + 2 * 128 + 4 * dimension
        decoder = 128 + 2 * 128 + 128 + 2 * 128 + 64 + 3
        return 4 * switches * (encoder + decoder)

    @staticmethod
    def codebooks(orders, dimensions):
        return sum(2**order * dimension for order, dimension in zip(orders, dimensions))

    def ujscc(self):
        return self.convolutions(16) + self.norms(16, 5) + self.codebooks(B["orders"], B["dimensions"])

    def test_b(self):
        codec = jscc.create("ujscc", **B)
        assert codec.count_params() == self.ujscc() == 1_812_560
        norm = [v for v in codec.variables if v.name in ("gamma", "beta", "moving_mean", "moving_variance")]
        assert sum(int(np.prod(v.shape)) for v in norm) == self.norms(16, 5) == 34_620
        assert round(100 * 34_620 / 1_812_560, 2) == 1.91

    def test_me1(self):
        codec = jscc.create("ujscc", **{**B, "dimensions": [16] * 5, "switched": False})
        expected = self.convolutions(16) + self.norms(16) + self.codebooks(B["orders"], [16] * 5)
        assert codec.count_params() == expected == 1_785_324
        assert round(100 * expected / self.ujscc(), 1) == 98.5

    def test_te_has_nearly_five_times_as_many(self):
        found = expected = 0
        for order, dimension in zip(B["orders"], B["dimensions"]):
            codec = jscc.create("ujscc", **{**B, "orders": [order], "dimensions": [dimension]})
            found += codec.count_params()
            expected += self.convolutions(dimension) + self.norms(dimension)
            expected += self.codebooks([order], [dimension])
        assert found == expected == 8_553_456
        assert round(found / self.ujscc(), 2) == 4.72

    def test_the_other_settings(self):
        """L doubles channels and dimensions: 7.1 million, S-BN 0.95%; MS takes one stride fewer."""
        large = {**B, "channels": [128, 256, 256], "dimensions": [4, 8, 16, 24, 32]}
        codec = jscc.create("ujscc", **large)
        norms = sum(int(np.prod(v.shape)) for v in codec.variables if "batch_normalization" in v.path)
        assert norms == 2 * self.norms(16, 5) - 5 * 4 * 3  # the three colours are not doubled
        assert codec.count_params() == pytest.approx(7.1e6, rel=0.01)
        assert 100 * norms / codec.count_params() == pytest.approx(0.95, abs=0.03)
        more = jscc.create("ujscc", **{**B, "strides": [1, 2, 1]})
        assert more.count_params() == self.ujscc()
        assert more.channel_uses(32, 32) == 1024
        photos = jscc.create("ujscc", **{**large, "strides": [1, 4, 4]})
        assert photos.cbr == Fraction(1, 192)
        condition = Condition(32, 48, 10.0, 4)
        sent = photos.encode(np.zeros((1, 32, 48, 3), np.float32), condition).indices
        assert sent.shape == (1, photos.channel_uses(32, 48)) == (1, 24)
        assert photos.decode(sent, condition).shape == (1, 32, 48, 3)

    def test_without_switching_four_fifths_of_the_norms_are_saved(self):
        codec = jscc.create("ujscc", **B, switched=False)
        assert codec.count_params() == self.ujscc() - 4 * self.norms(16)

    def test_points_need_no_codebooks(self):
        codec = jscc.create("ujscc", **{**B, "dimensions": [2] * 5, "codewords": "points"})
        assert codec.count_params() == self.convolutions(2) + self.norms(2, 5)

    def test_bandwidth(self):
        """N = 256 on 32×32, CBR 1/12; 17 px take as many positions as 20."""
        codec = jscc.create("ujscc", **B)
        assert codec.cbr == Fraction(1, 12)
        assert codec.channel_uses(32, 32) == 256
        assert codec.channel_uses(17, 32) == codec.channel_uses(20, 32) == 5 * 8 * 4


@each_model
def test_constellations(name, codec_of):
    codec = codec_of(name)
    assert codec.detects == (CASES[name].get("codewords", "learned") == "learned")
    for order, points in zip(CASES[name]["orders"], codec.constellations, strict=True):
        assert points.dtype == np.complex64
        np.testing.assert_allclose(points, qam(order), atol=1e-7)


@each_model
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 9), (16, 31)])
def test_pictures_of_any_size_go_through(name, size, codec_of):
    codec = codec_of(name)
    for order, condition in enumerate(conditions(codec, *size)):
        sent = codec.encode(pictures(2, *size), condition)
        assert sent.symbols is None
        assert sent.indices.dtype == tf.int32
        assert sent.indices.shape == (2, codec.channel_uses(*size))
        assert 0 <= np.min(sent.indices) <= np.max(sent.indices) < 2 ** codec.orders[order]
        shown = codec.decode(received(codec, sent, order), condition)
        assert shown.shape == (2, *size, 3)
        assert shown.dtype == tf.float32
        assert 0 <= np.min(shown) < np.max(shown) <= 1


@each_model
def test_padding_repeats_the_last_row_and_column(name, codec_of):
    codec, picture = codec_of(name), pictures(1, 13, 11)
    up_to = [-(-length // codec.reduction) * codec.reduction for length in (13, 11)]
    padded = np.pad(picture, [(0, 0), (0, up_to[0] - 13), (0, up_to[1] - 11), (0, 0)], mode="edge")
    for cut, whole in zip(conditions(codec, 13, 11), conditions(codec, *up_to)):
        sent, again = codec.encode(picture, cut), codec.encode(padded, whole)
        np.testing.assert_array_equal(sent.indices, again.indices)
        shown = codec.decode(received(codec, sent, cut.order), cut)
        expected = codec.decode(received(codec, again, cut.order), whole)
        np.testing.assert_array_equal(shown, expected[:, :13, :11])


@pytest.mark.parametrize("name", ["switched", "ME1", "TE"])
def test_labels_are_those_of_the_nearest_codewords(name, codec_of):
    codec, images = codec_of(name), pictures(3)
    for order, condition in enumerate(conditions(codec)):
        expected = nearest_in_numpy(features_of(codec, images, order), codec.quantizers[order].codewords)
        np.testing.assert_array_equal(codec.encode(images, condition).indices, expected)
        assert len(np.unique(expected)) > 1


def test_points_are_the_nearest_ones_to_features_that_fill_their_cells(codec_of):
    """±1 of a feature stands for the outer edge of the outermost cells: √M half spacings, 2 for BPSK."""
    codec, images = codec_of("points"), pictures(3)
    reaches = {1: 2.0, 2: 2 / np.sqrt(2), 4: 4 / np.sqrt(10)}
    for order, condition in enumerate(conditions(codec)):
        reach, points = reaches[codec.orders[order]], codec.constellations[order]
        expected = nearest_in_numpy(reach * features_of(codec, images, order), as_pairs(points))
        sent = codec.encode(images, condition)
        np.testing.assert_array_equal(sent.indices, expected)
        # The decoder sees what was equalised, not what might be detected, as features again.
        symbols = as_pairs(points[np.asarray(sent.indices)])
        symbols = symbols + np.random.default_rng(2).normal(0, 0.1, symbols.shape).astype(np.float32)
        grid = (symbols / np.float32(reach)).reshape(3, 4, 4, 2 * codec.symbols)
        shown = (codec.decoder(grid, orders=(order,)) + 1) / 2
        np.testing.assert_allclose(codec.decode(symbols, condition), shown, atol=1e-6)


@pytest.mark.parametrize("name", ["switched", "ME1"])
def test_the_decoder_gets_the_codewords_of_the_labels(name, codec_of):
    codec = codec_of(name)
    for order, condition in enumerate(conditions(codec)):
        labels = np.random.default_rng(4).integers(2 ** codec.orders[order], size=(2, 32)).astype(np.int32)
        vectors = np.asarray(codec.quantizers[order].codewords)[labels]
        shown = (codec.decoder(vectors.reshape(2, 4, 4, -1), orders=(order,)) + 1) / 2
        np.testing.assert_allclose(codec.decode(labels, condition), shown, atol=1e-6)


@each_model
@pytest.mark.parametrize("backwards", [False, True])
def test_all_orders_in_one_pass_are_each_alone(name, backwards, codec_of):
    """What training rehearses is what is sent and shown, in the order of the parts."""
    codec, images = codec_of(name), pictures(2)
    orders = tuple(range(len(codec.orders)))[:: -1 if backwards else 1]
    rehearsal = codec.rehearse(np.tile(images, (len(orders), 1, 1, 1)), noiseless, None, 1.0, orders)
    assert rehearsal.pictures.shape == (2 * len(orders), 16, 16, 3)
    for part, order in enumerate(orders):
        condition = conditions(codec)[order]
        alone = codec.decode(received(codec, codec.encode(images, condition), order), condition)
        np.testing.assert_allclose(rehearsal.pictures[2 * part : 2 * part + 2], alone, atol=1e-5)


@each_model
def test_the_receiver_detects_the_nearest_points(name, codec_of):
    """A rehearsal over noise shows what the decoder makes of what arrived, order by order."""
    codec, images = codec_of(name), pictures(2)
    orders = tuple(range(len(codec.orders)))
    arrived = []

    def channel(symbols, snr_db):
        np.testing.assert_array_equal(snr_db, snrs_db)
        arrived.append(np.asarray(scattered(symbols, snr_db)[0]))
        return arrived[-1], None

    snrs_db = np.arange(2 * len(orders))
    rehearsal = codec.rehearse(np.tile(images, (len(orders), 1, 1, 1)), channel, snrs_db, 1.0, orders)
    wrong = 0
    for order, condition in enumerate(conditions(codec)):
        own, points = slice(2 * order, 2 * order + 2), codec.constellations[order]
        detected = nearest_in_numpy(arrived[0][own], as_pairs(points))
        wrong += np.sum(detected != np.asarray(codec.encode(images, condition).indices))
        shown = codec.decode(detected.astype(np.int32) if codec.detects else arrived[0][own], condition)
        np.testing.assert_allclose(rehearsal.pictures[own], shown, atol=1e-5)
    assert wrong > 0


def transmission(codec, images, order):
    """Labels and pictures of an order."""
    condition = conditions(codec)[order]
    sent = codec.encode(images, condition)
    return np.asarray(sent.indices), np.asarray(codec.decode(received(codec, sent, order), condition))


@pytest.mark.parametrize("order", [0, 1, 2])
def test_an_order_uses_its_first_filters_its_codebook_and_its_norms_alone(order):
    """Whatever the others become, its features and pictures stay; what is its own changes them."""
    codec, images = made(SMALL), pictures(2)
    condition, width = conditions(codec)[order], SMALL["vectors"] * SMALL["dimensions"][order]
    labels = np.asarray(codec.encode(images, condition).indices)
    norms = [v for v in codec.variables if v.name in ("gamma", "beta", "moving_mean", "moving_variance")]
    inner = [codec.encoder.parts[-1].convolution.kernel, codec.decoder.parts[0].convolution.kernel]

    def outputs():
        return features_of(codec, images, order), np.asarray(codec.decode(labels, condition))

    def changed(variable, place, factor):
        value = np.array(variable)
        value[place] *= factor
        variable.assign(value)

    before = outputs()
    for kernel in inner:
        changed(kernel, np.s_[..., width:], -2.0)
    for variable in norms:
        changed(variable, np.arange(3) != order, 3.0)
    for other in {0, 1, 2} - {order}:
        changed(codec.quantizers[other].codewords, ..., -2.0)
    for found, expected in zip(outputs(), before):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(codec.encode(images, condition).indices, labels)

    own = [(kernel, np.s_[..., width - 1]) for kernel in inner]
    own += [(codec.quantizers[order].codewords, labels[0, 0]), (norms[0], order), (norms[-1], order)]
    for variable, place in own:
        before = outputs()
        changed(variable, place, 1.1)
        assert any(np.any(found != old) for found, old in zip(outputs(), before)), variable.path


@each_model
def test_pictures_do_not_share_anything(name, codec_of):
    codec, images = codec_of(name), pictures(3)
    for order in range(len(codec.orders)):
        labels, shown = transmission(codec, images, order)
        for index in range(3):
            alone = transmission(codec, images[index : index + 1], order)
            np.testing.assert_array_equal(alone[0][0], labels[index])
            np.testing.assert_allclose(alone[1][0], shown[index], atol=1e-5)


@pytest.mark.parametrize("name", ["switched", "points"])
def test_compiled_it_is_what_it_is_eagerly(name, codec_of):
    """With a batch of unknown size."""
    codec, images = codec_of(name), pictures(2)
    order = len(codec.orders) - 1
    condition = conditions(codec)[order]
    labels, shown = transmission(codec, images, order)
    encode = tf.function(
        lambda x: codec.encode(x, condition).indices, input_signature=[tf.TensorSpec((None, 16, 16, 3))]
    )
    np.testing.assert_array_equal(encode(images), labels)
    count = codec.channel_uses(16, 16)
    form = tf.TensorSpec((None, count), tf.int32) if codec.detects else tf.TensorSpec((None, count, 2))
    decode = tf.function(lambda x: codec.decode(x, condition), input_signature=[form])
    arrived = received(codec, codec.encode(images, condition), order)
    np.testing.assert_allclose(decode(arrived), shown, atol=1e-5)


@pytest.fixture
def rehearsed():
    """A rehearsal of one order with features that are a variable: losses, tape, what was detected."""

    def rehearse(codec, order, channel=scattered):
        count = codec.channel_uses(16, 16)
        start = np.random.default_rng(5).uniform(-0.9, 0.9, (2, count, codec.dimensions[order]))
        features, arrived = tf.Variable(start.astype(np.float32)), []

        def recorded(symbols, snr_db):
            arrived.append(channel(symbols, snr_db)[0])
            return arrived[0], None

        with pytest.MonkeyPatch.context() as patch, tf.GradientTape(persistent=True) as tape:
            patch.setattr(codec, "_features", lambda images, orders, training: [features])
            rehearsal = codec.rehearse(pictures(2), recorded, None, 1.0, (order,), training=True)
            losses = {name: values[0] for name, values in rehearsal.penalties.items()}
            losses["pictures"] = tf.reduce_sum(rehearsal.pictures * pictures(2, seed=9))
        detected = nearest_in_numpy(arrived[0], as_pairs(codec.constellations[order]))
        return losses, tape, features, detected

    return rehearse


@pytest.mark.parametrize("order", [1, 2])
def test_the_codebook_loss_moves_the_codewords_alone(order, rehearsed):
    """‖sg(Z) − Ẑ‖² over Ẑ, the detected codewords: 2·Σ(c_j − z)/(all values), over the uses of j."""
    codec = made(SMALL)
    losses, tape, features, detected = rehearsed(codec, order)
    z, codewords = features.numpy(), np.asarray(codec.quantizers[order].codewords)
    difference = codewords[detected] - z
    loss = losses["codebook"]
    np.testing.assert_allclose(loss, np.mean(difference**2), rtol=1e-5)
    expected = np.zeros_like(codewords)
    np.add.at(expected, detected, 2 * difference / z.size)
    gradient = tape.gradient(loss, codec.quantizers[order].codewords.value)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)
    assert tape.gradient(loss, features) is None


@pytest.mark.parametrize("order", [1, 2])
def test_the_commitment_loss_moves_the_features_alone(order, rehearsed):
    """‖Z − sg(Ẑ)‖²: 2·(z − ẑ)/(all values)."""
    codec = made(SMALL)
    losses, tape, features, detected = rehearsed(codec, order)
    z = features.numpy()
    difference = z - np.asarray(codec.quantizers[order].codewords)[detected]
    loss = losses["commitment"]
    np.testing.assert_allclose(loss, np.mean(difference**2), rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, features), 2 * difference / z.size, rtol=1e-4, atol=1e-6)
    assert tape.gradient(loss, codec.quantizers[order].codewords.value) is None


@pytest.mark.parametrize("name", ["switched", "points"])
def test_the_distortion_goes_straight_through_to_the_features(name, rehearsed):
    """The features get the decoder's gradient at what arrived, the codewords none."""
    codec = made(CASES[name])
    losses, tape, features, detected = rehearsed(codec, 2)
    value = losses["pictures"]
    if codec.detects:
        arrived = np.asarray(codec.quantizers[2].codewords)[detected]
        assert tape.gradient(value, codec.quantizers[2].codewords.value) is None
    else:
        points = as_pairs(codec.constellations[2])
        labels = nearest_in_numpy(4 / np.sqrt(10) * features.numpy(), points)
        arrived = scattered(points[labels], None)[0] / np.float32(4 / np.sqrt(10))
    grid = tf.Variable(arrived.reshape(2, 4, 4, -1))
    with tf.GradientTape() as second:
        shown = (codec.decoder(grid, orders=(2,), training=True) + 1) / 2
        expected = tf.reduce_sum(shown * pictures(2, seed=9))
    expected = second.gradient(expected, grid).numpy().reshape(features.shape)
    np.testing.assert_allclose(tape.gradient(value, features), expected, rtol=1e-3, atol=1e-4)
    assert np.any(expected)


def test_penalties_of_points_measure_the_distance_to_the_points_sent(codec_of):
    """On the scale of the features; noise is no part of it."""
    codec, images = codec_of("points"), pictures(2)
    rehearsal = codec.rehearse(images, scattered, None, 1.0, (1,))
    labels = np.asarray(codec.encode(images, conditions(codec)[1]).indices)
    target = as_pairs(codec.constellations[1])[labels] / np.sqrt(2)
    expected = np.mean((features_of(codec, images, 1) - target) ** 2)
    for name in ("codebook", "commitment"):
        np.testing.assert_allclose(rehearsal.penalties[name], [expected], rtol=1e-4)


def test_penalties_are_those_of_each_order(codec_of):
    codec, images = codec_of("switched"), pictures(2)
    alone = [codec.rehearse(images, noiseless, None, 1.0, (order,)).penalties for order in range(3)]
    together = codec.rehearse(np.tile(images, (3, 1, 1, 1)), noiseless, None, 1.0, (0, 1, 2)).penalties
    assert set(together) == {"codebook", "commitment", "divergence"}
    for name, values in together.items():
        np.testing.assert_allclose(values, [each[name][0] for each in alone], rtol=1e-4)


def test_divergence_is_that_of_the_labels_from_uniform_use(codec_of):
    codec, images = codec_of("switched"), pictures(3)
    for order, condition in enumerate(conditions(codec)):
        labels = np.asarray(codec.encode(images, condition).indices)
        share = np.bincount(labels.ravel(), minlength=2 ** codec.orders[order]) / labels.size
        used = share[share > 0]
        expected = np.sum(used * np.log(used * len(share)))
        found = codec.rehearse(images, noiseless, None, 1.0, (order,)).penalties["divergence"]
        np.testing.assert_allclose(found, [expected], rtol=1e-4, atol=1e-6)


@each_model
def test_the_loss_reaches_every_trainable_weight(name):
    codec = made(CASES[name])
    orders = tuple(range(len(codec.orders)))
    images = np.tile(pictures(4), (len(orders), 1, 1, 1))
    with tf.GradientTape() as tape:
        rehearsal = codec.rehearse(images, scattered, None, 1.0, orders, training=True)
        loss = tf.reduce_mean(tf.square(rehearsal.pictures - images))
        for name in ("codebook", "commitment"):
            loss += tf.reduce_sum(rehearsal.penalties[name])
    values = [variable.value for variable in codec.trainable_variables]
    for variable, gradient in zip(codec.trainable_variables, tape.gradient(loss, values)):
        assert gradient is not None, variable.path
        gradient = tf.convert_to_tensor(gradient)
        assert np.isfinite(gradient).all(), variable.path
        assert np.any(gradient), variable.path


def test_ranges_lie_between_the_boundaries_of_the_paper():
    codec = made({**SMALL, "orders": [1, 2, 4, 6, 8], "dimensions": [2, 2, 3, 3, 4]})
    expected = [(-3, 4.3), (4.3, 12.2), (12.2, 18.8), (18.8, 25.0), (25.0, 32)]
    np.testing.assert_allclose(codec.snr_ranges_db(-3.0, 32.0, (0, 1, 2, 3, 4)), expected, atol=0.05)
    np.testing.assert_allclose(codec.snr_ranges_db(-3.0, 32.0, (1, 4)), [expected[1], expected[4]], atol=0.05)
    assert made(CASES["TE"]).snr_ranges_db(12.2, 18.8, (0,)) == [(12.2, 18.8)]
    # A lower error rate needs more: 4QAM's symbol error rate is 0.01 at Q(√γ) = 1 − √0.99.
    strict = made({**SMALL, "target_ser": 0.01})
    assert strict.snr_ranges_db(0, 40, (0,))[0][1] == pytest.approx(20 * np.log10(2.5749), abs=0.01)


def test_other_orders_codebooks_are_not_used(codec_of):
    codec = codec_of("switched")
    assert codec.unused_variables((0, 2)) == [codec.quantizers[1].codewords]
    assert codec.unused_variables((0, 1, 2)) == codec_of("points").unused_variables((1,)) == []


def test_codewords_of_orders_that_both_have_are_taken_over():
    codec, alone = made(CASES["ME1"]), made(CASES["TE"])
    alone.quantizers[0].codewords.assign_add(np.ones((16, 5)))
    before = [np.array(quantizer.codewords) for quantizer in codec.quantizers]
    codec.take_codewords(alone)
    np.testing.assert_array_equal(codec.quantizers[2].codewords, alone.quantizers[0].codewords)
    for quantizer, expected in zip(codec.quantizers[:2], before):
        np.testing.assert_array_equal(quantizer.codewords, expected)
    # Another dimension is nothing to take.
    other = made({**CASES["TE"], "dimensions": [4]})
    codec.take_codewords(other)
    np.testing.assert_array_equal(codec.quantizers[2].codewords, alone.quantizers[0].codewords)


@pytest.mark.parametrize("name", ["switched", "ME1", "points"])
def test_the_zoo_keeps_what_a_codec_does(name, codec_of, make_weights, tmp_path):
    codec, sizes = codec_of(name), CASES[name]
    make_weights(tmp_path / "a.weights.h5", "ujscc", **sizes)
    card = zoo.find(str(tmp_path / "a.weights.h5")).card.model_dump(mode="json")
    weights = zoo.save(codec, card, tmp_path / "b.weights.h5")
    assert weights.card.parameters == codec.count_params()
    loaded, images = zoo.load(zoo.find(str(weights.path))), pictures(2)
    for order, condition in enumerate(conditions(codec)):
        # To the half precision of the file: kernels keep five bits after the leading one.
        ours, theirs = features_of(loaded, images, order), features_of(codec, images, order)
        np.testing.assert_allclose(ours, theirs, atol=0.1)
        arrived = received(codec, codec.encode(images, condition), order)
        np.testing.assert_allclose(
            loaded.decode(arrived, condition), codec.decode(arrived, condition), atol=0.1
        )
    for ours, theirs in zip(loaded.quantizers, codec.quantizers, strict=True):
        np.testing.assert_allclose(ours.codewords, theirs.codewords, rtol=2**-10, atol=2**-24)


def test_half_precision_keeps_vectors_and_pictures_in_float32():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        codec = made(SMALL)
    finally:
        keras.config.set_dtype_policy(before)
    exact, images = made(SMALL), pictures(2)
    # Convolutions round to 8 bits: to a few hundredths of the features' spread after eight of them.
    found, expected = (features_of(each, images, 2) for each in (codec, exact))
    assert found.dtype == np.float32
    assert 0 < np.sqrt(np.mean((found - expected) ** 2)) < 0.03 * np.std(expected)
    rehearsal = codec.rehearse(np.tile(images, (3, 1, 1, 1)), noiseless, None, 1.0, (0, 1, 2), training=True)
    assert rehearsal.pictures.dtype == tf.float32
    assert {penalty.dtype for penalty in rehearsal.penalties.values()} == {tf.float32}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dimensions": [2, 3]}, "dimensions"),
        ({"dimensions": [2, 5, 3]}, "dimensions"),
        ({"codewords": "points"}, "two dimensions"),
        ({"orders": [1, 4, 2]}, "do not rise"),
        ({"orders": [1, 2, 3]}, "bits per symbol"),
        ({"target_ser": 0.5}, "target symbol error rate"),
    ],
)
def test_refuses_sizes_that_do_not_go_together(changed, message):
    with pytest.raises(ValueError, match=message):
        jscc.create("ujscc", **{**SMALL, **changed})


_UNDER_JAX = """
import sys
import jax, numpy as np
from linksim import zoo
from linksim.jscc.codec import Condition
given, results = np.load(sys.argv[2]), {}
codec = zoo.load(zoo.find(sys.argv[1]))
for order in range(len(codec.orders)):
    condition = Condition(15, 14, 10.0, order)
    results[f"labels{order}"] = jax.jit(lambda x: codec.encode(x, condition).indices)(given["images"])
    results[f"shown{order}"] = jax.jit(lambda x: codec.decode(x, condition))(given[f"labels{order}"])
np.savez(sys.argv[3], **results)
"""


@pytest.mark.slow
def test_tensorflow_and_jax_agree(make_weights, tmp_path):
    """Labels and pictures of every order, from one file of weights, compiled by JAX and eager here."""
    pytest.importorskip("jax")
    path = make_weights(tmp_path / "a.weights.h5", "ujscc", **SMALL)
    codec, images = zoo.load(zoo.find(str(path))), pictures(2, 15, 14)
    labels = [np.asarray(codec.encode(images, each).indices) for each in conditions(codec, 15, 14)]
    given = {f"labels{order}": each for order, each in enumerate(labels)}
    np.savez(tmp_path / "given.npz", images=images, **given)
    done = subprocess.run(
        [sys.executable, "-c", _UNDER_JAX, path, tmp_path / "given.npz", tmp_path / "results.npz"],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results = np.load(tmp_path / "results.npz")
    for order, condition in enumerate(conditions(codec, 15, 14)):
        np.testing.assert_array_equal(results[f"labels{order}"], labels[order])
        np.testing.assert_allclose(
            results[f"shown{order}"], codec.decode(labels[order], condition), atol=1e-5
        )
