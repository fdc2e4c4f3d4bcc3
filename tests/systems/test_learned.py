"""Learned systems: what goes over the link and what is counted, with codecs of which everything is known."""

from fractions import Fraction

import numpy as np
import pytest
from keras import ops
from scipy.optimize import brentq
from scipy.stats import norm

from linksim import systems, zoo
from linksim.jscc.codec import Condition, Sent
from linksim.modulation.constellations import qam
from linksim.modulation.error_rates import ser_awgn
from linksim.phy.link import Link
from linksim.scenario.systems import LearnedSpec
from linksim.systems import learned

CBR = Fraction(1, 2)


class Codec:
    """What a codec does not do unless it says so."""

    constellations = ()
    detects = False
    stochastic = False
    classes = 0
    rates = ()
    adapts = False


class PairCodec(Codec):
    """Sends every two samples as one analogue symbol, (a − ½) + j·(b − ½); nothing is learned."""

    def channel_uses(self, height, width):
        return 3 * height * width // 2

    def encode(self, images, condition):
        return Sent(symbols=ops.reshape(images, (-1, self.channel_uses(*images.shape[1:3]), 2)) - 0.5)

    def decode(self, received, condition):
        return ops.reshape(received, (-1, condition.height, condition.width, 3)) + 0.5


class LevelCodec(Codec):
    """Sends the last four bits of every sample as a point of 16QAM; shows the real part of what arrives."""

    constellations = (qam(4).astype(np.complex64),)

    def channel_uses(self, height, width):
        return 3 * height * width

    def encode(self, images, condition):
        levels = ops.cast(ops.round(255 * images), "int32") % 16
        return Sent(indices=ops.reshape(levels, (-1, self.channel_uses(*images.shape[1:3]))))

    def decode(self, received, condition):
        return ops.reshape(received[..., 0], (-1, condition.height, condition.width, 3))


class RemainderCodec(Codec):
    """Sends the last bits of every sample, as many as the modulation order takes; shows what is detected.

    It notes the orders for which it is called, which is when a graph is traced.
    """

    constellations = tuple(qam(bits).astype(np.complex64) for bits in (1, 2, 4))
    detects = True

    def __init__(self):
        self.called = []

    def channel_uses(self, height, width):
        return 3 * height * width

    def encode(self, images, condition):
        self.called.append(("encode", condition.order))
        samples = ops.cast(ops.round(255 * images), "int32")
        remainders = samples % len(self.constellations[condition.order])
        return Sent(indices=ops.reshape(remainders, (-1, self.channel_uses(*images.shape[1:3]))))

    def decode(self, received, condition):
        self.called.append(("decode", condition.order))
        samples = ops.reshape(received, (-1, condition.height, condition.width, 3))
        return ops.cast(samples, "float32") / 255


class Tapped:
    """A link that keeps what was sent over it and what arrived."""

    def __init__(self, link):
        self._link, self.snr_db, self.sent, self.received = link, link.snr_db, [], []

    def transmit(self, symbols, mask=None):
        self.sent.append(np.asarray(symbols))
        self.received.append(self._link.transmit(symbols, mask))
        return self.received[-1]


#: A uJSCC of 1/6 for BPSK, 4QAM and 16QAM, as small as they get.
UJSCC = {
    "channels": [4, 4, 4], "strides": [1, 2, 2], "vectors": 8, "orders": [1, 2, 4], "dimensions": [2, 3, 4],
}  # fmt: skip


@pytest.fixture(scope="module")
def ujscc_weights(make_weights, tmp_path_factory):
    return make_weights(tmp_path_factory.mktemp("ujscc") / "tiny.weights.h5", "ujscc", **UJSCC)


def spec(weights, **fields):
    return LearnedSpec(type="learned", label="test", weights=weights, **fields)


@pytest.fixture
def system_of(monkeypatch, tiny_weights):
    """A learned system with another codec in the place of its network, and its operating point."""

    def make(codec, weights=tiny_weights):
        monkeypatch.setattr(zoo, "load", lambda weights: codec)
        system = systems.create(spec(str(weights)))
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


def test_the_mmse_equaliser_leaves_the_least_error(system_of, tiny_weights):
    """E|x − x̂·Es/(Es + σ²)|² = Es·σ²/(Es + σ²) where the unbiased estimate leaves a noise variance σ²."""
    images, errors = pictures(60, 196), {}
    _, point = system_of(PairCodec())
    for equaliser in ("zf", "mmse"):
        system = systems.create(spec(str(tiny_weights), equaliser=equaliser))
        link = Tapped(Link("rayleigh_fast", 15.0))
        reception = system.transmit(images, link, point, seed=1)
        errors[equaliser] = np.square(reception.pictures.astype(float) - images)
        noise = link.received[0].noise_variance.numpy()
        energy = np.square(np.abs(link.sent[0])).mean(axis=1)[:, None]
    left = (energy * noise / (energy + noise)).mean()
    assert errors["mmse"].mean() == pytest.approx(255**2 * left / 2 + 1 / 12, rel=0.03)
    # Clipping to 0 … 255 bounds what deep fades leave of the other.
    assert errors["zf"].mean() > 1.5 * errors["mmse"].mean()


