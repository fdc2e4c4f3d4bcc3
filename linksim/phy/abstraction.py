"""Block error rates over AWGN by Sionna's PHY abstraction: its tables instead of blocks that are sent.

The tables hold rates of code blocks of 24 to 2000 bits at 15 or 20 SNRs from −5 dB on, 1.3 or 1.8 dB apart,
decoded by 20 iterations of belief propagation; Sionna interpolates them by splines. That is coarser than a
waterfall is wide: where four MCSs have BLER 0.1, the tables are off by 0.2 to 0.7 dB, to either side.
Larger code blocks count as those of 2000 bits. The lowest MCSs of all tables are missing, and so are SNRs
below −5 dB.
"""

from functools import cache
from pathlib import Path

from linksim.modulation.mcs import MCS
from linksim.phy.transport_block_size import split_channel_uses, transport_block_size

#: File, category and index in Sionna, by the name of the MCS table.
_TABLES = {
    **{f"pdsch-{number}": (f"PDSCH_table{number}.json", 1, number) for number in (1, 2, 3, 4)},
    **{f"pusch-tp-{number}": (f"PUSCH_table{number}.json", 0, number) for number in (1, 2)},
}


def block_error_rate(mcs: MCS, channel_uses: int, snr_db: float) -> float | None:
    """The probability that a block of transport blocks is lost over AWGN, as the tables say.

    Parameters
    ----------
    mcs : MCS
        Of NR transport blocks.
    channel_uses : int
        Of the block.
    snr_db : float
        Es/N0.

    Returns
    -------
    float or None
        1 − Π(1 − p) over its code blocks; None where there is no payload, or no entry for the MCS or the SNR.
    """
    _, category, index = _TABLES[mcs.table]
    tables = _abstraction(mcs.table)
    known = tables.bler_table["category"][category]["index"][index]["MCS"].get(mcs.index)
    sizes = [
        transport_block_size(uses, mcs.modulation_order, mcs.code_rate)
        for uses in split_channel_uses(channel_uses)
    ]
    if known is None or not min(known["SNR_db"]) <= snr_db <= max(known["SNR_db"]):
        return None
    if not all(size.decodable for size in sizes):
        return None
    arrives = 1.0
    for size in sizes:
        lost = tables.get_bler(mcs.index, index, category, size.code_block, 10 ** (snr_db / 10))
        arrives *= (1 - float(lost)) ** len(size.codewords)
    return 1 - arrives


@cache
def _abstraction(table):
    """Sionna's abstraction with one table alone, which takes seconds to interpolate."""
    import sionna.sys

    path = Path(sionna.sys.__file__).parent / "bler_tables" / _TABLES[table][0]
    # Of what it interpolates, SNRs over error rates are not asked for: two are enough.
    return sionna.sys.PHYAbstraction(load_bler_tables_from=[str(path)], bler_interp_delta=0.5)
