"""Commands that use the link, end to end on a tiny study: run, check, send, doctor."""

import csv
import fcntl
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml

from linksim.evaluation.points import COLUMNS
from linksim.images.reading import read_pixels
from linksim.scenario.loader import load_scenario

STUDY = {
    "name": "tiny",
    "images": {"source": "patches32", "limit": 4},
    "bandwidth": {"cbr": "1/6"},
    "channel": {"model": "awgn", "snr_db": [4, 10]},
    "systems": [
        {
            "type": "separated",
            "label": "JPEG 2000",
            "codec": {"name": "jpeg2000"},
            "mcs": {"indices": [4, 9], "decode": "all"},
        }
    ],
    "pictures": {"images": [0], "snr_db": 10},
}

#: Options of `send` that save the search for the best MCS.
FIXED_MCS = ("--system", "jpeg2000+nr-ldpc", "--mcs", "4", "--cbr", "1/2")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The tiny scenario as a file."""
    path = tmp_path_factory.mktemp("study") / "tiny.yaml"
    path.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def first_run(study):
    """The tiny study, run by a process of its own: what it printed, and its folder."""
    folder = study.parent / "first"
    command = [sys.executable, "-m", "linksim", "run", study, "--out", folder, "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done, folder


@pytest.fixture
def folder(first_run, tmp_path):
    """A copy of the finished run's folder."""
    return shutil.copytree(first_run[1], tmp_path / "run")


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_every_file_of_the_interface(first_run, study):
    folder = first_run[1]
    for name in ("run.sqlite", "results.csv", "rows.csv", "scenario.yaml", "provenance.json"):
        assert (folder / name).stat().st_size, name
    for ending in ("png", "pdf", "csv"):
        for figure in ("psnr_vs_snr", "pictures"):
            assert (folder / "figures" / f"{figure}.{ending}").stat().st_size, (figure, ending)
    assert len(list((folder / "pictures").glob("*.png"))) == 2  # the original and what arrived
    assert load_scenario(folder / "scenario.yaml") == load_scenario(study, ("chunk=4",))
    sessions = json.loads((folder / "provenance.json").read_text())["sessions"]
    assert [session["tasks"] for session in sessions] == [4]


def test_results_hold_every_mcs_and_the_envelope(first_run):
    lines = table(first_run[1] / "results.csv")
    assert tuple(lines[0]) == COLUMNS
    assert [(line["snr_db"], line["mcs"].partition(":")[0]) for line in lines] == [
        (snr_db, mcs) for snr_db in ("4.0000", "10.0000") for mcs in ("pdsch-1/4", "pdsch-1/9", "envelope")
    ]
    assert len(table(first_run[1] / "rows.csv")) == 2 * 2 * 4


def test_a_run_ends_by_saying_what_to_look_at(first_run):
    done, folder = first_run
    figures = folder / "figures"
    assert done.stdout.splitlines()[-2:] == [
        f"received pictures side by side: {figures / 'pictures.png'}",
        f"Look at {figures / 'psnr_vs_snr.png'}",
    ]


def test_the_figure_of_pictures_shows_what_the_rows_say(first_run):
    """The picture kept at 10 dB is the one of the envelope's MCS; its scores were booked when it was sent."""
    folder = first_run[1]
    (shown,) = table(folder / "figures" / "pictures.csv")
    policy, _, mcs = shown["mcs"].partition(":")
    assert (shown["snr_db"], shown["system"], policy) == ("10", "JPEG 2000", "envelope")
    (row,) = [
        row for row in table(folder / "rows.csv")
        if (row["snr_db"], row["mcs"], row["image"], row["trial"]) == ("10.0000", mcs, "0", "0")
    ]  # fmt: skip
    for column, booked in (("picture", "name"), ("psnr_db", "psnr_db"), ("outcome", "outcome")):
        assert shown[column] == row[booked]


def test_a_run_becomes_a_page(linksim, folder, tmp_path):
    assert linksim("report", folder) == (0, f"Look at {folder / 'report.html'}\n", "")
    text = (folder / "report.html").read_text(encoding="utf-8")
    for line in table(folder / "results.csv"):
        for column in ("system", "mcs", "psnr_db", "ssim"):
            assert f">{line[column]}</t" in text
    assert text.count('<img src="data:image/png;base64,') == 2
    assert "stopped before its end" not in text
    elsewhere = tmp_path / "pages" / "mine.html"
    assert linksim("report", folder, "--out", elsewhere).out == f"Look at {elsewhere}\n"
    assert elsewhere.read_text(encoding="utf-8") == text


def test_plot_draws_the_pictures_again(linksim, folder):
    figures = folder / "figures"
    before = (figures / "pictures.csv").read_bytes()
    for path in figures.glob("pictures.*"):
        path.unlink()
    seen = linksim("plot", folder)
    assert (seen.code, seen.err) == (0, "")
    drawn = [figures / f"pictures.{ending}" for ending in ("png", "pdf", "csv")]
    assert seen.out.splitlines()[3:] == [str(path) for path in drawn]
    assert drawn[2].read_bytes() == before


def test_plot_of_one_figure_elsewhere_draws_that_alone(linksim, folder, tmp_path):
    assert len(linksim("plot", folder, "--out", tmp_path / "figure").out.splitlines()) == 3


@pytest.mark.filterwarnings("default::UserWarning")
def test_a_picture_that_is_gone_does_not_spoil_the_plot(linksim, folder):
    next((folder / "pictures").glob("*dB*.png")).unlink()
    seen = linksim("plot", folder)
    assert (seen.code, len(seen.out.splitlines())) == (0, 3)
    assert seen.err.startswith("warning: pictures not drawn: ")
    assert "there is no such picture\nmend: run the scenario again" in seen.err


