"""OFDM over TR 38.901 profiles: delay spread, powers, Doppler, gain, stated noise; the amplifier."""

import numpy as np
import pytest
from scipy.special import erfc, j0

from linksim.phy import randomness
from linksim.phy.amplifier import rapp
from linksim.phy.channels.ofdm import OFDMChannel, weights
from linksim.phy.link import Link
from linksim.scenario.channels import OFDM
from linksim.scenario.link import Rapp

#: Delay of the strongest path over the delay spread, and its share of the power, from the powers in dB of
#: tables 7.7.2-1, -2 and -4, and 7.7.1-1 of CDL-A, of TR 38.901; in TDL-D the line of sight with the path of
#: the same delay.
STRONGEST = {
    "tdl-a": (0.3819, 0.28838),
    "tdl-b": (0.0, 0.14098),
    "tdl-d": (0.0, 0.92936),
    "cdl-a": (0.3819, 0.28838),
}

#: A cluster of a CDL has twenty rays, each with a phase of its own.
DRAWS = {"tdl": 10_000, "cdl": 2000}


def drawn(seed, batch, **parameters):
    """Path coefficients `[batch, paths]` and delays in seconds `[paths]`."""
    randomness.seed(seed)
    paths, delays = OFDMChannel(OFDM(**parameters))._profile(batch, 1, 1e4)
    return paths.numpy()[:, 0, 0, 0, 0, :, 0], delays.numpy()[0, 0, 0].astype(float)


@pytest.mark.parametrize("name", STRONGEST)
def test_power_of_a_path(name, verified):
    paths, delays = drawn(11, DRAWS[name[:3]], profile=name, delay_spread_ns=30)
    delay, share = STRONGEST[name]
    (index,) = np.flatnonzero(np.isclose(delays, delay * 30e-9, rtol=1e-4, atol=1e-13))
    power = np.abs(paths[:, index].astype(np.complex128)) ** 2
    tolerance = 3 * power.std() / np.sqrt(len(power)) + 1e-5
    block = f"{name.upper()}, power of the path at {delay:g}"
    verified(
        block,
        f"TR 38.901, table 7.7.{1 if name[0] == 'c' else 2}",
        share,
        power.mean(),
        (tolerance, "3 standard errors"),
    )


@pytest.mark.parametrize("name", ["tdl-a", "tdl-b", "tdl-c", "tdl-d", "tdl-e", "cdl-a", "cdl-b"])
def test_delay_spread(name, verified):
    """Profiles are scaled so that their RMS delay spread is the one asked for; drawn powers weigh it."""
    paths, delays = drawn(12, DRAWS[name[:3]], profile=name, delay_spread_ns=30)
    power = (np.abs(paths.astype(np.complex128)) ** 2).mean(axis=0)
    mean = power @ delays / power.sum()
    spread = np.sqrt(power @ (delays - mean) ** 2 / power.sum())
    tolerance = (0.6, "2%: rounding of the tables, draws")
    verified(f"{name.upper()}, RMS delay spread, ns", "TR 38.901, 7.7.3", 30.0, 1e9 * spread, tolerance)


@pytest.mark.parametrize("speed_kmh", [30, 120])
def test_doppler(speed_kmh, verified):
    """Correlation of a gain with itself 2 ms later."""
    randomness.seed(13)
    channel = OFDMChannel(OFDM(speed_kmh=speed_kmh, fft_size=4, cyclic_prefix=1))
    h = channel.fading(2000, 4).numpy().reshape(2000, -1, 4)[:, :, 0].astype(np.complex128)
    steps = 48
    product = (h[:, steps] * h[:, 0].conj()).real
    doppler = speed_kmh / 3.6 / 299_792_458 * 3.5e9
    expected = float(j0(2 * np.pi * doppler * steps * 1.25 / 30e3))
    tolerance = (3 * product.std() / np.sqrt(len(product)), "3 standard errors")
    block = f"TDL-A, correlation over 2 ms at {speed_kmh} km/h"
    verified(block, "J0, Clarke 1968", expected, product.mean(), tolerance)


