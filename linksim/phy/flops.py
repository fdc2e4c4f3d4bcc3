"""Counts the floating-point operations of compiled functions, for rooms that do not import TensorFlow."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

_CONVOLUTIONS = ("Conv2D", "Conv2DBackpropInput")  # plain, transposed


@dataclass(frozen=True)
class Flops:
    """Floating-point operations of a graph.

    Attributes
    ----------
    total : int
    convolutions : tuple of int
        Of each convolution, plain or transposed, in the order in which the function calls them.
    """

    total: int
    convolutions: tuple[int, ...]


def flops(function: Callable, shape: tuple[int, ...], dtype: str = "float32") -> Flops:
    """Compile a function of one tensor and count what its graph computes; nothing of it is run.

    The counts are those of TensorFlow's profiler: 2·H·W·k²·C_in·C_out for a convolution of k×k, with H×W its
    outputs (its inputs if transposed), 2·m·n·p for a matrix product, one for each element of a sum or a
    product. Activation functions and the moving of data count nothing.

    Parameters
    ----------
    function : callable (tensor) -> tensor
    shape : tuple of int
        Of the tensor; every size is known.
    dtype : str
        Of the tensor.
    """
    compiled = tf.function(function, autograph=False)
    graph = compiled.get_concrete_function(tf.TensorSpec(shape, dtype)).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    profile = tf.compat.v1.profiler.profile(graph, options={**options, "output": "none"})
    by_name = dict(_walk(profile))
    convolutions = [op.name for op in graph.get_operations() if op.type in _CONVOLUTIONS]
    return Flops(profile.total_float_ops, tuple(by_name[name] for name in convolutions))


def _walk(node):
    """Names of operations with what each computes itself."""
    yield node.name, node.float_ops
    for child in node.children:
        yield from _walk(child)
