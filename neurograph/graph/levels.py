"""Levels: an order of the neurons in which every source comes before its target."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph.graph import Graph
from neurograph.graph.ragged import Ragged, has_dead
from neurograph.graph.table import INPUT, Table, live_slots
from neurograph.rows import spans


def levels(graph: Graph) -> NDArray[np.int32]:
    """Return the level of every id: 0 for inputs and constants, else 1 + its highest source's.

    Raises GraphError if the connections form a cycle, naming the neurons of one.
    """
    return _levels(graph, unfed=1)


def generations(graph: Graph) -> NDArray[np.int32]:
    """Return the length of the longest path to every id, in connections, shape (ids,).

    They are the levels, but for neurons that no connection leads to: these are 0 as well. Raises
    GraphError as `levels`.

    >>> from neurograph.models import mlp
    >>> generations(mlp((2, 3, 1))).tolist()
    [0, 0, 0, 1, 1, 1, 2]
    """
    return _levels(graph, unfed=0)


def _levels(graph: Graph, unfed: int) -> NDArray[np.int32]:
    """Return the levels where neurons without connections have the level `unfed`, 0 or 1."""
    table = graph.table
    top = _highest_source(table)
    if (top < np.arange(table.size)).all():
        return _levels_in_order(table, top, unfed)
    return _levels_by_waves(graph, unfed)


def fed_by_inputs(graph: Graph) -> NDArray[np.bool_]:
    """Return which ids are inputs or depend on one, shape (ids,). Raises GraphError for a cycle.

    >>> from neurograph.models import mlp
    >>> fed_by_inputs(mlp((2, 1))).tolist()
    [False, True, True, True]
    """
    return fed_by(graph, graph.neurons_of([layer.name for layer in graph.inputs]))


def fed_by(graph: Graph, ids: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which ids are among these or depend on one, shape (ids,); as `fed_by_inputs`."""
    table, level = graph.table, levels(graph)
    fed = np.zeros(table.size + 1, np.int8)  # the last stands for an empty slot
    fed[ids] = 1
    cut, order = _cut_kernels(table), np.argsort(level, kind="stable")
    edges = np.searchsorted(level[order], np.arange(1, int(level.max()) + 2))
    for a, b in pairwise(edges.tolist()):
        piece = order[a:b]
        fed[piece] = _over_sources(table, fed, piece, cut)
    return fed[:-1] > 0


def _largest(values: NDArray[Any], rows: Ragged, chosen: NDArray[Any]) -> NDArray[Any]:
    """Return the largest of `values` over the ids of each chosen row; 0 for a row without slots.

    An empty slot, -1, stands for `values[-1]`.
    """
    length = rows.lengths(chosen)
    out = np.zeros(chosen.size, values.dtype)
    some = np.flatnonzero(length)
    if not some.size:
        return out
    first, last = rows.ptr[chosen[some[0]]], rows.ptr[chosen[some[-1]] + 1]
    if last - first == length.sum() and (np.diff(chosen) > 0).all():
        ids, start = rows.ids[first:last], np.cumsum(length)[some] - length[some]
    else:
        start = (np.cumsum(length) - length)[some]
        ids = rows.ids[spans(rows.ptr[chosen], length)]
    out[some] = np.maximum.reduceat(values[ids], start)
    return out


