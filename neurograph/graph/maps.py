"""A graph's maps and the links between them, as a graph of coloured nodes and arcs.

A map is what the first axis of a layer's shape counts (a converter's axis of samples left out); a
link is all connections from one map to
another. Two links look the same if they join the same positions, by weights used alike: fixed ones
of equal values, trainable ones whichever they are. A weight that several links share ties them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.graph import Graph
from neurograph.graph.refinement import Coloured, Numbers
from neurograph.rows import equal_rows


@dataclass(frozen=True, eq=False)
class Maps:
    """Maps by number: of each id its map and its position there, of each map its layer and index.

    A constant, and a neuron that stands in no layer, is a map of its own; of no layer, "".
    """

    of: Numbers
    position: Numbers
    layer: tuple[str, ...]
    index: tuple[int, ...]

    @classmethod
    def read(cls, graph: Graph) -> Maps:
        """Return the maps of a graph.

        >>> from neurograph.models import mlp
        >>> Maps.read(mlp((2, 1))).layer
        ('input', 'input', 'output', '')
        """
        of, position = np.full(graph.size, -1), np.zeros(graph.size, np.int64)
        layers: list[str] = []
        index: list[int] = []
        for layer in graph:
            ids = _rows(layer.ids)
            at, here = np.nonzero(ids >= 0)
            of[ids[at, here]], position[ids[at, here]] = len(layers) + at, here
            layers += [layer.name] * len(ids)
            index += range(len(ids))
        others = np.flatnonzero(of < 0)
        of[others] = len(layers) + np.arange(others.size)
        layers += [""] * others.size
        return cls(of, position, tuple(layers), (*index, *range(others.size)))

    def whole(self, ids: Numbers) -> NDArray[np.bool_]:
        """Return, per map, whether any of these ids stands in it."""
        found = np.zeros(len(self.layer), bool)
        found[self.of[ids]] = True
        return found


@dataclass(frozen=True, eq=False)
class Part:
    """The part of a graph that is asked about: its maps, its connections, and what colours them.

    Its weights are `weight_ids`, numbered from 0. `neuron` and `weights` are colours by number, 0
    for a trainable weight and others for fixed ones by value. `place` tells a bias from a slot
    where that matters. `inside` says which maps are in the part, `own` which ids have a colour of
    their own.
    """

    maps: Maps
    source: Numbers
    weight: Numbers
    target: Numbers
    place: Numbers
    neuron: Numbers
    weight_ids: Numbers
    weights: Numbers
    inside: NDArray[np.bool_]
    own: NDArray[np.bool_]

    @cached_property
    def map_colours(self) -> Numbers:
        """The colour of each map: equal for maps whose positions are equal, one by one."""
        of, position = self.maps.of, self.maps.position
        ids = np.lexsort((position, of))
        row = np.stack([position[ids], self.neuron[ids]], 1).reshape(-1)
        ptr = 2 * np.searchsorted(of[ids], np.arange(self.inside.size + 1))
        found: Numbers = np.array(equal_rows(ptr, row)[1], np.int64)
        own = np.flatnonzero(self.maps.whole(np.flatnonzero(self.own)) | ~self.inside)
        found[own] = found.size + np.arange(own.size)
        return found


def _rows(ids: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return a layer's ids as (maps, positions)."""
    count = ids.shape[0] if ids.ndim else 1
    return ids.reshape(count, ids.size // count if count else 0)


def coloured_maps(part: Part) -> Coloured:
    """Return the graph whose automorphisms are those of the maps.

    Its first nodes are the maps. A link without shared weights is an arc; one with is a node, and
    so is each of the weights it shares, those that are used alike everywhere together.
    """
    count = part.inside.size
    links, label, shared = _links(part)
    tail, head = links // count, links % count
    as_node = np.zeros(links.size, bool)
    as_node[shared.link] = True
    loop = (tail == head) & ~as_node
    looks = np.zeros(count, np.int64)
    looks[tail[loop]] = 1 + label[loop]
    arc, node = np.flatnonzero((tail != head) & ~as_node), np.flatnonzero(as_node)
    node_of = np.full(links.size, -1)
    node_of[node] = count + np.arange(node.size)
    group = count + node.size + shared.group
    zeros = np.zeros(node.size, np.int64)
    return Coloured(
        told_apart(paired(part.map_colours, looks), label[node], shared.multiplicity),
        np.concatenate([tail[arc], tail[node], node_of[node], group]),
        np.concatenate([head[arc], node_of[node], head[node], node_of[shared.link]]),
        told_apart(label[arc], zeros, zeros + 1, shared.label),
    )


def told_apart(*labels: Numbers) -> Numbers:
    """Return the labels one after the other, those of different arguments told apart."""
    found, first = [], 0
    for some in labels:
        found.append(some + first)
        first += int(some.max(initial=0)) + 1
    return np.concatenate(found)


def paired(a: Numbers, b: Numbers) -> Numbers:
    """Return a number for each pair of numbers, all of them from 0 to fewer than 2 ** 31.

    >>> paired(np.array([3, 0, 3]), np.array([1, 2, 1])).tolist()
    [1, 0, 1]
    """
    both = a * (int(b.max(initial=0)) + 1) + b
    return np.asarray(np.unique(both, return_inverse=True)[1], np.int64)


@dataclass(frozen=True, eq=False)
class _Shared:
    """Weights that several links share, and by which use: (group, link, label), `multiplicity`."""

    group: Numbers
    link: Numbers
    label: Numbers
    multiplicity: Numbers


def _links(part: Part) -> tuple[Numbers, Numbers, _Shared]:
    """Return the links, source map * count + target map, how each looks, and shared weights."""
    maps, count = part.maps, part.inside.size
    key = maps.of[part.source] * count + maps.of[part.target]
    links, link = np.unique(key, return_inverse=True)
    width = int(maps.position.max(initial=0)) + 1
    place = maps.position[part.source] * width + maps.position[part.target]
    place = 2 * place + part.place
    # The uses of a weight in a link are a row of places. Fixed weights of one value are one.
    _, first, value = np.unique(part.weights, return_index=True, return_inverse=True)
    weight = np.where(part.weights > 0, first[value], np.arange(value.size))[part.weight]
    order = np.lexsort((place, weight, link))
    link, weight, place = link[order], weight[order], place[order]
    first = np.flatnonzero(_changes(link) | _changes(weight))
    use = np.asarray(equal_rows(np.append(first, link.size), place)[1], np.int64)
    link, weight = link[first], weight[first]
    # A link: the uses of its weights, whichever they are, but for the values of fixed ones.
    kind = paired(part.weights[weight], use)
    order = np.lexsort((kind, link))
    begin = np.searchsorted(link[order], np.arange(links.size + 1))
    label = np.asarray(equal_rows(begin, kind[order])[1], np.int64)
    return links, label, _shared(link, weight, use, part)


def _shared(link: Numbers, weight: Numbers, use: Numbers, part: Part) -> _Shared:
    """Return the trainable weights that several links share; those that all share alike as one."""
    times = np.bincount(weight, minlength=part.weights.size)
    some = np.flatnonzero((times[weight] > 1) & (part.weights[weight] == 0))
    some = some[np.lexsort((link[some], weight[some]))]
    link, weight, use = link[some], weight[some], use[some]
    first = np.flatnonzero(_changes(weight))
    row = np.stack([link, use], 1).reshape(-1)
    distinct, which = equal_rows(2 * np.append(first, weight.size), row)
    kept = np.isin(weight, weight[first[distinct]])
    group = np.cumsum(_changes(weight[kept])) - 1
    return _Shared(group, link[kept], use[kept], np.bincount(which, minlength=distinct.size))


def _changes(numbers: Numbers) -> NDArray[np.bool_]:
    return np.asarray(np.diff(numbers, prepend=-1) != 0)
