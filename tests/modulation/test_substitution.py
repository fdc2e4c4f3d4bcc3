"""Closed forms of the real and the substitute process against simulation, integrals and limits."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr

from linksim.modulation.constellations import qam
from linksim.modulation.substitution import (
    SQUARE_ORDERS,
    compare,
    gaussian_samples,
    half_spacing,
    levels,
    received_density,
    received_pmf,
    sent_density,
    sent_pmf,
)


@pytest.fixture(scope="module")
def gaussian():
    return gaussian_samples(20_000)


@pytest.fixture(scope="module")
def skewed():
    """An uneven law, of which 6% lie beyond the limits at the top and none at the bottom."""
    return np.random.default_rng(3).gamma(2.0, 0.45, 5_000) - 0.8


@pytest.mark.parametrize("num_bits", SQUARE_ORDERS)
def test_levels_are_those_of_the_constellation(num_bits):
    grid, half = levels(num_bits), half_spacing(num_bits)
    np.testing.assert_allclose(np.unique(qam(num_bits).real.round(12)), grid, atol=1e-12)
    np.testing.assert_allclose(np.diff(grid), 2 * half)
    assert grid[-1] == pytest.approx((2 ** (num_bits // 2) - 1) * half)


@pytest.mark.parametrize("num_bits", [1, 3, 14])
def test_orders_without_a_grid_are_refused(num_bits):
    with pytest.raises(ValueError, match="no square constellation"):
        levels(num_bits)


@pytest.mark.parametrize("law", ["gaussian", "skewed"])
@pytest.mark.parametrize(("num_bits", "snr_db"), [(2, 5.0), (4, 10.0), (6, 10.0), (6, 18.0), (10, 18.0)])
def test_simulation_agrees_within_five_standard_errors(num_bits, snr_db, law, request):
    """Both processes step by step, their shares at the levels and within d/10 of them."""
    samples, count = request.getfixturevalue(law), 2_000_000
    grid, half = levels(num_bits), half_spacing(num_bits)
    rng = np.random.default_rng(1)
    s = np.clip(rng.choice(samples, count), grid[0], grid[-1])
    noise = rng.normal(size=count) * np.sqrt(0.5 * 10 ** (-snr_db / 10))

    def nearest(values):
        return np.abs(values[:, None] - grid).argmin(axis=1) if len(grid) < 9 else _rounded(values, grid)

    def shares(numbers):
        return np.bincount(numbers, minlength=len(grid)) / count

    def agree(measured, expected):
        error = np.sqrt(np.maximum(expected * (1 - expected), 1 / count) / count)
        assert np.all(np.abs(measured - expected) < 5 * error)

    sent = nearest(s)
    agree(shares(sent), sent_pmf(samples, num_bits))
    agree(shares(nearest(grid[sent] + noise)), received_pmf(samples, num_bits, snr_db))
    relaxed = s + rng.uniform(-half, half, count)
    received = relaxed + noise + rng.uniform(-half, half, count)
    width = half / 5
    for values, density in [
        (relaxed, lambda at: sent_density(samples, num_bits, at)),
        (received, lambda at: received_density(samples, num_bits, snr_db, at)),
    ]:
        ordered = np.sort(values)
        measured = np.searchsorted(ordered, grid + width / 2) - np.searchsorted(ordered, grid - width / 2)
        places = grid[:, None] + width * (np.arange(9) - 4) / 9  # the mean over each cell, by midpoints
        expected = density(places.ravel()).reshape(places.shape).mean(axis=1) * width
        agree(measured / count, expected)


def _rounded(values, grid):
    return np.clip(np.rint((values - grid[0]) / (grid[1] - grid[0])), 0, len(grid) - 1).astype(int)


@pytest.mark.parametrize("num_bits", SQUARE_ORDERS)
@pytest.mark.parametrize("snr_db", [-100.0, 0.0, 18.0, 100.0])
def test_probabilities_sum_to_one(num_bits, snr_db, skewed):
    pmf = received_pmf(skewed, num_bits, snr_db)
    assert np.all(pmf >= 0)
    assert pmf.sum() == pytest.approx(1, abs=1e-12)
    assert sent_pmf(skewed, num_bits).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("num_bits", "snr_db"), [(2, 0.0), (4, 10.0), (6, 18.0), (8, 30.0)])
def test_densities_integrate_to_one(num_bits, snr_db, skewed):
    """By midpoints over steps of 1/20 of the narrower of noise and cell; what is sent ends at √M·d."""
    half, deviation = half_spacing(num_bits), np.sqrt(0.5) * 10 ** (-snr_db / 20)
    end = levels(num_bits)[-1] + 2 * half + 9 * deviation
    count = int(2 * end / min(half, deviation) * 20)
    places = (np.arange(count) + 0.5) * 2 * end / count - end
    few = skewed[:200]
    total = received_density(few, num_bits, snr_db, places).sum() * 2 * end / count
    assert total == pytest.approx(1, abs=1e-6)
    sent = sent_density(few, num_bits, places)
    assert sent.sum() * 2 * end / count == pytest.approx(1, abs=1e-2)
    assert np.all(sent[np.abs(places) > levels(num_bits)[-1] + half] == 0)


@pytest.mark.parametrize(("num_bits", "snr_db"), [(2, 3.0), (4, 12.0), (6, 25.0)])
def test_the_density_is_the_integral_of_the_paper(num_bits, snr_db):
    """Equation (16) for a single sample: noise averaged over (u − d, u + d), then over s + U(−d, d)."""
    half, deviation = half_spacing(num_bits), np.sqrt(0.5) * 10 ** (-snr_db / 20)
    sample = 0.3 * levels(num_bits)[-1]

    def triangle(error, place):
        weight = max(2 * half - abs(place - sample - error), 0) / (2 * half) ** 2
        return weight * np.exp(-((error / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))

    places = levels(num_bits)
    found = received_density([sample], num_bits, snr_db, places)
    for place, density in zip(places, found):
        corners = [place - sample + shift * half for shift in (-2, 0, 2)]
        expected = quad(triangle, corners[0], corners[2], args=(place,), points=corners[1:2])[0]
        assert density == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_what_is_sent_is_the_same_at_the_levels(gaussian, skewed):
    """P(ŝ = g) = 2d·p(ô = g), at the edges too."""
    for samples in (gaussian, skewed):
        for num_bits in SQUARE_ORDERS:
            sent = compare(samples, num_bits, None)
            np.testing.assert_allclose(sent.substitute, sent.real, atol=1e-12)
            assert sent.distance == pytest.approx(0, abs=1e-12)


def test_noise_in_place_of_rounding_adds_its_share_of_power(gaussian):
    """1/(M − 1) for a symbol: half of it in a real dimension."""
    for num_bits in (2, 6):
        half, limit = half_spacing(num_bits), levels(num_bits)[-1]
        places = np.linspace(-limit - half, limit + half, 40_001)
        density = sent_density(gaussian, num_bits, places)
        power = np.sum(density * places**2) * (places[1] - places[0])
        added = power - np.mean(np.clip(gaussian, -limit, limit) ** 2)
        assert added == pytest.approx(0.5 / (2**num_bits - 1), rel=1e-2)


def test_inner_levels_agree_better_with_more_levels(gaussian):
    for snr_db in (10.0, 18.0):
        distances = [compare(gaussian, num_bits, snr_db).inner for num_bits in (6, 8, 10)]
        assert distances[0] > 2 * distances[1] > 4 * distances[2]


def test_all_levels_agree_better_with_more_levels_when_nothing_is_clipped():
    """A law that fades out before the outermost levels of every order."""
    samples = 0.2 * gaussian_samples(20_000) / np.sqrt(0.5)
    distances = [compare(samples, num_bits, 25.0).distance for num_bits in (6, 8, 10, 12)]
    assert np.all(np.diff(distances) < 0)
    assert distances[-1] < distances[0] / 20


def test_the_edges_differ_however_many_levels_there_are(gaussian):
    """Detection keeps at the edges what noise takes beyond their cells; the difference is its probability."""
    differences = [compare(gaussian, num_bits, 10.0).edges for num_bits in (6, 8, 10, 12)]
    assert np.all(np.diff(differences) < 0)
    limit = levels(12)[-1]
    away = limit + half_spacing(12) - np.clip(gaussian, -limit, limit)
    beyond = 2 * np.mean(ndtr(-away / np.sqrt(0.05)))  # at both ends, of a law that is even
    assert differences[-1] == pytest.approx(-beyond, rel=1e-2)


def test_the_substitute_loses_at_4qam_what_lies_beyond(gaussian):
    """There are two levels, both outermost, and for an even law the scaled substitute is right."""
    compared = compare(gaussian, 2, 5.0)
    assert compared.inner is None
    assert compared.edges == pytest.approx(compared.mass - 1)
    assert compared.distance == pytest.approx(0, abs=1e-9)


def test_measures_by_hand():
    compared = compare(
        [0.0], 4, 100.0
    )  # between the two inner levels: rounded up, or half of a triangle each
    np.testing.assert_allclose(compared.real, [0, 0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(compared.substitute, [0, 0.5, 0.5, 0], atol=1e-4)
    assert compared.inner == pytest.approx(0.5, abs=1e-4)
    assert compared.edges == pytest.approx(0, abs=1e-4)
    assert compared.distance == pytest.approx(0.5, abs=1e-4)
