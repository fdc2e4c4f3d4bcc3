"""Thresholds, cliffs and distances of curves whose distance is known by construction."""

import pytest

from linksim.report.curves import to_curves
from linksim.report.quality import cliffs, describe, gaps, reach_db, steepest_step

SNRS_DB = [0.5 * i for i in range(-4, 41)]
THRESHOLDS_DB = {3: 1.0, 9: 4.5, 15: 9.0, 24: 15.5}


def row(system, snr_db, psnr_db, mcs, bler):
    return {
        "system": system, "channel": "awgn", "snr_db": snr_db, "cbr": 0.0625, "cbr_std": 0.0, "mcs": mcs,
        "psnr_db": psnr_db, "bler": bler,
    }  # fmt: skip


def bound_db(snr_db):
    return 20.0 + snr_db


@pytest.fixture
def rows():
    """MCSs that reach at their threshold what the bound reaches 1.25 dB earlier, half lost one step below."""
    found = []
    for snr_db in SNRS_DB:
        best = (10.0, 3)
        for index, threshold_db in THRESHOLDS_DB.items():
            lost = 0.0 if snr_db >= threshold_db else 0.5 if snr_db == threshold_db - 0.5 else 1.0
            psnr_db = lost * 10.0 + (1 - lost) * bound_db(threshold_db - 1.25)
            found.append(row("chain", snr_db, psnr_db, f"pdsch-1/{index}", lost))
            best = max(best, (psnr_db, index))
        found.append(row("chain", snr_db, best[0], f"envelope:pdsch-1/{best[1]}", 0.0))
        found.append(row("ideal", snr_db, bound_db(snr_db), "bound:bicm", None))
    return found


def test_cliffs_are_found_where_they_were_put(rows):
    found = cliffs(rows, "chain", 0.0625)
    assert [(cliff.mcs, cliff.threshold_db) for cliff in found] == [
        (f"pdsch-1/{index}", threshold_db) for index, threshold_db in THRESHOLDS_DB.items()
    ]
    assert all(cliff.width_db == 1.0 and cliff.ripple_db == 0.0 for cliff in found)
    assert found[0].plateau_db == bound_db(1.0 - 1.25)


def test_an_mcs_without_both_sides_of_its_cliff_has_none(rows):
    above = [entry for entry in rows if entry["snr_db"] >= 3]
    assert [cliff.mcs for cliff in cliffs(above, "chain", 0.0625)] == [
        "pdsch-1/9",
        "pdsch-1/15",
        "pdsch-1/24",
    ]


def test_gap_at_a_threshold_is_the_distance_put_in(rows):
    (gap,) = gaps(rows)
    at = dict(zip(gap.snr_db, gap.gap_db))
    assert (gap.snr_db[0], gap.snr_db[-1]) == (1.0, 15.5)
    assert all(at[threshold_db] == pytest.approx(1.25) for threshold_db in THRESHOLDS_DB.values())
    # On a tread of the staircase the distance grows with the SNR.
    assert at[4.0] > at[1.0]


def test_excess_is_the_largest_psnr_above_the_bound(rows):
    (gap,) = gaps(rows)
    assert gap.excess_db == pytest.approx(-1.25)


def test_a_bound_that_is_passed_is_no_bound_of_the_chain(rows):
    lowered = [
        entry | {"psnr_db": entry["psnr_db"] - 3} if entry["system"] == "ideal" else entry for entry in rows
    ]
    assert gaps(lowered) == []


def test_reach_interpolates_and_knows_its_ends():
    curve = [{"snr_db": 0.0, "psnr_db": 20.0}, {"snr_db": 2.0, "psnr_db": 24.0}]
    assert reach_db(curve, 21.0) == 0.5
    assert reach_db(curve, 24.5) is None
    assert reach_db(curve, 19.5) is None


def test_description_states_the_figures(rows):
    first, second = describe(rows)
    assert first.startswith("chain, CBR 0.0625: 4 MCSs")
    assert "thresholds 1 to 15.5 dB, widest cliff 1 dB" in first
    assert second.startswith("  from ideal: ")
    assert "-1.250 dB of PSNR above it" in second


def test_pruned_mcss_are_not_drawn_beside_their_envelope(rows):
    complete = to_curves(rows)
    assert sum(curve.role == "single" for curve in complete) == 4
    pruned = [entry for entry in rows if not (entry["mcs"] == "pdsch-1/3" and entry["snr_db"] > 5)]
    assert [curve.mcs for curve in to_curves(pruned)] == ["envelope", "bound:bicm"]


def test_a_learned_system_is_described_by_its_steepest_step():
    rows = [
        row("net", snr_db, psnr_db, "weights:a", None) for snr_db, psnr_db in ((0, 20), (2, 22.5), (4, 23))
    ]
    assert steepest_step(rows) == (1.25, 0, 2)
    (text,) = describe(rows)
    assert "at most 1.25 dB of PSNR per dB of SNR (0 to 2 dB)" in text
