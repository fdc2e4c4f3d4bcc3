"""What a scenario can name: systems, codecs, codes, channels, MCS tables and picture sources."""

from typing import get_args

from linksim.scenario.channels import ChannelSpec
from linksim.scenario.codecs import CodecSpec
from linksim.scenario.images import ImagesSpec
from linksim.scenario.systems import CODES, MCS_TABLES, MODELS, SystemSpec


def building_blocks() -> dict[str, dict[str, str]]:
    """From kind to names with what each is, as `linksim systems` prints them."""
    return {
        "systems": named(SystemSpec, "type"),
        "learned models": MODELS,
        "codecs": named(CodecSpec, "name"),
        "codes": CODES,
        "channels": named(ChannelSpec, "model"),
        "mcs tables": {
            name: f"{facts.size} MCSs for {facts.code}: {facts.description}"
            for name, facts in MCS_TABLES.items()
        },
    }


def picture_sources() -> dict[str, str]:
    """From the name of each picture source to what it is."""
    return named(ImagesSpec, "source")


def named(union, discriminator: str) -> dict[str, str]:
    """The members of a discriminated union: YAML name to the first line of its description."""
    members = get_args(get_args(union)[0])
    return {name: _first_line(model) for model in members for name in _names(model, discriminator)}


def _names(model, field):
    return get_args(model.model_fields[field].annotation)


def _first_line(model):
    return model.__doc__.strip().splitlines()[0]
