"""Sionna's belief propagation, the reference decoder: flooding schedule, boxplus-phi check nodes."""

import numpy as np
import tensorflow as tf
from sionna.phy.fec.ldpc import LDPCBPDecoder

from linksim.phy.ldpc.code import QuasiCyclicCode
from linksim.phy.ldpc.gallager import GallagerCode

#: LLR of a bit that is known; Sionna limits all values to it.
_CERTAIN = 20.0


class SionnaDecoder:
    """Sionna's LDPCBPDecoder for one code, in float32.

    Parameters
    ----------
    code : QuasiCyclicCode or GallagerCode
    iterations : int
        Flooding iterations; there is no early stop.
    compiled : bool
        Compile with XLA, which takes seconds for every batch size.
    """

    def __init__(self, code: QuasiCyclicCode | GallagerCode, iterations: int = 20, compiled: bool = False):
        self.code = code
        self._decoder = LDPCBPDecoder(
            code.parity_check_matrix(), num_iter=iterations, hard_out=True, llr_max=_CERTAIN
        )
        self._run = tf.function(
            self._decoder,
            autograph=False,
            jit_compile=compiled,
            input_signature=[tf.TensorSpec([None, code.length], tf.float32)],
        )

    def __call__(self, llr: np.ndarray) -> np.ndarray:
        """LLRs ln p(1)/p(0) `[batch, n]`, float32, to information bits `[batch, k]`, uint8."""
        code = self.code
        values = np.zeros((len(llr), code.length), np.float32)
        values[:, code.k : code.systematic] = -_CERTAIN
        values[:, code.sent] = llr
        return self._run(values).numpy()[:, : code.k].astype(np.uint8)
