"""Comparisons: mean gaps against another implementation and by hand, pairing, tolerance, baselines."""

import json
from pathlib import Path

import bjontegaard
import numpy as np
import pytest

from linksim.cli import main
from linksim.report import measured
from linksim.report.compare import bd_psnr_db, compare, lines_of, mean_shift_db, read_reference
from linksim.report.table import read_results


def rows_of(system, snrs_db, psnrs_db, *, mcs="weights:a", cbr=1 / 16, halfwidth=0.1):
    return [
        {
            "system": system, "channel": "awgn", "snr_db": float(snr_db), "cbr": cbr, "cbr_std": 0.0,
            "mcs": mcs, "psnr_db": float(psnr_db), "psnr_ci95_db": halfwidth, "images": 7, "trials": 4,
        }
        for snr_db, psnr_db in zip(snrs_db, psnrs_db)
    ]  # fmt: skip


@pytest.fixture
def make_run(tmp_path, write_results):
    """Writes a run folder with these rows; returns it."""

    def make(name, rows):
        folder = tmp_path / name
        folder.mkdir()
        write_results(rows).rename(folder / "results.csv")
        (folder / "scenario.yaml").write_text(f"name: {name}\nseed: 1\n")
        session = {"started": "2026-01-02T03:04:05+00:00", "commit": "a" * 40, "packages": {"numpy": "2.4.0"}}
        (folder / "provenance.json").write_text(json.dumps({"sessions": [session]}))
        return folder

    return make


# The mean gaps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_bd_psnr_agrees_with_the_bjontegaard_package(seed):
    """Its rate is a linear SNR here: of that it takes the logarithm."""
    random = np.random.default_rng(seed)
    first_x, second_x = np.sort(random.uniform(-5, 20, (2, 7)))
    first = np.sort(random.uniform(20, 40, 7)) + random.normal(0, 0.3, 7)  # need not be monotone
    second = np.sort(random.uniform(20, 40, 7))
    expected = bjontegaard.bd_psnr(
        10 ** (second_x / 10), second, 10 ** (first_x / 10), first, method="pchip",
        require_matching_points=False, min_overlap=0,
    )  # fmt: skip
    assert bd_psnr_db(first_x, first, second_x, second) == pytest.approx(expected, abs=1e-9)


def test_bd_psnr_of_straight_lines_by_hand():
    """Over the common 0 to 10 dB one line lies 1 dB above at one end and 3 dB at the other: 2 dB."""
    assert bd_psnr_db([0, 10], [21, 33], [-5, 0, 10, 15], [15, 20, 30, 35]) == pytest.approx(2.0)
    assert bd_psnr_db([0, 5], [20, 30], [5, 10], [30, 35]) is None


def test_the_mean_shift_agrees_with_the_bjontegaard_package_on_dense_curves():
    """Its rate difference is a ratio of linear SNRs."""
    x = np.linspace(0, 20, 81)
    first, second = 20 + 12 * np.tanh((x - 4) / 9), 20 + 12 * np.tanh((x - 1.5) / 9)
    percent = bjontegaard.bd_rate(
        10 ** (x / 10), second, 10 ** (x / 10), first, method="pchip", require_matching_points=False
    )
    expected = 10 * np.log10(1 + percent / 100)
    assert mean_shift_db(x, first, x, second) == pytest.approx(expected, abs=2e-3)
    assert expected == pytest.approx(2.5, abs=1e-3)


def test_plateaus_take_no_part_in_the_mean_shift():
    """Two staircases, one 3 dB later; and nothing is later than itself."""
    x, steps = np.arange(0, 13), np.array([10, 10, 20, 20, 20, 20, 20, 30, 30, 30, 30, 30, 30])
    later = np.array([10, 10, 10, 10, 10, 20, 20, 20, 20, 20, 30, 30, 30])
    assert mean_shift_db(x, later, x, steps) == pytest.approx(3.0)
    assert mean_shift_db(x, steps, x, steps) == 0
    assert mean_shift_db(x, np.full(13, 10), x, steps) is None


# Pairs -----------------------------------------------------------------------------------------------------


