"""Schema of the end-to-end systems: separate chains and the capacity bound."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from linksim.scenario.base import Model, Whole, refusal
from linksim.scenario.codecs import BPGSpec, CodecSpec

#: Number of MCS indices of each table of TS 38.214, clause 5.1.3.1.
MCS_TABLE_SIZES = {"pdsch-1": 29, "pdsch-2": 28, "pdsch-3": 29, "pdsch-4": 27}

MCSTable = Literal["pdsch-1", "pdsch-2", "pdsch-3", "pdsch-4"]


class NRLDPCSpec(Model):
    """5G NR LDPC transport blocks, TS 38.212 clause 5."""

    name: Literal["nr-ldpc"] = "nr-ldpc"
    decoder: Literal["sionna"] = Field(
        "sionna", description="sionna: flooding belief propagation, boxplus-phi"
    )
    iterations: Whole = Field(20, ge=1, le=1000, description="decoder iterations")


class MCSSpec(Model):
    """Which MCSs of a table take part and who chooses among them."""

    table: MCSTable = Field("pdsch-1", description="MCS table of TS 38.214 clause 5.1.3.1")
    policy: Literal["envelope", "fixed"] = Field(
        "envelope", description="envelope: best mean PSNR at each SNR; fixed: one index"
    )
    index: Whole | None = Field(None, ge=0, description="the MCS of the policy `fixed`")
    indices: tuple[Whole, ...] | None = Field(
        None, min_length=1, description="restricts the envelope to these MCSs"
    )
    decode: Literal["needed", "all"] = Field("needed", description="all: decode MCSs that cannot win, too")

    @model_validator(mode="after")
    def _consistent(self):
        size = MCS_TABLE_SIZES[self.table]
        if self.policy == "fixed" and self.index is None:
            raise refusal("missing with policy fixed", "add `index: 10` or another MCS", field="index")
        if self.policy == "fixed" and self.indices is not None:
            raise refusal("policy fixed takes one MCS", "write `index` instead", field="indices")
        if self.policy == "envelope" and self.index is not None:
            raise refusal("belongs to policy fixed", "restrict an envelope with `indices`", field="index")
        field = "index" if self.policy == "fixed" else "indices"
        for index in self.candidates:
            if not 0 <= index < size:
                raise refusal(f"{self.table} has no MCS {index}", f"write 0 to {size - 1}", field=field)
        if len(set(self.candidates)) < len(self.candidates):
            raise refusal("an MCS is listed twice", "list each once", field=field)
        return self

    @property
    def candidates(self) -> tuple[int, ...]:
        """The MCS indices that take part, in the order written."""
        if self.policy == "fixed":
            return (self.index,)
        return self.indices if self.indices is not None else tuple(range(MCS_TABLE_SIZES[self.table]))


class GroupingSpec(Model):
    """Several small pictures coded as one."""

    mosaic: Whole = Field(ge=2, le=4096, description="pictures in one mosaic; they share its outcome")


class SeparatedSpec(Model):
    """Source codec, channel code and modulation, each on its own."""

    type: Literal["separated"]
    label: str = Field(min_length=1, max_length=80, description="its name in tables and legends")
    codec: CodecSpec = Field(default_factory=BPGSpec, description="source codec")
    code: NRLDPCSpec = Field(default_factory=NRLDPCSpec, description="channel code")
    mcs: MCSSpec = Field(default_factory=MCSSpec, description="modulation and coding schemes")
    grouping: GroupingSpec | None = Field(None, description="code mosaics of pictures instead of pictures")


class CapacityBoundSpec(Model):
    """The same codec over an ideal code at capacity."""

    type: Literal["capacity_bound"]
    label: str = Field(
        "capacity bound", min_length=1, max_length=80, description="its name in tables and legends"
    )
    codec: CodecSpec = Field(default_factory=BPGSpec, description="source codec")
    capacity: Literal["bicm", "gaussian"] = Field(
        "bicm", description="bicm: best modulation of the table; gaussian: log2(1+SNR)"
    )
    table: MCSTable = Field("pdsch-1", description="whose modulation orders the BICM capacity may use")
    grouping: GroupingSpec | None = Field(None, description="code mosaics of pictures instead of pictures")


SystemSpec = Annotated[SeparatedSpec | CapacityBoundSpec, Field(discriminator="type")]
