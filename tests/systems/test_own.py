"""Systems of the user's own: on the link as everything else, against closed forms and shipped systems."""

import pickle
import threading
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from linksim import zoo
from linksim.images.patches32 import patches
from linksim.jscc.codec import Codec, Sent
from linksim.phy.link import Link
from linksim.scenario.systems import LearnedSpec, OwnSpec
from linksim.systems.base import DELIVERED
from linksim.systems.learned import Learned
from linksim.systems.own import Held, Own, stays

HALF = Fraction(1, 2)


def amplitudes(images, condition):
    """Each sample as the amplitude of half a symbol."""
    return images.reshape(len(images), -1, 2) - 0.5


def shown(received, condition):
    return received.reshape(-1, condition.height, condition.width, 3) + 0.5


def own(codec=(amplitudes, shown), **fields):
    return Own(OwnSpec(type="own", label="mine", codec=codec, **fields))


def sent(system, images, snr_db=20.0, cbr=HALF, seed=5):
    (point,) = system.operating_points(cbr, snr_db)
    return system.transmit(images, Link("awgn", snr_db), point, seed)


@pytest.fixture(scope="module")
def images():
    """Far enough from black and white that noise at 20 dB is not clipped."""
    return np.random.default_rng(1).integers(64, 192, (4, 32, 48, 3), dtype=np.uint8)


def test_the_error_of_pulse_amplitudes_is_that_of_the_noise(images):
    """N0/2 on each sample, N0 the picture's own mean energy over the SNR, and 1/12 of a step for rounding."""
    reception = sent(own(), images)
    samples = images / 255 - 0.5
    expected = 255**2 * np.mean(samples**2, axis=(1, 2, 3)) * 10 ** (-20 / 10) + 1 / 12
    error = np.mean((reception.pictures.astype(float) - images) ** 2, axis=(1, 2, 3))
    # The variance of 4608 squares of normal numbers: a standard error of 2.1%.
    np.testing.assert_allclose(error, expected, rtol=4 * 0.021)
    assert reception.outcomes == (DELIVERED,) * 4
    np.testing.assert_array_equal(reception.channel_uses, 32 * 48 * 3 / 2)
    np.testing.assert_allclose(reception.power, 2 * np.mean(samples**2, axis=(1, 2, 3)), rtol=1e-5)


def test_complex_symbols_and_real_pairs_are_the_same(images):
    def encode(images, condition):
        pairs = amplitudes(images, condition)
        return pairs[..., 0] + 1j * pairs[..., 1]

    def decode(received, condition):
        assert np.iscomplexobj(received)
        return shown(np.stack([received.real, received.imag], -1), condition)

    expected = sent(own(), images)
    np.testing.assert_array_equal(sent(own((encode, decode)), images).pictures, expected.pictures)
    codec = SimpleNamespace(encode=encode, decode=decode)
    np.testing.assert_array_equal(sent(own(codec), images).pictures, expected.pictures)
    np.testing.assert_array_equal(sent(own(lambda: codec), images).pictures, expected.pictures)


def test_tensors_that_want_gradients_are_taken(images):
    """As PyTorch's: they become arrays once they are detached and on the CPU."""

    class Tensor:
        def __init__(self, values):
            self._values = values

        def detach(self):
            return self

        def cpu(self):
            return self._values

    pair = (lambda *given: Tensor(amplitudes(*given)), lambda *given: Tensor(shown(*given)))
    np.testing.assert_array_equal(sent(own(pair), images).pictures, sent(own(), images).pictures)


