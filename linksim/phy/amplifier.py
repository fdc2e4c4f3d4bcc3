"""The transmitter's power amplifier: Rapp's memoryless model of a solid-state amplifier."""

import tensorflow as tf


def rapp(symbols: tf.Tensor, mean_energy: tf.Tensor, backoff_db: float, smoothness: float) -> tf.Tensor:
    """Amplify symbols by r ↦ r / (1 + (r/A)^2p)^(1/2p), which leaves phases as they are.

    C. Rapp, "Effects of HPA-nonlinearity on a 4-DPSK/OFDM-signal for a digital sound broadcasting system",
    Second European Conference on Satellite Communications, 1991.

    Parameters
    ----------
    symbols : [batch, k], complex64
    mean_energy : [batch], float32
        Of each block, at the input.
    backoff_db : float
        A², the saturation power, over the mean energy, in dB.
    smoothness : float
        p.

    Returns
    -------
    [batch, k], complex64
    """
    saturation = tf.maximum(mean_energy[:, None] * 10 ** (backoff_db / 10), 1e-30)
    energy = tf.square(tf.math.real(symbols)) + tf.square(tf.math.imag(symbols))
    # Of q = (r/A)^2p, (1 + q)^(-1/2p) by way of the logarithm: q itself overflows far above saturation. The
    # lower bound keeps the slope finite at r = 0.
    log_q = smoothness * tf.math.log(tf.maximum(energy / saturation, 1e-30))
    return symbols * tf.cast(tf.exp(-tf.math.softplus(log_q) / (2 * smoothness)), tf.complex64)


def linear_part(symbols: tf.Tensor, amplified: tf.Tensor, sent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Split what an amplifier gives into a gain α and a distortion d: amplified = α·symbols + d.

    Parameters
    ----------
    symbols, amplified : [batch, k], complex64
    sent : [batch, k], float32
        1 where a symbol is sent, else 0.

    Returns
    -------
    gain : [batch], float32
        Least squares over the sent symbols, real; 1 where nothing is sent.
    distortion : [batch], float32
        Mean energy of d.
    """
    energy = tf.reduce_sum(sent * tf.math.real(symbols * tf.math.conj(symbols)), 1)
    product = tf.reduce_sum(sent * tf.math.real(amplified * tf.math.conj(symbols)), 1)
    gain = tf.where(energy > 0, product / tf.where(energy > 0, energy, 1.0), 1.0)
    left = amplified - tf.cast(gain, tf.complex64)[:, None] * symbols
    spread = tf.reduce_sum(sent * tf.math.real(left * tf.math.conj(left)), 1)
    return gain, tf.math.divide_no_nan(spread, tf.reduce_sum(sent, 1))
