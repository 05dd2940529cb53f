"""networkx's functions on degrees, isolated nodes and weak connection, on ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurograph.graph import Graph, in_degree, out_degree
from neurograph.graph.components import components
from neurograph.networkx.nodes import Converted, Nodes, ids, nodes_of
from neurograph.rows import groups_of

G = Graph | Converted


def degree_centrality(G: G) -> dict[Any, float]:
    """Return every node's degree as a fraction of the other nodes."""
    nodes = nodes_of(G)
    return _fractions(nodes, _degree(nodes))


def in_degree_centrality(G: G) -> dict[Any, float]:
    """Return every node's number of edges in as a fraction of the other nodes."""
    nodes = nodes_of(G)
    return _fractions(nodes, in_degree(nodes.graph))


def out_degree_centrality(G: G) -> dict[Any, float]:
    """Return every node's number of edges out as a fraction of the other nodes."""
    nodes = nodes_of(G)
    return _fractions(nodes, out_degree(nodes.graph))


def _degree(nodes: Nodes) -> NDArray[np.int64]:
    return np.add(in_degree(nodes.graph), out_degree(nodes.graph))


def _fractions(nodes: Nodes, degree: NDArray[np.int64]) -> dict[Any, float]:
    all_nodes = ids(nodes)
    if all_nodes.size <= 1:
        return dict.fromkeys(nodes.keys(all_nodes), 1)
    share = degree[all_nodes] * (1.0 / (all_nodes.size - 1))
    return dict(zip(nodes.keys(all_nodes), share.tolist(), strict=True))


def isolates(G: G) -> Iterator[Any]:
    """Yield the nodes without an edge."""
    nodes = nodes_of(G)
    yield from nodes.keys(_isolated(nodes))


def number_of_isolates(G: G) -> int:
    """Return the number of nodes without an edge."""
    return int(_isolated(nodes_of(G)).size)


def is_isolate(G: G, n: Any) -> bool:
    """Return whether node `n` has no edge."""
    nodes = nodes_of(G)
    return bool((_isolated(nodes) == nodes.id(n)).any())


def _isolated(nodes: Nodes) -> NDArray[np.intp]:
    return nodes.first + np.flatnonzero(_degree(nodes)[nodes.first :] == 0)


def weakly_connected_components(G: G) -> Iterator[set[Any]]:
    """Yield the nodes that hang together, whichever way the edges point."""
    nodes = nodes_of(G)
    for places in groups_of(components(nodes.graph)[nodes.first :]):
        yield set(nodes.keys(nodes.first + places))


def number_weakly_connected_components(G: G) -> int:
    """Return the number of sets of nodes that hang together."""
    nodes = nodes_of(G)
    return int(np.unique(components(nodes.graph)[nodes.first :]).size)


def is_weakly_connected(G: G) -> bool:
    """Return whether all nodes hang together."""
    found = number_weakly_connected_components(G)
    if not found:
        raise nx.NetworkXPointlessConcept("Connectivity is undefined for the null graph.")
    return found == 1
