"""Which weights have a connection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.ragged import has_dead
from neurograph.graph.table import Table

_BLOCK = 1 << 20


def used_weights(table: Table, weight_count: int) -> NDArray[np.bool_]:
    """Return, per weight, whether any connection uses it.

    A kernel with one neuron whose field has no empty slot uses all its live slots. Only the kernels
    that never meet such a field are walked neuron by neuron.
    """
    used = np.zeros(weight_count, bool)
    full = np.append(~has_dead(table.fields), True)
    met = np.zeros(table.kernels.count + 1, bool)  # the last stands for -1, no kernel
    for a in range(0, table.size, _BLOCK):
        span = slice(a, a + _BLOCK)
        bias = table.bias[span]
        used[bias[bias >= 0]] = True
        met[table.kernel[span][full[table.field[span]]]] = True
    met[-1] = True
    _mark_rows(table, met[:-1], used)
    rest = np.flatnonzero(~met[table.kernel])
    pairs = table.field[rest].astype(np.int64) << 32 | table.kernel[rest]
    _, first = np.unique(pairs, return_index=True)
    some = rest[first]
    for a in range(0, some.size, 1 << 12):
        _, source, weight = table.slots(some[a : a + (1 << 12)])
        used[weight[(source >= 0) & (weight >= 0)]] = True
    return used


def placed_weights(table: Table, weight_count: int) -> NDArray[np.bool_]:
    """Return, per weight, whether a neuron names it, in a slot or as its bias.

    Such a weight may have no connection still: where all its slots fall off an edge.
    """
    placed = np.zeros(weight_count + 1, bool)
    met = np.zeros(table.kernels.count + 1, bool)  # the last stands for -1, no kernel
    met[table.kernel] = True
    placed[table.bias] = True
    _mark_rows(table, met[:-1], placed)
    return placed[:-1]


def _mark_rows(table: Table, met: NDArray[np.bool_], used: NDArray[np.bool_]) -> None:
    """Mark the weights of the kernels that are met, in blocks of bounded size."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], met, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        start, stop = int(table.kernels.ptr[first]), int(table.kernels.ptr[last])
        for a in range(start, stop, 1 << 22):
            ids = table.kernels.ids[a : min(a + (1 << 22), stop)]
            used[ids[ids >= 0]] = True
