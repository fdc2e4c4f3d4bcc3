"""Quasi-cyclic LDPC codes: the one description that encoder, decoders and tests are driven by.

The parity-check matrix consists of Z×Z blocks. Each is zero or the identity with its columns shifted
cyclically to the right: row j of a block with shift s has its one in column (j + s) mod Z. The codes here are
systematic: the last block columns, as many as there are block rows, hold the parity bits.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse


@dataclass(frozen=True, eq=False)
class QuasiCyclicCode:
    """A code with its puncturing and shortening.

    Attributes
    ----------
    shifts : [rows, columns], int16
        Shift of each block, below Z; −1 for the zero block.
    lifting : int
        Z, the side of a block.
    k : int
        Information bits, the first of the mother code. What is left of the systematic columns is filled with
        zeros that both ends know (shortening).
    sent : [n], int32
        The sent bits, as places in the mother code's word; all others are punctured.
    """

    shifts: np.ndarray
    lifting: int
    k: int
    sent: np.ndarray

    @property
    def n(self) -> int:
        """Sent bits."""
        return len(self.sent)

    @property
    def length(self) -> int:
        """Bits of the mother code's word."""
        return self.shifts.shape[1] * self.lifting

    @property
    def systematic(self) -> int:
        """Bits of the mother code's word before its parity bits: information and fillers."""
        return (self.shifts.shape[1] - self.shifts.shape[0]) * self.lifting

    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Block rows, block columns and shifts of the blocks that are not zero, row by row."""
        rows, columns = np.nonzero(self.shifts >= 0)
        return rows, columns, self.shifts[rows, columns].astype(int)

    def parity_check_matrix(self) -> scipy.sparse.csr_matrix:
        """The parity-check matrix H, `[rows·Z, columns·Z]`."""
        rows, columns, shifts = self.edges()
        lane = np.arange(self.lifting)
        row = rows[:, None] * self.lifting + lane
        column = columns[:, None] * self.lifting + (lane + shifts[:, None]) % self.lifting
        shape = (self.shifts.shape[0] * self.lifting, self.length)
        ones = np.ones(row.size, np.uint8)
        return scipy.sparse.csr_matrix((ones, (row.ravel(), column.ravel())), shape)
