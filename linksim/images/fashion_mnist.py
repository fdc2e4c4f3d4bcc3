"""Fashion-MNIST: 60,000 training and 10,000 test pictures in ten classes (Xiao et al., 2017)."""

from pathlib import Path

import numpy as np

from linksim.images.download import keras_dataset
from linksim.images.folder import existing_folder
from linksim.images.idx import read_idx
from linksim.images.picture import Picture, PictureSet
from linksim.scenario.errors import InputError

CLASSES = 10
_DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
_PREFIXES = {"train": "train", "test": "t10k"}
_MEND = "put the four *-ubyte.gz files of Fashion-MNIST into a folder and give it as images.path"


def load(spec):
    """Load Fashion-MNIST from a local copy or through Keras.

    Parameters
    ----------
    spec : FashionMnistSpec
        A path names the folder of the IDX files, compressed or not. Without it Debian's package
        `dataset-fashion-mnist` is used where it is installed, else the set is downloaded to Keras' cache.

    Returns
    -------
    PictureSet
        28×28 grey pictures, padded by 2 zeros a side and repeated over the channels to `[32, 32, 3]`,
        with labels 0 … 9, in the order of the data set.

    Raises
    ------
    InputError
        The files are missing or broken, or the download failed.
    """
    if spec.path is not None:
        pixels, labels = _read(existing_folder(spec.path, _MEND), spec)
    elif _DEBIAN_FOLDER.is_dir():
        pixels, labels = _read(_DEBIAN_FOLDER, spec)
    else:
        pixels, labels = keras_dataset("fashion_mnist", spec.split, _MEND)
    pixels, labels = pixels[: spec.limit], labels[: spec.limit]
    padded = np.pad(pixels, [(0, 0), (2, 2), (2, 2)])
    return PictureSet(
        tuple(
            Picture(f"fashion_mnist-{spec.split}-{index:05d}", np.repeat(image[..., None], 3, -1), int(label))
            for index, (image, label) in enumerate(zip(padded, labels))
        )
    )


def _read(folder, spec):
    prefix = _PREFIXES[spec.split]
    pixels = read_idx(_find(folder, f"{prefix}-images-idx3-ubyte"), (28, 28), spec.limit)
    labels = read_idx(labels_file := _find(folder, f"{prefix}-labels-idx1-ubyte"), (), spec.limit)
    if len(pixels) != len(labels) or (labels >= CLASSES).any():
        problem = f"its labels are not one of 0 … {CLASSES - 1} for each of {len(pixels)} pictures"
        raise InputError(problem, file=str(labels_file), field="images.path", mend=_MEND)
    return pixels, labels


def _find(folder, name):
    for candidate in (folder / f"{name}.gz", folder / name):
        if candidate.is_file():
            return candidate
    raise InputError(f"{name}.gz is missing", file=str(folder), field="images.path", mend=_MEND)
