"""A learned system: a trained encoder and decoder with the link between them."""

import hashlib
from fractions import Fraction

import numpy as np

from linksim import zoo
from linksim.images.lru import RecentlyUsed
from linksim.scenario.errors import InputError
from linksim.scenario.systems import LearnedSpec
from linksim.systems.base import DELIVERED, OperatingPoint, Reception
from linksim.systems.fallback import GREY

#: Source samples that go through a network at once; a fixed number, so that no result follows memory.
_BATCH_SAMPLES = 400_000

#: Symbols of chunks sent before: the same pictures are sent at every SNR and in every trial.
_REMEMBERED_BYTES = 64 << 20


class Learned:
    """Pictures → encoder → symbols or points of a constellation → link → decoder → pictures.

    Every picture arrives: there is no file to lose, only noise in its features. The decoder sees the
    equalised symbols; the nearest points are detected for the symbol error rate alone.

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

        Raises
        ------
        InputError
            The weights are missing, damaged, of another model or made for another CBR; the field is below the
            system's.
        """
        reference = self._spec.reference(cbr, snr_db)
        if reference is None:
            raise InputError(
                f"no weights for CBR {cbr}", field="weights.cbr", mend=f"add `{cbr}: REFERENCE` to the table"
            )
        try:
            weights = zoo.find(reference)
        except InputError as error:
            raise error.at("weights") from error
        card = weights.card
        if card.cbr != cbr:
            mend = f"set bandwidth.cbr to {card.cbr}, or name weights made for {cbr}"
            raise InputError(f"{reference} is made for CBR {card.cbr}, not {cbr}", field="weights", mend=mend)
        if self._spec.model not in (None, card.model):
            raise InputError(
                f"{reference} holds weights of a {card.model}",
                field="model",
                mend=f"write {card.model}, or leave it out",
            )
        return (OperatingPoint(f"weights:{weights.name}", cbr, weights=weights),)

    def transmit(self, images: np.ndarray, link, point: OperatingPoint, seed: int) -> Reception:
        """Send images uint8 `[batch, H, W, 3]`, all of them in one use of the link."""
        from linksim.phy import randomness  # loads TensorFlow: not before something is sent

        network = self._network(point.weights)
        symbols, indices = self._encode(network, point.weights.digest, images, link.snr_db)
        randomness.seed(seed)
        received = link.transmit(symbols)
        equalised = received.symbols.numpy()
        count, uses = symbols.shape
        energy = np.square(symbols.real) + np.square(symbols.imag)
        wrong = np.zeros(count, int)
        if indices is not None:
            wrong = (network.constellation.detect(equalised) != indices).sum(axis=1)
        return Reception(
            pictures=network.decode(equalised, *images.shape[1:3], link.snr_db),
            outcomes=(DELIVERED,) * count,
            channel_uses=np.full(count, float(uses)),
            power=received.power.numpy().astype(float),
            peak_power=energy.max(axis=1).astype(float),
            bits=np.zeros(count, int),
            bit_errors=np.zeros(count, int),
            symbols=np.full(count, 0 if indices is None else uses),
            symbol_errors=wrong,
            outage_probability=np.zeros(count),
        )

    def _network(self, weights):
        if weights.digest not in self._networks:
            self._networks[weights.digest] = _Network(zoo.load(weights))
        return self._networks[weights.digest]

    def _encode(self, network, digest, images, snr_db):
        """Symbols complex64 `[batch, k]` and, of constellations, their indices; remembered for a chunk.

        The encoders do not use the SNR, so it is no part of what they are remembered by.
        """
        sha = hashlib.sha256(repr((digest, images.shape)).encode())
        sha.update(np.ascontiguousarray(images).data)
        key = sha.digest()
        sent = self._sent.get(key)
        if sent is None:
            sent = network.encode(images, snr_db)
            self._sent.put(key, sent)
        return sent


class _Network:
    """A loaded codec between uint8 pictures and complex symbols, compiled for each size of picture."""

    def __init__(self, codec):
        from linksim.phy.modulation import Constellation

        self._codec = codec
        self._graphs = {}
        self.constellation = None if codec.constellation is None else Constellation(codec.constellation)

    def encode(self, images, snr_db):
        """Images uint8 `[batch, H, W, 3]` to symbols complex64 and indices or None, each `[batch, k]`."""
        encoder, _ = self._compiled(*images.shape[1:3])
        length = _batch_length(*images.shape[1:3])
        sent = _in_batches(lambda batch: encoder(np.float32(batch) / 255, snr_db), images, length)
        if self.constellation is None:
            return sent[..., 0] + np.complex64(1j) * sent[..., 1], None
        return self.constellation.map(sent).numpy(), sent

    def decode(self, symbols, height, width, snr_db):
        """Equalised symbols complex64 `[batch, k]` to pictures uint8 `[batch, H, W, 3]`."""
        _, decoder = self._compiled(height, width)
        pairs = np.stack([symbols.real, symbols.imag], axis=-1)
        return _in_batches(
            lambda batch: np.rint(255 * np.clip(decoder(batch, snr_db), 0, 1)).astype(np.uint8),
            pairs,
            _batch_length(height, width),
        )

    def _compiled(self, height, width):
        if (height, width) not in self._graphs:
            from linksim.jscc.codec import Condition
            from linksim.phy.compiled import compiled

            codec, digital = self._codec, self.constellation is not None

            def encode(images, snr_db):
                sent = codec.encode(images, Condition(height, width, snr_db))
                return sent.indices if digital else sent.symbols

            def decode(received, snr_db):
                return codec.decode(received, Condition(height, width, snr_db))

            self._graphs[height, width] = (
                compiled(encode, (None, height, width, 3)),
                compiled(decode, (None, codec.channel_uses(height, width), 2)),
            )
        return self._graphs[height, width]


def _batch_length(height, width):
    return max(1, _BATCH_SAMPLES // (3 * height * width))


def _in_batches(function, array, length):
    return np.concatenate([function(array[i : i + length]) for i in range(0, len(array), length)])
