"""The capacity bound: the codec's best picture in ⌊k·C⌋ bits, as an ideal code would deliver it."""

from fractions import Fraction
from functools import cached_property, partial

import numpy as np
from scipy.optimize import brentq

from linksim.metrics.psnr import psnr_db
from linksim.modulation.capacity import bicm_capacity, ergodic, gaussian_capacity
from linksim.modulation.mcs import mcs_table
from linksim.scenario.systems import CapacityBoundSpec
from linksim.systems.base import CODEC_INFEASIBLE, DELIVERED, OperatingPoint, Reception
from linksim.systems.fallback import GREY
from linksim.systems.source import Source, whole_bytes

#: Fades below which a fixed rate is lost, relative to the mean SNR, between which the best is sought.
_FADE_STEP_DB = 0.25
_FADES_DB = np.arange(-40.0, 10.25, _FADE_STEP_DB)

#: SNRs between which capacities of drawn SNRs are interpolated linearly, to 1e-4 bit. Below, they are 0.
_TABLE_DB = np.arange(-60.0, 100.05, 0.1)


class CapacityBound:
    """The codec over an ideal code at the capacity of the channel.

    On AWGN, and with ergodic capacity on fast fading, every picture arrives. On block fading with channel
    knowledge at the receiver only, each picture gets the fixed rate R of the best expected PSNR,
    (1 − P_out(R))·PSNR(R) + P_out(R)·PSNR(fallback), with P_out = 1 − exp(−g) for the rate of gain g. Where
    the transmitter knows the gain too, it sends at the capacity of each gain: of the drawn one on block
    fading, with the best modulation for each on fast fading.

    On OFDM each picture gets the capacity of its own channel, as drawn: the mean over its symbols of C of the
    SNR behind the equaliser, with a receiver that knows the channel whatever the scenario's does. No
    transmitter that has to guess this mean does better. Amplifiers are taken for linear.

    Parameters
    ----------
    spec : CapacityBoundSpec
    cache : FileCache, optional
    fallback : (red, green, blue)

    Examples
    --------
    >>> import linksim
    >>> from linksim.images.patches32 import patches
    >>> patch = next(patches()).pixels
    >>> bound = CapacityBound(CapacityBoundSpec(type="capacity_bound", codec={"name": "jpeg2000"}))
    >>> (point,) = bound.operating_points(Fraction(1, 6), 10.0)
    >>> reception = bound.transmit(patch[None], linksim.Link("awgn", 10.0), point, seed=1)
    >>> point.name, reception.outcomes
    ('bound:bicm', ('delivered',))
    """

    prunes = False

    def __init__(self, spec: CapacityBoundSpec, cache=None, fallback=GREY):
        self._spec = spec
        self._source = Source(spec.codec, spec.grouping, cache, fallback)
        if spec.capacity == "gaussian":
            self._capacities = (gaussian_capacity,)
        else:
            orders = sorted({mcs.modulation_order for mcs in mcs_table(spec.table)})
            self._capacities = tuple(partial(bicm_capacity, order) for order in orders)

    def random(self, channel) -> bool:
        """Whether capacities are those of drawn gains."""
        return channel.model == "ofdm" or (channel.model == "rayleigh_block" and channel.csi == "both")

    def operating_points(self, cbr: Fraction, snr_db: float) -> tuple[OperatingPoint, ...]:
        """The bound itself: `bound:bicm` or `bound:gaussian`."""
        return (OperatingPoint(f"bound:{self._spec.capacity}", cbr),)

    def transmit(self, images, link, point, seed):
        """The best pictures that the channel's capacity lets through."""
        parts = []
        groups = self._source.group(images)
        uses_of = [self._source.channel_uses(group, point.cbr) for group in groups]
        random = self.random(link)
        drawn = self._drawn_capacities(uses_of, link, seed) if random else [None] * len(groups)
        for group, uses, capacity in zip(groups, uses_of, drawn):
            if random:
                file, outage = self._source.encode(group, whole_bytes(uses * capacity)), 0.0
            else:
                file, outage = self._best(group, uses, link)
            members = len(group)
            parts.append(
                Reception.without_channel(
                    self._source.pictures(group, file),
                    [CODEC_INFEASIBLE if file is None else DELIVERED] * members,
                    [uses / members] * members,
                    np.full(members, outage),
                )
            )
        return Reception.join(parts)

    def _best(self, group, uses, link):
        """File and outage probability of one group."""
        if link.model == "rayleigh_block":
            return self._best_fixed_rate(group, uses, link.snr_db)
        if link.model == "rayleigh_fast" and link.csi == "both":
            capacity = float(ergodic(self._best_capacity, link.snr_db))
        elif link.model == "rayleigh_fast":
            capacity = max(float(ergodic(capacity, link.snr_db)) for capacity in self._capacities)
        else:
            capacity = self._capacity(link.snr_db)
        return self._source.encode(group, whole_bytes(uses * capacity)), 0.0

    def _best_fixed_rate(self, group, uses, mean_snr_db):
        lost = _mean_psnr_db(group, self._source.pictures(group, None))
        best, best_psnr_db, seen = (None, 0.0), lost, set()
        for fade_db in _FADES_DB:  # upwards: the first that carries a file is a step above its least
            file = self._source.encode(group, whole_bytes(uses * self._capacity(mean_snr_db + fade_db)))
            if file is None or file.quality in seen:
                continue
            seen.add(file.quality)
            least_db = self._least_fade_db(8 * len(file.data) / uses, mean_snr_db, fade_db)
            outage = float(-np.expm1(-(10 ** (least_db / 10))))
            psnr_db = (1 - outage) * _mean_psnr_db(group, self._source.pictures(group, file)) + outage * lost
            if psnr_db > best_psnr_db:
                best, best_psnr_db = (file, outage), psnr_db
        return best

    def _least_fade_db(self, rate, mean_snr_db, fade_db):
        """The least fade at most a step below `fade_db` that still carries a rate in bits per use."""

        def surplus(fade_db):
            return self._capacity(mean_snr_db + fade_db) - rate

        if surplus(fade_db) <= 0:
            return fade_db
        if surplus(fade_db - _FADE_STEP_DB) >= 0:
            return fade_db - _FADE_STEP_DB
        return brentq(surplus, fade_db - _FADE_STEP_DB, fade_db, xtol=1e-4)

    def _drawn_capacities(self, uses_of, link, seed):
        """Bits per use of each group's channel, which is the one that other systems meet."""
        from linksim.phy import randomness  # loads TensorFlow: not before something is sent

        randomness.seed(seed)
        mask = np.arange(max(uses_of)) < np.array(uses_of)[:, None]
        received = link.ideal().transmit(mask.astype(np.complex64), mask)
        snrs_db = -10 * np.log10(received.noise_variance.numpy().astype(float))
        # Which modulation is the best has to be chosen for the whole block.
        return [
            max(np.interp(snr_db[:uses], _TABLE_DB, table, left=0).mean() for table in self._tables)
            for snr_db, uses in zip(snrs_db, uses_of)
        ]

    @cached_property
    def _tables(self):
        return [capacity(_TABLE_DB) for capacity in self._capacities]

    def _capacity(self, snr_db):
        return float(self._best_capacity(snr_db))

    def _best_capacity(self, snr_db):
        return np.max([capacity(snr_db) for capacity in self._capacities], axis=0)


def _mean_psnr_db(images, pictures):
    return np.mean([psnr_db(image, picture) for image, picture in zip(images, pictures)])
