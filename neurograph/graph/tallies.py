"""Connections counted by neuron and by weight from the table's rows alone: vectors by id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.connections import BIAS_UNIT, blocks
from neurograph.graph.ragged import Ragged, has_dead
from neurograph.graph.table import Table, blocks_of, live_slots
from neurograph.rows import equal_rows, groups_of, spans

Counts = NDArray[np.int64]
_BLOCK = 1 << 24  # ids looked at together
_FEW = 64  # neurons that are expanded rather than looked at as fields x kernels


def by_target(table: Table) -> Counts:
    """Return the number of connections into every id, shape (ids,), biases included."""
    return live_slots(table, np.arange(table.size)) + (table.bias >= 0)


def by_source(table: Table) -> Counts:
    """Return the number of connections out of every id, shape (ids,); the bias unit is 0."""
    cut = np.append(has_dead(table.kernels), False)[table.kernel]  # the last: no kernel
    found = _spread(table.fields, table.field[~cut], table.size)
    for _, block in blocks(table, np.flatnonzero(cut)):
        slots = block.source[block.source != BIAS_UNIT]
        found += np.bincount(slots, minlength=table.size)
        found[BIAS_UNIT] += len(block) - slots.size
    found[BIAS_UNIT] += np.count_nonzero(table.bias[~cut] >= 0)
    return found


def by_weight(table: Table, count: int) -> Counts:
    """Return the number of connections that use each of `count` weights."""
    torn = np.append(has_dead(table.fields), False)[table.field]  # the last: no field
    found = _spread(table.kernels, table.kernel[~torn], count)
    rest = _add_torn(table, np.flatnonzero(torn), found)
    for _, block in blocks(table, rest):
        found += np.bincount(block.weight, minlength=count)
    expanded = np.zeros(table.size, bool)
    expanded[rest] = True
    bias = table.bias[~expanded]
    return found + np.bincount(bias[bias >= 0], minlength=count)


def _add_torn(table: Table, neurons: NDArray[Any], found: Counts) -> NDArray[Any]:
    """Add the uses by neurons whose fields have empty slots; return those left to be expanded.

    Kernels over the same fields, as a padded convolution's are, use each slot equally often: how
    many of the fields have a source there.
    """
    order = np.lexsort((table.field[neurons], table.kernel[neurons]))
    neurons = neurons[order]
    kernel, field = table.kernel[neurons], table.field[neurons]
    starts = np.flatnonzero(np.diff(kernel, prepend=-2))
    ptr = np.append(starts, kernel.size)
    left = [neurons[:0]]
    for rows in groups_of(equal_rows(ptr, field)[1]) if starts.size else ():
        over = field[ptr[rows[0]] : ptr[rows[0] + 1]]
        if over.size * rows.size < _FEW:
            left += [neurons[ptr[row] : ptr[row + 1]] for row in rows.tolist()]
            continue
        live = np.zeros(table.fields.lengths(over[:1])[0], np.int64)
        for block in _rows_of(table.fields, over):
            live += np.count_nonzero(block >= 0, axis=0)
        for block in _rows_of(table.kernels, kernel[starts[rows]]):
            there = block >= 0
            np.add.at(found, block[there], np.broadcast_to(live, block.shape)[there])
    return np.sort(np.concatenate(left))


def _rows_of(rows: Ragged, chosen: NDArray[Any]) -> Iterator[NDArray[np.int32]]:
    """Yield the chosen rows, of one length, in blocks (rows, slots) of bounded size."""
    lengths = rows.lengths(chosen)
    for a, b in blocks_of(lengths, _BLOCK):
        ids = rows.ids[spans(rows.ptr[chosen[a:b]], lengths[a:b])]
        yield ids.reshape(b - a, -1)


def _spread(rows: Ragged, chosen: NDArray[Any], count: int) -> Counts:
    """Return how often each id below `count` is met where each of the chosen rows is read once."""
    times = np.bincount(chosen[chosen >= 0], minlength=rows.count)
    lengths, found = np.diff(rows.ptr), np.zeros(count, np.int64)
    for a, b in blocks_of(lengths, _BLOCK):
        ids = rows.ids[rows.ptr[a] : rows.ptr[b]]
        each = np.repeat(times[a:b], lengths[a:b])
        live = ids >= 0
        # Sums of whole numbers are exact in float64 up to 2 ** 53.
        found += np.bincount(ids[live], each[live], minlength=count).astype(np.int64)
    return found
