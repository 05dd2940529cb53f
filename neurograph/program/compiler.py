"""The compiler: Graph -> Program.

It orders any acyclic graph into levels and groups what can be run together. The normal form has
done most of the work: neurons whose kernels cover the same fields are a block. What forms no block
is rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.functions import IDENTITY, Function
from neurograph.graph import Graph, require_graph
from neurograph.graph.levels import levels
from neurograph.graph.table import INPUT, Ragged, Table, has_dead, live_slots
from neurograph.names import IdArray
from neurograph.program.program import Blocks, Ids, Program, Rows, Step
from neurograph.program.regrouping import regroup

_SMALLEST_BLOCK = 4  # neurons; below, CSR rows are as compact
_SMALLEST_PATTERN = 8  # neurons that share a pattern of dead slots, below which they are rows


def compile(graph: Graph) -> Program:
    """Return the Program of an acyclic graph.

    Levels follow connections live on both sides, so a cut cycle is none. Raises GraphError for a
    cycle, showing one, for a max or min over no live slot, and for a graph without outputs.

    >>> from neurograph.models import lenet5
    >>> [type(step).__name__ for level in compile(lenet5()).levels for step in level][:2]
    ['Blocks', 'Blocks']
    """
    require_graph(graph, "compile")
    table = graph.table
    level = levels(graph)
    outputs = graph.outputs
    _check_outputs(outputs)
    _check_reductions(graph)
    steps = tuple(
        step
        for at, function, neurons in _groups(table, level)
        for step in _steps(table, at, graph.functions[function], neurons)
    )
    deciding = np.unique(table.function[outputs])
    return Program(
        size=graph.size,
        weight_count=graph.weights.count,
        steps=steps,
        inputs=tuple(_existing(layer.neurons) for layer in graph.inputs),
        outputs=outputs,
        constants=graph.constants,
        layers={layer.name: layer.neurons for layer in graph.layers.values()},
        penalties=all(
            number != INPUT and graph.functions[number].combine == "squared_difference"
            for number in deciding.tolist()
        ),
    )


def _existing(neurons: IdArray) -> Ids:
    """Return the ids in their shape, or flat where some are absent."""
    present = neurons.present
    return neurons.ids if present.size == neurons.size else present


def _check_outputs(outputs: Ids) -> None:
    if outputs.size == 0:
        raise GraphError("outputs: there are none; set graph.outputs to one neuron or more")
    if int(outputs.min()) < 0:
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


def _groups(table: Table, level: NDArray[np.int32]) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """Yield (level, function, neurons) in the order of levels; neurons ascend."""
    neurons = np.flatnonzero(table.function != INPUT)
    key = level[neurons].astype(np.int64) << 16 | table.function[neurons].astype(np.int64)
    if (np.diff(key) < 0).any():
        order = np.argsort(key, kind="stable")
        neurons, key = neurons[order], key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    for a, b in zip(starts, [*starts, key.size][1:], strict=True):
        yield int(key[a] >> 16), int(key[a] & 0xFFFF), neurons[a:b]


def _steps(table: Table, level: int, function: Function, neurons: NDArray[Any]) -> Iterator[Step]:
    """Yield the steps of one level and function: blocks where neurons form them, else rows."""
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
        yield from regroup(_rows(table, level, function, left))


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
    dead = np.flatnonzero(has_dead(rows) & np.isin(np.arange(rows.count), chosen))
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
        places = np.minimum(places, field.size - 1)
        same = (field[places] == field[places[:, :1]]).all((1, 2)) & (cover[rows] == fields).all(1)
        if not same.all():  # two different sets with equal sums: never seen, and still right
            other = np.isin(np.arange(cover.size), rows[~same])
            yield neurons[np.repeat(other, cover)]
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
    """Return the chosen rows, all of one width: a view of the graph's own where they adjoin."""
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
