"""The training photographs: pictures inside Debian packages, from which the training corpus is rebuilt.

`training_photos.tsv` beside this module names the package, version, path, licence and downscale of each.
"""

import csv
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path

from PIL import Image

from linksim.scenario.errors import InputError

_LIST = Path(__file__).with_suffix(".tsv")
_CARVED = "#webp"  # Stands in a path between a Qt resource file and the number of a picture in it.
_ICON_BELOW = 150_000  # Px; pictures in resource files that are smaller are drawn icons and have no number.


@dataclass(frozen=True)
class Source:
    """Where one photograph of the corpus comes from; the fields are the columns of the list."""

    file: str
    package: str
    version: str
    path_in_package: str
    width: int
    height: int
    licence: str
    downscale: int


@dataclass(frozen=True)
class Outcome:
    """How many photographs were made, were there already, and could not be made."""

    made: int
    kept: int
    missing: int


Unpack = Callable[[str, str, Path], str]
"""`unpack(package, version, folder)` puts a package's files below a folder; returns the version it got."""


def sources() -> list[Source]:
    """The photographs of the corpus in the order of the list, which keeps those of a package together."""
    with _LIST.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [Source(**{field.name: field.type(row[field.name]) for field in fields(Source)}) for row in rows]


def fetch(out, wanted, unpack: Unpack, say=print) -> Outcome:
    """Make the photographs that are not there yet, one package after the other.

    Each is divided by its downscale with Lanczos' filter and saved as JPEG of quality 95 without chroma
    subsampling. A file appears complete or not at all.

    Parameters
    ----------
    out : Path
        Becomes the folder with `train` and `validation`.
    wanted : iterable of Source
        Photographs of one package follow one another.
    unpack : Unpack
        `unpack_debian_package` outside tests.
    say : callable
        Takes lines of progress and warnings.

    Raises
    ------
    InputError
        The folder cannot be written, or no package can be had.
    """
    made = kept = missing = 0
    for package, group in groupby(wanted, key=lambda source: source.package):
        group = list(group)
        absent = [source for source in group if not (out / source.file).exists()]
        kept += len(group) - len(absent)
        if not absent:
            say(f"{package}: all {len(group)} there")
            continue
        say(f"{package}: fetching")
        try:
            with tempfile.TemporaryDirectory(prefix="linksim-") as folder:
                version = unpack(package, absent[0].version, Path(folder))
                if version != absent[0].version:
                    say(f"warning: {package} is {version}, not {absent[0].version}; its pictures may differ")
                count = _make(absent, Path(folder), out, say)
        except _NotHad as error:
            say(f"warning: {error}")
            count = 0
        except OSError as error:
            raise InputError(
                f"cannot be written ({error.strerror or error})",
                file=str(error.filename or out),
                mend="choose another --out, or make room there and in $TMPDIR",
            ) from error
        made, missing = made + count, missing + len(absent) - count
        say(f"{package}: {count} made")
    if missing and not made + kept:
        mend = "look at the warnings; `apt-get update` on Debian 12 knows the packages"
        raise InputError("no photograph could be made", file=str(out), mend=mend)
    return Outcome(made, kept, missing)


def unpack_debian_package(package: str, version: str, folder: Path) -> str:
    """Download a package with `apt-get`, of this version or else of any, and unpack it with `dpkg`.

    Returns
    -------
    str
        The version that was had.

    Raises
    ------
    InputError
        This is no Debian.
    """
    absent = [name for name in ("apt-get", "dpkg", "dpkg-deb") if not shutil.which(name)]
    if absent:
        mend = "run it on Debian, or train on a folder of your own with train/ and validation/"
        raise InputError(f"needs Debian's {' and '.join(absent)}, not found here", mend=mend)
    archives = folder / ".archives"
    archives.mkdir()
    try:
        _run(["apt-get", "-q", "download", f"{package}={version}"], archives)
    except _NotHad:
        _run(["apt-get", "-q", "download", package], archives)
    archive = next(archives.glob("*.deb"), None)
    if archive is None:
        raise _NotHad(f"{package}: apt-get left no file")
    _run(["dpkg", "-x", archive.name, str(folder)], archives)
    return _run(["dpkg-deb", "-f", archive.name, "Version"], archives).strip()


class _NotHad(Exception):
    """A package or a picture in it cannot be had; the others can."""


def _run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [
            line for line in done.stderr.splitlines() if line.startswith("E:")
        ] or done.stderr.splitlines()
        raise _NotHad(f"`{' '.join(command[:3])}` failed: {lines[-1] if lines else 'it says nothing'}")
    return done.stdout


def _make(wanted, folder, out, say):
    """Make the photographs of one unpacked package; returns how many."""
    made = 0
    carved = {}
    for source in wanted:
        try:
            content = _encoded(_content(source, folder, carved), source)
        except _NotHad as error:
            say(f"warning: {source.file} left out: {error}")
            continue
        target = out / source.file
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")  # A hidden file is no photograph.
        try:
            temporary.write_bytes(content)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        made += 1
    return made


def _content(source, folder, carved):
    """The bytes of the picture in the package; `carved` keeps what resource files hold."""
    name, is_carved, number = source.path_in_package.partition(_CARVED)
    try:
        if not is_carved:
            return (folder / name).read_bytes()
        if name not in carved:
            carved[name] = _carve((folder / name).read_bytes())
        return carved[name][int(number)]
    except (FileNotFoundError, IndexError) as error:
        raise _NotHad(f"{source.package} has no {source.path_in_package}") from error


def _carve(content):
    """The WebP pictures of a Qt resource file in the order of their bytes, without icons.

    Such a file holds its pictures as they are, one after the other, and WebP says its own length.
    """
    found, start = [], content.find(b"RIFF")
    while start >= 0:
        end = start + 4
        if content[start + 8 : start + 12] == b"WEBP":
            end = start + 8 + int.from_bytes(content[start + 4 : start + 8], "little")
            try:
                with Image.open(io.BytesIO(content[start:end])) as image:
                    large = image.width * image.height >= _ICON_BELOW
            except OSError:
                large, end = False, start + 4  # Bytes that look like one.
            if large:
                found.append(content[start:end])
        start = content.find(b"RIFF", end)
    return found


def _encoded(content, source):
    """The JPEG file of a picture."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            picture = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _NotHad(f"{source.path_in_package} is no picture that Pillow can read") from error
    size = (picture.width // source.downscale, picture.height // source.downscale)
    if size != (source.width, source.height):
        listed = f"{source.width}×{source.height}"
        raise _NotHad(f"{source.path_in_package} gives {size[0]}×{size[1]} px, not {listed}")
    if source.downscale > 1:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95, subsampling=0, optimize=True)
    return buffer.getvalue()
