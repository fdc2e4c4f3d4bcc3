"""Checkpoints of a training: every variable and the place in the recipe, written atomically."""

import contextlib
import json
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from keras import ops

from linksim.scenario.errors import InputError

#: What reading a damaged file raises; fields of another version are a TypeError.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile)

#: Where a training goes on, and the codec of its best epoch.
CHECKPOINT, BEST = "checkpoint.npz", "best.npz"


@dataclass
class Progress:
    """Where a training is.

    Attributes
    ----------
    recipe : str
        Digest of the recipe.
    phase, step : int
        Number of the phase and updates done in it.
    best : float
        Best validation of the phase: PSNR in dB or, of what classifies, the loss times −1.
    idle : int
        Epochs since.
    seconds : float
        Spent in updates and validations, over all sessions.
    rate : float or None
        Learning rate, where a plateau sets it.
    history : list of dict
        A line for each epoch.
    best_line : dict
        That of the best epoch of the phase.
    """

    recipe: str
    phase: int = 0
    step: int = 0
    best: float = float("-inf")
    idle: int = 0
    seconds: float = 0.0
    rate: float | None = None
    history: list = field(default_factory=list)
    best_line: dict = field(default_factory=dict)


def write(path: Path, variables, progress: Progress) -> None:
    """Write variables, in their order, and the progress into one file."""
    arrays = {f"v{index}": ops.convert_to_numpy(variable) for index, variable in enumerate(variables)}
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        np.savez(file, progress=np.array(json.dumps(asdict(progress))), **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_progress(path: Path) -> Progress | None:
    """The progress of a checkpoint; None where there is none.

    Raises
    ------
    InputError
        The file is damaged.
    """
    if not path.exists():
        return None
    with _opened(path) as arrays:
        return Progress(**json.loads(str(arrays["progress"])))


def restore(path: Path, variables) -> None:
    """Give variables the values of a checkpoint.

    Raises
    ------
    InputError
        The file is damaged, or of another model.
    """
    with _opened(path) as arrays:
        variables = list(variables)
        shapes = [arrays[f"v{index}"].shape for index in range(len(arrays.files) - 1)]
        if shapes != [tuple(variable.shape) for variable in variables]:
            raise InputError("holds another model", file=str(path), mend="start anew with --fresh")
        for index, variable in enumerate(variables):
            variable.assign(arrays[f"v{index}"])


def remove(folder: Path) -> None:
    """Delete what an earlier training left in a folder to go on from."""
    for name in (CHECKPOINT, BEST):
        (folder / name).unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path):
    """The arrays of an .npz file; damage of any kind is an InputError."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except InputError:
        raise
    except _DAMAGE as error:
        mend = "start anew with --fresh"
        raise InputError("the checkpoint is damaged", file=str(path), mend=mend) from error