def test_gaps_at_each_snr_with_their_intervals(make_run):
    ours = make_run("ours", rows_of("a", [0, 5, 10], [20, 26, 31], halfwidth=0.3))
    theirs = make_run("theirs", rows_of("a", [0, 10], [19, 31], halfwidth=0.4))
    (found,) = compare(lines_of(read_results(ours / "results.csv")), read_reference(theirs))
    assert [gap.gap_db for gap in found.gaps] == pytest.approx([1, 1, 0])
    assert [gap.halfwidth_db for gap in found.gaps] == pytest.approx([0.5] * 3)  # 3, 4, 5
    # 20 dB is reached by a line of 12 dB in 10 dB after 10/12 dB, 26 dB after 70/12 dB.
    assert [gap.shift_db for gap in found.gaps] == pytest.approx([-10 / 12, 5 - 70 / 12, 0])


def test_without_intervals_gaps_have_none(make_run):
    ours = make_run("ours", rows_of("a", [0, 5], [20, 26], halfwidth=None))
    (found,) = compare(lines_of(read_results(ours / "results.csv")), read_reference(ours))
    assert [gap.halfwidth_db for gap in found.gaps] == [None, None]


def test_where_curves_cross(make_run):
    """A line that rises by 2 a dB and one that stays at 26 meet at 3 dB; at an SNR between the points."""
    run = make_run("run", rows_of("a", [0, 10], [20, 40]) + rows_of("b", [0, 4, 10], [26, 26, 26]))
    held = read_reference(run)
    (found,) = compare(held.lines, held, system="a", against="b")
    assert found.crossings == pytest.approx((3.0,))


def test_lines_meet_by_label_channel_bandwidth_and_swept_values(make_run):
    def rows(shift):
        found = []
        for iterations in (5, 20):
            for cbr in (1 / 16, 1 / 8):
                psnrs = np.array([20, 30]) + shift + iterations / 10 + cbr
                swept = {"sweep.systems.0.code.iterations": iterations}
                found += [row | swept for row in rows_of("a", [0, 10], psnrs, cbr=cbr)]
        return found + rows_of("bound", [0, 10], [30, 40], mcs="bound:bicm", halfwidth=0.0)

    ours, theirs = make_run("ours", rows(0.5)), make_run("theirs", rows(0.0))
    found = compare(lines_of(read_results(ours / "results.csv")), read_reference(theirs))
    assert [each.bd_psnr_db for each in found] == pytest.approx([0.5] * 4 + [0.0], abs=1e-4)
    assert found[3].line.name == "a, CBR 1/8, iterations 20"


def test_curves_over_the_bandwidth_are_compared_along_its_logarithm(make_run):
    def rows(factor):
        cbrs = [1 / 48, 1 / 24, 1 / 12]
        return [
            row for cbr in cbrs for row in rows_of("a", [10], [60 + 10 * np.log10(cbr * factor)], cbr=cbr)
        ]

    ours, theirs = make_run("ours", rows(1.0)), make_run("theirs", rows(1.25))
    lines = lines_of(read_results(ours / "results.csv"), "cbr")
    (found,) = compare(lines, read_reference(theirs, "cbr"), x="cbr")
    assert found.bd_psnr_db == pytest.approx(-10 * np.log10(1.25), abs=2e-3)
    assert 10 ** (found.mean_shift_db / 10) == pytest.approx(1.25, abs=2e-3)  # a quarter more bandwidth


def test_published_curves_meet_those_of_their_channel_and_bandwidth(make_run):
    run = make_run("run", rows_of("mine", [1, 13], [27.35, 31.05], cbr=1 / 24))
    lines = lines_of(read_results(run / "results.csv"))
    (found,) = compare(lines, read_reference("swinjscc-kodak"))
    assert [gap.gap_db for gap in found.gaps] == pytest.approx([-1, -1])
    assert found.bd_psnr_db is not None


def test_differently_defined_psnrs_have_no_mean_gap(make_run):
    run = make_run("run", rows_of("mine", [0, 12], [20, 24], cbr=1 / 24))
    held = read_reference("jcm-cifar10")
    found = compare(lines_of(read_results(run / "results.csv")), held)
    assert [each.reference.system for each in found] == ["JCM 4QAM", "JCM 16QAM", "JCM 64QAM"]
    assert {each.bd_psnr_db for each in found} == {each.mean_shift_db for each in found} == {None}
    assert not held.same_metric


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"system": "c"}, "the run has no system 'c'"),
        ({"against": "c"}, "has no system 'c'"),
        ({}, "no curve of the run has its like"),
    ],
)
def test_what_cannot_be_paired_is_refused(make_run, refusal, options, told):
    ours, theirs = (
        make_run("ours", rows_of("a", [0, 5], [1, 2])),
        make_run("theirs", rows_of("b", [0, 5], [1, 2])),
    )
    text = refusal(compare, lines_of(read_results(ours / "results.csv")), read_reference(theirs), **options)
    assert told in text
    assert "b" in text.partition("mend")[2] or options.get("system")


