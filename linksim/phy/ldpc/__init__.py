"""LDPC decoders of the NR mother codes behind one interface: a dictionary from YAML name to class."""

from importlib import import_module
from typing import Protocol

import tensorflow as tf

DECODERS = {"sionna": "linksim.phy.ldpc.sionna_bp:SionnaDecoder"}


class CodewordDecoder(Protocol):
    """Built from a `linksim.phy.ldpc.mother_code.MotherCodeEncoder` and a number of iterations."""

    def __call__(self, llr: tf.Tensor) -> tf.Tensor:
        """LLRs ln p(1)/p(0) `[batch, n]`, float32, to hard information bits `[batch, k]`, float32."""


def create(name: str, encoder, iterations: int) -> CodewordDecoder:
    """Build the decoder with this YAML name."""
    module, _, cls = DECODERS[name].partition(":")
    return getattr(import_module(module), cls)(encoder, iterations)
