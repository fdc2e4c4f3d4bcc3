"""Damaged BPG files: a picture of the stated size or `DecodeError`, never a crash, never a hang."""

import time
from pathlib import Path

import numpy as np
import pytest

from linksim.codecs.base import DecodeError
from linksim.codecs.bpg import BPG
from linksim.codecs.bpg_container import read_file

DATA = Path(__file__).parent / "data"

HANG_SECONDS = 20
"""A picture of the largest size takes a few seconds; a busy machine some more."""


def damage(data, rng):
    """Return the file with flipped, inserted or missing bytes; all but the magic number may be hit."""
    out = bytearray(data)
    kind = rng.integers(3)
    if kind == 0:
        for _ in range(rng.integers(1, 6)):
            out[rng.integers(4, len(out))] ^= int(rng.integers(1, 256))
    elif kind == 1:
        del out[rng.integers(0, len(out)) :]
    else:
        at = int(rng.integers(4, len(out)))
        out[at:at] = rng.bytes(int(rng.integers(1, 9)))
    return bytes(out)


def files(photograph):
    cut = photograph("chelsea.png")[100:148, 150:214]
    made = [BPG(chroma).encode(cut, qp) for chroma in ("4:2:0", "4:4:4") for qp in (20, 35, 50)]
    made.append(BPG().encode(np.ascontiguousarray(cut[:, :, :1]), 30))
    return made + [path.read_bytes() for path in sorted(DATA.glob("*.bpg"))]


def decode_damaged(originals, count, seed):
    """Return how many damaged files decoded to a picture."""
    rng = np.random.default_rng(seed)
    codec = BPG()
    decoded = 0
    for index in range(count):
        data = damage(originals[index % len(originals)], rng)
        began = time.monotonic()
        try:
            image = codec.decode(data)
        except DecodeError:
            pass
        else:
            header, _ = read_file(data)
            assert image.shape[:2] == (header.height, header.width)
            assert image.dtype == np.uint8
            decoded += 1
        assert time.monotonic() - began < HANG_SECONDS
    return decoded


def test_500_damaged_files(photograph):
    decoded = decode_damaged(files(photograph), 500, seed=1)
    # Most damage goes unseen, which is why the CRC and not the picture decoder decides.
    assert 200 < decoded < 450


@pytest.mark.slow
def test_10000_damaged_files(photograph):
    decoded = decode_damaged(files(photograph), 10_000, seed=2)
    print(f"\n{decoded / 100:.1f}% of 10000 damaged files decoded to some picture, the others were refused")
    assert 4_000 < decoded < 9_000
