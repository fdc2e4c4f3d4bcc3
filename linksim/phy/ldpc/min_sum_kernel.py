"""The compiled inner loops of the min-sum decoder; `linksim.phy.ldpc.min_sum` explains the method.

Everything is laid out so that an edge of the base graph is one loop over neighbouring numbers, which the
compiler turns into vector instructions:

- Lanes. Lifting sizes are often too short to fill vectors. Some codewords are therefore decoded side by side,
  their bits in turn, which looks to the loops like one codeword of lifting size Z·lanes.
- Rotation. A column is kept in the rotation in which its last edge used it, so that an edge reads from an
  offset and writes to the start; and it is stored twice in a row, so that reading never wraps around.
- Few arrays. The compiler has to make sure that the arrays of a loop do not overlap, so what belongs to a
  layer lies in one of them at fixed distances.

The same loops serve integers and floats; Numba compiles them for each and keeps the result on disk.
"""

import numba
import numpy as np
from numba.extending import overload

#: Longest layer, lifting size times lanes, and most lanes: a mask has a bit for each.
MAX_SPAN = 512
MAX_LANES = 32

# Where a layer's numbers lie in its working memory.
_SMALLEST, _REST, _PARITY, _THRESHOLD = 0, MAX_SPAN, 2 * MAX_SPAN, 3 * MAX_SPAN
WORK = 4 * MAX_SPAN


