"""What the shipped weights of MDJCM for 32×32 show, on a few pictures, in paired comparisons."""

from fractions import Fraction
from itertools import islice

import numpy as np
import pytest

from linksim import zoo
from linksim.images.patches32 import patches
from linksim.metrics.psnr import psnr_db
from linksim.scenario.systems import LearnedSpec
from linksim.systems.learned import Learned

#: Pictures of the comparisons, which are paired, from every part of the list.
COUNT, STEP = 48, 10

CBR = Fraction(1, 12)
TRIALS = 2
TWO_PHASES, PHASE_2, STE = (f"zoo:mdjcm/small{tail}" for tail in ("", "-substitute", "-ste"))

each_order = pytest.mark.parametrize("order", [2, 4, 6, 8])


@pytest.fixture(scope="module")
def pictures():
    return list(islice(patches(), 0, COUNT * STEP, STEP))


@pytest.fixture(scope="module")
def send(pictures):
    """PSNR and CBR of each picture, means over two trials, sent with some weights over AWGN."""
    from linksim.phy.link import Link

    images, systems, done = np.stack([picture.pixels for picture in pictures]), {}, {}

    def send(weights, order, snr_db, **fields):
        key = weights, order, repr(fields)
        if key not in systems:
            spec = LearnedSpec(type="learned", weights=weights, order=order, **fields)
            systems[key] = Learned(spec, pictures=pictures)
        if (*key, snr_db) not in done:
            (point,) = systems[key].operating_points(CBR, snr_db)
            receptions = [
                systems[key].transmit(images, Link("awgn", snr_db), point, seed) for seed in range(TRIALS)
            ]
            psnrs_db = [[psnr_db(*pair) for pair in zip(images, each.pictures)] for each in receptions]
            done[*key, snr_db] = np.mean(psnrs_db, axis=0), receptions[0].channel_uses / images[0].size
        return done[*key, snr_db]

    return send


def gains(first, second):
    """Mean paired difference of PSNRs, and its standard error."""
    difference = first[0] - second[0]
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


@each_order
def test_the_third_phase_repairs_the_receiver(send, order):
    """Fig. 9: two phases above the substitute alone, most at 4QAM."""
    mean, error = gains(send(TWO_PHASES, order, 9.0), send(PHASE_2, order, 9.0))
    assert mean > 2 * error
    assert mean > (0.3 if order == 2 else 0.1)


@each_order
@pytest.mark.parametrize("snr_db", [3.0, 18.0])
def test_two_phases_and_the_straight_through_estimator_are_nearly_equal(send, order, snr_db):
    """Against the paper's claim that two phases are significantly better."""
    mean, _ = gains(send(TWO_PHASES, order, snr_db), send(STE, order, snr_db))
    assert abs(mean) < 0.4


def test_above_8_db_4qam_saturates_and_higher_orders_do_not(send):
    """Fig. 8, of which the claim holds for 4QAM alone."""
    climbs_db = {
        order: gains(send(TWO_PHASES, order, 18.0), send(TWO_PHASES, order, 9.0))[0] for order in (2, 4, 8)
    }
    assert climbs_db[2] < 0.3
    assert min(climbs_db[4], climbs_db[8]) > 0.8


def test_at_18_db_every_order_beats_the_one_below_but_for_the_last(send):
    for lower, higher, least_db in ((2, 4, 1.5), (4, 6, 0.3), (6, 8, 0.0)):
        mean, error = gains(send(TWO_PHASES, higher, 18.0), send(TWO_PHASES, lower, 18.0))
        assert mean > max(least_db, 2 * error)


def test_there_is_no_cliff(send):
    means_db = [send(TWO_PHASES, 8, snr_db)[0].mean() for snr_db in (0.0, 3.0, 6.0, 9.0)]
    steps_db = np.diff(means_db) / 3
    assert (steps_db > 0).all()
    assert steps_db.max() < 0.8


def test_a_free_rate_map_is_worth_most_at_low_snr(send):
    """It takes 64 of 256 channel uses at 0 dB, 11 at 18 dB."""
    gain_db = {
        snr_db: gains(send(TWO_PHASES, 8, snr_db, side_information="free"), send(TWO_PHASES, 8, snr_db))[0]
        for snr_db in (0.0, 18.0)
    }
    assert gain_db[0.0] > 0.4
    assert 0 < gain_db[18.0] < 0.4


def test_pictures_get_bandwidth_by_their_self_information(send, pictures):
    """Their mean is what was asked for; each one's CBR follows its bits, those that another coder finds too.

    Run with -s to see how closely.
    """
    cbr = send(TWO_PHASES, 8, 18.0)[1]
    np.testing.assert_allclose(cbr.mean(), float(CBR), rtol=0.02)
    images = np.stack([picture.pixels for picture in pictures]).astype(np.float32) / 255
    for reference in (TWO_PHASES, "zoo:source-coder/small"):
        bits = bits_of(zoo.load(zoo.find(reference)), images)
        correlation = np.corrcoef(cbr, bits)[0, 1]
        print(
            f"\n{reference}: {bits.min():.0f} to {bits.max():.0f} bits a picture, "
            f"CBR {cbr.min():.3f} to {cbr.max():.3f}, correlation {correlation:.3f}"
        )
        assert correlation > 0.9


def bits_of(codec, images):
    """Expected self-information of pictures, of a codec that sends them or of a source coder."""
    if hasattr(codec, "self_information"):
        return np.asarray(codec.self_information(images)).sum(axis=1)
    latent = codec.analysis(2 * images - 1)
    return np.asarray(codec.hyperprior(latent).expected_bits).sum(axis=(1, 2))


@pytest.mark.slow
def test_large_networks_gain_from_phase_three_and_from_order():
    """Photographs, mean CBR 1/16, 10 dB: 64QAM after both phases above phase 2 alone and above 4QAM."""
    from linksim.images import load
    from linksim.phy.link import Link
    from linksim.scenario.images import PhotosSpec

    photographs = load(PhotosSpec(source="photos", crop=(256, 384))).pictures
    images = np.stack([picture.pixels for picture in photographs])

    def psnrs_db(weights, order):
        spec = LearnedSpec(type="learned", weights=weights, order=order)
        system = Learned(spec, pictures=photographs)
        (point,) = system.operating_points(Fraction(1, 16), 10.0)
        reception = system.transmit(images, Link("awgn", 10.0), point, 1)
        billed = np.mean(reception.channel_uses) / images[0].size
        assert billed == pytest.approx(1 / 16, rel=1e-3)
        return np.array([psnr_db(image, shown) for image, shown in zip(images, reception.pictures)])

    both = psnrs_db("zoo:mdjcm/v", 6)
    for other in (psnrs_db("zoo:mdjcm/v-substitute", 6), psnrs_db("zoo:mdjcm/v", 2)):
        gains = both - other
        assert gains.mean() > 2 * gains.std(ddof=1) / np.sqrt(len(gains))
