"""CIFAR-10: 50,000 training and 10,000 test pictures of 32×32 px in ten classes (Krizhevsky, 2009)."""

import tarfile
from itertools import islice
from pathlib import Path

from linksim.images.cifar10_batches import parse_binary, parse_pickle
from linksim.images.download import keras_dataset
from linksim.images.picture import Picture, PictureSet
from linksim.scenario.errors import InputError

_BATCHES = {"train": tuple(f"data_batch_{index}" for index in range(1, 6)), "test": ("test_batch",)}
_MEND = (
    "download CIFAR-10 (Python or binary version) and give the .tar.gz or its unpacked folder as images.path"
)


def load(spec):
    """Load CIFAR-10 from a local copy or through Keras.

    Parameters
    ----------
    spec : Cifar10Spec
        Without a path the set is downloaded to Keras' cache. A path names the folder or the .tar.gz
        of the Python version (`data_batch_1` …) or of the binary version (`data_batch_1.bin` …).

    Returns
    -------
    PictureSet
        `[32, 32, 3]` with labels 0 … 9, in the order of the data set.

    Raises
    ------
    InputError
        The files are missing, broken or foreign, or the download failed.
    """
    if spec.path is None:
        batches = iter([keras_dataset("cifar10", spec.split, _MEND)])
    else:
        batches = _local_batches(Path(spec.path).expanduser(), spec.split)
    labelled = ((image, label) for pixels, labels in batches for image, label in zip(pixels, labels))
    return PictureSet(
        tuple(
            Picture(f"cifar10-{spec.split}-{index:05d}", image, int(label))
            for index, (image, label) in enumerate(islice(labelled, spec.limit))
        )
    )


def _local_batches(path, split):
    """Yield `(pixels [count, 32, 32, 3], labels [count])` of each batch file."""
    if not path.exists():
        raise InputError("there is no such file or folder", file=str(path), field="images.path", mend=_MEND)
    read = _read_from_folder if path.is_dir() else _read_from_archive
    for name in _BATCHES[split]:
        found, content = read(path, name)
        parse = parse_binary if found.endswith(".bin") else parse_pickle
        try:
            batch = parse(content)
        except Exception as error:  # A broken pickle raises nearly anything.
            problem = f"{found} is no CIFAR-10 batch ({error})"
            raise InputError(problem, file=str(path), field="images.path", mend=_MEND) from error
        yield batch


def _missing(path, name):
    return InputError(f"{name} is missing", file=str(path), field="images.path", mend=_MEND)


def _read_from_folder(folder, name):
    """Return the file name and the content of batch `name`, in the folder or in the one unpacking made."""
    for inner in ("", "cifar-10-batches-py", "cifar-10-batches-bin"):
        for file in (name, f"{name}.bin"):
            if (candidate := folder / inner / file).is_file():
                return _read_file(candidate)
    raise _missing(folder, name)


def _read_file(path):
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise InputError(error.strerror, file=str(path), field="images.path", mend=_MEND) from error


def _read_from_archive(archive, name):
    """Return the file name and the content of batch `name`; nothing is unpacked to disk."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and Path(member.name).name in (name, f"{name}.bin"):
                    return Path(member.name).name, tar.extractfile(member).read()
    except (tarfile.TarError, OSError, EOFError) as error:
        problem = f"it is no whole tar archive ({error})"
        raise InputError(problem, file=str(archive), field="images.path", mend=_MEND) from error
    raise _missing(archive, name)
