"""The received pictures that a run kept: the index of them, their pixels and what was measured of each."""

import csv
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from linksim.images.reading import read_pixels
from linksim.metrics.psnr import IDENTICAL_DB, psnr_db
from linksim.scenario.errors import InputError
from linksim.systems.base import CHANNEL_OUTAGE, CODEC_INFEASIBLE, OUTCOMES

_FAILURES = {CHANNEL_OUTAGE: "outage", CODEC_INFEASIBLE: "no file fits"}
_MEND = "run the scenario again: `linksim run SCENARIO`"


@dataclass(frozen=True)
class Kept:
    """A received picture as the index has it.

    Attributes
    ----------
    file, original : str
        Names of the two files.
    system : str
        The system's label.
    snr_db : float
    cbr : Fraction
    mcs : str
        What was sent with, as in the results.
    image : int
        Index of the picture, from 0.
    name : str
        Its name.
    trial : int
    outcome : str
        One of `linksim.systems.base.OUTCOMES`.
    """

    file: str
    original: str
    system: str
    snr_db: float
    cbr: Fraction
    mcs: str
    image: int
    name: str
    trial: int
    outcome: str

    @property
    def link(self) -> tuple[float, Fraction]:
        """What systems that are shown beside each other share: SNR and CBR."""
        return self.snr_db, self.cbr

    @property
    def failure(self) -> str:
        """Why the picture was not delivered, in a word or two; empty where it was."""
        return _FAILURES.get(self.outcome, "")


def read_kept(folder: Path) -> list[Kept]:
    """The received pictures that a folder `pictures/` holds, in the order of its index; none without one.

    Raises
    ------
    InputError
        The index cannot be read.
    """
    path = folder / "index.csv"
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Kept(
                    file=line["file"],
                    original=line["original"],
                    system=line["system"],
                    snr_db=float(line["snr_db"]),
                    cbr=Fraction(line["cbr"]),
                    mcs=line["mcs"],
                    image=int(line["image"]),
                    name=line["name"],
                    trial=int(line["trial"]),
                    outcome=OUTCOMES[OUTCOMES.index(line["outcome"])],  # one that is known
                )
                for line in csv.DictReader(file)
            ]
    except (OSError, csv.Error, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        problem = f"cannot be read ({type(error).__name__}: {error})"
        raise InputError(problem, file=str(path), mend=_MEND) from error


def read_picture(path: Path) -> np.ndarray:
    """The pixels of a picture that the index names, uint8 [H, W, C].

    Raises
    ------
    InputError
        It is not there, or no picture.
    """
    if not path.exists():
        raise InputError("there is no such picture", file=str(path), mend=_MEND)
    return read_pixels(path)


def psnr_of(received: np.ndarray, original: np.ndarray, path: Path) -> float:
    """The PSNR of a received picture in dB; `path` is its file, for the error.

    Raises
    ------
    InputError
        Its shape is not that of its original.
    """
    if received.shape != original.shape:
        problem = "has not the size and colours of its original"
        raise InputError(problem, file=str(path), mend=f"remove it and {_MEND}")
    return psnr_db(original, received)


def psnr_text(psnr: float) -> str:
    """A picture's PSNR in words.

    Examples
    --------
    >>> psnr_text(31.337), psnr_text(100.0)
    ('31.34 dB', 'identical')
    """
    return "identical" if psnr == IDENTICAL_DB else f"{psnr:.2f} dB"
