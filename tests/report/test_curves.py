"""How rows become curves, and what the curves are called."""

from linksim.report.curves import BOUND, MAIN, SINGLE, to_curves
from linksim.report.table import read_results


def curves_of(write_results, rows, x="snr_db"):
    return to_curves(read_results(write_results(rows)), x)


def test_envelope_is_one_curve_in_order_of_snr_above_its_single_mcss(
    write_results, separate_chain, capacity_bound
):
    rows = separate_chain("BPG", [20.0, 0.0, 10.0]) + capacity_bound("bound", [0.0, 10.0])
    curves = curves_of(write_results, rows)
    assert [curve.role for curve in curves] == [MAIN, *[SINGLE] * 29, BOUND]
    assert (curves[0].label, curves[0].mcs) == ("BPG", "envelope")
    assert [row["snr_db"] for row in curves[0].rows] == [0.0, 10.0, 20.0]
    assert len({row["mcs"] for row in curves[0].rows}) == 3
    assert [curve.mcs for curve in curves[1:30]] == [f"pdsch-1/{index}" for index in range(29)]
    assert {curve.label for curve in curves[1:30]} == {"single MCSs (pdsch-1/0 … 28)"}
    assert [curve.tag for curve in curves[1:30]] == [str(index) for index in range(29)]
    assert {curve.context for curve in curves} == {"AWGN, CBR 1/16"}


def test_no_mcs_reaching_the_target_stays_on_the_threshold_curve(write_results, point):
    rows = [point("s", 0, 13, mcs="threshold:none"), point("s", 5, 30, mcs="threshold:pdsch-1/4")]
    (curve,) = curves_of(write_results, rows)
    assert (curve.role, curve.mcs, len(curve.rows)) == (MAIN, "threshold", 2)


def test_labels_say_what_differs_and_the_context_what_does_not(write_results, point):
    rows = [point("s", snr, 20, cbr=cbr) for cbr in (1 / 12, 1 / 6) for snr in (0, 5)]
    curves = curves_of(write_results, rows)
    assert [curve.label for curve in curves] == ["s, CBR 1/12", "s, CBR 1/6"]
    assert curves[0].context == "AWGN"
    curves = curves_of(write_results, [point("s", 0, 20, channel=c) for c in ("awgn", "rayleigh_fast")])
    assert [curve.label for curve in curves] == ["s, AWGN", "s, fast Rayleigh fading"]
    assert curves[0].context == "CBR 1/16"


def test_along_another_column_the_snr_tells_curves_apart(write_results, point):
    rows = [point("s", snr, 20, cbr=cbr) for cbr in (1 / 6, 1 / 12) for snr in (0, 5)]
    curves = curves_of(write_results, rows, "cbr")
    assert [curve.label for curve in curves] == ["s, SNR 0 dB", "s, SNR 5 dB"]
    assert [row["cbr"] for row in curves[0].rows] == [0.0833, 0.1667]


def test_a_swept_bandwidth_is_named_once(write_results, point):
    rows = [point("s", 0, 20, cbr=cbr) | {"sweep.bandwidth.cbr": cbr} for cbr in (1 / 6, 1 / 12)]
    assert [curve.label for curve in curves_of(write_results, rows)] == ["s, CBR 1/6", "s, CBR 1/12"]
    assert len(curves_of(write_results, rows, "cbr")) == 1
    assert len(curves_of(write_results, rows, "sweep.bandwidth.cbr")) == 1


def test_a_variable_rate_system_is_one_curve(write_results, point):
    rows = [point("NTSCC", snr, 30, cbr=0.05 + snr / 1000, cbr_std=0.01) for snr in (0, 5, 10)]
    (curve,) = curves_of(write_results, rows)
    assert (curve.label, curve.context, len(curve.rows)) == ("NTSCC", "AWGN, variable CBR", 3)


def test_few_mcss_without_a_policy_are_curves_of_their_own(write_results, point):
    rows = [point("code", snr, 20, mcs=f"wifi-ad/{index}") for index in (10, 9) for snr in (0, 5)]
    curves = curves_of(write_results, rows)
    assert [(curve.role, curve.label) for curve in curves] == [
        (MAIN, "code, wifi-ad/9"),
        (MAIN, "code, wifi-ad/10"),
    ]


def test_few_mcss_are_called_by_modulation_and_code_rate(write_results, point):
    def rows(mcs, **more):
        return [point("code", snr, 20, mcs=mcs, modulation_order=4, code_rate=0.75, **more) for snr in (0, 5)]

    (alone,) = curves_of(write_results, rows("wifi-ad/10"))
    assert (alone.role, alone.label) == (MAIN, "code, 16QAM, R 3/4")
    led, single = curves_of(write_results, rows("envelope:wifi-ad/10") + rows("wifi-ad/10"))
    assert (led.role, led.tag) == (MAIN, "")
    assert (single.role, single.tag) == (SINGLE, "16QAM, R 3/4")


def test_many_mcss_without_a_policy_are_a_family(write_results, point):
    rows = [point("code", 0, 20, mcs=f"pdsch-2/{index}") for index in range(3, 28)]
    curves = curves_of(write_results, rows)
    assert {(curve.role, curve.label) for curve in curves} == {(SINGLE, "code, pdsch-2/3 … 27")}


def test_no_rows_no_curves():
    assert to_curves([]) == []
