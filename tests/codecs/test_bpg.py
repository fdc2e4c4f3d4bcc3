"""BPG files: their layout, round trips of every kind and size, determinism, stored pictures, refusals."""

import csv
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from linksim.codecs import bpg as bpg_module
from linksim.codecs.base import MAX_PIXELS, DecodeError
from linksim.codecs.bpg import BPG, encode_planes
from linksim.codecs.bpg_colour import rgb_to_planes
from linksim.codecs.bpg_container import ColourSpace, PixelFormat
from linksim.codecs.hevc import EncoderPool, EncoderSettings, x265_version

DATA = Path(__file__).parent / "data"


def read_layout(data):
    """Parse a BPG file by the layout of the specification, with none of the code under test."""

    def number(at):
        value, count = 0, 0
        while True:
            byte = data[at + count]
            assert count or byte != 0x80
            value, count = value * 128 + byte % 128, count + 1
            if byte < 128:
                return value, at + count

    assert data[:4] == bytes.fromhex("425047fb")
    found = {
        "pixel_format": data[4] // 32,
        "alpha1": data[4] // 16 % 2,
        "bit_depth": data[4] % 16 + 8,
        "color_space": data[5] // 16,
        "extension": data[5] // 8 % 2,
        "alpha2": data[5] // 4 % 2,
        "limited_range": data[5] // 2 % 2,
        "animation": data[5] % 2,
    }
    found["width"], at = number(6)
    found["height"], at = number(at)
    found["length"], at = number(at)
    length, at = number(at)
    bits = "".join(f"{byte:08b}" for byte in data[at : at + length])
    at += length

    def ue():
        nonlocal bits
        zeros = bits.index("1")
        value = int(bits[zeros : 2 * zeros + 1], 2) - 1
        bits = bits[2 * zeros + 1 :]
        return value

    def u1():
        nonlocal bits
        bit, bits = int(bits[0]), bits[1:]
        return bit

    found["min_coding_block"] = 8 << ue()
    found["max_coding_block"] = found["min_coding_block"] << ue()
    found["min_transform_block"] = 4 << ue()
    found["max_transform_block"] = found["min_transform_block"] << ue()
    found["depth"], found["sao"], found["pcm"] = ue(), u1(), u1()
    assert not found["pcm"]
    found["strong_intra_smoothing"], found["hevc_extension"] = u1(), u1()
    assert not found["hevc_extension"]
    assert set(bits) <= {"0"}
    assert len(bits) < 8
    pps, slices = data[at:].split(b"\x00\x00\x01", 1)
    assert pps[0] >> 1 == 34
    assert slices[0] >> 1 in (19, 20)
    assert b"\x00\x00\x01" not in slices
    return found


def random_picture(height, width, channels, seed=0):
    """Smooth colours and some noise: a picture that codes to a fair quality at every size."""
    rng = np.random.default_rng(seed)
    ramp = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 90, width))[:, :, np.newaxis]
    return (ramp + 10 * np.arange(channels) + rng.integers(0, 8, (height, width, channels))).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (300, 451), (1, 1), (9, 200), (16, 24)])
@pytest.mark.parametrize(
    ("chroma", "channels", "pixel_format"),
    [("4:2:0", 3, 1), ("4:4:4", 3, 3), ("4:2:0", 1, 0), ("4:4:4", 1, 0)],
)
def test_layout(height, width, chroma, channels, pixel_format):
    found = read_layout(BPG(chroma).encode(random_picture(height, width, channels), 30))
    plain = ("alpha1", "alpha2", "extension", "limited_range", "animation", "color_space", "length")
    assert {found[key] for key in plain} == {0}
    assert (found["pixel_format"], found["bit_depth"]) == (pixel_format, 8)
    assert (found["height"], found["width"]) == (height, width)
    assert found["min_coding_block"] == (16 if min(height, width) < 16 else 8)
    assert found["max_coding_block"] <= 64


