"""Cyclic redundancy checks: against Sionna's, long division and known words; the errors they must find."""

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.fec.crc import CRCEncoder

from linksim.phy.crc import CRC16, CRC24A, CRC24B, CRC32, append, check

# Exponents of the generators: TS 38.212 clause 5.1, IEEE 802.3 clause 3.2.9.
GENERATORS = {
    CRC16: (16, 12, 5, 0),
    CRC24A: (24, 23, 18, 17, 14, 11, 10, 7, 6, 5, 4, 3, 1, 0),
    CRC24B: (24, 23, 6, 5, 1, 0),
    CRC32: (32, 26, 23, 22, 16, 12, 11, 10, 8, 7, 5, 4, 2, 1, 0),
}
CRCS = pytest.mark.parametrize("crc", GENERATORS, ids=["CRC16", "CRC24A", "CRC24B", "CRC32"])


def random_bits(*shape, seed=1):
    return np.random.default_rng(seed).integers(0, 2, shape, np.uint8)


def division(bits, exponents):
    """Remainder of the bits' polynomial times D^L on division by the generator, on paper."""
    length = exponents[0]
    rest = [*bits, *[0] * length]
    for place in range(len(bits)):
        if rest[place]:
            for exponent in exponents:
                rest[place + length - exponent] ^= 1
    return rest[len(bits) :]


@CRCS
@pytest.mark.parametrize("k", [1, 7, 16, 33, 200])
def test_check_bits_are_the_remainder_of_the_division_by_the_generator(crc, k):
    bits = random_bits(5, k)
    words = append(bits, crc)
    assert words.dtype == np.uint8
    np.testing.assert_array_equal(words[:, :k], bits)
    np.testing.assert_array_equal(words[:, k:], [division(row.tolist(), GENERATORS[crc]) for row in bits])


@pytest.mark.parametrize(("crc", "name"), [(CRC16, "CRC16"), (CRC24A, "CRC24A"), (CRC24B, "CRC24B")])
@pytest.mark.parametrize("k", [1, 24, 100, 8424])
def test_words_are_those_of_sionna(crc, name, k):
    bits = random_bits(4, k)
    np.testing.assert_array_equal(append(bits, crc), CRCEncoder(name)(tf.constant(bits, tf.float32)))


def test_crc_32_of_the_usual_digits():
    """CRC-32/CKSUM is ours inverted; its catalogued check value is 0x765E7680."""
    digits = np.unpackbits(np.frombuffer(b"123456789", np.uint8))[None]
    remainder = np.packbits(append(digits, CRC32)[0, 72:]).tobytes()
    assert remainder.hex() == f"{0x765E7680 ^ 0xFFFFFFFF:08x}"


def test_crc_16_of_the_usual_digits():
    """CRC-16/XMODEM: the same polynomial, from zero, not reflected; its catalogued check value is 0x31C3."""
    digits = np.unpackbits(np.frombuffer(b"123456789", np.uint8))[None]
    assert np.packbits(append(digits, CRC16)[0, 72:]).tobytes().hex() == "31c3"


def test_remainders_of_zeros_and_of_a_single_one():
    """Nothing has no remainder; the last bit alone leaves the generator without its leading term."""
    for crc in GENERATORS:
        assert not append(np.zeros((1, 50), np.uint8), crc).any()
        one = append(np.ones((1, 1), np.uint8), crc)[0, 1:]
        assert int("".join(map(str, one.tolist())), 2) == crc.polynomial


@CRCS
def test_words_pass_and_every_single_wrong_bit_is_found(crc):
    word = append(random_bits(1, 300), crc)
    assert check(word, crc).tolist() == [True]
    wrong = word ^ np.eye(word.shape[1], dtype=np.uint8)
    assert not check(wrong, crc).any()


@CRCS
def test_every_burst_up_to_the_length_is_found(crc):
    """Bursts at every place, of every length up to L; all patterns of up to 10 bits, many of longer ones."""
    word = append(random_bits(1, 60), crc)[0]
    rng = np.random.default_rng(2)
    for length in range(2, crc.length + 1):
        if length <= 10:
            inner = np.arange(2 ** (length - 2))[:, None] >> np.arange(length - 2) & 1
        else:
            inner = rng.integers(0, 2, (256, length - 2))
        bursts = np.pad(inner.astype(np.uint8), ((0, 0), (1, 1)), constant_values=1)
        for start in range(len(word) - length + 1):
            wrong = np.repeat(word[None], len(bursts), axis=0)
            wrong[:, start : start + length] ^= bursts
            assert not check(wrong, crc).any()


def test_random_words_pass_as_often_as_chance_has_it():
    """CRC-16 over 2,000,000 words of noise: 30.5 expected, within four standard deviations (5.5)."""
    passed = check(random_bits(2_000_000, 40), CRC16).sum()
    expected = 2_000_000 / 2**16
    assert abs(passed - expected) < 4 * np.sqrt(expected)


@CRCS
def test_each_word_by_itself(crc):
    bits = random_bits(6, 90)
    words = append(bits, crc)
    words[[1, 4], 17] ^= 1
    assert check(words, crc).tolist() == [True, False, True, True, False, True]
    np.testing.assert_array_equal(append(bits[::2, ::3], crc), append(bits[::2, ::3].copy(), crc))


@CRCS
def test_no_words(crc):
    empty = np.zeros((0, 40), np.uint8)
    assert append(empty, crc).shape == (0, 40 + crc.length)
    assert check(empty, crc).shape == (0,)
