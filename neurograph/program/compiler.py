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
from neurograph.graph.ragged import Ragged, has_dead
from neurograph.graph.table import INPUT, Table, live_slots
from neurograph.names import IdArray
from neurograph.program.program import Program
from neurograph.program.regrouping import regroup
from neurograph.program.steps import Blocks, Ids, Rows, Step
from neurograph.rows import equal_rows, groups_of, spans

Mask = NDArray[np.bool_]

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
    table, outputs = graph.table, graph.outputs
    level = sound_levels(graph)
    dead = has_dead(table.fields), has_dead(table.kernels)
    steps = tuple(
        step
        for at, function, neurons in _groups(table, level)
        for step in _steps(table, dead, (at, graph.functions[function]), neurons)
    )
    return Program(
        size=graph.size,
        weight_count=graph.weights.count,
        steps=steps,
        inputs=tuple(_existing(layer.neurons) for layer in graph.inputs),
        outputs=outputs,
        constants=graph.constants,
        layers={layer.name: layer.neurons for layer in graph.layers.values()},
        penalties=penalties(graph),
    )


def penalties(graph: Graph) -> bool:
    """Return whether a graph's outputs are penalties, squared distances, of which the least wins.

    >>> from neurograph.models import lenet5, mlp
    >>> penalties(lenet5()), penalties(mlp((2, 1)))
    (True, False)
    """
    outputs = graph.outputs
    deciding = np.unique(graph.table.function[outputs[outputs >= 0]])
    return all(
        number != INPUT and graph.functions[number].combine == "squared_difference"
        for number in deciding.tolist()
    )


def sound_levels(graph: Graph) -> NDArray[np.int32]:
    """Return the level of every id of a graph that can be run. Raises GraphError as `compile`."""
    level = levels(graph)
    _check_outputs(graph.outputs, graph.size)
    _check_reductions(graph)
    return level


def steps_of(graph: Graph, neurons: NDArray[Any]) -> Iterator[Step]:
    """Yield the steps, all of level 0, of neurons of which none reads another.

    >>> from neurograph.models import lenet5
    >>> graph = lenet5()
    >>> [step.targets.shape for step in steps_of(graph, graph.neurons_of("F6"))]
    [(1, 84, 1)]
    """
    table = graph.table
    dead = has_dead(table.fields), has_dead(table.kernels)
    for some in groups_of(table.function[neurons]):
        function = graph.functions[int(table.function[neurons[some[0]]])]
        yield from _steps(table, dead, (0, function), np.sort(neurons[some]).astype(np.intp))


def _existing(neurons: IdArray) -> Ids:
    """Return the ids in their shape, or flat where some are absent."""
    present = neurons.present
    return neurons.ids if present.size == neurons.size else present


def _check_outputs(outputs: Ids, size: int) -> None:
    if outputs.size == 0:
        raise GraphError("outputs: there are none; set graph.outputs to one neuron or more")
    if int(outputs.min()) < 0 or int(outputs.max()) >= size:
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


def _steps(
    table: Table, dead: tuple[Mask, Mask], kind: tuple[int, Function], neurons: NDArray[Any]
) -> Iterator[Step]:
    """Yield the steps of one level and function: blocks where neurons form them, else rows.

    `dead` says which fields and kernels have a dead slot.
    """
    level, function = kind
    pattern = _patterns(table, dead, function, neurons)
    width = table.fields.lengths(table.field[neurons])
    rest = [np.empty(0, np.intp)]
    for places in groups_of(pattern << 32 | width):
        first, some = places[0], neurons[places]
        if width[first] == 0 or (pattern[first] and some.size < _SMALLEST_PATTERN):
            rest.append(some)
            continue
        keep = _live(table, function, int(some[0]), bool(pattern[first]))
        for blocks in _blocks(table, level, function, some, keep):
            if isinstance(blocks, Blocks):
                yield blocks
            else:
                rest.append(blocks)
    left = np.sort(np.concatenate(rest))
    if left.size:
        yield from regroup(_rows(table, level, function, left))


def _patterns(
    table: Table, dead: tuple[Mask, Mask], function: Function, neurons: NDArray[Any]
) -> NDArray[np.int64]:
    """Number the patterns of dead slots to be packed out of each neuron; 0 where there is none.

    (multiply, sum) may keep the empty slots of fields, where an engine reads a zero; never a cut
    slot, whose weight may meet an infinite state.
    """
    kernels = _pattern_of_rows(table.kernels, dead[1], table.kernel[neurons])
    if function.linear:
        return kernels
    fields = _pattern_of_rows(table.fields, dead[0], table.field[neurons])
    return kernels * (int(fields.max(initial=0)) + 1) + fields


def _pattern_of_rows(rows: Ragged, dead: Mask, chosen: NDArray[Any]) -> NDArray[np.int64]:
    """Number the patterns of dead slots of the chosen rows: 0 where all slots live."""
    pattern = np.zeros(chosen.size, np.int64)
    some = np.flatnonzero((chosen >= 0) & dead[chosen]) if dead.size else np.empty(0, np.intp)
    if some.size:
        row, which = np.unique(chosen[some], return_inverse=True)
        length = rows.lengths(row)
        live = rows.ids[spans(rows.ptr[row], length)] >= 0
        pattern[some] = 1 + equal_rows(np.append(0, np.cumsum(length)), live)[1][which]
    return pattern


def _live(table: Table, function: Function, neuron: int, packed: bool) -> NDArray[np.intp] | None:
    """Return the slots to keep of neurons with this one's pattern; None for all."""
    if not packed:
        return None
    live = table.kernels[int(table.kernel[neuron])] >= 0
    if not function.linear:
        live &= table.fields[int(table.field[neuron])] >= 0
    return np.flatnonzero(live)


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
    first, group = equal_rows(np.append(start, kernel.size), field)
    kernels_in, fields_in = np.bincount(group), cover[first]
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(kernels_in)
    shapes = fields_in << 32 | kernels_in
    shapes[kernels_in * fields_in < _SMALLEST_BLOCK] = -1
    for groups in groups_of(shapes):
        shape = int(shapes[groups[0]])
        if shape < 0:
            yield neurons[np.repeat(shapes[group] < 0, cover)]
            continue
        maps, fields = shape & 0xFFFFFFFF, shape >> 32
        rows = order[(ends[groups] - maps)[:, None] + np.arange(maps)]  # (blocks, maps) of segments
        places = start[rows][:, :, None] + np.arange(fields)
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
    return Blocks.of(level, function, sources, weights, bias, neurons.astype(np.int32))


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
    return Rows.of(level, function, targets, ptr, source[live], weight[live], table.bias[neurons])
