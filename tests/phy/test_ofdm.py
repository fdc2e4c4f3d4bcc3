"""OFDM over TDL and CDL: profiles against TR 38.901, Doppler against J0, the receiver against Sionna's."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import j0
from scipy.stats import ks_2samp
from sionna.phy.channel import ApplyOFDMChannel
from sionna.phy.mimo import StreamManagement
from sionna.phy.ofdm import LMMSEEqualizer, LSChannelEstimator, ResourceGrid, ResourceGridMapper

from linksim.phy import randomness
from linksim.phy.channels import CHANNELS, Medium, create
from linksim.phy.channels.ofdm import OFDMChannel, weights
from linksim.phy.link import Link
from linksim.scenario.channels import LAST_PATH, OFDM

#: Normalised delay and power in dB of each path: tables 7.7.2-1, -2 and -4 of TR 38.901.
TDL_A = """0 -13.4, 0.3819 0, 0.4025 -2.2, 0.5868 -4, 0.4610 -6, 0.5375 -8.2, 0.6708 -9.9, 0.5750 -10.5,
    0.7618 -7.5, 1.5375 -15.9, 1.8978 -6.6, 2.2242 -16.7, 2.1718 -12.4, 2.4942 -15.2, 2.5119 -10.8,
    3.0582 -11.3, 4.0810 -12.7, 4.4579 -16.2, 4.5695 -18.3, 4.7966 -18.9, 5.0066 -16.6, 5.3043 -19.9,
    9.6586 -29.7"""
TDL_B = """0 0, 0.1072 -2.2, 0.2155 -4, 0.2095 -3.2, 0.2870 -9.8, 0.2986 -1.2, 0.3752 -3.4, 0.5055 -5.2,
    0.3681 -7.6, 0.3697 -3, 0.5700 -8.9, 0.5283 -9, 1.1021 -4.8, 1.2756 -5.7, 1.5474 -7.5, 1.7842 -1.9,
    2.0169 -7.6, 2.8294 -12.2, 3.0219 -9.8, 3.6187 -11.4, 4.1067 -14.9, 4.2790 -9.2, 4.7834 -11.3"""
TDL_D = """0 -0.2, 0 -13.5, 0.035 -18.8, 0.612 -21, 1.363 -22.8, 1.405 -17.9, 1.804 -20.1, 2.596 -21.9,
    1.775 -22.9, 4.042 -27.8, 7.937 -23.6, 9.424 -24.8, 9.708 -30, 12.525 -27.7"""

#: 20 sinusoids make each path of a TDL, so the fourth moment of a gain falls short of a Gaussian's.
SINUSOIDS = 20

STILL = {"speed_kmh": 0.0}
FLAT = {"delay_spread_ns": 0.0, "speed_kmh": 0.0, "fft_size": 4, "cyclic_prefix": 0}


def profile(table):
    """Normalised delays and powers that add up to 1."""
    delays, powers = np.array([pair.split() for pair in table.split(",")], float).T
    return delays, 10 ** (powers / 10) / (10 ** (powers / 10)).sum()


def assert_mean(sample, expected, errors=5.0):
    """The mean over the first axis lies within so many standard errors, in real and imaginary part."""
    sample = np.asarray(sample)
    for part in (np.real, np.imag):
        found, spread = part(sample), part(sample).std(axis=0) / np.sqrt(len(sample))
        assert (np.abs(found.mean(axis=0) - part(expected)) <= errors * spread + 1e-6).all()


def gains(seed, batch, slots=1, **parameters):
    """h as the Link's channel draws it, complex128 `[batch, antennas, 14·slots, fft_size]`."""
    randomness.seed(seed)
    drawn = OFDMChannel(OFDM(**parameters)).fading(batch, slots).numpy().astype(np.complex128)
    return drawn.reshape(*drawn.shape[:2], -1, drawn.shape[-1])


def qpsk(batch, count, seed=1):
    bits = np.random.default_rng(seed).integers(0, 2, (batch, count, 2))
    return ((2 * bits - 1) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)


def scaled_errors(link, symbols):
    """Errors behind the equaliser over the standard deviation that the Link states."""
    received = link.transmit(symbols)
    return (received.symbols.numpy() - symbols) / np.sqrt(received.noise_variance.numpy())


