"""A learned system: a trained encoder and decoder with the link between them."""

import hashlib
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from linksim import zoo
from linksim.images.lru import RecentlyUsed
from linksim.jscc import STOCHASTIC
from linksim.modulation.boundaries import order_at, snr_boundaries_db
from linksim.scenario.errors import InputError
from linksim.scenario.systems import LearnedSpec
from linksim.systems.base import DELIVERED, OperatingPoint, Reception
from linksim.systems.fallback import GREY

#: Source samples that go through a network at once; a fixed number, so that no result follows memory.
_BATCH_SAMPLES = 400_000

#: Symbol error rate at the SNR boundaries of models that know one order each; that of the uJSCC paper.
_TARGET_SER = 0.1

#: Keeps the draws of a stochastic encoder apart from everything else that a task's seed decides.
_DRAW = 0x6A636D

#: Symbols of chunks sent before: the same pictures are sent at every SNR and in every trial.
_REMEMBERED_BYTES = 64 << 20


class Learned:
    """Pictures → encoder → symbols or points of a constellation → link → decoder → pictures.

    Every picture arrives: there is no file to lose, only noise in its features. The decoder sees the
    equalised symbols, and the nearest points are detected for the symbol error rate alone; or it sees the
    labels of the detected points, where the codec says so. Of several modulation orders the SNR chooses one.
    A stochastic encoder says with what probabilities points are sent; every transmission draws anew.

    Parameters
    ----------
    spec : LearnedSpec
    cache, fallback
        Not needed; what every system is given.
    """

    random = True
    prunes = False

    def __init__(self, spec: LearnedSpec, cache=None, fallback=GREY):
        self._spec = spec
        self._networks: dict[str, _Network] = {}
        self._sent = RecentlyUsed(
            _REMEMBERED_BYTES, size=lambda sent: sum(part.nbytes for part in sent if part is not None)
        )

    def operating_points(self, cbr: Fraction, snr_db: float) -> tuple[OperatingPoint, ...]:
        """The one point of a bandwidth and a channel SNR: `weights:MODEL/NAME`.

        It is `weights:MODEL/NAME/ORDER`, with the bits per symbol, where the weights serve several orders.

        Raises
        ------
        InputError
            The weights are missing, damaged, of another model, made for another CBR, or do not go with the
            order or the SNR boundaries; the field is below the system's.
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
        if card.cbr is None:
            problem, mend = f"{reference} classifies pictures and sends none", "name it as `classifier`"
            raise InputError(problem, field="weights", mend=mend)
        if self._spec.sampling != "random" and card.model not in STOCHASTIC:
            problem = f"{reference} draws nothing"
            raise InputError(problem, field="sampling", mend="leave it out, or name weights of a jcm")
        if card.cbr != cbr:
            mend = f"set bandwidth.cbr to {card.cbr}, or name weights made for {cbr}"
            raise InputError(f"{reference} is made for CBR {card.cbr}, not {cbr}", field="weights", mend=mend)
        if self._spec.model not in (None, card.model):
            raise InputError(
                f"{reference} holds weights of a {card.model}",
                field="model",
                mend=f"write {card.model}, or leave it out",
            )
        return weights

    def _order(self, weights, snr_db, wanted):
        """Which of the weights' orders is in use: the one wanted, bits per symbol, or the one for the SNR."""
        orders = weights.card.orders
        kind = f"serves {', '.join(map(str, orders))} bits per symbol" if orders else "sends analogue symbols"
        if wanted is not None:
            if wanted not in orders:
                problem = f"{weights.reference} {kind}, not {wanted}"
                raise InputError(problem, field="weights.order", mend="name weights made for the key")
            return orders.index(wanted)
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
        from linksim.phy import randomness  # loads TensorFlow: not before something is sent

        network = self._network(point.weights)
        order = point.order or 0
        encoded = self._encode(network, point.weights.digest, images, order, link.snr_db)
        if encoded.law is not None:
            uniform = None
            if self._spec.sampling == "random":
                generator = np.random.default_rng([seed, _DRAW])
                uniform = generator.random(encoded.law.shape, dtype=np.float32)
            encoded = network.draw(encoded.law, uniform)
        symbols, indices = encoded.symbols, encoded.indices
        randomness.seed(seed)
        received = link.transmit(symbols)
        equalised = received.symbols.numpy()
        count, uses = symbols.shape
        energy = np.square(symbols.real) + np.square(symbols.imag)
        wrong = np.zeros(count, int)
        arrived = np.stack([equalised.real, equalised.imag], axis=-1)
        if indices is not None:
            detected = network.constellations[order].detect(equalised)
            wrong = (detected != indices).sum(axis=1)
            arrived = detected if network.detects else arrived
        classes = None
        if network.classifies:
            classes = network.classify(arrived, *images.shape[1:3], order, link.snr_db)
        return Reception(
            pictures=network.decode(arrived, *images.shape[1:3], order, link.snr_db),
            outcomes=(DELIVERED,) * count,
            channel_uses=np.full(count, float(uses)),
            power=received.power.numpy().astype(float),
            peak_power=energy.max(axis=1).astype(float),
            bits=np.zeros(count, int),
            bit_errors=np.zeros(count, int),
            symbols=np.full(count, 0 if indices is None else uses),
            symbol_errors=wrong,
            outage_probability=np.zeros(count),
            classes=classes,
        )

    def _network(self, weights):
        if weights.digest not in self._networks:
            self._networks[weights.digest] = _Network(zoo.load(weights))
        return self._networks[weights.digest]

    def _encode(self, network, digest, images, order, snr_db):
        """What the encoder gives for a chunk of pictures; remembered.

        What is sent depends on the modulation order, which the SNR chooses, but on the SNR itself no encoder
        depends, uJSCC's neither: it is no part of what they are remembered by.
        """
        sha = hashlib.sha256(repr((digest, images.shape, order)).encode())
        sha.update(np.ascontiguousarray(images).data)
        key = sha.digest()
        sent = self._sent.get(key)
        if sent is None:
            sent = network.encode(images, order, snr_db)
            self._sent.put(key, sent)
        return sent


