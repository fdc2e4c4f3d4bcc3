"""Bits, Exp-Golomb codes (H.265, table 9-2) and emulation prevention."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linksim.codecs.base import DecodeError
from linksim.codecs.bitstream import BitReader, BitWriter, escape, split_nal_units, unescape
from linksim.codecs.bpg_container import read_number, write_number


@pytest.mark.parametrize(
    ("value", "code"), [(0, "1"), (1, "010"), (2, "011"), (3, "00100"), (6, "00111"), (7, "0001000")]
)
def test_exp_golomb_codes_of_the_standard(value, code):
    writer = BitWriter()
    writer.ue(value)
    assert writer.bytes() == int(code.ljust(8, "0"), 2).to_bytes(1, "big")
    assert BitReader(writer.bytes()).ue() == value


@given(st.lists(st.tuples(st.integers(0, 2**31 - 2), st.integers(0, 255), st.booleans())))
def test_reader_reads_what_the_writer_wrote(values):
    writer = BitWriter()
    for number, byte, flag in values:
        writer.ue(number)
        writer.u(8, byte)
        writer.flag(flag)
    reader = BitReader(writer.bytes())
    assert [(reader.ue(), reader.u(8), reader.flag()) for _ in values] == values


@pytest.mark.parametrize("data", [b"", b"\x00", bytes(40)])
def test_reader_refuses_the_end_and_the_impossible(data):
    with pytest.raises(DecodeError):
        BitReader(data).ue()


def test_writer_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="does not fit"):
        BitWriter().u(3, 8)


@pytest.mark.parametrize(
    ("payload", "escaped"),
    [
        ("000000", "00000300"),
        ("000001", "00000301"),
        ("000003", "00000303"),
        ("000004", "000004"),
        ("0000000000", "00000300000300"),
        ("00000000", "0000030000"),
        ("0100000201", "010000030201"),
        ("0000", "0000"),
    ],
)
def test_emulation_prevention_by_hand(payload, escaped):
    assert escape(bytes.fromhex(payload)).hex() == escaped


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255])).map(bytes))
def test_emulation_prevention_round_trip(payload):
    escaped = escape(payload)
    assert unescape(escaped) == payload
    assert not any(code in escaped for code in (b"\x00\x00\x00", b"\x00\x00\x01", b"\x00\x00\x02"))


def test_nal_units_behind_start_codes_of_both_lengths():
    stream = bytes.fromhex("00000001 4001aa 000001 4201bb00 00000001 2801cc")
    assert [unit.hex() for unit in split_nal_units(stream)] == ["4001aa", "4201bb", "2801cc"]


@pytest.mark.parametrize(
    ("value", "code"), [(0, "00"), (127, "7f"), (128, "8100"), (451, "8343"), (16384, "818000")]
)
def test_base_128_numbers(value, code):
    assert write_number(value).hex() == code
    assert read_number(bytes.fromhex(code), 0) == (value, len(code) // 2)


@pytest.mark.parametrize("code", ["", "80", "8001", "81", "ffffffffff7f"])
def test_damaged_base_128_numbers(code):
    with pytest.raises(DecodeError):
        read_number(bytes.fromhex(code), 0)