@pytest.mark.parametrize(("name", "table"), [("tdl-a", TDL_A), ("tdl-b", TDL_B), ("tdl-d", TDL_D)])
def test_power_delay_profile(name, table):
    """Correlation over frequency is the Fourier transform of the power delay profile."""
    h = gains(1, 4096, profile=name, delay_spread_ns=100, fft_size=64, subcarrier_spacing_khz=120, **STILL)
    h = h[:, 0, 0]
    delays, powers = profile(table)
    steps = np.arange(64)
    expected = np.exp(-2j * np.pi * 120e3 * steps[:, None] * delays * 100e-9) @ powers
    assert_mean(h * h[:, :1].conj(), expected)


@pytest.mark.parametrize(("name", "table"), [("tdl-a", TDL_A), ("tdl-d", TDL_D)])
def test_powers_and_delays_of_the_paths(name, table):
    randomness.seed(2)
    channel = OFDMChannel(OFDM(profile=name, delay_spread_ns=30, **STILL))
    paths, found = channel._profile(8192, 1, 1e4)
    delays, powers = profile(table)
    if name == "tdl-d":  # line of sight and the first path arrive together
        delays, powers = delays[1:], np.concatenate([[powers[:2].sum()], powers[2:]])
    np.testing.assert_allclose(found[0, 0, 0], delays * 30e-9, rtol=1e-5)
    measured = np.abs(paths.numpy()[:, 0, 0, 0, 0, :, 0]) ** 2
    assert_mean(measured, powers)


def test_the_longest_delays_are_known_to_the_schema():
    for letter, longest in LAST_PATH.items():
        found = []
        for family in ("tdl", "cdl"):
            name = f"{family}-{letter}"
            channel = OFDMChannel(OFDM(profile=name, delay_spread_ns=10, cyclic_prefix=9))
            found.append(float(tf.reduce_max(channel._profile(1, 1, 1e4)[1])) / 10e-9)
        assert max(found) == pytest.approx(longest, rel=1e-4)


def test_doppler_is_jakes():
    """Correlation over time is J0(2π·f_d·τ): at 120 km/h and 3.5 GHz f_d is 389 Hz."""
    h = gains(3, 1024, slots=4, speed_kmh=120, fft_size=4, cyclic_prefix=1)[:, 0, :, 0]
    duration = (1 + 1 / 4) / 30e3
    doppler = 120 / 3.6 / 299_792_458 * 3.5e9
    expected = j0(2 * np.pi * doppler * duration * np.arange(56))
    assert_mean(h * h[:, :1].conj(), expected)
    assert expected.min() < -0.35  # beyond the first zero


def test_doppler_of_a_line_of_sight():
    """The line of sight comes from 45° and turns by f_d·cos 45°; the rest is Jakes'."""
    h = gains(4, 1024, slots=4, profile="tdl-d", speed_kmh=120, fft_size=4, cyclic_prefix=1)[:, 0, :, 0]
    turn = 2 * np.pi * 120 / 3.6 / 299_792_458 * 3.5e9 * (1 + 1 / 4) / 30e3 * np.arange(56)
    _, powers = profile(TDL_D)
    expected = powers[0] * np.exp(1j * turn * np.cos(np.pi / 4)) + (1 - powers[0]) * j0(turn)
    assert_mean(h * h[:, :1].conj(), expected)


@pytest.mark.parametrize("name", [f"{family}-{letter}" for family in ("tdl", "cdl") for letter in "abcde"])
def test_mean_gain_is_1_on_every_antenna(name):
    h = gains(5, 1024, profile=name, rx_antennas=2, fft_size=64)
    assert_mean((np.abs(h) ** 2).mean(axis=(2, 3)), 1.0)


def test_slots_of_an_image_follow_each_other_and_images_are_independent():
    h = gains(6, 2048, slots=3, fft_size=4, cyclic_prefix=1)[:, 0, :, 0]
    assert np.abs(h[:, 14] - h[:, 13]).max() < 0.02  # at 3 km/h
    assert_mean(h[1:, 0] * h[:-1, 0].conj(), 0.0)


def test_flat_and_still_it_is_block_fading():
    """Within the moments of 20 sinusoids, one gain for an image with the law of `rayleigh_block`."""
    found = []
    for model in ("ofdm", "rayleigh_block"):
        randomness.seed(7)
        received = Link(model, 0.0, ofdm=OFDM(**FLAT)).transmit(np.ones((1 << 13, 60), np.complex64))
        gain = 1 / received.noise_variance.numpy().astype(float)
        np.testing.assert_allclose(gain, np.repeat(gain[:, :1], 60, axis=1), rtol=1e-4)
        found.append(gain[:, 0])
    _, powers = profile(TDL_A)
    assert_mean(found[0], 1.0)
    assert_mean((found[0] - 1) ** 2, 1 - (powers**2).sum() / SINUSOIDS)
    assert ks_2samp(*found).pvalue > 0.001


