"""The slots of one layer, and giving its neurons other weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.rebuilding import copied_rows, rebuilt, renumbered, table_of, with_rows
from neurograph.errors import GraphError
from neurograph.graph import Graph, Layer
from neurograph.graph.dissolved import Dissolved
from neurograph.graph.normal_form import unique_rows
from neurograph.graph.ragged import Ragged
from neurograph.memory import INT32_MAX, require

Array = NDArray[Any]
# The most that unsharing takes at its peak for each slot of the layer and each weight of the graph,
# as measured; tying takes less.
_SLOT_BYTES, _WEIGHT_BYTES = 240, 64


@dataclass(frozen=True, eq=False)
class Slots:
    """The slots of a layer's neurons.

    neurons: ids; position: flat place of each in the layer's shape. owner (which neuron), slot,
    source and weight: one entry a slot.
    """

    layer: Layer
    neurons: Array
    position: Array
    owner: Array
    slot: Array
    source: Array
    weight: Array
    bias: Array

    @classmethod
    def of(cls, graph: Graph, name: str) -> Slots:
        """Return the slots of a layer.

        Raises GraphError for an input layer, and if the slots would not fit in memory.
        """
        layer = graph.layer(name)
        if any(layer.name == x.name for x in graph.inputs):
            raise GraphError(f"{name}: found an input layer, needed one with connections")
        flat = layer.ids.reshape(-1)
        position = np.flatnonzero(flat >= 0)
        neurons = flat[position]
        total = int(graph.table.fields.lengths(graph.table.field[neurons]).sum())
        size = total * _SLOT_BYTES + graph.weights.count * _WEIGHT_BYTES
        require(size, f"{name}: giving its {total:,} slots other weights", GraphError)
        owner, source, weight = graph.table.slots(neurons)
        start = np.searchsorted(owner, np.arange(neurons.size))
        slot = np.arange(owner.size) - start[owner]
        bias = graph.table.bias[neurons]
        return cls(layer, neurons, position, owner, slot, source, weight, bias)

    @property
    def shape(self) -> tuple[int, ...]:
        """The layer's shape."""
        return self.layer.neurons.shape

    @cached_property
    def starts(self) -> Array:
        """Where the slots of each neuron begin, and the end of the last."""
        return np.searchsorted(self.owner, np.arange(self.neurons.size + 1))

    @property
    def width(self) -> int:
        """The largest number of slots of a neuron."""
        return int(self.slot.max(initial=-1)) + 1

    @property
    def index(self) -> tuple[Array, ...]:
        """The index of each neuron in the layer's shape, an array an axis."""
        return np.unravel_index(self.position, self.shape) if self.shape else ()

    @property
    def maps(self) -> Array:
        """The feature map of each neuron."""
        return self.index[0] if self.shape else np.zeros(self.neurons.size, np.intp)

    def name(self, graph: Graph, which: int) -> str:
        """Return the name of a neuron."""
        return graph.neuron_name(int(self.neurons[which]))


@dataclass(frozen=True, eq=False)
class SlotRows:
    """Whole rows of slots for some neurons.

    neurons: ids, of which each gets a row; target, source and weight: one entry a slot, the slots
    of one target in their order.
    """

    neurons: Array
    target: Array
    source: Array
    weight: Array

    @classmethod
    def of(cls, parts: Sequence[SlotRows]) -> SlotRows:
        """Return the parts as one."""
        empty = [np.empty(0, np.int64)]
        sides = ("neurons", "target", "source", "weight")
        return cls(*(np.concatenate([*(getattr(p, s) for p in parts), *empty]) for s in sides))


def with_slots(graph: Graph, rows: SlotRows, bias: Array) -> Graph:
    """Return the graph whose neurons `rows.neurons` have these slots, and all have these biases."""
    table, neurons = graph.table, np.unique(rows.neurons)
    order = np.argsort(rows.target, kind="stable")
    ptr = np.append(np.searchsorted(rows.target[order], neurons), order.size)
    source, weight = (side[order].astype(np.int32) for side in (rows.source, rows.weight))
    fields, field = with_rows(table.fields, table.field, neurons, *unique_rows(ptr, source))
    kernels, kernel = with_rows(table.kernels, table.kernel, neurons, *unique_rows(ptr, weight))
    return rebuilt(graph, table_of(fields, kernels, (field, kernel, bias, table.function)))


def places_of_weights(graph: Graph) -> tuple[Array, Array]:
    """Return for each weight the number of its array, in the order of names, and its flat place."""
    found = np.full((2, graph.weights.count), -1, np.int32)
    for number, name in enumerate(graph.weights):
        flat = graph.weights.names[name].ids.reshape(-1)
        place = np.flatnonzero(flat >= 0)
        found[0, flat[place]], found[1, flat[place]] = number, place
    return found[0], found[1]


