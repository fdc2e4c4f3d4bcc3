"""Measures what weights send for pictures: the points or symbols with the share of each."""

import math
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from pydantic import BaseModel

from linksim import images, zoo
from linksim.jscc import SOURCE_CODERS
from linksim.jscc.rates import allocate, sent_mask
from linksim.scenario.errors import InputError
from linksim.scenario.images import ImagesSpec
from linksim.systems.rate_control import RateControl
from linksim.zoo import Weights

#: The most pictures of a source.
_PICTURES = 128

CROP = (256, 384)
"""Size to which large pictures are cut: height and width in px."""

#: Source samples that go through a network at once.
_BATCH_SAMPLES = 400_000

_LARGE_REDUCTION = 16  # From this reduction on, weights are made for large pictures.

#: Mean CBR at which variable rates are used where the card has none of the validation.
_MEAN_CBR = 1 / 16

_SEED = 1  # Of the draws of a stochastic encoder.


@dataclass(frozen=True, eq=False)
class Usage:
    """What was sent for some pictures.

    Attributes
    ----------
    values : complex [N]
        The points of the constellation by label, or every analogue symbol.
    shares : float [N]
        The share of the symbols that has this value; they sum to 1.
    order : int or None
        M, the points of the constellation; None for analogue symbols.
    symbols : int
        How many were sent.
    pictures : str
        For which, as `128 of patches32`.
    quantization_noise_db : float or None
        Mean squared distance of the points from what was quantized to them, over their mean energy, in dB;
        None where nothing was quantized.
    draw_entropy_bits : float or None
        Of a stochastic encoder: the mean entropy of the draw of a symbol, in bits; 0 for one that always
        sends the same points for a picture.
    """

    values: np.ndarray = field(repr=False)
    shares: np.ndarray = field(repr=False)
    order: int | None
    symbols: int
    pictures: str
    quantization_noise_db: float | None = None
    draw_entropy_bits: float | None = None

    @property
    def energy_db(self) -> float:
        """Mean energy of the symbols in dB: 10·log10 Σ P(c)·|c|²."""
        return 10 * math.log10(self._mean_energy)

    @property
    def peak_to_average_db(self) -> float:
        """Largest energy of a symbol that was sent over the mean energy of all, in dB.

        Over all pictures at once; `papr_db` of the results is the mean of each picture's own.
        """
        peak = np.square(np.abs(self.values[self.shares > 0])).max()
        return 10 * math.log10(peak / self._mean_energy)

    @property
    def used(self) -> int:
        """Points that were sent at least once."""
        return int(np.count_nonzero(self.shares))

    @property
    def entropy_bits(self) -> float | None:
        """−Σ P(c)·log2 P(c), at most log2 M; None for analogue symbols.

        Of the shares as they were counted, which is about (M − 1)/(2·ln 2·symbols) bits too small.
        """
        if self.order is None:
            return None
        shares = self.shares[self.shares > 0]
        return float(abs(np.sum(shares * np.log2(shares))))

    @property
    def _mean_energy(self):
        return float(np.sum(self.shares * np.square(np.abs(self.values))))


def constellation_usage(points, indices, pictures: str, unquantized=None, draw_entropy_bits=None) -> Usage:
    """Count how often each point was sent.

    Parameters
    ----------
    points : complex [M]
    indices : int, any shape
        Of the points that were sent.
    pictures : str
        For which pictures.
    unquantized : complex, the shape of the indices, optional
        What was quantized to these points.
    draw_entropy_bits : float, optional
        As in `Usage`.
    """
    points = np.asarray(points, complex)
    noise_db = None
    if unquantized is not None:
        sent = points[indices]
        noise = np.mean(np.square(np.abs(sent - unquantized))) / np.mean(np.square(np.abs(sent)))
        noise_db = 10 * math.log10(noise)
    counts = np.bincount(np.ravel(indices), minlength=len(points))
    shares = counts / counts.sum()
    return Usage(points, shares, len(points), int(counts.sum()), pictures, noise_db, draw_entropy_bits)


def analogue_usage(symbols, pictures: str) -> Usage:
    """All symbols, complex of any shape, with equal shares."""
    symbols = np.ravel(symbols).astype(complex)
    return Usage(symbols, np.full(symbols.size, 1 / symbols.size), None, symbols.size, pictures)


def measure(weights: Weights, source: str | BaseModel | None = None) -> list[Usage]:
    """Encode the first 128 pictures of a source and count what is sent.

    Parameters
    ----------
    weights : linksim.zoo.Weights
    source : str, a model of `linksim.scenario.images`, or None
        YAML name of a source of colour pictures, or the pictures of a scenario; large ones are cut to 256×384
        px where the scenario does not cut them. None takes `patches32`, or `photos` for weights that are made
        for large pictures.

    Returns
    -------
    list of Usage
        One for each modulation order of the weights, which all send the same pictures; a single one for
        analogue symbols. At a variable rate what is sent has the mean CBR of the card's validation, or 1/16.

    Raises
    ------
    InputError
        The weights cannot be loaded or send nothing; the source is unknown, holds grey pictures or pictures
        of a size that they do not take, or cannot be loaded.
    """
    from linksim import phy  # noqa: F401  starts TensorFlow, quietly: before a network is loaded

    _refuse_what_sends_nothing(weights)
    codec = zoo.load(weights)
    if source is None:
        source = "photos" if is_large(weights, codec) else "patches32"
    specification = _specification(source)
    pixels = _pictures(specification)
    side = weights.card.side
    if side is not None and pixels.shape[1:3] != (side, side):
        problem = f"{weights.reference} takes pictures of {side}×{side} px only"
        raise InputError(problem, field="source", mend="take such pictures, as patches32")
    text = f"{len(pixels)} of {specification.source}"
    snr_db = float(np.mean(weights.card.snr_db))
    if codec.stochastic:
        return [_drawn(codec, _sent(codec, 0, pixels, snr_db), text)]
    maps = _rate_maps(codec, pixels, weights.card.validation_cbr or _MEAN_CBR) if codec.rates else None
    if not codec.constellations:
        return [analogue_usage(_complex(_sent(codec, 0, pixels, snr_db, maps)), text)]
    unquantized = _unquantized(codec, pixels, snr_db)
    return [
        constellation_usage(points, _sent(codec, order, pixels, snr_db, maps), text, unquantized)
        for order, points in enumerate(codec.constellations)
    ]


