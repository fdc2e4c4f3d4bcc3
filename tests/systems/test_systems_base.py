"""Channel uses, files as bits, fallback pictures and joined receptions."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from linksim.modulation.constellations import BITS_PER_SYMBOL
from linksim.scenario.catalogue import named
from linksim.scenario.systems import ORDERS, SystemSpec
from linksim.systems import SYSTEMS
from linksim.systems.base import Reception, channel_uses
from linksim.systems.fallback import fallback_picture
from linksim.systems.source import file_bits, file_bytes, whole_bytes


@pytest.mark.parametrize(
    ("samples", "cbr", "uses"),
    [
        (3072, Fraction(1, 12), 256),
        (768 * 512 * 3, Fraction(1, 16), 73728),
        (10, Fraction(1, 4), 3),  # 2.5 goes up
        (10, Fraction(1, 5), 2),
        (14, Fraction(1, 4), 4),  # 3.5 goes up, not to even
        (10, Fraction(249, 1000), 2),
        (1, Fraction(1, 3), 0),
    ],
)
def test_channel_uses_round_half_up(samples, cbr, uses):
    assert channel_uses(samples, cbr) == uses


def test_file_bits_are_most_significant_first_and_zero_padded():
    bits = file_bits(b"\x80\x05", 20)
    assert bits.dtype == np.uint8
    assert bits.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]


def test_file_bytes_undoes_file_bits():
    data = np.random.default_rng(1).bytes(100)
    assert file_bytes(file_bits(data, 813), 100) == data
    assert file_bytes(file_bits(data, 800), 37) == data[:37]
    assert file_bits(b"", 5).tolist() == [0] * 5
    assert file_bytes(file_bits(b"", 5), 0) == b""


@pytest.mark.parametrize(("bits", "count"), [(0, 0), (7, 0), (8, 1), (15.99, 1), (16.0, 2), (304, 38)])
def test_whole_bytes(bits, count):
    assert whole_bytes(bits) == count


def test_fallback_is_mid_grey_unless_told_otherwise():
    assert fallback_picture((2, 3, 3)).tolist() == [[[128] * 3] * 3] * 2
    assert fallback_picture((2, 3, 1)).tolist() == [[[128]] * 3] * 2


def test_mean_colour_and_its_luma():
    """BT.601: 0.299·200 + 0.587·100 + 0.114·50 = 124.2."""
    colour = fallback_picture((4, 5, 3), (200, 100, 50))
    assert (colour.dtype, colour.shape) == (np.uint8, (4, 5, 3))
    assert np.unique(colour.reshape(-1, 3), axis=0).tolist() == [[200, 100, 50]]
    grey = fallback_picture((4, 5, 1), (200, 100, 50))
    assert (grey.shape, np.unique(grey).tolist()) == ((4, 5, 1), [124])


def test_receptions_join_in_order():
    parts = [
        Reception.without_channel(
            np.full((count, 2, 2, 1), count, np.uint8), ["delivered"] * count, [count] * count
        )
        for count in (1, 2)
    ]
    joined = Reception.join(parts)
    assert joined.pictures[:, 0, 0, 0].tolist() == [1, 2, 2]
    assert joined.outcomes == ("delivered",) * 3
    assert joined.channel_uses.tolist() == [1, 2, 2]
    assert joined.symbols.tolist() == [0, 0, 0]
    assert np.isnan(joined.power).all()


def test_joined_classes():
    """None where no part names classes; −1 for the pictures of a part that names none."""
    silent = Reception.without_channel(np.zeros((2, 2, 2, 3), np.uint8), ["codec_infeasible"] * 2, [8, 8])
    assert silent.classes is None
    assert Reception.join([silent, silent]).classes is None
    naming = replace(silent, classes=np.array([4, -1]))
    assert Reception.join([naming, silent, naming]).classes.tolist() == [4, -1, -1, -1, 4, -1]


def test_schema_and_registry_name_the_same_systems():
    assert set(SYSTEMS) == set(named(SystemSpec, "type"))


def test_the_schema_knows_every_modulation_order():
    assert ORDERS == BITS_PER_SYMBOL
