"""The pictures of a recipe: tiles of photographs, remembered beside them, or labelled pictures."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from linksim import images
from linksim.scenario.errors import InputError
from linksim.scenario.images import Cifar10Spec, FashionMnistSpec
from linksim.training.patches import make_tiles, photographs, validation_patches
from linksim.training.recipe import LabelledSpec, Recipe

_SOURCES = {"fashion_mnist": FashionMnistSpec, "cifar10": Cifar10Spec}


@dataclass(frozen=True)
class Examples:
    """Pictures to learn from.

    Attributes
    ----------
    pictures : [count, side + 2·margin, side + 2·margin, 3], uint8
    labels : [count], int32, or None
    """

    pictures: np.ndarray
    labels: np.ndarray | None = None

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, chosen):
        """Pictures and labels, where there are any, of an index or slice, as `fit` takes them."""
        if self.labels is None:
            return (self.pictures[chosen],)
        return self.pictures[chosen], self.labels[chosen]


@dataclass(frozen=True)
class Data:
    """What a recipe trains on: two sets of examples, and what they are in words."""

    training: Examples
    validation: Examples
    description: str


def load(recipe: Recipe, listener) -> Data:
    """Load the pictures of a recipe.

    Raises
    ------
    InputError
        They are not there, cannot be used, or are fewer than the validation needs.
    """
    return _photographs(recipe, listener) if recipe.photographs else _labelled(recipe)


def _labelled(recipe: Recipe) -> Data:
    spec = recipe.labelled
    pictures = _training_split(spec)
    count = len(pictures) - spec.validation
    if count < 1:
        raise InputError(
            f"{spec.source} has only {len(pictures)} training pictures",
            field="labelled.validation",
            mend="lower it",
        )
    pixels = np.stack([picture.pixels for picture in pictures])
    labels = np.array([picture.label for picture in pictures], np.int32)
    last = int(labels.max())
    if last >= (getattr(recipe.model, "classes", 0) or np.inf):
        problem, mend = f"{spec.source} has labels up to {last}", f"write {last + 1}"
        raise InputError(problem, field="model.classes", mend=mend)
    return Data(
        Examples(pixels[:count], labels[:count]),
        Examples(pixels[count:], labels[count:]),
        f"{count} training pictures of {spec.source}",
    )


def _training_split(spec: LabelledSpec):
    """The pictures; errors name the fields of a recipe instead of those of a scenario."""
    path = None if spec.path is None else str(spec.path)
    try:
        return images.load(_SOURCES[spec.source](path=path, split="train")).pictures
    except InputError as error:
        field = error.field and error.field.replace("images.", "labelled.")
        mend = error.mend and error.mend.replace("images.path", "--dataset or labelled.path")
        raise InputError(error.problem, file=error.file, field=field, mend=mend) from error


def _photographs(recipe: Recipe, listener) -> Data:
    spec = recipe.photographs
    paths = {split: photographs(spec.folder, split) for split in ("train", "validation")}
    training, validation = _tiles(recipe, paths, listener)
    low, high = spec.rescale
    count = len(paths["train"])
    description = (
        f"{spec.count} tiles of {spec.side} px of {count} photographs at {low} to {high} of their size"
    )
    return Data(Examples(training), Examples(validation), description)


def _tiles(recipe, paths, listener):
    """Training tiles and validation patches, uint8; remembered beside the photographs."""
    spec = recipe.photographs
    folder = Path(spec.folder).expanduser() / ".tiles"
    names = [f"{path.name} {path.stat().st_size}" for split in paths for path in paths[split]]
    wanted = repr((names, spec.tile_side, spec.rescale, spec.count, spec.validation, recipe.seed))
    stem = hashlib.sha256(wanted.encode()).hexdigest()[:16]
    files = folder / f"{stem}-train.npy", folder / f"{stem}-validation.npy"
    if not all(file.exists() for file in files):
        listener.say(
            f"cutting {spec.count} tiles of {spec.tile_side} px from {len(paths['train'])} photographs"
        )
        cores = len(os.sched_getaffinity(0))
        made = (
            make_tiles(paths["train"], spec.tile_side, spec.rescale, spec.count, recipe.seed, cores),
            validation_patches(paths["validation"], spec.tile_side, spec.rescale, spec.validation),
        )
        try:
            folder.mkdir(exist_ok=True)
            for file, array in zip(files, made):
                temporary = file.with_name(f"{file.name}.{os.getpid()}.part")
                with temporary.open("wb") as target:
                    np.save(target, array)
                temporary.replace(file)
        except OSError:  # no room or no right to write: then they are cut anew the next time
            return made
    return tuple(np.load(file, mmap_mode="r") for file in files)
