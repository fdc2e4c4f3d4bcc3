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
from linksim.zoo.weights import Weights, card_path, find, verify

#: Datasets smaller than this are stored as they are: a compressed one costs about as much in bookkeeping.
_WORTH_COMPRESSING_BYTES = 2048

#: Arrays of fewer values are not worth a grid.
_LEAST_ON_A_GRID = 4096

#: Attribute of integers on a grid: its step.
_STEP = "step"

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
        _fill(codec, weights)
    except InputError:
        raise
    except Exception as error:  # ValueError, KeyError, OSError: as many as there are ways not to fit
        problem = f"these are not the weights of a {card.model} of the card's sizes ({_first_line(error)})"
        raise InputError(problem, file=str(path), mend=mend) from error
    return codec


def _fill(codec, weights):
    """Give a codec the values of its weights."""
    if not _grids(weights.path):
        codec.load_weights(weights.path)
        return
    base = None if weights.card.base is None else _base(weights)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, f"plain{WEIGHTS_SUFFIX}")
        _unpack(weights.path, base and base.path, plain)
        codec.load_weights(plain)


def _base(weights):
    """The weights from which others are stored as differences."""
    place = str(card_path(weights.path))
    try:
        base = find(weights.card.base)
    except InputError as error:
        problem = error.at("base").problem
        raise InputError(problem, file=place, field="base", mend=error.mend) from error
    if base.digest != weights.card.base_sha256:
        problem = f"{weights.card.base} is not what {weights.reference} was stored against (SHA-256 differs)"
        mend = "take both from one version of linksim"
        raise InputError(problem, file=place, field="base", mend=mend)
    return base


def save(codec, card_fields: dict, path: str | Path, base: Weights | None = None) -> Weights:
    """Write a codec's weights in half precision, and their card.

    Each file appears whole or not at all; a kill between the two leaves weights that their old card refuses.

    Parameters
    ----------
    codec : linksim.jscc.codec.Codec
    card_fields : dict
        The fields of `Card` but `parameters`, `cbr` and `sha256`, which are the codec's and the file's own.
    path : str or Path
        Ends in `.weights.h5`.
    base : Weights, optional
        Of the same model and sizes of variables: kernels on a grid (`Codec.kernel_step`) are stored as
        differences from these, which are needed to load them.

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
        if codec.kernel_step is None:
            _halve(full, half, codec.kernel_bits)
        else:
            _pack(full, half, codec.kernel_step, base and base.path)
        sha256 = hashlib.sha256(half.read_bytes()).hexdigest()
        cbr = codec.cbr and str(codec.cbr)
        own = {"base": base and base.reference, "base_sha256": base and base.digest}
        own |= {"parameters": codec.count_params(), "cbr": cbr, "sha256": sha256}
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


def _pack(source, target, share, base):
    """Copy the datasets of an HDF5 file: large arrays as integers on a grid, others in float16.

    A grid's step is a share of the array's standard deviation, more where that needs more than a byte, or
    that of the base, from which the integers are then differences.
    """
    import h5py
    import numpy as np

    grids = {} if base is None else _grids(base)
    with h5py.File(source) as full, h5py.File(target, "w", libver=_FORMAT) as packed:

        def copy(name, entry):
            if not isinstance(entry, h5py.Dataset):
                return
            values = entry[()]
            if not np.issubdtype(values.dtype, np.floating):
                packed.create_dataset(name, data=values)
                return
            with np.errstate(over="ignore"):
                half = values.astype(np.float16)
            if not np.isfinite(half).all():
                raise ValueError(f"{name} is not finite in half precision")
            if _is_exact(name) or values.ndim < 2 or values.size < _LEAST_ON_A_GRID or not values.any():
                packed.create_dataset(name, data=half)
                return
            least = max(share * values.std(), abs(values).max() / 127)  # one byte a number
            numbers, step = grids.get(name, (0, float(np.float32(least))))
            numbers = np.round(values / step).astype(int) - numbers
            # The smallest type; most of a number's bytes would be zeros.
            numbers = numbers.astype(np.min_scalar_type(-int(abs(numbers).max()) - 1))
            dataset = packed.create_dataset(
                name, data=numbers, compression="gzip", compression_opts=9, shuffle=True, chunks=numbers.shape
            )
            dataset.attrs[_STEP] = step

        full.visititems(copy)


def _unpack(source, base, target):
    """The inverse of `_pack`, with arrays as Keras reads them."""
    import h5py
    import numpy as np

    grids = {} if base is None else _grids(base)
    with h5py.File(source) as packed, h5py.File(target, "w", libver=_FORMAT) as plain:

        def copy(name, entry):
            if not isinstance(entry, h5py.Dataset):
                return
            values = entry[()]
            if _STEP in entry.attrs:
                numbers, _ = grids.get(name, (0, None))
                values = (numbers + values.astype(int)) * np.float32(entry.attrs[_STEP])
            plain.create_dataset(name, data=values)

        packed.visititems(copy)


def _grids(path):
    """Integers and step of every array on a grid, by name."""
    import h5py

    grids = {}
    with h5py.File(path) as packed:

        def note(name, entry):
            if isinstance(entry, h5py.Dataset) and _STEP in entry.attrs:
                grids[name] = entry[()].astype(int), float(entry.attrs[_STEP])

        packed.visititems(note)
    return grids


def _is_kernel(name, values):
    """Other matrices, such as those of GDN, points and codewords, keep all their bits."""
    linear = "/dense" in name or name.startswith("classifier/")
    return values.ndim == 4 or (values.ndim == 2 and linear)


def _is_exact(name):
    """What the grid would cost decibels: coefficients of GDN, codewords and points."""
    return "/gdn/" in name or "quantizer" in name


def _first_line(error):
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:120]
