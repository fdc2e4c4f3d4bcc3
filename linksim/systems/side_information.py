"""How a receiver learns the rates of a picture's patches, and what that costs."""

import math
from bisect import bisect_left
from functools import lru_cache, partial

import numpy as np

from linksim.modulation.capacity import bicm_capacity, ergodic, gaussian_capacity
from linksim.modulation.mcs import MCS, mcs_table
from linksim.scenario.channels import OFDM

#: MCSs are chosen for an SNR this far below the channel's.
_MARGIN_DB = 3.0

_TABLE = "pdsch-1"

#: The longest CRC of a transport block (TS 38.212 clause 7.2.1).
_CRC_BITS = 24

#: In so many channel uses every MCS can send a block of the smallest size.
_LEAST_USES = 400

#: Realisations of an OFDM channel over which its capacity is the mean, a slot each, and their seed. For one
#: antenna on TDL-A this is right to about 1%.
_DRAWS, _SEED = 512, 1

#: Between these SNRs, in dB, capacities of drawn ones are interpolated linearly; below they are 0.
_GRID_DB = np.arange(-60.0, 100.05, 0.1)

#: Decoder, arithmetic and iterations, as a separate chain has them by default.
_DECODER = ("fast", "int16", 20)


def map_bits(rates, patches: int) -> int:
    """Bits of a rate map: ⌈log2 |R|⌉ for each patch.

    Examples
    --------
    >>> map_bits((4, 8, 16), 6)
    12
    """
    return (len(rates) - 1).bit_length() * patches


def map_as_bits(indices: np.ndarray, rates) -> np.ndarray:
    """Rate maps, int [batch, patches], as bits, most significant first: uint8 [batch, `map_bits`]."""
    width = map_bits(rates, 1)
    bits = indices[..., None] >> np.arange(width - 1, -1, -1) & 1
    return bits.reshape(len(indices), -1).astype(np.uint8)


@lru_cache(maxsize=1024)
def uses(kind: str, bits: int, medium, snr_db: float) -> int:
    """Channel uses that a picture is billed for its side information.

    Parameters
    ----------
    kind : str
        `capacity`: ⌈bits / C⌉, where C = log2(1 + SNR), on all fading its mean over the gain (ergodic
        capacity), as if the map were spread over many blocks; `coded`: those of its transport block;
        `free`: none.
    bits : int
        Of its rate map.
    medium : linksim.phy.channels.Medium
        The channel. On `ofdm` the mean is that over realisations with its profile, antennas and equaliser.
    snr_db : float
    """
    if kind == "free" or not bits:
        return 0
    if kind == "capacity":
        return math.ceil(bits / _capacity(gaussian_capacity, medium, snr_db))
    return transport(bits, medium, snr_db)[0]


@lru_cache(maxsize=1024)
def transport(bits: int, medium, snr_db: float) -> tuple[int, MCS]:
    """The fewest channel uses, and their MCS, whose transport blocks carry so many bits safely.

    Safe is a rate, CRC included, below the MCS's BICM capacity 3 dB below the SNR; on all fading that is its
    mean over the gain. Where no MCS is safe, the slowest one is taken.
    """
    table = sorted(mcs_table(_TABLE), key=lambda mcs: mcs.spectral_efficiency)
    capacity = {
        order: _capacity(partial(bicm_capacity, order), medium, snr_db - _MARGIN_DB)
        for order in {mcs.modulation_order for mcs in table}
    }
    found = [(_fewest_uses(bits, mcs, capacity[mcs.modulation_order]), mcs) for mcs in table]
    safe = [(count, mcs) for count, mcs in found if count is not None]
    return min(safe, key=lambda pair: pair[0]) if safe else (_fewest_uses(bits, table[0]), table[0])


def _fewest_uses(bits, mcs, capacity=math.inf):
    """The fewest channel uses whose transport blocks carry so many bits, at a rate below a capacity.

    None where twice as many as the bits alone need are too few.
    """
    from linksim.phy.transport_block_size import split_channel_uses, transport_block_size

    if mcs.spectral_efficiency >= capacity:
        return None

    def size(count):
        parts = split_channel_uses(count)
        return sum(transport_block_size(part, mcs.modulation_order, mcs.code_rate).payload for part in parts)

    def serves(count):
        payload = _modem(count, mcs).payload
        return payload >= bits and (payload + _CRC_BITS) / count < capacity

    start = 1 + bisect_left(range(1, math.ceil(2 * bits / mcs.spectral_efficiency) + 1), bits, key=size)
    return next((count for count in range(start, 2 * start + _LEAST_USES) if serves(count)), None)


def send(maps: np.ndarray, rates, link) -> np.ndarray:
    """Send rate maps, int [batch, patches], as transport blocks over a link.

    Returns which of them arrive, bool [batch]. They are blocks of their own: with noise, and a gain of block
    fading, that the picture's symbols do not share.
    """
    bits = map_as_bits(maps, rates)
    if not bits.size:
        return np.ones(len(bits), bool)
    modem = _modem(*transport(bits.shape[1], link.medium, link.snr_db))
    payload = np.pad(bits, ((0, 0), (0, modem.payload - bits.shape[1])))
    received = modem.transmit(payload, link)
    return received.passed & (received.bits == payload).all(axis=1)


def _modem(channel_uses, mcs):
    from linksim.phy.modem import modem  # loads TensorFlow: not before something is sent

    return modem(channel_uses, mcs, *_DECODER)


def _capacity(capacity_fn, medium, snr_db):
    if medium.model == "awgn":
        return float(capacity_fn(snr_db))
    if medium.model == "ofdm":
        drawn_db = _drawn_snrs_db(medium, snr_db)
        return float(np.interp(drawn_db, _GRID_DB, capacity_fn(_GRID_DB), left=0).mean())
    return float(ergodic(capacity_fn, snr_db))


@lru_cache(maxsize=1)
def _drawn_snrs_db(medium, snr_db):
    """SNRs behind the equaliser of an OFDM channel, of all symbols of a slot in every realisation.

    It sets Sionna's seed: to be called before a task sets its own.
    """
    from linksim.phy import randomness
    from linksim.phy.link import Link

    randomness.seed(_SEED)
    link = Link(medium.model, snr_db, csi=medium.csi, interpolation=medium.interpolation, ofdm=medium.ofdm)
    slot = (medium.ofdm or OFDM()).data_elements
    received = link.transmit(np.ones((_DRAWS, slot), np.complex64))
    return -10 * np.log10(received.noise_variance.numpy().astype(float))
