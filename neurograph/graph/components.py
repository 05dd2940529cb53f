"""Which neurons hang together, whichever way the connections between them point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.connections import BIAS_UNIT, blocks
from neurograph.graph.graph import Graph
from neurograph.graph.ragged import has_dead, live_per_row
from neurograph.graph.table import Table

Pairs = tuple[NDArray[Any], NDArray[Any]]


def components(graph: Graph) -> NDArray[np.int32]:
    """Return the number of the weakly connected component of every id, shape (ids,), from 0.

    A field stands between its neurons and its sources, so that a layer costs its fields, not its
    connections; only what reads through a cut kernel is expanded.

    >>> from neurograph.models import mlp
    >>> components(mlp((4, 3, 2))).tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    table = graph.table
    cut = np.append(has_dead(table.kernels), False)[table.kernel]  # the last: no kernel
    parts = [_by_fields(table, ~cut), _biases(table)]
    parts += [(block.source, block.target) for _, block in blocks(table, np.flatnonzero(cut))]
    a, b = (np.concatenate(side) for side in zip(*parts, strict=True))
    size = table.size + table.fields.count
    links = coo_matrix((np.ones(a.size, np.int8), (a, b)), shape=(size, size))
    _, label = connected_components(links, directed=False)
    _, number = np.unique(label[: table.size], return_inverse=True)
    return np.asarray(number, np.int32)


def _by_fields(table: Table, chosen: NDArray[np.bool_]) -> Pairs:
    """Return the pairs neuron - field, of those chosen, and field - source, of those they read.

    A field without a source joins nobody.
    """
    joins = np.append(live_per_row(table.fields) > 0, False)  # the last: no field
    neurons = np.flatnonzero(chosen & joins[table.field])
    fields = table.field[neurons]
    read = np.zeros(table.fields.count, bool)
    read[fields] = True
    row = np.repeat(np.arange(table.fields.count), np.diff(table.fields.ptr))
    live = np.flatnonzero((table.fields.ids >= 0) & read[row])
    left = np.concatenate([neurons, table.fields.ids[live]])
    return left, table.size + np.concatenate([fields, row[live]])


def _biases(table: Table) -> Pairs:
    biased = np.flatnonzero(table.bias >= 0)
    return np.full(biased.size, BIAS_UNIT), biased
