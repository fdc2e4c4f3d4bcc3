"""The LinkLayer against the Link, its gradient against the training channel's, and inside Keras' fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.utils import complex_normal

from linksim.phy import randomness
from linksim.phy.channels import CHANNELS
from linksim.phy.layers import LinkLayer
from linksim.phy.link import Link
from linksim.scenario.channels import OFDM
from linksim.scenario.link import Rapp
from linksim.training.channels import CHANNELS as LIGHT
from linksim.training.channels import transmit

SMALL = OFDM(fft_size=8, cyclic_prefix=1)

#: Links that the light training channels do not have.
HEAVY = {
    "tdl": {"model": "ofdm", "ofdm": SMALL},
    "cdl, ls": {"model": "ofdm", "csi": "ls", "ofdm": OFDM(profile="cdl-c", fft_size=8, cyclic_prefix=1)},
    "precoded": {"model": "rayleigh_block", "csi": "both"},
    "amplified": {"model": "awgn", "amplifier": Rapp()},
    "amplified ofdm": {"model": "ofdm", "amplifier": Rapp(backoff_db=0), "ofdm": OFDM(fft_size=64)},
}

POWERS = ("measured", "nominal")


def blocks(batch, count, seed=1):
    """Gaussian blocks of unequal energy: real pairs, float32."""
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(-0.5, 0.5, (batch, 1, 1))
    return (scale * rng.normal(size=(batch, count, 2))).astype(np.float32)


def to_complex(pairs):
    return (np.asarray(pairs) @ np.array([1, 1j])).astype(np.complex64)


def close(model):
    """Eager and compiled, a sum over paths is rounded otherwise."""
    tolerance = 1e-4 if model == "ofdm" else 1e-6
    return {"rtol": tolerance, "atol": tolerance}


@pytest.mark.parametrize("model", CHANNELS)
@pytest.mark.parametrize("power", POWERS)
def test_equals_the_link_of_the_same_seed(model, power):
    symbols = blocks(5, 60)
    for snr_db in (-3.7, 0.0, 11.1):
        randomness.seed(2)
        equalised, variance = LinkLayer(model, power)(symbols, snr_db=snr_db)
        randomness.seed(2)
        received = Link(model, snr_db, power).transmit(to_complex(symbols))
        np.testing.assert_allclose(to_complex(equalised), received.symbols, **close(model))
        np.testing.assert_allclose(variance, received.noise_variance, **close(model))
        assert (equalised.dtype, variance.dtype) == (tf.float32, tf.float32)


@pytest.mark.parametrize("model", CHANNELS)
def test_snr_of_each_image(model):
    """A vector of SNRs gives each image what the Link at its SNR gives it, from the same noise."""
    symbols, snr_db = blocks(3, 40), np.array([-5.0, 0.0, 20.0], np.float32)
    randomness.seed(3)
    equalised, variance = LinkLayer(model)(symbols, snr_db)
    for image, snr in enumerate(snr_db):
        randomness.seed(3)
        received = Link(model, float(snr)).transmit(to_complex(symbols))
        np.testing.assert_allclose(to_complex(equalised)[image], received.symbols[image], **close(model))
        np.testing.assert_allclose(variance[image], received.noise_variance[image], **close(model))


def loss_and_slope(channel, symbols):
    """Value and gradient of a loss that weighs symbols and variances."""
    weights = np.random.default_rng(4).normal(size=symbols.shape).astype(np.float32)
    variable = tf.Variable(symbols)
    with tf.GradientTape() as tape:
        equalised, variance = channel(variable)
        loss = tf.reduce_sum(weights * tf.square(equalised)) + tf.reduce_mean(tf.math.log(variance))
    return loss.numpy(), tape.gradient(loss, variable).numpy()


@pytest.mark.parametrize("model", LIGHT)
@pytest.mark.parametrize("power", POWERS)
def test_gradient_is_that_of_the_training_channel(model, power):
    """Fed what Sionna drew, the other implementation has the same gradient, for symbols and power."""
    symbols, snr_db = blocks(4, 30), np.array([0.0, 3.0, 6.0, 9.0], np.float32)
    randomness.seed(5)
    value, slope = loss_and_slope(lambda x: LinkLayer(model, power)(x, snr_db), symbols)

    randomness.seed(5)
    drawn = {"awgn": [], "rayleigh_block": [4, 1], "rayleigh_fast": [4, 30]}[model]
    fading = tf.reshape(complex_normal([np.prod(drawn), 1, 1]), drawn) if drawn else None
    fading, noise = (
        None if h is None else np.stack([np.real(h), np.imag(h)], axis=-1)
        for h in (fading, complex_normal([4, 30]))
    )
    expected = loss_and_slope(lambda x: transmit(x, snr_db, noise, fading, power), symbols)
    np.testing.assert_allclose(value, expected[0], rtol=1e-4)
    np.testing.assert_allclose(slope, expected[1], rtol=1e-4, atol=1e-4)
    assert np.isfinite(slope).all()
    assert (slope != 0).all()


@pytest.mark.parametrize("link", HEAVY.values(), ids=HEAVY)
@pytest.mark.parametrize("power", POWERS)
def test_gradient_is_that_of_differences(link, power):
    """Along a random direction, the same draws at every step."""
    symbols = blocks(2, 20)
    direction = blocks(2, 20, seed=7)
    layer = LinkLayer(**link, power=power)

    def send(x):
        randomness.seed(8)
        return layer(x, snr_db=6.0)

    _, slope = loss_and_slope(send, symbols)
    step = 1e-2
    ends = [loss_and_slope(send, symbols + sign * step * direction)[0] for sign in (1, -1)]
    assert np.isfinite(slope).all()
    assert (slope * direction).sum() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=0.02, abs=0.5)


def test_an_empty_block_has_a_finite_gradient():
    _, slope = loss_and_slope(
        lambda x: LinkLayer("awgn")(x + 0.0, snr_db=5.0), np.zeros((1, 4, 2), np.float32)
    )
    assert np.isfinite(slope).all()


class Repeater(keras.Model):
    """Learns to bring four reals over the link."""

    def __init__(self, **link):
        super().__init__()
        self.encoder = keras.layers.Dense(8)
        self.link = LinkLayer(**link)
        self.decoder = keras.layers.Dense(4)

    def call(self, values):
        symbols = keras.ops.reshape(self.encoder(values), (-1, 4, 2))
        equalised, variance = self.link(symbols, snr_db=15.0)
        return self.decoder(keras.ops.reshape(equalised / (1 + variance[..., None]), (-1, 8)))


@pytest.mark.parametrize("link", [*({"model": model} for model in LIGHT), *HEAVY.values()])
def test_a_model_trains_through_it(link):
    """In the compiled step of fit; the encoder before the link learns too."""
    randomness.seed(6)
    keras.utils.set_random_seed(6)
    values = np.random.default_rng(6).normal(size=(512, 4)).astype(np.float32)
    network = Repeater(**link)
    network.compile(keras.optimizers.Adam(1e-2), "mse", jit_compile=False)
    network(values[:1])
    before = network.encoder.kernel.numpy()
    losses = network.fit(values, values, batch_size=64, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert (network.encoder.kernel.numpy() != before).all()


@pytest.mark.parametrize("link", [{"model": "rayleigh_block", "power": "nominal"}, *HEAVY.values()])
def test_round_trips_and_says_its_shapes(link):
    layer = LinkLayer(**link)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    symbols, snr_db = keras.Input((None, 2)), keras.Input(())
    network = keras.Model([symbols, snr_db], again(symbols, snr_db))
    assert [output.shape for output in network.outputs] == [(None, None, 2), (None, None)]
    equalised, variance = network([np.ones((3, 5, 2), np.float32), np.zeros(3, np.float32)])
    assert (equalised.shape, variance.shape) == ((3, 5, 2), (3, 5))


@pytest.mark.parametrize(("model", "power"), [("rayleigh", "measured"), ("awgn", "peak")])
def test_refuses_unknown_names(model, power):
    with pytest.raises(ValueError, match="choose from"):
        LinkLayer(model, power)


def test_refuses_another_backend(monkeypatch, refusal):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert "KERAS_BACKEND=tensorflow" in refusal(LinkLayer, "awgn")
