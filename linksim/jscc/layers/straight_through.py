"""The straight-through estimator: one value forward, the gradient of another backward."""

from keras import ops


def straight_through(forward, backward):
    """Return the value of `forward` with the gradient of `backward`.

    Parameters
    ----------
    forward, backward : tensors of one shape

    References
    ----------
    Bengio, Léonard, Courville, "Estimating or propagating gradients through stochastic neurons", 2013.
    """
    return backward + ops.stop_gradient(forward - backward)