def test_antennas_add_their_gains():
    """Four antennas: the mean SNR grows by 4, its spread falls as that of a sum of four."""
    randomness.seed(8)
    link = Link("ofdm", 0.0, ofdm=OFDM(**FLAT, rx_antennas=4))
    received = link.transmit(np.ones((1 << 13, 4), np.complex64))
    gain = 1 / received.noise_variance.numpy().astype(float)[:, 0]
    assert_mean(gain, 4.0)
    _, powers = profile(TDL_A)
    assert_mean((gain - 4) ** 2, 4 * (1 - (powers**2).sum() / SINUSOIDS))


@pytest.mark.parametrize("power", ["measured", "nominal"])
@pytest.mark.parametrize("antennas", [1, 3])
def test_errors_have_the_stated_variance(power, antennas):
    """Over k symbols that fill neither slots nor OFDM symbols, of blocks whose energies differ."""
    randomness.seed(9)
    scale = np.array([0.3, 1.0, 3.0], np.float32)[:, None]
    symbols = scale * qpsk(3, 7000)
    link = Link("ofdm", 4.0, power, ofdm=OFDM(rx_antennas=antennas, speed_kmh=50))
    errors = scaled_errors(link, symbols)
    for image in errors:
        assert_mean(np.abs(image) ** 2, 1.0)
        assert_mean(image, 0.0)
    received = link.transmit(symbols)
    assert received.symbols.shape == received.noise_variance.shape == (3, 7000)
    np.testing.assert_allclose(received.power, scale[:, 0] ** 2, rtol=1e-4)


def test_snr_is_per_resource_element():
    """The mean of 1/(noise variance) over the block's energy is the SNR, whatever the energy."""
    randomness.seed(10)
    symbols = 3 * qpsk(2048, 8)
    received = Link("ofdm", 6.0, ofdm=OFDM(**FLAT)).transmit(symbols)
    assert_mean(9 / received.noise_variance.numpy().astype(float)[:, 0], 10**0.6)


@pytest.mark.parametrize("interpolation", ["nn", "lin", "lin_time_avg"])
def test_estimates_have_the_stated_errors_on_a_still_channel(interpolation):
    """With four antennas hardly anything fades, and at 25 dB the error's square is small beside it."""
    randomness.seed(11)
    link = Link("ofdm", 25.0, csi="ls", interpolation=interpolation, ofdm=OFDM(rx_antennas=4, **STILL))
    errors = scaled_errors(link, 2 * qpsk(40, 3072))
    by_symbol = (np.abs(errors) ** 2).reshape(40, 12, 256).mean(axis=(0, 2))
    np.testing.assert_allclose(by_symbol, 1.0, atol=0.05)


def test_estimation_costs_and_averaging_pilots_helps_a_still_channel():
    """LS from the nearest pilot doubles the noise, the mean of two pilots adds half: 3 dB and 1.8 dB."""
    error = {}
    for csi, interpolation in [("perfect", None), ("ls", "nn"), ("ls", "lin_time_avg")]:
        randomness.seed(12)
        link = Link("ofdm", 20.0, csi=csi, interpolation=interpolation, ofdm=OFDM(rx_antennas=4, **STILL))
        symbols = qpsk(40, 3072)
        error[interpolation] = np.mean(np.abs(link.transmit(symbols).symbols.numpy() - symbols) ** 2)
    assert error["nn"] / error[None] == pytest.approx(2, rel=0.05)
    assert error["lin_time_avg"] / error[None] == pytest.approx(1.5, rel=0.05)


def test_an_average_over_time_lags_behind_a_fast_channel():
    error = {}
    for interpolation in ("lin", "lin_time_avg"):
        randomness.seed(13)
        link = Link("ofdm", 30.0, csi="ls", interpolation=interpolation, ofdm=OFDM(speed_kmh=300))
        symbols = qpsk(20, 3072)
        error[interpolation] = np.median(np.abs(link.transmit(symbols).symbols.numpy() - symbols) ** 2)
    assert error["lin_time_avg"] > 3 * error["lin"]


