"""The files of a figure: complete, with exactly the numbers shown, and the same bytes every time."""

import csv
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from linksim.report.curves import to_curves
from linksim.report.figure import draw
from linksim.report.panel import fill_figure
from linksim.report.style import LIGHT, line_styles
from linksim.report.table import read_results
from linksim.scenario.errors import InputError

SNRS_DB = np.arange(-5.0, 20.1, 2.5)


@pytest.fixture
def curves(write_results, separate_chain, capacity_bound):
    rows = separate_chain("BPG + 5G LDPC", SNRS_DB) + capacity_bound("BPG at BICM capacity", SNRS_DB)
    return to_curves(read_results(write_results(rows)))


def numbers_in(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_three_complete_files_and_nothing_else(curves, tmp_path):
    png, pdf, table = draw(curves, "snr_db", "psnr_db", tmp_path / "figures" / "v1.0", title="Title")
    assert [path.name for path in (png, pdf, table)] == ["v1.0.png", "v1.0.pdf", "v1.0.csv"]
    assert sorted((tmp_path / "figures").iterdir()) == sorted([png, pdf, table])
    assert png.read_bytes().startswith(b"\x89PNG")
    assert pdf.read_bytes().startswith(b"%PDF")


def test_the_csv_holds_exactly_the_points_shown(curves, tmp_path):
    *_, table = draw(curves, "snr_db", "bler", tmp_path / "bler", log_y=True)
    columns = ("snr_db", "bler", "bler_lo", "bler_hi")
    expected = [
        (curve.label, row["mcs"], *(row[column] for column in columns))
        for curve in curves
        for row in curve.rows
        if row["bler"]
    ]
    found = [
        (line["curve"], line["mcs"], *(float(line[c]) if line[c] else None for c in columns))
        for line in numbers_in(table)
    ]
    assert found == expected
    assert 0 < len(found) < sum(len(curve.rows) for curve in curves)


def test_the_same_curves_give_the_same_bytes_in_another_process(curves, tmp_path):
    first = [path.read_bytes() for path in draw(curves, "snr_db", "psnr_db", tmp_path / "first", title="a")]
    again = [path.read_bytes() for path in draw(curves, "snr_db", "psnr_db", tmp_path / "again", title="a")]
    assert first == again
    script = (
        "import sys; from linksim.report.curves import to_curves; from linksim.report.figure import draw;"
        "from linksim.report.table import read_results;"
        "draw(to_curves(read_results(sys.argv[1])), 'snr_db', 'psnr_db', sys.argv[2], title='a')"
    )
    arguments = [sys.executable, "-c", script, tmp_path / "results.csv", tmp_path / "elsewhere"]
    subprocess.run(arguments, check=True, env=os.environ | {"PYTHONHASHSEED": "77"})
    assert first == [(tmp_path / f"elsewhere.{ending}").read_bytes() for ending in ("png", "pdf", "csv")]


@pytest.mark.parametrize("length", [10, 30, 45, 80])
@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_the_legend_stays_inside_the_figure(write_results, point, length, count):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [f"{i} {'BPG of mosaics over LDPC, ' * 4}"[:length] for i in range(count)]
    curves = to_curves(
        read_results(write_results([point(name, snr_db, 30.0) for name in names for snr_db in (0, 5)]))
    )
    figure = Figure(layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    fill_figure(figure, curves, [curve.rows for curve in curves], "snr_db", "psnr_db", False, False, None)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
    assert 0 <= box.y0 < box.y1 <= figure.axes[0].get_window_extent().y0


def test_every_one_of_few_mcss_has_its_name_beside_its_line(write_results, point):
    """Two systems with equal plateaus: all names stand right of the lines, none on another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = []
    for system, table in (("A", "wifi-ad"), ("B", "papers-ldpc")):
        for index, order in enumerate((2, 4, 6)):
            mcs, plateau_db = f"{table}/{index}", 30 + 2 * index
            rates = {"modulation_order": order, "code_rate": 0.5}
            for snr_db in (0, 5, 10, 15):
                psnr_db = plateau_db if snr_db > 4 * index else 12
                rows.append(point(system, snr_db, psnr_db, mcs=mcs, **rates))
                if index == 0:
                    rows.append(point(system, snr_db, 34, mcs=f"envelope:{mcs}", **rates))
    curves = to_curves(read_results(write_results(rows)))
    figure = Figure(layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    fill_figure(figure, curves, [curve.rows for curve in curves], "snr_db", "psnr_db", False, False, None)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.texts]
    assert sorted(names) == sorted(["QPSK, R 1/2", "16QAM, R 1/2", "64QAM, R 1/2"] * 2)
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    end = axes.transData.transform((15, 34))[0]
    assert all(end < box.x0 < box.x1 <= figure.bbox.width for box in boxes)
    middles = [(box.y0 + box.y1) / 2 for box in boxes]
    assert min(above - below for below, above in pairwise(middles)) > 6 * 100 / 72


def test_a_huge_interval_does_not_flatten_the_lines(write_results, point):
    """Two trials at a cliff: ±60 dB."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [point("s", snr_db, 10.0 + snr_db, psnr_ci95_db=60.0 * (snr_db == 5)) for snr_db in (0, 5, 10)]
    curves = to_curves(read_results(write_results(rows)))
    figure = Figure(layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    fill_figure(figure, curves, [curve.rows for curve in curves], "snr_db", "psnr_db", False, False, None)
    assert figure.axes[0].get_ylim() == pytest.approx((8.5, 21.5))


def test_a_logarithmic_figure_of_zeros_says_so(write_results, tmp_path, point):
    rows = read_results(write_results([point("s", snr, 30, bler=0.0) for snr in (0, 5)]))
    png, _, table = draw(to_curves(rows), "snr_db", "bler", tmp_path / "zeros", log_y=True)
    assert numbers_in(table) == []
    assert png.stat().st_size > 5000


def test_an_accuracy_has_its_interval_as_a_band(write_results, tmp_path, point):
    limits = {"accuracy": 0.75, "accuracy_lo": 0.4677, "accuracy_hi": 0.9111}
    rows = read_results(write_results([point("s", 0, 30, **limits), point("s", 5, 30), point("t", 5, 30)]))
    *_, table = draw(to_curves(rows), "snr_db", "accuracy", tmp_path / "accuracy")
    (found,) = numbers_in(table)
    assert {column: float(found[column]) for column in limits} == limits


def test_an_accuracy_that_nobody_measured_is_explained(curves, tmp_path, refusal):
    text = refusal(draw, curves, "snr_db", "accuracy", tmp_path / "empty")
    assert "labelled pictures and a system that names classes" in text


@pytest.mark.parametrize(("x", "y", "field"), [("snr_db", "ssim", "ssim"), ("cbr_std", "psnr_db", "cbr_std")])
def test_an_empty_column_is_an_error_with_a_mend(curves, tmp_path, x, y, field):
    with pytest.raises(InputError, match="holds no number") as caught:
        draw(curves, x, y, tmp_path / "empty")
    assert caught.value.field == field
    assert "psnr_db" in caught.value.mend
    assert not list(tmp_path.glob("empty*"))


def test_an_unknown_or_a_text_column_is_an_error(curves, tmp_path):
    with pytest.raises(InputError, match="no such column"):
        draw(curves, "snr_db", "psnr", tmp_path / "unknown")
    with pytest.raises(InputError, match="holds no number"):
        draw(curves, "system", "psnr_db", tmp_path / "text")


def test_a_single_point_and_a_sweep_over_names_do_not_break_the_figure(point, write_results, tmp_path):
    rows = [point("s", 0, 30, psnr_ci95_db=0.1) | {"sweep.link.iterations": value} for value in (20, "auto")]
    curves = to_curves(read_results(write_results(rows)), "sweep.link.iterations")
    *_, table = draw(curves, "sweep.link.iterations", "psnr_db", tmp_path / "one")
    assert [line["sweep.link.iterations"] for line in numbers_in(table)] == ["20.0"]


def test_points_without_numbers_and_along_the_cbr(write_results, tmp_path, point):
    rows = [point(s, 0, 30, cbr=cbr, psnr_ci95_db=0.2) for s in ("a", "b") for cbr in (1 / 24, 1 / 12, 1 / 6)]
    rows[1]["psnr_db"] = ""
    curves = to_curves(read_results(write_results(rows)), "cbr")
    *_, table = draw(curves, "cbr", "psnr_db", tmp_path / "cbr")
    assert [(line["system"], line["cbr"]) for line in numbers_in(table)] == [
        ("a", "0.0417"),
        ("a", "0.1667"),
        ("b", "0.0417"),
        ("b", "0.0833"),
        ("b", "0.1667"),
    ]


def test_styles_tell_curves_apart_without_colour(write_results, point, capacity_bound):
    snrs_db, cbrs = (0, 5), (1 / 12, 1 / 6)
    rows = [point(s, snr, 30, cbr=cbr) for s in "abcd" for cbr in cbrs for snr in snrs_db]
    rows += capacity_bound("BICM", snrs_db) + capacity_bound("Gauss", snrs_db, mcs="bound:gaussian")
    styles = line_styles(to_curves(read_results(write_results(rows))))
    in_grey = [
        (style.get("marker"), style["linestyle"], style.get("markerfacecolor") == LIGHT.ground)
        for style in styles
    ]
    assert len(set(in_grey)) == len(styles) == 10


def test_drawing_leaves_matplotlib_as_it_was(curves, tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw(curves, "snr_db", "psnr_db", tmp_path / "figure")
    assert dict(matplotlib.rcParams) == before


def test_reading_and_grouping_do_not_import_matplotlib():
    script = "import sys, linksim.report.table, linksim.report.figure; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_logarithmic_x_axis_marks_the_points_themselves(write_results, point):
    """Few CBRs stand there as fractions; a point at zero has no place on it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [point("s", 0, 20.0 + i, cbr=cbr) for i, cbr in enumerate((0.0, 0.0104, 0.0833, 0.25))]
    curves = to_curves(read_results(write_results(rows)), "cbr")
    figure = Figure(layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    shown = [[row for row in curve.rows if row["cbr"] > 0] for curve in curves]
    fill_figure(figure, curves, shown, "cbr", "psnr_db", True, False, None)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1/96", "1/12", "1/4"]
    assert list(axes.get_xticks()) == [0.0104, 0.0833, 0.25]


def test_a_point_at_zero_is_left_out_of_a_logarithmic_x_axis(write_results, tmp_path, point):
    rows = [point("s", 0, 20.0, cbr=cbr) for cbr in (0.0, 0.0833, 0.25)]
    curves = to_curves(read_results(write_results(rows)), "cbr")
    *_, table = draw(curves, "cbr", "psnr_db", tmp_path / "log", log_x=True)
    assert [float(line["cbr"]) for line in numbers_in(table)] == [0.0833, 0.25]
