"""A codec at work: between uint8 pictures and what goes over the link."""

from itertools import groupby
from typing import NamedTuple

import numpy as np

from linksim.jscc.rates import sent_mask
from linksim.systems.base import DELIVERED, Reception
from linksim.systems.rate_control import Packing

#: Source samples that go through a network at once; a fixed number, so that no result follows memory.
_BATCH_SAMPLES = 400_000

#: Keeps the draws of a stochastic encoder apart from everything else that a task's seed decides.
_DRAW = 0x6A636D


class Encoded(NamedTuple):
    """What an encoder gives: symbols complex64 `[batch, k]`, with their indices where they are points, or the
    law of a stochastic encoder, ln of probabilities `[batch, k, axes, levels]`."""

    symbols: np.ndarray | None = None
    indices: np.ndarray | None = None
    law: np.ndarray | None = None


class Network:
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
        self.adapts = codec.adapts

    def self_information(self, pictures):
        """Bits of each patch of each picture, for a codec of variable rate: list of float32 `[patches]`."""
        from linksim.phy.compiled import Input, compiled

        found = []
        for shape, alike in groupby(pictures, key=lambda picture: picture.shape):
            graph, alike = compiled(self._codec.self_information, Input((None, *shape))), list(alike)
            length = batch_length(*shape[:2])
            for start in range(0, len(alike), length):
                pixels = np.stack([picture.pixels for picture in alike[start : start + length]])
                found.extend(graph(np.float32(pixels) / 255))
        return found

    def sent(self, shape, maps):
        """Which of symbols `[batch, k]` are sent, bool: all of them, but for a variable rate."""
        return np.ones(shape, bool) if maps is None else sent_mask(maps, self._codec.rates)

    def encode(self, images, order, snr_db, maps=None):
        """What is sent for images uint8 `[batch, H, W, 3]`, with rates int32 `[batch, patches]` or none."""
        encoder = self._compiled(*images.shape[1:3], order)["encode"]

        def encode(batch, *rates):
            return encoder(np.float32(batch) / 255, snr_db, *rates)

        arrays = (images,) if maps is None else (images, maps)
        sent = in_batches(encode, batch_length(*images.shape[1:3]), *arrays)
        if self._codec.stochastic:
            return Encoded(law=sent)
        if not self.constellations:
            return Encoded(sent[..., 0] + np.complex64(1j) * sent[..., 1])
        return Encoded(self.constellations[order].map(sent).numpy(), sent)

    def draw(self, law, uniform):
        """Points for the law of a stochastic encoder, by uniform numbers; None: the likeliest."""
        indices = np.asarray(self._codec.draw(law, uniform))
        return Encoded(self.constellations[0].map(indices).numpy(), indices)

    def decode(self, received, height, width, order, snr_db, maps=None):
        """Equalised real pairs float32 `[batch, k, 2]`, or labels int32 `[batch, k]` where the codec detects,
        to pictures uint8 `[batch, H, W, 3]`."""
        decoder = self._compiled(height, width, order)["decode"]
        return in_batches(
            lambda *batch: np.rint(255 * np.clip(decoder(batch[0], snr_db, *batch[1:]), 0, 1)).astype(
                np.uint8
            ),
            batch_length(height, width),
            *((received,) if maps is None else (received, maps)),
        )

    def classify(self, received, height, width, order, snr_db):
        """What `decode` takes to the classes that the receiver names, int `[batch]`."""
        classifier = self._compiled(height, width, order)["classify"]
        length = batch_length(height, width)
        return in_batches(lambda batch: classifier(batch, snr_db).argmax(axis=-1), length, received)

    def send(self, encoded, size, link, order, seed, maps=None, equaliser="zf") -> Reception:
        """Send what was encoded in one use of the link, and show what the decoder makes of it.

        Parameters
        ----------
        encoded : Encoded
            Symbols; what a law says has been drawn.
        size : (int, int)
            Height and width of the pictures.
        link : linksim.phy.link.Link
        order : int
            Which of the codec's modulation orders, from 0.
        seed : int
            Of the channel.
        maps : [batch, patches], int32, or None
            Of a variable rate: the rate of each patch.
        equaliser : str
            What the decoder gets: `zf`, the link's unbiased estimates; `mmse`, linear MMSE ones.
        """
        from linksim.phy import randomness  # loads TensorFlow: not before something is sent

        packing = Packing(self.sent(encoded.symbols.shape, maps))
        randomness.seed(seed)
        symbols = packing.pack(encoded.symbols)
        received = link.transmit(symbols, packing.mask)
        equalised, count = received.symbols.numpy(), len(encoded.symbols)
        wrong = np.zeros(count, int)
        arrived = np.stack([equalised.real, equalised.imag], axis=-1)
        if encoded.indices is not None:
            detected = self.constellations[order].detect(equalised)
            wrong = (packing.mask & (detected != packing.pack(encoded.indices))).sum(axis=1)
            arrived = detected if self.detects else arrived
        if equaliser == "mmse":
            arrived *= _wiener(symbols, packing.uses, received.noise_variance.numpy())[..., None]
        condition = (*size, order, link.snr_db)
        arrived = packing.unpack(arrived)
        return Reception(
            pictures=self.decode(arrived, *condition, maps),
            outcomes=(DELIVERED,) * count,
            channel_uses=np.asarray(packing.uses, float),
            power=received.power.numpy().astype(float),
            peak_power=received.peak_power.numpy().astype(float),
            bits=np.zeros(count, int),
            bit_errors=np.zeros(count, int),
            symbols=np.zeros(count, int) if encoded.indices is None else packing.uses,
            symbol_errors=wrong,
            outage_probability=np.zeros(count),
            classes=self.classify(arrived, *condition) if self.classifies else None,
        )

    def _compiled(self, height, width, order):
        key = height, width, order
        if key not in self._graphs:
            from linksim.jscc.codec import Condition
            from linksim.phy.compiled import Input, compiled

            codec, uses = self._codec, self._codec.channel_uses(height, width)

            def condition(snr_db, rates=None):
                return Condition(height, width, snr_db, order, rates)

            def encode(images, *known):
                return codec.encode(images, condition(*known)).content

            def decode(received, *known):
                return codec.decode(received, condition(*known))

            def classify(received, *known):
                return codec.classify(received, condition(*known))

            received = Input((None, uses), "int32") if codec.detects else Input((None, uses, 2))
            known = [Input()]
            if codec.rates:
                known.append(Input((None, uses // codec.rates[-1]), "int32"))
            self._graphs[key] = {
                "encode": compiled(encode, Input((None, height, width, 3)), *known),
                "decode": compiled(decode, received, *known),
            }
            if self.classifies:
                self._graphs[key]["classify"] = compiled(classify, received, *known)
        return self._graphs[key]


def uniform(shape, seed):
    """What a stochastic encoder draws by in the transmission of a seed: float32 in [0, 1)."""
    return np.random.default_rng([seed, _DRAW]).random(shape, dtype=np.float32)


def _wiener(symbols, uses, noise_variance):
    """Es/(Es + σ²) of each symbol, float32 `[batch, k]`: x + n times it is the linear MMSE estimate of x.

    Es is the mean energy of the symbols `[batch, k]` that are sent of each picture, so many as `uses` says.
    """
    energy = np.square(np.abs(symbols)).sum(axis=1) / np.maximum(uses, 1)
    return (energy / np.maximum(energy + noise_variance.T, 1e-30)).T.astype(np.float32)


def batch_length(height, width):
    return max(1, _BATCH_SAMPLES // (3 * height * width))


def in_batches(function, length, *arrays):
    """What a function gives for arrays, so many entries of each at once."""
    starts = range(0, len(arrays[0]), length)
    return np.concatenate([function(*(array[i : i + length] for array in arrays)) for i in starts])