@pytest.mark.parametrize(("name", "antennas"), [("tdl-a", 1), ("tdl-a", 4), ("cdl-c", 2)])
def test_mean_gain(name, antennas, verified):
    randomness.seed(14)
    link = Link("ofdm", 60.0, ofdm=OFDM(profile=name, rx_antennas=antennas, fft_size=64))
    received = link.transmit(np.ones((4000, 64), np.complex64))
    gain = (1e-6 / received.noise_variance.numpy().astype(float)).mean(axis=1)
    tolerance = (3 * gain.std() / np.sqrt(len(gain)), "3 standard errors")
    block = f"mean gain of {name.upper()} on {antennas} antennas"
    verified(block, "definition", antennas, gain.mean(), tolerance)


@pytest.mark.parametrize(
    ("csi", "tolerance"),
    [("perfect", "3 standard errors"), ("ls", "3%: the estimate's error is not independent of it")],
)
def test_stated_noise(csi, tolerance, verified):
    randomness.seed(15)
    link = Link("ofdm", 20.0, csi=csi, ofdm=OFDM(rx_antennas=4))
    received = link.transmit(np.ones((40, 3072), np.complex64))
    errors = np.abs(received.symbols.numpy() - 1) ** 2 / received.noise_variance.numpy()
    number = 3 / np.sqrt(errors.size) if csi == "perfect" else 0.03
    block = f"error variance over the stated, OFDM, csi {csi}"
    verified(block, "definition", 1.0, errors.mean(), (number, tolerance))


def test_amplifier(verified):
    """At r = A Rapp's amplitude is A/2^(1/2p)."""
    out = rapp(np.ones((1, 1), np.complex64), np.ones(1, np.float32), 0.0, 2.0).numpy()[0, 0]
    verified("Rapp's amplifier at saturation, p = 2", "Rapp 1991", 2**-0.25, out.real, (1e-6, "float32"), 6)


@pytest.mark.parametrize("snr_db", [5.0, 15.0])
def test_bit_errors_with_estimated_gains(snr_db, verified):
    """BPSK on Rayleigh fading with a noisy estimate ĥ: (1 − ρ)/2, ρ the correlation of ĥ and what arrives.

    ρ = 1/√((1 + N0)(1 + N0·Σw²)), w the weights of the pilots; averaged over the symbols of a slot.
    """
    randomness.seed(18)
    parameters = OFDM(speed_kmh=0, fft_size=64)
    data = [symbol for symbol in range(14) if symbol not in parameters.pilots]
    noise = 10 ** (-snr_db / 10)
    spread = np.square(weights(list(parameters.pilots), "lin")[data]).sum(axis=1)
    expected = np.mean(0.5 - 0.5 / np.sqrt((1 + noise) * (1 + noise * spread)))
    bits = np.random.default_rng(18).integers(0, 2, (2000, 12 * 64))
    received = Link("ofdm", snr_db, csi="ls", ofdm=parameters).transmit((1 - 2 * bits).astype(np.complex64))
    ber = ((received.symbols.numpy().real < 0) != bits).mean(axis=1)
    tolerance = 3 * ber.std(ddof=1) / np.sqrt(len(ber)), "3 standard errors"
    block = f"BPSK, BER on TDL-A with csi ls at {snr_db:g} dB"
    verified(block, "Proakis and Salehi, 5th ed., app. C", expected, ber.mean(), tolerance)


def test_clipped_ofdm(verified):
    """The gain of a clipper for Gaussian samples, which is what many subcarriers add up to."""
    randomness.seed(19)
    symbols = np.random.default_rng(19).normal(size=(8, 12 * 256, 2)) @ [1, 1j] / np.sqrt(2)
    amplifier = Rapp(backoff_db=0.0, smoothness=50.0)
    link = Link("ofdm", 100.0, "nominal", amplifier=amplifier, ofdm=OFDM(delay_spread_ns=0))
    received = link.transmit(symbols.astype(np.complex64))
    left = np.abs(received.symbols.numpy() - symbols) ** 2
    gain = np.sqrt(received.power.numpy() / (np.square(np.abs(symbols)).mean(axis=1) + left.mean(axis=1)))
    expected = 1 - np.exp(-1) + np.sqrt(np.pi) / 2 * erfc(1)
    tolerance = 3 * gain.std(ddof=1) / np.sqrt(len(gain)) + 0.005, "3 standard errors + 0.005"
    verified(
        "gain of OFDM clipped at its mean power", "Ochiai and Imai 2002", expected, gain.mean(), tolerance
    )
