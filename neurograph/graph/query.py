"""Questions about a graph that follow connections further than one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import whole
from neurograph.errors import GraphError
from neurograph.graph.connections import BIAS_UNIT, blocks
from neurograph.graph.graph import Graph, require_graph
from neurograph.graph.ragged import Ragged
from neurograph.graph.references import Reference, neuron_ids
from neurograph.graph.table import INPUT
from neurograph.rows import spans

Ids = NDArray[np.intp]
_CHUNK = 256  # rows or neurons looked up at once


def receptive_field(graph: Graph, neuron: Reference, *, depth: int | None = None) -> Ids:
    """Return the inputs that `neuron` (one or several, by id or name) can see.

    With `depth`, return the ids that lie exactly that many connections back instead; depth 0 is the
    neuron itself. Ids ascend, constants are left out, and paths follow live connections only.
    Raises GraphError for an id or a name that is not there or a negative depth.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> c1 = graph.add(Conv2d(1, 3, name="C1"), graph.add(Input((1, 5, 5))))
    >>> receptive_field(graph, c1[0, 0, 0]).size
    9
    """
    require_graph(graph, "receptive_field")
    reached = _walk(graph, _chosen(graph, neuron, "receptive_field"), depth, _sources)
    return reached if depth is not None else reached[graph.table.function[reached] == INPUT]


def projective_field(graph: Graph, neuron: Reference, *, depth: int | None = None) -> Ids:
    """Return every id that `neuron` feeds, directly or through others.

    `neuron` is one or several, by id or name. With `depth`, return the ids that lie exactly that
    many connections ahead instead. Ids ascend. Raises GraphError for an id or a name that is not
    there or a negative depth.

    >>> from neurograph.models import mlp
    >>> graph = mlp((4, 3, 2))
    >>> projective_field(graph, 1).tolist(), projective_field(graph, 1, depth=2).tolist()
    ([5, 6, 7, 8, 9], [8, 9])
    """
    require_graph(graph, "projective_field")
    own = _chosen(graph, neuron, "projective_field")
    reached = _walk(graph, own, depth, _targets)
    return reached if depth is not None else np.setdiff1d(reached, own)


def cone(graph: Graph, neuron: Reference) -> Ids:
    """Return `neuron` and everything it depends on, back to the inputs.

    `neuron` is one or several, by id or name. Ids ascend, constants are left out. Raises GraphError
    for an id or a name that is not there.

    >>> from neurograph.models import mlp
    >>> cone(mlp((4, 3, 2)), 8).tolist()
    [1, 2, 3, 4, 5, 6, 7, 8]
    """
    require_graph(graph, "cone")
    return _walk(graph, _chosen(graph, neuron, "cone"), None, _sources)


def feeding_constants(graph: Graph, neurons: Ids) -> Ids:
    """Return the constants with a connection to one of these neurons, ascending.

    >>> from neurograph.models import mlp
    >>> feeding_constants(mlp((4, 3, 2)), np.array([8])).tolist()
    [0]
    """
    met = np.zeros(graph.size, bool)
    for ids in _sources(graph, neurons):
        met[ids] = True
    met[BIAS_UNIT] |= bool((graph.table.bias[neurons] >= 0).any())
    return np.array([constant for constant in sorted(graph.constants) if met[constant]], np.intp)


def _sources(graph: Graph, neurons: Ids) -> Iterator[NDArray[Any]]:
    """Yield the sources of the neurons, in blocks.

    A kernel without a cut slot uses its whole field, so that there the distinct fields are read;
    the others are expanded.
    """
    table, cut = graph.table, graph.index.cut_kernels
    kernels = table.kernel[neurons]
    whole = _distinct(table.field[neurons[~cut[kernels]]], table.fields.count)
    for a in range(0, whole.size, _CHUNK):
        ids = _ids_of(table.fields, whole[a : a + _CHUNK])
        yield ids[ids >= 0]
    for _, block in blocks(table, neurons[cut[kernels]]):
        yield block.source


def _distinct(rows: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the distinct rows, ascending, of numbers below `count`; -1 is none."""
    if rows.size < count // 8:  # what a few neurons cost is not what the table does
        found = np.unique(rows)
        return found[found >= 0]
    there = np.zeros(count + 1, bool)  # the last stands for -1
    there[rows] = True
    return np.flatnonzero(there[:-1])


def _ids_of(rows: Ragged, chosen: NDArray[Any]) -> NDArray[Any]:
    """Return the ids of the chosen rows, which ascend, one row after the other."""
    if chosen.size and chosen[-1] - chosen[0] == chosen.size - 1:  # side by side: no copy
        return np.asarray(rows.ids[rows.ptr[chosen[0]] : rows.ptr[chosen[-1] + 1]])
    return np.asarray(rows.ids[spans(rows.ptr[chosen], rows.lengths(chosen))])


def _targets(graph: Graph, neurons: Ids) -> Iterator[NDArray[Any]]:
    """Yield the targets of the neurons, in blocks."""
    for a in range(0, neurons.size, _CHUNK):
        yield graph.index.outgoing(neurons[a : a + _CHUNK]).target


def _chosen(graph: Graph, neuron: Reference, who: str) -> Ids:
    ids = np.unique(neuron_ids(graph, neuron, who))
    if not ids.size:
        raise GraphError(f"{who}: found no neuron, needed at least one")
    return ids.astype(np.intp)


def _walk(
    graph: Graph,
    front: Ids,
    depth: int | None,
    step: Callable[[Graph, Ids], Iterator[NDArray[Any]]],
) -> Ids:
    """Follow `step` from the neurons `front` `depth` times and return where that leads.

    Without a depth, go on until nothing new is met and return all that was met.
    """
    depth = None if depth is None else whole("depth", depth)
    constant, place = np.zeros(graph.size, bool), np.empty(graph.size, np.int32)
    constant[list(graph.constants)] = True
    met = constant.copy()  # where no path goes on
    met[front] = True
    while front.size and depth != 0:
        if depth is not None:
            depth -= 1
            met[front] = constant[front]
        front = _newly_met(step(graph, front), met, place)
    return front if depth is not None else np.flatnonzero(met & ~constant)


def _newly_met(parts: Iterator[NDArray[Any]], met: NDArray[np.bool_], place: NDArray[Any]) -> Ids:
    """Return the ids not met before, ascending, and mark them met, at the cost of the parts alone.

    `place` is room for one number an id.
    """
    found = [np.empty(0, np.intp)]
    for ids in parts:
        new = ids[~met[ids]]
        order = np.arange(new.size)
        place[new] = order
        new = new[place[new] == order]  # each once, without sorting the repetitions
        met[new] = True
        found.append(new)
    return np.sort(np.concatenate(found))
