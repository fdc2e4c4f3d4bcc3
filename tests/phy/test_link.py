"""The Link measured: noise and fading moments, Es/N0 of both power policies, masks and seeds."""

import numpy as np
import pytest
import tensorflow as tf

from linksim.phy import randomness
from linksim.phy.link import Link

FADING = ("rayleigh_block", "rayleigh_fast")


def unequal_blocks(batch, count, seed=1):
    """Constant-modulus blocks whose energies differ by up to 20 dB, complex64, and these energies."""
    rng = np.random.default_rng(seed)
    energy = 10 ** rng.uniform(-1, 1, (batch, 1))
    symbols = np.sqrt(energy) * np.exp(2j * np.pi * rng.random((batch, count)))
    return symbols.astype(np.complex64), energy[:, 0]


def assert_mean(sample, expected, axis=None):
    """The mean lies within four (five, where many are tested at once) standard errors."""
    sample = np.asarray(sample, np.float64)
    count = sample.size if axis is None else sample.shape[axis]
    bound = 4 if axis is None else 5
    deviation = np.abs(sample.mean(axis=axis) - expected)
    assert (deviation < bound * sample.std(axis=axis) / np.sqrt(count)).all()


@pytest.mark.parametrize("snr_db", [-3.0, 0.0, 12.0])
def test_noise_of_unequal_blocks_when_measured(snr_db):
    """Each block of 2¹⁷ symbols gets noise of its own energy over the SNR, on both axes alike."""
    randomness.seed(1)
    symbols, energy = unequal_blocks(8, 1 << 17)
    received = Link("awgn", snr_db, "measured").transmit(symbols)
    noise = (received.symbols.numpy() - symbols).astype(np.complex128)
    n0 = energy * 10 ** (-snr_db / 10)
    np.testing.assert_allclose(received.power, energy, rtol=1e-4)
    np.testing.assert_allclose(
        received.noise_variance, np.broadcast_to(n0[:, None], symbols.shape), rtol=1e-4
    )
    assert_mean(np.abs(noise) ** 2, n0, axis=1)
    assert_mean(noise.real**2, n0 / 2, axis=1)
    assert_mean(noise.imag**2, n0 / 2, axis=1)
    assert_mean(noise.real * noise.imag, 0, axis=1)
    assert_mean(noise.real, 0, axis=1)
    assert_mean(noise.imag, 0, axis=1)
    assert_mean(noise.real**4, 3 * (n0 / 2) ** 2, axis=1)  # Gaussian


def test_noise_of_unequal_blocks_when_nominal():
    randomness.seed(2)
    symbols, energy = unequal_blocks(8, 1 << 17)
    received = Link("awgn", 5.0, "nominal").transmit(symbols)
    noise = received.symbols.numpy() - symbols
    assert_mean(np.abs(noise).astype(np.float64) ** 2, 10**-0.5, axis=1)
    np.testing.assert_allclose(received.noise_variance, 10**-0.5, rtol=1e-6)
    np.testing.assert_allclose(received.power, energy, rtol=1e-4)


def test_snr_0_db_is_not_taken_for_no_noise():
    randomness.seed(3)
    received = Link("awgn", 0.0).transmit(np.ones((1, 1 << 16), np.complex64))
    assert_mean(np.abs(received.symbols.numpy() - 1).astype(np.float64) ** 2, 1.0)


def test_mask_leaves_unsent_symbols_out_of_the_power():
    """Half of the block is sent with energy 4; the unsent half would pull the mean to 2 or push it to 52."""
    randomness.seed(4)
    count = 1 << 16
    mask = np.arange(count)[None] < count // 2
    for idle in (0.0, 10.0):
        symbols = np.where(mask, 2.0, idle).astype(np.complex64)
        received = Link("awgn", 3.0).transmit(symbols, mask)
        n0 = 4 * 10**-0.3
        np.testing.assert_allclose(received.power, 4.0, rtol=1e-5)
        np.testing.assert_allclose(received.noise_variance, n0, rtol=1e-5)
        noise = received.symbols.numpy()[mask] - 2.0
        assert_mean(np.abs(noise).astype(np.float64) ** 2, n0)


def test_a_block_of_which_nothing_is_sent_has_no_power():
    received = Link("awgn", 3.0).transmit(np.ones((1, 8), np.complex64), np.zeros((1, 8), bool))
    assert received.power.numpy().tolist() == [0.0]
    assert np.isfinite(received.symbols.numpy()).all()


