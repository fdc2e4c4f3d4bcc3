"""The figure of switchable batch normalisation: its files, the numbers in them, and the lines about it."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from linksim.evaluation.normalisation import Normalisation
from linksim.report.switchable_norm import describe, draw

WEIGHTS = SimpleNamespace(reference="zoo:ujscc/b", name="ujscc/b", path=Path("b.weights.h5"))


@pytest.fixture
def layers():
    """Two orders of three channels, of which BPSK does not use the last."""
    mean = np.array([[1, 2, np.nan], [4, 5, 6]])
    return [Normalisation("inner encoder", (2, 4), mean, mean / 8, mean + 1, -mean)]


def test_the_mean_deviation_is_told_for_each_order(layers):
    """(1 + 2)/8/2 over two channels, (4 + 5 + 6)/8/3 over three."""
    assert describe(WEIGHTS, layers) == [
        "zoo:ujscc/b, BPSK: running standard deviation of the inner encoder 0.188 on average over 2 channels",
        "zoo:ujscc/b, 4QAM: running standard deviation of the inner encoder 0.625 on average over 3 channels",
    ]


def test_the_csv_holds_the_channels_in_use(layers, tmp_path):
    png, pdf, table = draw(WEIGHTS, layers, tmp_path / "new" / "norm")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    with table.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["order"], line["channel"]) for line in lines] == [
        ("2", "0"), ("2", "1"), ("4", "0"), ("4", "1"), ("4", "2"),
    ]  # fmt: skip
    assert {line["layer"] for line in lines} == {"inner encoder"}
    last = [float(lines[-1][name]) for name in ("mean", "deviation", "scale", "bias")]
    assert last == [6, 0.75, 7, -6]


def test_each_order_has_a_look_of_its_own_that_survives_greyscale(layers, tmp_path, monkeypatch):
    import matplotlib.figure

    lines = {}

    def remember(figure, *arguments, **options):
        lines.update({axes.get_ylabel(): axes.get_lines() for axes in figure.axes})
        original(figure, *arguments, **options)

    original = matplotlib.figure.Figure.savefig
    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", remember)
    draw(WEIGHTS, layers, tmp_path / "norm")
    assert len(lines) == 4
    for pair in lines.values():
        assert [line.get_label() for line in pair] == ["BPSK", "4QAM"]
        for look in ("get_color", "get_marker"):
            assert len({getattr(line, look)() for line in pair}) == 2
    np.testing.assert_array_equal(lines["bias β"][1].get_ydata(), [-4, -5, -6])


def test_the_same_statistics_give_the_same_bytes(layers, tmp_path):
    first, again = (draw(WEIGHTS, layers, tmp_path / name) for name in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_a_place_that_cannot_be_written_is_refused(refusal, layers, tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(draw, WEIGHTS, layers, tmp_path / "file" / "figure")
