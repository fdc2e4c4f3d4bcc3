"""Numbers as people write them: exact fractions, lists and ranges without drift."""

from fractions import Fraction

import pytest
from pydantic import TypeAdapter, ValidationError

from linksim.scenario.numbers import CBRSweep, SNRSweep, as_fraction


def cbr(value):
    return TypeAdapter(CBRSweep).validate_python(value)


def snr_db(value):
    return TypeAdapter(SNRSweep).validate_python(value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1/12", Fraction(1, 12)),
        ("1 / 16", Fraction(1, 16)),
        (" 1/16 ", Fraction(1, 16)),
        ("2/24", Fraction(1, 12)),
        (0.0833, Fraction(833, 10_000)),
        ("0.0833", Fraction(833, 10_000)),
        (0.1, Fraction(1, 10)),
        (1, Fraction(1)),
        ("1e-2", Fraction(1, 100)),
        (1e-05, Fraction(1, 100_000)),
        (Fraction(1, 7), Fraction(1, 7)),
    ],
)
def test_a_fraction_is_exactly_what_is_written(written, meant):
    assert as_fraction(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        *("", "abc", "1/0", "1//2", "1/2/3", "1 6", "0x1", "nan", "inf", float("nan")),
        *(True, None, [], {}, b"1", "1e999999999", "1/" + "9" * 5000, 10**5000),
    ],
    ids=lambda written: type(written).__name__,
)
def test_what_is_no_fraction_is_refused(written):
    with pytest.raises(ValueError, match="neither a number nor a fraction"):
        as_fraction(written)


def test_one_cbr_or_a_list_of_them():
    assert cbr("1/6") == (Fraction(1, 6),)
    assert cbr(["1/6", 0.25]) == (Fraction(1, 6), Fraction(1, 4))


@pytest.mark.parametrize("value", [[], 0, "-1/6", 4.01, ["1/6", 0]])
def test_a_cbr_lies_above_zero_and_at_most_at_four(value):
    with pytest.raises(ValidationError):
        cbr(value)


def test_an_snr_is_a_number_a_list_or_a_range():
    assert snr_db(3) == (3.0,)
    assert snr_db([5, -1.5]) == (5.0, -1.5)
    assert snr_db({"from": -2, "to": 4, "step": 2}) == (-2.0, 0.0, 2.0, 4.0)


def test_a_range_has_no_point_beyond_its_end():
    assert snr_db({"from": 0, "to": 5, "step": 2}) == (0.0, 2.0, 4.0)
    assert snr_db({"from": 3, "to": 3, "step": 1}) == (3.0,)


def test_decimal_steps_do_not_drift():
    values = snr_db({"from": -1, "to": 1, "step": 0.1})
    assert values == tuple(float(f"{tenth / 10:.1f}") for tenth in range(-10, 11))
    assert len(snr_db({"from": 0, "to": 0.3, "step": 0.1})) == 4


def test_zero_has_no_sign():
    assert str(snr_db(-0.0)) == "(0.0,)"


@pytest.mark.parametrize(
    "value",
    [
        *([], None, "x", "3", True, [True], [[1]], 101, [-101], float("nan"), float("inf")),
        {"from": 1, "to": 0, "step": 1},
        {"from": 0, "to": 1, "step": 0},
        {"from": 0, "to": 1, "step": -1},
        {"from": 0, "to": 1, "step": float("inf")},
        {"from": 0, "to": 1, "step": 1e-5},
        {"from": 0, "to": 1, "step": 1e-320},
        {"from": 0, "to": 1},
        {"from": "0", "to": 1, "step": 1},
        {"from": 0, "to": 1, "step": 1, "by": 2},
        {},
    ],
    ids=str,
)
def test_what_is_no_snr_is_refused(value):
    with pytest.raises(ValidationError):
        snr_db(value)
