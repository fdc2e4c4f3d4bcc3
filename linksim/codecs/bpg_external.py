"""BPG by libbpg's own programs `bpgenc` and `bpgdec`, where they are installed."""

import hashlib
import shutil
import subprocess
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from linksim.codecs.base import DecodeError, check_image
from linksim.codecs.bpg_container import PixelFormat, read_file
from linksim.codecs.pillow import decode_with_pillow, to_pillow
from linksim.scenario.errors import InputError

ENCODE_SECONDS = 600
DECODE_SECONDS = 60

_CHROMA = {"4:2:0": "420", "4:4:4": "444"}


class ExternalBPG:
    """The BPG codec of libbpg.

    Parameters
    ----------
    chroma : str
        `4:2:0` or `4:4:4`, for colour pictures.
    encoder : str
        `x265` or `jctvc`.
    level : int
        Compression level, 1…9.

    Raises
    ------
    InputError
        `bpgenc` or `bpgdec` is not on the PATH.
    """

    qualities = tuple(range(51, -1, -1))
    """`bpgenc -q`; it is another scale than the slice QP of `linksim.codecs.bpg`."""

    def __init__(self, chroma: str = "4:2:0", encoder: str = "x265", level: int = 8):
        self.chroma = chroma
        self.encoder = encoder
        self.level = level
        self._bpgenc = _find("bpgenc")
        self._bpgdec = _find("bpgdec")

    @cached_property
    def identity(self) -> str:
        """Settings, and digests of both programs: their version numbers do not tell how they were built."""
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (self._bpgenc, self._bpgdec)]
        return (
            f"bpgenc chroma={self.chroma} encoder={self.encoder} level={self.level} "
            f"bpgenc={digests[0]} bpgdec={digests[1]}"
        )

    def encode(self, image: np.ndarray, quality: int) -> bytes:
        """Code a picture.

        Parameters
        ----------
        image : uint8 [H, W, C]
            C = 3 for RGB, 1 for gray.
        quality : int
            `bpgenc -q`, from 51 (smallest file) to 0.

        Returns
        -------
        bytes
            A BPG file.

        Raises
        ------
        RuntimeError
            `bpgenc` failed or took longer than `ENCODE_SECONDS`.
        """
        check_image(image)
        with TemporaryDirectory() as folder:
            source, target = Path(folder, "picture.png"), Path(folder, "picture.bpg")
            to_pillow(image).save(source, compress_level=1)
            settings = ["-f", _CHROMA[self.chroma], "-e", self.encoder, "-m", str(self.level)]
            try:
                _run([self._bpgenc, "-q", str(quality), *settings, "-o", target, source], ENCODE_SECONDS)
                return target.read_bytes()
            except (OSError, subprocess.SubprocessError) as error:
                raise RuntimeError(f"bpgenc failed: {_reason(error)}") from error

    def decode(self, data: bytes) -> np.ndarray:
        """Decode a BPG file to uint8 `[H, W, C]`, C = 3 or 1.

        Raises
        ------
        DecodeError
            The file is damaged or too large, or `bpgdec` took longer than `DECODE_SECONDS`.
        """
        header, _ = read_file(data)
        with TemporaryDirectory() as folder:
            source, target = Path(folder, "picture.bpg"), Path(folder, "picture.png")
            source.write_bytes(data)
            try:
                _run([self._bpgdec, "-o", target, source], DECODE_SECONDS)
                png = target.read_bytes()
            except (OSError, subprocess.SubprocessError) as error:
                raise DecodeError(f"bpgdec failed: {_reason(error)}") from error
        image = decode_with_pillow(png, "PNG")
        if image.shape[:2] != (header.height, header.width):
            raise DecodeError("bpgdec returned a picture of another size than the header states")
        return image[:, :, :1] if header.pixel_format is PixelFormat.GRAY else image


def _find(program: str) -> Path:
    path = shutil.which(program)
    if path is None:
        raise InputError(
            f"the codec bpgenc needs the program {program}, which is not on the PATH",
            mend="install libbpg, or name the codec bpg, which needs no outside program",
        )
    return Path(path)


def _run(command: list, seconds: int) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=True)


def _reason(error: Exception) -> str:
    message = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
    return message or str(error)
