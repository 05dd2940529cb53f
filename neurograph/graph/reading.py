"""What networkx's own functions read of a graph: nodes, edges and degrees, by name.

They are those of `to_networkx(view="neurons")`: a node is a neuron or a constant, an edge a
connection, and several may join a pair. Nothing is converted; names are made as they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.connections import Connections
from neurograph.graph.references import Reference, neuron_ids, one_id
from neurograph.graph.tallies import by_source, by_target
from neurograph.graph.view import Connected, View

Data = bool | str  # True: all attributes, else the name of one
Keys = dict[str, dict[int, dict[str, Any]]]  # target: which of the pair's: attributes
_BLOCK = 1 << 14  # connections or ids whose names are made at once


class Readable(Connected, Protocol):
    """A graph with its connections: a Graph."""

    @property
    def connections(self) -> View:
        """All connections."""

    @property
    def constants(self) -> Mapping[int, float]:
        """The state of each constant."""

    def outgoing(self, neuron: Reference) -> Connections:
        """Return every connection out of a neuron."""


class Nodes(Mapping[str, dict[str, Any]]):
    """The names of all ids in order, with attributes; called, it lists them as networkx does."""

    def __init__(self, graph: Readable) -> None:
        self._graph = graph

    def __len__(self) -> int:
        return self._graph.size

    def __iter__(self) -> Iterator[str]:
        for a in range(0, len(self), _BLOCK):
            ids = np.arange(a, min(a + _BLOCK, len(self)))
            yield from self._graph.neuron_names.names_of(ids)

    def __getitem__(self, name: str) -> dict[str, Any]:
        """Return the attributes of a node: kind, neuron_id and layer, plain text and numbers."""
        identity = one_id(self._graph.neuron_names, len(self), name, "nodes")
        kind = "constant" if identity in self._graph.constants else "neuron"
        layer, _ = self._graph.neuron_names.locate(identity)
        return {"kind": kind, "neuron_id": identity, "layer": layer}

    def __contains__(self, name: object) -> bool:
        try:
            one_id(self._graph.neuron_names, len(self), name, "nodes")
        except ValueError:  # a GraphError, and what is no reference at all
            return False
        return True

    def __call__(self, data: Data = False, default: Any = None) -> Iterator[Any]:
        """Yield the names; with `data`, (name, attributes), or the one attribute of that name."""
        return ((n, _said(self[n], data, default)) for n in self) if data else iter(self)


class Edges:
    """All connections, by name; called, it lists them as networkx does, in blocks."""

    def __init__(self, graph: Readable) -> None:
        self._graph = graph

    def __len__(self) -> int:
        return len(self._graph.connections)

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        return self(keys=True)

    def __call__(
        self,
        nbunch: Reference | None = None,
        data: Data = False,
        *,
        keys: bool = False,
        default: Any = None,
    ) -> Iterator[Any]:
        """Yield (source, target) of the connections, or of those out of `nbunch`.

        `keys` adds which of the pair's connections it is; `data` its attributes, or that of a name.
        """
        view = self._graph.connections
        blocks = view.blocks(_BLOCK) if nbunch is None else iter([self._graph.outgoing(nbunch)])
        for block in blocks:
            numbers = _keys(block).tolist() if keys else []
            for at, (source, target, said) in enumerate(self._named(block)):
                key = (numbers[at],) if keys else ()
                yield source, target, *key, *((_said(said, data, default),) if data else ())

    def _named(self, block: Connections) -> Iterator[tuple[str, str, dict[str, Any]]]:
        weights = self._graph.weights
        values, free = weights.value[block.weight], weights.trainable[block.weight]
        columns = block.names(), values.tolist(), block.weight.tolist(), free.tolist()
        for (source, name, target), value, number, trainable in zip(*columns, strict=True):
            said = {"weight": value, "weight_id": number, "weight_name": name}
            yield source, target, {**said, "trainable": trainable}


class Targets(Mapping[str, Keys]):
    """What every node feeds: {target: {key: attributes}}."""

    def __init__(self, graph: Readable) -> None:
        self._graph = graph

    def __len__(self) -> int:
        return self._graph.size

    def __iter__(self) -> Iterator[str]:
        return iter(Nodes(self._graph))

    def __getitem__(self, node: Reference) -> Keys:
        """Return the targets of a node, by name or id, each with its connections."""
        found: Keys = {}
        for _, target, key, said in Edges(self._graph)(node, data=True, keys=True):
            found.setdefault(target, {})[key] = said
        return found


class Degrees:
    """How many connections meet at every id; called with a weight, the sum of their values."""

    def __init__(self, graph: Readable) -> None:
        self._graph = graph

    def __len__(self) -> int:
        return self._graph.size

    def __iter__(self) -> Iterator[tuple[str, int | float]]:
        return iter(self())

    def __getitem__(self, node: Reference) -> Any:
        """Return the degree of a node, by name or id."""
        return self(node)

    def __call__(self, nbunch: Reference | None = None, weight: str | None = None) -> Any:
        """Return the degree of a node, or (name, degree) of several, by default of all."""
        ids = np.arange(len(self)) if nbunch is None else neuron_ids(self._graph, nbunch, "degree")
        found = self._all(weight)[ids]
        if not ids.shape:
            return found.item()
        flat = ids.reshape(-1)
        names = self._graph.neuron_names.names_of(flat)
        return list(zip(names, found.reshape(-1).tolist(), strict=True))

    def _all(self, weight: str | None) -> NDArray[Any]:
        if weight == "weight":
            value, found = self._graph.weights.value, np.zeros(len(self))
            for block in self._graph.connections.blocks():
                for side in (block.source, block.target):
                    found += np.bincount(side, value[block.weight], len(self))
            return found
        table = self._graph.table
        return np.add(by_target(table), by_source(table))


class ReadByNetworkx:
    """The part of a graph that networkx reads; `networkx.ancestors(graph, name)` runs on ids."""

    __networkx_backend__ = "neurograph"

    @property
    def nodes(self: Readable) -> Nodes:
        """The nodes as networkx calls them: every neuron and constant, by name."""
        return Nodes(self)

    @property
    def edges(self: Readable) -> Edges:
        """The edges as networkx calls them: every connection, (source, target, key) by name."""
        return Edges(self)

    @property
    def degree(self: Readable) -> Degrees:
        """The degree of every node, in and out."""
        return Degrees(self)

    @property
    def adj(self: Readable) -> Targets:
        """What every node feeds: {target: {key: attributes}}, looked up when asked for."""
        return Targets(self)

    def adjacency(self: Readable) -> Iterator[tuple[str, Keys]]:
        """Yield every node with what it feeds: {target: {key: attributes}}."""
        return iter(Targets(self).items())

    @property
    def graph(self) -> dict[str, Any]:
        """What networkx says of a whole graph: nothing."""
        return {}

    @property
    def name(self) -> str:
        """The name of the graph in networkx's files: none."""
        return ""

    def is_directed(self) -> bool:
        """Return True: connections have a direction."""
        return True

    def is_multigraph(self) -> bool:
        """Return True: two neurons may have several connections."""
        return True

    def number_of_nodes(self: Readable) -> int:
        """Return the number of neurons and constants."""
        return self.size

    def order(self: Readable) -> int:
        """Return the number of neurons and constants."""
        return self.size

    def number_of_edges(self: Readable) -> int:
        """Return the number of connections."""
        return len(self.connections)


def _said(attributes: dict[str, Any], data: Data, default: Any) -> Any:
    return attributes if data is True else attributes.get(str(data), default)


def _keys(block: Connections) -> NDArray[np.int64]:
    """Return which of its pair's connections each is, from 0, of whole neurons' connections."""
    order = np.lexsort((block.target, block.source))
    source, target = block.source[order], block.target[order]
    new = np.ones(order.size, bool)
    new[1:] = (np.diff(source) != 0) | (np.diff(target) != 0)
    place = np.arange(order.size)
    keys = np.empty(order.size, np.int64)
    keys[order] = place - place[new][np.cumsum(new) - 1]
    return keys
