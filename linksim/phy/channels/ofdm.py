"""OFDM over the multipath profiles of 3GPP TR 38.901, equalised with known or estimated gains.

**The grid.** A slot has 14 OFDM symbols over `fft_size` subcarriers. Some OFDM symbols are pilots on all
subcarriers; the resource elements of the others carry data. The k symbols of an image fill them in order,
subcarrier by subcarrier, then OFDM symbol by OFDM symbol, and go on in the slots that follow at once: one
channel realisation runs through all slots of an image, and every image has its own. What a last slot has
left is empty, and the receiver drops it.

**The channel.** On the resource element of OFDM symbol t and subcarrier f, antenna r receives

    y_r = h_r(t, f)·x + n_r,    h_r(t, f) = Σ_p a_rp(t)·exp(−j2πfτ_p),

with the paths' coefficients a and delays τ from Sionna's TDL or CDL. That is OFDM without interference
between symbols or subcarriers: delays lie within the cyclic prefix (the scenario is refused otherwise), and
the channel stands still during an OFDM symbol. Profiles have mean power 1, so the mean of |h_r|² is 1 on
every antenna, and no single realisation is normalised: an image can fade.

**Knowledge of the channel.** With `perfect` the receiver knows h. With `ls` it divides what arrives on a
pilot by the pilot, which gives h + n/p (least squares), and combines the pilots of a slot linearly for each
of its OFDM symbols, subcarrier by subcarrier: ĥ(t) = Σ_p w_tp·(h(p) + n_p). A pilot's phase drops out, since
n/p has the law of n. Pilots have the mean energy of a symbol, so that the SNR on a pilot is the stated one.

**The equaliser.** For one transmit antenna and noise that is equal on all antennas, the unbiased linear
MMSE equaliser is maximum-ratio combining, whatever the energy of x:

    x̂ = Σ_r ĥ_r*·y_r / Σ_r |ĥ_r|²,    noise variance σ² / Σ_r |ĥ_r|²,    σ² = N0 + Es·N0/Ep·Σ_p w_tp²,

where the second term is the variance of the estimate's error as it meets x (Es/Ep is taken for 1). It is
Sionna's LMMSEEqualizer (tested), without a Cholesky decomposition for each element. As there, ĥ is taken for
independent of its error and interpolation for exact: where |ĥ|² does not exceed the error's variance by far,
or the channel moves between pilots, errors are larger than the variance says.
"""

import numpy as np
import tensorflow as tf
from sionna.phy import PI
from sionna.phy.channel import AWGN, subcarrier_frequencies
from sionna.phy.channel.tr38901 import CDL, TDL, PanelArray

from linksim.phy.channels import refuse_csi
from linksim.phy.channels.rayleigh import MIN_GAIN
from linksim.scenario.channels import OFDM, SLOT_SYMBOLS

_KMH = 1 / 3.6


