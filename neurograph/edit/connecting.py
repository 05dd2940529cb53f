"""Connections that are added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import bools, finite
from neurograph.edit.rebuilding import copied_rows, rebuilt, table_of
from neurograph.edit.slots import SlotRows, with_slots
from neurograph.errors import GraphError, kind_of, shown
from neurograph.graph import Connections, Graph, ids_of, one_id, require_graph
from neurograph.graph.draws import Draw
from neurograph.graph.levels import levels
from neurograph.graph.table import INPUT
from neurograph.graph.weights import Weights
from neurograph.names import IdArray, Names

Array = NDArray[Any]


def connect(
    graph: Graph,
    connections: Iterable[Sequence[int | str]] | Connections,
    *,
    values: ArrayLike | None = None,
    trainable: ArrayLike | None = None,
) -> Graph:
    """Return the graph with more connections, by ids or names.

    `connections` are (source, weight, target) by weights that there are, or (source, target), each
    by a weight of its own: of `values` (one for all or one each; 1.0), trainable unless said
    otherwise, in an array "C3.connected" of the target's layer. Source 0 is the bias unit. A pair
    may be connected several times; slots are added behind those a neuron has. Raises GraphError for
    what is not there, a target that is an input or a constant, and connections that close a cycle.

    >>> from neurograph.models import mlp
    >>> graph = mlp((2, 3, 1))
    >>> more = connect(graph, [("input[0]", "output[0]"), ("input[1]", "output[0]")], values=0.5)
    >>> [more.weight_name(w) for w in more.incoming("output[0]").weight[3:5]]
    ['output.connected[0]', 'output.connected[1]']
    """
    require_graph(graph, "connect")
    source, weight, target = _columns(graph, connections)
    fed = graph.table.function[target] == INPUT
    if fed.any():
        name = graph.neuron_name(int(target[np.argmax(fed)]))
        raise GraphError(f"connect: {name} is an input or a constant, which has no connections")
    if weight is not None and (values is not None or trainable is not None):
        raise GraphError("connect: found values for weights that there are, needed pairs")
    if weight is None:
        graph, weight = _with_weights(graph, target, values, trainable)
    found = _added(graph, source, weight, target)
    levels(found)  # a cycle is an error that shows one
    return found


def _added(graph: Graph, source: Array, weight: Array, target: Array) -> Graph:
    """Return the graph with these connections.

    One from the bias unit is the bias of a weighted sum that has none; all others are slots.
    """
    table, bias = graph.table, graph.table.bias.copy()
    linear = np.array([f.linear for f in graph.functions], bool)[table.function[target]]
    can = np.flatnonzero((source == 0) & linear & (bias[target] < 0))
    can = can[np.unique(target[can], return_index=True)[1]]
    bias[target[can]] = weight[can]
    rest = np.ones(target.size, bool)
    rest[can] = False
    neurons = np.unique(target[rest])
    owner, old_source, old_weight = table.slots(neurons)
    rows = [
        SlotRows(neurons, neurons[owner], old_source, old_weight),
        SlotRows(neurons[:0], target[rest], source[rest], weight[rest]),
    ]
    return with_slots(graph, SlotRows.of(rows), bias)


def _columns(graph: Graph, given: Any) -> tuple[Array, Array | None, Array]:
    """Return the sources, weights (None if there are none) and targets of connections as ids."""
    if isinstance(given, Connections):
        parts: list[Any] = [given.source, given.weight, given.target]
    elif isinstance(given, np.ndarray) and given.ndim == 2 and given.dtype.kind in "iu":
        parts = list(given.T)
    else:
        parts = _rows(given)
    if len(parts) not in (2, 3):
        raise GraphError(
            f"connect: found rows of {len(parts)}, needed (source, target) or (source, weight, "
            "target)"
        )
    source, target = (_ids(graph.neuron_names, graph.size, parts[at]) for at in (0, -1))
    if len(parts) == 2:
        return source, None, target
    return source, _ids(graph.weights.names, graph.weights.count, parts[1]), target


def _rows(given: Any) -> list[list[Any]]:
    """Return the columns of rows that may hold names."""
    if isinstance(given, str | bytes | dict) or not np.iterable(given):
        raise GraphError(f"connect: found {kind_of(given)}, needed (source, target) rows")
    rows = [
        [] if isinstance(row, str | bytes) or not np.iterable(row) else list(row) for row in given
    ]
    lengths = {len(row) for row in rows}
    if len(lengths) > 1 or 0 in lengths:
        raise GraphError(
            f"connect: found {shown(given)}, needed rows (source, target), or (source, weight, "
            "target)"
        )
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[], []]


def _ids(names: Names, size: int, column: Any) -> Array:
    """Return a column of ids or names, each of one, as ids."""
    if isinstance(column, np.ndarray):
        return ids_of(names, size, column, "connect").astype(np.int64)
    return np.array([one_id(names, size, one, "connect") for one in column], np.int64)


def _with_weights(
    graph: Graph, target: Array, values: Any, trainable: Any
) -> tuple[Graph, NDArray[np.int64]]:
    """Return a graph with a weight for each target, in an array of its layer, and their ids."""
    old, count = graph.weights, target.size
    value = _each("values", finite("connect: values", 1.0 if values is None else values), count)
    free = bools("connect: trainable", True if trainable is None else trainable)
    free = _each("trainable", free, count)
    arrays, draws = {name: old.names[name] for name in old}, list(old.draws)
    layers, weight = dict(graph.layers), np.empty(count, np.int64)
    taken = old.count
    for layer, mine in _by_layer(graph, target):
        name = f"{layer}.connected"
        while name in arrays:
            name += "_"
        arrays[name] = IdArray(mine.shape, taken)
        given, one = value[mine], np.asarray(1.0)
        draws.append(Draw(taken, None, mine.shape, given, one, bool(free[mine].any())))
        layers[layer] = replace(layers[layer], arrays=(*layers[layer].arrays, name))
        weight[mine] = taken + np.arange(mine.size)
        taken += mine.size
    order = np.argsort(weight)
    weights = Weights.of(
        arrays,
        np.concatenate([old.trainable, free[order]]),
        np.concatenate([old.value, value[order]]) if old.allocated else None,
        draws=draws,
        seed=old.seed,
        dissolved=old.dissolved,
        origins=old.origins,
    )
    table = graph.table
    columns = table.field, table.kernel, table.bias, table.function
    table = table_of(copied_rows(table.fields), copied_rows(table.kernels), columns)
    return rebuilt(graph, table, weights=weights, layers=list(layers.values())), weight


def _by_layer(graph: Graph, target: Array) -> list[tuple[str, NDArray[np.intp]]]:
    """Return the places of the targets by the layer that they stand in."""
    different, which = np.unique(target, return_inverse=True)
    found: dict[str, list[int]] = {}
    names = [name for name, _ in graph.neuron_names.locate_all(different)]
    for place, at in enumerate(which.tolist()):
        found.setdefault(names[at], []).append(place)
    return [(name, np.array(places, np.intp)) for name, places in found.items()]


def _each(what: str, given: Array, count: int) -> Array:
    if given.shape not in ((), (1,), (count,)):
        raise GraphError(
            f"connect: found {what} of shape {given.shape}, needed one, or one for each of the "
            f"{count:,} connections"
        )
    return np.broadcast_to(given, (count,))
