"""Compiler.

Graph -> Program. Orders any acyclic graph into levels and groups what can be run together.

The normal form has done most of the work: neurons whose kernels cover the same fields are a block.
What forms no block is rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.functions import IDENTITY, Function
from neurograph.graph import Graph
from neurograph.program import Blocks, Ids, Program, Rows, Step
from neurograph.table import INPUT, Ragged, Table, live_slots

_SMALLEST_BLOCK = 4  # neurons; below, CSR rows are as compact
_SMALLEST_PATTERN = 8  # neurons that share a pattern of dead slots, below which they are rows


def compile(graph: Graph) -> Program:
    """Return the Program of an acyclic graph.

    Levels follow connections live on both sides, so a cut cycle is none. Raises GraphError for a
    cycle, showing one, for a max or min over no live slot, and for a graph without outputs.
    """
    outputs = graph.outputs
    _check_outputs(outputs)
    table = graph.table
    level = levels(graph)
    _check_reductions(graph)
    steps = tuple(
        step
        for at, function, neurons in _groups(table, level)
        for step in _steps(table, at, graph.functions[function], neurons)
    )
    functions = {graph.function(int(n)) for n in outputs.reshape(-1)[:: max(1, outputs.size // 64)]}
    return Program(
        size=graph.size,
        weight_count=graph.weights.count,
        steps=steps,
        inputs=tuple(layer.ids for layer in graph.inputs),
        outputs=outputs,
        constants=graph.constants,
        layers={layer.name: layer.neurons for layer in graph.layers.values()},
        penalties=all(f is not None and f.combine == "squared_difference" for f in functions),
    )


def _check_outputs(outputs: Ids) -> None:
    if outputs.size == 0 or int(outputs.min()) < 0:
        raise GraphError(
            "outputs: some are absent (cut away); set graph.outputs to neurons that exist"
        )


def _check_reductions(graph: Graph) -> None:
    """Raise GraphError for a neuron that takes the max or min of nothing."""
    picky = [i for i, f in enumerate(graph.functions) if f.reduce not in IDENTITY]
    neurons = np.flatnonzero(np.isin(graph.table.function, picky))
    bare = neurons[live_slots(graph.table, neurons) == 0] if neurons.size else neurons
    if bare.size:
        name, function = graph.neuron_name(int(bare[0])), graph.function(int(bare[0]))
        raise GraphError(f"{name}: {function} over no live connection; it needs at least one")


# ---- levels -------------------------------------------------------------------------------------


def levels(graph: Graph) -> NDArray[np.int32]:
    """Return the level of every id: 0 for inputs and constants, else 1 + its highest source's.

    Raises GraphError if the connections form a cycle, naming the neurons of one.
    """
    table = graph.table
    top = _highest_source(table)
    if (top < np.arange(table.size)).all():
        return _levels_in_order(table, top)
    return _levels_by_waves(graph)


def _cut_kernels(table: Table) -> NDArray[np.bool_]:
    """Return, per kernel, whether it has cut slots."""
    return _has_dead(table.kernels)


def _has_dead(rows: Ragged) -> NDArray[np.bool_]:
    found = np.zeros(rows.count, bool)
    dead = np.flatnonzero(rows.ids < 0)
    found[np.searchsorted(rows.ptr, dead, side="right") - 1] = True
    return found


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
        start = np.cumsum(length) - length
        place = np.repeat(rows.ptr[chosen] - start, length) + np.arange(length.sum())
        ids, start = rows.ids[place], start[some]
    out[some] = np.maximum.reduceat(values[ids], start)
    return out


def _over_sources(
    table: Table, values: NDArray[Any], neurons: NDArray[Any], cut: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return the largest of `values` over the live sources of each neuron.

    Values[-1] where a slot is empty, 0 for none.
    """
    field, kernel = table.field[neurons], table.kernel[neurons]
    used = np.zeros(table.fields.count, bool)
    used[field[field >= 0]] = True
    rows = np.flatnonzero(used)
    by_field = np.zeros(table.fields.count + 1, values.dtype)  # the last stands for field -1
    by_field[rows] = _largest(values, table.fields, rows)
    out = by_field[field]
    some = np.flatnonzero((kernel >= 0) & np.append(cut, False)[kernel])
    if some.size:
        owner, source, weight = table.slots(neurons[some])
        live = (source >= 0) & (weight >= 0)
        exact = np.zeros(some.size, values.dtype)
        np.maximum.at(exact, owner[live], values[source[live]])
        out[some] = exact
    return np.asarray(out)