def test_the_mmse_equaliser_is_for_decoders_of_symbols(ujscc_weights, refusal):
    system = systems.create(spec(str(ujscc_weights), equaliser="mmse"))
    text = refusal(system.operating_points, Fraction(1, 6), 0.0)
    assert text.startswith(f"equaliser: {ujscc_weights} detects points")


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
    monkeypatch.setattr("linksim.systems.network._BATCH_SAMPLES", samples)
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
    monkeypatch.setattr(learned.Network, "encode", lambda *_: pytest.fail("encoded again"))
    system.transmit(small_pictures, Link("awgn", 15.0), point, seed=4)


def test_padded_pictures_are_billed_for_what_they_send(network):
    """29×30 is sent as 32×32: 64 positions of 8 symbols."""
    system, point = network
    reception = system.transmit(np.zeros((2, 29, 30, 3), np.uint8), Link("awgn", 10.0), point, seed=1)
    assert reception.channel_uses.tolist() == [512, 512]
    assert reception.pictures.shape == (2, 29, 30, 3)


def test_the_operating_point_says_what_is_sent(network):
    system, point = network
    assert system.random(Link("awgn", 0.0))
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
        made = spec(**{"weights": str(tiny_weights), **fields})
        return refusal(systems.create(made).operating_points, Fraction(1, 6), 0.0)

    assert refused(model="deepjscc").startswith("model: ")
    assert refused(weights="zoo:deepjscc-q/none").startswith("weights: zoo:deepjscc-q/none is not among")
    missing = str(tiny_weights.with_name("none.weights.h5"))
    assert refused(weights=missing).startswith(f"weights: {missing}: there is no such file")


def orders_at(snrs_db, **fields):
    """Bits per symbol at some SNRs, by a spec."""
    system = systems.create(spec(**fields))
    return [system.operating_points(Fraction(1, 6), snr_db)[0].modulation_order for snr_db in snrs_db]


def test_the_snr_chooses_the_order_by_the_error_rate_of_the_card(ujscc_weights):
    """Below each order's SNR of 10% symbol errors, at it and above it; uJSCC gives 4.3 and 12.2 dB."""
    ends = [brentq(lambda x, bits=bits: ser_awgn(bits, x) - 0.1, -5, 30) for bits in (2, 4)]
    assert np.round(ends, 1).tolist() == [4.3, 12.2]
    snrs_db = [-30.0, *(end + step for end in ends for step in (-1e-6, 1e-6)), 60.0]
    assert orders_at(snrs_db, weights=str(ujscc_weights)) == [1, 1, 2, 2, 4, 4]


def test_weights_may_bring_another_error_rate(make_weights, tmp_path):
    """Q(√SNR) = 1 − √0.99 sets 4QAM's 1%: 8.2 dB instead of 4.3 dB."""
    end_db = 20 * np.log10(norm.isf(1 - np.sqrt(0.99)))
    path = make_weights(tmp_path / "a.weights.h5", "ujscc", **UJSCC, target_ser=0.01)
    assert orders_at([end_db - 0.01, end_db + 0.01], weights=str(path)) == [1, 2]
    # The scenario's error rate comes first: 1 − (1 − Q)² = 0.2.
    end_db = 20 * np.log10(norm.isf(1 - np.sqrt(0.8)))
    assert orders_at([end_db - 0.01, end_db + 0.01], weights=str(path), target_ser=0.2) == [1, 2]


def test_boundaries_of_the_scenario_override_the_error_rate(ujscc_weights):
    snrs_db = [-0.1, 0.0, 19.9, 20.0, 20.1]
    assert orders_at(snrs_db, weights=str(ujscc_weights), boundaries=(0.0, 20.0)) == [1, 2, 2, 4, 4]


def test_points_of_several_orders_are_named_apart(ujscc_weights):
    system = systems.create(spec(str(ujscc_weights)))
    name = f"weights:{ujscc_weights}".removesuffix(".weights.h5")
    points = [system.operating_points(Fraction(1, 6), snr_db)[0] for snr_db in (0.0, 8.0, 30.0)]
    assert [point.name for point in points] == [f"{name}/1", f"{name}/2", f"{name}/4"]
    assert [point.order for point in points] == [0, 1, 2]


