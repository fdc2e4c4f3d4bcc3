"""The Kodak set: 24 photographs of 768×512 or 512×768 px, put in place by the user."""

import os

from linksim.images.folder import existing_folder
from linksim.images.picture import PictureSet
from linksim.images.stored import store
from linksim.scenario.errors import InputError

NAMES = tuple(f"kodim{index:02d}" for index in range(1, 25))
_MEND = "put kodim01.png to kodim24.png there, or name their folder with path"


def load(spec):
    """Load the Kodak pictures.

    Nothing is downloaded, as the set has no official place and no published hashes.

    Parameters
    ----------
    spec : KodakSpec
        Path, crop and limit. Without a path the folder is `kodak` in `$LINKSIM_DATA`, or in
        `~/.cache/linksim` where that is not set.

    Returns
    -------
    PictureSet
        Named `kodim01` … `kodim24`, without labels.

    Raises
    ------
    InputError
        The folder or one of the pictures asked for is missing or broken.
    """
    folder = existing_folder(
        spec.path or f"{os.environ.get('LINKSIM_DATA') or '~/.cache/linksim'}/kodak", _MEND
    )
    paths = {name: folder / f"{name}.png" for name in NAMES[: spec.limit]}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        problem = f"missing {', '.join(missing)}"
        raise InputError(problem, file=str(folder), field="images.path", mend=_MEND)
    return PictureSet(tuple(store(name, path, spec.crop) for name, path in paths.items()))
