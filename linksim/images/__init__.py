"""Picture sources: every picture that is sent over a link comes from here, as uint8 arrays."""

from importlib import import_module

from linksim.images.picture import Picture, PictureSet

__all__ = ["SOURCES", "Picture", "PictureSet", "load"]

SOURCES = {
    "photos": "linksim.images.photos:load",
    "patches32": "linksim.images.patches32:load",
    "folder": "linksim.images.folder:load",
    "kodak": "linksim.images.kodak:load",
    "cifar10": "linksim.images.cifar10:load",
    "fashion_mnist": "linksim.images.fashion_mnist:load",
}
"""From the YAML name of a source to the function that loads it."""


def load(spec):
    """Load the pictures that a scenario asks for.

    Parameters
    ----------
    spec : linksim.scenario.images.ImagesSpec
        A validated source.

    Returns
    -------
    PictureSet
        At least one picture.

    Raises
    ------
    InputError
        The pictures are not there, cannot be used or cannot be downloaded.
    """
    module, function = SOURCES[spec.source].split(":")
    return getattr(import_module(module), function)(spec)
