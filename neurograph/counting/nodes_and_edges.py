"""Counting a networkx graph: its nodes and its edges, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurograph.errors import GraphError
from neurograph.nodes_and_edges import (
    INPUT_LAYER,
    NEURON_LAYER,
    Arrays,
    Attributes,
    Ordinary,
    Unit,
    Walk,
    Weight,
    described,
    leading_to,
    outputs_of,
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
    unread: int = 0
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
    return _own(walk, Arrays(walk, read).units, other)


def _own(walk: Walk, units: Sequence[Unit], other: str) -> dict[str, Tally]:
    found = {name: Tally(maps=note.shape) for name, note in walk.about.layers.items()}
    fed = {link.target.key for link in walk.links}
    ends = [unit.key for unit in outputs_of(walk, units)]
    read = leading_to(ends, ((link.source.key, link.target.key) for link in walk.links))
    for unit in units:
        if not unit.constant:
            row = found.setdefault(unit.layer or str(unit.key), Tally())
            row.neurons += 1
            row.unfed += unit.computes and unit.key not in fed
            row.unread += bool(ends) and unit.key not in read
    _add_connections(walk, found)
    _add_weights(walk, found, other)
    return found


def _add_connections(walk: Walk, found: Mapping[str, Tally]) -> None:
    for link in walk.links:
        row = found[link.target.layer or str(link.target.key)]
        row.connections += 1
        row.bias_connections += link.source is walk.bias


def _add_weights(walk: Walk, found: dict[str, Tally], other: str) -> None:
    uses = Counter(id(link.weight) for link in walk.links)
    for weight in walk.weights.values():
        layer = weight.layer if weight.layer in found else other
        found.setdefault(layer or other, Tally()).weight(weight, uses[id(weight)])
    if other in found:
        found[other] = found.pop(other)  # comes last


def _ordinary(found: Ordinary) -> dict[str, Tally]:
    first, rest = Tally(), Tally()
    starts = set(found.sources)
    ends = [node for node in found.sinks if node not in starts]
    read = leading_to(ends, ((u, v) for u, v, _ in found.edges))
    for node in found.nodes:
        row = first if node in starts else rest
        row.neurons += 1
        row.unread += bool(ends) and node not in read
    rest.connections = len(found.edges)
    for weight in found.weights:
        rest.weight(weight, 1)
    return {INPUT_LAYER: first, NEURON_LAYER: rest}
