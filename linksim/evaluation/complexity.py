"""Measures what a network costs: floating-point operations for each modulation order, and parameters."""

import math
from dataclasses import dataclass

import numpy as np

from linksim import zoo
from linksim.evaluation.usage import CROP, is_large
from linksim.jscc import CLASSIFIERS, SOURCE_CODERS
from linksim.zoo import Weights

#: Height and width in px of a picture for weights that are not made for large ones.
_SMALL = (32, 32)


@dataclass(frozen=True)
class OrderComplexity:
    """Floating-point operations for one picture at one modulation order.

    Attributes
    ----------
    order : int or None
        M, the points of the constellation; None for analogue symbols, 0 for what sends nothing.
    encoder, decoder : int or None
        From picture to what is sent, and from what was received to the picture. They are the same whatever
        the rates; the self-information by which variable rates are chosen counts to the encoder. A source
        coder makes the latent and its density of a picture, and the other way; a classifier only receives.
    inner_encoder, inner_decoder : int or None
        Of the convolutions next to the channel alone: the encoder's last one and the decoder's first one;
        None where there are none: at a variable rate, and where nothing is sent.
    """

    order: int | None
    encoder: int | None
    decoder: int
    inner_encoder: int | None
    inner_decoder: int | None


@dataclass(frozen=True)
class Complexity:
    """What a network costs.

    Attributes
    ----------
    parameters : int
        All its variables, counted in scalars.
    normalisation : int
        Those of (switchable) batch normalisation: scale, bias and two running statistics for a channel.
    picture : (int, int)
        Height and width in px of the picture for which operations are counted.
    orders : tuple of OrderComplexity
    """

    parameters: int
    normalisation: int
    picture: tuple[int, int]
    orders: tuple[OrderComplexity, ...]


def measure(weights: Weights) -> Complexity:
    """Count the operations of the compiled encoder and decoder at every modulation order.

    For one picture of 32×32 px, or of 256×384 px for weights that are made for large ones. A decoder of
    classes is left out.

    Raises
    ------
    InputError
        The weights cannot be loaded.
    """
    from linksim import phy  # noqa: F401  starts TensorFlow, quietly: before a network is loaded

    codec, model = zoo.load(weights), weights.card.model
    picture = CROP if model not in CLASSIFIERS and is_large(weights, codec) else _SMALL
    if model in CLASSIFIERS:
        orders = (_of_classifier(codec, picture),)
    elif model in SOURCE_CODERS:
        orders = (_of_source_coder(codec, picture),)
    else:
        points = [len(constellation) for constellation in codec.constellations] or [None]
        orders = tuple(_of_order(codec, picture, order, count) for order, count in enumerate(points))
    return Complexity(
        parameters=codec.count_params(),
        normalisation=sum(
            math.prod(variable.shape)
            for variable in codec.variables
            if "batch_normalization" in variable.path
        ),
        picture=picture,
        orders=orders,
    )


def _of_classifier(network, picture):
    from linksim.phy.flops import flops

    return OrderComplexity(0, None, flops(network, (1, *picture, 3)).total, None, None)


def _of_source_coder(coder, picture):
    """Both ends need the density of y; the rounding of a picture's sides to whole patches is left out."""
    from linksim.phy.flops import flops

    latent = coder.analysis.compute_output_shape((1, *picture, 3))
    hyper = coder.hyperprior.analysis.compute_output_shape(latent)

    def encode(images):
        return coder.hyperprior(coder.analysis(images)).bits

    def density(quantized):
        return coder.hyperprior.moments(quantized, *latent[1:3])[1]

    decoder = flops(coder.synthesis, latent).total + flops(density, hyper).total
    return OrderComplexity(0, flops(encode, (1, *picture, 3)).total, decoder, None, None)


def _of_order(codec, picture, order, points):
    from linksim.jscc.codec import Condition
    from linksim.phy.flops import flops

    # What the SNR and the rates are changes no number of operations: the modulation order alone does.
    uses = codec.channel_uses(*picture)
    rates = np.zeros((1, uses // codec.rates[-1]), np.int32) if codec.rates else None
    condition = Condition(*picture, snr_db=0.0, order=order, rates=rates)
    shape = (1, *picture, 3)

    def encode(images):
        return codec.encode(images, condition).content

    def decode(received):
        return codec.decode(received, condition)

    encoder = flops(encode, shape)
    decoder = flops(decode, (1, uses), "int32") if codec.detects else flops(decode, (1, uses, 2))
    choice = 0
    if codec.rates:  # y is there already
        choice = flops(codec.self_information, shape).total - flops(codec.latent, shape).total
    return OrderComplexity(
        points,
        encoder.total + choice,
        decoder.total,
        None if codec.rates else encoder.convolutions[-1],
        None if codec.rates else decoder.convolutions[0],
    )
