"""Operations of compiled functions against numbers by hand."""

import keras
import numpy as np
from keras import ops

from linksim.phy.flops import flops


def test_a_convolution_takes_two_for_each_weight_and_output():
    """5×5 from 3 to 4 channels, outputs 4×3: 2·4·3·5·5·3·4, and no bias."""
    layer = keras.layers.Conv2D(4, 5, strides=2, padding="same", use_bias=False)
    layer.build((1, 8, 6, 3))
    counted = flops(layer, (1, 8, 6, 3))
    assert counted.convolutions == (2 * 4 * 3 * 25 * 3 * 4,) == (7200,)
    assert counted.total == 7200


def test_a_transposed_convolution_takes_two_for_each_weight_and_input():
    """3×3 from 3 to 4 channels, inputs 8×6, whatever its stride."""
    for stride in (1, 2):
        layer = keras.layers.Conv2DTranspose(4, 3, strides=stride, padding="same", use_bias=False)
        layer.build((1, 8, 6, 3))
        assert flops(layer, (1, 8, 6, 3)).convolutions == (2 * 8 * 6 * 9 * 3 * 4,)


def test_convolutions_are_told_in_the_order_of_calls():
    wide, narrow = (keras.layers.Conv2D(width, 1, use_bias=False) for width in (6, 1))
    wide.build((1, 4, 4, 2))
    narrow.build((1, 4, 4, 6))
    assert flops(lambda x: narrow(wide(x)), (1, 4, 4, 2)).convolutions == (2 * 16 * 12, 2 * 16 * 6)


def test_products_and_sums():
    """[7, 5] times [5, 3] takes 2·7·5·3; then one addition for each of 21."""
    matrix = np.ones((5, 3), np.float32)
    assert flops(lambda x: ops.matmul(x, matrix) + 1.0, (7, 5)).total == 210 + 21


def test_labels_can_be_the_input():
    table = np.ones((4, 2), np.float32)
    assert flops(lambda labels: ops.take(table, labels, axis=0) * 3.0, (6,), "int32").convolutions == ()
