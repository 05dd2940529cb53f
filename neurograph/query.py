"""Questions about a graph that follow connections further than one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.connections import expand
from neurograph.errors import GraphError
from neurograph.graph import Graph
from neurograph.table import INPUT

Ids = NDArray[np.intp]


def receptive_field(graph: Graph, neuron: ArrayLike, *, depth: int | None = None) -> Ids:
    """Return the ids that `neuron` (one id or several) can see.

    The inputs, or what lies exactly `depth` connections back.

    Constants are left out. Paths follow live connections only. Raises GraphError for an id out of
    range or a negative depth.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> c1 = graph.add(Conv2d(1, 3, name="C1"), graph.add(Input((1, 5, 5))))
    >>> receptive_field(graph, c1[0, 0, 0]).size
    9
    """
    reached = _walk(graph, neuron, depth, lambda ids: expand(graph.table, ids).source)
    if depth is None:
        return reached[_is_input(graph, reached)]
    return reached


def projective_field(graph: Graph, neuron: ArrayLike, *, depth: int | None = None) -> Ids:
    """Return the ids that `neuron` (one or several) feeds.

    All of them, or those exactly `depth` connections ahead.
    """
    own = _checked(graph, neuron)
    reached = _walk(graph, own, depth, lambda ids: graph.index.outgoing(ids).target)
    return reached if depth is not None else np.setdiff1d(reached, own)


def cone(graph: Graph, neuron: ArrayLike) -> Ids:
    """Return `neuron` (one or several) and everything it depends on, back to the inputs.

    Constants are left out.
    """
    return _walk(graph, neuron, None, lambda ids: expand(graph.table, ids).source)


def _is_input(graph: Graph, ids: Ids) -> NDArray[np.bool_]:
    return np.asarray(graph.table.function[ids] == INPUT)


def _checked(graph: Graph, neuron: ArrayLike) -> Ids:
    ids = np.unique(np.asarray(neuron))
    if ids.dtype.kind not in "iu" or not ids.size or ids[0] < 0 or ids[-1] >= graph.size:
        raise GraphError(f"neuron {neuron!r} does not exist; ids go from 0 to {graph.size - 1}")
    return ids.astype(np.intp)


def _walk(
    graph: Graph, neuron: ArrayLike, depth: int | None, step: Callable[[Ids], NDArray[Any]]
) -> Ids:
    """Follow `step` from the neurons.

    Exactly `depth` times, or until nothing new is reached (then all that was met).
    """
    if depth is not None and depth < 0:
        raise GraphError(f"depth is {depth}, needed at least 0")
    constants = list(graph.constants)
    front = _checked(graph, neuron)
    met = np.zeros(graph.size, bool)
    met[front] = True
    while front.size and (depth is None or depth > 0):
        reached = np.unique(step(front)).astype(np.intp)
        reached = reached[~np.isin(reached, constants)]
        if depth is None:
            front = reached[~met[reached]]
            met[front] = True
        else:
            front, depth = reached, depth - 1
    return front if depth is not None else np.flatnonzero(met)
