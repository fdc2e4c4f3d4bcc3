"""Schema of the channels between transmitter and receiver."""

from typing import Annotated, Literal

from pydantic import Field

from linksim.scenario.base import Model
from linksim.scenario.numbers import SNRSweep

_SNR_FIELD = Field(description="Es/N0 in dB: a number, a list, or {from, to, step}")


class AWGNSpec(Model):
    """y = x + n."""

    model: Literal["awgn"]
    snr_db: SNRSweep = _SNR_FIELD


class RayleighBlockSpec(Model):
    """y = h·x + n with one h ~ CN(0, 1) per image, known at the receiver."""

    model: Literal["rayleigh_block"]
    snr_db: SNRSweep = _SNR_FIELD


class RayleighFastSpec(Model):
    """y = h·x + n with h ~ CN(0, 1) for every symbol, known at the receiver."""

    model: Literal["rayleigh_fast"]
    snr_db: SNRSweep = _SNR_FIELD


ChannelSpec = Annotated[AWGNSpec | RayleighBlockSpec | RayleighFastSpec, Field(discriminator="model")]