@pytest.mark.parametrize("pilots", [(2, 11), (0,), (1, 5, 13)])
@pytest.mark.parametrize("csi", ["perfect", "nn", "lin", "lin_time_avg"])
def test_grid_estimator_and_equaliser_are_sionnas(csi, pilots):
    """Data order, estimates between pilots, combining and noise variance of one slot, without noise."""
    parameters = OFDM(fft_size=12, cyclic_prefix=3, rx_antennas=2, pilots=pilots, speed_kmh=400)
    channel = OFDMChannel(parameters, None if csi == "perfect" else csi)
    randomness.seed(14)
    h = channel.fading(5, 1)
    channel.fading = lambda batch, slots: h
    channel._awgn = lambda signal, noise_variance: signal
    symbols = qpsk(5, (14 - len(pilots)) * 12)
    n0 = tf.fill([5, 1], 0.1)
    equalised, variance = channel(tf.constant(symbols), n0, tf.ones([5, 1]))

    grid = ResourceGrid(14, 12, 30e3, pilot_pattern="kronecker", pilot_ofdm_symbol_indices=list(pilots))
    known = tf.transpose(h, [0, 2, 1, 3, 4])[:, :, :, None, None]
    sent = ResourceGridMapper(grid)(tf.constant(symbols)[:, None, None])
    received = ApplyOFDMChannel()(sent, known)
    error = tf.zeros_like(tf.math.real(known))
    if csi != "perfect":
        known, error = LSChannelEstimator(grid, csi)(received, n0[:, 0])
    expected, expected_variance = LMMSEEqualizer(grid, StreamManagement([[1]], 1))(
        received, known, error, n0[:, 0]
    )
    np.testing.assert_allclose(equalised, expected[:, 0, 0], rtol=2e-3, atol=2e-4)
    if csi in ("perfect", "nn"):  # Sionna interpolates error variances like gains, which they are not
        np.testing.assert_allclose(variance, expected_variance[:, 0, 0], rtol=2e-3)


def test_weights_of_pilots():
    for interpolation in ("nn", "lin", "lin_time_avg"):
        np.testing.assert_allclose(weights([3, 7, 12], interpolation).sum(axis=1), 1)
    np.testing.assert_allclose(weights([3, 7], "lin") @ [3, 7], np.arange(14))
    np.testing.assert_array_equal(weights([3, 7], "nn") @ [3, 7], [3] * 6 + [7] * 8)


def test_a_seed_repeats_a_transmission_and_the_channel_does_not_follow_what_is_sent():
    found = []
    for symbols in (qpsk(3, 100), qpsk(3, 100), 2 * qpsk(3, 100, seed=2)):
        randomness.seed(15)
        found.append(Link("ofdm", 5.0, "nominal").transmit(symbols))
    np.testing.assert_array_equal(found[0].symbols, found[1].symbols)
    np.testing.assert_array_equal(found[0].noise_variance, found[2].noise_variance)


def test_nothing_sent_and_empty_rows():
    mask = np.array([[False] * 20, [True] * 10 + [False] * 10])
    symbols = np.where(mask, qpsk(2, 20), 0).astype(np.complex64)
    for csi in ("perfect", "ls"):
        received = Link("ofdm", 5.0, csi=csi).transmit(symbols, mask)
        assert np.isfinite(received.symbols.numpy()).all()
        np.testing.assert_allclose(received.power, [0, 1], rtol=1e-5)


def test_precoded_block_fading_is_as_good_as_equalised():
    """With `both` the transmitter turns the phase back: same gains, same noise variances, no bias."""
    for model in ("rayleigh_block", "rayleigh_fast"):
        variances = []
        for csi in ("perfect", "both"):
            randomness.seed(16)
            link = Link(model, 3.0, csi=csi)
            variances.append(link.transmit(qpsk(50, 64)).noise_variance.numpy())
        np.testing.assert_allclose(*variances, rtol=1e-5)
        randomness.seed(17)
        assert_mean(np.abs(scaled_errors(link, qpsk(1 << 14, 2))[:, 0]) ** 2, 1.0)


@pytest.mark.parametrize(
    ("model", "csi"), [("awgn", "both"), ("awgn", "ls"), ("rayleigh_fast", "ls"), ("ofdm", "both")]
)
def test_refuses_knowledge_that_a_channel_cannot_give(model, csi):
    assert model in CHANNELS
    with pytest.raises(ValueError, match="choose from"):
        create(Medium(model, csi))
