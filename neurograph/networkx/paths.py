"""networkx's functions on what leads where, on ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph import Graph, cone, projective_field
from neurograph.graph.levels import generations
from neurograph.graph.query import feeding_constants
from neurograph.networkx.nodes import Converted, Nodes, ids, nodes_of

G = Graph | Converted


def ancestors(G: G, source: Any) -> set[Any]:
    """Return every node that a path leads from to `source`."""
    nodes = nodes_of(G)
    return set(nodes.keys(_above(nodes, nodes.id(source))))


def descendants(G: G, source: Any) -> set[Any]:
    """Return every node that a path leads to from `source`."""
    nodes = nodes_of(G)
    return set(nodes.keys(projective_field(nodes.graph, nodes.id(source))))


def has_path(G: G, source: Any, target: Any) -> bool:
    """Return whether a path leads from `source` to `target`; to itself one does."""
    nodes = nodes_of(G)
    a, b = (nodes.id(node, nx.NodeNotFound) for node in (source, target))
    return a == b or bool((_above(nodes, b) == a).any())


def _above(nodes: Nodes, neuron: int) -> NDArray[Any]:
    """Return the ids a path leads from to `neuron`, without itself; constants come last."""
    if neuron in nodes.graph.constants:
        return np.empty(0, np.intp)
    reached = cone(nodes.graph, neuron)
    constants = feeding_constants(nodes.graph, reached)
    return np.concatenate([reached[reached != neuron], constants])


def is_directed_acyclic_graph(G: G) -> bool:
    """Return whether no path leads from a node to itself."""
    try:
        generations(nodes_of(G).graph)
    except GraphError:  # it names the neurons of a cycle
        return False
    return True


def topological_generations(G: G) -> Iterator[list[Any]]:
    """Yield the nodes by the length of the longest path to each, in the order of ids."""
    nodes = nodes_of(G)
    level = _generations(nodes)[nodes.first :]
    order = nodes.first + np.argsort(level, kind="stable")
    for some in np.split(order, np.cumsum(np.bincount(level))[:-1] if level.size else []):
        if some.size:
            yield nodes.keys(some)


def topological_sort(G: G) -> Iterator[Any]:
    """Yield the nodes, each after all that feed it."""
    for some in topological_generations(G):
        yield from some


def dag_longest_path(
    G: G,
    weight: str | None = "weight",
    default_weight: int = 1,
    topo_order: Any = None,
) -> list[Any]:
    """Return the nodes of a longest path, every edge counting alike.

    Of several it ends at the first node, and takes each node's first such source.
    """
    nodes = nodes_of(G)
    level = _generations(nodes)
    if not ids(nodes).size:
        return []
    path = [nodes.first + int(level[nodes.first :].argmax())]
    while level[path[-1]]:
        source = nodes.graph.incoming(path[-1]).source
        path.append(int(source[level[source] == level[path[-1]] - 1][0]))
    return nodes.keys(np.array(path[::-1]))


def dag_longest_path_length(G: G, weight: str | None = "weight", default_weight: int = 1) -> int:
    """Return the length of a longest path, every edge counting `default_weight`."""
    return int(_generations(nodes_of(G)).max(initial=0)) * default_weight


def _generations(nodes: Nodes) -> NDArray[np.int32]:
    """Return the length of the longest path to each id. Raises networkx's error for a cycle."""
    try:
        return generations(nodes.graph)
    except GraphError as error:
        raise nx.NetworkXUnfeasible(f"Graph contains a cycle: {error}") from None
