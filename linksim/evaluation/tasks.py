"""A task: one operating point, one channel point, one chunk of pictures, one trial, one seed."""

import hashlib
import json
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from importlib.metadata import version

from linksim.scenario.channels import OFDM
from linksim.scenario.link import Rapp
from linksim.scenario.schema import Scenario
from linksim.systems.base import OperatingPoint

#: Packages whose version can change a row.
_PACKAGES = ("linksim", "sionna", "tensorflow", "numpy", "scipy", "numba", "av", "pillow")


@dataclass(frozen=True, repr=False)
class ChannelPoint:
    """A channel at one SNR: the arguments of `linksim.phy.link.Link`.

    Attributes
    ----------
    model : str
        A name of `linksim.phy.channels.CHANNELS`.
    snr_db : float
        Es/N0 in dB.
    power : str
        `measured` or `nominal`.
    csi : str
        `perfect`, `ls` or `both`.
    interpolation : str or None
        Of least-squares estimates.
    amplifier : Rapp or None
    ofdm : OFDM or None
        Parameters of the model `ofdm`.
    """

    model: str
    snr_db: float
    power: str
    csi: str = "perfect"
    interpolation: str | None = None
    amplifier: Rapp | None = None
    ofdm: OFDM | None = None

    @classmethod
    def of(cls, scenario: Scenario, snr_db: float) -> "ChannelPoint":
        """The channel of a scenario at one of its SNRs."""
        channel, link = scenario.channel, scenario.link
        return cls(
            channel.model,
            snr_db,
            link.power,
            link.csi,
            (link.interpolation or "lin") if link.csi == "ls" else None,
            link.amplifier,
            channel.parameters if channel.model == "ofdm" else None,
        )

    def __repr__(self):
        """All that differs from the defaults: tasks are named by it, so that a new field renames none."""
        told = [
            f"{field.name}={value!r}"
            for field, value in zip(fields(self), vars(self).values())
            if field.default is MISSING or value != field.default
        ]
        return f"ChannelPoint({', '.join(told)})"

    @property
    def name(self) -> str:
        """What results call it: the model, of `ofdm` with its profile, as `ofdm/tdl-a`."""
        return self.model if self.ofdm is None else f"{self.model}/{self.ofdm.profile}"


@dataclass(frozen=True)
class Task:
    """A pure piece of work: the same task gives the same rows, whoever runs it and when.

    Attributes
    ----------
    id : str
        Hash of everything that can change the rows.
    case : int
        Index of the case in the plan.
    point : OperatingPoint
    channel : ChannelPoint or None
        None asks for the system's ceiling: what would arrive if the channel spoiled nothing.
    pictures : (int, int)
        First picture of the chunk and the one after its last.
    trial : int
        Number of the channel realisation; −1 of a calibration.
    seed : int
        For everything random; it does not depend on the system, so that systems meet the same channel.
    uses : int or None
        Of a task that sends random blocks instead of pictures: channel uses of each. The range `pictures`
        then counts blocks.
    tabled : bool
        The blocks are not sent: a table says how many would be lost.
    """

    id: str
    case: int
    point: OperatingPoint
    channel: ChannelPoint | None
    pictures: tuple[int, int]
    trial: int
    seed: int
    uses: int | None = None
    tabled: bool = False

    @property
    def kinship(self) -> tuple:
        """Tasks that agree in this send the same: one worker should run them in a row."""
        return (self.point, self.pictures)


def seed_of(scenario_seed: int, channel: ChannelPoint | None, first_picture: int, trial: int) -> int:
    """The seed of a task: 31 bits that depend on the scenario, the channel, the chunk and the trial only.

    Not on who knows the channel nor on the amplifier: studies that differ in these meet the same gains.
    """
    if channel is not None:
        channel = replace(channel, csi="perfect", interpolation=None, amplifier=None)
    return int(digest([scenario_seed, repr(channel), first_picture, trial])[:8], 16) >> 1


def digest(value) -> str:
    """SHA-256 of a JSON value, hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def software(*more: str) -> dict[str, str]:
    """Versions of the packages that can change a row; of some systems `more` than of others."""
    return {name: version(name) for name in (*_PACKAGES, *more)}
