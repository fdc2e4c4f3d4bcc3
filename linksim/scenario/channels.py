"""Schema of the channels between transmitter and receiver."""

import math
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from linksim.scenario.base import Model, Number, Whole, refusal
from linksim.scenario.numbers import SNRSweep

_SNR_FIELD = Field(description="Es/N0 in dB: a number, a list, or {from, to, step}")

#: OFDM symbols of a slot (TS 38.211, clause 4.3.2, normal cyclic prefix).
SLOT_SYMBOLS = 14

#: Delay of the last path over the delay spread, by the last letter of the profile: tables 7.7.1-1 to -5 (CDL)
#: and 7.7.2-1 to -5 (TDL) of 3GPP TR 38.901, of E the longer of the two.
LAST_PATH = {"a": 9.6586, "b": 4.7834, "c": 8.6523, "d": 12.525, "e": 20.6519}


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


class OFDM(Model):
    """Slots of OFDM over a multipath profile of 3GPP TR 38.901; the defaults are a pedestrian in a city."""

    profile: Literal[
        "tdl-a", "tdl-b", "tdl-c", "tdl-d", "tdl-e", "cdl-a", "cdl-b", "cdl-c", "cdl-d", "cdl-e"
    ] = Field("tdl-a", description="power delay profile; -d and -e have a line of sight")
    delay_spread_ns: Number = Field(100.0, ge=0, le=10_000, description="RMS delay spread; 0: flat fading")
    speed_kmh: Number = Field(3.0, ge=0, le=1000, description="speed of the receiver")
    carrier_ghz: Number = Field(3.5, ge=0.1, le=100, description="carrier frequency")
    subcarrier_spacing_khz: Number = Field(30.0, ge=1, le=1000, description="subcarrier spacing")
    fft_size: Whole = Field(256, ge=4, le=4096, description="subcarriers, all of them used")
    cyclic_prefix: Whole = Field(18, ge=0, description="samples; longer than the last path's delay")
    pilots: tuple[Annotated[Whole, Field(ge=0, lt=SLOT_SYMBOLS)], ...] = Field(
        (2, 11), max_length=SLOT_SYMBOLS - 1, description="OFDM symbols of a slot of 14 that are pilots"
    )
    rx_antennas: Whole = Field(1, ge=1, le=64, description="receive antennas")

    @field_validator("pilots", mode="after")
    @classmethod
    def _each_once(cls, pilots):
        if len(set(pilots)) < len(pilots):
            raise refusal("an OFDM symbol is listed twice", "list each once")
        return tuple(sorted(pilots))

    @model_validator(mode="after")
    def _no_interference_between_symbols(self):
        if self.cyclic_prefix > self.fft_size:
            problem, mend = f"{self.cyclic_prefix} samples exceed the OFDM symbol", "take at most fft_size"
            raise refusal(problem, mend, field="cyclic_prefix")
        last = LAST_PATH[self.profile[-1]] * self.delay_spread_ns * 1e-9
        needed = math.ceil(last * self.fft_size * self.subcarrier_spacing_khz * 1e3)
        if self.cyclic_prefix < needed:
            problem = f"the last path comes {last * 1e6:.2f} µs late, after the cyclic prefix"
            mend = f"set cyclic_prefix to at least {needed}, or shorten the delay spread"
            raise refusal(problem, mend, field="cyclic_prefix")
        return self

    @property
    def pilot_overhead(self) -> float:
        """Share of a slot's resource elements that are pilots."""
        return len(self.pilots) / SLOT_SYMBOLS

    @property
    def data_elements(self) -> int:
        """Resource elements of a slot that carry data."""
        return (SLOT_SYMBOLS - len(self.pilots)) * self.fft_size


class OFDMSpec(OFDM):
    """OFDM over multipath: y = h·x + n on each resource element, equalised at the receiver."""

    model: Literal["ofdm"]
    snr_db: SNRSweep = _SNR_FIELD

    @property
    def parameters(self) -> OFDM:
        """All but the SNR."""
        return OFDM(**self.model_dump(include=set(OFDM.model_fields)))


ChannelSpec = Annotated[
    AWGNSpec | RayleighBlockSpec | RayleighFastSpec | OFDMSpec, Field(discriminator="model")
]
