"""What the shipped weights of JCM and its benchmarks show, on a few pictures: the claims that hold here."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from linksim import zoo
from linksim.metrics.psnr import psnr_db
from linksim.scenario.systems import LearnedSpec
from linksim.systems.classifier import Classifier
from linksim.systems.learned import Learned

METHODS = {"jcm": "bpsk", "jcm-analog": "analog", "jcm-nn-1bit": "1bit", "jcm-uniform-8bit": "8bit"}
SNRS_DB = (-20, -14, -10, -6, -2, 4, 10, 14, 18)
TRIALS = 4


def name_of(model, snr_db, uses=256, short=None):
    """The weights of a method for an SNR and a code length."""
    return f"zoo:{model}/{short or METHODS[model]}-n{uses}-{snr_db:g}dB".replace("--", "-m")


@pytest.fixture(scope="module")
def pictures():
    """The first 200 of Fashion-MNIST's test split, as the source pads and repeats them, and their labels."""
    with np.load(Path(__file__).with_name("data") / "fashion_mnist_200.npz") as arrays:
        pixels, labels = arrays["pixels"], arrays["labels"]
    padded = np.pad(pixels, [(0, 0), (2, 2), (2, 2)])
    return np.repeat(padded[..., None], 3, axis=-1), labels


@pytest.fixture(scope="module")
def sent(pictures):
    """PSNR and rightness of each picture, the means over four trials, sent with some weights over AWGN."""
    from linksim.phy.link import Link

    images, labels = pictures
    done = {}

    def send(reference, snr_db, **fields):
        key = reference, snr_db, repr(fields)
        if key not in done:
            system = Learned(LearnedSpec(type="learned", weights=reference, **fields))
            (point,) = system.operating_points(zoo.find(reference).card.cbr, snr_db)
            receptions = [
                system.transmit(images, Link("awgn", snr_db), point, seed) for seed in range(TRIALS)
            ]
            psnrs_db = [[psnr_db(a, b) for a, b in zip(images, each.pictures)] for each in receptions]
            right = [each.classes == labels for each in receptions]
            done[key] = np.mean(psnrs_db, axis=0), np.mean(right, axis=0)
        return done[key]

    return send


def gains(first, second):
    """Mean paired difference, and its standard error."""
    difference = first - second
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


def test_all_sweeps_are_there():
    shipped = set(zoo.shipped())
    assert {name_of(model, snr_db) for model in METHODS for snr_db in SNRS_DB} <= shipped
    lengths = {name_of(model, -2, uses) for model in METHODS for uses in (64, 128, 512, 1536)}
    assert lengths <= shipped
    assert {name_of("jcm", snr, short=f"{m}qam") for m in (16, 64) for snr in (-10, 4, 18)} <= shipped


def test_each_model_stays_within_half_a_megabyte():
    family = [zoo.find(name) for name in zoo.shipped() if name.startswith(("zoo:jcm", "zoo:picture"))]
    sizes = [weights.path.stat().st_size for weights in family if weights.card.test_accuracy]
    assert len(sizes) > 60
    assert max(sizes) <= 500_000


def test_bandwidths_are_those_of_two_real_uses_a_symbol():
    for model in METHODS:
        for uses in (64, 128, 256, 512, 1536):
            assert zoo.find(name_of(model, -2, uses)).card.cbr == Fraction(uses // 2, 3072)


def test_eight_bits_fail_in_noise(sent):
    """Figs. 2 and 3, −10 dB: a flipped leading bit spoils a number, and JCM is decibels and classes ahead."""
    (jcm_db, jcm_right), (other_db, other_right) = (
        sent(name_of(m, -10), -10.0) for m in ("jcm", "jcm-uniform-8bit")
    )
    assert gains(jcm_db, other_db)[0] > 1.5
    assert gains(jcm_right, other_right)[0] > 0.15


def test_eight_bits_win_where_no_bit_is_lost(sent):
    """At 14 dB, against the paper's claim that JCM beats all digital methods everywhere."""
    mean, error = gains(sent(name_of("jcm-uniform-8bit", 14), 14.0)[0], sent(name_of("jcm", 14), 14.0)[0])
    assert mean > 2 * error


@pytest.mark.parametrize("snr_db", [-10, -2, 14])
def test_analogue_symbols_show_better_pictures_than_bpsk(sent, snr_db):
    mean, error = gains(
        sent(name_of("jcm-analog", snr_db), snr_db)[0], sent(name_of("jcm", snr_db), snr_db)[0]
    )
    assert mean > 2 * error


def test_at_low_snr_64qam_beats_4qam_and_analogue_symbols(sent):
    """The paper's claim of JCM against Analog, with the constellation of its journal version."""
    jcm = sent(name_of("jcm", -10, short="64qam"), -10.0)[0]
    for other in (name_of("jcm", -10), name_of("jcm-analog", -10)):
        mean, error = gains(jcm, sent(other, -10.0)[0])
        assert mean > 2 * error


@pytest.mark.parametrize("snr_db", [4, 18])
def test_higher_orders_show_better_pictures(sent, snr_db):
    means_db = [sent(name_of("jcm", snr_db, short=short), snr_db)[0].mean() for short in ("bpsk", "16qam")]
    assert means_db[0] + 0.3 < means_db[1]


@pytest.mark.parametrize("snr_db", [-2, 14])
def test_the_likeliest_points_are_better_than_drawn_ones(sent, snr_db):
    name = name_of("jcm", snr_db)
    mean, error = gains(sent(name, snr_db, sampling="argmax")[0], sent(name, snr_db)[0])
    assert mean > 2 * error


def test_a_tenth_of_the_weight_on_the_picture_makes_accuracy_flat(sent):
    """At −10 dB the class is nearly as sure as at 4 dB, for less than half a decibel of PSNR."""
    reference = "zoo:jcm/bpsk-n256-lambda20-m10dB"
    light, heavy = sent(reference, -10.0), sent(name_of("jcm", -10), -10.0)
    assert light[1].mean() > heavy[1].mean() + 0.1
    assert heavy[0].mean() - light[0].mean() < 0.5
    assert light[1].mean() > sent(name_of("jcm", 4), 4.0)[1].mean() - 0.05


def test_the_classifier_knows_clean_pictures(pictures):
    images, labels = pictures
    named = Classifier("zoo:picture-classifier/fashion-mnist")(images)
    assert (named == labels).mean() > 0.88
