"""Nodes as networkx names them, and ids: of a Graph, and of a networkx graph as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph import Connections, Graph, one_id
from neurograph.memory import require

_ATTRIBUTES = {"kind", "weight", "weight_id", "weight_name", "trainable", "slot"}  # of an edge
_EDGE = 80  # bytes of a connection while all are put in order


class Nodes(Protocol):
    """A graph, and what networkx calls its nodes: the ids from `first` on."""

    @property
    def graph(self) -> Graph:
        """The connections."""

    @property
    def first(self) -> int:
        """The first id that is a node."""

    def keys(self, ids: NDArray[Any]) -> list[Any]:
        """Return the nodes that ids are."""

    def id(self, node: Any, error: type[Exception] = nx.NetworkXError) -> int:
        """Return the id of a node. Raises `error` where there is none."""

    def edges(self) -> Connections:
        """Return all connections, in the order in which networkx has the edges."""

    def bears(self, attribute: str | None) -> bool:
        """Return whether edges have an attribute of this name."""


class Named:
    """A Graph: every id is a node, named as the graph names it; an id stands for its node."""

    first = 0

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def keys(self, ids: NDArray[Any]) -> list[Any]:
        """Return the names of ids."""
        return self.graph.neuron_names.names_of(ids)

    def id(self, node: Any, error: type[Exception] = nx.NetworkXError) -> int:
        """Return the id of a node, given by name or id."""
        try:
            return one_id(self.graph.neuron_names, self.graph.size, node, "networkx")
        except GraphError as found:
            raise error(str(found)) from None

    def edges(self) -> Connections:
        """Return all connections source by source, a pair's together, as `to_networkx` adds them.

        Raises GraphError if they would not fit in memory.
        """
        require(_EDGE * len(self.graph.connections), "all connections", GraphError)
        every = self.graph.incoming(np.arange(self.graph.size))
        pair = every.source.astype(np.int64) * self.graph.size + every.target
        _, first, which = np.unique(pair, return_index=True, return_inverse=True)
        return every.keep(np.lexsort((first[which], every.source)))

    def bears(self, attribute: str | None) -> bool:
        """Return whether edges have an attribute of this name."""
        return attribute in _ATTRIBUTES


class Converted:
    """A directed networkx graph as a Graph: node i of its list is neuron i + 1.

    >>> found = Converted(nx.DiGraph([("a", "b"), ("a", "c")]))
    >>> found.id("c"), found.keys(np.array([1, 2])), len(found.graph.connections)
    (3, ['a', 'b'], 2)
    """

    __networkx_backend__ = "neurograph"
    first = 1

    def __init__(self, original: Any) -> None:
        self.original = original
        self._keys = list(original)
        self._ids = {key: i for i, key in enumerate(self._keys, 1)}
        pairs = [(self._ids[u], self._ids[v]) for u, v in original.edges()]
        triples = [(source, at, target) for at, (source, target) in enumerate(pairs)]
        fed = {target for _, target in pairs}
        inputs = [i for i in self._ids.values() if i not in fed]
        self.graph = Graph.from_connections(triples, inputs=inputs)

    def keys(self, ids: NDArray[Any]) -> list[Any]:
        """Return the nodes that ids are."""
        return [self._keys[i - 1] for i in ids.tolist()]

    def id(self, node: Any, error: type[Exception] = nx.NetworkXError) -> int:
        """Return the id of a node."""
        if node not in self._ids:
            raise error(f"The node {node} is not in the graph.")
        return self._ids[node]

    def edges(self) -> Connections:
        """Return all connections, in the order of the edges: each has a weight of its own."""
        every = self.graph.connections.all()
        return every.keep(np.argsort(every.weight, kind="stable"))

    def bears(self, attribute: str | None) -> bool:
        """Return whether an edge has an attribute of this name."""
        return bears(self.original, attribute)

    def is_directed(self) -> bool:
        """Return True: others are not converted."""
        return True

    def is_multigraph(self) -> bool:
        """Return whether the original may have several edges of a pair."""
        return bool(self.original.is_multigraph())


def bears(G: Any, attribute: str | None) -> bool:
    """Return whether an edge of a networkx graph has an attribute of this name."""
    return attribute is not None and any(attribute in said for _, _, said in G.edges(data=True))


def nodes_of(G: Graph | Converted) -> Nodes:
    """Return the nodes of what networkx hands to the backend."""
    return Named(G) if isinstance(G, Graph) else G


def ids(nodes: Nodes) -> NDArray[np.intp]:
    """Return the ids of all nodes."""
    return np.arange(nodes.first, nodes.graph.size)


def listed(nodes: Nodes, nodelist: Iterable[Any] | None) -> NDArray[np.intp]:
    """Return the ids of a list of nodes, by default of all.

    Raises networkx's errors for an empty list, one node twice, and a node that is not there.
    """
    if not ids(nodes).size:
        raise nx.NetworkXError("Graph has no nodes or edges")
    if nodelist is None:
        return ids(nodes)
    found = [nodes.id(node) for node in nodelist]
    if not found:
        raise nx.NetworkXError("nodelist has no nodes")
    if len(set(found)) < len(found):
        raise nx.NetworkXError("nodelist contains duplicates.")
    return np.array(found, np.intp)
