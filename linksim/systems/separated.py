"""The separate chain: source codec, channel code, QAM.

image → codec → ⌊A/8⌋ bytes → transport blocks or codewords → bits → Mapper → Link → Demapper → LLRs
      → decoder → CRC → codec → image
"""

from fractions import Fraction

import numpy as np

from linksim.metrics.psnr import psnr_db
from linksim.modulation.mcs import mcs_table
from linksim.scenario.systems import SeparatedSpec
from linksim.systems.base import CHANNEL_OUTAGE, CODEC_INFEASIBLE, DELIVERED, OperatingPoint, Reception
from linksim.systems.fallback import GREY
from linksim.systems.source import Source, file_bits, file_bytes, whole_bytes


class Separated:
    """Source codec + channel code + QAM of one MCS table.

    Parameters
    ----------
    spec : SeparatedSpec
    cache : FileCache, optional
    fallback : (red, green, blue)
        What the receiver shows when nothing was delivered.

    Examples
    --------
    One patch of 32×32 px over AWGN at 10 dB, with MCS 10 of the default table and CBR 1/6:

    >>> import linksim
    >>> from linksim.images.patches32 import patches
    >>> patch = next(patches()).pixels
    >>> system = Separated(SeparatedSpec(type="separated", label="BPG + 5G LDPC"))
    >>> point = system.operating_points(Fraction(1, 6), 10.0)[10]
    >>> reception = system.transmit(patch[None], linksim.Link("awgn", 10.0), point, seed=1)
    >>> point.name, reception.outcomes, reception.channel_uses
    ('pdsch-1/10', ('delivered',), array([512.]))
    """

    def __init__(self, spec: SeparatedSpec, cache=None, fallback=GREY):
        self._spec = spec
        self._source = Source(spec.codec, spec.grouping, cache, fallback)

    @property
    def prunes(self) -> bool:
        """Whether MCSs and code blocks that cannot change the envelope are left out."""
        return self._spec.mcs.policy == "envelope" and self._spec.mcs.decode == "needed"

    def random(self, channel) -> bool:
        """Always: noise at least is drawn."""
        return True

    def operating_points(self, cbr: Fraction, snr_db: float) -> tuple[OperatingPoint, ...]:
        """One point for each MCS that takes part, in the order of their indices.

        The policy `threshold` has one more, at which nothing is sent.
        """
        table = mcs_table(self._spec.mcs.table)
        chosen = (table[index] for index in sorted(self._spec.mcs.candidates))
        points = tuple(OperatingPoint(mcs.name, cbr, mcs) for mcs in chosen)
        nothing = (OperatingPoint("threshold:none", cbr),)
        return points + nothing if self._spec.mcs.policy == "threshold" else points

    def ceiling(self, images: np.ndarray, point: OperatingPoint) -> Reception:
        """The best that can become of each picture: its file arrives, or the fallback if that is nearer."""
        parts = []
        for group in self._source.group(images):
            file = self._encode(group, self._modem(group, point).payload)
            lost, shown = self._source.pictures(group, None), self._source.pictures(group, file)
            gain = [psnr_db(image, a) - psnr_db(image, b) for image, a, b in zip(group, shown, lost)]
            shown = np.where(np.reshape(gain, (-1, 1, 1, 1)) >= 0, shown, lost)
            parts.append(self._unsent(group, file, point, shown))
        return Reception.join(parts)

    def transmit(self, images: np.ndarray, link, point: OperatingPoint, seed: int) -> Reception:
        """Send images uint8 `[batch, H, W, C]`; groups of one size go through one compiled graph together.

        At an operating point without an MCS nothing is sent, and every image is lost on the channel.
        """
        if point.mcs is None:
            return self._all_lost(images, point)
        from linksim.phy import randomness  # loads TensorFlow: not before something is sent

        randomness.seed(seed)
        groups = self._source.group(images)
        # Only a last, smaller mosaic can differ in size.
        alike = [group for group in groups if group.shape == groups[0].shape]
        parts = [self._transmit_alike(alike, link, point)]
        if len(alike) < len(groups):
            parts.append(self._transmit_alike(groups[len(alike) :], link, point))
        return Reception.join(parts)

    def block_uses(self, shapes, cbr: Fraction) -> tuple[int, ...]:
        """The different numbers of channel uses that pictures, or mosaics of them, of these shapes get.

        Parameters
        ----------
        shapes : list of (H, W, C)
            Of consecutive pictures, alike within a chunk.
        """
        uses = {}
        for count, shape in shapes:
            for group in self._source.group(np.broadcast_to(np.uint8(0), (count, *shape))):
                uses[self._source.channel_uses(group, cbr)] = None
        return tuple(uses)

    def _all_lost(self, images, point):
        parts = []
        for group in self._source.group(images):
            uses = self._source.channel_uses(group, point.cbr) / len(group)
            lost = self._source.pictures(group, None)
            outcomes = [CHANNEL_OUTAGE] * len(group)
            parts.append(Reception.without_channel(lost, outcomes, [uses] * len(group)))
        return Reception.join(parts)

    def _modem(self, group, point):
        from linksim.phy.modem import modem

        uses = self._source.channel_uses(group, point.cbr)
        code = self._spec.code
        return modem(uses, point.mcs, code.decoder, code.precision, code.iterations)

    def _encode(self, group, payload):
        return self._source.encode(group, whole_bytes(payload)) if payload else None

    def _unsent(self, group, file, point, pictures):
        """The reception of a group for which nothing goes over the link."""
        members = len(group)
        return Reception.without_channel(
            pictures,
            [CODEC_INFEASIBLE if file is None else DELIVERED] * members,
            [self._source.channel_uses(group, point.cbr) / members] * members,
        )

    def _transmit_alike(self, groups, link, point):
        modem = self._modem(groups[0], point)
        files = [self._encode(group, modem.payload) for group in groups]
        if all(file is None for file in files):
            return Reception.join(
                [self._unsent(group, None, point, self._source.pictures(group, None)) for group in groups]
            )
        payload = np.stack([file_bits(b"" if file is None else file.data, modem.payload) for file in files])
        sent = modem.transmit(payload, link, exhaustive=not self.prunes)
        bit_errors = (sent.bits != payload).sum(axis=1) * sent.complete

        receptions = []
        for i, (group, file) in enumerate(zip(groups, files)):
            if file is None:
                receptions.append(self._unsent(group, None, point, self._source.pictures(group, None)))
                continue
            members = len(group)
            first = np.arange(members) == 0  # a mosaic's counts are booked on its first picture
            pictures, outcome = self._receive(group, file, sent.bits[i], sent.passed[i])
            receptions.append(
                Reception(
                    pictures=pictures,
                    outcomes=(outcome,) * members,
                    channel_uses=np.full(members, modem.channel_uses / members),
                    power=np.full(members, sent.power[i]),
                    peak_power=np.full(members, sent.peak_power[i]),
                    # Skipped code blocks leave the number of bit errors unknown.
                    bits=first * (modem.payload if sent.complete else 0),
                    bit_errors=first * bit_errors[i],
                    symbols=first * sent.symbols,
                    symbol_errors=first * sent.symbol_errors[i],
                    outage_probability=np.zeros(members),
                )
            )
        return Reception.join(receptions)

    def _receive(self, group, file, bits, passed):
        """The pictures that a receiver shows and the outcome."""
        if passed:
            data = file_bytes(bits, len(file.data))
            if data == file.data:
                return self._source.pictures(group, file), DELIVERED
            # A CRC can pass by chance; then the decoder shows whatever the wrong bytes mean.
            pictures = self._source.decode(group, data)
            if pictures is not None:
                return pictures, DELIVERED
        return self._source.pictures(group, None), CHANNEL_OUTAGE
