"""Published results: the files are what the specification lists, and conversions agree with those by hand."""

import csv
import json
import math

import numpy as np
import pytest

from linksim.cli import main
from linksim.report import published
from linksim.report.curves import PUBLISHED
from linksim.report.published import load, overlay, published_curves, rows, shipped
from linksim.scenario.dialect import write_yaml

#: A decibel value of a factor of two.
TWO_DB = 10 * math.log10(2)


@pytest.fixture
def published_file(tmp_path):
    """Writes a published file with some fields replaced; returns its path."""

    def write(name="made.json", series=None, **fields):
        made = {
            "system": "made", "source": "a test", "where": "table 1", "dataset": "Kodak", "channel": "awgn",
            "snr_convention": "es_n0", "metric_definition": "picture_mean",
            "series": [series or {"label": "", "cbr": "1/6", "snr_db": [0, 4, 10], "psnr_db": [20, 24, 30]}],
        }  # fmt: skip
        path = tmp_path / name
        path.write_text(json.dumps(made | fields), encoding="utf-8")
        return path

    return write


def test_every_file_says_where_its_numbers_come_from():
    assert len(shipped()) == 8
    for name in shipped():
        found = load(name)
        assert found.source
        assert found.where
        assert rows(found)


def test_labels_in_es_n0_stay():
    assert [row["snr_db"] for row in rows(load("swinjscc-kodak"))][::5] == [1, 4, 7, 10, 13]


@pytest.mark.parametrize(
    ("convention", "label_db", "bits", "es_n0"),
    [
        # Es = 1 and 10 dB under the noise variance of a complex symbol.
        ("es_n0", 10, None, 10.0),
        # Noise of variance 0.1 in each real dimension: 0.2 in a complex symbol.
        ("es_half_n0", 10, None, 1 / 0.2),
        # Energy 1 in each of two real dimensions, noise of variance 0.1 in the two: 2 / 0.1.
        ("half_es_n0", 10, None, 2 / 0.1),
        # 16QAM at rate 3/4: a symbol carries 3 bits, each of energy 1/3, and N0 is a tenth of that.
        ("eb_n0", 10, 3, 1 / (1 / 3 * 0.1)),
        # BPSK at rate 1/2, half a bit a symbol: Es is half of Eb.
        ("eb_n0", 0, 0.5, 0.5),
    ],
)
def test_an_overlay_stands_where_a_conversion_by_hand_puts_it(
    published_file, convention, label_db, bits, es_n0
):
    series = {"label": "", "cbr": 0.25, "snr_db": [label_db], "psnr_db": [30]} | (
        {"bits_per_use": bits} if bits else {}
    )
    (curve,) = overlay(published_file(snr_convention=convention, series=series), "snr_db", "psnr_db")
    assert curve.role == PUBLISHED
    assert curve.rows[0]["snr_db"] == pytest.approx(10 * math.log10(es_n0))
    assert curve.rows[0]["psnr_db"] == 30


def test_real_uses_are_half_as_many_complex_ones_at_the_same_snr():
    """JCM's BPSK: 128 real uses for 32×32×3 samples are 64 complex ones, two reals in each."""
    bpsk, *others = published_curves("jcm-cifar10")
    assert bpsk.label.startswith("published: JCM BPSK, CBR 1/48 (CIFAR-10")
    assert rows(load("jcm-cifar10"))[0]["cbr"] == round(64 / (32 * 32 * 3), 4)
    assert bpsk.x == (-18, -12, -6, 0, 6, 12, 18)
    assert bpsk.y == (12.95, 13.14, 15.29, 17.58, 19.13, 19.44, 19.56)
    assert all("CBR 1/24" in other.label for other in others)


def test_bpg_at_capacity_follows_from_the_published_rates():
    """Rate 3·CBR·log2(1 + SNR) bits a pixel, PSNR linear in its logarithm, from CompressAI's results."""
    bits_per_pixel = [0.0678, 0.1610, 0.3516, 0.6847, 1.1997, 1.9297, 3.0579, 4.7031]
    psnr_db = [26.20, 28.68, 31.59, 34.86, 38.26, 41.48, 44.70, 47.63]
    for curve in published_curves("bpg-capacity-kodak"):
        cbr = 1 / int(curve.label.partition("CBR 1/")[2].partition(" ")[0])
        rates = 3 * cbr * np.log2(1 + 10 ** (np.array(curve.x) / 10))
        expected = np.interp(np.log(rates), np.log(bits_per_pixel), psnr_db)
        assert np.allclose(curve.y, expected, atol=0.011)


