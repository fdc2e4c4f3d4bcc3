"""Learned systems: what goes over the link and what is counted, with codecs of which everything is known."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from keras import ops

from linksim import systems, zoo
from linksim.modulation.constellations import qam
from linksim.modulation.error_rates import ser_awgn
from linksim.phy.link import Link
from linksim.scenario.systems import LearnedSpec
from linksim.systems import learned

CBR = Fraction(1, 2)


@dataclass
class Sent:
    """As `linksim.jscc.codec.Sent`."""

    symbols: object = None
    indices: object = None


class PairCodec:
    """Sends every two samples as one analogue symbol, (a − ½) + j·(b − ½); nothing is learned."""

    constellation = None

    def channel_uses(self, height, width):
        return 3 * height * width // 2

    def encode(self, images, condition):
        return Sent(symbols=ops.reshape(images, (-1, self.channel_uses(*images.shape[1:3]), 2)) - 0.5)

    def decode(self, received, condition):
        return ops.reshape(received, (-1, condition.height, condition.width, 3)) + 0.5


class LevelCodec:
    """Sends the last four bits of every sample as a point of 16QAM; shows the real part of what arrives."""

    constellation = qam(4).astype(np.complex64)

    def channel_uses(self, height, width):
        return 3 * height * width

    def encode(self, images, condition):
        levels = ops.cast(ops.round(255 * images), "int32") % 16
        return Sent(indices=ops.reshape(levels, (-1, self.channel_uses(*images.shape[1:3]))))

    def decode(self, received, condition):
        return ops.reshape(received[..., 0], (-1, condition.height, condition.width, 3))


def spec(weights):
    return LearnedSpec(type="learned", label="test", weights=weights)


@pytest.fixture
def system_of(monkeypatch, tiny_weights):
    """A learned system with another codec in the place of its network, and its operating point."""

    def make(codec):
        monkeypatch.setattr(zoo, "load", lambda weights: codec)
        system = systems.create(spec(str(tiny_weights)))
        (point,) = system.operating_points(Fraction(1, 6), 10.0)
        return system, point

    return make


@pytest.fixture
def network(tiny_weights):
    """A learned system with a network, and its operating point."""
    system = systems.create(spec(str(tiny_weights)))
    return system, system.operating_points(Fraction(1, 6), 10.0)[0]


def pictures(low, high, count=4, side=64):
    return np.random.default_rng(0).integers(low, high, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("power", ["measured", "nominal"])
def test_an_analogue_picture_carries_the_noise_of_the_channel(power, system_of):
    """Noise of variance N0 on two samples is N0/2 on each; rounding to 8 bits adds 1/12."""
    images = pictures(100, 156)
    system, point = system_of(PairCodec())
    snr_db = 10.0 if power == "measured" else 25.0
    reception = system.transmit(images, Link("awgn", snr_db, power), point, seed=1)
    error = reception.pictures.astype(float) - images
    energy = 2 * np.square(images / 255 - 0.5).mean(axis=(1, 2, 3))
    noise = (energy if power == "measured" else np.ones(4)) * 10 ** (-snr_db / 10)
    expected = 255**2 * noise / 2 + 1 / 12
    measured = np.square(error).mean(axis=(1, 2, 3))
    standard_error = expected * np.sqrt(2 / images[0].size)
    np.testing.assert_array_less(np.abs(measured - expected), 4 * standard_error)
    np.testing.assert_allclose(reception.power, energy, rtol=1e-5)
    largest = np.square(images / 255 - 0.5).reshape(4, -1, 2).sum(axis=2).max(axis=1)
    np.testing.assert_allclose(reception.peak_power, largest, rtol=1e-5)
    assert reception.outcomes == ("delivered",) * 4
    assert reception.channel_uses.tolist() == [6144] * 4
    assert not reception.symbols.any()
    assert not reception.symbol_errors.any()


@pytest.mark.parametrize("snr_db", [8.0, 14.0])
def test_symbol_errors_are_those_of_the_constellation(snr_db, system_of):
    """Every point equally often, so that unit energy holds on average and SER has its closed form."""
    system, point = system_of(LevelCodec())
    reception = system.transmit(pictures(0, 256), Link("awgn", snr_db, "nominal"), point, seed=2)
    sent, wrong = reception.symbols.sum(), reception.symbol_errors.sum()
    expected = ser_awgn(4, snr_db)
    assert sent == 4 * 64 * 64 * 3
    assert abs(wrong / sent - expected) < 4 * np.sqrt(expected * (1 - expected) / sent)
    np.testing.assert_allclose(reception.power, 1, atol=0.02)


def test_the_points_of_every_index_are_sent(system_of):
    """Without noise the real part of the point of each sample's last bits arrives, clipped and rounded."""
    system, point = system_of(LevelCodec())
    images = pictures(0, 256, count=2, side=16)
    reception = system.transmit(images, Link("awgn", 80.0), point, seed=2)
    expected = np.rint(255 * np.clip(qam(4)[images % 16].real, 0, 1))
    assert np.abs(reception.pictures - expected).max() <= 1
    assert not reception.symbol_errors.any()


