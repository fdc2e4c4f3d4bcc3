"""Samples of what MDJCM's encoder gives before points are chosen."""

import numpy as np

from linksim import images, zoo
from linksim.evaluation.usage import CROP, is_large
from linksim.jscc.rates import allocate
from linksim.scenario.errors import InputError
from linksim.scenario.images import Patches32Spec, PhotosSpec
from linksim.zoo import Weights

SAMPLES = 100_000
"""The most samples; of more, as many evenly spaced quantiles."""

_PICTURES = 128
_BATCH_SAMPLES = 400_000
_HALVINGS = 40


class Encoder:
    """The encoder of weights, for packaged photographs at the mean CBR that their card tells of validation.

    Parameters
    ----------
    weights : linksim.zoo.Weights
    orders : sequence of int
        Bits per symbol that will be asked for.

    Raises
    ------
    InputError
        The weights cannot be loaded, have no grid of points, or do not serve an order.
    """

    def __init__(self, weights: Weights, orders):
        served = weights.card.orders
        if weights.card.model != "mdjcm" or not served:
            problem = f"{weights.reference} rounds nothing to square QAM of several levels"
            raise InputError(problem, mend="name digital weights of an mdjcm, or none for a Gaussian")
        for bits in orders:
            if bits not in served:
                problem = (
                    f"{weights.reference} serves {', '.join(map(str, served))} bits per symbol, not {bits}"
                )
                raise InputError(problem, field="orders", mend="leave it out")
        from linksim import phy  # noqa: F401  starts TensorFlow, quietly: before a network is loaded

        self._codec = zoo.load(weights)
        source = "photos" if is_large(weights, self._codec) else "patches32"
        self._pixels = _pictures(source)
        self.pictures = f"{len(self._pixels)} of {source}"
        bits = self._batches(lambda at: self._codec.self_information(self._floats(at)))
        cbr = weights.card.validation_cbr or max(self._codec.rates) * bits[0].size / (
            2 * self._pixels[0].size
        )
        self._rates = _rates_for(bits, self._codec.rates, cbr * self._pixels[0].size)
        self.cbr = float(np.take(self._codec.rates, self._rates).sum() / self._pixels.size)

    def samples(self, num_bits: int, snr_db: float) -> np.ndarray:
        """Real dimensions of the symbols that are sent, both in one, float64 [at most SAMPLES], rising."""
        from linksim.jscc.codec import Condition
        from linksim.jscc.rates import sent_mask

        height, width = self._pixels.shape[1:3]
        order = self._codec.orders.index(num_bits)
        pairs = self._batches(
            lambda at: self._codec.pairs(
                self._floats(at), Condition(height, width, snr_db, order, self._rates[at])
            )
        )
        sent = np.sort(pairs[sent_mask(self._rates, self._codec.rates)].ravel().astype(float))
        if sent.size > SAMPLES:
            sent = sent[((np.arange(SAMPLES) + 0.5) * sent.size / SAMPLES).astype(int)]
        return sent

    def _floats(self, at):
        return np.float32(self._pixels[at]) / 255

    def _batches(self, function):
        length = max(1, _BATCH_SAMPLES // self._pixels[0].size)
        starts = range(0, len(self._pixels), length)
        return np.concatenate([np.asarray(function(slice(start, start + length))) for start in starts])


def _rates_for(bits, rates, uses):
    """Rates of all patches, with η such that a picture takes so many channel uses on average."""
    low, high = 1e-6, 1e6
    for _ in range(_HALVINGS):
        eta = np.sqrt(low * high)
        enough = np.take(rates, allocate(bits, eta, rates)).sum(axis=1).mean() >= uses
        low, high = (low, eta) if enough else (eta, high)
    return allocate(bits, high, rates)


def _pictures(source):
    """Pixels uint8 [batch, H, W, 3]."""
    large = source == "photos"
    specification = PhotosSpec(crop=CROP) if large else Patches32Spec(limit=_PICTURES)
    return np.stack([picture.pixels for picture in images.load(specification).pictures])
