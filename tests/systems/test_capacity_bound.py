"""The capacity bound's budgets and outages against capacities computed here from their formulas.

The codec of most tests shows a grey of q levels for a file of q bytes, so that the delivered picture tells
how many bytes the bound had. 32×32×3 samples at CBR 1/12 are 256 uses: 32 bytes for each bit per use.
"""

from fractions import Fraction

import numpy as np
import pytest
from scipy.special import exp1

from linksim import systems
from linksim.metrics.psnr import psnr_db
from linksim.modulation.capacity import best_bicm_capacity
from linksim.phy import randomness
from linksim.phy.link import Link
from linksim.scenario.channels import OFDM
from linksim.scenario.systems import CapacityBoundSpec, SeparatedSpec
from linksim.systems.base import CODEC_INFEASIBLE, DELIVERED

CBR = Fraction(1, 12)
BLACK = (0, 0, 0)
LIGHT = np.full((1, 32, 32, 3), 200, np.uint8)  # the longer the file, the nearer


def bound(capacity="gaussian", table="pdsch-1", mosaic=None, fallback=BLACK):
    spec = CapacityBoundSpec(
        type="capacity_bound", capacity=capacity, table=table, grouping=mosaic and {"mosaic": mosaic}
    )
    return systems.create(spec, fallback=fallback)


def receive(system, model, snr_db, images=LIGHT, cbr=CBR):
    (point,) = system.operating_points(cbr, 0.0)
    return system.transmit(images, Link(model, snr_db), point, seed=0)


def bytes_of(reception):
    assert reception.outcomes[0] == DELIVERED
    return int(reception.pictures[0, 0, 0, 0])


@pytest.mark.parametrize(
    ("snr_db", "count"),
    [
        (0.1, 32),  # log2(2.0233) = 1.0167
        (10.0, 110),  # log2(11) = 3.4594
        (-3.0, 18),  # log2(1.5012) = 0.5861
        (15.0, 160),  # log2(32.62) = 5.0278
    ],
)
def test_gaussian_budget_on_awgn(length_codec, snr_db, count):
    assert bytes_of(receive(bound(), "awgn", snr_db)) == count


def test_bicm_budget_on_awgn_at_known_capacities(length_codec):
    """QPSK carries 0.9719 bit at 0 dB; at 60 dB the largest modulation of the table carries all its bits."""
    assert bytes_of(receive(bound("bicm"), "awgn", 0.0)) == 31
    assert bytes_of(receive(bound("bicm"), "awgn", 60.0)) == 6 * 32
    assert bytes_of(receive(bound("bicm", "pdsch-4"), "awgn", 60.0, cbr=Fraction(1, 24))) == 10 * 16


def test_bicm_never_exceeds_gaussian(length_codec):
    gaussian, bicm = bound(), bound("bicm")
    for snr_db in range(-8, 16, 2):
        assert bytes_of(receive(bicm, "awgn", snr_db)) <= bytes_of(receive(gaussian, "awgn", snr_db))


@pytest.mark.parametrize("snr_db", [-4.0, 3.0, 12.0])
def test_ergodic_budget_on_fast_fading(length_codec, snr_db):
    """C = e^(1/γ)·E₁(1/γ)/ln 2 (Alouini and Goldsmith, IEEE Trans. Veh. Technol. 48(4), 1999)."""
    snr = 10 ** (snr_db / 10)
    capacity = np.exp(1 / snr) * exp1(1 / snr) / np.log(2)
    reception = receive(bound(), "rayleigh_fast", snr_db)
    assert bytes_of(reception) == int(32 * capacity)
    assert reception.outage_probability.tolist() == [0.0]


def expected_psnr_db(reception, image, lost_psnr_db):
    outage = reception.outage_probability[0]
    return (1 - outage) * psnr_db(image, reception.pictures[0]) + outage * lost_psnr_db


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_block_fading_takes_the_fixed_rate_of_the_best_expectation(length_codec, snr_db):
    """All 199 files tried, each with P_out = 1 − exp(−(2^R − 1)/γ), R = 8·bytes/256."""
    counts = np.arange(2, 201)
    lost_psnr_db = 20 * np.log10(255 / 200)
    error = np.maximum(200.0 - counts, 1e-9)
    psnr = np.where(counts == 200, 100.0, 20 * np.log10(255 / error))
    outage = 1 - np.exp(-(2 ** (counts / 32) - 1) / 10 ** (snr_db / 10))
    expectation = (1 - outage) * psnr + outage * lost_psnr_db
    reception = receive(bound(), "rayleigh_block", snr_db)
    found = expected_psnr_db(reception, LIGHT[0], lost_psnr_db)
    assert found <= expectation.max() + 1e-3
    assert found == pytest.approx(expectation.max(), abs=0.02)  # rates are tried in steps of 0.25 dB of fade
    assert reception.outage_probability[0] == pytest.approx(outage[bytes_of(reception) - 2], abs=1e-4)


def test_block_fading_between_its_extremes(length_codec):
    """Without any hope nothing is sent, without any fear the largest file; in between it rises."""
    lost_psnr_db = psnr_db(LIGHT[0], np.zeros_like(LIGHT[0]))
    hopeless = receive(bound(), "rayleigh_block", -70.0)
    assert hopeless.outcomes == (CODEC_INFEASIBLE,)
    assert hopeless.outage_probability.tolist() == [0.0]
    assert (hopeless.pictures == 0).all()
    fearless = receive(bound(), "rayleigh_block", 60.0)
    assert bytes_of(fearless) == 200
    assert fearless.outage_probability[0] < 1e-4
    curve = [
        expected_psnr_db(receive(bound(), "rayleigh_block", snr_db), LIGHT[0], lost_psnr_db)
        for snr_db in (-10.0, -5.0, 0.0, 5.0, 10.0)
    ]
    assert curve == sorted(curve)
    assert lost_psnr_db < curve[0]
    assert curve[-1] < psnr_db(LIGHT[0], receive(bound(), "awgn", 10.0).pictures[0])


