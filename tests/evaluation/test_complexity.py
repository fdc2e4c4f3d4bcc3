"""What networks cost against numbers by hand."""

import pytest

from linksim import zoo
from linksim.evaluation.complexity import measure


@pytest.fixture(scope="module")
def basic(make_weights, tmp_path_factory):
    """The basic setting of uJSCC with its first and its last order."""
    path = tmp_path_factory.mktemp("complexity") / "b.weights.h5"
    sizes = {"channels": [64, 128, 128], "strides": [1, 2, 2], "vectors": 4}
    return measure(zoo.find(str(make_weights(path, "ujscc", **sizes, orders=[1, 8], dimensions=[2, 16]))))


def convolution(positions, kernel, inputs, outputs):
    """2·H·W·k²·C_in·C_out."""
    return 2 * positions * kernel**2 * inputs * outputs


def test_inner_layers_cost_in_proportion_to_the_dimension(basic):
    """8×8 positions, 3×3 from 128 channels to 4 vectors of D values, and back."""
    for order, dimension in zip(basic.orders, (2, 16)):
        assert order.inner_encoder == order.inner_decoder == 2 * 64 * 9 * 128 * 4 * dimension
    assert basic.orders[1].inner_encoder == 8 * basic.orders[0].inner_encoder


def test_a_universal_encoder_costs_its_convolutions_and_the_search_of_codewords(basic):
    """The rest, normalisation and sums, is below 0.35%; encoder and decoder mirror each other."""
    outer = (
        convolution(32 * 32, 3, 3, 64)
        + convolution(16 * 16, 3, 64, 128)
        + 2 * convolution(16 * 16, 3, 128, 128)
        + convolution(8 * 8, 3, 128, 128)
        + 2 * convolution(8 * 8, 3, 128, 128)
    )
    assert [order.order for order in basic.orders] == [2, 256]
    assert basic.picture == (32, 32)
    for order, dimension in zip(basic.orders, (2, 16)):
        inner = convolution(8 * 8, 3, 128, 4 * dimension)
        search = 2 * 256 * dimension * order.order  # 256 vectors with every codeword
        assert 1 <= order.encoder / (outer + inner + search) < 1.0035
        assert 1 <= order.decoder / (outer + inner) < 1.0035


def test_normalisation_has_four_values_for_each_channel_and_order(basic, make_weights, tmp_path):
    """Eight convolutions a side: 64, 128 six times and the inner one; 128 six times, 64 and 3 colours."""
    channels = (64 + 6 * 128 + 4 * 16) + (6 * 128 + 64 + 3)
    assert basic.normalisation == 4 * 2 * channels
    kernels = 2 * 9 * (3 * 64 + 64 * 128 + 5 * 128**2 + 128 * 64)
    codewords = 2 * 2 + 256 * 16
    assert basic.parameters == kernels + codewords + basic.normalisation
    sizes = {"channels": [4, 4, 4], "strides": [1, 2, 2], "vectors": 1, "switched": False}
    path = make_weights(tmp_path / "one.weights.h5", "ujscc", **sizes, orders=[1, 2], dimensions=[2, 2])
    assert measure(zoo.find(str(path))).normalisation == 4 * ((7 * 4 + 2) + (7 * 4 + 3))


def test_the_network_of_2019(make_weights, tmp_path):
    """Five 5×5 convolutions a side; PReLU, biases and power add less than 3%."""
    path = make_weights(tmp_path / "2019.weights.h5", "deepjscc-2019", symbols=8)
    complexity = measure(zoo.find(str(path)))
    (order,) = complexity.orders
    assert (order.order, complexity.normalisation) == (None, 0)
    assert order.inner_encoder == convolution(64, 5, 32, 16)
    assert order.inner_decoder == convolution(64, 5, 16, 32)
    between = 2 * convolution(64, 5, 32, 32)
    encoder = convolution(256, 5, 3, 16) + convolution(64, 5, 16, 32) + between + convolution(64, 5, 32, 16)
    decoder = convolution(64, 5, 16, 32) + between + convolution(64, 5, 32, 16) + convolution(256, 5, 16, 3)
    assert 1 <= order.encoder / encoder < 1.03
    assert 1 <= order.decoder / decoder < 1.03


def test_weights_for_large_pictures(make_weights, tmp_path):
    """16×24 positions of 256×384 px; the last convolution goes from 2 channels to 3 symbols."""
    path = make_weights(
        tmp_path / "large.weights.h5", "deepjscc-q", channels=[2, 2, 2, 2], symbols=3, order=16, learned=True
    )
    complexity = measure(zoo.find(str(path)))
    assert complexity.picture == (256, 384)
    (order,) = complexity.orders
    assert order.order == 16
    assert order.inner_encoder == order.inner_decoder == convolution(16 * 24, 3, 2, 6)
