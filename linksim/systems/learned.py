"""A learned system: a trained encoder and decoder with the link between them."""

import hashlib
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from linksim import zoo
from linksim.images.lru import RecentlyUsed
from linksim.jscc import SOURCE_CODERS, STOCHASTIC, VARIABLE_RATE
from linksim.modulation.boundaries import order_at, snr_boundaries_db
from linksim.scenario.errors import InputError
from linksim.scenario.systems import LearnedSpec
from linksim.systems import side_information
from linksim.systems.base import CHANNEL_OUTAGE, DELIVERED, OperatingPoint, Reception
from linksim.systems.fallback import GREY, fallback_picture
from linksim.systems.network import Network, uniform
from linksim.systems.rate_control import SharedBandwidth

#: Symbol error rate at the SNR boundaries of models that know one order each; that of the uJSCC paper.
_TARGET_SER = 0.1

#: Symbols of chunks sent before: the same pictures are sent at every SNR and in every trial.
_REMEMBERED_BYTES = 64 << 20


class Learned:
    """Pictures → encoder → symbols or points of a constellation → link → decoder → pictures.

    Every picture arrives: there is no file to lose, only noise in its features. The decoder sees the
    equalised symbols, and the nearest points are detected for the symbol error rate alone; or it sees the
    labels of the detected points, where the codec says so. The equaliser `mmse` scales each symbol by its
    noise variance before the decoder: the link's unbiased estimates become linear MMSE ones. Of several
    modulation orders the SNR or the scenario chooses one. A stochastic encoder says with what probabilities
    points are sent; every transmission draws anew.

    A codec of variable rate gives each patch of a picture symbols by its self-information, times a factor
    that makes the mean CBR of all pictures of the study the operating point's, side information included
    (`linksim.systems.rate_control`). Only what is sent goes over the link and is billed; power and symbol
    errors are those of the picture's symbols. Side information that is `coded` can be lost: then the receiver
    shows the fallback picture.

    Parameters
    ----------
    spec : LearnedSpec
    cache
        Not needed; what every system is given.
    fallback : (red, green, blue)
        What the receiver shows when side information was lost.
    pictures : sequence of Picture or StoredPicture
        All that are sent in the study; needed for a variable rate alone, of which `transmit` takes no others.

    Examples
    --------
    >>> import linksim
    >>> from linksim.images.patches32 import patches
    >>> patch = next(patches()).pixels
    >>> system = Learned(LearnedSpec(type="learned", weights="zoo:deepjscc/awgn16-c6"))
    >>> (point,) = system.operating_points(Fraction(1, 6), 16.0)
    >>> reception = system.transmit(patch[None], linksim.Link("awgn", 16.0), point, seed=1)
    >>> point.name, reception.pictures.shape, reception.channel_uses
    ('weights:deepjscc/awgn16-c6', (1, 32, 32, 3), array([512.]))
    """

    prunes = False

    def __init__(self, spec: LearnedSpec, cache=None, fallback=GREY, pictures=()):
        self._spec = spec
        self._fallback = fallback
        self._pictures = pictures
        self._bandwidths: dict[str, SharedBandwidth] = {}
        self._networks: dict[str, Network] = {}
        self._sent = RecentlyUsed(
            _REMEMBERED_BYTES, size=lambda sent: sum(part.nbytes for part in sent if part is not None)
        )

    def random(self, channel) -> bool:
        """Always: noise at least is drawn."""
        return True

    def operating_points(self, cbr: Fraction, snr_db: float) -> tuple[OperatingPoint, ...]:
        """The one point of a bandwidth and a channel SNR: `weights:MODEL/NAME`.

        It is `weights:MODEL/NAME/ORDER`, with the bits per symbol, where the weights serve several orders.

        Raises
        ------
        InputError
            The weights are missing, damaged, of another model, made for another CBR or of a rate that cannot
            reach it, or do not go with the order, the SNR boundaries or the side information; the field is
            below the system's.
        """
        wanted = None
        if self._spec.orders:
            wanted = self._spec.orders[self._order_at(snr_db, self._spec.orders, _TARGET_SER)]
        weights = self._weights(cbr, self._spec.reference(cbr, snr_db, wanted))
        order = self._order(weights, snr_db, wanted)
        name = f"weights:{weights.name}"
        if len(weights.card.orders) > 1:
            name += f"/{weights.card.orders[order]}"
        return (OperatingPoint(name, cbr, weights=weights, order=order),)

    def _weights(self, cbr, reference):
        """The weights of a reference, if they suit the bandwidth and the model."""
        if reference is None:
            raise InputError(
                f"no weights for CBR {cbr}", field="weights.cbr", mend=f"add `{cbr}: REFERENCE` to the table"
            )
        try:
            weights = zoo.find(reference)
        except InputError as error:
            raise error.at("weights") from error
        card = weights.card
        if card.model in SOURCE_CODERS:
            problem, mend = f"{reference} codes pictures and sends none", "name weights that start from it"
            raise InputError(problem, field="weights", mend=mend)
        if card.cbr is None and not card.varies:
            problem, mend = f"{reference} classifies pictures and sends none", "name it as `classifier`"
            raise InputError(problem, field="weights", mend=mend)
        if self._spec.sampling != "random" and card.model not in STOCHASTIC:
            problem = f"{reference} draws nothing"
            raise InputError(problem, field="sampling", mend="leave it out, or name weights of a jcm")
        if self._spec.equaliser == "mmse" and card.detects:
            problem = f"{reference} detects points, which noise variances do not change"
            raise InputError(problem, field="equaliser", mend="leave it out, or name other weights")
        if card.varies:
            self._check_range(weights, cbr)
        elif self._spec.side_information != "capacity":
            problem = f"{reference} sends at a fixed rate, which needs no side information"
            mend = f"leave it out, or name weights of an {' or '.join(VARIABLE_RATE)}"
            raise InputError(problem, field="side_information", mend=mend)
        elif card.cbr != cbr:
            mend = f"set bandwidth.cbr to {card.cbr}, or name weights made for {cbr}"
            raise InputError(f"{reference} is made for CBR {card.cbr}, not {cbr}", field="weights", mend=mend)
        if self._spec.model not in (None, card.model):
            raise InputError(
                f"{reference} holds weights of a {card.model}",
                field="model",
                mend=f"write {card.model}, or leave it out",
            )
        return weights

    def _check_range(self, weights, cbr):
        """Raise InputError unless the rates of the weights allow a mean CBR, whatever the pictures hold."""
        card, count = weights.card, len(self._pictures)
        patches = sum(
            times * Fraction(card.patches(height, width), height * width * channels)
            for (height, width, channels), times in self._shapes.items()
        )
        low, high = (rate * patches / max(1, count) for rate in (card.rates[0], card.rates[-1]))
        if count and not low <= cbr <= high:
            ends = f"{float(low):.4g} to {float(high):.4g}"
            problem = f"{weights.reference} can send the pictures at a mean CBR of {ends}, not {cbr}"
            mend = "set bandwidth.cbr within these, or name other weights"
            raise InputError(problem, field="weights", mend=mend)

    @cached_property
    def _shapes(self):
        """How many pictures there are of each shape."""
        return Counter(picture.shape for picture in self._pictures)

    def _order(self, weights, snr_db, wanted):
        """Which of the weights' orders is in use: the one wanted, bits per symbol, or the one for the SNR."""
        orders = weights.card.orders
        kind = f"serves {', '.join(map(str, orders))} bits per symbol" if orders else "sends analogue symbols"
        if wanted is not None:
            if wanted not in orders:
                problem = f"{weights.reference} {kind}, not {wanted}"
                raise InputError(problem, field="weights.order", mend="name weights made for the key")
            return orders.index(wanted)
        if self._spec.order is not None:
            if self._spec.order not in orders:
                mend = "write one of them" if orders else "leave it out"
                problem = f"{weights.reference} {kind}, not {self._spec.order}"
                raise InputError(problem, field="order", mend=mend)
            return orders.index(self._spec.order)
        if len(orders) > 1 and weights.card.varies:
            problem = f"missing: {weights.reference} {kind}"
            raise InputError(problem, field="order", mend=f"add `order: {orders[0]}` or another one")
        if len(orders) > 1:
            return self._order_at(snr_db, orders, weights.card.sizes.get("target_ser", _TARGET_SER))
        for field in ("target_ser", "boundaries"):
            if getattr(self._spec, field) is not None:
                mend = "leave it out, or name weights for several modulation orders"
                raise InputError(f"{weights.reference} {kind} and has no boundaries", field=field, mend=mend)
        return 0 if orders else None

    def _order_at(self, snr_db, orders, target_ser):
        """The index of the order for an SNR, by the scenario's boundaries or those of an error rate."""
        boundaries_db = snr_boundaries_db(orders, self._spec.target_ser or target_ser)
        given = self._spec.boundaries
        if given is not None and len(given) != len(boundaries_db):
            example = ", ".join(f"{boundary_db:.1f}" for boundary_db in boundaries_db)
            raise InputError(
                f"{len(orders)} modulation orders need {len(boundaries_db)} SNRs, not {len(given)}",
                field="boundaries",
                mend=f"write as many in dB, such as [{example}]" if example else "leave it out",
            )
        return order_at(snr_db, given or boundaries_db)

    def transmit(self, images: np.ndarray, link, point: OperatingPoint, seed: int) -> Reception:
        """Send images uint8 `[batch, H, W, 3]`, all of them in one use of the link."""
        network, order = self._network(point.weights), point.order or 0
        maps = self._rate_maps(network, images, link, point) if point.varies else None
        encoded = self._encode(network, point.weights.digest, images, order, link.snr_db, maps)
        if encoded.law is not None:
            encoded = network.draw(encoded.law, self._uniform(encoded.law.shape, seed))
        # May set Sionna's seed: before the channel is drawn.
        side_uses = None if maps is None else self._side_uses(maps, point, link)
        size = images.shape[1:3]
        reception = network.send(encoded, size, link, order, seed, maps, self._spec.equaliser)
        if maps is None:
            return reception
        outcomes, pictures = reception.outcomes, reception.pictures
        if self._spec.side_information == "coded":
            delivered = side_information.send(maps, point.weights.card.rates, link)
            outcomes = tuple(DELIVERED if arrives else CHANNEL_OUTAGE for arrives in delivered)
            pictures[~delivered] = fallback_picture(images.shape[1:], self._fallback)
        uses = reception.channel_uses + side_uses
        return replace(reception, pictures=pictures, outcomes=outcomes, channel_uses=uses)

    def _network(self, weights):
        if weights.digest not in self._networks:
            self._networks[weights.digest] = Network(zoo.load(weights))
        return self._networks[weights.digest]

    def _uniform(self, shape, seed):
        """What a stochastic encoder draws by; None: nothing is drawn."""
        return uniform(shape, seed) if self._spec.sampling == "random" else None

    def _rate_maps(self, network, images, link, point):
        """The index of the rate of each patch of pictures of variable rate, int32 `[batch, patches]`."""
        digest = point.weights.digest
        if digest not in self._bandwidths:
            bits = network.self_information(self._pictures)
            self._bandwidths[digest] = SharedBandwidth(point.weights.card.rates, self._pictures, bits)
        return self._bandwidths[digest].maps(images, point.cbr, self._spec.side_information, link)

    def _side_uses(self, maps, point, link):
        """Channel uses that each picture is billed for side information, float."""
        bits = side_information.map_bits(point.weights.card.rates, maps.shape[1])
        return float(side_information.uses(self._spec.side_information, bits, link.medium, link.snr_db))

    def _encode(self, network, digest, images, order, snr_db, maps):
        """What the encoder gives for a chunk of pictures; remembered.

        What is sent depends on the modulation order and the rates of the patches, and on the SNR itself only
        where the codec `adapts`: otherwise it is no part of what they are remembered by.
        """
        adapted = (snr_db,) if network.adapts else ()
        sha = hashlib.sha256(repr((digest, images.shape, order, *adapted)).encode())
        for array in (images,) if maps is None else (images, maps):
            sha.update(np.ascontiguousarray(array).data)
        key = sha.digest()
        sent = self._sent.get(key)
        if sent is None:
            sent = network.encode(images, order, snr_db, maps)
            self._sent.put(key, sent)
        return sent
