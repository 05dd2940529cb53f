"""Unsharing: every neuron of a layer gets weights of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.slots import NewRows, Slots, places_of_weights, replaced
from neurograph.errors import GraphError
from neurograph.graph import Graph, require_graph
from neurograph.graph.dissolved import Dissolved
from neurograph.memory import require
from neurograph.names import IdArray
from neurograph.rows import groups_of

Array = NDArray[Any]


def unshare(graph: Graph, layer: str | Sequence[str] | None = None) -> Graph:
    """Return the graph in which every neuron of `layer`, one or several, has weights of its own.

    Without a layer, every neuron has.

    Connections and values stay, so outputs do; `tie` restores the sharing, which is recorded (and
    saved). A weight array whose leading axes are the layer's
    ((maps, in, kh, kw) or a bias (maps,)) becomes (maps, height, width, in, kh, kw) or (maps,
    height, width); any other (neurons..., slots), with one more place for a bias. A new weight
    stands for the connections of one neuron by one old weight, and only where there are such. The
    old weights of the layer go, but for those that another layer uses: that layer gets them. Fixed
    weights stay fixed; drawn anew, a copy is drawn as its original. Raises GraphError for an
    unknown layer or one too large for memory.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> c1 = graph.add(Conv2d(6, 5, name="C1"), graph.add(Input((1, 32, 32))))
    >>> apart = unshare(graph, "C1")
    >>> apart.weights.names["C1.kernel"].shape, apart.weights.count, len(apart.connections)
    ((6, 28, 28, 1, 5, 5), 122304, 122304)
    """
    require_graph(graph, "unshare")
    several: list[Any] = list(layer) if isinstance(layer, list | tuple) else [layer]
    if layer is None:
        several = [name for name, one in graph.layers.items() if one.kind != "Input"]
    if not several:
        raise GraphError("unshare: found no layer, needed the name of one or more")
    for name in several:
        graph.layer(name)  # an unknown one is a GraphError, before any work
    for name in several:
        graph = _unshared(graph, name)
    return graph


def _unshared(graph: Graph, layer: str) -> Graph:
    slots = Slots.of(graph, layer)
    count = np.int64(graph.weights.count)
    live = np.flatnonzero((slots.source >= 0) & (slots.weight >= 0))
    biased = np.flatnonzero(slots.bias >= 0)
    owner = np.concatenate([slots.owner[live], biased])
    weight = np.concatenate([slots.weight[live], slots.bias[biased]])
    slot = np.concatenate([slots.slot[live], np.full(biased.size, slots.width)])
    key, first, which = np.unique(owner * count + weight, return_index=True, return_inverse=True)
    owner, weight, slot = key // count, key % count, slot[first]
    identity = np.full(key.size, -1, np.int64)
    fresh: dict[str, Array] = {}
    dissolved: dict[str, Dissolved] = {}
    taken = int(count)
    array_of, place_of = places_of_weights(graph)
    names, own = list(graph.weights), array_of[weight]
    for some in sorted(groups_of(own), key=lambda places: int(own[places[0]])):
        name = names[own[some[0]]]
        pairs = owner[some], place_of[weight[some]], slot[some]
        place, shape = _spread(slots, name, graph.weights.names[name].shape, pairs)
        mine, place = some[np.argsort(place)], np.sort(place)
        identity[mine] = taken + np.arange(mine.size)
        fresh[name] = np.full(shape, -1, np.int64)
        fresh[name].reshape(-1)[place] = identity[mine]
        before = _dissolved(graph, name, shape, place, place_of[weight[mine]])
        if before is not None:
            dissolved[name] = before
        taken += mine.size
    rows = np.full(slots.owner.size, -1, np.int64)
    rows[live] = identity[which[: live.size]]
    bias = np.full(slots.neurons.size, -1, np.int64)
    bias[biased] = identity[which[live.size :]]
    origin = weight[np.argsort(identity)].astype(np.int32)
    trainable, value = graph.weights.trainable[origin], graph.weights.value[origin]
    each = np.arange(slots.neurons.size)
    new = NewRows(slots.starts, rows, each, bias, trainable, value, origin, fresh, dissolved)
    return replaced(graph, slots, new)


def _dissolved(
    graph: Graph, name: str, shape: tuple[int, ...], place: Array, origin: Array
) -> Dissolved | None:
    """Return which place of the array each weight at `place` of its new shape comes from.

    Or, where that had been taken apart before, from which place it came; None where the array is
    as it was.
    """
    old = graph.weights.names[name].shape
    earlier = graph.weights.dissolved.get(name)
    if earlier is not None:
        old, origin = earlier.shape, earlier.places.reshape(-1)[origin]
    if shape == old and np.unique(origin).size == origin.size:
        return None
    places = np.full(shape, -1, np.int32)
    places.reshape(-1)[place] = origin
    return Dissolved(old, places)


def _spread(
    slots: Slots, name: str, shape: tuple[int, ...], pairs: tuple[Array, Array, Array]
) -> tuple[Array, tuple[int, ...]]:
    """Return the flat place of each (neuron, weight) in the array unshared, and its shape.

    `pairs` are the neuron, the weight's place in the array of `shape`, and its first slot.
    """
    owner, place, slot = pairs
    index = np.unravel_index(place, shape) if shape else ()
    own = tuple(axis[owner] for axis in slots.index)
    axes = 0
    for a, b, m, n in zip(index, own, shape, slots.shape, strict=False):
        if m != n or (a != b).any():
            break
        axes += 1
    rest, inner = (shape[axes:], index[axes:]) if axes else ((slots.width + 1,), (slot,))
    if not axes and (slots.bias < 0).all():
        rest = (slots.width,)
    full = (*slots.shape, *rest)
    IdArray(full)  # refuses more axes than NumPy has
    require(math.prod(full) * 8, f"{name} unshared, {full}", GraphError)
    every = (*own, *inner)
    return (np.ravel_multi_index(every, full) if full else np.zeros(1, np.int64)), full