@pytest.mark.parametrize("samples", [1, 3 * 32 * 32 * 4])
def test_the_division_into_batches_changes_nothing(samples, network, small_pictures, monkeypatch):
    system, point = network
    link = Link("rayleigh_block", 10.0)
    together = system.transmit(small_pictures, link, point, seed=3)
    monkeypatch.setattr(learned, "_BATCH_SAMPLES", samples)
    apart = systems.create(spec(str(point.weights.path))).transmit(small_pictures, link, point, seed=3)
    np.testing.assert_array_equal(together.pictures, apart.pictures)
    np.testing.assert_array_equal(together.symbol_errors, apart.symbol_errors)
    np.testing.assert_array_equal(together.power, apart.power)


def test_a_transmission_depends_on_the_seed_and_on_nothing_before(network, small_pictures):
    system, point = network
    first = system.transmit(small_pictures, Link("awgn", 5.0), point, seed=3)
    system.transmit(small_pictures[::-1], Link("awgn", 15.0), point, seed=4)
    again = system.transmit(small_pictures, Link("awgn", 5.0), point, seed=3)
    other = system.transmit(small_pictures, Link("awgn", 5.0), point, seed=5)
    np.testing.assert_array_equal(first.pictures, again.pictures)
    assert (first.pictures != other.pictures).any()


def test_pictures_are_encoded_once_for_all_snrs(network, small_pictures, monkeypatch):
    system, point = network
    system.transmit(small_pictures, Link("awgn", 5.0), point, seed=3)
    monkeypatch.setattr(learned._Network, "encode", lambda *_: pytest.fail("encoded again"))
    system.transmit(small_pictures, Link("awgn", 15.0), point, seed=4)


def test_padded_pictures_are_billed_for_what_they_send(network):
    """29×30 is sent as 32×32: 64 positions of 8 symbols."""
    system, point = network
    reception = system.transmit(np.zeros((2, 29, 30, 3), np.uint8), Link("awgn", 10.0), point, seed=1)
    assert reception.channel_uses.tolist() == [512, 512]
    assert reception.pictures.shape == (2, 29, 30, 3)


def test_the_operating_point_says_what_is_sent(network):
    system, point = network
    assert system.random
    assert not system.prunes
    assert point.name == f"weights:{point.weights.path}".removesuffix(".weights.h5")
    assert (point.cbr, point.modulation_order, point.code_rate) == (Fraction(1, 6), 4, None)


def test_the_nearest_training_snr_is_taken_and_the_lower_of_two(tiny_weights, make_weights, tmp_path):
    low, high = str(tiny_weights), str(tmp_path / "b.weights.h5")
    make_weights(high, "deepjscc-2019", symbols=8)
    system = systems.create(spec({"snr_db": {10: high, 4: low}}))
    chosen = {
        snr_db: system.operating_points(Fraction(1, 6), snr_db)[0].weights.reference
        for snr_db in (-5.0, 4.0, 7.0, 7.01, 30.0)
    }
    assert chosen == {-5.0: low, 4.0: low, 7.0: low, 7.01: high, 30.0: high}


def test_each_bandwidth_has_weights_of_its_own(tiny_weights, make_weights, tmp_path, refusal):
    narrow = tmp_path / "narrow.weights.h5"
    make_weights(narrow, "deepjscc-2019", symbols=1)
    system = systems.create(
        spec({"cbr": {"1/6": str(tiny_weights), "1/48": str(narrow), "1/12": str(narrow)}})
    )
    assert system.operating_points(Fraction(1, 48), 0.0)[0].modulation_order is None
    assert system.operating_points(Fraction(1, 6), 0.0)[0].modulation_order == 4
    assert "weights.cbr: no weights for CBR 1/24" in refusal(system.operating_points, Fraction(1, 24), 0.0)
    text = refusal(system.operating_points, Fraction(1, 12), 0.0)
    assert "is made for CBR 1/48, not 1/12" in text


def test_weights_that_cannot_be_used_are_refused(tiny_weights, refusal):
    def refused(**fields):
        made = LearnedSpec(type="learned", label="test", **{"weights": str(tiny_weights), **fields})
        return refusal(systems.create(made).operating_points, Fraction(1, 6), 0.0)

    assert refused(model="deepjscc").startswith("model: ")
    assert refused(weights="zoo:deepjscc-q/none").startswith("weights: zoo:deepjscc-q/none is not among")
    missing = str(tiny_weights.with_name("none.weights.h5"))
    assert refused(weights=missing).startswith(f"weights: {missing}: there is no such file")
