"""Walking a graph of our own form: its units, its weights and each of its connections."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from neurograph.graph import BIAS_NAME, Graph
from neurograph.memory import INT32_MAX
from neurograph.nodes_and_edges.attributes import Attributes, shown
from neurograph.nodes_and_edges.description import Description
from neurograph.nodes_and_edges.edge_weights import EdgeWeights, Ends, WeightNodes, WeightsOfEdges
from neurograph.nodes_and_edges.nodes import Nodes, Unit, Weight

_NAMES = frozenset(("weight", "weight_id", "weight_name"))  # of a connection, one at least
BIAS = -1  # slot of the connection that is its target's bias
_PARTS = ("source", "sharing", "target")


class Link(NamedTuple):
    """A connection; its slot is infinite where it has none, and -1 where it is a bias."""

    source: Unit
    weight: Weight
    target: Unit
    slot: float


def looks_like_networkx(found: object) -> bool:
    """Return whether something, no Graph of ours, has networkx's methods that are needed here."""
    needed = ("nodes", "edges", "is_directed", "is_multigraph")
    return not isinstance(found, type | Graph) and all(
        callable(getattr(found, n, None)) for n in needed
    )


def require_directed(G: Any, read: Attributes) -> None:
    """Raise the reader's error for a graph without directions."""
    if not G.is_directed():
        read.fail(
            f"found an undirected {type(G).__name__}, needed a directed networkx graph: a "
            "connection has a source and a target"
        )


class Walk:
    """The units, weights and connections of a graph of our own form, each read once.

    Raises the reader's error for nodes and edges that are not of the form, or contradict each
    other, and for a graph that cannot hold what it says.
    """

    def __init__(self, G: Any, about: Description, read: Attributes) -> None:
        require_directed(G, read)
        self._read, self.about = read, about
        nodes = Nodes(dict(G.nodes(data=True)), about, read)
        self.bias, self._parts = nodes.bias, nodes.connections
        self.units = nodes.units
        found: EdgeWeights
        if about.view == "neurons":
            found = WeightsOfEdges((data for *_, data in G.edges(data=True)), about, read)
        else:
            found = WeightNodes(nodes.weights, about, read)
        self._found, self._weight_nodes = found, nodes.weights
        self._biased: set[Any] = set()
        self.links = list(self._links(G))
        found.require_values()
        self.weights = found.weights
        self._require_whole(G)

    def _links(self, G: Any) -> Iterator[Link]:
        parts: dict[Any, dict[str, list[Any]]] = {
            key: {kind: [] for kind in _PARTS} for key in self._parts
        }
        for u, v, data in G.edges(data=True):
            kind = data.get("kind")
            if not isinstance(kind, str):
                named = kind is None and not _NAMES.isdisjoint(data)
                kind = "connection" if named else shown(kind)
            if kind == "connection":
                who = Ends("connection", u, v)
                yield self._link(who, u, self._found.of(data, who), v, data)
            elif kind == "sharing" and v not in parts:
                if u not in self._weight_nodes or v not in self.units:
                    self._read.fail(f"edge {u!r} -> {v!r} is of kind sharing, but from no weight")
            elif kind in ("source", "sharing") and v in parts:
                parts[v][kind].append(u)
            elif kind == "target" and u in parts:
                parts[u][kind].append(v)
            else:
                self._read.fail(
                    f"edge {u!r} -> {v!r} has kind {kind}; it is no connection or part of one"
                )
        for key, part in parts.items():
            yield self._joined(key, part)

    def _joined(self, key: Any, part: Mapping[str, list[Any]]) -> Link:
        """Return the connection that is a node, from its three edges."""
        for kind, found in part.items():
            if len(found) != 1:
                self._read.fail(
                    f"connection {key!r} has {len(found)} edges of kind {kind}, needed one"
                )
        source, weight, target = (part[kind][0] for kind in _PARTS)
        who = f"connection {key!r}"
        named = self._found.of({"weight_name": weight}, who)
        return self._link(who, source, named, target, self._parts[key])

    def _link(
        self, who: object, source: Any, weight: Weight, target: Any, data: Mapping[str, Any]
    ) -> Link:
        start, end = self.units.get(source), self.units.get(target)
        if start is None:
            self._read.fail(f"{who} comes from {source!r}, which is no neuron or constant")
        if end is None or not end.computes:
            self._read.fail(f"{who} goes to {target!r}, which is no neuron with a function")
        slot = data.get("slot")
        if slot is None:
            slot = math.inf
        elif type(slot) is not int or not -1 <= slot < INT32_MAX:
            slot = self._read.whole(slot, f"{who} has slot", least=-1)
        if slot == BIAS:
            self._require_bias(who, start, end)
        return Link(start, weight, end, slot)

    def _require_bias(self, who: object, source: Unit, target: Unit) -> None:
        """Raise the error for a bias that comes from elsewhere, and for a second one."""
        if source is not self.bias:
            self._read.fail(f"{who} is a bias, which comes from {BIAS_NAME!r}")
        if target.key in self._biased:
            self._read.fail(f"{who} is a second bias")
        self._biased.add(target.key)

    def _require_whole(self, G: Any) -> None:
        """Raise the error where a simple graph holds fewer connections than there were.

        Connections that are nodes have one edge a pair anyway.
        """
        if G.is_multigraph() or len(self._parts) == len(self.links):
            return
        if self.about.connections != len(self.links):
            known = self.about.connections
            there = "how many there were is not known" if known is None else f"there were {known:,}"
            self._read.fail(
                f"a {type(G).__name__} has one edge from a node to another; it holds "
                f"{len(self.links):,} connections and {there}: needed a MultiDiGraph (of this one, "
                "networkx.MultiDiGraph(G), if none is missing)"
            )
