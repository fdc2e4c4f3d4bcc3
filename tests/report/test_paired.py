"""Paired differences of runs whose per-picture PSNRs are made up."""

import csv
from statistics import mean, stdev

import pytest
from scipy.stats import t

from linksim.cli import main
from linksim.report.paired import differences
from linksim.report.table import NUMBER_COLUMNS, TEXT_COLUMNS

ROW_COLUMNS = ("system", "snr_db", "cbr", "mcs", "trial", "image", "psnr_db")
BASE = [20.0, 25.0, 31.0, 28.0]
GAINS = [1.0, 2.0, 1.5, 0.5]


def line(system, mcs, snr_db=10.0, trials=1):
    row = dict.fromkeys(TEXT_COLUMNS + NUMBER_COLUMNS, "")
    return {
        **row,
        "system": system,
        "channel": "awgn",
        "mcs": mcs,
        "snr_db": snr_db,
        "cbr": 0.1667,
        "trials": trials,
    }


def pictures(system, mcs, psnrs_db, snr_db=10.0, trial=0):
    return [
        dict(zip(ROW_COLUMNS, (system, snr_db, 0.1667, mcs, trial, image, psnr_db)))
        for image, psnr_db in enumerate(psnrs_db)
    ]


@pytest.fixture
def run(tmp_path):
    """Writes the two tables of a run."""

    def write(lines, rows):
        for name, table in (("results.csv", lines), ("rows.csv", rows)):
            with (tmp_path / name).open("w", newline="") as file:
                writer = csv.DictWriter(file, list(table[0]))
                writer.writeheader()
                writer.writerows(table)
        return tmp_path

    return write


def test_the_mean_and_its_interval_are_those_of_the_differences(run):
    better = [base + gain for base, gain in zip(BASE, GAINS)]
    folder = run(
        [line("base", "weights:a"), line("better", "weights:b")],
        pictures("base", "weights:a", BASE) + pictures("better", "weights:b", better),
    )
    (found,) = differences(folder, "base")
    assert (found.system, found.snr_db, found.pictures) == ("better", 10.0, 4)
    assert found.mean == pytest.approx(mean(GAINS))
    assert found.halfwidth == pytest.approx(t.ppf(0.975, 3) * stdev(GAINS) / 2)


def test_an_envelope_counts_by_its_choice_and_the_trials_it_is_reported_on(run):
    lines = [
        line("chain", "pdsch-1/4", trials=4),
        line("chain", "pdsch-1/9", trials=4),
        line("chain", "envelope:pdsch-1/9", trials=2),
        line("base", "bound:bicm"),
    ]
    rows = pictures("base", "bound:bicm", BASE)
    for trial in range(4):
        rows += pictures("chain", "pdsch-1/4", [99.0] * 4, trial=trial)
        rows += pictures("chain", "pdsch-1/9", [psnr_db - trial for psnr_db in BASE], trial=trial)
    (found,) = differences(run(lines, rows), "base")
    assert found.mean == pytest.approx(-2.5)  # trials 2 and 3


def test_other_metrics_are_compared_where_they_were_measured(run, capsys):
    rows = pictures("base", "weights:a", BASE) + pictures("better", "weights:b", BASE)
    for row in rows:
        row["ssim"] = 0.5 + 0.1 * (row["system"] == "better") * row["image"]
        row["ms_ssim"] = ""
    folder = run([line("base", "weights:a"), line("better", "weights:b")], rows)
    (found,) = differences(folder, "base", "ssim")
    assert found.mean == pytest.approx(0.15)
    assert found.halfwidth == pytest.approx(t.ppf(0.975, 3) * stdev([0.0, 0.1, 0.2, 0.3]) / 2)
    assert main(["paired", str(folder), "--from", "base", "--metric", "ssim"]) == 0
    assert "+0.1500 ± 0.2054\n" in capsys.readouterr().out
    assert main(["paired", str(folder), "--from", "base", "--metric", "ms_ssim"]) == 2
    assert "ms_ssim was not measured" in capsys.readouterr().err
    assert main(["paired", str(folder), "--from", "base", "--metric", "mse"]) == 2
    assert "one of psnr_db, ssim, ms_ssim, accuracy" in capsys.readouterr().err


def test_accuracies_differ_in_percentage_points(run, capsys):
    """Classes right: 1, 0, 1, 0 and 1, 1, 1, 0.5 in expectation: differences 0, 1, 0, 0.5, mean 0.375."""
    rows = pictures("base", "weights:a", BASE) + pictures("better", "weights:b", BASE)
    rows += pictures("silent", "weights:c", BASE)
    for row, correct in zip(rows, [1, 0, 1, 0, 1, 1, 1, 0.5, *[""] * 4], strict=True):
        row["correct"] = correct
    names = {"base": "weights:a", "better": "weights:b", "silent": "weights:c"}
    folder = run([line(name, mcs) for name, mcs in names.items()], rows)
    (found,) = differences(folder, "base", "accuracy")
    assert (found.system, found.mean) == ("better", 0.375)
    assert found.halfwidth == pytest.approx(t.ppf(0.975, 3) * stdev([0, 1, 0, 0.5]) / 2)
    assert main(["paired", str(folder), "--from", "base", "--metric", "accuracy"]) == 0
    assert "+37.50 ± 76.17 percentage points\n" in capsys.readouterr().out
    assert main(["paired", str(folder), "--from", "silent", "--metric", "accuracy"]) == 2
    error = capsys.readouterr().err
    assert "accuracy was not measured for silent" in error
    assert "give the system a `classifier`" in error


def test_the_command_prints_a_table_and_refuses_unknown_systems(run, capsys):
    folder = run(
        [line("base", "weights:a"), line("better", "weights:b")],
        pictures("base", "weights:a", BASE) + pictures("better", "weights:b", [psnr + 1 for psnr in BASE]),
    )
    assert main(["paired", str(folder), "--from", "base"]) == 0
    assert "+1.00 ± 0.00 dB" in capsys.readouterr().out
    assert main(["paired", str(folder), "--from", "nobody"]) == 2
    assert "name one of base, better" in capsys.readouterr().err


def test_damaged_rows_are_refused(run, refusal):
    folder = run([line("base", "weights:a")], pictures("base", "weights:a", BASE))
    (folder / "rows.csv").write_text("system,snr_db\nbase,10\n")
    assert "rows.csv" in refusal(differences, folder, "base")