# The commands ----------------------------------------------------------------------------------------------


def test_a_recorded_baseline_fails_when_a_curve_moves_by_more_than_its_interval(make_run, tmp_path, capsys):
    steps = np.array([20.0, 24.0, 30.0])
    run, baseline = make_run("run", rows_of("a", [0, 5, 10], steps)), tmp_path / "baseline.json"
    assert main(["record", str(run), "--out", str(baseline)]) == 0
    hold = ["compare", "RUN", str(baseline), "--tolerance", "0.02"]
    assert main([word.replace("RUN", str(run)) for word in hold]) == 0
    # The half-width of a difference of two means of 0.1 each is 0.1414.
    for name, shift, code in (("within", 0.16, 0), ("beyond", 0.17, 1), ("below", -0.17, 1)):
        moved = make_run(name, rows_of("a", [0, 5, 10], steps + np.array([0, shift, 0])))
        capsys.readouterr()
        assert main([word.replace("RUN", str(moved)) for word in hold]) == code
        out = capsys.readouterr().out
        assert ("FAIL a: 1 of 3 points" in out) == bool(code)


def test_a_shifted_baseline_file_fails(make_run, tmp_path):
    run, baseline = make_run("run", rows_of("a", [0, 5], [20, 24], halfwidth=0.0)), tmp_path / "baseline.json"
    assert main(["record", str(run), "--out", str(baseline)]) == 0
    data = json.loads(baseline.read_text())
    data["lines"][0]["psnr_db"][1] += 0.05
    baseline.write_text(json.dumps(data))
    assert main(["compare", str(run), str(baseline), "--tolerance", "0.02"]) == 1
    assert main(["compare", str(run), str(baseline), "--tolerance", "0.06"]) == 0


def test_a_baseline_keeps_the_curves_and_where_they_come_from(make_run, tmp_path):
    rows = rows_of("a", [0, 5], [20, 24], mcs="envelope:pdsch-1/3") + rows_of(
        "bound", [0, 5], [30, 34], mcs="bound:bicm", halfwidth=0.0
    )
    run, path = make_run("run", rows), tmp_path / "baseline.json"
    measured.write(path, measured.of_run(run))
    found = measured.load(path)
    assert found == measured.of_run(run)
    assert [(line.system, line.mcs, line.psnr_db) for line in found.lines] == [
        ("a", "envelope", [20.0, 24.0]), ("bound", "bound:bicm", [30.0, 34.0]),
    ]  # fmt: skip
    assert found.notes == ("recorded 2026-01-02 at commit aaaaaaaaaaaa",)
    keys = [line.key for line in lines_of(read_results(run / "results.csv"))]
    assert [line.key for line in read_reference(path).lines] == keys


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["compare", "RUN", "deepjscc-2019-cifar10-c4", "--tolerance", "1"], "uncertain and decide nothing"),
        (["compare", "RUN", "RUN", "--x", "bler"], "'bler' is no axis"),
        (["compare", "RUN", "nowhere"], "there are no such published results"),
        (["record", "RUN"], "a has no interval"),
    ],
    ids=["uncertain", "axis", "reference", "interval"],
)
def test_bad_comparisons_are_refused(make_run, capsys, words, told):
    run = make_run("run", rows_of("a", [0, 5], [20, 24], halfwidth=None))
    assert main([word.replace("RUN", str(run)) for word in words]) == 2
    assert told in capsys.readouterr().err


def test_every_recorded_baseline_is_one_that_make_runs_anew():
    root = Path(__file__).parents[2]
    (line,) = [
        text for text in (root / "Makefile").read_text().splitlines() if text.startswith("BASELINES :=")
    ]
    names = [Path(name).name for name in line.partition(":=")[2].split()]
    assert sorted(path.stem for path in (root / "baselines/measured").glob("*.json")) == sorted(names)
    for name in names:
        held = read_reference(root / f"baselines/measured/{name}.json")
        assert all(halfwidth is not None for line in held.lines for halfwidth in line.halfwidth_db)
