"""Tying within a layer: the neurons of each map share weights again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.slots import NewRows, Slots, places_of_weights, replaced
from neurograph.errors import GraphError
from neurograph.graph import Graph
from neurograph.graph.dissolved import Dissolved
from neurograph.graph.normal_form import unique_rows
from neurograph.memory import require

Array = NDArray[Any]


def tied_within(graph: Graph, layer: str, bias: bool) -> Graph:
    """Return the graph in which the neurons of each map of a layer share their weights; see `tie`.

    Where a dissolved sharing is known it is restored, else weights in the same slot become one.
    """
    slots = Slots.of(graph, layer)
    group = _recorded(graph, slots, bias)
    alike = group is None or _one_kernel_a_map(slots, group)
    if alike:
        shared = group is None or bool(
            (group[slots.bias[slots.bias >= 0]] >= graph.weights.count).any()
        )
        _check_slots(graph, slots, bias and shared)
    merged = _Merged.of(graph, slots, group, bias)
    fresh = _arrays(graph, slots, merged, group is not None)
    if alike:
        starts, rows, which = _rows_by_map(slots, merged.number)
    else:
        ids = merged.number[slots.weight].astype(np.int32)
        distinct, which = unique_rows(slots.starts, ids)
        starts, rows = distinct.ptr, distinct.ids
    return replaced(
        graph, slots, NewRows(starts, rows, which, merged.number[slots.bias], *merged.new, fresh)
    )


def _rows_by_map(slots: Slots, number: Array) -> tuple[Array, Array, Array]:
    """Return the kernels, one a map (starts, weights), and which of them each neuron has."""
    maps, width = int(slots.maps.max(initial=-1)) + 1, slots.width
    rows = np.full(maps * width, -1, np.int64)
    lengths = np.zeros(maps, np.int64)
    lengths[slots.maps] = np.diff(slots.starts)
    key = slots.maps[slots.owner] * width + slots.slot
    some = slots.weight >= 0
    rows[key[some]] = number[slots.weight[some]]
    rows = rows.reshape(maps, width)[np.arange(width) < lengths[:, None]]
    return np.concatenate([[0], np.cumsum(lengths)]), rows, slots.maps


def _recorded(graph: Graph, slots: Slots, bias: bool) -> Array | None:
    """Return for each weight of the graph what it was one with before; None if nothing is known.

    Weights that were one have one number; those of which nothing is known have their own.
    """
    known = graph.weights.dissolved
    array_of, place_of = places_of_weights(graph)
    mine = np.unique(np.concatenate([slots.weight, slots.bias if bias else slots.weight]))
    mine = mine[mine >= 0]
    group = np.arange(graph.weights.count)
    taken, any_known = graph.weights.count, False
    for at, name in enumerate(graph.weights):
        some = mine[array_of[mine] == at] if name in known else mine[:0]
        if some.size:
            place = known[name].places.reshape(-1)[place_of[some]]
            group[some] = np.where(place >= 0, taken + place, some)
            taken, any_known = taken + math.prod(known[name].shape), True
    return group if any_known else None


def _one_kernel_a_map(slots: Slots, group: Array) -> bool:
    """Return whether weights in the same slot of a map were one: all its neurons had one kernel."""
    lengths = np.diff(slots.starts)
    some = slots.weight >= 0
    key = slots.maps[slots.owner] * slots.width + slots.slot
    for each, value in ((slots.maps, lengths), (key[some], group[slots.weight[some]])):
        first = np.zeros(int(each.max(initial=-1)) + 1, np.int64)
        first[each] = value
        if (first[each] != value).any():
            return False
    return True


def _arrays(graph: Graph, slots: Slots, merged: _Merged, recorded: bool) -> dict[str, Array]:
    """Return the arrays of the new weights, by old name; each stands in one place."""
    known = graph.weights.dissolved if recorded else {}
    number = np.where(merged.number >= graph.weights.count, merged.number, -1)
    array_of, _ = places_of_weights(graph)
    touched = set(array_of[merged.weight[merged.moves]].tolist())
    found, seen = {}, np.zeros(int(number.max(initial=-1)) + 2, bool)
    for at, name in enumerate(graph.weights):
        if at in touched:
            ids = number[graph.weights.names[name].ids]
            ids = _restored(known[name], ids) if name in known else _gathered(slots, ids)
            flat = ids.reshape(-1)
            again = np.ones(flat.size, bool)
            again[np.unique(flat, return_index=True)[1]] = False
            flat = np.where(again | seen[flat], -1, flat)
            seen[flat[flat >= 0]] = True
            found[name] = flat.reshape(ids.shape)
    return found


def _restored(before: Dissolved, ids: Array) -> Array:
    """Return ids in the shape they had, each at the place that it was a copy of."""
    require(8 * math.prod(before.shape), f"an array of {before.shape}", GraphError)
    found = np.full(math.prod(before.shape), -1, np.int64)
    live = (ids >= 0) & (before.places >= 0)
    found[before.places[live]] = ids[live]
    return found.reshape(before.shape)


def _gathered(slots: Slots, ids: Array) -> Array:
    """Return (maps, ...) for ids (*layer's shape, ...) that do not differ within a map."""
    axes = len(slots.shape)
    if axes == 0 or ids.shape[:axes] != slots.shape:
        return ids
    apart = ids.reshape(slots.shape[0], -1, *ids.shape[axes:])
    top = apart.max(axis=1)
    return top if ((apart == top[:, None]) | (apart < 0)).all() else ids


def _check_slots(graph: Graph, slots: Slots, bias: bool) -> None:
    """Raise GraphError where the neurons of a map differ in what tying them would make equal."""
    maps, width = slots.maps, slots.width
    lengths = np.diff(slots.starts)
    both = (("slots", lengths), ("biases", slots.bias >= 0))
    for what, each in both if bias else both[:1]:
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
    def of(cls, graph: Graph, slots: Slots, recorded: Array | None, bias: bool) -> _Merged:
        """Weights are one if they were, or if a chain of common (map, slot) joins them."""
        weight, group = _chains(slots, bias)
        if recorded is not None:
            group = recorded[weight]
        _, group = np.unique(group, return_inverse=True)
        members = np.bincount(group)
        free = np.bincount(group, graph.weights.trainable[weight])
        check_trainable(graph, weight, group, (free > 0) & (free < members))
        each = graph.weights.value[weight]
        lead = np.unique(group, return_index=True)[1]
        first = each[lead]
        # Taken from the first value, so that the mean of equal values is that value exactly.
        value = first + np.bincount(group, each - first[group]) / np.maximum(members, 1)
        # A weight tied already stays what it is, unless its array gets a new shape.
        array_of, _ = places_of_weights(graph)
        moved = np.zeros(len(list(graph.weights)) + 1, bool)
        moved[array_of[weight[members[group] > 1]]] = True
        if recorded is not None:
            moved[array_of[weight[recorded[weight] >= graph.weights.count]]] = True
        renewed = np.zeros(members.size, bool)
        renewed[group[moved[array_of[weight]]]] = True
        moves = renewed[group]
        taken = graph.weights.count + np.cumsum(renewed) - 1
        number = np.arange(graph.weights.count + 1)
        number[-1] = -1
        number[weight[moves]] = taken[group[moves]]
        new = (free > 0)[renewed], value[renewed], weight[lead][renewed].astype(np.int32)
        return cls(weight, moves, number, new)


def _chains(slots: Slots, bias: bool) -> tuple[Array, Array]:
    """Return the weights of a layer, and numbers that are equal where a chain joins two."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    some, biased = slots.weight >= 0, (slots.bias >= 0) & bias
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
    return weight, connected_components(joined, directed=False)[1][: weight.size]


def check_trainable(graph: Graph, weight: Array, group: Array, mixed: Array) -> None:
    """Raise GraphError if a group of weights to be one is `mixed`: of trainable and fixed ones."""
    if mixed.any():
        some = weight[group == np.flatnonzero(mixed)[0]]
        fixed = some[~graph.weights.trainable[some]][0]
        free = some[graph.weights.trainable[some]][0]
        raise GraphError(
            f"{graph.weight_name(int(free))} is trainable and {graph.weight_name(int(fixed))} is "
            "fixed; weights tied to one need to be both the one or the other"
        )
