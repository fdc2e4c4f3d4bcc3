"""The NR LDPC mother code by Sionna, as long as the standard's circular buffer can be read."""

import contextlib
import io

from sionna.phy.fec.ldpc import LDPC5GEncoder


class MotherCodeEncoder(LDPC5GEncoder):
    """Sionna's encoder that may give out every bit of the mother code.

    Sionna stops at 3k coded bits for base graph 1 and 5k for base graph 2. The circular buffer of TS 38.212
    clause 5.4.2.1 without its filler bits is a little longer, 44Z + k and 40Z + k.

    Parameters
    ----------
    k : int
        Bits of a code block, its CRC included.
    n : int
        Wanted coded bits; what lies beyond the buffer is left to the rate matching, which repeats.
    base_graph : int
        1 or 2, TS 38.212 clauses 6.2.2 and 7.2.2.

    Raises
    ------
    ValueError
        When k/n exceeds 0.95.
    """

    def __init__(self, k: int, n: int, base_graph: int):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints a warning above rate 948/1024
            super().__init__(k, min(n, (3 if base_graph == 1 else 5) * k), bg=f"bg{base_graph}")
        fillers = self.k_ldpc - k
        self._n = min(n, self.n_ldpc - 2 * self.z - fillers)
