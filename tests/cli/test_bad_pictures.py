"""Pictures broken in every way we know: exit code 2 and two lines that name the file."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

PIXELS = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)


def encoded(kind, image=None, **options):
    buffer = io.BytesIO()
    (image or Image.fromarray(PIXELS)).save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_size(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def damaged(data, place):
    return data[:place] + bytes(byte ^ 255 for byte in data[place : place + 8]) + data[place + 8 :]


PNG, JPEG = encoded("PNG"), encoded("JPEG")
TRANSPARENT = Image.fromarray(np.dstack([PIXELS, PIXELS[..., :1]]))

BROKEN = {
    "empty.png": b"",
    "text.png": b"this is no picture\n",
    "text.jpg": b"this is no picture\n",
    "zeros.png": bytes(1000),
    "noise.jpg": np.random.default_rng(2).bytes(1000),
    "signature-only.png": PNG[:8],
    "header-only.png": PNG[:33],
    "half.png": PNG[: len(PNG) // 2],
    "bad-header.png": damaged(PNG, 16),
    "bad-pixels.png": damaged(PNG, 45),
    "signature-only.jpg": JPEG[:2],
    "tables-only.jpg": JPEG[:200],
    "half.jpg": JPEG[: len(JPEG) // 2],
    "half.gif": encoded("GIF")[:200],
    "half.bmp": encoded("BMP")[:500],
    "half.webp": encoded("WEBP")[:100],
    "half.tiff": encoded("TIFF")[:100],
    "float.tiff": encoded("TIFF", Image.fromarray(PIXELS[..., 0].astype(np.float32))),
    "integer.tiff": encoded("TIFF", Image.fromarray(PIXELS[..., 0].astype(np.int32))),
    "transparent.png": encoded("PNG", TRANSPARENT),
    "transparent-grey.png": encoded("PNG", TRANSPARENT.convert("LA")),
    "bomb.png": png_of_size(60_000, 60_000),
    "no-width.png": png_of_size(0, 10),
    "vector.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_not_sent(name, refused, tmp_path):
    path = tmp_path / name
    path.write_bytes(BROKEN[name])
    assert refused("send", path, "--snr", 5).startswith(f"error: {path}: ")
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_picture_and_a_folder_are_not_sent(refused, tmp_path):
    for path in (tmp_path, tmp_path / "missing.png"):
        assert refused("send", path, "--snr", 5).startswith(f"error: {path}: ")


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.filterwarnings("default::UserWarning")
def test_a_folder_of_broken_pictures_is_refused(command, linksim, scenario_file, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("half.png", "text.jpg", "bomb.png"):
        (folder / name).write_bytes(BROKEN[name])
    seen = linksim(command, scenario_file, "--set", f"images={{source: folder, path: {folder}}}")
    warned, error, mend = seen.err.splitlines()[:-2], *seen.err.splitlines()[-2:]
    assert (seen.code, seen.out) == (2, "")
    assert [line.partition(": ")[0] for line in warned] == ["warning"] * 3
    assert error.startswith(f"error: {folder}: images.path: none of its pictures can be used")
    assert mend.startswith("mend: ")


@pytest.mark.parametrize("content", [None, {}, {"notes.txt": b"text"}])
def test_a_folder_without_pictures_is_refused(content, refused, scenario_file, tmp_path):
    folder = tmp_path / "pictures"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    text = refused("check", scenario_file, "--set", f"images={{source: folder, path: {folder}}}")
    assert text.startswith(f"error: {folder}: images.path: ")
