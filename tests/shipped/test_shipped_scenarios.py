"""The shipped scenarios, run whole: cliffs, envelopes and bounds are where theory has them."""

from itertools import pairwise

import pytest

from linksim.cli import main
from linksim.report.quality import cliffs, gaps
from linksim.report.table import read_results

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows_of(tmp_path_factory):
    """Run a shipped scenario once and read its results."""
    done = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name.replace("/", "-"))
            assert main(["run", f"scenarios/{name}.yaml", "--out", str(folder)]) == 0
            done[name] = read_results(folder / "results.csv")
        return done[name]

    return run


def test_every_mcs_is_flat_above_its_threshold_and_falls_within_1_5_db(rows_of):
    rows = rows_of("photos_awgn")
    found = cliffs(rows, "BPG + 5G LDPC", 0.0625)
    assert len(found) == 29
    assert max(cliff.width_db for cliff in found) <= 1.5
    assert max(cliff.ripple_db for cliff in found) == 0.0
    thresholds = [cliff.threshold_db for cliff in found]
    # MCSs 9 and 10, 16 and 17 of the table carry nearly the same rate with different modulations.
    assert all(later >= earlier - 0.5 for earlier, later in pairwise(thresholds))


def test_below_its_threshold_an_mcs_shows_the_fallback(rows_of):
    rows = [row for row in rows_of("photos_awgn") if ":" not in row["mcs"]]
    lost = {row["psnr_db"] for row in rows if row["bler"] == 1}
    assert len(lost) == 1
    assert all(row["psnr_delivered_db"] is None for row in rows if row["bler"] == 1)


def test_the_envelope_is_a_staircase_below_the_bounds_and_near_them(rows_of):
    rows = rows_of("photos_awgn")
    envelope = [row["psnr_db"] for row in rows if row["mcs"].startswith("envelope:")]
    assert envelope == sorted(envelope)
    found = {gap.bound: gap for gap in gaps(rows)}
    assert all(gap.excess_db <= 0.05 for gap in found.values())
    assert found["BPG at capacity (BICM)"].mean_db <= 2.0
    assert found["BPG at capacity (BICM)"].mean_db <= found["BPG at capacity (Gaussian)"].mean_db


def test_link_adaptation_keeps_to_its_target_or_says_outage(rows_of):
    """Calibrated by blocks at every SNR; by Sionna's tables at most, which are coarser than a waterfall."""
    rows = [row for row in rows_of("threshold_nr") if row["mcs"].startswith("threshold:")]
    measured, tabled = (
        [row for row in rows if row["system"] == label]
        for label in ("calibration by 200 blocks", "Sionna's tables")
    )
    sending = [row for row in measured if row["mcs"] != "threshold:none"]
    assert all(row["bler"] <= 0.1 for row in sending)
    assert [row["throughput"] for row in sending] == sorted(row["throughput"] for row in sending)
    assert {row["snr_db"] for row in measured} - {row["snr_db"] for row in sending} == {
        row["snr_db"] for row in measured if row["channel_outage"] == 336
    }
    kept = [row["bler"] <= 0.1 for row in tabled if row["bler"] is not None]
    assert sum(kept) >= 0.8 * len(kept)


def test_small_pictures_say_that_no_file_fits(rows_of):
    rows = rows_of("cifar_awgn")
    alone = [row for row in rows if row["system"] == "BPG + 5G LDPC" and row["cbr"] < 0.1]
    low = [row for row in alone if row["mcs"] == "pdsch-1/4"]
    assert low
    assert all(row["codec_infeasible"] == 512 for row in low)
    assert all(row["delivered"] + row["channel_outage"] + row["codec_infeasible"] == 512 for row in rows)
    mosaics = [row for row in rows if "mosaics" in row["system"] and row["mcs"].startswith("envelope:")]
    assert any(row["delivered"] == 512 for row in mosaics)


def test_802_11ad_falls_off_its_cliffs_behind_5g_at_equal_rate(rows_of):
    """DeepJSCC-Q, Fig. 5: one curve per MCS; codewords of 672 bits need more SNR than long code blocks."""
    rows = rows_of("papers/deepjscc_q_baseline")
    wifi = {cliff.mcs: cliff for cliff in cliffs(rows, "BPG + IEEE 802.11ad LDPC", 0.0625)}
    nr = {cliff.mcs: cliff for cliff in cliffs(rows, "BPG + 5G LDPC at equal rate", 0.0625)}
    assert set(wifi) == {f"wifi-ad/{index}" for index in (4, 6, 8, 10, 12, 14)}
    assert max(cliff.width_db for cliff in (*wifi.values(), *nr.values())) <= 2.0
    assert max(cliff.ripple_db for cliff in (*wifi.values(), *nr.values())) == 0.0
    for ours, theirs in ((4, 7), (6, 11), (8, 13), (10, 19), (12, 19), (14, 24)):
        slow, fast = wifi[f"wifi-ad/{ours}"], nr[f"pdsch-1/{theirs}"]
        assert slow.threshold_db >= fast.threshold_db + 0.5
        assert abs(slow.plateau_db - fast.plateau_db) < 0.5


def test_the_quickstart_delivers_better_pictures_with_bpg_than_with_jpeg(rows_of):
    rows = [row for row in rows_of("quickstart") if row["mcs"].startswith("envelope:")]
    bpg = {row["snr_db"]: row["psnr_db"] for row in rows if row["system"].startswith("BPG")}
    jpeg = {row["snr_db"]: row["psnr_db"] for row in rows if row["system"].startswith("JPEG")}
    assert bpg.keys() == jpeg.keys()
    assert all(bpg[snr_db] > jpeg[snr_db] + 2 for snr_db in bpg)
