"""Channels behind one interface: a dictionary from YAML name to the class that implements it."""

from importlib import import_module
from typing import NamedTuple, Protocol

import tensorflow as tf

from linksim.scenario.channels import OFDM

CHANNELS = {
    "awgn": "linksim.phy.channels.awgn:AWGN",
    "rayleigh_block": "linksim.phy.channels.rayleigh:RayleighBlock",
    "rayleigh_fast": "linksim.phy.channels.rayleigh:RayleighFast",
    "ofdm": "linksim.phy.channels.ofdm:OFDMChannel",
}

CSI = ("perfect", "ls", "both")


class Medium(NamedTuple):
    """A channel with what is known of it: all that decides how symbols are changed, the noise aside.

    Attributes
    ----------
    model : str
        A name of `CHANNELS`.
    csi : str
        `perfect`: the receiver knows the gain; `ls`: it estimates it from pilots; `both`: the transmitter
        knows it too.
    interpolation : str or None
        Of the estimates, as `linksim.phy.channels.ofdm.weights` takes it; None stands for `lin`.
    ofdm : linksim.scenario.channels.OFDM or None
        Parameters of the model `ofdm`; None stands for the defaults.
    """

    model: str
    csi: str = "perfect"
    interpolation: str | None = None
    ofdm: OFDM | None = None


class Channel(Protocol):
    """Symbols and noise variance in, equalised symbols and their noise variance out.

    Attributes
    ----------
    subcarriers : int or None
        That carry so many symbols at once in OFDM; None with a single carrier.
    """

    subcarriers: int | None

    def __call__(
        self, symbols: tf.Tensor, noise_variance: tf.Tensor, pilot_energy: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Send symbols `[batch, k]`, complex64, with channel noise N0 `[batch, 1]`, float32.

        Pilots have the energy `[batch, 1]`, float32: the mean energy of a symbol under `measured`, else 1.

        Returns
        -------
        equalised : [batch, k], complex64
        noise_variance : [batch, k], float32
            Noise variance of each equalised symbol.
        """


def create(medium: Medium) -> Channel:
    """Build a channel.

    Raises
    ------
    ValueError
        If the model does not know this kind of channel knowledge.
    """
    module, _, name = CHANNELS[medium.model].partition(":")
    return getattr(import_module(module), name).of(medium)


def refuse_csi(medium: Medium, known: tuple[str, ...]) -> None:
    """Raise ValueError unless the channel knowledge is one of those known."""
    if medium.csi not in known:
        raise ValueError(f"no csi {medium.csi!r} on {medium.model}; choose from {known}")
