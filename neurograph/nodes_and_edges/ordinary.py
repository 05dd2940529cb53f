"""Ordinary networkx graphs: a node is a neuron, an edge a connection with a weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurograph.nodes_and_edges.attributes import Attributes, whole_number
from neurograph.nodes_and_edges.description import Description
from neurograph.nodes_and_edges.edge_weights import Ends, WeightsOfEdges
from neurograph.nodes_and_edges.nodes import Weight
from neurograph.nodes_and_edges.walking import require_directed

INPUT_LAYER, NEURON_LAYER = "input", "neuron"


@dataclass(frozen=True, eq=False)
class Ordinary:
    """The nodes, edges and weights of an ordinary graph, in their order.

    Edges of one `weight_id` share a weight; any other has a weight of its own.
    """

    nodes: list[Any]
    edges: list[tuple[Any, Any, Weight]]
    weights: list[Weight]

    @classmethod
    def of(cls, G: Any, read: Attributes, *, weight: str | None = None) -> Ordinary:
        """Read a graph; `weight` is the edge attribute that holds values, 1 where it is missing.

        Raises the reader's error for an undirected graph, for values that are no finite numbers,
        and for edges that share a weight and differ about it.
        """
        require_directed(G, read)
        found = (_attributes(data, None) for *_, data in G.edges(data=True))
        weights = WeightsOfEdges(found, Description(), read)
        edges = []
        for u, v, data in G.edges(data=True):
            if data.get("kind") == "sharing":
                read.fail(
                    f"edge {u!r} -> {v!r} is of kind sharing, as to_networkx makes them, but "
                    "G.graph, which says so of the whole graph, is lost"
                )
            named = weights.of(_attributes(data, weight), Ends("edge", u, v))
            edges.append((u, v, named))
        return cls(list(G.nodes()), edges, list(weights.weights.values()))

    @property
    def sources(self) -> list[Any]:
        """The nodes that have no predecessor."""
        fed = {v for _, v, _ in self.edges}
        return [node for node in self.nodes if node not in fed]

    @property
    def sinks(self) -> list[Any]:
        """The nodes that have no successor."""
        feeding = {u for u, _, _ in self.edges}
        return [node for node in self.nodes if node not in feeding]


def _attributes(data: Mapping[str, Any], weight: str | None) -> Mapping[str, Any]:
    """Return what an edge says of its weight; an identity that is no number is a name."""
    name, identity = data.get("weight_name"), data.get("weight_id")
    if name is None and isinstance(identity, str) and whole_number(identity) is None:
        name, identity = identity, None
    value = None if weight is None else data.get(weight)
    trainable = data.get("trainable")
    return {"weight_name": name, "weight_id": identity, "weight": value, "trainable": trainable}
