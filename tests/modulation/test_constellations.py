"""Constellations against Sionna's and against the equations of TS 38.211."""

import numpy as np
import pytest

from linksim.modulation.constellations import BITS_PER_SYMBOL, bit_labels, pam, qam


@pytest.mark.parametrize("num_bits", BITS_PER_SYMBOL[1:])
def test_qam_equals_sionna(num_bits):
    from sionna.phy.mapping import Constellation

    points = Constellation("qam", num_bits, precision="double").points.numpy()
    np.testing.assert_allclose(qam(num_bits), points, rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_bits", [1, 2, 3, 6])
def test_pam_equals_sionna(num_bits):
    from sionna.phy.mapping import Constellation

    points = Constellation("pam", num_bits, precision="double").points.numpy()
    np.testing.assert_allclose(pam(num_bits), points.real, rtol=0, atol=1e-12)


def test_bpsk_is_real_with_label_0_positive():
    np.testing.assert_array_equal(qam(1), [1, -1])


def test_16qam_follows_clause_5_1_4():
    """d = ((1−2·b0)·(2−(1−2·b2)) + j·(1−2·b1)·(2−(1−2·b3))) / √10."""
    b0, b1, b2, b3 = bit_labels(4).astype(float).T
    expected = ((1 - 2 * b0) * (2 - (1 - 2 * b2)) + 1j * (1 - 2 * b1) * (2 - (1 - 2 * b3))) / np.sqrt(10)
    np.testing.assert_allclose(qam(4), expected, atol=1e-15)


@pytest.mark.parametrize("num_bits", BITS_PER_SYMBOL)
def test_unit_mean_energy_and_zero_mean(num_bits):
    assert np.mean(np.abs(qam(num_bits)) ** 2) == pytest.approx(1, abs=1e-12)
    assert abs(qam(num_bits).mean()) < 1e-12


@pytest.mark.parametrize("num_bits", BITS_PER_SYMBOL[1:5])
def test_nearest_neighbours_differ_in_one_bit(num_bits):
    points, labels = qam(num_bits), bit_labels(num_bits)
    distances = np.abs(points[:, None] - points) + np.diag(np.full(len(points), np.inf))
    first, second = np.nonzero(distances < distances.min() * 1.001)
    assert np.all(np.sum(labels[first] != labels[second], axis=1) == 1)


def test_labels_are_binary_numbers_most_significant_bit_first():
    np.testing.assert_array_equal(bit_labels(3)[6], [1, 1, 0])
    assert bit_labels(12).shape == (4096, 12)
    assert bit_labels(12).dtype == np.uint8


@pytest.mark.parametrize("num_bits", [0, 3, 14, 2.5])
def test_unknown_constellations_are_refused(num_bits):
    with pytest.raises(ValueError, match="bits per symbol"):
        qam(num_bits)


def test_cached_arrays_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        qam(4)[0] = 0
