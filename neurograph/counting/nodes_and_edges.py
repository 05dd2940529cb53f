"""Counting a networkx graph: its nodes and its edges, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurograph.errors import GraphError
from neurograph.nodes_and_edges import (
    INPUT_LAYER,
    NEURON_LAYER,
    Attributes,
    Ordinary,
    Walk,
    Weight,
    described,
)


@dataclass(slots=True)
class Tally:
    """A layer's numbers while nodes and edges are walked, named as in a Row."""

    neurons: int = 0
    trainable: int = 0
    fixed: int = 0
    connections: int = 0
    bias_connections: int = 0
    dead: int = 0
    used: int = 0
    unfed: int = 0
    maps: tuple[int, ...] | None = None

    def weight(self, weight: Weight, uses: int) -> None:
        """Count a weight."""
        self.used += weight.trainable and uses > 0
        self.trainable += weight.trainable
        self.fixed += not weight.trainable
        self.dead += not uses


def tallies(G: Any, other: str) -> dict[str, Tally]:
    """Return the numbers of each layer; `other` is where weights of no layer count.

    Of a graph of our own form, in any view, each edge or node of kind "connection" is one
    connection. In any other, each node is a neuron and each edge a connection. Raises GraphError
    for an undirected graph and for one of our own form that contradicts itself.
    """
    read = Attributes("count", GraphError)
    about = described(G, read)
    if about is None:
        return _ordinary(Ordinary.of(G, read))
    walk = Walk(G, about, read)
    found = {name: Tally(maps=note.shape) for name, note in about.layers.items()}
    fed = {link.target.key for link in walk.links}
    for key, unit in walk.units.items():
        if not unit.constant:
            row = found.setdefault(unit.layer or str(key), Tally())
            row.neurons += 1
            row.unfed += key not in fed and unit.data.get("function") is not None
    uses = dict.fromkeys(map(id, walk.weights.values()), 0)
    for link in walk.links:
        uses[id(link.weight)] += 1
        row = found[link.target.layer or str(link.target.key)]
        row.connections += 1
        row.bias_connections += link.source is walk.bias
    for weight in walk.weights.values():
        layer = weight.layer if weight.layer in found else other
        found.setdefault(layer or other, Tally()).weight(weight, uses[id(weight)])
    if other in found:
        found[other] = found.pop(other)  # comes last
    return found


def _ordinary(found: Ordinary) -> dict[str, Tally]:
    first, rest = Tally(), Tally()
    first.neurons = len(found.sources)
    rest.neurons = len(found.nodes) - first.neurons
    rest.connections = len(found.edges)
    for weight in found.weights:
        rest.weight(weight, 1)
    return {INPUT_LAYER: first, NEURON_LAYER: rest}
