"""Freezing: weights that training leaves as they are, and those that it changes again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.rebuilding import copied_rows, copied_weights, rebuilt, table_of
from neurograph.errors import GraphError, suggestion
from neurograph.graph import Graph, Reference, require_graph, weight_ids

Ids = NDArray[np.intp]


def freeze(graph: Graph, weights: Reference) -> Graph:
    """Return the graph in which `weights` are fixed: counted as such, and left by training.

    `weights` are layers, arrays or single weights by name ("C1", "C1.kernel", "C1.kernel[0, 0, 2,
    2]"), or ids, one or several. A layer means the weights it brought and those its neurons use,
    another layer's among them. Values stay. Raises GraphError for what is not there.

    >>> from neurograph.models import lenet5
    >>> frozen = freeze(lenet5(), ["C1", "S2"])
    >>> int(frozen.weights.trainable.sum()), int(unfreeze(frozen, "S2").weights.trainable.sum())
    (59832, 59844)
    """
    return _with_trainable(graph, weights, False, "freeze")


def unfreeze(graph: Graph, weights: Reference) -> Graph:
    """Return the graph in which `weights`, named as for `freeze`, are trainable.

    By a layer's name what came fixed stays fixed: the 1.0 of pooling, the statistics of a batch
    norm, RBF centers. By their own name or id, any weights are freed.

    >>> from neurograph.models import lenet5
    >>> graph = lenet5()
    >>> [int(unfreeze(graph, w).weights.trainable.sum()) for w in ("output", "output.centers")]
    [60000, 60840]
    """
    return _with_trainable(graph, weights, True, "unfreeze")


def _with_trainable(graph: Graph, given: Any, trainable: bool, who: str) -> Graph:
    require_graph(graph, who)
    table, free = graph.table, graph.weights.trainable.copy()
    layers, others = _split(graph, given, who)
    ids: list[Any] = [_of_layer(graph, name, who) for name in layers]
    if trainable:
        came_free = np.ones(graph.weights.count, bool)
        for draw in graph.weights.draws:
            came_free[draw.first : draw.first + draw.size] = draw.trainable
        ids = [some[came_free[some]] for some in ids]
    ids.append(weight_ids(graph.weights, others, who).reshape(-1))
    free[np.concatenate([np.empty(0, np.intp), *ids])] = trainable
    weights = copied_weights(graph.weights, free)
    columns = table.field, table.kernel, table.bias, table.function
    table = table_of(copied_rows(table.fields), copied_rows(table.kernels), columns)
    return rebuilt(graph, table, weights=weights)


def _split(graph: Graph, given: Any, who: str) -> tuple[list[str], Any]:
    """Return the layers among what is given, and the rest."""
    each = list(given) if isinstance(given, list | tuple) else [given]
    layers = [name for name in each if isinstance(name, str) and name in graph.layers]
    if not layers:
        if isinstance(given, str) and given.partition("[")[0].strip() not in graph.weights.names:
            known = [*graph.layers, *graph.weights]
            raise GraphError(f"{who}: nothing is called {given!r}{suggestion(given, known)}")
        return [], given
    return layers, [one for one in each if not (isinstance(one, str) and one in graph.layers)]


def _of_layer(graph: Graph, name: str, who: str) -> Ids:
    """Return the weights that a layer brought, and those that its neurons use."""
    layer, table = graph.layers[name], graph.table
    neurons = layer.neurons.present
    rows = np.unique(table.kernel[neurons])
    rows = rows[rows >= 0]
    length = table.kernels.lengths(rows)
    start = table.kernels.ptr[rows] - (np.cumsum(length) - length)
    slots = table.kernels.ids[np.repeat(start, length) + np.arange(int(length.sum()))]
    brought = [graph.weights.names[array].present for array in layer.arrays]
    ids = np.unique(np.concatenate([slots, table.bias[neurons], *brought]))
    ids = ids[ids >= 0].astype(np.intp)
    if not ids.size:
        raise GraphError(f"{who}: layer {name} has no weights")
    return ids
