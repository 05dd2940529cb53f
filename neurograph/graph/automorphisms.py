"""The symmetry of a graph: which maps can change places, and which neurons nothing tells apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, kind_of, shown
from neurograph.graph.connections import expand
from neurograph.graph.graph import Graph, require_graph
from neurograph.graph.isomorphisms import Search, orbits
from neurograph.graph.maps import Maps, Part, coloured_maps, paired, told_apart
from neurograph.graph.refinement import Coloured, Numbers, by_appearance, refine
from neurograph.graph.table import INPUT, live_slots
from neurograph.memory import require
from neurograph.rows import equal_rows, groups_of

_MOST = 10_000_000  # connections: minutes
_BYTES = 600  # a connection: a node with three arcs, seen from both ends and sorted
_STEPS = 20_000_000  # of the search for the group, beyond ten refinements: about a minute
_FIXABLE = "inputs", "outputs"


@dataclass(frozen=True, eq=False, repr=False)
class Classes:
    """The class of each neuron, (ids,), and weight, (weights,); -1 for what was not asked about.

    By the name of a layer or of a weight array they come in its shape, -1 where one is absent.
    """

    neurons: Numbers
    weights: Numbers
    graph: Graph

    def __getitem__(self, name: str) -> Numbers:
        """Return the classes of a layer or a weight array. Raises GraphError for another name."""
        if name in self.graph.weights.names and name not in self.graph:
            ids, of = self.graph.weights.names[name].ids, self.weights
        else:
            ids, of = self.graph.layer(name).ids, self.neurons
        return np.asarray(np.append(of, -1)[ids])  # the last stands for an absent one

    def count(self, name: str) -> int:
        """Return in how many classes the neurons of a layer are, or the weights of an array."""
        found = np.unique(self[name])
        return int((found >= 0).sum())

    def __repr__(self) -> str:
        counts = [np.unique(of[of >= 0]).size for of in (self.neurons, self.weights)]
        return f"Classes({counts[0]:,} of neurons, {counts[1]:,} of weights)"


@dataclass(frozen=True, eq=False, repr=False)
class Symmetry:
    """What `symmetry` finds.

    order: of the automorphism group of the maps, exact. orbits: by layer, the maps that change
    places with one another. generators: of the group, each by layer, where a map goes that moves.
    classes: the coarsest equitable partition of neurons and weights.

    >>> from neurograph.layers import Input, Linear
    >>> graph = Graph()
    >>> _ = graph.add(Linear(3, name="y"), graph.add(Input((2,))))
    >>> symmetry(graph, fix=()).order
    12
    """

    order: int
    orbits: Mapping[str, tuple[tuple[int, ...], ...]]
    generators: tuple[Mapping[str, Mapping[int, int]], ...]
    classes: Classes

    @property
    def order_text(self) -> str:
        """The order as it is said: all digits, or from 10 ** 30 on the first ones.

        >>> from neurograph.models import mlp
        >>> symmetry(mlp((4, 100, 2))).order_text
        'about 9.33e+157'
        """
        if self.order < 10**30:
            return f"{self.order:,}"
        return f"about {Decimal(self.order):.2e}"

    def __repr__(self) -> str:
        return f"Symmetry(order {self.order_text}, {len(self.generators)} generators)"


def symmetry(
    graph: Graph,
    layer: str | Sequence[str] | None = None,
    *,
    fix: Sequence[str] = _FIXABLE,
) -> Symmetry:
    """Return the symmetry of a graph: the group of its maps, the classes of neurons and weights.

    An automorphism permutes maps (what a layer's first axis counts), each moved whole to a map of
    its own layer, so that with some permutation of trainable weights every connection is one again;
    fixed weights go to such of equal value. Two neurons, or weights, are in one class where the
    coarsest equitable partition, by colour refinement, does not tell them apart.

    layer: ask of the connections into these layers only, and of the maps they join. fix: what each
    is kept in its place, of "inputs" and "outputs". Raises GraphError for an unknown layer, more
    than 10,000,000 connections or what does not fit in memory, and where the group is beyond the
    search. Costs m log n for m connections of n neurons and weights, besides that search.

    >>> from neurograph.models import lenet5
    >>> full, c3 = symmetry(lenet5(table=None), "C3"), symmetry(lenet5(), "C3")
    >>> full, c3
    (Symmetry(order 15,064,408,719,360,000, 20 generators), Symmetry(order 12, 2 generators))
    >>> c3.orbits["C3"]
    ((0, 1, 2, 3, 4, 5), (6, 7, 8, 9, 10, 11), (12, 13, 14), (15,))
    """
    require_graph(graph, "symmetry")
    own = _kept(graph, fix)
    targets: Numbers = np.arange(graph.size)
    if layer is not None:
        targets = np.unique(graph.neurons_of(layer)).astype(np.int64)
    _require_room(graph, targets)
    part = _part(graph, targets, own, every_weight=layer is None)
    maps = coloured_maps(part)
    order, moves = Search(_STEPS + 10 * (maps.size + maps.tail.size)).group(maps)
    orbit = orbits(maps.size, moves)
    moved = tuple(_moved(part, *move) for move in moves)
    return Symmetry(order, _by_layer(part, orbit), moved, _classes(graph, part))


def _kept(graph: Graph, fix: Iterable[str]) -> NDArray[np.bool_]:
    """Return which ids are kept in their places."""
    given = [fix] if isinstance(fix, str) else fix
    if not isinstance(given, list | tuple):
        raise GraphError(f'symmetry: fix is {kind_of(fix)}, needed "inputs", "outputs" or both')
    ids = [np.empty(0, np.int64), np.array([*graph.constants])]
    for what in given:
        if not isinstance(what, str) or what not in _FIXABLE:
            raise GraphError(f'symmetry: fix has {shown(what)}, needed "inputs" or "outputs"')
        inputs = [x.neurons.present for x in graph.inputs]
        ids += inputs if what == "inputs" else [graph.outputs.reshape(-1)]
    found, kept = np.concatenate(ids), np.zeros(graph.size, bool)
    kept[found[found >= 0]] = True
    return kept


def _require_room(graph: Graph, targets: Numbers) -> None:
    """Raise GraphError for more connections than can be refined."""
    biases = int((graph.table.bias[targets] >= 0).sum())
    count = int(live_slots(graph.table, targets).sum()) + biases
    advice = "ask of one layer: layer=..."
    if count > _MOST:
        raise GraphError(
            f"symmetry: found {count:,} connections, needed at most {_MOST:,}; {advice}"
        )
    require(_BYTES * count, f"symmetry of {count:,} connections", GraphError, advice=advice)


def _part(graph: Graph, targets: Numbers, own: NDArray[np.bool_], *, every_weight: bool) -> Part:
    """Return the connections into `targets`, and the colours of all ids."""
    table = graph.table
    maps = Maps.read(graph)
    some = expand(table, targets)
    linear = np.array([f.linear for f in graph.functions] + [True])  # the last: no function
    # Added after the reduction, a bias differs from a slot that reads the bias unit; a sum's not.
    biases = int((table.bias[targets] >= 0).sum())
    is_bias = np.arange(len(some)) >= len(some) - biases
    inside = maps.whole(np.concatenate([some.source, targets]))
    weight_ids: Numbers = np.arange(graph.weights.count)
    if not every_weight:
        weight_ids = np.unique(some.weight).astype(np.int64)
    return Part(
        maps,
        some.source.astype(np.int64),
        np.searchsorted(weight_ids, some.weight),
        some.target.astype(np.int64),
        (is_bias & ~linear[table.function[some.target]]).astype(np.int64),
        _neuron_colours(graph, maps),
        weight_ids,
        _weight_colours(graph, weight_ids),
        inside,
        own,
    )


def _neuron_colours(graph: Graph, maps: Maps) -> Numbers:
    """Return a number for each layer, function, and being an output, by id."""
    outputs = np.zeros(graph.size, np.int64)
    outputs[graph.outputs[graph.outputs >= 0]] = 1
    layers = np.unique(np.array(maps.layer), return_inverse=True)[1][maps.of]
    functions = graph.table.function.astype(np.int64) - INPUT  # from 0
    return paired(paired(layers, functions), outputs)


def _weight_colours(graph: Graph, ids: Numbers) -> Numbers:
    """Return 0 for each trainable weight, and a number for each value of the fixed ones."""
    fixed = np.flatnonzero(~graph.weights.trainable[ids])
    colour = np.zeros(ids.size, np.int64)
    if fixed.size:  # values may not be drawn yet
        colour[fixed] = 1 + np.unique(graph.weights.value[ids[fixed]], return_inverse=True)[1]
    return colour


def _moved(part: Part, nodes: Numbers, images: Numbers) -> dict[str, dict[int, int]]:
    """Return a permutation of maps by layer, of those that move."""
    maps, found = part.maps, dict[str, dict[int, int]]()
    there = (nodes < part.inside.size) & (nodes != images)
    for one, image in zip(nodes[there].tolist(), images[there].tolist(), strict=True):
        found.setdefault(maps.layer[one], {})[maps.index[one]] = maps.index[image]
    return found


def _by_layer(part: Part, orbit: Numbers) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return the orbits of the part's maps by layer."""
    maps, found = part.maps, dict[str, list[tuple[int, ...]]]()
    there = np.flatnonzero(part.inside)
    for at in groups_of(orbit[there]):
        some = there[at].tolist()
        if maps.layer[some[0]]:
            found.setdefault(maps.layer[some[0]], []).append(tuple(maps.index[m] for m in some))
    return {name: tuple(each) for name, each in found.items()}


def _classes(graph: Graph, part: Part) -> Classes:
    """Return the coarsest equitable partition of the part's neurons, weights and connections."""
    size, count = graph.size, part.weights.size
    node = size + count + np.arange(part.source.size)
    trains = part.weights[part.weight] == 0
    most = int(part.neuron.max(initial=0)) + 1
    neurons = np.where(part.own, most + np.arange(size), part.neuron)
    looks = 2 * part.weights[part.weight] + part.place
    ends = [part.source, part.target, size + part.weight[trains]]
    coloured = Coloured(
        told_apart(neurons, np.zeros(count, np.int64), looks),
        np.concatenate([node, node, node[trains]]),
        np.concatenate(ends),
        np.repeat([0, 1, 2], [e.size for e in ends]),
    )
    found = refine(coloured)
    inside = part.inside[part.maps.of]
    weights = np.full(graph.weights.count, -1)
    classes = _of_weights(part, found[size : size + count], found[node])
    weights[part.weight_ids] = by_appearance(classes)
    return Classes(_numbered(found[:size], inside), weights, graph)


def _of_weights(part: Part, trainable: Numbers, connections: Numbers) -> Numbers:
    """Return the classes of all weights: of fixed ones, which are their values, by their uses."""
    fixed = part.weights[part.weight] > 0
    weight, use = part.weight[fixed], connections[fixed]
    order = np.lexsort((use, weight))
    ptr = np.searchsorted(weight[order], np.arange(part.weights.size + 1))
    _, row = equal_rows(ptr, use[order])
    return paired(part.weights, np.where(part.weights > 0, row, trainable))


def _numbered(colour: Numbers, there: NDArray[np.bool_]) -> Numbers:
    """Return colours numbered from 0 as they first appear; -1 for what is not there."""
    found = np.full(colour.size, -1)
    found[there] = by_appearance(colour[there])
    return found
