"""JPEG and JPEG 2000 by Pillow: files, round trips, sizes over quality, damage."""

import numpy as np
import pytest

from linksim.codecs.base import DecodeError
from linksim.codecs.bpg import BPG
from linksim.codecs.jpeg import JPEG
from linksim.codecs.jpeg2000 import JPEG2000

CODECS = [JPEG("4:2:0"), JPEG("4:4:4"), JPEG2000()]
EVERY_CODEC = pytest.mark.parametrize("codec", CODECS, ids=["jpeg-420", "jpeg-444", "jpeg2000"])


def psnr(image, decoded):
    error = np.mean((image.astype(float) - decoded) ** 2)
    return 10 * np.log10(255**2 / error) if error else 100


@EVERY_CODEC
@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (3, 2), (17, 31), (64, 48)])
def test_round_trip(codec, channels, height, width, photograph):
    image = np.ascontiguousarray(photograph("chelsea.png")[100 : 100 + height, 150 : 150 + width, :channels])
    decoded = codec.decode(codec.encode(image, codec.qualities[-1]))
    assert decoded.shape == image.shape
    assert decoded.dtype == np.uint8
    assert psnr(image, decoded) > 30


@EVERY_CODEC
def test_size_and_psnr_rise_with_quality(codec, photograph):
    image = photograph("coffee.png")[:160, 100:300]
    qualities = codec.qualities[:: len(codec.qualities) // 8]
    files = [codec.encode(image, quality) for quality in qualities]
    assert [len(file) for file in files] == sorted({len(file) for file in files})
    figures = [psnr(image, codec.decode(file)) for file in files]
    assert figures == sorted(figures)


@EVERY_CODEC
def test_the_same_picture_gives_the_same_bytes(codec, cuts):
    assert codec.encode(cuts[3], 50) == codec.encode(cuts[3].copy(), 50)


def sampling_factors(data):
    """Return the sampling factors of a JPEG file's frame header (ITU-T T.81, B.2.2)."""
    at = data.index(b"\xff\xc0")
    return [data[at + 11 + 3 * component] for component in range(data[at + 9])]


@pytest.mark.parametrize(("subsampling", "luma"), [("4:2:0", 0x22), ("4:4:4", 0x11)])
def test_jpeg_is_baseline_with_the_subsampling_asked_for(subsampling, luma, cuts):
    assert sampling_factors(JPEG(subsampling).encode(cuts[0], 75)) == [luma, 0x11, 0x11]
    assert sampling_factors(JPEG(subsampling).encode(cuts[0][:, :, :1], 75)) == [0x11]


@pytest.mark.parametrize(("quality", "ratio"), [(16, 512), (48, 128), (80, 32), (112, 8), (128, 4)])
def test_jpeg2000_meets_its_compression_ratio(quality, ratio, photograph):
    image = photograph("motorcycle_left.png")
    data = JPEG2000().encode(image, quality)
    assert data[:4] == bytes.fromhex("ff4fff51")  # a bare codestream: SOC and SIZ
    assert image.size / len(data) == pytest.approx(ratio, rel=0.02)


@EVERY_CODEC
def test_damage_gives_a_picture_or_decode_error(codec, cuts):
    rng = np.random.default_rng(5)
    data = codec.encode(cuts[2], codec.qualities[len(codec.qualities) // 2])
    decoded = 0
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(damaged))] ^= int(rng.integers(1, 256))
        damaged = damaged[: rng.integers(1, 2 * len(damaged))]
        try:
            image = codec.decode(bytes(damaged))
        except DecodeError:
            continue
        assert image.dtype == np.uint8
        assert image.shape[2] in (1, 3)
        decoded += 1
    assert 0 < decoded < 300


@EVERY_CODEC
@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\x4f\xff\x51", bytes(50)])
def test_scraps_are_refused(codec, data):
    with pytest.raises(DecodeError):
        codec.decode(data)


@EVERY_CODEC
def test_files_of_another_codec_are_refused(codec, cuts):
    others = [other.encode(cuts[0], 40) for other in (JPEG(), JPEG2000(), BPG())]
    refused = 0
    for data in others:
        try:
            codec.decode(data)
        except DecodeError:
            refused += 1
    assert refused == 2


def test_identities_differ():
    assert len({codec.identity for codec in CODECS}) == 3