@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("chroma", ["4:2:0", "4:4:4"])
def test_round_trip_of_every_size(chroma, channels):
    codec = BPG(chroma)
    for height in (1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 33):
        for width in (1, 2, 5, 8, 15, 16, 24, 31, 40):
            image = random_picture(height, width, channels)
            decoded = codec.decode(codec.encode(image, 4))
            assert decoded.shape == image.shape
            assert decoded.dtype == np.uint8
            # QP 4 quantises in steps of one; the colour matrix and subsampled chroma add their share.
            assert np.abs(decoded.astype(int) - image).mean() < (3 if chroma == "4:2:0" else 1.5)


@pytest.mark.parametrize(
    ("pixel_format", "colour_space", "limit"),
    [
        (PixelFormat.YCC_422, ColourSpace.BT601, 3),
        (PixelFormat.YCC_444, ColourSpace.RGB, 1),
        (PixelFormat.YCC_444, ColourSpace.YCGCO, 2),
    ],
)
def test_reads_formats_that_it_does_not_write(pixel_format, colour_space, limit):
    image = random_picture(45, 37, 3)
    red, green, blue = np.moveaxis(image.astype(int), 2, 0)
    planes = {
        ColourSpace.BT601: lambda: rgb_to_planes(image, pixel_format),
        ColourSpace.RGB: lambda: [green, blue, red],
        ColourSpace.YCGCO: lambda: [
            (red + 2 * green + blue + 2) // 4,
            (2 * green - red - blue + 2) // 4 + 128,
            (red - blue + 1) // 2 + 128,
        ],
    }[colour_space]()
    planes = [plane.astype(np.uint8) for plane in planes]
    data = encode_planes(planes, pixel_format, colour_space, 2, "medium")
    found = read_layout(data)
    assert (found["pixel_format"], found["color_space"]) == (pixel_format, colour_space)
    assert np.abs(BPG().decode(data).astype(int) - image).mean() < limit


@pytest.mark.parametrize("chroma", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("quality", [51, 37, 22, 0])
def test_an_open_encoder_gives_the_bytes_of_a_fresh_one(monkeypatch, photograph, chroma, channels, quality):
    # 70 pictures: x265 signs its slices in a pattern of period 31.
    image = photograph("chelsea.png")
    pictures = [
        image[y : y + 24, x : x + 32, :channels] for y in range(0, 168, 24) for x in range(0, 320, 32)
    ]
    codec = BPG(chroma)

    def encode(pool, order):
        monkeypatch.setattr(bpg_module, "_encoders", pool)
        return {index: codec.encode(pictures[index], quality) for index in order}

    indices = range(len(pictures))
    fresh = encode(EncoderPool(size=0), indices)
    assert encode(EncoderPool(), indices) == fresh
    assert encode(EncoderPool(), reversed(indices)) == fresh


def test_threads_give_the_same_bytes(cuts):
    jobs = [(cut, quality) for quality in (45, 30, 15) for cut in cuts] * 5
    alone = [BPG().encode(*job) for job in jobs]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda job: BPG().encode(*job), jobs)) == alone


def test_open_encoders_are_bounded():
    pool = EncoderPool(size=3)
    plane = np.zeros((16, 16), np.uint8)
    for qp in range(20, 28):
        pool.encode([plane], EncoderSettings("gray", 16, 16, 8, qp, "medium"))
    assert len(pool) == 3
    pool.encode([np.zeros((256, 256), np.uint8)], EncoderSettings("gray", 256, 256, 8, 51, "medium"))
    assert len(pool) == 3


def stored_pictures():
    with (DATA / "bpg_pictures.tsv").open() as table:
        return [tuple(line.values()) for line in csv.DictReader(table, delimiter="\t")]


@pytest.mark.parametrize(("file", "shape", "digest"), stored_pictures())
def test_stored_pictures_decode_as_ever(file, shape, digest):
    image = BPG().decode((DATA / file).read_bytes())
    assert "x".join(map(str, image.shape)) == shape
    assert hashlib.sha256(image.tobytes()).hexdigest() == digest


