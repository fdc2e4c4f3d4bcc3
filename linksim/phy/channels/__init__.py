"""Channels behind one interface: a dictionary from YAML name to the class that implements it."""

from importlib import import_module
from typing import Protocol

import tensorflow as tf

CHANNELS = {
    "awgn": "linksim.phy.channels.awgn:AWGN",
    "rayleigh_block": "linksim.phy.channels.rayleigh:RayleighBlock",
    "rayleigh_fast": "linksim.phy.channels.rayleigh:RayleighFast",
}


class Channel(Protocol):
    """Symbols and noise variance in, equalised symbols and their noise variance out."""

    def __call__(self, symbols: tf.Tensor, noise_variance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Send symbols `[batch, k]`, complex64, with channel noise N0 `[batch, 1]`, float32.

        Returns
        -------
        equalised : [batch, k], complex64
        noise_variance : [batch, k], float32
            Noise variance of each equalised symbol.
        """


def create(model: str) -> Channel:
    """Build the channel with this YAML name."""
    module, _, name = CHANNELS[model].partition(":")
    return getattr(import_module(module), name)()
