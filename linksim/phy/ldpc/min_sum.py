"""A layered min-sum decoder with correction for quasi-cyclic LDPC codes, in integers or floats.

An LDPC decoder knows for every bit v a value L_v, the logarithm of its odds ln p(0)/p(1), and for every edge
between a check c and a bit v the message R_cv that the check last sent to the bit.

**Schedule.** The block rows of a quasi-cyclic code, Z checks that share no bit, are its layers. They are
worked off one after the other, and each reads what the ones before it have just written:

    Q_cv = L_v − R_cv          what the bit knows without this check
    R_cv = ⊞_{u≠v} Q_cu        what the others' parity says about it
    L_v  = Q_cv + R_cv

which needs about half the iterations of the flooding schedule, where all checks work from the same old values
(M. Mansour, N. Shanbhag, IEEE Trans. VLSI Syst. 11, 2003; D. Hocevar, SIPS 2004).

**Check nodes.** The exact sum, a ⊞ b = 2·artanh(tanh(a/2)·tanh(b/2)), has the product of the signs and

    |a ⊞ b| = min(|a|, |b|) − f(||a| − |b||) + f(|a| + |b|),    f(x) = ln(1 + e^−x).

Plain min-sum drops f and takes messages for surer than they are. A constant factor instead (normalised
min-sum) suits one code and not another: with the 3/4 that serves NR at rate 1/2, block errors at rate 1/3 and
16QAM are several times those of belief propagation. Here f is replaced by the straight line
max(0, c − x/4), which costs a few more instructions.

A check of degree d would need d such sums for d messages. Two suffice (A-min*; C. Jones, E. Vallés, M. Smith,
J. Villasenor, "Approximate-MIN* constraint node updating for LDPC code decoding", MILCOM 2003): the bit with
the smallest magnitude gets the sum of all others; every other bit gets the sum of all, its own included,
which hardly differs because the smallest term rules it. Both come out of one pass: of the smallest magnitude
so far and the new one the larger goes into the sum of the rest.

**Quantisation.** int16 with 16 steps per unit of LLR. Channel values are limited to ±64 units, messages to
what keeps every sum within 16 bits for the code's largest column degree (about 32 units for NR base graph 1),
so nothing has to saturate on the way. float32 does without limits; it is half as fast and not better.

**Stop.** After each iteration the parity checks of the hard decisions are tested; a codeword that meets them
is done. This depends on the codeword alone: neither threads nor neighbours can change a result.
"""

import numba
import numpy as np

from linksim.phy.ldpc import min_sum_kernel as kernel
from linksim.phy.ldpc.code import QuasiCyclicCode

#: Steps per unit of LLR, largest channel LLR, and f(0) of the line that stands for ln(1 + e^−x).
_STEPS, _CLIP, _CORRECTION = 16, 64, 0.625

#: Lanes are added while a layer stays within this.
_WIDE_ENOUGH = 256


class MinSumDecoder:
    """Decoder of one code.

    Parameters
    ----------
    code : QuasiCyclicCode
        With a lifting size of at most 512.
    iterations : int
        Largest number of iterations, at least 1.
    precision : str
        `int16` or `float32`.

    Raises
    ------
    ValueError
        When the lifting size is larger.
    """

    def __init__(self, code: QuasiCyclicCode, iterations: int = 20, precision: str = "int16"):
        self.code = code
        self._iterations = iterations
        if code.lifting > kernel.MAX_SPAN:
            raise ValueError(f"lifting size {code.lifting} is beyond {kernel.MAX_SPAN}")
        self._lanes = 1
        while 2 * self._lanes <= kernel.MAX_LANES and 2 * self._lanes * code.lifting <= _WIDE_ENOUGH:
            self._lanes *= 2
        self._graph, self._layout = _lay_out(code, self._lanes)
        self._dtype = np.dtype(precision).type
        steps, clip, cap = _STEPS, _CLIP * _STEPS, 0
        if precision == "int16":
            degree = int((code.shifts >= 0).sum(axis=0).max())
            # The sum of two values still has to fit.
            cap = (np.iinfo(np.int16).max // 2 - clip) // degree
        else:
            steps, clip, cap = 1, 1e6, 1e9
        self._scaling = (np.float32(steps), *(self._dtype(x) for x in (clip, cap, _CORRECTION * steps)))

    def __call__(self, llr: np.ndarray) -> np.ndarray:
        """LLRs ln p(1)/p(0) `[batch, n]`, float32, to information bits `[batch, k]`, uint8."""
        if llr.shape[1:] != (self.code.n,):
            raise ValueError(f"expected LLRs [batch, {self.code.n}], not {list(llr.shape)}")
        threads, span = numba.get_num_threads(), self._graph[-1]
        bits = np.empty((len(llr), self.code.k), np.uint8)
        kernel.decode(
            np.ascontiguousarray(llr, np.float32),
            self._layout,
            self._graph,
            self._lanes,
            self._iterations,
            self._scaling,
            np.empty((threads, 2 * span * self.code.shifts.shape[1]), self._dtype),
            np.empty((threads, span * len(self._graph[1])), self._dtype),
            np.empty((threads, kernel.WORK), self._dtype),
            bits,
        )
        return bits


def _lay_out(code, lanes):
    """What `min_sum_kernel.decode` takes as `graph` and `layout`."""
    rows, columns, shifts = code.edges()
    block_rows, block_columns = code.shifts.shape
    unrotated = np.zeros(block_columns, int)
    last = unrotated.copy()
    last[columns] = shifts  # of repeated indices the last one counts

    def offsets(rotation):
        """Where each edge reads, when columns start in this rotation and every edge leaves its own."""
        rotation, reads = rotation.copy(), np.empty(len(columns), int)
        for edge, (column, shift) in enumerate(zip(columns, shifts)):
            reads[edge] = (shift - rotation[column]) % code.lifting
            rotation[column] = shift
        return reads * lanes

    def runs(bits, rotation):
        """Neighbouring bits that stay neighbours among the doubled columns: first, place, length."""
        column, bit = np.divmod(bits, code.lifting)
        places = 2 * code.lifting * column + (bit - rotation[column]) % code.lifting
        first = np.flatnonzero(np.diff(places, prepend=-2) != 1)
        return np.stack([first, places[first], np.diff(first, append=len(places))], axis=1)

    starts = np.searchsorted(rows, np.arange(block_rows + 1))
    checks = (shifts - last[columns]) % code.lifting * lanes
    graph = (
        starts, np.ascontiguousarray(columns), offsets(unrotated), offsets(last), checks, code.lifting * lanes
    )  # fmt: skip
    layout = (
        runs(code.sent.astype(int), unrotated),
        runs(np.arange(code.k, code.systematic), unrotated),
        runs(np.arange(code.k), last),
    )
    return graph, layout
