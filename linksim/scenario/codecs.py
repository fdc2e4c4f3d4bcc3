"""The schema of the source codecs: one frozen model each, told apart by `name`."""

from typing import Annotated, Literal

from pydantic import Field

from linksim.scenario.base import Model, Whole


class BPGSpec(Model):
    """BPG written and read in Python; the HEVC coding is x265's, through PyAV."""

    name: Literal["bpg"] = Field("bpg", description="BPG by x265, no outside program needed.")
    chroma: Literal["4:2:0", "4:4:4"] = Field(
        "4:2:0", description="Chroma sampling of colour pictures; grey pictures have no chroma."
    )
    preset: Literal["medium", "slow", "slower", "veryslow"] = Field(
        "slow", description="x265's effort: slower presets spend more time for smaller files."
    )


class ExternalBPGSpec(Model):
    """BPG by the programs `bpgenc` and `bpgdec` of libbpg, found on the PATH."""

    name: Literal["bpgenc"] = Field("bpgenc", description="BPG by libbpg's own programs on the PATH.")
    chroma: Literal["4:2:0", "4:4:4"] = Field(
        "4:2:0", description="Chroma sampling of colour pictures; grey pictures have no chroma."
    )
    encoder: Literal["x265", "jctvc"] = Field(
        "x265", description="The HEVC encoder inside bpgenc; jctvc is the slow reference encoder."
    )
    level: Whole = Field(8, ge=1, le=9, description="bpgenc's compression level, 1 (fast) to 9 (strong).")


class JPEGSpec(Model):
    """Baseline JPEG by Pillow with optimised Huffman tables."""

    name: Literal["jpeg"] = Field("jpeg", description="Baseline JPEG by Pillow.")
    subsampling: Literal["4:2:0", "4:4:4"] = Field(
        "4:2:0", description="Chroma sampling of colour pictures; grey pictures have no chroma."
    )


class JPEG2000Spec(Model):
    """JPEG 2000 codestreams by Pillow (OpenJPEG), 9/7 wavelet."""

    name: Literal["jpeg2000"] = Field("jpeg2000", description="JPEG 2000 by Pillow (OpenJPEG).")


CodecSpec = Annotated[
    BPGSpec | ExternalBPGSpec | JPEGSpec | JPEG2000Spec,
    Field(discriminator="name"),
]
