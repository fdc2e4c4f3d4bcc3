"""Labelled data sets that `keras.datasets` downloads, when no local copy is given."""

from importlib import import_module

from linksim.scenario.errors import InputError


def keras_dataset(name, split, mend):
    """Fetch a data set through `keras.datasets`, which keeps it in Keras' own cache.

    Parameters
    ----------
    name : str
        Module of `keras.datasets`: `cifar10` or `fashion_mnist`.
    split : str
        `train` or `test`.
    mend : str
        What the user can do where the download fails.

    Returns
    -------
    pixels : ndarray
        `[count, H, W, 3]` or `[count, H, W], uint8`.
    labels : ndarray
        `[count], uint8`.

    Raises
    ------
    InputError
        The data set cannot be downloaded or unpacked.
    """
    datasets = import_module("keras.datasets")  # Loads a whole framework: only once it is needed.
    try:
        train, test = getattr(datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception for every failed download.
        raise InputError(
            f"{name} could not be downloaded ({type(error).__name__})", field="images.source", mend=mend
        ) from error
    pixels, labels = train if split == "train" else test
    return pixels, labels.reshape(-1)
