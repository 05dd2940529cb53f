"""networkx's functions that return a graph as a sparse matrix, on ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import DTypeLike, NDArray

from neurograph.graph import Connections, Graph
from neurograph.networkx.nodes import Converted, Nodes, ids, listed, nodes_of

G = Graph | Converted


def adjacency_matrix(
    G: G,
    nodelist: Iterable[Any] | None = None,
    dtype: DTypeLike | None = None,
    weight: str | None = "weight",
) -> Any:
    """Return the adjacency matrix, sources x targets, the edges of a pair added."""
    return to_scipy_sparse_array(G, nodelist=nodelist, dtype=dtype, weight=weight)


def to_scipy_sparse_array(
    G: G,
    nodelist: Iterable[Any] | None = None,
    dtype: DTypeLike | None = None,
    weight: str | None = "weight",
    format: str = "csr",
) -> Any:
    """Return the adjacency matrix in a format of scipy's."""
    from scipy.sparse import coo_array

    nodes = nodes_of(G)
    every, rows = nodes.edges(), listed(nodes, nodelist)
    place = _places(nodes, rows)
    at = place[every.source], place[every.target]
    kept = (at[0] >= 0) & (at[1] >= 0)
    data = np.asarray(_values(nodes, every, weight)[kept], dtype)
    matrix = coo_array((data, (at[0][kept], at[1][kept])), shape=(rows.size, rows.size))
    try:
        return matrix.asformat(format)
    except ValueError as error:
        raise nx.NetworkXError(f"Unknown sparse matrix format: {format}") from error


def incidence_matrix(
    G: G,
    nodelist: Iterable[Any] | None = None,
    edgelist: Any = None,
    oriented: bool = False,
    weight: str | None = None,
    *,
    dtype: DTypeLike | None = None,
) -> Any:
    """Return the incidence matrix, nodes x edges, the edges in networkx's order."""
    from scipy.sparse import coo_array

    nodes = nodes_of(G)
    every = nodes.edges()
    rows = ids(nodes) if nodelist is None else np.array([nodes.id(n) for n in nodelist], np.intp)
    place = _places(nodes, rows)
    kept = every.source != every.target  # a self loop gives a column of zeros
    ends = place[every.source][kept], place[every.target][kept]
    if min(ends[0].min(initial=0), ends[1].min(initial=0)) < 0:
        raise nx.NetworkXError("an edge in edgelist leads to a node not in nodelist")
    value = _values(nodes, every, weight)[kept].astype(dtype or float)
    column = np.flatnonzero(kept)
    entries = np.concatenate([-value if oriented else value, value])
    at = np.concatenate(ends), np.concatenate([column, column])
    return coo_array((entries, at), shape=(rows.size, len(every))).asformat("csc")


def _places(nodes: Nodes, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the row of each id, -1 for none."""
    place = np.full(nodes.graph.size, -1, np.intp)
    place[rows] = np.arange(rows.size)
    return place


def _values(nodes: Nodes, every: Connections, weight: str | None) -> NDArray[Any]:
    if nodes.bears(weight):
        return nodes.graph.weights.value[every.weight]
    return np.ones(len(every), int)
