"""Loads codecs from files of weights, and saves them in half precision with their cards."""

import hashlib
import json
import tempfile
from pathlib import Path

from pydantic import ValidationError

from linksim import jscc
from linksim.scenario.errors import InputError
from linksim.scenario.explaining import explain
from linksim.scenario.systems import WEIGHTS_SUFFIX
from linksim.zoo.card import Card
from linksim.zoo.weights import Weights, card_path, verify

#: Datasets smaller than this are stored as they are: a compressed one costs about as much in bookkeeping.
_WORTH_COMPRESSING_BYTES = 2048

#: Oldest and newest version of the file format: "latest" would not be read by older libraries.
_FORMAT = ("v110", "v110")


def load(weights: Weights):
    """Build the codec of a card and fill it with its weights; nothing in the file is executed.

    Returns
    -------
    linksim.jscc.codec.Codec
        With float32 variables.

    Raises
    ------
    InputError
        The file has changed since it was found, or it does not fit the card's model and sizes.
    """
    card, path = weights.card, weights.path
    verify(path, card)
    mend = "restore the card, or export the weights again"
    try:
        codec = jscc.create(card.model, **card.sizes)
    except Exception as error:  # a network of impossible sizes can fail anywhere in Keras
        problem = f"no {card.model} can be built with them ({_first_line(error)})"
        raise InputError(problem, file=str(card_path(path)), field="sizes", mend=mend) from error
    for field, found in (("parameters", codec.count_params()), ("cbr", codec.cbr)):
        if found != getattr(card, field):
            problem = f"the {card.model} of these sizes has {found}, not {getattr(card, field)}"
            raise InputError(problem, file=str(card_path(path)), field=field, mend=mend)
    try:
        codec.load_weights(path)
    except Exception as error:  # ValueError, KeyError, OSError: as many as there are ways not to fit
        problem = f"these are not the weights of a {card.model} of the card's sizes ({_first_line(error)})"
        raise InputError(problem, file=str(path), mend=mend) from error
    return codec


def save(codec, card_fields: dict, path: str | Path) -> Weights:
    """Write a codec's weights in half precision, and their card.

    Each file appears whole or not at all; a kill between the two leaves weights that their old card refuses.

    Parameters
    ----------
    codec : linksim.jscc.codec.Codec
    card_fields : dict
        The fields of `Card` but `parameters`, `cbr` and `sha256`, which are the codec's and the file's own.
    path : str or Path
        Ends in `.weights.h5`.

    Raises
    ------
    InputError
        A field of the card is missing or wrong.
    ValueError
        A weight is not finite in half precision.
    """
    path = Path(path)
    if not path.name.endswith(WEIGHTS_SUFFIX):
        raise ValueError(f"{path.name} does not end in {WEIGHTS_SUFFIX}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        full, half = Path(folder, f"full{WEIGHTS_SUFFIX}"), Path(folder, "half.h5")
        codec.save_weights(full)
        _halve(full, half, codec.kernel_bits)
        sha256 = hashlib.sha256(half.read_bytes()).hexdigest()
        cbr = codec.cbr and str(codec.cbr)
        own = {"parameters": codec.count_params(), "cbr": cbr, "sha256": sha256}
        fields = {**card_fields, **own}
        try:
            card = Card.model_validate(fields)
        except ValidationError as error:
            raise explain(error, fields, str(card_path(path))) from error
        written = Path(folder, "card.json")
        written.write_text(json.dumps(card.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
        half.replace(path)
        written.replace(card_path(path))
    return Weights(str(path), path, sha256, card)


def _halve(source, target, kernel_bits):
    """Copy the datasets of an HDF5 file, those of floating point in float16; integers keep their type.

    Kernels of convolutions and linear layers keep fewer bits of their mantissas yet. The groups' attributes
    are left out: Keras notes there how layers were called, which nobody reads back.
    """
    import h5py
    import numpy as np

    with h5py.File(source) as full, h5py.File(target, "w", libver=_FORMAT) as half:

        def copy(name, entry):
            if not isinstance(entry, h5py.Dataset):
                return
            values = entry[()]
            if np.issubdtype(values.dtype, np.floating):
                if _is_kernel(name, values):
                    mantissas, exponents = np.frexp(values)
                    values = np.ldexp(
                        np.round(mantissas * 2 ** (kernel_bits + 1)), exponents - kernel_bits - 1
                    )
                with np.errstate(over="ignore"):
                    values = values.astype(np.float16)
                if not np.isfinite(values).all():
                    raise ValueError(f"{name} is not finite in half precision")
            large = values.nbytes >= _WORTH_COMPRESSING_BYTES
            packing = (
                {"compression": "gzip", "compression_opts": 9, "shuffle": True, "chunks": values.shape}
                if large
                else {}
            )
            half.create_dataset(name, data=values, **packing)

        full.visititems(copy)


def _is_kernel(name, values):
    """Other matrices, such as those of GDN, points and codewords, keep all their bits."""
    linear = "/dense" in name or name.startswith("classifier/")
    return values.ndim == 4 or (values.ndim == 2 and linear)


def _first_line(error):
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:120]
