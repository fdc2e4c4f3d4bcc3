"""Closed forms beside measured rates, and where a block error rate crosses its target."""

import pytest

from linksim.modulation.error_rates import ber_rayleigh
from linksim.report import waterfall
from linksim.report.closed_form import closed_forms
from linksim.report.curves import interval, to_curves
from linksim.report.target import targets


def row(mcs, snr_db, order=2, rate=1.0, **values):
    return {
        "system": "a", "channel": "awgn", "mcs": mcs, "snr_db": float(snr_db), "cbr": None, "cbr_std": None,
        "modulation_order": float(order), "code_rate": rate, "bler_hi": 0.01, **values,
    }  # fmt: skip


def test_uncoded_curves_have_closed_forms_down_to_half_the_smallest_rate():
    rows = [
        row("uncoded/1", snr_db, channel="rayleigh_fast", ber=ber) for snr_db, ber in ((0, 0.2), (10, 0.02))
    ]
    curves = to_curves(rows)
    (found,) = closed_forms(curves, "snr_db", "ber")
    assert [point["snr_db"] for point in found.rows] == [i / 4 for i in range(41)]
    assert found.rows[-1]["ber"] == pytest.approx(ber_rayleigh(2, 10.0))
    assert (found.role, found.label) == ("bound", "closed form")
    rows[1]["ber"] = 0.1
    (found,) = closed_forms(to_curves(rows), "snr_db", "ber")
    assert min(point["ber"] for point in found.rows) >= 0.05


@pytest.mark.parametrize(
    ("mcs", "channel", "x", "y"),
    [
        ("pdsch-1/3", "awgn", "snr_db", "ber"),
        ("uncoded/1", "ofdm/tdl-a", "snr_db", "ber"),
        ("uncoded/1", "awgn", "ser", "ber"),
        ("uncoded/1", "awgn", "snr_db", "bler"),
    ],
)
def test_others_have_none(mcs, channel, x, y):
    rows = [row(mcs, 0, channel=channel, ber=0.1, ser=0.1, bler=0.1)]
    assert closed_forms(to_curves(rows), x, y) == []


def test_targets_are_level_lines_across_the_figure():
    curves = to_curves([row("threshold:pdsch-1/3", snr_db, bler=0.01) for snr_db in (0, 4, 10)])
    (low, high) = targets(curves, "snr_db", "bler", (0.1, 0.02, 0.1))
    assert [(point["snr_db"], point["bler"]) for point in low.rows] == [(0, 0.02), (10, 0.02)]
    assert (high.label, high.role, high.rows[0]["bler"]) == ("target 0.1", "bound", 0.1)
    assert interval(high.rows[0], "bler") is None
    assert not targets(curves, "snr_db", "ber", (0.1,))
    assert not targets(curves, "snr_db", "bler", ())


def test_blocks_of_bits_are_not_taken_for_a_variable_rate():
    (curve,) = to_curves([row("pdsch-1/3", 0, rate=0.5, bler=0.1)])
    assert curve.context == "AWGN"


def test_a_crossing_lies_on_the_line_between_logarithms():
    points = [row("pdsch-1/9", 0, bler=1.0), row("pdsch-1/9", 1, bler=0.01), row("pdsch-1/9", 2, bler=0.0)]
    assert waterfall.crossing_db(points) == pytest.approx(0.5)
    assert waterfall.crossing_db(points[1:]) is None
    # Where no block was lost, the upper limit stands for the rate.
    assert waterfall.crossing_db([points[0], points[2] | {"snr_db": 1.0}]) == pytest.approx(0.5)


def test_the_distance_is_to_the_capacity_of_the_modulation():
    """QPSK carries 1 bit at 0.19 dB at the least (BICM capacity of QPSK, 0.97 bit at 0 dB)."""
    rows = [row("pdsch-1/7", at, rate=0.5, bler=bler) for at, bler in ((1, 1.0), (2, 0.01))]
    (text,) = waterfall.describe(rows)
    assert text == (
        "a, pdsch-1/7 (QPSK, R 1/2), AWGN: BLER 0.1 at 1.50 dB, 1.31 dB from the BICM capacity (0.19 dB)"
    )
    assert waterfall.describe([row("uncoded/1", 0, bler=1.0), row("uncoded/1", 1, bler=0.0)]) == []
