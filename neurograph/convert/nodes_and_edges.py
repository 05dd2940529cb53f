"""Reading a graph back from nodes and edges with attributes, as `to_networkx` names them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.placing import Member, placed_ids, require_room
from neurograph.convert.plain import function_of
from neurograph.errors import ConversionError, GraphError
from neurograph.functions import Function
from neurograph.graph import BIAS_NAME, Graph, Layer
from neurograph.graph.normal_form import normal_form
from neurograph.graph.pictures import Pictures
from neurograph.graph.table import INPUT
from neurograph.graph.triples import FUNCTIONS_MAX
from neurograph.graph.weights import Weights
from neurograph.nodes_and_edges import (
    Attributes,
    Description,
    Link,
    Unit,
    Walk,
    Weight,
    in_order,
    outputs_of,
    shown,
)
from neurograph.storage.pictures import preprocessing_of

BIAS = -1  # slot of the connection that is its target's bias
WEIGHTS = "weight"  # the array of the weights that have no name


class Reader:
    """Reads one directed graph; `graph()` returns what it describes.

    Raises ConversionError for nodes and edges that are not of the form, or contradict each other.
    """

    def __init__(self, G: Any, about: Description, read: Attributes) -> None:
        walk = Walk(G, about, read)
        self._read, self._about, self._links = read, about, walk.links
        rest = [unit for unit in walk.units.values() if unit is not walk.bias]
        constants = [unit for unit in rest if unit.constant]
        neurons = [unit for unit in rest if not unit.constant]
        self._units: list[Unit] = [walk.bias, *in_order([*constants, *neurons])]
        self._weights: list[Weight] = in_order(walk.weights.values())
        self._id = {unit.key: i for i, unit in enumerate(self._units)}
        self._number = {weight.key: i for i, weight in enumerate(self._weights)}
        self._outs = outputs_of(walk, self._units)
        self._functions = [self._function(unit) for unit in self._units]

    def graph(self) -> Graph:
        """Return the Graph. Raises ConversionError if there can be none."""
        try:
            return self._assembled()
        except GraphError as error:
            raise ConversionError(f"{self._read.who}: {error}") from error

    def _assembled(self) -> Graph:
        functions, column = self._function_column()
        table = self._table(functions, column)
        neurons = self._neurons_of_layers()
        arrays, owned = self._weights_of_arrays()
        self._require_room(neurons, arrays)
        layers = list(self._layers(neurons, owned))
        inputs = dict.fromkeys(layer.name for layer in layers if layer.kind == "Input")
        order = dict.fromkeys(name for name in self._about.inputs if name in inputs)
        return Graph.assemble(
            table,
            self._read_weights(arrays),
            functions,
            layers,
            constants={i: self._constant_name(i) for i, u in enumerate(self._units) if u.constant},
            states=self._states(),
            inputs=[*(order | inputs)],
            outputs=self._outputs(layers),
            labels={i: u.label for i, u in enumerate(self._units) if u.label is not None},
            pictures=self._pictures(),
        )

    def _pictures(self) -> Pictures:
        names = {i: u.class_name for i, u in enumerate(self._units) if u.class_name is not None}
        said = self._about.preprocessing
        try:
            return Pictures(names, None if said is None else preprocessing_of(said))
        except (TypeError, ValueError) as error:
            return self._read.fail(f"G.graph['preprocessing']: {error}")

    def _require_room(
        self, neurons: Mapping[str, list[Member]], arrays: Mapping[str, list[Member]]
    ) -> None:
        notes, shapes = self._about.layers, self._about.arrays
        placed = [(every, notes[n].shape if n in notes else None) for n, every in neurons.items()]
        placed += [(every, shapes.get(name)) for name, every in arrays.items()]
        require_room(placed, len(self._units) + len(self._weights), self._read)

    # ---- connections ----------------------------------------------------------------------------

    def _table(self, functions: Sequence[Function], column: NDArray[np.int16]) -> Any:
        """Return the table; each target's connections in the order of their slots."""
        links = sorted(self._links, key=lambda link: link.slot)  # a bias, slot -1, comes first
        triples = [self._triple(link) for link in links]
        ids = np.array(triples, np.int64).reshape(-1, 3)
        slot = np.array([link.slot for link in links], float)
        # What stands in a slot stays a slot; what has none becomes the bias where it can.
        linear = np.array([*(f.linear for f in functions), False])[column]
        placed, biased, from_bias = slot < math.inf, slot == BIAS, ids[:, 0] == 0
        for bad, why in (
            (biased & ~from_bias, f"is a bias, which comes from {BIAS_NAME!r}"),
            (biased & ~_first_of_each(ids[:, 2], biased), "is a second bias"),
        ):
            if bad.any():
                link = links[int(np.flatnonzero(bad)[0])]
                ends = f"{link.source.key!r} -> {link.target.key!r}"
                self._read.fail(f"connection {ends} {why}")
        linear[ids[placed & from_bias, 2]] = False
        linear[ids[biased, 2]] = True
        return normal_form(*ids.T, function=column, linear=linear)

    def _triple(self, link: Link) -> tuple[int, int, int]:
        target = self._id[link.target.key]
        if self._functions[target] is None:
            self._read.fail(
                f"connection {link.source.key!r} -> {link.target.key!r} goes to "
                f"{link.target.key!r}, which is no neuron with a function"
            )
        return self._id[link.source.key], self._number[link.weight.key], target

    # ---- neurons --------------------------------------------------------------------------------

    def _function(self, unit: Unit) -> Function | None:
        given = unit.data.get("function")
        found = function_of(given) if isinstance(given, str) else given
        if unit.constant or given is None:
            return None
        if not isinstance(found, Function):
            about = f"neuron {unit.key} has function {shown(given)}"
            self._read.fail(f"{about}, needed a Function or None")
        return found

    def _function_column(self) -> tuple[list[Function], NDArray[np.int16]]:
        number: dict[Function, int] = {}
        column = np.full(len(self._units), INPUT, np.int64)
        for i, function in enumerate(self._functions):
            if function is not None:
                column[i] = number.setdefault(function, len(number))
        if len(number) > FUNCTIONS_MAX + 1:
            self._read.fail(f"found more than {FUNCTIONS_MAX + 1:,} different functions")
        return list(number), column.astype(np.int16)

    def _constant_name(self, identity: int) -> str:
        return self._units[identity].name if identity else BIAS_NAME

    def _states(self) -> dict[int, float]:
        return {
            i: self._read.number(unit.data.get("state"), f"node {unit.key!r} has the state")
            for i, unit in enumerate(self._units)
            if unit.constant
        }

    def _neurons_of_layers(self) -> dict[str, list[Member]]:
        members: dict[str, list[Member]] = {name: [] for name in self._about.layers}
        for i, unit in enumerate(self._units):
            if not unit.constant:
                member = Member(i, unit.key, unit.index)
                members.setdefault(unit.layer or str(unit.key), []).append(member)
        return members

    def _layers(
        self, members: Mapping[str, list[Member]], owned: Mapping[str, Sequence[str]]
    ) -> Iterator[Layer]:
        """Yield the layers; where inputs stand among computed neurons, they get one beside it."""
        for name, every in members.items():
            note = self._about.layers.get(name)
            kind, shape = (None, None) if note is None else (note.kind, note.shape)
            arrays = tuple(owned.get(name, ()))
            given = [m for m in every if self._functions[m.id] is None]
            computed = [m for m in every if self._functions[m.id] is not None]
            if computed or (arrays and not given):
                if given:
                    yield Layer(f"{name}.input", "Input", placed_ids(given, shape, self._read))
                kind = "Neurons" if kind in (None, "Input") else kind
                yield Layer(name, kind, placed_ids(computed, shape, self._read), arrays)
            elif given:
                yield Layer(name, "Input", placed_ids(given, shape, self._read), arrays)

    def _outputs(self, layers: Sequence[Layer]) -> NDArray[np.int32] | None:
        """Return the outputs; None where they are the last layer, as they are without a word."""
        ids = np.array([self._id[unit.key] for unit in self._outs], np.int32)
        last = [layer for layer in layers if layer.kind != "Input"][-1:]
        if self._about.outputs is None and last and np.array_equal(np.sort(ids), _flat(last[0])):
            return None
        shape = self._about.outputs_shape or ids.shape
        return ids.reshape(shape) if ids.size == math.prod(shape) else ids

    # ---- weights --------------------------------------------------------------------------------

    def _weights_of_arrays(self) -> tuple[dict[str, list[Member]], dict[str, list[str]]]:
        """Return the weights of each array, and the arrays each layer owns."""
        members: dict[str, list[Member]] = {name: [] for name in self._about.arrays}
        owned = {name: list(note.arrays) for name, note in self._about.layers.items()}
        known = set(self._about.owner)
        nameless: list[Member] = []
        for i, weight in enumerate(self._weights):
            if not weight.array:
                nameless.append(Member(i, weight.key, (len(nameless),)))
                continue
            members.setdefault(weight.array, []).append(Member(i, weight.key, weight.index))
            if weight.array not in known:
                known.add(weight.array)
                owned.setdefault(weight.layer or "", []).append(weight.array)
        if nameless:
            members[_free(WEIGHTS, members)] = nameless
        return members, {layer: [a for a in a_s if a in members] for layer, a_s in owned.items()}

    def _read_weights(self, members: Mapping[str, list[Member]]) -> Weights:
        shapes = self._about.arrays
        arrays = {n: placed_ids(every, shapes.get(n), self._read) for n, every in members.items()}
        trainable = np.array([weight.trainable for weight in self._weights], bool)
        return Weights.of(arrays, trainable, np.array([w.value for w in self._weights], float))


def _flat(layer: Layer) -> NDArray[np.int32]:
    return np.sort(layer.ids, axis=None)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}{number}"
    return free


def _first_of_each(ids: NDArray[Any], some: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where, among `some`, an id stands for the first time."""
    place = np.flatnonzero(some)
    found = np.zeros(ids.size, bool)
    found[place[np.unique(ids[place], return_index=True)[1]]] = True
    return found