def is_large(weights: Weights, codec) -> bool:
    """Whether weights are made for large pictures."""
    return weights.card.side is None and codec.reduction >= _LARGE_REDUCTION


def _refuse_what_sends_nothing(weights: Weights) -> None:
    """Raise InputError for weights that send nothing."""
    card = weights.card
    if card.cbr is None and not card.varies:
        does = "codes" if card.model in SOURCE_CODERS else "classifies"
        problem = f"{weights.reference} {does} pictures and sends nothing"
        raise InputError(problem, mend="name weights of a learned system")


def _sent(codec, order, pixels, snr_db, maps=None):
    """Labels int32 [batch, k] at one modulation order, analogue symbols as real pairs [batch, k, 2], or the
    law of a stochastic encoder, ln of probabilities [batch, k, axes, levels].

    At a variable rate, labels int32 [N] or pairs [N, 2]: those that are sent of all pictures.
    """
    from linksim.jscc.codec import Condition

    height, width = pixels.shape[1:3]

    def encode(snr_db, batch, rates=None):
        return codec.encode(batch, Condition(height, width, snr_db, order, rates)).content

    if maps is None:
        return _in_batches(encode, snr_db, pixels)
    return _in_batches(encode, snr_db, pixels, maps)[sent_mask(maps, codec.rates)]


def _rate_maps(codec, pixels, cbr):
    """Rates of the patches, int32 [batch, patches], that make the mean CBR of all pictures the target."""
    bits = _in_batches(lambda snr_db, batch: codec.self_information(batch), 0.0, pixels)
    control = RateControl(codec.rates, list(bits), [pixels[0].size] * len(pixels))
    eta, _ = control.eta(cbr, np.zeros(len(pixels)))
    return allocate(bits, eta, codec.rates)


def _drawn(codec, law, text):
    """One draw from the law of a stochastic encoder."""
    uniform = np.random.default_rng(_SEED).random(law.shape, dtype=np.float32)
    entropy = -np.sum(np.exp(law) * law, axis=(-2, -1)).mean() / math.log(2)
    labels = np.asarray(codec.draw(law, uniform))
    return constellation_usage(codec.constellations[0], labels, text, draw_entropy_bits=float(entropy))


def _unquantized(codec, pixels, snr_db):
    """What a codec of one modulation order quantizes, complex [batch, k]; None for one that has no such."""
    if codec.unquantized(np.zeros((1, *pixels.shape[1:]), np.float32)) is None:
        return None
    return _complex(_in_batches(lambda snr_db, batch: codec.unquantized(batch), snr_db, pixels))


def _in_batches(function, snr_db, pixels, *maps):
    """What a compiled function of the SNR, float pictures and perhaps rates gives for all pictures."""
    from linksim.phy.compiled import Input, compiled

    inputs = [
        Input(),
        Input((None, *pixels.shape[1:])),
        *(Input((None, each.shape[1]), "int32") for each in maps),
    ]
    graph = compiled(function, *inputs)
    length = max(1, _BATCH_SAMPLES // pixels[0].size)
    parts = [slice(start, start + length) for start in range(0, len(pixels), length)]
    return np.concatenate(
        [graph(snr_db, np.float32(pixels[part]) / 255, *(each[part] for each in maps)) for part in parts]
    )


def _complex(pairs):
    return pairs[..., 0] + 1j * pairs[..., 1]


def _specification(source):
    """The first pictures of a source that needs no path, or of a scenario's, in one size."""
    if not isinstance(source, str):
        crop = {"crop": source.crop or CROP} if hasattr(source, "crop") else {}
        return source.model_copy(update={"limit": min(source.limit or _PICTURES, _PICTURES), **crop})
    known = {
        get_args(model.model_fields["source"].annotation)[0]: model
        for model in get_args(get_args(ImagesSpec)[0])
        if not any(part.is_required() for part in model.model_fields.values())
    }
    if source not in known:
        mend = f"one of {', '.join(known)}"
        raise InputError(f"there is no such source {source!r}", field="source", mend=mend)
    model = known[source]
    crop = {"crop": CROP} if "crop" in model.model_fields else {}
    return model(limit=_PICTURES, **crop)


def _pictures(specification):
    """Pixels uint8 [batch, H, W, 3] of the first pictures of a source."""
    pictures = images.load(specification).pictures
    if any(picture.shape[2] != 3 for picture in pictures):
        mend = "take a source of colour pictures"
        raise InputError(f"{specification.source} holds grey pictures", field="source", mend=mend)
    return np.stack([picture.pixels for picture in pictures])
