"""How a receiver learns the rates of a picture's patches, and what that costs."""

import math
from bisect import bisect_left
from functools import lru_cache, partial

import numpy as np

from linksim.modulation.capacity import bicm_capacity, ergodic, gaussian_capacity
from linksim.modulation.mcs import MCS, mcs_table

#: The MCS is chosen for an SNR this far below the channel's.
_MARGIN_DB = 3.0

_TABLE = "pdsch-1"

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


def uses(kind: str, bits: int, model: str, snr_db: float) -> int:
    """Channel uses that a picture is billed for its side information.

    Parameters
    ----------
    kind : str
        `capacity`: ⌈bits / C⌉, where C = log2(1 + SNR), on both kinds of fading its mean over the gain
        (ergodic capacity), as if the map were spread over many blocks; `coded`: those of its transport block;
        `free`: none.
    bits : int
        Of its rate map.
    model : str
        YAML name of the channel.
    snr_db : float
    """
    if kind == "free" or not bits:
        return 0
    if kind == "capacity":
        return math.ceil(bits / _capacity(gaussian_capacity, model, snr_db))
    return transport_uses(bits, mcs_for(model, snr_db))


@lru_cache(maxsize=256)
def mcs_for(model: str, snr_db: float) -> MCS:
    """The most efficient MCS whose BICM capacity, 3 dB below the SNR, exceeds its rate; or the slowest.

    On both kinds of fading the capacity is its mean over the gain.
    """
    table = mcs_table(_TABLE)
    capacity = {
        order: _capacity(partial(bicm_capacity, order), model, snr_db - _MARGIN_DB)
        for order in {mcs.modulation_order for mcs in table}
    }
    safe = [mcs for mcs in table if capacity[mcs.modulation_order] > mcs.spectral_efficiency]
    if safe:
        return max(safe, key=lambda mcs: mcs.spectral_efficiency)
    return min(table, key=lambda mcs: mcs.spectral_efficiency)


@lru_cache(maxsize=1024)
def transport_uses(bits: int, mcs: MCS) -> int:
    """The fewest channel uses whose transport blocks carry so many bits."""
    enough = math.ceil(2 * bits / mcs.spectral_efficiency) + 200
    return 1 + bisect_left(range(1, enough), bits, key=lambda count: _modem(count, mcs).payload)


def send(maps: np.ndarray, rates, link) -> np.ndarray:
    """Send rate maps, int [batch, patches], as transport blocks over a link.

    Returns which of them arrive, bool [batch]. They are blocks of their own: with noise, and a gain of block
    fading, that the picture's symbols do not share.
    """
    bits = map_as_bits(maps, rates)
    if not bits.size:
        return np.ones(len(bits), bool)
    mcs = mcs_for(link.model, link.snr_db)
    modem = _modem(transport_uses(bits.shape[1], mcs), mcs)
    payload = np.pad(bits, ((0, 0), (0, modem.payload - bits.shape[1])))
    received = modem.transmit(payload, link)
    return received.passed & (received.bits == payload).all(axis=1)


def _modem(channel_uses, mcs):
    from linksim.phy.modem import modem  # loads TensorFlow: not before something is sent

    return modem(channel_uses, mcs, *_DECODER)


def _capacity(capacity_fn, model, snr_db):
    return float(capacity_fn(snr_db) if model == "awgn" else ergodic(capacity_fn, snr_db))
