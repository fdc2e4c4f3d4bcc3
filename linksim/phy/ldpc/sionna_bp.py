"""Sionna's belief propagation: flooding, boxplus-phi; the reference decoder."""

import tensorflow as tf
from sionna.phy.fec.ldpc import LDPC5GDecoder


class SionnaDecoder:
    """Sionna's LDPC5GDecoder for one mother code.

    Parameters
    ----------
    encoder : MotherCodeEncoder
    iterations : int
        Flooding iterations; there is no early stop.
    """

    def __init__(self, encoder, iterations: int):
        whole_buffer = encoder.n == encoder.n_ldpc - 2 * encoder.z - (encoder.k_ldpc - encoder.k)
        self._decoder = LDPC5GDecoder(
            encoder,
            num_iter=iterations,
            hard_out=True,
            return_infobits=True,
            prune_pcm=not whole_buffer,  # Sionna slices away everything when there is nothing to prune
        )

    def __call__(self, llr: tf.Tensor) -> tf.Tensor:
        return self._decoder(llr)
