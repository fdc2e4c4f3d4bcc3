"""LDPC codes and their decoders: a dictionary from YAML name to class, one interface for all."""

from importlib import import_module
from typing import Protocol

import numpy as np

from linksim.phy.ldpc.code import QuasiCyclicCode

DECODERS = {
    "fast": "linksim.phy.ldpc.min_sum:MinSumDecoder",
    "sionna": "linksim.phy.ldpc.sionna_bp:SionnaDecoder",
}


class Decoder(Protocol):
    """Built from a code, the largest number of iterations and the precision of its arithmetic."""

    def __call__(self, llr: np.ndarray) -> np.ndarray:
        """LLRs ln p(1)/p(0) `[batch, n]`, float32, to hard information bits `[batch, k]`, uint8."""


def create(
    name: str, code: QuasiCyclicCode, iterations: int = 20, precision: str | None = "int16"
) -> Decoder:
    """Build the decoder with this YAML name; `precision` is a choice that only `fast` offers."""
    module, _, cls = DECODERS[name].partition(":")
    options = {"precision": precision} if name == "fast" else {}
    return getattr(import_module(module), cls)(code, iterations, **options)
