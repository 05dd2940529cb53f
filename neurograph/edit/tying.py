"""Tying: the neurons of each map of a layer share weights again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.slots import NewRows, Slots, places_of_weights, replaced
from neurograph.errors import GraphError
from neurograph.graph import Graph, require_graph

Array = NDArray[Any]


def tie(graph: Graph, layer: str) -> Graph:
    """Return the graph in which the neurons of each map of `layer` share their weights again.

    The reverse of `unshare`. A map is an index of the layer's first axis. Weights that stand in the
    same slot of two neurons of a map, or are the biases of two, become one, whose value is the mean
    of the different weights it stands for, and which is drawn anew as the first of them is;
    connections stay as they are. An array (maps, height, width, ...) becomes (maps, ...); in any
    other, each tied weight keeps the first of its places.
    A transposed convolution, which has several kernels a map, is tied to one a map.
    Weights used by another layer too stay there. Raises GraphError where the neurons of a map
    differ in their live slots or biases, or trainable and fixed weights would become one.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> x = graph.add(Input((1, 32, 32)))
    >>> c1 = graph.add(Conv2d(6, 5, shared=False, bias="neuron", name="C1"), x)
    >>> tied = tie(graph, "C1")
    >>> graph.weights.count, tied.weights.count, tied.weights.names["C1.kernel"].shape
    (122304, 156, (6, 1, 5, 5))
    """
    require_graph(graph, "tie")
    slots = Slots.of(graph, layer)
    _check_slots(graph, slots)
    merged = _Merged.of(graph, slots)
    fresh = _arrays(graph, slots, merged)
    maps, width = int(slots.maps.max(initial=-1)) + 1, slots.width
    rows = np.full(maps * width, -1, np.int64)
    lengths = np.zeros(maps, np.int64)
    lengths[slots.maps] = np.diff(slots.starts)
    key = slots.maps[slots.owner] * width + slots.slot
    some = slots.weight >= 0
    rows[key[some]] = merged.number[slots.weight[some]]
    rows = rows.reshape(maps, width)[np.arange(width) < lengths[:, None]]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    bias = merged.number[slots.bias]
    new = NewRows(starts, rows, slots.maps, bias, *merged.new, fresh)
    return replaced(graph, slots, new)


def _arrays(graph: Graph, slots: Slots, merged: _Merged) -> dict[str, Array]:
    """Return the arrays of the new weights, by old name; each stands in one place."""
    number = np.where(merged.number >= graph.weights.count, merged.number, -1)
    array_of, _ = places_of_weights(graph)
    touched = set(array_of[merged.weight[merged.moves]].tolist())
    found, seen = {}, np.zeros(int(number.max(initial=-1)) + 2, bool)
    for at, name in enumerate(graph.weights):
        if at in touched:
            flat = (ids := _gathered(slots, number[graph.weights.names[name].ids])).reshape(-1)
            again = np.ones(flat.size, bool)
            again[np.unique(flat, return_index=True)[1]] = False
            flat = np.where(again | seen[flat], -1, flat)
            seen[flat[flat >= 0]] = True
            found[name] = flat.reshape(ids.shape)
    return found


def _gathered(slots: Slots, ids: Array) -> Array:
    """Return (maps, ...) for ids (*layer's shape, ...) that do not differ within a map."""
    axes = len(slots.shape)
    if axes == 0 or ids.shape[:axes] != slots.shape:
        return ids
    apart = ids.reshape(slots.shape[0], -1, *ids.shape[axes:])
    top = apart.max(axis=1)
    return top if ((apart == top[:, None]) | (apart < 0)).all() else ids


def _check_slots(graph: Graph, slots: Slots) -> None:
    """Raise GraphError where the neurons of a map differ in what tying them would make equal."""
    maps, width = slots.maps, slots.width
    lengths = np.diff(slots.starts)
    for what, each in (("slots", lengths), ("biases", slots.bias >= 0)):
        first = np.full(int(maps.max(initial=-1)) + 1, -1, np.int64)
        first[maps[::-1]] = np.arange(maps.size)[::-1]
        odd = np.flatnonzero(each != each[first[maps]])
        if odd.size:
            a, b = int(odd[0]), int(first[maps[odd[0]]])
            raise GraphError(
                f"{slots.layer.name}: {slots.name(graph, a)} has {int(each[a])} {what} and "
                f"{slots.name(graph, b)}, of the same map, {int(each[b])}; tied neurons need "
                "the same"
            )
    key = maps[slots.owner] * width + slots.slot
    some = np.zeros(int(key.max(initial=-1)) + 1, bool)
    some[key[slots.weight >= 0]] = True
    cut = np.flatnonzero((slots.source >= 0) & (slots.weight < 0) & some[key])
    if cut.size:
        raise GraphError(
            f"{slots.layer.name}: slot {slots.slot[cut[0]]} of "
            f"{slots.name(graph, int(slots.owner[cut[0]]))} is cut and live in other neurons of "
            "its map; tied neurons need the same live slots"
        )


@dataclass(frozen=True, eq=False)
class _Merged:
    """Which weights of a layer become one.

    weight: the different weights of the layer; moves: which of them get a new number. number: the
    new one of every weight of the graph (the last for -1). new: of the new weights, trainable,
    value and the first of the weights that each stands for.
    """

    weight: Array
    moves: Array
    number: Array
    new: tuple[Array, Array, Array]

    @classmethod
    def of(cls, graph: Graph, slots: Slots) -> _Merged:
        """Weights are one if a chain of common (map, slot) joins them: connected components."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        some, biased = slots.weight >= 0, slots.bias >= 0
        width = slots.width + 1  # the last place of a map is for its bias
        place = np.concatenate(
            [
                (slots.maps[slots.owner] * width + slots.slot)[some],
                slots.maps[biased] * width + width - 1,
            ]
        )
        every = np.concatenate([slots.weight[some], slots.bias[biased]])
        weight, which = np.unique(every, return_inverse=True)
        size = weight.size + int(place.max(initial=-1)) + 1
        ones = np.ones(which.size, bool)
        joined = coo_matrix((ones, (which, weight.size + place)), shape=(size, size))
        group = connected_components(joined, directed=False)[1][: weight.size]
        _, group = np.unique(group, return_inverse=True)
        members = np.bincount(group)
        free = np.bincount(group, graph.weights.trainable[weight])
        _check_trainable(graph, weight, group, (free > 0) & (free < members))
        each = graph.weights.value[weight]
        lead = np.unique(group, return_index=True)[1]
        first = each[lead]
        # Taken from the first value, so that the mean of equal values is that value exactly.
        value = first + np.bincount(group, each - first[group]) / np.maximum(members, 1)
        # A weight tied already stays what it is, unless its array gets a new shape.
        array_of, _ = places_of_weights(graph)
        moved = np.zeros(len(list(graph.weights)) + 1, bool)
        moved[array_of[weight[members[group] > 1]]] = True
        renewed = np.zeros(members.size, bool)
        renewed[group[moved[array_of[weight]]]] = True
        moves = renewed[group]
        taken = graph.weights.count + np.cumsum(renewed) - 1
        number = np.arange(graph.weights.count + 1)
        number[-1] = -1
        number[weight[moves]] = taken[group[moves]]
        new = (free > 0)[renewed], value[renewed], weight[lead][renewed].astype(np.int32)
        return cls(weight, moves, number, new)


def _check_trainable(graph: Graph, weight: Array, group: Array, mixed: Array) -> None:
    if mixed.any():
        some = weight[group == np.flatnonzero(mixed)[0]]
        fixed = some[~graph.weights.trainable[some]][0]
        free = some[graph.weights.trainable[some]][0]
        raise GraphError(
            f"{graph.weight_name(int(free))} is trainable and {graph.weight_name(int(fixed))} is "
            "fixed; weights tied to one need to be both the one or the other"
        )
