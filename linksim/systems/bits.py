"""Random bits over channel code and modulation: what error rates are measured with.

random payload → transport blocks or codewords → bits → Mapper → Link → Demapper → LLRs → decoder → CRC
"""

from fractions import Fraction

import numpy as np

from linksim.modulation.mcs import MCS, mcs_table
from linksim.scenario.systems import BitsSpec, CodeSpec
from linksim.systems.base import CHANNEL_OUTAGE, CODEC_INFEASIBLE, DELIVERED, OperatingPoint, Reception
from linksim.systems.fallback import GREY


class Bits:
    """Channel code + QAM of every MCS of a table; no pictures.

    Parameters
    ----------
    spec : BitsSpec
    cache, fallback
        Of systems that send pictures.

    Examples
    --------
    >>> system = Bits(BitsSpec(type="bits", label="5G LDPC", uses=512))
    >>> points = system.operating_points(None, 10.0)
    >>> len(points), points[10].name, points[10].modulation_order
    (29, 'pdsch-1/10', 4)
    """

    prunes = False

    def __init__(self, spec: BitsSpec, cache=None, fallback=GREY):
        self._spec = spec

    def random(self, channel) -> bool:
        """Always: noise at least is drawn."""
        return True

    def operating_points(self, cbr: Fraction | None, snr_db: float) -> tuple[OperatingPoint, ...]:
        """One point for each MCS that takes part, in the order of their indices."""
        table = mcs_table(self._spec.mcs.table)
        chosen = (table[index] for index in sorted(self._spec.mcs.candidates))
        return tuple(OperatingPoint(mcs.name, cbr, mcs) for mcs in chosen)


def send_blocks(
    count: int, uses: int, mcs: MCS, code: CodeSpec, link, seed: int, exhaustive: bool = True
) -> Reception:
    """Send random payloads over a link.

    A block is in error when a CRC fails or a payload bit is wrong: what only the CRC's own bits suffered
    counts, and so does what a CRC missed.

    Parameters
    ----------
    count : int
        Blocks, of which each has a payload of its own.
    uses : int
        Channel uses of a block.
    mcs : MCS
    code : CodeSpec
        The code of the MCS's table with its decoder.
    link : linksim.phy.link.Link
    seed : int
        Of the payloads and the channel.
    exhaustive : bool
        Otherwise decoding may stop where a block is known to be lost; the bit errors of all are then unknown.

    Returns
    -------
    Reception
        Without pictures, `[count, 0, 0, 0]`; `codec_infeasible` where the channel uses hold no payload.
    """
    from linksim.phy import randomness  # loads TensorFlow: not before something is sent
    from linksim.phy.modem import modem

    chain = modem(uses, mcs, code.decoder, code.precision, code.iterations)
    nothing = np.empty((count, 0, 0, 0), np.uint8)
    if not chain.payload:
        return Reception.without_channel(nothing, [CODEC_INFEASIBLE] * count, [uses] * count)
    payload = np.random.default_rng(seed).integers(0, 2, (count, chain.payload), np.uint8)
    randomness.seed(seed)
    sent = chain.transmit(payload, link, exhaustive)
    bit_errors = (sent.bits != payload).sum(axis=1)
    right = sent.passed & (bit_errors == 0)
    return Reception(
        pictures=nothing,
        outcomes=tuple(DELIVERED if arrived else CHANNEL_OUTAGE for arrived in right),
        channel_uses=np.full(count, uses),
        power=sent.power,
        peak_power=sent.peak_power,
        bits=np.full(count, chain.payload * sent.complete),
        bit_errors=bit_errors * sent.complete,
        symbols=np.full(count, sent.symbols),
        symbol_errors=sent.symbol_errors,
        outage_probability=np.zeros(count),
    )