class _Encoded(NamedTuple):
    """What an encoder gives: symbols complex64 `[batch, k]`, with their indices where they are points, or the
    law of a stochastic encoder, ln of probabilities `[batch, k, axes, levels]`."""

    symbols: np.ndarray | None = None
    indices: np.ndarray | None = None
    law: np.ndarray | None = None


class _Network:
    """A loaded codec between uint8 pictures and complex symbols.

    It is compiled once for each size of picture and modulation order, since an order decides how wide some
    layers are; all graphs share its variables.
    """

    def __init__(self, codec):
        from linksim.phy.modulation import Constellation

        self._codec = codec
        self._graphs = {}
        self.constellations = tuple(map(Constellation, codec.constellations))
        self.detects = codec.detects
        self.classifies = codec.classes > 0

    def encode(self, images, order, snr_db):
        """What is sent for images uint8 `[batch, H, W, 3]`."""
        encoder = self._compiled(*images.shape[1:3], order)["encode"]
        length = _batch_length(*images.shape[1:3])
        sent = _in_batches(lambda batch: encoder(np.float32(batch) / 255, snr_db), images, length)
        if self._codec.stochastic:
            return _Encoded(law=sent)
        if not self.constellations:
            return _Encoded(sent[..., 0] + np.complex64(1j) * sent[..., 1])
        return _Encoded(self.constellations[order].map(sent).numpy(), sent)

    def draw(self, law, uniform):
        """Points for the law of a stochastic encoder, by uniform numbers; None: the likeliest."""
        indices = np.asarray(self._codec.draw(law, uniform))
        return _Encoded(self.constellations[0].map(indices).numpy(), indices)

    def decode(self, received, height, width, order, snr_db):
        """Equalised real pairs float32 `[batch, k, 2]`, or labels int32 `[batch, k]` where the codec detects,
        to pictures uint8 `[batch, H, W, 3]`."""
        decoder = self._compiled(height, width, order)["decode"]
        return _in_batches(
            lambda batch: np.rint(255 * np.clip(decoder(batch, snr_db), 0, 1)).astype(np.uint8),
            received,
            _batch_length(height, width),
        )

    def classify(self, received, height, width, order, snr_db):
        """What `decode` takes to the classes that the receiver names, int `[batch]`."""
        classifier = self._compiled(height, width, order)["classify"]
        length = _batch_length(height, width)
        return _in_batches(lambda batch: classifier(batch, snr_db).argmax(axis=-1), received, length)

    def _compiled(self, height, width, order):
        key = height, width, order
        if key not in self._graphs:
            from linksim.jscc.codec import Condition
            from linksim.phy.compiled import compiled

            codec, uses = self._codec, self._codec.channel_uses(height, width)

            def encode(images, snr_db):
                return codec.encode(images, Condition(height, width, snr_db, order)).content

            def decode(received, snr_db):
                return codec.decode(received, Condition(height, width, snr_db, order))

            def classify(received, snr_db):
                return codec.classify(received, Condition(height, width, snr_db, order))

            received = ((None, uses), "int32") if codec.detects else ((None, uses, 2), "float32")
            self._graphs[key] = {
                "encode": compiled(encode, (None, height, width, 3)),
                "decode": compiled(decode, *received),
            }
            if self.classifies:
                self._graphs[key]["classify"] = compiled(classify, *received)
        return self._graphs[key]


def _batch_length(height, width):
    return max(1, _BATCH_SAMPLES // (3 * height * width))


def _in_batches(function, array, length):
    return np.concatenate([function(array[i : i + length]) for i in range(0, len(array), length)])
