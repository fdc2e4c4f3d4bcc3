"""The page of a run: complete in itself, everything named, numbers those of the results, texts escaped."""

import base64
import csv
import hashlib
import math
import re
import sys
from xml.etree import ElementTree

import pytest

from linksim.report.page import Overlay, words, write_page
from linksim.report.page.folder import read_run
from linksim.systems import SYSTEMS


def test_every_kind_of_system_has_words():
    assert set(words._SYSTEM_WORDS) == set(SYSTEMS)


def test_nothing_is_loaded_from_elsewhere(make_run, parsed):
    page = parsed(write_page(make_run()))
    for name, attributes in page.elements:
        for attribute in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            value = attributes.get(attribute)
            assert value is None or value.startswith(("#", "data:")), (name, attribute, value)
    assert "link" not in {name for name, _ in page.elements}
    assert not re.search(r"@import|url\((?!['\"]?(data:|#))", "".join(page.apart["style"]))
    assert page.apart["script"][-2].count("plotly.js v") == 1  # the bundle, once


def test_only_the_scripts_of_the_page_may_run(make_run, parsed):
    page = parsed(write_page(make_run()))
    (policy,) = [
        meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    executed = [
        text for text, attributes in zip(page.apart["script"], page.all("script")) if "type" not in attributes
    ]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in executed]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert len(hashes) == 3


def test_every_system_is_named_everywhere(make_run, parsed, made_up):
    page = parsed(write_page(make_run()))
    systems = {row[0] for row in page.tables[-1]} | {row[0] for table in page.tables for row in table}
    assert set(made_up.systems) <= systems
    labels = {curve["label"] for chart in page.data["charts"] for curve in chart["curves"]}
    assert {"BPG + LDPC", "bound"} <= labels
    for system in made_up.systems:
        assert page.text.count(system) >= 3  # in words, in results, in pictures or choices


