"""Reads the statistics of switchable batch normalisation out of weights, next to the channel."""

from dataclasses import dataclass

import numpy as np

from linksim import zoo
from linksim.scenario.errors import InputError
from linksim.zoo import Weights


@dataclass(frozen=True, eq=False)
class Normalisation:
    """A layer's batch normalisation for each modulation order.

    Attributes
    ----------
    layer : str
        `inner decoder` or `inner encoder`.
    points : tuple of int
        M of each order.
    mean, deviation : float [orders, channels]
        Running mean and standard deviation of the convolution's outputs; NaN in channels that an order does
        not use.
    scale, bias : float [orders, channels]
        Learned; NaN likewise.
    """

    layer: str
    points: tuple[int, ...]
    mean: np.ndarray
    deviation: np.ndarray
    scale: np.ndarray
    bias: np.ndarray


def normalisations(weights: Weights) -> list[Normalisation]:
    """The switchable batch normalisation of the inner decoder and of the inner encoder, in this order.

    Raises
    ------
    InputError
        The weights cannot be loaded, or their orders share one batch normalisation, or they have none.
    """
    from linksim import phy  # noqa: F401  starts TensorFlow, quietly: before a network is loaded

    codec = zoo.load(weights)
    from linksim.jscc.ujscc import UJSCC

    if not isinstance(codec, UJSCC) or not codec.inner_decoder.norm.switched:
        raise InputError(
            f"{weights.reference} has no switchable batch normalisation",
            mend="name weights of a ujscc with `switched: true`, as zoo:ujscc/b",
        )
    points = tuple(len(constellation) for constellation in codec.constellations)
    layers = {"inner decoder": codec.inner_decoder, "inner encoder": codec.inner_encoder}
    return [_read(layer, points, part.norm) for layer, part in layers.items()]


def _read(layer, points, norm):
    channels = norm.gamma.shape[-1]
    widths = norm.widths or (channels,) * len(points)
    used = np.arange(channels) < np.array(widths)[:, None]
    mean, variance, scale, bias = (
        np.where(used, np.asarray(variable), np.nan)
        for variable in (norm.moving_mean, norm.moving_variance, norm.gamma, norm.beta)
    )
    return Normalisation(layer, points, mean, np.sqrt(variance), scale, bias)
