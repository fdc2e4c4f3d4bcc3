"""Regular LDPC codes after Gallager, made by pyldpc.

Gallager's construction (R. G. Gallager, Low-density parity-check codes, 1962): a parity-check matrix of n
columns with d_v ones in each column and d_c in each row, as d_v bands that are permutations of the first one.
The rows of every band add up to the all-ones row, so at least d_v − 1 rows depend on others and the code has
more information bits than n·(1 − d_v/d_c).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.sparse

#: Ones in each column and each row by (k, n).
DEGREES = {(338, 672): (3, 6), (422, 672): (3, 8), (506, 672): (3, 12), (548, 672): (3, 16)}

#: Of the permutations.
_SEED = 1


@dataclass(frozen=True, eq=False)
class GallagerCode:
    """A code by its matrices; the first k bits of a word are the information.

    Attributes
    ----------
    generator : [n, k], uint8
    checks : sparse [rows, n], uint8
        The parity-check matrix H; some of its rows depend on others.
    """

    generator: np.ndarray
    checks: scipy.sparse.csr_matrix

    @property
    def k(self) -> int:
        """Information bits."""
        return self.generator.shape[1]

    @property
    def n(self) -> int:
        """Sent bits."""
        return self.generator.shape[0]

    @property
    def length(self) -> int:
        """Bits of a word; all are sent."""
        return self.n

    @property
    def systematic(self) -> int:
        """Bits of a word before its parity bits."""
        return self.k

    @property
    def sent(self) -> np.ndarray:
        """The sent bits, as places in the word, int32 `[n]`."""
        return np.arange(self.n, dtype=np.int32)

    def parity_check_matrix(self) -> scipy.sparse.csr_matrix:
        """The parity-check matrix H, `[rows, n]`."""
        return self.checks

    def encode(self, bits: np.ndarray) -> np.ndarray:
        """Information bits `[batch, k]` to words `[batch, n]`, both uint8."""
        # Products of float32 count exactly up to 2^24 and are fast.
        words = bits.astype(np.float32) @ self.generator.T.astype(np.float32)
        return (words.astype(np.int32) & 1).astype(np.uint8)


@cache
def gallager_code(k: int, n: int) -> GallagerCode:
    """The code of k information bits and n sent bits, always the same one.

    Parameters
    ----------
    k, n : int
        A key of `DEGREES`.

    Raises
    ------
    ImportError
        When pyldpc is not installed.
    ValueError
        When pyldpc makes another number of information bits.
    """
    from pyldpc import make_ldpc  # optional: it compiles when it is imported

    checks, generator = make_ldpc(n, *DEGREES[k, n], systematic=True, sparse=True, seed=_SEED)
    if generator.shape != (n, k):
        raise ValueError(f"pyldpc made a code of {generator.shape[1]} information bits, not {k}")
    return GallagerCode(generator.astype(np.uint8), scipy.sparse.csr_matrix(checks.astype(np.uint8)))
