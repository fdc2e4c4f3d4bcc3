"""Encoding by back-substitution in the blocks of a quasi-cyclic parity-check matrix.

A block row says that the sum of its shifted columns is zero. A row with one unknown column gives that column.
Where no row has only one unknown, a sum of leading rows may: the first four rows of both NR base graphs add
up to one in which only the first parity column is left (T. Richardson, R. Urbanke, "Efficient encoding of
low-density parity-check codes", IEEE Trans. Inf. Theory 47, 2001). The order is found once for each code.
"""

import numba
import numpy as np

from linksim.phy.ldpc.code import QuasiCyclicCode


class Encoder:
    """Systematic encoder of one code.

    Parameters
    ----------
    code : QuasiCyclicCode

    Raises
    ------
    ValueError
        When back-substitution does not solve the code.
    """

    def __init__(self, code: QuasiCyclicCode):
        self.code = code
        steps = _back_substitution(code)
        terms = [term for _, _, terms in steps for term in terms]
        self._targets = np.array([target for target, _, _ in steps])
        self._target_shifts = np.array([shift for _, shift, _ in steps])
        self._starts = np.cumsum([0] + [len(terms) for _, _, terms in steps])
        self._columns = np.array([column for column, _ in terms])
        self._shifts = np.array([shift for _, shift in terms])

    def __call__(self, bits: np.ndarray) -> np.ndarray:
        """Information bits `[batch, k]` to words of the mother code `[batch, length]`, both uint8."""
        words = np.zeros((len(bits), self.code.length), np.uint8)
        words[:, : self.code.k] = bits
        _substitute(
            words, self.code.lifting, self._targets, self._target_shifts, self._starts, self._columns,
            self._shifts,
        )  # fmt: skip
        return words


def _back_substitution(code):
    """Steps `(column, shift, terms)`: the column, shifted, is the sum of `terms`, shifted known ones."""
    rows = [set() for _ in code.shifts]
    for row, column, shift in zip(*code.edges()):
        rows[row].add((int(column), int(shift)))
    unknown = set(range(code.systematic // code.lifting, code.shifts.shape[1]))
    steps = []
    while unknown:
        for equation in _equations(rows):
            unsolved = [term for term in equation if term[0] in unknown]
            if len(unsolved) == 1:
                break
        else:
            raise ValueError("no sum of block rows has a single unknown column")
        ((column, shift),) = unsolved
        steps.append((column, shift, sorted(equation - {unsolved[0]})))
        unknown.remove(column)
        rows = [row for row in rows if any(term[0] in unknown for term in row)]
    return steps


def _equations(rows):
    """Every row, then the sums of the first two, three, … rows; equal terms cancel."""
    yield from rows
    total = set()
    for row in rows:
        total = total ^ row
        yield total


@numba.njit(cache=True, nogil=True)
def _substitute(words, lifting, targets, target_shifts, starts, columns, shifts):
    """Fill in the parity columns of words `[batch, length]`."""
    total = np.empty(lifting, np.uint8)
    for word in words:
        for step in range(targets.size):
            total[:] = 0
            for term in range(starts[step], starts[step + 1]):
                column = columns[term] * lifting
                shift = shifts[term]
                head = lifting - shift
                for j in range(head):
                    total[j] ^= word[column + shift + j]
                for j in range(shift):
                    total[head + j] ^= word[column + j]
            column = targets[step] * lifting
            shift = target_shifts[step]
            head = lifting - shift
            for j in range(head):
                word[column + shift + j] = total[j]
            for j in range(shift):
                word[column + j] = total[head + j]
