"""Axis labels and values as text."""

import pytest

from linksim.report.labels import AXIS_LABELS, axis_label, cbr_text, value_text
from linksim.report.table import NUMBER_COLUMNS


def test_every_number_column_has_an_axis_label():
    assert set(AXIS_LABELS) == set(NUMBER_COLUMNS)


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
    assert cbr_text(cbr) == text


def test_values():
    assert value_text("snr_db", -2.5) == "SNR -2.5 dB"
    assert value_text("channel", "rayleigh_block") == "block Rayleigh fading"
    assert value_text("channel", "tdl-a") == "tdl-a"
    assert value_text("sweep.link.csi", "ls") == "csi ls"
    assert value_text("cbr", "variable CBR") == "variable CBR"
