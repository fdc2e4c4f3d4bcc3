"""BPG against files of an independent writer with the same settings: bytes and RGB PSNR."""

import csv
from pathlib import Path

import numpy as np
import pytest

from linksim.codecs.bpg import BPG

TABLE = Path(__file__).parent / "data" / "bpg_reference.tsv"
with TABLE.open() as table:
    LINES = list(csv.DictReader(table, delimiter="\t"))


def test_table_is_whole():
    assert len(LINES) == 140


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['picture']}-{line['chroma']}-{line['qp']}")
def test_bytes_and_psnr_of_reference(line, photograph):
    image = photograph(line["picture"])
    assert image.shape[:2] == (int(line["height"]), int(line["width"]))
    codec = BPG(chroma=line["chroma"], preset="slow")
    data = codec.encode(image, int(line["qp"]))
    error = np.mean((codec.decode(data).astype(float) - image) ** 2)
    assert len(data) == pytest.approx(int(line["bytes"]), rel=0.01)
    assert 10 * np.log10(255**2 / error) == pytest.approx(float(line["rgb_psnr_db"]), abs=0.05)


def test_mean_of_the_cuts(cuts):
    # QP 51 37.5 bytes, QP 40 76.9, QP 30 197.9 are means over photographs of a larger set: only the
    # order of size is common. The fixed cost is exact: 21 bytes before the slice, a flat picture takes 29.
    flat = BPG().encode(np.full((32, 32, 3), 128, np.uint8), 51)
    assert len(flat) == 29
    assert flat.index(b"\x00\x00\x01\x28\x01") + 3 == 21
    means = [np.mean([len(BPG().encode(cut, qp)) for cut in cuts]) for qp in (51, 40, 30)]
    assert 29 < means[0] < means[1] < means[2]
