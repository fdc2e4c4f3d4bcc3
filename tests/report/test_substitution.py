"""The figure of modulation and its substitute: its files, the numbers in them, its table and its options."""

import csv

import numpy as np
import pytest

from linksim.modulation.substitution import compare, gaussian_samples
from linksim.report.substitution import cases, check_count, draw, read_orders, read_snrs, table


@pytest.fixture(scope="module")
def compared():
    """4QAM and 16QAM at two SNRs."""
    return cases(lambda bits, snr_db: gaussian_samples(500), (2, 4), (5.0, 12.5))


def test_every_order_meets_every_snr():
    asked = []

    def sample(bits, snr_db):
        asked.append((bits, snr_db))
        return gaussian_samples(50)

    made = cases(sample, (4, 6), (0.0, 9.0))
    assert asked == [(4, 0.0), (4, 9.0), (6, 0.0), (6, 9.0)]
    assert [(case.received.num_bits, case.received.snr_db) for case in made] == asked
    assert {case.sent.snr_db for case in made} == {None}


def test_the_table_has_a_row_for_each(compared):
    heading, *rows = table(compared)
    assert {len(row) for row in rows} == {len(heading)}
    assert [row[:2] for row in rows] == [
        ("4QAM", "5 dB"), ("4QAM", "12.5 dB"), ("16QAM", "5 dB"), ("16QAM", "12.5 dB"),
    ]  # fmt: skip
    shown = dict(zip(heading, rows[2]))
    received = compare(gaussian_samples(500), 4, 5.0)
    assert float(shown["inner"]) == pytest.approx(received.inner, abs=1e-4)
    assert float(shown["difference"]) == pytest.approx(received.edges, abs=1e-4)
    assert float(shown["substitute"]) - float(shown["edges"]) == pytest.approx(received.edges, abs=2e-4)
    assert shown["sent"] == "0.0000"
    assert dict(zip(heading, rows[0]))["inner"] == "–"


def test_the_csv_holds_both_laws(compared, tmp_path):
    png, pdf, path = draw(compared, "a law", tmp_path / "new" / "figure")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["samples"] for line in lines} == {"a law"}
    received = compared[3].received
    found = [
        line for line in lines if (line["order"], line["snr_db"], line["part"]) == ("16", "12.5", "received")
    ]
    for column, numbers in (
        ("value", received.levels),
        ("real", received.real),
        ("substitute", received.substitute),
        ("renormalised", received.renormalised),
    ):
        np.testing.assert_allclose([float(line[column]) for line in found], numbers, rtol=1e-6)
    curve = [
        line for line in lines if (line["order"], line["snr_db"], line["part"]) == ("16", "12.5", "curve")
    ]
    places, values = (np.array([float(line[column]) for line in curve]) for column in ("value", "substitute"))
    spacing = received.levels[1] - received.levels[0]
    assert np.trapezoid(values, places) == pytest.approx(
        spacing, rel=5e-3
    )  # 2d·density over nearly all places
    np.testing.assert_allclose(np.interp(received.levels, places, values), received.substitute, atol=2e-3)


def test_panels_tell_what_they_show_and_hold_all_of_it(compared, tmp_path, monkeypatch):
    import matplotlib.figure

    panels = []

    def remember(figure, *arguments, **options):
        panels[:] = figure.axes
        original(figure, *arguments, **options)

    original = matplotlib.figure.Figure.savefig
    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", remember)
    draw(compared, "a law", tmp_path / "figure")
    assert len(panels) == 4
    for axes, case in zip(panels, compared):
        received = case.received
        assert axes.get_title().startswith(f"{2**received.num_bits}QAM, {received.snr_db:g} dB\n")
        assert f"edges {received.edges:+.4f}" in axes.get_title()
        bars = [bar.get_height() for bar in axes.patches]
        np.testing.assert_allclose(bars[: len(received.real)], received.real)
        assert axes.get_ylim()[0] == 0
        assert axes.get_ylim()[1] > max(*received.real, *axes.get_lines()[0].get_ydata())
    assert "TV of inner" not in panels[0].get_title()
    assert f"TV of inner levels {compared[2].received.inner:.4f}" in panels[2].get_title()


def test_the_same_law_gives_the_same_bytes(compared, tmp_path):
    first, again = (draw(compared, "a law", tmp_path / name) for name in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


def test_a_place_that_cannot_be_written_is_refused(refusal, compared, tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(draw, compared, "a law", tmp_path / "file" / "figure")


def test_orders_and_snrs_are_read():
    assert read_orders("6, 10,6") == [6, 10]
    assert read_snrs("10,-3.5, 10") == [10, -3.5]


@pytest.mark.parametrize("text", ["", "3", "6,", "6;10", "64", "six"])
def test_other_orders_are_refused(refusal, text):
    assert refusal(read_orders, text).startswith("--orders: there is no square QAM of ")


@pytest.mark.parametrize("text", ["", "x", "10,", "nan", "1e9", "-inf"])
def test_other_snrs_are_refused(refusal, text):
    assert refusal(read_snrs, text).startswith("--snr: ")


def test_more_than_a_figure_has_room_for_is_refused(refusal):
    check_count(range(6), range(4))
    assert "--orders: a figure has up to 6 orders, not 7" in refusal(check_count, range(7), [1])
    assert "--snr: a figure has up to 4 SNRs, not 5" in refusal(check_count, [6], range(5))
