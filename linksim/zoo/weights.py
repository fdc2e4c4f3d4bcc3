"""Finds weights by reference and verifies them against their cards, without loading them."""

import difflib
import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from linksim.jscc import CLASSIFIERS, MODELS, SOURCE_CODERS
from linksim.scenario.errors import InputError
from linksim.scenario.explaining import explain
from linksim.scenario.systems import WEIGHTS_SUFFIX
from linksim.zoo.card import Card

#: Shipped weights: a folder for each model.
FOLDER = Path(__file__).parent / "weights"

#: A card is a page of text.
_MAX_CARD_BYTES = 100_000

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Weights:
    """Weights that agree with their card.

    Attributes
    ----------
    reference : str
        As it was written: `zoo:MODEL/NAME` or a path.
    path : Path
        The `.weights.h5` file.
    digest : str
        SHA-256 of the file.
    card : Card
    """

    reference: str
    path: Path = field(compare=False)
    digest: str
    card: Card = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """The reference without `zoo:` and without the suffix of a file."""
        return self.reference.removeprefix("zoo:").removesuffix(WEIGHTS_SUFFIX)


def find(reference: str) -> Weights:
    """Find weights and verify their file and card.

    Parameters
    ----------
    reference : str
        `zoo:MODEL/NAME` for shipped weights, or the path of a `.weights.h5` file with its card beside it.

    Raises
    ------
    InputError
        There are no such weights, their card is missing or damaged, or the file is not the card's.
    """
    path = locate(reference)
    card = read_card(path)
    if reference.startswith("zoo:") and card.model != path.parent.name:
        raise InputError(
            f"the card is of a {card.model}, not of a {path.parent.name}",
            file=str(card_path(path)),
            field="model",
            mend="put the weights back into the folder of their model",
        )
    verify(path, card)
    return Weights(reference, path, card.sha256, card)


def locate(reference: str) -> Path:
    """The existing file of a reference.

    Raises
    ------
    InputError
        There is no such file; names similar ones.
    """
    if reference.startswith("zoo:"):
        model, slash, name = reference.removeprefix("zoo:").partition("/")
        valid = slash and all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", part) for part in (model, name))
        path = FOLDER / model / f"{name}{WEIGHTS_SUFFIX}"
        if valid and path.is_file():
            return path
        near = difflib.get_close_matches(reference, shipped(), n=3, cutoff=0.5)
        mend = f"perhaps {', '.join(near)}; " if near else ""
        raise InputError(
            f"{reference} is not among the shipped weights", mend=f"{mend}`linksim models` lists them"
        )
    path = Path(reference)
    if not path.name.endswith(WEIGHTS_SUFFIX):
        raise InputError(
            "weights are files that end in .weights.h5", file=reference, mend="name one, or zoo:MODEL/NAME"
        )
    try:
        there = path.is_file()
    except (OSError, ValueError):  # too long a name, or one with a null byte
        there = False
    if there:
        return path
    beside = [str(other) for other in path.parent.glob(f"*{WEIGHTS_SUFFIX}")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(reference, beside, n=3, cutoff=0.5)
    mend = f"perhaps {', '.join(near)}" if near else "check the path; `linksim models` lists shipped weights"
    raise InputError("there is no such file of weights", file=reference, mend=mend)


def shipped() -> list[str]:
    """References of all shipped weights, sorted."""
    found = FOLDER.glob(f"*/*{WEIGHTS_SUFFIX}")
    return sorted(f"zoo:{path.parent.name}/{path.name.removesuffix(WEIGHTS_SUFFIX)}" for path in found)


def card_path(path: Path) -> Path:
    """Where the card of a file of weights lies."""
    return path.with_name(path.name.removesuffix(WEIGHTS_SUFFIX) + ".json")


def read_card(path: Path) -> Card:
    """Read the card beside a file of weights.

    Raises
    ------
    InputError
        It is missing, no JSON, of an unknown model, or a field is not what it should be.
    """
    place = card_path(path)
    mend = "copy NAME.weights.h5 and NAME.json together, under one name"
    try:
        with place.open("rb") as file:
            text = file.read(_MAX_CARD_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"the card of {path.name} is missing", file=str(place), mend=mend) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=str(place), mend=mend) from error
    try:
        if len(text) > _MAX_CARD_BYTES:
            raise ValueError("too long")
        data = json.loads(text.decode())
        if not isinstance(data, dict):
            raise ValueError("no mapping")
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"the card is damaged ({reason})", file=str(place), mend=mend) from error
    try:
        card = Card.model_validate(data)
    except ValidationError as error:
        raise explain(error, data, str(place)) from error
    known = (*MODELS, *CLASSIFIERS, *SOURCE_CODERS)
    if card.model not in known:
        raise InputError(
            f"{card.model!r} is no model of this version",
            file=str(place),
            field="model",
            mend=f"one of {', '.join(known)}",
        )
    return card


def verify(path: Path, card: Card) -> None:
    """Raise InputError unless the file is the one that the card describes."""
    try:
        status = path.stat()
        start, digest = _start_and_digest(path.resolve(), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=str(path), mend="check the file"
        ) from error
    if digest == card.sha256:
        return
    if start != _HDF5:
        raise InputError("this is no HDF5 file", file=str(path), mend="name weights that Keras has saved")
    raise InputError(
        f"truncated, changed, or not the weights of its card {card_path(path).name} (SHA-256 differs)",
        file=str(path),
        mend="copy NAME.weights.h5 and NAME.json again, both from one place",
    )


@lru_cache(maxsize=256)
def _start_and_digest(path, size, modified_ns):
    """First bytes and SHA-256 of a file, read once per process and version of the file."""
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
        file.seek(0)
        return start, hashlib.file_digest(file, "sha256").hexdigest()