def test_both_ends_know_the_snr_and_the_size(images):
    seen = []

    def encode(images, condition):
        seen.append((condition.snr_db, condition.height, condition.width, images.dtype, images.max() <= 1))
        return amplitudes(images, condition)

    sent(own((encode, shown)), images, snr_db=7.0)
    assert seen == [(7.0, 32, 48, np.float32, True)]


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("deepjscc-q", {"channels": [4, 4], "symbols": 8, "order": 16}),
        ("jcm", {"channels": [4, 4, 4, 4], "symbols": 8, "spine": 4, "classes": 10, "order": 4}),
    ],
)
def test_a_codec_is_sent_as_its_weights_are(model, sizes, make_weights, tmp_path):
    """Points of a constellation, draws and classes included."""
    images = np.stack([patch.pixels for patch, _ in zip(patches(), range(3))])
    path = make_weights(tmp_path / "a.weights.h5", model, **sizes)
    weights = zoo.find(str(path))
    learned = Learned(LearnedSpec(type="learned", weights=str(path)))
    codec = zoo.load(weights)
    expected, found = (
        sent(system, images, 10.0, weights.card.cbr)
        for system in (
            learned,
            own(codec),
        )
    )
    for field in ("pictures", "symbol_errors", "symbols", "power", "classes"):
        np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ((lambda images, _: images, shown), "encode gives float32 [4, 32, 48, 3] for 4 pictures"),
        ((lambda images, _: amplitudes(images, _)[:2], shown), "encode gives float32 [2, 2304, 2]"),
        ((lambda images, _: np.nan * amplitudes(images, _), shown), "encode gives float32 [4, 2304, 2] that"),
        ((amplitudes, lambda received, _: received), "decode gives float32 [4, 2304, 2]"),
        ((lambda images, _: amplitudes(images, _)[:, :100], shown), "it sends 100 symbols for a picture of"),
        (lambda: 1 / 0, "its codec cannot be made (ZeroDivisionError: division by zero)"),
        (lambda: "nothing", "'nothing' has no encode and decode"),
        ("nowhere.py:build", "nowhere.py:build cannot be loaded (FileNotFoundError"),
        ("no_such_module:build", "no_such_module:build cannot be loaded (ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_the_systems_name(codec, text, images, refusal):
    found = refusal(sent, own(codec), images)
    assert found.startswith(f"mine: {text}")
    assert "\nmend: " in found


def test_the_mend_of_another_cbr_is_its_own(images, refusal):
    text = refusal(sent, own(), images, cbr=Fraction(1, 4))
    assert text.endswith("it sends 2304 symbols for a picture of 32×48 px, and CBR 1/4 gives 1152\n"
                         "mend: send as many, or set bandwidth.cbr to 1/2")  # fmt: skip


def test_padding_may_be_sent(images):
    """A picture of 31×47 px as one of 32×48."""
    cropped = images[:, :31, :47]

    def encode(images, condition):
        return amplitudes(np.pad(images, ((0, 0), (0, 1), (0, 1), (0, 0))), condition)

    def decode(received, condition):
        return shown(received, SimpleNamespace(height=32, width=48))[:, :31, :47]

    assert set(sent(own((encode, decode)), cropped).channel_uses) == {2304.0}


def test_a_file_holds_the_function(tmp_path, images):
    path = tmp_path / "my_net.py"
    path.write_text(
        "def build():\n"
        "    encode = lambda images, condition: images.reshape(len(images), -1, 2) - 0.5\n"
        "    return encode, lambda received, condition: received.reshape(-1, 32, 48, 3) + 0.5\n"
    )
    found = sent(own(f"{path}:build"), images)
    np.testing.assert_array_equal(found.pictures, sent(own(), images).pictures)


def test_what_stays_in_the_process():
    def held(codec, **fields):
        spec = OwnSpec(type="own", label="mine", codec=codec, **fields)
        return spec.model_copy(update={"codec": Held("mine", spec.codec)})

    lock = threading.Lock()
    assert stays(held((amplitudes, shown)))
    assert not stays(held((lambda *_: amplitudes(*_), shown), digest="1"))
    assert stays(held((lambda *_: lock and amplitudes(*_), shown), digest="1"))
    assert not stays(OwnSpec(type="own", label="mine", codec="my_net.py:build"))


class Halving(Codec):
    """A codec whose variables its first call makes, as a user may write one."""

    def __init__(self, symbols):
        import keras

        super().__init__(4, symbols)
        self.encoder = keras.layers.Conv2D(2 * symbols, 4, 4)
        self.decoder = keras.layers.Conv2DTranspose(3, 4, 4, activation="sigmoid")

    def encode(self, images, condition):
        from keras import ops

        return Sent(symbols=ops.reshape(self.encoder(images), (-1, 96 * self.symbols, 2)))

    def decode(self, received, condition):
        from keras import ops

        return self.decoder(ops.reshape(received, (-1, 8, 12, 2 * self.symbols)))


def test_a_codec_reaches_another_process_with_its_values(images):
    codec = Halving(8)
    assert sent(own(codec), images, cbr=codec.cbr).outcomes == (DELIVERED,) * 4
    batch = np.float32(images) / 255
    symbols = codec.encode(batch, None).symbols
    pictures = codec.decode(symbols, None)
    again = pickle.loads(pickle.dumps(Held("mine", codec))).get()
    assert again is not codec
    np.testing.assert_array_equal(again.encode(batch, None).symbols, symbols)
    np.testing.assert_array_equal(again.decode(symbols, None), pictures)
    cbr = codec.cbr
    assert cbr == Fraction(8, 48)
    np.testing.assert_array_equal(
        sent(own(again), images, cbr=cbr).pictures, sent(own(codec), images, cbr=cbr).pictures
    )


def test_what_cannot_be_rebuilt_says_so(refusal):
    held = Held("mine", None)
    held._data = b"no pickle"
    assert refusal(held.get).startswith("mine: cannot be rebuilt in a worker process (")


def test_a_resolved_scenario_tells_what_it_cannot_hold(minimal, images, refusal):
    from linksim.scenario.loader import dump_scenario, validate

    minimal["systems"].append({"type": "own", "label": "mine", "codec": (amplitudes, shown), "digest": "v1"})
    text = dump_scenario(validate(minimal, file="a.yaml"))
    assert "codec: passed to linksim.run" in text
    minimal["systems"][-1]["codec"] = "passed to linksim.run"
    again = validate(minimal, file="a.yaml")
    assert dump_scenario(again) == text
    refused = refusal(sent, Own(again.systems[-1]), images)
    assert refused == "mine: the codec was passed to linksim.run, and only there it is\nmend: pass it again"


@pytest.mark.parametrize(
    ("codec", "problem"),
    [
        ("my_net.py", "'my_net.py' names no function"),
        ("my_net.py:3", "'my_net.py:3' names no function"),
        ({"encode": 1}, "{'encode': 1} is no codec"),
        ((amplitudes,), "(<function amplitudes at"),
    ],
)
def test_a_codec_that_is_none_is_refused(codec, problem, minimal, refusal):
    from linksim.scenario.loader import validate

    minimal["systems"].append({"type": "own", "label": "mine", "codec": codec})
    text = refusal(validate, minimal, file="a.yaml")
    assert text.startswith(f"a.yaml: systems.1.codec: {problem}")
    assert "\nmend: write FILE.py:FUNCTION or MODULE:FUNCTION" in text
