"""Sums over pictures that merge: what a point's line in results.csv is made of."""

import dataclasses
import json
import math
from dataclasses import dataclass

import numpy as np

from linksim.systems.base import CHANNEL_OUTAGE, CODEC_INFEASIBLE, DELIVERED


@dataclass(frozen=True)
class Summary:
    """Additive statistics over pictures; see `linksim.evaluation.points` for the quotients.

    Of blocks that a table stands for, delivered and lost ones are expectations.
    """

    pictures: int = 0
    delivered: int = 0
    channel_outage: int = 0
    codec_infeasible: int = 0
    psnr_db: float = 0.0
    psnr_delivered_db: float = 0.0
    ssim: float = 0.0
    ssim_pictures: int = 0
    ms_ssim: float = 0.0
    ms_ssim_pictures: int = 0
    correct: float = 0.0
    classified: int = 0
    channel_uses: float = 0.0
    cbr: float = 0.0
    cbr_squared: float = 0.0
    sent: int = 0
    power: float = 0.0
    papr_db: float = 0.0
    bits: int = 0
    bit_errors: int = 0
    symbols: int = 0
    symbol_errors: int = 0

    def __add__(self, other):
        if not isinstance(other, Summary):
            return NotImplemented
        return Summary(*(a + b for a, b in zip(vars(self).values(), vars(other).values())))

    def to_json(self) -> str:
        """The sums as JSON that reads back exactly."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text):
        """The inverse of `to_json`."""
        return cls(**json.loads(text))


def summarise_blocks(reception) -> Summary:
    """Add up what became of random blocks.

    Parameters
    ----------
    reception : linksim.systems.base.Reception
    """
    sent = ~np.isnan(reception.power)
    power, peak_power = reception.power[sent], reception.peak_power[sent]
    return Summary(
        pictures=len(reception.outcomes),
        delivered=reception.outcomes.count(DELIVERED),
        channel_outage=reception.outcomes.count(CHANNEL_OUTAGE),
        codec_infeasible=reception.outcomes.count(CODEC_INFEASIBLE),
        channel_uses=float(reception.channel_uses.sum()),
        sent=int(sent.sum()),
        power=float(power.sum()),
        papr_db=float(np.sum(10 * np.log10(peak_power / power))),
        bits=int(reception.bits.sum()),
        bit_errors=int(reception.bit_errors.sum()),
        symbols=int(reception.symbols.sum()),
        symbol_errors=int(reception.symbol_errors.sum()),
    )


def summarise(rows) -> Summary:
    """Add up the rows of one task, in their order.

    Parameters
    ----------
    rows : sequence of linksim.evaluation.work.Row
    """
    total = Summary()
    for row in rows:
        sent = not math.isnan(row.power)
        total += Summary(
            pictures=1,
            delivered=row.outcome == DELIVERED,
            channel_outage=row.outcome == CHANNEL_OUTAGE,
            codec_infeasible=row.outcome == CODEC_INFEASIBLE,
            psnr_db=row.psnr_db,
            psnr_delivered_db=row.psnr_db if row.outcome == DELIVERED else 0.0,
            ssim=row.ssim or 0.0,
            ssim_pictures=row.ssim is not None,
            ms_ssim=row.ms_ssim or 0.0,
            ms_ssim_pictures=row.ms_ssim is not None,
            correct=row.correct or 0.0,
            classified=row.correct is not None,
            channel_uses=row.channel_uses,
            cbr=row.cbr,
            cbr_squared=row.cbr**2,
            sent=sent,
            power=row.power if sent else 0.0,
            papr_db=10 * math.log10(row.peak_power / row.power) if sent else 0.0,
            bits=row.bits,
            bit_errors=row.bit_errors,
            symbols=row.symbols,
            symbol_errors=row.symbol_errors,
        )
    return total
