"""What a node is: a neuron, a constant or a weight, by its attributes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from neurograph.functions import Function
from neurograph.graph import BIAS_NAME
from neurograph.nodes_and_edges.attributes import Attributes, shown
from neurograph.nodes_and_edges.description import Description
from neurograph.nodes_and_edges.function_text import function_of

KINDS = ("neuron", "constant", "weight", "connection")


@dataclass(slots=True, eq=False)
class Unit:
    """A neuron or a constant."""

    key: Any
    id: int | None
    layer: str | None  # None: it is a layer of its own; of a constant, its name if not its node's
    index: tuple[int, ...]
    constant: bool
    state: float | None = None  # a constant's
    function: Function | None = None  # a neuron's; None: an input
    label: str | None = None  # the neuron's own name
    class_name: str | None = None  # of an output

    @property
    def name(self) -> str:
        """The name as a graph has it."""
        if self.label is not None:
            return self.label
        return str(self.key) if self.layer is None else display_name(self.layer, self.index)

    @property
    def computes(self) -> bool:
        """Whether it has a function: no input, no constant."""
        return self.function is not None


@dataclass(slots=True, eq=False)
class Weight:
    """A weight; `exported` is the value it had when to_networkx wrote it, where that is known."""

    key: Any
    id: int | None
    array: str
    index: tuple[int, ...]
    layer: str | None
    value: float
    trainable: bool
    exported: float | None = None

    @property
    def name(self) -> str:
        """The name as a graph has it."""
        return display_name(self.array, self.index)


def display_name(array: str, index: tuple[int, ...]) -> str:
    """Return the name of a neuron or a weight, and of its node.

    >>> display_name("C1", (2, 10, 10)), display_name("bias unit", ())
    ('C1[2, 10, 10]', 'bias unit')
    """
    return f"{array}[{', '.join(map(str, index))}]" if index else array


def in_order(nodes: Iterable[Any]) -> list[Any]:
    """Return units or weights by their id, those without one last."""
    return sorted(nodes, key=lambda node: math.inf if node.id is None else node.id)


class Nodes:
    """The nodes of a graph by kind, in their order. Raises the reader's error for a bad one."""

    def __init__(
        self, nodes: Mapping[Any, Mapping[str, Any]], about: Description, read: Attributes
    ) -> None:
        self._about, self._read = about, read
        self.units: dict[Any, Unit] = {}
        self.weights: dict[Any, Weight] = {}
        self.connections: dict[Any, Mapping[str, Any]] = {}
        owner = about.owner
        for key, data in nodes.items():
            kind = data.get("kind")
            if not isinstance(kind, str) or kind not in KINDS:
                read.fail(f"node {key!r} has kind {shown(kind)}, needed {' or '.join(KINDS)}")
            if kind == "weight":
                self.weights[key] = self._weight(key, data, owner)
            elif kind == "connection":
                self.connections[key] = data
            else:
                self.units[key] = self._unit(key, data, kind)
        if about.view == "neurons" and self.weights:
            read.fail(f"node {next(iter(self.weights))!r} is a weight; this view has none")
        self.bias = self._bias_unit()
        self._require_different("neuron", self.units)
        self._require_different("weight", self.weights)

    def _id(self, data: Mapping[str, Any], own: str, about: str) -> int | None:
        found = data.get(own, data.get("id"))
        return None if found is None else self._read.whole(found, f"{about} has id")

    def _layer(self, data: Mapping[str, Any], about: str, what: str = "layer") -> str | None:
        found = data.get(what)
        if found is None or (isinstance(found, str) and not found):
            return None
        return self._read.text(found, f"{about} has {what}")

    def _unit(self, key: Any, data: Mapping[str, Any], kind: str) -> Unit:
        about = f"node {key!r}"
        identity = self._id(data, "neuron_id", about)
        if kind == "constant":
            # Where nodes were renamed, its id tells which it is.
            name = None if isinstance(key, str) else self._about.constants.get(identity)
            state = self._read.number(data.get("state"), f"{about} has the state")
            return Unit(key, identity, name, (), True, state)
        layer = self._layer(data, about)
        note = self._about.layers.get(str(key) if layer is None else layer)
        axes = None if note is None or note.shape is None else len(note.shape)
        index = self._read.index(data.get("index"), f"{about} has index", axes)
        label = self._layer(data, about, "neuron_name")
        function = self._function(key, data)
        named = self._layer(data, about, "class_name")
        return Unit(key, identity, layer, index, False, None, function, label, named)

    def _function(self, key: Any, data: Mapping[str, Any]) -> Function | None:
        given = data.get("function")
        found = function_of(given) if isinstance(given, str) else given
        if given is not None and not isinstance(found, Function):
            about = f"neuron {key} has function {shown(given)}"
            self._read.fail(f"{about}, needed a Function or None")
        return found

    def _weight(self, key: Any, data: Mapping[str, Any], owner: Mapping[str, str]) -> Weight:
        read, about = self._read, f"node {key!r}"
        array = self._layer(data, about, "array") or str(key)
        shape, exported = self._about.arrays.get(array), data.get("exported")
        axes = None if shape is None else len(shape)
        return Weight(
            key,
            self._id(data, "weight_id", about),
            array,
            read.index(data.get("index"), f"{about} has index", axes),
            owner.get(array) or self._layer(data, about),
            read.number(data.get("value"), f"{about} has the value"),
            read.truth(data.get("trainable", True), f"{about} has trainable"),
            None if exported is None else read.number(exported, f"{about} has exported"),
        )

    def _bias_unit(self) -> Unit:
        """Return the bias unit: the constant of that name or, where nodes were renamed, id 0."""
        found = self.units.get(BIAS_NAME)
        if found is None:
            zero = [unit for unit in self.units.values() if unit.constant and unit.id == 0]
            found = zero[0] if zero else Unit(BIAS_NAME, 0, None, (), True, 1.0)
        about = f"node {found.key!r}"
        if not found.constant:
            self._read.fail(f"{about} has the bias unit's name, but is no constant")
        if found.state != 1.0:
            self._read.fail(f"{about} has the state {found.state}; the bias unit's is 1, always")
        return found

    def _require_different(self, what: str, found: Mapping[Any, Unit | Weight]) -> None:
        holder: dict[int, Any] = {}
        for key, node in found.items():
            if node.id is not None and holder.setdefault(node.id, key) != key:
                first = holder[node.id]
                self._read.fail(f"{what} nodes {first!r} and {key!r} have one id, {node.id}")