def gains(model, batch, count, seed):
    """|h|² of every symbol, from the equalised noise variance N0/|h|² at 0 dB."""
    randomness.seed(seed)
    received = Link(model, 0.0).transmit(np.ones((batch, count), np.complex64))
    return 1 / received.noise_variance.numpy().astype(np.float64)


@pytest.mark.parametrize(
    ("model", "batch", "count"), [("rayleigh_block", 1 << 20, 1), ("rayleigh_fast", 8, 1 << 17)]
)
def test_gain_is_exponential_with_mean_1(model, batch, count):
    gain = gains(model, batch, count, seed=5)
    assert_mean(gain, 1.0)
    assert_mean((gain - 1) ** 2, 1.0)
    assert_mean(gain < 0.1, 1 - np.exp(-0.1))
    assert_mean(gain > 3, np.exp(-3))


def test_block_fading_is_one_gain_per_image_and_independent_between_images():
    gain = gains("rayleigh_block", 1 << 16, 3, seed=6)
    np.testing.assert_array_equal(gain, np.repeat(gain[:, :1], 3, axis=1))
    assert_mean((gain[1:, 0] - 1) * (gain[:-1, 0] - 1), 0.0)


def test_fast_fading_is_independent_from_symbol_to_symbol():
    gain = gains("rayleigh_fast", 4, 1 << 16, seed=7)
    assert_mean((gain[:, 1:] - 1) * (gain[:, :-1] - 1), 0.0)
    assert_mean((gain[1:] - 1) * (gain[:-1] - 1), 0.0)


@pytest.mark.parametrize("model", FADING)
def test_equalised_noise_has_the_stated_variance(model):
    """(ŷ − x)·|h|/√N0 is CN(0, 1), whatever the fade was, and the symbol comes through unbiased."""
    randomness.seed(8)
    batch, count = ((1 << 17), 4) if model == "rayleigh_block" else (8, 1 << 16)
    rng = np.random.default_rng(8)
    symbols = ((rng.integers(0, 2, (batch, count, 2)) * 2 - 1) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)
    received = Link(model, 6.0).transmit(symbols)
    deviation = (received.symbols.numpy() - symbols).astype(np.complex128)
    scaled = deviation / np.sqrt(received.noise_variance.numpy().astype(np.float64))
    assert_mean(np.abs(scaled) ** 2, 1.0)
    assert_mean(scaled.real**2, 0.5)
    assert_mean(scaled.real, 0.0)
    assert_mean(scaled.imag, 0.0)
    assert_mean(scaled.real * scaled.imag, 0.0)
    assert_mean((np.abs(scaled) ** 2 - 1) / received.noise_variance.numpy(), 0.0)
    assert_mean((scaled * symbols.conj()).real, 0.0)


@pytest.mark.parametrize("model", FADING)
def test_fading_keeps_es_n0_of_unequal_blocks(model):
    """N0/|h|² over the block's energy is 1/(SNR·|h|²): its inverse has the SNR as mean."""
    randomness.seed(9)
    symbols, energy = unequal_blocks(1 << 15, 4)
    received = Link(model, 4.0).transmit(symbols)
    snr = energy[:, None] / received.noise_variance.numpy().astype(np.float64)
    assert_mean(snr[:, 0], 10**0.4)


@pytest.mark.parametrize("model", ["awgn", *FADING])
def test_a_seed_repeats_a_transmission_and_another_does_not(model):
    symbols, _ = unequal_blocks(3, 64)
    results = []
    for seed in (10, 10, 11):
        randomness.seed(seed)
        results.append(Link(model, 2.0).transmit(symbols).symbols.numpy())
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).all()


@pytest.mark.parametrize("model", FADING)
def test_the_same_seed_meets_the_same_fading_whatever_is_sent(model):
    first, _ = unequal_blocks(5, 32, seed=1)
    second, _ = unequal_blocks(5, 32, seed=2)
    gain = []
    for symbols, snr_db in ((first, 0.0), (second, 10.0)):
        randomness.seed(12)
        received = Link(model, snr_db, "nominal").transmit(symbols)
        gain.append(10 ** (-snr_db / 10) / received.noise_variance.numpy())
    np.testing.assert_allclose(*gain, rtol=1e-5)


def test_dtypes():
    received = Link("rayleigh_block", 2.0).transmit(np.ones((3, 5), np.complex64))
    assert (received.symbols.dtype, received.symbols.shape) == (tf.complex64, (3, 5))
    assert (received.noise_variance.dtype, received.noise_variance.shape) == (tf.float32, (3, 5))
    assert (received.power.dtype, received.power.shape) == (tf.float32, (3,))
