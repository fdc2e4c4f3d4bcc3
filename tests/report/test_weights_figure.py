"""The figure of weights: its three files, the numbers in them, and the words about the end of training."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from linksim.evaluation.usage import analogue_usage, constellation_usage
from linksim.modulation.constellations import qam
from linksim.report.weights import MOST, column_count, describe, draw, end_gain_db

HISTORY = ((500, 30.0), (1000, 31.0), (1500, 30.8), (2000, 31.2))


def made_up(name="zoo:deepjscc-q/made-up", history=HISTORY):
    """As much of weights as a figure needs."""
    return SimpleNamespace(reference=name, name=name[4:], card=SimpleNamespace(history=history, orders=()))


@pytest.fixture
def measured():
    """16 points of which four are never sent, and Gaussian symbols."""
    generator = np.random.default_rng(1)
    points = constellation_usage(qam(4), generator.integers(0, 12, 500), "noise")
    noise = analogue_usage(generator.normal(size=(4000, 2)) @ [1, 1j], "noise")
    return [(made_up(), [points]), (made_up("zoo:deepjscc/analogue", ()), [noise])]


@pytest.fixture
def several():
    """Weights of three modulation orders: BPSK in halves, one point of 4QAM, 16QAM evenly."""
    sent = [np.arange(8) % 2, np.full(8, 3), np.arange(16)]
    usages = [constellation_usage(qam(bits), labels, "made up") for bits, labels in zip((1, 2, 4), sent)]
    return made_up("zoo:ujscc/b"), usages


def lines_in(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_csv_holds_the_points_the_bins_and_the_curve(measured, tmp_path):
    png, pdf, table = draw(measured, tmp_path / "new" / "v1.0")
    assert [path.name for path in (png, pdf, table)] == ["v1.0.png", "v1.0.pdf", "v1.0.csv"]
    assert sorted((tmp_path / "new").iterdir()) == sorted([png, pdf, table])
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")
    lines = lines_in(table)
    points = [line for line in lines if line["part"] == "point"]
    values = [complex(float(line["in_phase"]), float(line["quadrature"])) for line in points]
    np.testing.assert_allclose(values, qam(4), rtol=1e-6)
    shares = [float(line["share"]) for line in points]
    np.testing.assert_allclose(shares, measured[0][1][0].shares, rtol=1e-6)
    assert shares[12:] == [0, 0, 0, 0]
    curve = [line for line in lines if line["part"] == "training"]
    assert {line["weights"] for line in curve} == {"deepjscc-q/made-up"}
    assert tuple((int(line["updates"]), float(line["psnr_db"])) for line in curve) == HISTORY
    bins = [line for line in lines if line["part"] == "bin"]
    assert {line["weights"] for line in bins} == {"deepjscc/analogue"}
    assert 0.998 <= sum(float(line["share"]) for line in bins) < 1


def test_bins_lie_where_the_symbols_are(tmp_path):
    """Symbols of one quadrant fill bins of that quadrant, in-phase across and quadrature up."""
    symbols = np.array([3 - 1j, 2.9 - 1.1j] * 50)
    *_, table = draw([(made_up(), [analogue_usage(symbols, "")])], tmp_path / "quadrant")
    bins = [line for line in lines_in(table) if line["part"] == "bin"]
    for line in bins:
        assert float(line["in_phase"]) == pytest.approx(3, abs=0.15)
        assert float(line["quadrature"]) == pytest.approx(-1, abs=0.15)
    assert sum(float(line["share"]) for line in bins) == pytest.approx(1)


def test_the_same_weights_give_the_same_bytes(measured, tmp_path):
    first, again = (draw(measured, tmp_path / name) for name in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


@pytest.mark.parametrize(
    "usage",
    [
        constellation_usage(qam(12), [[5]], ""),
        constellation_usage([1, 1, 1, 1], [0, 1, 2, 3], ""),
        analogue_usage(np.ones(5), ""),
    ],
    ids=["one of 4096", "coinciding", "one value"],
)
def test_odd_use_is_drawn_and_described(usage, tmp_path):
    weights = made_up(history=((100, 20.0),))
    assert len(draw([(weights, [usage])], tmp_path / "odd")) == 3
    assert "nan" not in describe(weights, [usage])[0]


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_a_figure_has_room_for_six(refusal, measured, tmp_path, count):
    assert f"not {count}" in refusal(draw, measured[:1] * count, tmp_path / "many")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(refusal, measured, tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in refusal(draw, measured, tmp_path / "file" / "figure")
    (tmp_path / "taken.png").mkdir()
    assert "cannot be written" in refusal(draw, measured, tmp_path / "taken")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "taken.png"}


@pytest.mark.parametrize(
    ("history", "gain_db"),
    [
        (HISTORY, 31.2 - (30.8 + 0.6 * 0.4)),  # 1800 lies at 60% of the way from 1500 to 2000
        (((900, 30.0), (1000, 29.5)), -0.5),
        (((950, 30.0), (1000, 31.0)), None),
        (((1000, 30.0),), None),
        ((), None),
    ],
)
def test_the_gain_at_the_end(history, gain_db):
    assert end_gain_db(history) == (None if gain_db is None else pytest.approx(gain_db))


def test_the_line_about_points(measured):
    weights, (usage,) = measured[0]
    (text,) = describe(weights, [usage])
    entropy = -sum(share * np.log2(share) for share in usage.shares if share)
    energy_db = 10 * np.log10(sum(usage.shares * abs(usage.values) ** 2))
    assert text.startswith(
        f"zoo:deepjscc-q/made-up: entropy {entropy:.2f} of 4 bits, energy {energy_db:+.2f} dB"
    )
    for part in ("12 of 16 points used", "gained 0.16 dB in the last 10% of 2000 updates", "500 symbols"):
        assert part in text


def test_the_line_about_analogue_symbols(measured):
    (text,) = describe(*measured[1])
    assert "entropy" not in text
    assert "points" not in text
    assert "peak to average" in text
    assert "end of training unknown" in text


def test_a_loss_is_called_one(measured):
    assert "lost 0.50 dB" in describe(made_up(history=((900, 30.0), (1000, 29.5))), measured[0][1])[0]
    assert "gained 0.00 dB" in describe(made_up(history=((900, 30.0), (1000, 29.999))), measured[0][1])[0]


def test_a_line_for_each_modulation_order(several):
    lines = describe(*several)
    starts = [
        "zoo:ujscc/b, BPSK: entropy 1.00 of 1 bits, energy +0.00 dB, 2 of 2 points used",
        "zoo:ujscc/b, 4QAM: entropy 0.00 of 2 bits, energy +0.00 dB, 1 of 4 points used",
        "zoo:ujscc/b, 16QAM: entropy 4.00 of 4 bits, energy +0.00 dB, 16 of 16 points used",
    ]
    assert [line.startswith(start) for line, start in zip(lines, starts)] == [True] * 3
    assert "peak to average 2.55 dB" in lines[2]  # 9/5: the corner of 16QAM has 18 of a mean of 10
    assert ["gained" in line for line in lines] == [True, False, False]


def test_a_column_for_each_modulation_order_and_one_training_curve(several, tmp_path, monkeypatch):
    import matplotlib.figure

    titles = {}

    def remember(figure, name, **options):
        titles[str(figure)] = [axes.get_title() for axes in figure.axes if axes.get_title()]
        original(figure, name, **options)

    original = matplotlib.figure.Figure.savefig
    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", remember)
    *_, table = draw([several], tmp_path / "several")
    ((*columns, training),) = titles.values()
    assert [title.split("\n")[0] for title in columns] == [f"ujscc/b, {m}" for m in ("BPSK", "4QAM", "16QAM")]
    assert training.startswith("gained 0.16 dB")
    lines = lines_in(table)
    points = [line["order"] for line in lines if line["part"] == "point"]
    assert points == ["2"] * 2 + ["4"] * 4 + ["16"] * 16
    assert len([line for line in lines if line["part"] == "training"]) == len(HISTORY)


def test_columns_are_counted_by_orders(refusal, several, tmp_path):
    assert "not 9" in refusal(draw, [several] * 3, tmp_path / "many")
    weights = made_up()
    assert column_count(weights) == 1
    weights.card.orders = (1, 2, 4, 6, 8)
    assert column_count(weights) == 5
