"""Reading results.csv: what becomes of the cells, and what the errors say."""

import re
from pathlib import Path

import pytest

from linksim.report.table import DERIVED_COLUMNS, NUMBER_COLUMNS, TEXT_COLUMNS, read_results
from linksim.scenario.errors import InputError


def test_numbers_texts_and_empty_cells(write_results):
    path = write_results(
        [
            {"system": "a, b", "channel": "awgn", "snr_db": -3.0, "mcs": "pdsch-1/10", "bler": 0.0},
            {"system": "c", "channel": "awgn", "snr_db": 4.5, "psnr_db": 31.25},
        ]
    )
    first, second = read_results(path)
    assert first["system"] == "a, b"
    assert (first["snr_db"], first["bler"], first["psnr_db"]) == (-3.0, 0.0, None)
    assert (second["mcs"], second["snr_db"], second["psnr_db"]) == ("", 4.5, 31.25)
    assert set(first) == {*TEXT_COLUMNS, *NUMBER_COLUMNS, *DERIVED_COLUMNS}


def test_swept_fields_are_numbers_where_they_read_as_such(write_results):
    path = write_results([{"system": "a", "sweep.link.csi": "ls"}, {"system": "a", "sweep.link.csi": 3}])
    assert [row["sweep.link.csi"] for row in read_results(path)] == ["ls", 3.0]


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        (lambda text: text.replace("psnr_db,", "psnr,", 1), "psnr_db", "missing"),
        (lambda text: text.replace("psnr_db,", "", 1), "psnr_db", "missing"),
        (lambda text: text.replace("ssim,ms_ssim", "ssim,ms_ssim,ssim", 1), "ssim", "twice"),
        (lambda text: text.replace("12.5000", "twelve"), "line 2, psnr_db", "'twelve' is not a number"),
        (lambda text: text.replace("12.5000", "nan"), "line 2, psnr_db", "'nan' is not a number"),
        (lambda text: text + "a,awgn\n", "line 3", "2 cells under 30 columns"),
        (lambda text: "", "system, channel", "columns are missing"),
        (lambda text: text.splitlines()[0] + "\n", "", "no rows"),
        (lambda text: text.replace("12.5000", '"12.5'), "", "not a CSV table"),
    ],
)
def test_mangled_tables(write_results, change, field, problem):
    path = write_results([{"system": "a", "psnr_db": 12.5}])
    path.write_text(change(path.read_text().replace("\r\n", "\n")))
    with pytest.raises(InputError, match=re.escape(problem)) as caught:
        read_results(path)
    assert caught.value.file == str(path)
    assert (caught.value.field or "").startswith(field)
    assert caught.value.mend


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file") as caught:
        read_results(tmp_path / "nowhere.csv")
    assert "linksim run" in caught.value.mend
    with pytest.raises(InputError, match="cannot be read"):
        read_results(tmp_path)
    picture = Path(tmp_path / "picture.csv")
    picture.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InputError, match="not a CSV table"):
        read_results(picture)


def test_throughput_is_the_rate_that_arrives(write_results):
    mcs = {"system": "a", "channel": "awgn", "modulation_order": 4, "code_rate": 0.5}
    rows = [
        mcs | {"mcs": "threshold:pdsch-1/13", "bler": 0.25},
        mcs | {"mcs": "pdsch-1/13"},
        {"system": "a", "channel": "awgn", "mcs": "threshold:none"},
        {"system": "b", "channel": "awgn", "mcs": "weights:a"},
    ]
    assert [row["throughput"] for row in read_results(write_results(rows))] == [1.5, None, 0.0, None]
