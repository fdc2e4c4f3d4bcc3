"""Axis labels and values as text."""

import pytest

from linksim.report.labels import AXIS_LABELS, axis_label, fraction_text, mcs_text, value_text
from linksim.report.table import DERIVED_COLUMNS, NUMBER_COLUMNS


def test_every_number_column_has_an_axis_label():
    assert set(AXIS_LABELS) == {*NUMBER_COLUMNS, *DERIVED_COLUMNS}


def test_a_swept_field_is_called_by_its_path():
    assert axis_label("sweep.systems.0.codec.chroma") == "systems.0.codec.chroma"


@pytest.mark.parametrize(
    ("cbr", "text"),
    [
        (1 / 12, "1/12"),
        (0.0833, "1/12"),
        (0.0417, "1/24"),
        (2 / 3, "2/3"),
        (0.0613, "0.0613"),
        (1.0, "1"),
        (2.0, "2"),
    ],
)
def test_cbr_as_a_fraction_where_it_is_one(cbr, text):
    assert fraction_text(cbr) == text


@pytest.mark.parametrize(
    ("order", "rate", "text"),
    [
        (1.0, 0.5, "BPSK, R 1/2"),
        (2.0, 0.75, "QPSK, R 3/4"),
        (4.0, 0.8125, "16QAM, R 13/16"),
        (6.0, 0.6667, "64QAM, R 2/3"),
        (6.0, 0.7539, "64QAM, R 0.754"),
        (10.0, 0.625, "1024QAM, R 5/8"),
        (None, 0.625, "wifi-ad/3"),
        (2.0, None, "wifi-ad/3"),
    ],
)
def test_an_mcs_by_its_modulation_and_code_rate(order, rate, text):
    assert mcs_text({"mcs": "wifi-ad/3", "modulation_order": order, "code_rate": rate}) == text


def test_values():
    assert value_text("snr_db", -2.5) == "SNR -2.5 dB"
    assert value_text("channel", "rayleigh_block") == "block Rayleigh fading"
    assert value_text("channel", "tdl-a") == "tdl-a"
    assert value_text("sweep.link.csi", "ls") == "csi ls"
    assert value_text("cbr", "variable CBR") == "variable CBR"
