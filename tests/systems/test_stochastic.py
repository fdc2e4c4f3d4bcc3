"""A stochastic encoder on the link: transmissions draw anew, by the seed of the task, under equal noise."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chisquare

from linksim import jscc, systems, zoo
from linksim.phy.link import Link
from linksim.scenario.systems import LearnedSpec
from linksim.systems.learned import Learned

SIZES = {"channels": [4, 4, 4, 4], "symbols": 32, "spine": 4, "classes": 10}
CBR = Fraction(1, 96)


class Tapped:
    """A link that keeps what was sent over it and what arrived."""

    def __init__(self, snr_db):
        self._link, self.snr_db, self.sent, self.noise = Link("awgn", snr_db), snr_db, [], []

    def transmit(self, symbols, mask=None):
        received = self._link.transmit(symbols)
        self.sent.append(np.asarray(symbols))
        self.noise.append(received.symbols.numpy() - self.sent[-1])
        return received


@pytest.fixture(scope="module")
def weights(make_weights, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jcm")
    return {
        model: str(make_weights(folder / f"{model}.weights.h5", model, **SIZES, **extra))
        for model, extra in (("jcm", {"order": 4}), ("jcm-analog", {}), ("jcm-uniform-8bit", {}))
    }


def system_of(path, **fields):
    system = systems.create(LearnedSpec(type="learned", label="test", weights=path, **fields))
    return system, system.operating_points(CBR, 0.0)[0]


def images(count=6):
    return np.random.default_rng(1).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def law_of(path):
    """Probabilities of the levels, float64 [pictures, k, axes, levels], from the network itself."""
    from linksim.jscc.codec import Condition

    codec = zoo.load(zoo.find(path))
    sent = codec.encode(np.float32(images()) / 255, Condition(32, 32, 0.0))
    return np.exp(np.asarray(sent.log_probabilities, np.float64))


def sent_by(path, seed, link=None, **fields):
    system, point = system_of(path, **fields)
    link = link or Tapped(0.0)
    reception = system.transmit(images(), link, point, seed)
    return link.sent[-1], reception


def test_the_seed_decides_what_is_drawn(weights):
    first, again, other = (sent_by(weights["jcm"], seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.1  # untrained: probabilities near one half


def test_trials_of_one_system_draw_anew_and_encode_once(weights, monkeypatch):
    system, point = system_of(weights["jcm"])
    link = Tapped(0.0)
    system.transmit(images(), link, point, 1)
    monkeypatch.setattr("linksim.systems.learned.Network.encode", None)  # remembered: not called again
    system.transmit(images(), link, point, 2)
    system.transmit(images(), link, point, 1)
    assert (link.sent[0] != link.sent[1]).any()
    np.testing.assert_array_equal(link.sent[0], link.sent[2])


def test_the_likeliest_points_do_not_depend_on_the_seed(weights):
    """A draw agrees with them as often as their probabilities have it, within four standard errors."""
    first, other = (sent_by(weights["jcm"], seed, sampling="argmax")[0] for seed in (1, 2))
    np.testing.assert_array_equal(first, other)
    expected = law_of(weights["jcm"]).max(axis=-1)
    drawn, _ = sent_by(weights["jcm"], 1)
    agree = np.stack([drawn.real == first.real, drawn.imag == first.imag], axis=-1)
    spread = np.sqrt((expected * (1 - expected)).sum()) / expected.size
    assert abs(agree.mean() - expected.mean()) < 4 * spread


def test_every_system_meets_the_same_noise(weights):
    """4QAM's energy is one, an analogue block's too: so the noise itself is equal, drawn points or not."""
    noises = []
    for path, fields in (
        (weights["jcm"], {}),
        (weights["jcm"], {"sampling": "argmax"}),
        (weights["jcm-analog"], {}),
    ):
        link = Tapped(0.0)
        sent_by(path, 7, link, **fields)
        noises.append(link.noise[-1])
    np.testing.assert_allclose(noises[1], noises[0], atol=1e-6)
    np.testing.assert_allclose(noises[2], noises[0], rtol=1e-4, atol=1e-6)


def test_points_on_the_link_come_at_the_rates_that_the_encoder_says(weights):
    """Chi-square over 400 transmissions, both real dimensions of the first symbol of each of six pictures."""
    law = law_of(weights["jcm"])
    system, point = system_of(weights["jcm"])
    link = Tapped(40.0)
    for seed in range(400):
        system.transmit(images(), link, point, seed)
    symbols = np.stack(link.sent)[:, :, 0]
    for axis, parts in enumerate((symbols.real, symbols.imag)):
        for picture in range(6):
            high = int((parts[:, picture] > 0).sum())
            expected = law[picture, 0, axis] / law[picture, 0, axis].sum()
            assert chisquare([400 - high, high], 400 * expected).pvalue > 1e-4


@pytest.mark.parametrize("model", ["jcm", "jcm-analog", "jcm-uniform-8bit"])
def test_the_receiver_names_classes(model, weights):
    """Those of the codec's own class decoder, fed what it gets for the pictures."""
    _, reception = sent_by(weights[model], 3)
    assert reception.classes.shape == (6,)
    assert set(reception.classes.tolist()) <= set(range(10))


def test_a_system_without_a_class_decoder_names_none(tiny_weights):
    system = Learned(LearnedSpec(type="learned", label="test", weights=str(tiny_weights)))
    (point,) = system.operating_points(Fraction(1, 6), 0.0)
    assert system.transmit(images(), Link("awgn", 0.0), point, 1).classes is None


def test_what_draws_nothing_has_no_likeliest_points(weights, refusal):
    text = refusal(system_of, weights["jcm-analog"], sampling="argmax")
    assert text.startswith("sampling: ")
    assert "draws nothing" in text


def test_stochastic_codecs_are_those_that_are_listed(weights):
    for model in ("jcm", "jcm-analog", "jcm-uniform-8bit"):
        assert zoo.load(zoo.find(weights[model])).stochastic == (model in jscc.STOCHASTIC)


def test_a_picture_classifier_is_no_system(make_weights, tmp_path, refusal):
    path = make_weights(tmp_path / "c.weights.h5", "picture-classifier", channels=[4, 4], classes=10)
    text = refusal(system_of, str(path))
    assert "classifies pictures and sends none" in text
    assert "name it as `classifier`" in text