def test_tables_hold_the_text_of_the_results(make_run, parsed):
    folder = make_run()
    page = parsed(write_page(folder))
    with (folder / "results.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    tables = [table for table in page.tables if "psnr_db" in table[0]]
    assert [len(table) - 1 for table in tables] == [9, 29 * 3]
    shown = [dict(zip(table[0], row)) for table in tables for row in table[1:]]
    leading = [line for line in lines if ":" in line["mcs"]]
    single = [line for line in lines if ":" not in line["mcs"]]
    for line, cells in zip(leading + single, shown, strict=True):
        assert {column: line[column] for column in cells} == cells
    told_once = {"channel", "cbr", "images", "trials"}
    useful = {column for column in lines[0] if any(line[column] for line in lines)}
    assert set(tables[0][0]) == useful - told_once
    assert "7 pictures; trials of each picture: 1" in page.text


def test_charts_hold_the_numbers_of_the_results(make_run, parsed, made_up):
    folder = make_run()
    data = parsed(write_page(folder)).data
    run = read_run(folder)
    assert [(chart["x"], chart["y"]) for chart in data["charts"]] == [
        ("snr_db", "psnr_db"),
        ("snr_db", "bler"),
    ]
    psnr, bler = data["charts"]
    assert (psnr["yLog"], bler["yLog"]) == (False, True)
    curve = next(curve for curve in psnr["curves"] if curve["label"] == "BPG + LDPC")
    rows = [row for row in run.rows if row["system"] == "BPG + LDPC" and row["mcs"].startswith("envelope")]
    assert curve["x"] == list(made_up.snrs_db)
    assert curve["y"] == [row["psnr_db"] for row in rows]
    assert curve["low"] == pytest.approx([row["psnr_db"] - 0.1 for row in rows])
    assert curve["high"] == pytest.approx([row["psnr_db"] + 0.1 for row in rows])
    assert [row["mcs"].rpartition(":")[2] in text for row, text in zip(rows, curve["text"])] == [True] * 3
    limits = next(curve for curve in bler["curves"] if curve["label"] == "BPG + LDPC")
    assert (limits["low"], limits["high"]) == ([r["bler_lo"] for r in rows], [r["bler_hi"] for r in rows])
    assert sum(curve["role"] == "single" for curve in psnr["curves"]) == 29


def test_texts_of_a_scenario_are_no_markup(make_run, parsed, made_up):
    path = write_page(make_run())
    page = parsed(path)
    assert made_up.naughty not in path.read_text(encoding="utf-8")
    assert len(page.all("script")) == 4
    assert page.all("i") == [{}] * page.text.count("Es/N0") * 2  # only those of the formula
    assert "Made <i>up</i> & small" in page.text
    assert "<cup>" in page.text
    assert "cup" not in {name for name, _ in page.elements}
    # Plotly reads HTML: there, too, the label is a text.
    labels = {curve["label"] for chart in page.data["charts"] for curve in chart["curves"]}
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; %{y} &lt;b&gt;" in labels


def test_pictures_are_those_of_the_run(make_run, parsed, made_up):
    folder = make_run()
    page = parsed(write_page(folder))
    files = [f"{i}_{rest}.png" for i in (0, 1) for rest in ("original", "0_0", "0_1", "10_0", "10_1")]
    shown = [image["src"].partition(",")[2] for image in page.all("img")]
    assert [base64.b64decode(data) for data in shown] == [
        (folder / "pictures" / file).read_bytes() for file in files
    ]
    lost = [figure for figure in page.all("figure") if "lost" in (figure["class"] or "")]
    assert [(figure["data-image"], figure["data-snr"]) for figure in lost] == [("0", "0"), ("1", "0")]
    alternatives = [image["alt"] for image in page.all("img")]
    assert alternatives[0] == "cat, original"
    assert re.fullmatch(r"cat, BPG \+ LDPC, SNR 0 dB, CBR 1/16: \d\d\.\d\d dB", alternatives[1])
    assert alternatives[2].startswith(f"cat, {made_up.naughty}, SNR 0 dB")
    assert alternatives[2].endswith("dB, outage")


def test_without_kept_pictures_the_page_says_how_to_keep_some(make_run, parsed):
    page = parsed(write_page(make_run(pictures=False)))
    assert "pictures: {images: [0, 2], snr_db: [4, 16]}" in page.text
    assert page.all("img") == []


def test_many_pictures_are_left_out_with_a_word(make_run, parsed, monkeypatch):
    monkeypatch.setattr("linksim.report.page.pictures.MOST_BYTES", 10)
    with pytest.warns(UserWarning, match="first 1 of 2 pictures"):
        page = parsed(write_page(make_run()))
    assert "The page has room for the first 1 of 2 pictures" in page.text
    assert len(page.all("img")) == 5


def test_the_main_figure_needs_no_script(make_run):
    text = write_page(make_run()).read_text(encoding="utf-8")
    (static,) = re.findall("<noscript>(.*?)</noscript>", text, re.DOTALL)
    drawing = ElementTree.fromstring(static).find("{http://www.w3.org/2000/svg}svg")
    lines = [path for path in drawing.iter("{http://www.w3.org/2000/svg}path") if path.get("clip-path")]
    assert len(lines) >= 32  # two envelopes, 29 single MCSs, a bound


def test_what_was_chosen_is_a_table_by_snr(make_run, parsed, made_up):
    page = parsed(write_page(make_run()))
    (table,) = [table for table in page.tables if table[0][0] == "SNR Es/N0 (dB)"]
    assert table[0][1:] == ["BPG + LDPC (envelope)", f"{made_up.naughty} (envelope)"]
    assert [row[0] for row in table[1:]] == ["0", "5", "10"]
    assert all(cell.startswith("pdsch-1/") for row in table[1:] for cell in row[1:])


def test_overlays_are_drawn_over_the_chart_of_their_columns(make_run, parsed):
    overlays = [
        Overlay("Paper <1>", "snr_db", "psnr_db", ((1, 20.5), (7, 25)), "Fig. 3, SNR label + 3.01 dB"),
        Overlay("elsewhere", "cbr", "psnr_db", ((0.1, 20),)),
    ]
    data = parsed(write_page(make_run(), overlays=overlays)).data
    laid = [
        (chart["y"], curve)
        for chart in data["charts"]
        for curve in chart["curves"]
        if curve["role"] == "overlay"
    ]
    ((y, curve),) = laid
    assert (y, curve["label"], curve["x"], curve["y"]) == ("psnr_db", "Paper &lt;1&gt;", [1, 7], [20.5, 25])
    assert curve["note"] == "Fig. 3, SNR label + 3.01 dB"


def test_published_results_are_laid_over_the_chart_of_their_columns(make_run, parsed):
    figures = [{"y": "psnr_db", "file": "a", "overlay": ["swinjscc-kodak"]}]
    page = parsed(write_page(make_run({"figures": figures}), published=["jcm-cifar10"]))
    laid = {
        chart["y"]: [curve["label"] for curve in chart["curves"] if curve["role"] == "overlay"]
        for chart in page.data["charts"]
        if chart["x"] == "snr_db"
    }
    assert len(laid["psnr_db"]) == 1 + 4  # of the grid the run's bandwidth
    assert not any(labels for y, labels in laid.items() if y != "psnr_db")
    assert laid["psnr_db"][0] == "published: SwinJSCC (SA and RA), CBR 1/16 (Kodak)"


def test_a_swept_run_says_what_it_sweeps_and_tells_its_values_apart(make_run, parsed, rows):
    lines = [{**row, "sweep.link.power": power} for power in ("measured", "nominal") for row in rows]
    page = write_page(make_run({"link": {"power": ["measured", "nominal"]}}, lines))
    text = page.read_text(encoding="utf-8")
    assert "sweep of 2 combinations: link.power (2)" in text
    assert "<h3>power nominal</h3>" in text
    labels = {curve["label"] for curve in parsed(page).data["charts"][0]["curves"]}
    assert {"BPG + LDPC, power measured", "BPG + LDPC, power nominal"} <= labels


def test_provenance_is_told(make_run, parsed):
    page = parsed(write_page(make_run()))
    for fact in ("0123abcd", "ab" * 32, "a processor, 2 cores, Linux", "numpy 2.4.6", "12 s", "seed: 3"):
        assert fact in page.text


def test_a_stopped_run_says_so(make_run, parsed):
    assert "stopped before its end" in parsed(write_page(make_run(complete=False))).text


def test_a_study_of_bits_has_curves_and_no_pictures(make_run, parsed, made_up):
    def row(snr_db, ber):
        values = {"snr_db": snr_db, "modulation_order": 2, "code_rate": 1, "ber": ber, "ser": 2 * ber}
        return {"system": "raw", "channel": "awgn", "mcs": "uncoded/1", "images": 250, "trials": 1, **values}

    bits = {"type": "bits", "label": "raw", "mcs": {"table": "uncoded", "index": 1}, "uses": 100}
    figures = [{"y": "ber", "file": "ber", "log_y": True}]
    changes = {"systems": [bits], "figures": figures, "images": None, "bandwidth": None, "pictures": None}
    lines = [row(snr_db, ber) for snr_db, ber in zip(made_up.snrs_db, (0.158, 0.0379, 0.0008))]
    page = parsed(write_page(make_run(changes, lines, pictures=False)))
    assert [(chart["y"], chart["yLog"]) for chart in page.data["charts"]] == [("ber", True), ("ser", True)]
    measured, closed = page.data["charts"][0]["curves"]
    assert (measured["y"], closed["label"]) == ([0.158, 0.0379, 0.0008], "closed form")
    # QPSK at 5 dB: Q(sqrt(Es/N0)) a bit.
    at_5_db = closed["y"][closed["x"].index(5.0)]
    assert at_5_db == pytest.approx(math.erfc(math.sqrt(10**0.5 / 2)) / 2, rel=1e-6)
    assert "250 blocks" in page.text
    assert "Pictures" not in page.text
    assert page.all("img") == []


def test_a_sweep_of_the_bandwidth_can_be_shown_against_it(make_run, parsed, made_up, point):
    lines = [
        point("s", snr_db, 20 + snr_db, cbr=cbr, **{"sweep.bandwidth.cbr": cbr})
        for cbr in (0.0417, 0.0833)
        for snr_db in made_up.snrs_db
    ]
    changes = {"bandwidth": {"cbr": ["1/24", "1/12"]}}
    data = parsed(write_page(make_run(changes, lines))).data
    chart = next(chart for chart in data["charts"] if (chart["x"], chart["y"]) == ("cbr", "psnr_db"))
    assert chart["xTicks"] == {"values": [0.0417, 0.0833], "texts": ["1/24", "1/12"]}
    assert [curve["label"] for curve in chart["curves"]] == [f"s, SNR {snr:g} dB" for snr in made_up.snrs_db]


def test_the_same_run_gives_the_same_bytes(make_run, tmp_path):
    folder = make_run()
    first, second = (write_page(folder, tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second


def test_what_cannot_be_shown_is_refused(make_run, tmp_path, refusal, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no finished run" in refusal(write_page, empty)
    assert "there is no such folder" in refusal(write_page, tmp_path / "none")
    folder = make_run()
    assert "cannot be written" in refusal(write_page, folder, folder)
    for name, problem in (("provenance.json", "cannot be read"), ("scenario.yaml", "scenario.yaml")):
        kept = (folder / name).read_text()
        (folder / name).write_text("{")
        assert problem in refusal(write_page, folder)
        (folder / name).unlink()
        assert name in refusal(write_page, folder)
        (folder / name).write_text(kept)
    (folder / "pictures" / "0_0_0.png").unlink()
    assert "0_0_0.png" in refusal(write_page, folder)
    assert not (folder / "report.html").exists()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    assert "'linksim[report]'" in refusal(write_page, folder)