@pytest.mark.parametrize("snr_db", [2.0, 8.0, 14.0])
def test_detected_labels_are_decoded_and_counted(snr_db, system_of, ujscc_weights):
    """The remainders of all samples by 2, 4 or 16 come back, but for the wrong ones; SER in closed form."""
    system, _ = system_of(RemainderCodec(), ujscc_weights)
    (point,) = system.operating_points(Fraction(1, 6), snr_db)
    images, link = pictures(0, 256), Tapped(Link("awgn", snr_db, "nominal"))
    reception = system.transmit(images, link, point, seed=2)
    remainders = images % 2**point.modulation_order
    np.testing.assert_allclose(
        link.sent[0], qam(point.modulation_order)[remainders].reshape(4, -1), rtol=1e-6
    )
    wrong = (reception.pictures != remainders).reshape(4, -1).sum(axis=1)
    np.testing.assert_array_equal(reception.symbol_errors, wrong)
    count, expected = images.size, ser_awgn(point.modulation_order, snr_db)
    assert reception.symbols.sum() == count
    assert abs(wrong.sum() / count - expected) < 4 * np.sqrt(expected * (1 - expected) / count)


def test_a_walk_between_orders_traces_each_once(system_of, ujscc_weights):
    """There and back, with pictures that were not sent before, so that every step encodes and decodes."""
    codec = RemainderCodec()
    system, _ = system_of(codec, ujscc_weights)
    for seed, snr_db in enumerate((0.0, 8.0, 20.0, 8.1, 0.1, 20.1, 0.2)):
        (point,) = system.operating_points(Fraction(1, 6), snr_db)
        images = pictures(seed, 256, count=2 + seed % 2, side=16)
        system.transmit(images, Link("awgn", snr_db), point, seed=1)
    assert sorted(codec.called) == [(part, order) for part in ("decode", "encode") for order in range(3)]


def test_what_was_sent_is_remembered_by_order_and_not_by_snr(system_of, ujscc_weights, monkeypatch):
    system, _ = system_of(RemainderCodec(), ujscc_weights)
    images, encoded, sent = pictures(0, 256, side=16), [], {}
    encode = learned.Network.encode
    monkeypatch.setattr(
        learned.Network, "encode", lambda *given: (encoded.append(given[2]), encode(*given))[1]
    )
    for snr_db in (0.0, 8.0, 1.0, 20.0, 9.0, 2.0):
        (point,) = system.operating_points(Fraction(1, 6), snr_db)
        link = Tapped(Link("awgn", snr_db))
        system.transmit(images, link, point, seed=1)
        points = qam(point.modulation_order)[images % 2**point.modulation_order].reshape(4, -1)
        np.testing.assert_allclose(link.sent[0], points, rtol=1e-6)
        sent.setdefault(point.order, []).append(snr_db)
    assert encoded == [0, 1, 2]
    assert sent == {0: [0.0, 1.0, 2.0], 1: [8.0, 9.0], 2: [20.0]}


@pytest.fixture
def ujscc_codec(ujscc_weights, monkeypatch):
    """The tiny uJSCC that systems of this test load, with codewords as small as untrained features."""
    codec = zoo.load(zoo.find(str(ujscc_weights)))
    for quantizer in codec.quantizers:
        quantizer.codewords.assign(0.1 * quantizer.codewords)
    monkeypatch.setattr(zoo, "load", lambda weights: codec)
    return codec


def test_ujscc_sends_its_labels_as_points_and_shows_what_it_decodes(
    ujscc_codec, ujscc_weights, small_pictures
):
    """At 60 dB no label is detected wrongly: half of 16QAM's least distance is 447 times the noise's σ."""
    images = small_pictures[:3]
    system = systems.create(spec(str(ujscc_weights)))
    for order, snr_db in enumerate((0.0, 8.0, 20.0)):
        (point,) = system.operating_points(Fraction(1, 6), snr_db)
        link = Tapped(Link("awgn", 60.0))
        reception = system.transmit(images, link, point, seed=1)
        condition = Condition(32, 32, 60.0, order)
        labels = np.asarray(ujscc_codec.encode(np.float32(images) / 255, condition).indices)
        assert len(np.unique(labels)) > 1
        np.testing.assert_allclose(link.sent[0], qam(UJSCC["orders"][order])[labels], rtol=1e-6)
        assert reception.symbols.tolist() == [512] * 3
        assert not reception.symbol_errors.any()
        shown = 255 * np.asarray(ujscc_codec.decode(labels, condition))
        # Eager and compiled sums differ in their last bits, which may turn the rounding of a half.
        assert np.abs(reception.pictures - shown).max() < 0.501


