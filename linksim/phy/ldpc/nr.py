"""The LDPC codes of 5G NR (TS 38.212 clause 5.3.2).

The tables of the two base graphs, 5.3.2-2 and 5.3.2-3, come with Sionna as files; they are read without
importing it.
"""

import csv
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from linksim.phy.ldpc.code import QuasiCyclicCode

#: Lifting sizes Z by set index i_LS, TS 38.212 table 5.3.2-1.
LIFTING_SIZES = tuple(
    tuple(base * 2**power for power in range(8) if base * 2**power <= 384)
    for base in (2, 3, 5, 7, 9, 11, 13, 15)
)

#: Block rows, block columns of each base graph.
_SHAPES = {1: (46, 68), 2: (42, 52)}

#: Block columns whose parity bits depend on one another; each later one has a block row of its own.
_CORE = 4

#: Block columns at the start that are never sent (clause 5.4.2.1).
_PUNCTURED = 2


@cache
def nr_code(k: int, n: int, base_graph: int) -> QuasiCyclicCode:
    """The NR code of k information bits, cut to what its first n sent bits need.

    Parameters
    ----------
    k : int
        K', bits of a code block, its CRC included.
    n : int
        Sent bits: the circular buffer of redundancy version 0 without its fillers, from its start. What lies
        beyond its end is left to the rate matching, which repeats; then the code's `n` is smaller.
    base_graph : int
        1 or 2.

    Raises
    ------
    ValueError
        When k is too large for the base graph.
    """
    rows, columns = _SHAPES[base_graph]
    lifting, set_index = _lifting(k, base_graph)
    systematic = (columns - rows) * lifting
    places = np.r_[_PUNCTURED * lifting : k, systematic : columns * lifting]
    sent = places[:n].astype(np.int32)
    needed = max(_CORE, -(-(int(sent[-1]) + 1 - systematic) // lifting))
    table = _base_graph(base_graph, set_index)[:needed, : columns - rows + needed]
    shifts = np.where(table < 0, -1, table % lifting).astype(np.int16)
    return QuasiCyclicCode(shifts, lifting, k, sent)


def _lifting(k, base_graph):
    """Z and i_LS: the smallest lifting size that holds k bits (clause 5.2.2)."""
    columns = 22 if base_graph == 1 else 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6
    sizes = [(size, index) for index, sizes in enumerate(LIFTING_SIZES) for size in sizes]
    fitting = [(size, index) for size, index in sizes if columns * size >= k]
    if not fitting:
        raise ValueError(f"base graph {base_graph} holds at most {columns * 384} bits, not {k}")
    return min(fitting)


@cache
def _base_graph(base_graph, set_index):
    """Shifts V_ij of one set index, −1 where there is no block."""
    folder = Path(find_spec("sionna").submodule_search_locations[0], "phy/fec/ldpc/codes")
    table = np.full(_SHAPES[base_graph], -1)
    row = 0
    with (folder / f"5G_bg{base_graph}.csv").open(encoding="utf-8", newline="") as file:
        for line in list(csv.reader(file, delimiter=";"))[2:]:  # after two lines of headings
            row = int(line[0]) if line[0] else row  # named in its first line only
            table[row, int(line[1])] = int(line[2 + set_index])
    return table