def stated_snrs(link, seed, batch, uses):
    """SNR of each use as a transmission of ones meets it, by the noise variance that the Link states."""
    randomness.seed(seed)
    return 1 / link.transmit(np.ones((batch, uses), np.complex64)).noise_variance.numpy().astype(float)


@pytest.mark.parametrize("csi", ["perfect", "ls"])
def test_on_ofdm_each_picture_has_the_capacity_of_its_own_channel(length_codec, csi):
    """The mean of log2(1 + SNR) behind a receiver that knows the channel, whatever the study's does."""
    parameters = OFDM(rx_antennas=2, fft_size=32)
    images = np.repeat(LIGHT, 5, axis=0)
    system = bound()
    (point,) = system.operating_points(CBR, 0.0)
    reception = system.transmit(images, Link("ofdm", 2.0, csi=csi, ofdm=parameters), point, seed=3)
    capacities = np.log2(1 + stated_snrs(Link("ofdm", 2.0, ofdm=parameters), 3, 5, 256)).mean(axis=1)
    assert capacities.max() > 1.2 * capacities.min()
    for shown, capacity in zip(reception.pictures[:, 0, 0, 0], capacities):
        assert shown in (int(32 * capacity - 0.01), int(32 * capacity + 0.01))
    assert reception.outcomes == (DELIVERED,) * 5
    assert system.random(Link("ofdm", 2.0))


def test_a_transmitter_that_knows_the_gain_sends_at_its_capacity(length_codec):
    """Of each drawn gain on block fading; in deep fades nothing."""
    images = np.repeat(LIGHT, 40, axis=0)
    system, link = bound("bicm"), Link("rayleigh_block", 0.0, csi="both")
    (point,) = system.operating_points(CBR, 0.0)
    reception = system.transmit(images, link, point, seed=4)
    snrs_db = 10 * np.log10(stated_snrs(link, 4, 40, 256)[:, 0])
    capacities = best_bicm_capacity((2, 4, 6), snrs_db)
    for shown, outcome, capacity in zip(reception.pictures[:, 0, 0, 0], reception.outcomes, capacities):
        if outcome == DELIVERED:
            assert shown in (int(32 * capacity - 0.01), int(32 * capacity + 0.01))
        else:
            assert int(32 * capacity - 0.01) < 2
    assert set(reception.outcomes) == {DELIVERED, CODEC_INFEASIBLE}
    assert (system.random(link), system.random(Link("rayleigh_fast", 0.0, csi="both"))) == (True, False)


def test_knowing_the_gain_of_fast_fading_chooses_the_modulation(length_codec):
    """Never worse than one modulation for all gains; the same for Gaussian inputs."""
    (point,) = bound().operating_points(CBR, 0.0)
    shown = {}
    for capacity in ("bicm", "gaussian"):
        for csi in ("perfect", "both"):
            link = Link("rayleigh_fast", 12.0, csi=csi)
            shown[capacity, csi] = bytes_of(bound(capacity).transmit(LIGHT, link, point, seed=0))
    assert shown["bicm", "perfect"] <= shown["bicm", "both"] <= shown["gaussian", "both"]
    assert shown["gaussian", "perfect"] == shown["gaussian", "both"]


def test_no_budget_is_infeasible(length_codec):
    reception = receive(bound(), "awgn", -30.0)
    assert reception.outcomes == (CODEC_INFEASIBLE,)
    assert (reception.pictures == 0).all()
    assert np.isnan(reception.power).all()


def test_mosaics_share_their_budget(length_codec):
    """Six pictures in fours: 1024 uses and 512, 1 bit each at 0 dB and a little: 128 and 64 bytes."""
    images = np.repeat(LIGHT, 6, axis=0)
    system = bound(mosaic=4)
    reception = receive(system, "awgn", 0.05, images)
    assert reception.pictures[:, 0, 0, 0].tolist() == [129] * 4 + [64] * 2
    assert reception.channel_uses.tolist() == [256] * 6
    assert reception.outcomes == (DELIVERED,) * 6


def test_the_bound_is_named_after_its_capacity_and_draws_nothing():
    system = bound("bicm")
    (point,) = system.operating_points(CBR, 0.0)
    assert (point.name, point.cbr, point.modulation_order, point.code_rate) == ("bound:bicm", CBR, None, None)
    assert not system.random(Link("rayleigh_block", 0.0))
    assert not system.prunes


def test_no_mcs_beats_the_bound(small_pictures):
    """The same codec through real codes at the same SNR, whatever the MCS."""
    images = small_pictures[:4]
    chain = systems.create(
        SeparatedSpec(
            type="separated", label="chain", code={"iterations": 8}, mcs={"indices": (9, 14, 20, 26)}
        )
    )
    for snr_db in (6.0, 12.0, 18.0):
        reception = receive(bound("bicm", fallback=(128, 128, 128)), "awgn", snr_db, images)
        best = np.mean([psnr_db(*pair) for pair in zip(images, reception.pictures)])
        for point in chain.operating_points(CBR, 0.0):
            received = chain.transmit(images, Link("awgn", snr_db), point, seed=1)
            assert np.mean([psnr_db(*pair) for pair in zip(images, received.pictures)]) <= best
