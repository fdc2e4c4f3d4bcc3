"""What every end-to-end system offers to a study."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from linksim.modulation.mcs import MCS
from linksim.zoo import Weights

DELIVERED = "delivered"
CHANNEL_OUTAGE = "channel_outage"
CODEC_INFEASIBLE = "codec_infeasible"
OUTCOMES = (DELIVERED, CHANNEL_OUTAGE, CODEC_INFEASIBLE)


@dataclass(frozen=True)
class OperatingPoint:
    """What a transmitter fixes before it sends.

    Attributes
    ----------
    name : str
        Its name in results, as `pdsch-1/10`, `weights:deepjscc-q/qam64-awgn16-c6` or `bound:bicm`; of
        weights for several modulation orders with the bits per symbol, as `weights:ujscc/b/4`.
    cbr : Fraction or None
        Channel uses per source sample, k/n; of a variable rate the mean over all pictures of the study. None
        without pictures.
    mcs : MCS or None
        The modulation and coding scheme, where one is fixed.
    weights : Weights or None
        Of a learned system.
    order : int or None
        Which of the weights' modulation orders is in use, from 0; None for analogue symbols.
    """

    name: str
    cbr: Fraction | None
    mcs: MCS | None = None
    weights: Weights | None = None
    order: int | None = None

    @property
    def varies(self) -> bool:
        """Whether pictures take as many channel uses as they need; `cbr` is then their mean's."""
        return self.weights is not None and self.weights.card.varies

    @property
    def modulation_order(self) -> int | None:
        """Q_m, bits per symbol; None without an MCS and for learned systems with analogue symbols."""
        if self.weights is not None:
            return None if self.order is None else self.weights.card.orders[self.order]
        return self.mcs and self.mcs.modulation_order

    @property
    def code_rate(self) -> Fraction | None:
        """Target code rate; None without an MCS."""
        return self.mcs and self.mcs.code_rate


@dataclass(frozen=True)
class Reception:
    """What became of a batch of pictures; one entry per picture throughout.

    Attributes
    ----------
    pictures : [batch, H, W, C], uint8
        What the receiver shows; the fallback picture where nothing was delivered.
    outcomes : tuple of str
        `delivered`, `channel_outage` or `codec_infeasible`.
    channel_uses : [batch], float
        Complex symbols billed to the picture (a share of them in a mosaic).
    power : [batch], float
        Mean energy per sent symbol; NaN where nothing was sent.
    peak_power : [batch], float
        Largest energy of a sent symbol; NaN where nothing was sent.
    bits : [batch], int
        Payload bits of the code.
    bit_errors : [batch], int
        How many of them were wrong after decoding.
    symbols : [batch], int
        Symbols that are points of a constellation.
    symbol_errors : [batch], int
        How many of them had a wrong hard decision before decoding.
    outage_probability : [batch], float
        For bounds that state an expectation: the probability that the fallback is shown instead.
    classes : [batch], int, or None
        The class that the receiver names for each picture, −1 where it names none; None of a system that
        names no classes.
    """

    pictures: np.ndarray
    outcomes: tuple[str, ...]
    channel_uses: np.ndarray
    power: np.ndarray
    peak_power: np.ndarray
    bits: np.ndarray
    bit_errors: np.ndarray
    symbols: np.ndarray
    symbol_errors: np.ndarray
    outage_probability: np.ndarray
    classes: np.ndarray | None = None

    @classmethod
    def without_channel(cls, pictures, outcomes, channel_uses, outage_probability=None):
        """A reception for which nothing was sent over a link, and which names no classes."""
        count = len(pictures)
        return cls(
            pictures=np.asarray(pictures),
            outcomes=tuple(outcomes),
            channel_uses=np.asarray(channel_uses, float),
            power=np.full(count, np.nan),
            peak_power=np.full(count, np.nan),
            bits=np.zeros(count, int),
            bit_errors=np.zeros(count, int),
            symbols=np.zeros(count, int),
            symbol_errors=np.zeros(count, int),
            outage_probability=np.zeros(count) if outage_probability is None else outage_probability,
        )

    @classmethod
    def join(cls, parts):
        """Put receptions of consecutive pictures together; where some name classes, others name none (−1)."""
        fields = {}
        for name in cls.__dataclass_fields__:
            values = [getattr(part, name) for part in parts]
            if name == "classes":
                if all(value is None for value in values):
                    continue
                values = [
                    np.full(len(part.outcomes), -1) if value is None else value
                    for part, value in zip(parts, values)
                ]
            fields[name] = sum(values, ()) if isinstance(values[0], tuple) else np.concatenate(values)
        return cls(**fields)


class System(Protocol):
    """An end-to-end image transmission system."""

    #: Whether operating points that cannot win may be left out; then `ceiling(images, point)` bounds each.
    prunes: bool

    def random(self, channel) -> bool:
        """Whether transmissions depend on what is drawn of a channel: its model and csi, as a Link has them.

        What does not is run once, not in every trial.
        """

    def operating_points(self, cbr: Fraction, snr_db: float) -> tuple[OperatingPoint, ...]:
        """The operating points among which the study may choose at a bandwidth and a channel SNR.

        Raises
        ------
        InputError
            The system has none; names the field below the system's.
        """

    def transmit(self, images: np.ndarray, link, point: OperatingPoint, seed: int) -> Reception:
        """Send images uint8 `[batch, H, W, C]` over a `linksim.phy.link.Link`."""


def channel_uses(samples: int, cbr: Fraction) -> int:
    """k = ρ·n rounded half up, at least 0.

    Examples
    --------
    >>> channel_uses(3072, Fraction(1, 12))
    256
    """
    return int(samples * cbr + Fraction(1, 2))
