"""What the transmitter's amplifier sees: the symbols themselves, or the sum of the subcarriers of OFDM."""

import tensorflow as tf

#: Samples of an OFDM symbol over its subcarriers, so that peaks between samples are seen too.
OVERSAMPLING = 4


def to_samples(symbols: tf.Tensor, subcarriers: int | None) -> tf.Tensor:
    """The samples of a block.

    OFDM symbols are filled one after the other; what the last one has left is empty. Cyclic prefixes repeat
    samples and are left out. A shift of all frequencies changes no amplitude, so that subcarriers are
    numbered from 0.

    Parameters
    ----------
    symbols : [batch, k], complex64
        Zero where nothing is sent.
    subcarriers : int or None
        Of an OFDM symbol; None is a single carrier, whose samples are the symbols.

    Returns
    -------
    [batch, samples], complex64
        Of the mean energy of the symbols, where OFDM symbols are full.
    """
    if subcarriers is None:
        return symbols
    batch, count = tf.unstack(tf.shape(symbols))
    used = tf.pad(symbols, [[0, 0], [0, -count % subcarriers]])
    used = tf.reshape(used, [batch, -1, subcarriers])
    spectrum = tf.pad(used, [[0, 0], [0, 0], [0, (OVERSAMPLING - 1) * subcarriers]])
    return tf.reshape(tf.signal.ifft(spectrum) * (OVERSAMPLING * subcarriers**0.5), [batch, -1])


def to_symbols(samples: tf.Tensor, count, subcarriers: int | None) -> tf.Tensor:
    """The inverse of `to_samples` for `count` symbols; what lies beside the subcarriers is filtered out."""
    if subcarriers is None:
        return samples
    length = OVERSAMPLING * subcarriers
    spectrum = tf.signal.fft(tf.reshape(samples, [tf.shape(samples)[0], -1, length]))
    used = spectrum[..., :subcarriers] / (OVERSAMPLING * subcarriers**0.5)
    return tf.reshape(used, [tf.shape(samples)[0], -1])[:, :count]
