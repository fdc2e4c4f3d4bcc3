"""Square QAM as a limited and scaled quantizer: the real process, and the noise that stands for it.

References
----------
Zhang et al., "From analog to digital: multi-order digital joint coding-modulation for semantic
communication", 2024, section III, processes (9) and (10).
"""

from keras import ops

from linksim.jscc.layers.straight_through import straight_through


def half_spacing(order):
    """d = √(3/(2(M − 1))): half the distance of neighbouring levels at unit mean energy.

    Parameters
    ----------
    order : number or tensor
        M, points of the constellation.
    """
    return (1.5 / (order - 1.0)) ** 0.5


def clamp(symbols, order):
    """Limit every real dimension to the outermost levels, ±(√M − 1)·d.

    Parameters
    ----------
    symbols : [..., 2], float32
    order : scalar, or of a shape that broadcasts against `symbols`
    """
    limit = (order**0.5 - 1.0) * half_spacing(order)
    return ops.clip(symbols, -limit, limit)


def nearest_points(symbols, order):
    """The nearest points, with the gradient passing straight through.

    It is what modulation does to the encoder's output and demodulation to what was received, process (9).
    """
    return straight_through(from_levels(levels(symbols, order), order), symbols)


def levels(symbols, order):
    """Number of the nearest level of every real dimension, from 0 at the bottom, float32."""
    count = order**0.5
    return ops.clip(ops.round((symbols / half_spacing(order) + count - 1.0) / 2.0), 0.0, count - 1.0)


def from_levels(numbers, order):
    """Levels (2t − √M + 1)·d of their numbers t from 0."""
    return (2.0 * numbers - order**0.5 + 1.0) * half_spacing(order)


def dither(symbols, order, uniform):
    """Add U(−d, d) to every real dimension: the substitute of a quantizer in process (10).

    Parameters
    ----------
    uniform : tensor of the shape of `symbols`
        Independent and uniform in [0, 1).
    """
    return symbols + half_spacing(order) * (2.0 * uniform - 1.0)