def _highest_source(table: Table) -> NDArray[np.int32]:
    values = np.arange(table.size + 1, dtype=np.int32)
    values[-1] = 0
    top = np.zeros(table.size, np.int32)
    neurons = np.flatnonzero(table.function != INPUT)
    top[neurons] = _over_sources(table, values, neurons, _cut_kernels(table))
    top[table.function == INPUT] = -1
    return top


def _levels_in_order(table: Table, top: NDArray[np.int32]) -> NDArray[np.int32]:
    """Levels where every source has a smaller id than its target.

    Piece by piece, each reading only earlier pieces.
    """
    level = np.zeros(table.size + 1, np.int32)
    cut = _cut_kernels(table)
    start = 0
    while start < table.size:
        stop = _piece_end(top, start)
        piece = np.arange(start, stop)
        piece = piece[table.function[start:stop] != INPUT]
        level[piece] = 1 + _over_sources(table, level, piece, cut)
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


def _levels_by_waves(graph: Graph) -> NDArray[np.int32]:
    """Levels of a graph in any order (Kahn).

    A wave is all neurons whose sources lie in earlier waves.
    """
    table = graph.table
    waiting = live_slots(table, np.arange(table.size)) + (table.bias >= 0)
    level = np.full(table.size, -1, np.int32)
    wave = np.flatnonzero(table.function == INPUT)
    level[wave] = 0
    free = np.flatnonzero((waiting == 0) & (table.function != INPUT))
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
    """Return the names along one cycle.

    Every stuck neuron has a stuck source, so walking back must repeat.
    """
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


# ---- steps --------------------------------------------------------------------------------------


def _groups(table: Table, level: NDArray[np.int32]) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """Yield (level, function, neurons) in the order of levels; neurons ascend."""
    neurons = np.flatnonzero(table.function != INPUT)
    key = level[neurons].astype(np.int64) << 16 | table.function[neurons].astype(np.int64)
    if (np.diff(key) < 0).any():
        order = np.argsort(key, kind="stable")
        neurons, key = neurons[order], key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    for a, b in zip(starts, [*starts[1:], key.size], strict=True):
        yield int(key[a] >> 16), int(key[a] & 0xFFFF), neurons[a:b]


def _steps(table: Table, level: int, function: Function, neurons: NDArray[Any]) -> Iterator[Step]:
    """Yield the steps of one level and function.

    Blocks where neurons form them, rows for the rest.
    """
    pattern = _patterns(table, function, neurons)
    width = table.fields.lengths(table.field[neurons])
    kinds, first, kind, size = np.unique(
        pattern << 32 | width, return_index=True, return_inverse=True, return_counts=True
    )
    rest = [np.empty(0, np.intp)]
    for number in range(kinds.size):
        some = neurons if kinds.size == 1 else neurons[kind == number]
        if width[first[number]] == 0 or (
            pattern[first[number]] and size[number] < _SMALLEST_PATTERN
        ):
            rest.append(some)
            continue
        keep = _live(table, function, int(neurons[first[number]]), bool(pattern[first[number]]))
        for blocks in _blocks(table, level, function, some, keep):
            if isinstance(blocks, Blocks):
                yield blocks
            else:
                rest.append(blocks)
    left = np.sort(np.concatenate(rest))
    if left.size:
        yield _rows(table, level, function, left)


def _patterns(table: Table, function: Function, neurons: NDArray[Any]) -> NDArray[np.int64]:
    """Number the patterns of dead slots to be packed out of each neuron; 0 where there is none.

    (multiply, sum) may keep the empty slots of fields, where an engine reads a zero; never a cut
    slot, whose weight may meet an infinite state.
    """
    kernels = _pattern_of_rows(table.kernels, table.kernel[neurons])
    if function.linear:
        return kernels
    fields = _pattern_of_rows(table.fields, table.field[neurons])
    return kernels * (int(fields.max(initial=0)) + 1) + fields


def _pattern_of_rows(rows: Ragged, chosen: NDArray[Any]) -> NDArray[np.int64]:
    """Number the patterns of dead slots of the chosen rows: 0 where all slots live."""
    pattern = np.zeros(rows.count + 1, np.int64)  # the last stands for row -1
    dead = np.flatnonzero(_has_dead(rows) & np.isin(np.arange(rows.count), chosen))
    known = 0
    length = rows.lengths(dead)
    for width in np.unique(length):
        some = dead[length == width]
        live = rows.ids[rows.ptr[some][:, None] + np.arange(width)] >= 0
        packed = np.ascontiguousarray(np.packbits(live, axis=1))
        keys = packed.view(np.dtype((np.void, packed.shape[1]))).reshape(-1)
        _, number = np.unique(keys, return_inverse=True)
        pattern[some] = known + 1 + number.reshape(-1)
        known = int(pattern.max())
    return np.asarray(pattern[chosen])


