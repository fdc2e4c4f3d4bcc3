"""Schema of what lies between symbols and channel: power policy, channel knowledge, amplifier."""

from typing import Literal

from pydantic import Field

from linksim.scenario.base import Model, Number, refusal
from linksim.scenario.channels import ChannelSpec


class Rapp(Model):
    """A solid-state power amplifier that compresses amplitudes: r ↦ r / (1 + (r/A)^2p)^(1/2p)."""

    model: Literal["rapp"] = "rapp"
    backoff_db: Number = Field(
        3.0, ge=-20, le=60, description="saturation power A² over the block's mean power at the input, dB"
    )
    smoothness: Number = Field(2.0, ge=0.5, le=50, description="p; the larger, the more like a clipper")


class LinkSpec(Model):
    """Power policy, channel knowledge, and what the transmitter's amplifier does."""

    power: Literal["measured", "nominal"] = Field(
        "measured", description="measured: Es/N0 holds for every picture's block; nominal: noise 1/SNR"
    )
    csi: Literal["perfect", "ls", "both"] = Field(
        "perfect",
        description="who knows the fading: perfect, the receiver; ls, the receiver estimates it from pilots "
        "(ofdm); both, the transmitter too (rayleigh)",
    )
    interpolation: Literal["nn", "lin", "lin_time_avg"] | None = Field(
        None, description="of least-squares estimates between pilots; default: lin"
    )
    amplifier: Rapp | None = Field(None, description="power amplifier of the transmitter; default: linear")

    def refuse_on(self, channel: ChannelSpec) -> None:
        """Refuse what makes no sense on a channel."""
        model = channel.model
        if self.csi == "ls" and model != "ofdm":
            raise refusal(f"{model} has no pilots", "write perfect, or take ofdm", field="link.csi")
        if self.csi == "ls" and not channel.pilots:
            problem, mend = "nothing to estimate the channel from", "list OFDM symbols, such as [2, 11]"
            raise refusal(problem, mend, field="channel.pilots")
        if self.csi == "both" and model not in ("rayleigh_block", "rayleigh_fast"):
            mend = "write perfect, or take rayleigh_block or rayleigh_fast"
            raise refusal(f"the transmitter cannot follow {model}", mend, field="link.csi")
        if self.interpolation is not None and self.csi != "ls":
            problem, mend = f"with csi {self.csi} nothing is interpolated", "leave it out, or set csi to ls"
            raise refusal(problem, mend, field="link.interpolation")
