"""A folder of pictures: every file that Pillow can read, in the order of the names."""

import os
import warnings
from pathlib import Path

from linksim.images.picture import PictureSet
from linksim.images.reading import picture_extensions
from linksim.images.stored import store
from linksim.scenario.errors import InputError


def existing_folder(path, mend):
    """Return a folder as a path with the home directory expanded.

    Parameters
    ----------
    path : str
        As the user wrote it.
    mend : str
        What the error tells the user to do.

    Returns
    -------
    pathlib.Path
        A folder that can be listed.

    Raises
    ------
    InputError
        It is missing, is a file or must not be read.
    """
    folder = Path(path).expanduser()
    if not folder.exists():
        problem = "there is no such folder"
    elif not folder.is_dir():
        problem = "it is a file, not a folder"
    elif not os.access(folder, os.R_OK | os.X_OK):
        problem = "you have no permission to read it"
    else:
        return folder
    raise InputError(problem, file=str(folder), field="images.path", mend=mend)


def load(spec):
    """Load the pictures of a folder.

    Files whose extension is no picture's, hidden files and subfolders are passed over silently.

    Parameters
    ----------
    spec : FolderSpec
        The folder, `strict`, and the crop and limit.

    Returns
    -------
    PictureSet
        Named by file name, extension included; `skipped` names what could not be used.

    Raises
    ------
    InputError
        The folder is missing or holds no usable picture or, with `strict`, one that cannot be used.

    Warns
    -----
    UserWarning
        A picture was skipped, or scaled up to the crop.
    """
    folder = existing_folder(spec.path, "give the path of a folder with pictures")
    pictures, skipped = [], []
    for path in _picture_files(folder):
        # A name that is not UTF-8 on disk could not be written to a report.
        name = path.name.encode("utf-8", "backslashreplace").decode()
        try:
            pictures.append(store(name, path, spec.crop))
        except InputError as error:
            if spec.strict:
                raise
            skipped.append(f"{name}: {error.problem}")
            warnings.warn(f"skipped {folder / name}: {error.problem}", UserWarning, stacklevel=2)
        if len(pictures) == spec.limit:
            break
    if not pictures:
        problem = f"none of its pictures can be used ({skipped[0]})" if skipped else "it holds no picture"
        mend = "put pictures there (PNG, JPEG, TIFF, WebP, …) or name another folder"
        raise InputError(problem, file=str(folder), field="images.path", mend=mend)
    return PictureSet(tuple(pictures), tuple(skipped))


def _picture_files(folder):
    extensions = picture_extensions()
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in extensions and not path.name.startswith(".") and path.is_file()
    )