@dataclass(frozen=True, eq=False)
class NewRows:
    """What the neurons of a layer get.

    starts, weight: kernels, row by row; which: the row of each neuron; bias: the bias weight of
    each. Weights beyond the graph's are new, with trainable, value and origin, the old weight as
    which each is drawn, in order of id. arrays: the new weights in the arrays that take the place
    of old ones, by the old name; dissolved: what those shared before, by that name too.
    """

    starts: Array
    weight: Array
    which: Array
    bias: Array
    trainable: Array
    value: Array
    origin: Array
    arrays: Mapping[str, Array]
    dissolved: Mapping[str, Dissolved] = field(default_factory=dict)


def replaced(graph: Graph, slots: Slots, new: NewRows) -> Graph:
    """Return the graph whose layer has these kernels and biases.

    An array of the layer's own gives way to the new one; weights of it that others use move to the
    first layer that does. Of another layer's array it gets a copy under its own name.
    """
    table, old = graph.table, graph.weights
    total = old.count + new.value.size
    if total > INT32_MAX:
        raise GraphError(f"{slots.layer.name}: with {total:,} weights, ids end at {INT32_MAX:,}")
    rows = Ragged.of(new.starts, new.weight)
    kernels, kernel = with_rows(table.kernels, table.kernel, slots.neurons, rows, new.which)
    bias = table.bias.astype(np.int64)
    bias[slots.neurons] = new.bias
    arrays, owned, called = _arrays(graph, slots, new.arrays)
    dissolved = {name: d for name, d in old.dissolved.items() if name not in called.values()}
    dissolved |= {called[name]: before for name, before in new.dissolved.items()}
    trainable = np.concatenate([old.trainable, new.trainable])
    value = np.concatenate([old.value, new.value])
    origin = np.concatenate([np.arange(old.count, dtype=np.int32), new.origin])
    weights, number = renumbered(old, arrays, trainable, value, origin, dissolved)
    kernels = Ragged.of(kernels.ptr, number[kernels.ids])
    columns = table.field, kernel, number[bias], table.function
    layers = [replace(layer, arrays=tuple(owned[layer.name])) for layer in graph.layers.values()]
    table = table_of(copied_rows(table.fields), kernels, columns)
    return rebuilt(graph, table, weights=weights, layers=layers)


def _arrays(
    graph: Graph, slots: Slots, new: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, list[str]], dict[str, str]]:
    """Return the weight arrays after the change, and the names of those each layer brought.

    The last gives what each of the new ones is called, by the old name.
    """
    own, names = slots.layer.name, graph.weights.names
    owned = {layer.name: list(layer.arrays) for layer in graph.layers.values()}
    arrays, called = {name: names[name].ids for name in names}, {}
    for name, ids in new.items():
        if name not in owned[own]:
            called[name] = _give(arrays, owned, own, _kind(owned, name), ids)
            continue
        called[name] = name
        left = _used_elsewhere(graph, slots, arrays[name])
        arrays[name] = ids
        if (left >= 0).any():
            _give(arrays, owned, _first_user(graph, slots, left), _kind(owned, name), left)
    return arrays, owned, called


def _give(
    arrays: dict[str, Array], owned: dict[str, list[str]], layer: str, kind: str, ids: Array
) -> str:
    name = f"{layer}.{kind}"
    while name in arrays:
        name += "_"
    arrays[name] = ids
    owned[layer].append(name)
    return name


def _kind(owned: Mapping[str, list[str]], name: str) -> str:
    """Return what follows the layer in an array's name: "kernel" of "C1.kernel"."""
    owner = next((layer for layer, arrays in owned.items() if name in arrays), "")
    return name.removeprefix(f"{owner}.")


def _used_elsewhere(graph: Graph, slots: Slots, ids: Array) -> Array:
    """Return `ids`, -1 for those that only this layer's neurons name."""
    table = graph.table
    others = np.ones(graph.size, bool)
    others[slots.neurons] = False
    named = np.zeros(graph.weights.count + 1, bool)
    named[table.bias[others]] = True
    kernels = table.kernel[others]
    used = np.zeros(table.kernels.count + 1, bool)
    used[kernels] = True
    named[table.kernels.ids[np.repeat(used[:-1], np.diff(table.kernels.ptr))]] = True
    named[-1] = False
    return np.where(named[ids], ids, -1)


def _first_user(graph: Graph, slots: Slots, ids: Array) -> str:
    """Return the first other layer with a connection by one of `ids`, or this layer."""
    targets = np.setdiff1d(graph.index.sharing(ids[ids >= 0]).target, slots.neurons)
    return graph.neuron_names.locate(int(targets[0]))[0] if targets.size else slots.layer.name