def _live(table: Table, function: Function, neuron: int, packed: bool) -> NDArray[np.intp] | None:
    """Return the slots to keep of neurons with this one's pattern; None for all."""
    if not packed:
        return None
    live = table.kernels[int(table.kernel[neuron])] >= 0
    if not function.linear:
        live &= table.fields[int(table.field[neuron])] >= 0
    return np.flatnonzero(live)


def _mix(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Scramble whole numbers (splitmix64's finaliser), so that sums of them tell sets apart."""
    x = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _blocks(
    table: Table,
    level: int,
    function: Function,
    neurons: NDArray[Any],
    keep: NDArray[np.intp] | None,
) -> Iterator[Blocks | NDArray[Any]]:
    """Yield stacked blocks of kernels that cover the same fields, and neurons that form none."""
    field, kernel = table.field[neurons], table.kernel[neurons]
    if (np.diff(kernel) < 0).any() or (np.diff(field)[np.diff(kernel) == 0] < 0).any():
        order = np.lexsort((field, kernel))
        neurons, field, kernel = neurons[order], field[order], kernel[order]
    start = np.flatnonzero(np.diff(kernel, prepend=-2))
    cover = np.diff(np.append(start, kernel.size))  # how many fields each kernel covers
    sums = np.add.reduceat(_mix(field), start) ^ _mix(cover)
    _, first, group = np.unique(sums, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[group]  # groups in the order in which they first appear
    kernels_in = np.bincount(rank)
    fields_in = cover[np.sort(first)]
    order = np.argsort(rank, kind="stable")
    ends = np.cumsum(kernels_in)
    small = kernels_in * fields_in < _SMALLEST_BLOCK
    shapes = fields_in << 32 | kernels_in
    shapes[small] = -1
    for shape in dict.fromkeys(shapes.tolist()):
        groups = np.flatnonzero(shapes == shape)
        if shape < 0:
            chosen = np.isin(rank, groups)
            yield neurons[np.repeat(chosen, cover)]
            continue
        maps, fields = shape & 0xFFFFFFFF, shape >> 32
        rows = order[(ends[groups] - maps)[:, None] + np.arange(maps)]  # (blocks, maps) of segments
        places = start[rows][:, :, None] + np.arange(fields)
        same = (field[places] == field[places[:, :1]]).all((1, 2))
        if not same.all():  # two different sets with equal sums: never seen, and still right
            yield neurons[places[~same].reshape(-1)]
            places = places[same]
        if len(places):
            yield _block(table, level, function, neurons[places], keep)


def _block(
    table: Table,
    level: int,
    function: Function,
    neurons: NDArray[Any],
    keep: NDArray[np.intp] | None,
) -> Blocks:
    """Return the step of neurons (blocks, maps, fields)."""
    sources = _rows_of(table.fields, table.field[neurons[:, 0]], keep)
    weights = _rows_of(table.kernels, table.kernel[neurons[:, :, 0]], keep)
    bias = table.bias[neurons]
    if (bias == bias[:, :, :1]).all():
        bias = bias[:, :, :1]
    return Blocks(level, function, sources, weights, bias, neurons.astype(np.int32))


def _rows_of(rows: Ragged, chosen: NDArray[Any], keep: NDArray[np.intp] | None) -> Ids:
    """Return the chosen rows, all of one width, as an array.

    A view of the graph's own where they follow each other.
    """
    flat = chosen.reshape(-1)
    first = int(rows.ptr[flat[0]])
    width = int(rows.ptr[flat[0] + 1]) - first
    if (np.diff(flat) == 1).all():
        found = rows.ids[first : first + flat.size * width].reshape(*chosen.shape, width)
        return found if keep is None else found[..., keep]
    slots = np.arange(width) if keep is None else keep
    return np.asarray(rows.ids[rows.ptr[chosen][..., None] + slots])


def _rows(table: Table, level: int, function: Function, neurons: NDArray[Any]) -> Rows:
    """Return the step of neurons that form no block, live slots only."""
    owner, source, weight = table.slots(neurons)
    live = (source >= 0) & (weight >= 0)
    ptr = np.zeros(neurons.size + 1, np.int64)
    np.cumsum(np.bincount(owner[live], minlength=neurons.size), out=ptr[1:])
    targets = neurons.astype(np.int32)
    return Rows(level, function, targets, ptr, source[live], weight[live], table.bias[neurons])