def _over_sources(
    table: Table, values: NDArray[Any], neurons: NDArray[Any], cut: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return the largest of `values` over the live sources of each neuron, 0 where there is none.

    An empty slot may stand for `values[-1]`. `cut` says which kernels have a cut slot; its last
    entry stands for no kernel.
    """
    field, kernel = table.field[neurons], table.kernel[neurons]
    if field.size < table.fields.count:  # what a few neurons cost is not what the table does
        rows, which = np.unique(field, return_inverse=True)
        out = _largest(values, table.fields, rows)[which]
    else:
        used = np.zeros(table.fields.count, bool)
        used[field[field >= 0]] = True
        rows = np.flatnonzero(used)
        by_field = np.zeros(table.fields.count + 1, values.dtype)  # the last stands for field -1
        by_field[rows] = _largest(values, table.fields, rows)
        out = by_field[field]
    some = np.flatnonzero((kernel >= 0) & cut[kernel])
    if some.size:
        owner, source, weight = table.slots(neurons[some])
        live = (source >= 0) & (weight >= 0)
        exact = np.zeros(some.size, values.dtype)
        np.maximum.at(exact, owner[live], values[source[live]])
        out[some] = exact
    return np.asarray(out)


def _cut_kernels(table: Table) -> NDArray[np.bool_]:
    return np.append(has_dead(table.kernels), False)


def _highest_source(table: Table) -> NDArray[np.int32]:
    values = np.arange(table.size + 1, dtype=np.int32)
    values[-1] = 0
    top = np.zeros(table.size, np.int32)
    neurons = np.flatnonzero(table.function != INPUT)
    top[neurons] = _over_sources(table, values, neurons, _cut_kernels(table))
    top[table.function == INPUT] = -1
    return top


def _levels_in_order(table: Table, top: NDArray[np.int32], unfed: int) -> NDArray[np.int32]:
    """Levels where every source comes before its target: in pieces that read only earlier ones."""
    level = np.zeros(table.size + 1, np.int32)
    cut, first = _cut_kernels(table), None if unfed else _fed_by(table) == 0
    start = 0
    while start < table.size:
        stop = _piece_end(top, start)
        piece = np.arange(start, stop)
        piece = piece[table.function[start:stop] != INPUT]
        level[piece] = 1 + _over_sources(table, level, piece, cut)
        if first is not None:
            level[piece[first[piece]]] = 0
        start = stop
    return level[:-1]


def _piece_end(top: NDArray[np.int32], start: int) -> int:
    """Return the first id after `start` that reads `start` or a later id."""
    a, width = start + 1, 64
    while a < top.size:
        inside = np.flatnonzero(top[a : a + width] >= start)
        if inside.size:
            return a + int(inside[0])
        a, width = a + width, width * 2
    return int(top.size)


def _fed_by(table: Table) -> NDArray[np.int64]:
    """Return the number of connections into every id."""
    return live_slots(table, np.arange(table.size)) + (table.bias >= 0)


def _levels_by_waves(graph: Graph, unfed: int) -> NDArray[np.int32]:
    """Levels of ids in any order (Kahn): each wave is the neurons that read earlier waves only."""
    table = graph.table
    waiting = _fed_by(table)
    level = np.full(table.size, -1, np.int32)
    wave = np.flatnonzero(table.function == INPUT)
    level[wave] = 0
    free = np.flatnonzero((waiting == 0) & (table.function != INPUT))
    level[free] = unfed
    if not unfed:
        wave, free = np.concatenate([wave, free]), free[:0]
    at = 0
    while wave.size or free.size:
        at += 1
        target, uses = np.unique(graph.index.outgoing(wave).target, return_counts=True)
        waiting[target] -= uses
        wave = np.concatenate([target[waiting[target] == 0], free])
        free = free[:0]
        level[wave] = at
    if (level < 0).any():
        raise GraphError(f"graph: its connections form a cycle: {_cycle(graph, level < 0)}")
    return level


def _cycle(graph: Graph, stuck: NDArray[np.bool_]) -> str:
    """Return the names along one cycle: every stuck neuron has a stuck source, so walk back."""
    seen: dict[int, int] = {}
    path: list[int] = []
    neuron = int(np.flatnonzero(stuck)[0])
    while neuron not in seen:
        seen[neuron] = len(path)
        path.append(neuron)
        source = graph.incoming(neuron).source
        neuron = int(source[stuck[source]][0])
    around = path[seen[neuron] :][::-1]
    names = [graph.neuron_name(n) for n in [*around, around[0]]]
    shown = names if len(names) <= 12 else [*names[:6], "...", *names[-5:]]
    return " -> ".join(shown)