class OFDMChannel:
    """Slots of OFDM over a TDL or CDL profile.

    Parameters
    ----------
    parameters : linksim.scenario.channels.OFDM
    interpolation : str or None
        How the receiver estimates the channel from pilots, as `weights` takes it; None: it knows it.
    """

    def __init__(self, parameters: OFDM, interpolation: str | None = None):
        spacing = parameters.subcarrier_spacing_khz * 1e3
        self.subcarriers = parameters.fft_size
        self._symbol_rate = spacing / (1 + parameters.cyclic_prefix / parameters.fft_size)
        self._frequencies = subcarrier_frequencies(parameters.fft_size, spacing)
        self._profile = _profile(parameters)
        self._pilots = list(parameters.pilots)
        self._data = [symbol for symbol in range(SLOT_SYMBOLS) if symbol not in self._pilots]
        self._weights = interpolation and weights(self._pilots, interpolation)[self._data]
        self._awgn = AWGN()

    @classmethod
    def of(cls, medium):
        """The channel of a `Medium`."""
        refuse_csi(medium, ("perfect", "ls"))
        return cls(medium.ofdm or OFDM(), (medium.interpolation or "lin") if medium.csi == "ls" else None)

    def __call__(self, symbols, noise_variance, pilot_energy):
        batch, count = tf.unstack(tf.shape(symbols))
        in_slot = len(self._data) * self.subcarriers
        slots = -(-count // in_slot)
        padded = tf.pad(symbols, [[0, 0], [0, slots * in_slot - count]])
        sent = tf.reshape(padded, [batch, 1, slots, len(self._data), self.subcarriers])
        noise, pilot_energy = (each[:, :, None, None, None] for each in (noise_variance, pilot_energy))

        fading = self.fading(batch, slots)
        gain = tf.gather(fading, self._data, axis=3)
        received = self._awgn(gain * sent, noise)
        if self._weights is not None:
            seen = tf.gather(fading, self._pilots, axis=3)
            # Where nothing is sent, nothing is known: the estimate is that of unit energy.
            seen = self._awgn(seen, noise / tf.where(pilot_energy > 0, pilot_energy, 1.0))
            gain = tf.einsum("tp,brspf->brstf", tf.constant(self._weights, tf.complex64), seen)
            noise *= 1 + tf.constant(np.square(self._weights).sum(axis=1)[:, None], tf.float32)
        equalised, variance = combine(received, gain, noise)
        return tuple(tf.reshape(each, [batch, slots * in_slot])[:, :count] for each in (equalised, variance))

    def fading(self, batch, slots):
        """Draw gains h, complex64 `[batch, antennas, slots, 14, fft_size]`, of slots one after the other."""
        paths, delays = self._profile(batch, slots * SLOT_SYMBOLS, self._symbol_rate)
        paths = tf.transpose(paths[:, 0, :, 0, 0], [0, 1, 3, 2])
        turns = delays[:, 0, 0, :, None] * self._frequencies
        gains = paths @ tf.exp(tf.complex(0.0, -2 * PI * turns))[:, None]
        return tf.reshape(gains, [batch, -1, slots, SLOT_SYMBOLS, self.subcarriers])


def weights(pilots: list[int], interpolation: str) -> np.ndarray:
    """What each pilot of a slot counts for in the estimates of its OFDM symbols.

    Parameters
    ----------
    pilots : list of int
        OFDM symbols that are pilots, rising.
    interpolation : str
        `nn`: the nearest pilot, of two the earlier; `lin`: linear between pilots, and beyond the outer ones;
        `lin_time_avg`: the mean of all pilots.

    Returns
    -------
    float [14, pilots]
        Rows add up to 1.

    Examples
    --------
    >>> weights([2, 11], "lin")[[0, 2, 5]].round(3).tolist()
    [[1.222, -0.222], [1.0, 0.0], [0.667, 0.333]]
    """
    time, at = np.arange(SLOT_SYMBOLS), np.asarray(pilots)
    if interpolation == "lin_time_avg" or len(at) == 1:
        return np.full((SLOT_SYMBOLS, len(at)), 1 / len(at))
    if interpolation == "nn":
        return np.eye(len(at))[np.abs(time[:, None] - at).argmin(axis=1)]
    left = np.clip(np.searchsorted(at, time, side="right") - 1, 0, len(at) - 2)
    share = ((time - at[left]) / (at[left + 1] - at[left]))[:, None]
    return (1 - share) * np.eye(len(at))[left] + share * np.eye(len(at))[left + 1]


def combine(received, gain, noise_variance):
    """Combine antennas by maximum ratio.

    Parameters
    ----------
    received, gain : [batch, antennas, ...], complex64
    noise_variance : broadcast against `gain` with one antenna, float32
        Of each antenna.

    Returns
    -------
    equalised, noise_variance : [batch, ...], complex64 and float32
    """
    strength = tf.reduce_sum(tf.square(tf.math.real(gain)) + tf.square(tf.math.imag(gain)), 1)
    strength = tf.maximum(strength, MIN_GAIN)
    equalised = tf.reduce_sum(tf.math.conj(gain) * received, 1) / tf.cast(strength, tf.complex64)
    return equalised, noise_variance[:, 0] / strength


def _profile(parameters):
    """Sionna's model of a profile: one transmit antenna, TDL's receive antennas without correlation, those of
    CDL in a row half a wavelength apart."""
    family, letter = parameters.profile.split("-")
    speed = parameters.speed_kmh * _KMH
    common = {
        "model": letter.upper(),
        "delay_spread": parameters.delay_spread_ns * 1e-9,
        "carrier_frequency": parameters.carrier_ghz * 1e9,
        "min_speed": speed,
        "max_speed": speed,
    }
    if family == "tdl":
        return TDL(**common, num_rx_ant=parameters.rx_antennas, los_angle_of_arrival=PI / 4)
    arrays = [
        PanelArray(
            num_rows_per_panel=1,
            num_cols_per_panel=antennas,
            polarization="single",
            polarization_type="V",
            antenna_pattern="omni",
            carrier_frequency=common["carrier_frequency"],
        )
        for antennas in (parameters.rx_antennas, 1)
    ]
    return CDL(**common, ut_array=arrays[0], bs_array=arrays[1], direction="downlink")