def test_a_run_that_keeps_no_pictures_draws_none(linksim, folder, study):
    (folder / "figures" / "pictures.png").unlink()
    seen = linksim("run", study, "--out", folder, "--set", "pictures=null")
    assert seen.code == 0
    assert "side by side" not in seen.out
    assert not (folder / "figures" / "pictures.png").exists()


def test_start_up_noise_does_not_reach_the_screen(first_run):
    assert first_run[0].stderr == "tiny: round 1, 4 tasks\n"


def test_a_second_run_does_no_task(linksim, folder, study):
    before = (folder / "results.csv").read_bytes()
    seen = linksim("run", study, "--out", folder)
    assert seen.code == 0
    assert seen.out.startswith("0 tasks in ")
    assert (folder / "results.csv").read_bytes() == before


def test_an_edit_keeps_finished_tasks_that_still_apply(linksim, folder, study):
    seen = linksim("run", study, "--out", folder, "--set", "channel.snr_db=[10, 12]", "--workers", 1)
    assert seen.code == 0
    assert "round 1, 4 tasks, 2 finished before" in seen.err
    assert seen.out.startswith("2 tasks in ")
    assert {line["snr_db"] for line in table(folder / "results.csv")} == {"10.0000", "12.0000"}


def test_fresh_starts_anew_and_gives_the_same_results(linksim, folder, study):
    before = (folder / "results.csv").read_bytes()
    seen = linksim("run", study, "--out", folder, "--fresh", "--workers", 1)
    assert seen.code == 0
    assert seen.out.startswith("4 tasks in ")
    assert (folder / "results.csv").read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([], id="plain"),
        pytest.param(
            ["--fresh"],
            id="fresh",
        ),
    ],
)
def test_a_folder_in_use_is_left_alone(options, refused, folder, study):
    before = (folder / "results.csv").read_bytes()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another run is writing here" in refused("run", study, "--out", folder, *options)
    assert (folder / "results.csv").read_bytes() == before


def test_a_damaged_store_is_refused(refused, folder, study):
    (folder / "run.sqlite").write_bytes(b"no database" * 100)
    for name in ("run.sqlite-wal", "run.sqlite-shm"):
        (folder / name).unlink(missing_ok=True)
    assert "--fresh" in refused("run", study, "--out", folder)


def test_a_place_that_cannot_be_written_is_refused(refused, study):
    text = refused("run", study, "--out", study / "below-a-file")
    assert text.startswith(f"error: {study / 'below-a-file'}: cannot be written")


def test_a_run_does_not_overwrite_its_scenario(refused, study, tmp_path):
    path = shutil.copy(study, tmp_path / "scenario.yaml")
    before = path.read_bytes()
    for options in ([], ["--fresh"]):
        assert "choose another --out" in refused("run", path, "--out", tmp_path, *options)
    assert path.read_bytes() == before


def test_check_shows_the_scenario_its_tasks_and_their_cost(linksim, study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = linksim("check", study)
    assert (seen.code, seen.err) == (0, "")
    resolved, rest = seen.out.split("\n\n")
    (tmp_path / "resolved.yaml").write_text(resolved)
    assert load_scenario("resolved.yaml") == load_scenario(study, ("chunk=4",))
    assert "\nfirst round: 4 tasks of JPEG 2000\n" in rest
    assert "\nupper bound: 4 tasks\n" in rest
    assert "memory: about" in rest
    assert [path.name for path in tmp_path.iterdir()] == ["resolved.yaml"]


@pytest.mark.parametrize("channel", ["awgn", "rayleigh_block"])
def test_send_saves_what_arrives_beside_the_original(channel, linksim, picture):
    seen = linksim("send", picture, "--snr", "20", *FIXED_MCS, "--channel", channel)
    arrived = picture.with_name("picture_jpeg2000_20dB.png")
    assert (seen.code, seen.err) == (0, "")
    assert seen.out.startswith("delivered: PSNR ")
    assert f" dB at CBR 0.5000 (3360 uses), pdsch-1/4, {channel} 20 dB\nLook at {arrived}\n" in seen.out
    error = read_pixels(arrived).astype(float) - read_pixels(picture)
    assert f"PSNR {10 * np.log10(255**2 / np.mean(error**2)):.2f} dB" in seen.out


def test_send_shows_the_fallback_after_an_outage(linksim, picture, tmp_path):
    out = tmp_path / "arrived.png"
    seen = linksim("send", picture, "--snr", "-20", *FIXED_MCS, "--out", out)
    assert seen.code == 0
    assert seen.out.startswith("channel_outage: PSNR ")
    assert np.all(read_pixels(out) == 128)


def test_send_takes_the_table_of_the_code(linksim, picture, tmp_path):
    words = ("--system", "jpeg2000+ieee80211ad-ldpc", "--mcs", "4", "--cbr", "1/2")
    seen = linksim("send", picture, "--snr", "20", *words, "--out", tmp_path / "arrived.png")
    assert seen.code == 0
    assert seen.out.startswith("delivered: PSNR ")
    assert ", wifi-ad/4, awgn 20 dB" in seen.out


@pytest.mark.parametrize("out", ["missing/arrived.png", "arrived.nonsense"])
def test_send_refuses_a_place_that_cannot_be_written(out, refused, picture, tmp_path):
    text = refused("send", picture, "--snr", "8", *FIXED_MCS, "--out", tmp_path / out)
    assert text.startswith(f"error: {tmp_path / out}: cannot be written (")


def test_doctor_finds_the_link_healthy(linksim):
    seen = linksim("doctor")
    assert (seen.code, seen.err) == (0, "")
    assert "FAIL" not in seen.out
    assert seen.out.count("  ok   ") == 3
    assert "bpgenc: " in seen.out