def test_all_orders_share_the_variables_of_one_codec(ujscc_codec, ujscc_weights, small_pictures):
    """With the last scale and offset at 0, both graphs show (tanh 0 + 1) / 2 of 255: 127.5, which is 128."""
    system, link = systems.create(spec(str(ujscc_weights))), Link("awgn", 20.0)
    points = [system.operating_points(Fraction(1, 6), snr_db)[0] for snr_db in (0.0, 20.0)]
    for point in points:
        assert np.ptp(system.transmit(small_pictures[:2], link, point, 1).pictures) > 0
    last = ujscc_codec.decoder.parts[-1].norm
    for variable in (last.gamma, last.beta):
        variable.assign(np.zeros(variable.shape))
    for point in points:
        assert (system.transmit(small_pictures[:2], link, point, 1).pictures == 128).all()


def test_ujscc_with_the_points_as_codewords_decodes_equalised_symbols(make_weights, tmp_path, small_pictures):
    """A decoder of equalised symbols sees the noise that leaves every label as it was."""
    sizes = {**UJSCC, "dimensions": [2, 2, 2], "codewords": "points"}
    path = make_weights(tmp_path / "a.weights.h5", "ujscc", **sizes)
    system = systems.create(spec(str(path)))
    (point,) = system.operating_points(Fraction(1, 6), 25.0)
    noisy, clean = (
        system.transmit(small_pictures[:2], Link("awgn", snr_db), point, seed=1) for snr_db in (25.0, 80.0)
    )
    assert not noisy.symbol_errors.any()
    assert (noisy.pictures != clean.pictures).any()


def test_of_a_table_by_order_each_snr_takes_the_right_model(make_weights, tmp_path):
    """Five of one order each, which is TE; the keys need not stand in order."""
    table = {}
    for bits, dimension in ((4, 4), (1, 2), (2, 3)):
        path = tmp_path / f"te-{bits}.weights.h5"
        table[bits] = str(
            make_weights(path, "ujscc", **{**UJSCC, "orders": [bits], "dimensions": [dimension]})
        )
    snrs_db = (-20.0, 4.2, 4.4, 12.1, 12.3, 40.0)
    for fields, bits in (
        ({}, [1, 1, 2, 2, 4, 4]),
        ({"boundaries": (-30.0, 12.2)}, [2, 2, 2, 2, 4, 4]),
        ({"target_ser": 0.4}, [1, 2, 2, 4, 4, 4]),
    ):
        system = systems.create(spec({"order": table}, **fields))
        points = [system.operating_points(Fraction(1, 6), snr_db)[0] for snr_db in snrs_db]
        assert [point.weights.reference for point in points] == [table[each] for each in bits]
        assert [point.modulation_order for point in points] == bits
        assert [point.order for point in points] == [0] * len(snrs_db)
        assert points[0].name == f"weights:{tmp_path}/te-{bits[0]}"


def test_a_table_by_order_may_name_one_model_several_times(ujscc_weights, tiny_weights):
    """uJSCC at BPSK and 4QAM, another model at 16QAM."""
    table = {1: str(ujscc_weights), 2: str(ujscc_weights), 4: str(tiny_weights)}
    system = systems.create(spec({"order": table}))
    points = [system.operating_points(Fraction(1, 6), snr_db)[0] for snr_db in (0.0, 8.0, 20.0)]
    assert [point.order for point in points] == [0, 1, 0]
    assert [point.weights.card.model for point in points] == ["ujscc", "ujscc", "deepjscc-q"]


def test_orders_and_boundaries_that_do_not_go_together_are_refused(
    ujscc_weights, tiny_weights, make_weights, tmp_path, refusal
):
    def refused(weights, **fields):
        return refusal(systems.create(spec(weights, **fields)).operating_points, Fraction(1, 6), 9.0)

    ujscc, digital = str(ujscc_weights), str(tiny_weights)
    analogue = str(make_weights(tmp_path / "a.weights.h5", "deepjscc-2019", symbols=8))
    text = refused(ujscc, boundaries=(3.0,))
    assert text.startswith("boundaries: 3 modulation orders need 2 SNRs, not 1")
    assert "such as [4.3, 12.2]" in text
    for field, value in (("boundaries", (3.0,)), ("target_ser", 0.2)):
        assert refused(digital, **{field: value}).startswith(f"{field}: {digital} serves 4 bits per symbol")
        assert refused(analogue, **{field: value}).startswith(f"{field}: {analogue} sends analogue symbols")
    assert refused({"order": {4: digital}}, boundaries=(3.0,)).endswith("mend: leave it out")
    for wrong, kind in (
        (digital, "serves 4 bits"),
        (analogue, "sends analogue"),
        (ujscc, "serves 1, 2, 4 bits"),
    ):
        text = refused({"order": {6: wrong}})
        assert text.startswith(f"weights.order: {wrong} {kind}")
        assert ", not 6" in text