def test_a_grid_is_drawn_along_either_axis():
    along_snr = published_curves("swinjscc-kodak")
    along_cbr = published_curves("swinjscc-kodak", "cbr")
    assert len(along_snr) == len(along_cbr) == 5
    assert along_snr[1].label == "published: SwinJSCC (SA and RA), CBR 1/24 (Kodak)"
    assert (along_snr[1].x, along_snr[1].y) == ((1, 4, 7, 10, 13), (28.35, 29.73, 30.79, 31.55, 32.05))
    assert along_cbr[3].label == "published: SwinJSCC (SA and RA), SNR 10 dB (Kodak)"
    assert along_cbr[3].y == (29.04, 31.55, 33.17, 34.41, 36.05)


def test_of_a_grid_the_bandwidths_of_the_figure_are_taken():
    assert len(overlay("swinjscc-kodak", "snr_db", "psnr_db", frozenset({0.0625}))) == 1
    assert len(overlay("swinjscc-kodak", "snr_db", "psnr_db", frozenset({0.3}))) == 5


@pytest.mark.parametrize(
    ("name", "caveats"),
    [
        ("deepjscc-2019-cifar10-c4", "(CIFAR-10 test; PSNR of the mean MSE; SNR uncertain)"),
        ("jcm-cifar10", "(CIFAR-10; PSNR per colour)"),
        ("jcm-conference-cifar10", "(CIFAR-10; PSNR not defined there)"),
        ("ntscc-kodak", "(Kodak)"),
    ],
)
def test_the_legend_says_what_could_not_be_converted(name, caveats):
    assert all(curve.label.endswith(caveats) for curve in published_curves(name))


def test_plot_draws_published_results_beside_a_run(tmp_path, write_results):
    rows = [
        {"system": "BPG", "channel": "awgn", "snr_db": at, "cbr": 1 / 24, "mcs": "weights:a", "psnr_db": 30.0}
        for at in (0, 10)
    ]
    write_results(rows)
    stem = tmp_path / "drawn"
    assert main(["plot", str(tmp_path), "--overlay", "swinjscc-kodak", "--out", str(stem)]) == 0
    with stem.with_suffix(".csv").open(newline="") as file:
        shown = [(row["curve"], row["snr_db"], row["psnr_db"]) for row in csv.DictReader(file)]
    label = "published: SwinJSCC (SA and RA), CBR 1/24 (Kodak)"
    assert shown == [
        ("BPG", "0.0", "30.0"), ("BPG", "10.0", "30.0"),
        (label, "1.0", "28.35"), (label, "4.0", "29.73"), (label, "7.0", "30.79"), (label, "10.0", "31.55"),
        (label, "13.0", "32.05"),
    ]  # fmt: skip


def test_installed_files_are_found_where_the_package_is_no_source_tree(tmp_path, monkeypatch, published_file):
    folder = tmp_path / "share" / "linksim" / "published"
    folder.mkdir(parents=True)
    published_file().rename(folder / "mine.json")
    monkeypatch.setattr(published.linksim, "__file__", str(tmp_path / "lib" / "linksim" / "__init__.py"))
    monkeypatch.setattr(published.sysconfig, "get_path", lambda name: str(tmp_path))
    assert list(shipped()) == ["mine"]
    assert load("mine").system == "made"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"snr_convention": "snr"}, ["snr_convention", "es_n0"]),
        ({"series": {"label": "", "cbr": 1, "snr_db": [0, 4], "psnr_db": [2]}}, ["series.0.snr_db", "2 of"]),
        ({"series": {"label": "", "cbr": "1/6", "snr_db": [0]}}, ["series.0.psnr_db", "missing"]),
        ({"snr_convention": "eb_n0"}, ["series.0.bits_per_use", "goes with eb_n0"]),
        ({"colour": "red"}, ["colour", "unknown key"]),
    ],
    ids=["convention", "lengths", "values", "bits", "key"],
)  # fmt: skip
def test_a_file_with_a_mistake_is_refused(published_file, refusal, fields, told):
    path = published_file(**fields)
    text = refusal(load, path)
    for words in [str(path), *told]:
        assert words in text


def test_a_scenario_that_overlays_what_is_not_there_is_refused_before_it_runs(tmp_path, minimal, capsys):
    path = tmp_path / "scenario.yaml"
    for name, told in (("nothing", "there are no such"), ("jcm-cifar10", "has no points of ssim")):
        minimal["figures"] = [{"y": "ssim", "file": "a", "overlay": [name]}]
        path.write_text(write_yaml(minimal), encoding="utf-8")
        assert main(["check", str(path)]) == 2
        error = capsys.readouterr().err
        assert "scenario.yaml: figures.0.overlay: " in error
        assert told in error


def test_what_is_not_there_is_refused(refusal, published_file):
    assert "one of bpg-capacity-kodak, deepjscc-2019" in refusal(load, "nothing")
    assert "has no points of ssim against snr_db" in refusal(overlay, published_file(), "snr_db", "ssim")