@pytest.mark.parametrize("zeros", [1, 2, 3, 500])
def test_zero_padding_does_no_harm(cuts, zeros):
    codec = BPG()
    data = codec.encode(cuts[1], 30)
    np.testing.assert_array_equal(codec.decode(data + bytes(zeros)), codec.decode(data))


def test_reads_length_and_extension(cuts):
    codec = BPG()
    data = codec.encode(cuts[0], 30)
    # Bytes 6 and 7 are the size, byte 8 the length of the picture data.
    length = len(data) - 9
    long_number = bytes([0x80 | length >> 7, length & 127]) if length > 127 else bytes([length])
    expected = codec.decode(data)
    np.testing.assert_array_equal(codec.decode(data[:8] + long_number + data[9:] + b"behind"), expected)
    extended = data[:5] + bytes([data[5] | 8]) + data[6:9] + b"\x03abc" + data[9:]
    np.testing.assert_array_equal(codec.decode(extended), expected)


@pytest.mark.parametrize(
    ("at", "bits", "message"),
    [
        (0, 1, "no BPG file"),
        (4, 0x10, "alpha"),
        (5, 0x04, "alpha"),
        (5, 0x01, "animation"),
        (4, 0x02, "10 bits"),
        (4, 0xA0, "MPEG-2"),
        (5, 0xF0, "unknown BPG format"),
        (5, 0x12, "limited range"),
        (5, 0x10, "subsampled RGB"),
    ],
)
def test_refuses_clearly(cuts, at, bits, message):
    data = bytearray(BPG().encode(cuts[0], 40))
    data[at] ^= bits
    with pytest.raises(DecodeError, match=message):
        BPG().decode(bytes(data))


def test_refuses_implicit_rdpcm(cuts):
    # Nine range flags behind the extension bit; the third is implicit_rdpcm_enabled_flag.
    data = BPG().encode(cuts[0], 40)
    length = data[9]
    bits = "".join(f"{byte:08b}" for byte in data[10 : 10 + length])
    end = bits.rindex("1") + 1  # the strong intra smoothing flag is set, the extension flag behind it is not
    assert bits[end:].startswith("0")
    bits = bits[:end] + "1" + "10000000" + "001000000"
    bits += "0" * (-len(bits) % 8)
    fields = int(bits, 2).to_bytes(len(bits) // 8, "big")
    with pytest.raises(DecodeError, match="implicit residual DPCM"):
        BPG().decode(data[:9] + bytes([len(fields)]) + fields + data[10 + length :])


def test_bounds_the_size_before_decoding(cuts):
    data = BPG().encode(cuts[0], 40)
    side = int(MAX_PIXELS**0.5) + 1
    number = bytes([0x80 | side >> 7, side & 127])
    with pytest.raises(DecodeError, match="claims a picture"):
        BPG().decode(data[:6] + number + number + data[8:])
    with pytest.raises(DecodeError, match="claims a picture"):
        BPG().decode(data[:6] + b"\x00\x20" + data[8:])


@pytest.mark.parametrize("data", [b"", b"BPG\xfb", b"BPG\xfb\x20\x00", bytes(100)])
def test_refuses_scraps(data):
    with pytest.raises(DecodeError):
        BPG().decode(data)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_refuses_what_is_no_picture(image):
    with pytest.raises(ValueError, match="a codec takes uint8"):
        BPG().encode(image, 30)


def test_identity_tells_settings_and_versions():
    import av

    names = {BPG(chroma, preset).identity for chroma in ("4:2:0", "4:4:4") for preset in ("slow", "medium")}
    assert len(names) == 4
    assert x265_version()[0].isdigit()
    assert all(x265_version() in name and av.__version__ in name for name in names)


def test_more_effort_is_worth_it(photograph):
    # The specification's means at equal PSNR: medium up to 6% more bytes than slow, veryslow fewer.
    image = photograph("coffee.png")
    sizes = [len(BPG("4:4:4", preset).encode(image, 32)) for preset in ("medium", "slow", "veryslow")]
    assert sizes[0] > sizes[1] > 0.97 * sizes[2]
