"""The packaged photographs: seven colour pictures inside the wheels of scikit-image and scikit-learn."""

from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from linksim.images.picture import PictureSet
from linksim.images.stored import store
from linksim.scenario.errors import InputError

PHOTOGRAPHS = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "motorcycle_left": ("skimage", "data/motorcycle_left.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}
"""From a photograph's name to its package and its path there, in the order of the set."""

_DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


def photograph(name, crop=None):
    """Load one packaged photograph.

    The file is read from the installed package without importing it: `skimage.data` would download
    a file that is missing.

    Parameters
    ----------
    name : str
        A key of `PHOTOGRAPHS`.
    crop : (int, int) or None
        Height and width in px.

    Returns
    -------
    StoredPicture
        `[H, W, 3]`.

    Raises
    ------
    InputError
        The package, or the file in it, is missing.
    """
    package, relative = PHOTOGRAPHS[name]
    distribution = _DISTRIBUTIONS[package]
    found = find_spec(package)
    path = Path(found.submodule_search_locations[0], relative) if found else None
    if path is None or not path.is_file():
        raise InputError(
            f"photograph '{name}' is not in the installed {distribution}",
            field="images.source",
            mend=f"reinstall {distribution} as a wheel with pip, or use source: folder",
        )
    return store(name, path, crop)


def load(spec):
    """Load the packaged photographs of a `PhotosSpec` as a `PictureSet`; they carry no labels."""
    cropped = (photograph(name, spec.crop) for name in PHOTOGRAPHS)
    return PictureSet(tuple(islice(cropped, spec.limit)))
