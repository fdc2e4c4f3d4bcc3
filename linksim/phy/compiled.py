"""Compiles functions of TensorFlow tensors for rooms that do not import TensorFlow."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def compiled(
    function: Callable, shape: tuple[int | None, ...], dtype: str = "float32"
) -> Callable[..., np.ndarray]:
    """Turn a function of a tensor and a float32 scalar into one graph, from and to numpy.

    A network runs in half the time of eager calls, with the same results.

    Parameters
    ----------
    function : callable (tensor, scalar) -> tensor
    shape : tuple
        Of the tensor; None where the size may change from call to call.
    dtype : str
        Of the tensor.
    """
    signature = [tf.TensorSpec(shape, dtype), tf.TensorSpec([], tf.float32)]
    graph = tf.function(function, autograph=False, input_signature=signature)
    return lambda array, scalar: graph(
        tf.convert_to_tensor(array, dtype), tf.constant(scalar, tf.float32)
    ).numpy()
