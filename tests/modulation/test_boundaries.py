"""SNR boundaries against the paper, the error rates in closed form and a count of wrong symbols."""

import numpy as np
import pytest

from linksim.modulation.boundaries import order_at, snr_boundaries_db
from linksim.modulation.constellations import qam
from linksim.modulation.error_rates import ser_awgn

ORDERS = (1, 2, 4, 6, 8)


def test_the_boundaries_of_the_paper():
    """uJSCC, section IV: 4QAM from 4.3 dB, 16QAM from 12.2, 64QAM from 18.8, 256QAM from 25.0, at 0.1."""
    np.testing.assert_allclose(snr_boundaries_db(ORDERS, 0.1), [4.3, 12.2, 18.8, 25.0], atol=0.05)


def test_the_boundary_of_4qam_in_closed_form():
    """1 − (1 − Q(√γ))² = 0.19 where Q(√γ) = 0.1, which is at γ = 1.28155²."""
    (boundary_db,) = snr_boundaries_db((1, 2), 0.19)
    assert boundary_db == pytest.approx(20 * np.log10(1.2815515655), abs=1e-6)


@pytest.mark.parametrize("target_ser", [0.3, 0.1, 0.01, 1e-6])
def test_the_error_rate_at_a_boundary_is_the_target(target_ser):
    boundaries_db = snr_boundaries_db(ORDERS, target_ser)
    rates = [ser_awgn(order, snr_db) for order, snr_db in zip(ORDERS[1:], boundaries_db)]
    np.testing.assert_allclose(rates, target_ser, rtol=1e-6)
    assert list(boundaries_db) == sorted(boundaries_db)


@pytest.mark.parametrize("order", ORDERS[1:])
def test_so_many_symbols_are_wrong_at_a_boundary(order):
    """Nearest of all points in noise of variance 1/SNR: a share of 0.1 within three standard errors."""
    (boundary_db,) = snr_boundaries_db((1, order), 0.1)
    rng, points, count = np.random.default_rng(order), qam(order), 40_000
    sent = rng.integers(len(points), size=count)
    noise = rng.normal(size=(count, 2)) @ [1, 1j] * np.sqrt(0.5 * 10 ** (-boundary_db / 10))
    received = points[sent] + noise
    detected = np.concatenate(
        [np.argmin(np.abs(part[:, None] - points), axis=1) for part in np.array_split(received, 20)]
    )
    assert abs(np.mean(detected != sent) - 0.1) < 3 * np.sqrt(0.1 * 0.9 / count)


def test_a_boundary_does_not_depend_on_the_other_orders():
    """One fewer than the orders: the first one is used from the lowest SNR on."""
    whole = snr_boundaries_db(ORDERS, 0.1)
    assert snr_boundaries_db((1, 4, 8), 0.1) == (whole[1], whole[3])
    assert snr_boundaries_db((8,), 0.1) == ()


@pytest.mark.parametrize("target_ser", [0, -0.1, 0.5, 1, float("nan")])
def test_refuses_targets_that_are_no_error_rates(target_ser):
    with pytest.raises(ValueError, match="target symbol error rate"):
        snr_boundaries_db(ORDERS, target_ser)


@pytest.mark.parametrize("orders", [(2, 1), (1, 1, 2), (1, 4, 2)])
def test_refuses_orders_that_do_not_rise(orders):
    with pytest.raises(ValueError, match="do not rise"):
        snr_boundaries_db(orders, 0.1)


def test_refuses_orders_without_a_constellation():
    with pytest.raises(ValueError, match="bits per symbol"):
        snr_boundaries_db((1, 3), 0.1)


@pytest.mark.parametrize(
    ("snr_db", "index"),
    [(-np.inf, 0), (4.2999, 0), (4.3, 1), (12.1999, 1), (12.2, 2), (18.8, 3), (24.9, 3), (25.0, 4), (99, 4)],
)
def test_the_order_at_an_snr(snr_db, index):
    """At a boundary already the higher one."""
    assert order_at(snr_db, (4.3, 12.2, 18.8, 25.0)) == index


def test_a_single_order_is_used_at_every_snr():
    assert order_at(-20.0, ()) == order_at(40.0, ()) == 0
