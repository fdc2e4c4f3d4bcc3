"""A folder of pictures, most of them odd or broken."""

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from linksim.images import load
from linksim.images import stored as stored_module
from linksim.scenario.errors import InputError
from linksim.scenario.images import FolderSpec

NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png(image, **options):
    return encoded(image, "PNG", **options)


def sixteen_bit(sample):
    return png(Image.fromarray(np.full((3, 4), sample, np.uint16)))


def filled(mode, colour, size=(4, 3)):
    return Image.new(mode, size, colour)


def bomb(side):
    """A PNG of 57 bytes that claims side × side px."""

    def chunk(kind, data=b""):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND")


def rotated_jpeg():
    """A JPEG stored on its side: white in the stored top left, which orientation 6 shows top right."""
    stored = np.zeros((16, 32), np.uint8)
    stored[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(stored).convert("RGB"), "JPEG", quality=95, exif=exif)


def animation():
    frames = [filled("RGB", colour) for colour in ("red", "blue")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def palette_gif():
    image = filled("P", 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    return encoded(image, "GIF")


def flipped_checksum():
    data = bytearray(png(Image.fromarray(NOISE)))
    data[data.index(b"IDAT") + 200] ^= 0xFF
    return bytes(data)


def transparent_palette():
    image = filled("P", 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    return png(image, transparency=1)


USABLE = {  # file name: (content, shape, first pixel)
    "sixteen_bit.png": (sixteen_bit(257 * 100 + 128), (3, 4, 1), (100,)),
    "sixteen_bit_up.png": (sixteen_bit(257 * 100 + 129), (3, 4, 1), (101,)),
    "sixteen_bit.pgm": (b"P5 4 3 65535\n" + struct.pack(">12H", *[65535] * 12), (3, 4, 1), (255,)),
    "cmyk.jpg": (encoded(filled("CMYK", (0, 0, 0, 0), (16, 16)), "JPEG"), (16, 16, 3), (255, 255, 255)),
    "palette.gif": (palette_gif(), (3, 4, 3), (200, 100, 50)),
    "one_bit.png": (png(filled("1", 1)), (3, 4, 1), (255,)),
    "opaque_la.png": (png(filled("LA", (77, 255))), (3, 4, 1), (77,)),
    "opaque_rgba.png": (png(filled("RGBA", (9, 8, 7, 255))), (3, 4, 3), (9, 8, 7)),
    "animated.gif": (animation(), (3, 4, 3), (255, 0, 0)),
    "grey.TIF": (encoded(filled("L", 42), "TIFF"), (3, 4, 1), (42,)),
    "png_named.jpg": (png(filled("RGB", (1, 2, 3))), (3, 4, 3), (1, 2, 3)),
    "one_pixel.bmp": (encoded(filled("RGB", (5, 6, 7), (1, 1)), "BMP"), (1, 1, 3), (5, 6, 7)),
    "rotated.jpg": (rotated_jpeg(), (32, 16, 3), (0, 0, 0)),
}

BROKEN = {  # file name: (content, what the message says)
    "truncated.png": (png(Image.fromarray(NOISE))[:2000], "broken"),
    "truncated.jpg": (encoded(Image.fromarray(NOISE), "JPEG")[:700], "broken"),
    "flipped.png": (flipped_checksum(), "broken"),
    "text.png": (b"this is not a picture\n", "no picture that Pillow can read"),
    "empty.png": (b"", "no picture that Pillow can read"),
    "float.tif": (encoded(Image.fromarray(np.ones((3, 4), np.float32)), "TIFF"), "mode F"),
    "integer.tif": (encoded(Image.fromarray(np.ones((3, 4), np.int32)), "TIFF"), "mode I"),
    "lab.tif": (encoded(filled("LAB", (1, 2, 3)), "TIFF"), "mode LAB"),
    "transparent_la.png": (png(filled("LA", (77, 254))), "transparent"),
    "transparent_rgba.png": (png(filled("RGBA", (9, 8, 7, 0))), "transparent"),
    "transparent_palette.png": (transparent_palette(), "transparent"),
    "transparent_key.png": (png(filled("RGB", (9, 8, 7)), transparency=(9, 8, 7)), "transparent"),
    "bomb.png": (bomb(60_000), "more than 89 million px"),
    "huge.png": (bomb(10_000), "more than 89 million px"),  # where Pillow only warns
    "vector.eps": (encoded(filled("RGB", (9, 8, 7)), "EPS"), "vector"),
}


def write(folder, files):
    for name, (content, *_) in files.items():
        (folder / name).write_bytes(content)
    return FolderSpec(path=str(folder))


def test_odd_but_good_pictures(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = load(write(tmp_path, USABLE)).pictures
    assert [picture.name for picture in pictures] == sorted(USABLE)
    for picture in pictures:
        _, shape, first = USABLE[picture.name]
        assert picture.pixels.shape == shape, picture.name
        assert tuple(picture.pixels[0, 0]) == first, picture.name


def test_exif_orientation_turns_the_picture(tmp_path):
    (picture,) = load(write(tmp_path, {"rotated.jpg": USABLE["rotated.jpg"]})).pictures
    assert picture.pixels[:8, 8:].min() > 240
    assert picture.pixels[8:].max() < 15
    assert picture.pixels[:8, :8].max() < 15


@pytest.mark.parametrize("name", BROKEN)
def test_strict_stops_at_a_bad_picture(tmp_path, name):
    write(tmp_path, {name: BROKEN[name]})
    with pytest.raises(InputError, match=BROKEN[name][1]) as caught:
        load(FolderSpec(path=str(tmp_path), strict=True))
    assert caught.value.file == str(tmp_path / name)
    assert caught.value.mend
    assert len(str(caught.value).splitlines()) == 2


def test_bad_pictures_are_skipped_and_named(tmp_path):
    write(tmp_path, BROKEN)
    write(tmp_path, {"good.png": (png(filled("L", 1)),)})
    with pytest.warns(UserWarning, match="skipped") as caught:
        loaded = load(FolderSpec(path=str(tmp_path)))
    assert [picture.name for picture in loaded.pictures] == ["good.png"]
    assert [line.split(":")[0] for line in loaded.skipped] == sorted(BROKEN)
    assert len(caught) == len(BROKEN)


def test_folder_of_bad_pictures_only(tmp_path):
    spec = write(tmp_path, {name: BROKEN[name] for name in ("text.png", "empty.png")})
    with (
        pytest.warns(UserWarning, match="skipped"),
        pytest.raises(InputError, match=r"none of its pictures can be used \(empty.png: .*\)\nmend"),
    ):
        load(spec)


def test_other_files_are_passed_over_silently(tmp_path):
    spec = write(tmp_path, {"a.png": (png(filled("L", 1)),), "README.txt": (b"hello",), "._a.png": (b"",)})
    (tmp_path / "inner.png").mkdir()
    (tmp_path / "inner.png" / "b.png").write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load(spec)
    assert [picture.name for picture in loaded.pictures] == ["a.png"]
    assert loaded.skipped == ()


def test_limit_counts_usable_pictures_and_reads_no_further(tmp_path, monkeypatch):
    good = (png(filled("L", 1)),)
    write(tmp_path, {"a.png": good, "b.png": (b"",), "c.png": good, "d.png": good})
    read = []
    original = stored_module.read_pixels
    monkeypatch.setattr(stored_module, "read_pixels", lambda path: read.append(path.name) or original(path))
    with pytest.warns(UserWarning, match=r"b\.png"):
        loaded = load(FolderSpec(path=str(tmp_path), limit=2))
    assert [picture.name for picture in loaded.pictures] == ["a.png", "c.png"]
    assert read == ["a.png", "b.png", "c.png"]


def test_crop_keeps_grey_grey(tmp_path):
    write(tmp_path, {"a.png": (png(filled("L", 9, (40, 20))),)})
    (picture,) = load(FolderSpec(path=str(tmp_path), crop=(8, 8))).pictures
    assert picture.pixels.shape == (8, 8, 1)
    assert (picture.pixels == 9).all()


@pytest.mark.parametrize(
    ("path", "problem"),
    [("missing", "no such folder"), ("file.png", "a file, not a folder"), ("void", "holds no picture")],
)
def test_unusable_folder(tmp_path, path, problem):
    (tmp_path / "file.png").write_bytes(png(filled("L", 1)))
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match=problem) as caught:
        load(FolderSpec(path=str(tmp_path / path)))
    assert caught.value.field == "images.path"
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows' file names are always Unicode")
def test_file_name_that_is_no_unicode(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"a\xff.png")).write_bytes(png(filled("L", 1)))
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    (picture,) = load(FolderSpec(path=str(tmp_path))).pictures
    assert picture.name.encode()