@numba.njit(parallel=True, cache=True, nogil=True)
def decode(llr, layout, graph, lanes, iterations, scaling, values, messages, work, bits):
    """Decode LLRs ln p(1)/p(0) `[batch, n]` to information bits `[batch, k]`, lanes of codewords in parallel.

    Parameters
    ----------
    llr : [batch, n], float32
    layout : (sent, fillers, information)
        Runs `[runs, 3]` of neighbouring bits: number of the first bit, its place among the values of a
        codeword, length of the run.
    graph : (starts, columns, first_reads, reads, checks, span)
        Edges of each block row `[rows + 1]`; of each edge the block column and the offsets to read at in the
        first iteration, in later ones and between iterations; the length of a layer, Z·lanes.
    lanes : int
        Codewords decoded side by side, at most `MAX_LANES`.
    iterations : int
    scaling : (scale, clip, cap, correction)
        Steps per unit of LLR; the largest channel value and message and the correction at 0, in steps.
    values, messages, work : [threads, …]
        Memory for each thread, of the arithmetic's dtype.
    bits : [batch, k], uint8
        Output.
    """
    batch = llr.shape[0]
    for group in numba.prange((batch + lanes - 1) // lanes):
        thread = numba.get_thread_id()
        chosen = slice(group * lanes, min((group + 1) * lanes, batch))
        _decode_group(
            llr[chosen], layout, graph, lanes, iterations, scaling, values[thread], messages[thread],
            work[thread], bits[chosen],
        )  # fmt: skip


@numba.njit(nogil=True)
def _decode_group(llr, layout, graph, lanes, iterations, scaling, values, messages, work, bits):
    """Decode up to `lanes` codewords side by side; each is written out when its parity checks first hold."""
    sent, fillers, information = layout
    starts, columns, first_reads, reads, checks, span = graph
    _load(llr, sent, fillers, lanes, span, scaling, values)
    messages[: starts[-1] * span] = 0
    open_lanes = np.uint64((1 << len(llr)) - 1)
    for iteration in range(iterations):
        offsets = first_reads if iteration == 0 else reads
        _iterate(starts, columns, offsets, span, scaling, values, messages, work)
        solved = open_lanes
        if iteration < iterations - 1:
            solved &= ~_failing(starts, columns, checks, span, lanes, open_lanes, values, work)
        if solved:
            _write(solved, information, lanes, values, bits)
            open_lanes &= ~solved
            if not open_lanes:
                return


@numba.njit(nogil=True)
def _load(llr, sent, fillers, lanes, span, scaling, values):
    """Quantise the channel's LLRs, from here on ln p(0)/p(1), into doubled columns."""
    scale, clip = np.float32(scaling[0]), np.float32(scaling[1])
    values[:] = 0
    for lane in range(len(llr)):
        for _, place, length in fillers:
            for j in range(length):
                values[(place + j) * lanes + lane] = scaling[1]
        for first, place, length in sent:
            for j in range(length):
                value = -scale * llr[lane, first + j]
                value = min(max(value, -clip), clip)
                values[(place + j) * lanes + lane] = _quantised(value, scaling[1])
    for start in range(0, values.size - span, 2 * span):
        for j in range(span):
            values[start + span + j] = values[start + j]


@numba.njit(nogil=True)
def _write(solved, information, lanes, values, bits):
    """Hard decisions on the information bits of the lanes in the mask."""
    for lane in range(len(bits)):
        if solved >> np.uint64(lane) & np.uint64(1):
            for first, place, length in information:
                for j in range(length):
                    bits[lane, first + j] = values[(place + j) * lanes + lane] < 0


@numba.njit(nogil=True)
def _iterate(starts, columns, reads, span, scaling, values, messages, work):
    """One iteration: every layer once, in place."""
    _, _, cap, correction = scaling
    cast = values.dtype.type
    length = np.uint64(span)
    for row in range(starts.size - 1):
        for j in range(length):
            work[_SMALLEST + j] = cap
            work[_REST + j] = cap
            work[_PARITY + j] = 1
        for edge in range(starts[row], starts[row + 1]):
            source = np.uint64(columns[edge] * 2 * span + reads[edge])
            own = np.uint64(edge * span)
            for j in range(length):
                extrinsic = cast(values[source + j] - messages[own + j])
                messages[own + j] = extrinsic
                magnitude = cast(-extrinsic) if extrinsic < 0 else extrinsic
                smallest, rest, parity = work[_SMALLEST + j], work[_REST + j], work[_PARITY + j]
                work[_PARITY + j] = _signs_product(parity, extrinsic)
                work[_REST + j] = _boxplus(rest, max(smallest, magnitude), correction)
                work[_SMALLEST + j] = min(smallest, magnitude)
        for j in range(length):
            smallest = work[_SMALLEST + j]
            work[_THRESHOLD + j] = smallest
            work[_SMALLEST + j] = _boxplus(smallest, work[_REST + j], correction)
        for edge in range(starts[row], starts[row + 1]):
            target = np.uint64(columns[edge] * 2 * span)
            own = np.uint64(edge * span)
            for j in range(length):
                extrinsic = messages[own + j]
                magnitude = cast(-extrinsic) if extrinsic < 0 else extrinsic
                # Both are read beforehand: chosen between in memory, they would be gathered one by one.
                whole, rest = work[_SMALLEST + j], work[_REST + j]
                message = rest if magnitude == work[_THRESHOLD + j] else whole
                message = cast(-message) if _signs_product(work[_PARITY + j], extrinsic) < 0 else message
                messages[own + j] = message
                value = cast(extrinsic + message)
                values[target + j] = value
                values[target + length + j] = value


@numba.njit(nogil=True)
def _failing(starts, columns, reads, span, lanes, open_lanes, values, work):
    """Mask of lanes with a wrong parity check; looks no further once every open lane is known to have one."""
    length = np.uint64(span)
    failing = np.uint64(0)
    for row in range(starts.size - 1):
        for j in range(length):
            work[j] = 1
        for edge in range(starts[row], starts[row + 1]):
            source = np.uint64(columns[edge] * 2 * span + reads[edge])
            for j in range(length):
                work[j] = -work[j] if values[source + j] < 0 else work[j]
        if lanes == 1:
            lowest = work[0]
            for j in range(length):
                lowest = min(lowest, work[j])
            failing |= np.uint64(lowest < 0)
        else:
            for start in range(lanes, span, lanes):
                for lane in range(lanes):
                    work[lane] = min(work[lane], work[start + lane])
            for lane in range(lanes):
                failing |= np.uint64(work[lane] < 0) << np.uint64(lane)
        if failing & open_lanes == open_lanes:
            break
    return failing


def _boxplus(a, b, correction):
    """min(a, b) − max(0, c − |a − b|/4) + max(0, c − (a + b)/4), for a and b of at least 0."""


@overload(_boxplus)
def _boxplus_overload(a, b, correction):
    if isinstance(a, numba.types.Integer):

        def boxplus(a, b, correction):
            lower, upper = min(a, b), max(a, b)
            less = max(np.int16(correction - (np.int16(upper - lower) >> np.int16(2))), np.int16(0))
            more = max(np.int16(correction - (np.int16(upper + lower) >> np.int16(2))), np.int16(0))
            return np.int16(np.int16(lower - less) + more)
    else:

        def boxplus(a, b, correction):
            lower, upper = min(a, b), max(a, b)
            less = max(correction - np.float32(0.25) * (upper - lower), np.float32(0))
            more = max(correction - np.float32(0.25) * (upper + lower), np.float32(0))
            return lower - less + more

    return boxplus


def _signs_product(a, b):
    """A number with the sign of a·b, 0 counting as positive."""


@overload(_signs_product)
def _signs_product_overload(a, b):
    if isinstance(a, numba.types.Integer):
        return lambda a, b: np.int16(a ^ b)
    return lambda a, b: -a if b < 0 else a


def _quantised(value, limit):
    """The nearest number of the arithmetic that `limit` belongs to; the value lies within ±limit."""


@overload(_quantised)
def _quantised_overload(value, limit):
    if isinstance(limit, numba.types.Integer):
        # A positive number is rounded by cutting off its fraction, for which there are vector instructions.
        return lambda value, limit: np.int16(
            np.int32(value + (np.float32(limit) + np.float32(0.5))) - np.int32(limit)
        )
    return lambda value, limit: value
