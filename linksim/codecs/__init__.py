"""Source codecs: pictures to files and back, and the search for the best file within a budget."""

from importlib import import_module

from linksim.codecs.base import Codec, DecodeError
from linksim.scenario.codecs import CodecSpec

__all__ = ["CODECS", "Codec", "DecodeError", "create"]

CODECS: dict[str, str] = {
    "bpg": "linksim.codecs.bpg:BPG",
    "bpgenc": "linksim.codecs.bpg_external:ExternalBPG",
    "jpeg": "linksim.codecs.jpeg:JPEG",
    "jpeg2000": "linksim.codecs.jpeg2000:JPEG2000",
}
"""Every codec: its YAML name and where its class lives, imported only when it is asked for."""


def create(spec: CodecSpec) -> Codec:
    """Build the codec that a scenario names.

    Parameters
    ----------
    spec : CodecSpec
        One of the models of `linksim.scenario.codecs`.

    Returns
    -------
    Codec

    Raises
    ------
    InputError
        The codec needs a program that is not installed.
    """
    module, _, name = CODECS[spec.name].partition(":")
    return getattr(import_module(module), name)(**spec.model_dump(exclude={"name"}))
