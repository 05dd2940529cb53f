"""Which weight an edge names: a weight node, or one that the edges alone tell of."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from neurograph.nodes_and_edges.attributes import Attributes, is_key, shown
from neurograph.nodes_and_edges.description import Description
from neurograph.nodes_and_edges.nodes import Weight

Data = Mapping[str, Any]
_NAME = re.compile(r"(?P<array>[^\[\]]+)\[(?P<index>[0-9, ]+)\]")


class Ends(NamedTuple):
    """Which edge an error is about; its text is made only when there is one."""

    what: str
    source: Any
    target: Any

    def __str__(self) -> str:
        return f"{self.what} {self.source!r} -> {self.target!r}"


class EdgeWeights(Protocol):
    """Finds the weight of a connection."""

    weights: dict[Any, Weight]

    def of(self, data: Data, who: object) -> Weight:
        """Return the weight that an edge's attributes name; `who` is the connection."""

    def require_values(self) -> None:
        """Raise the reader's error for a weight of which nobody said the value."""


class WeightNodes:
    """Weights that are nodes; an edge names one by `weight_name` and `weight_id`, or by either.

    An old edge, and one of a graph that says it is of format 1, names it by `weight`.
    """

    def __init__(self, weights: dict[Any, Weight], about: Description, read: Attributes) -> None:
        self.weights = weights
        self._old, self._read = about.format == 1, read

    @cached_property
    def _by_name(self) -> dict[str, Weight]:
        return {weight.name: weight for weight in self.weights.values()}

    @cached_property
    def _by_id(self) -> dict[int | None, Weight]:
        return {weight.id: weight for weight in self.weights.values()}

    def of(self, data: Data, who: object) -> Weight:
        """Return the weight; where the edge has its value too, they have to agree."""
        name, number, value = data.get("weight_name"), data.get("weight_id"), data.get("weight")
        known = self.weights.get(name) if type(name) is str else None
        exact = (type(number), type(value)) == (int, float)
        if known and exact and (known.id, known.exported) == (number, value):
            return known  # as to_networkx wrote it
        if name is None and number is None and (self._old or isinstance(value, str)):
            return self._named(value, who)
        if name is None and number is None:
            self._read.fail(f"{who} has no weight_name and no weight_id, needed a weight's")
        weight = self._numbered(number, who) if name is None else self._named(name, who)
        if number is not None and weight.id is not None and self._differ(weight.id, number):
            other = self._numbered(number, who)
            if other is not weight:
                self._read.fail(
                    f"{who} has weight_name {shown(name)}, but weight_id {shown(number)}, "
                    f"which is {other.name!r}"
                )
        if value is not None and not self._old:
            self._require_value(weight, value, who)
        return weight

    def require_values(self) -> None:
        """Weight nodes have one each."""

    def _named(self, name: Any, who: object) -> Weight:
        found = None
        if is_key(name):
            found = self.weights.get(name) or self._by_name.get(name)
        if found is None:
            self._read.fail(
                f"{who} by {shown(name)} is no connection: it names the weight {shown(name)}, "
                "which is no weight node"
            )
        return found

    @staticmethod
    def _differ(known: int, number: Any) -> bool:
        return type(number) is not int or known != number  # of what is no int it is found out

    def _numbered(self, number: Any, who: object) -> Weight:
        found = self._by_id.get(self._read.whole(number, f"{who} has weight_id"))
        if found is None:
            self._read.fail(f"{who} has weight_id {number}, which is no weight node's id")
        return found

    def _require_value(self, weight: Weight, value: Any, who: object) -> None:
        found = self._read.number(value, f"{who} has weight")
        # A weight node's value may have been changed since the edges were written; it counts.
        if found not in (weight.value, weight.exported):
            self._read.fail(
                f"{who} has weight {found}, but its weight node {weight.key!r} the value "
                f"{weight.value}; the node's counts: change it there"
            )


class WeightsOfEdges:
    """Weights that only edges tell of: those of one `weight_id` or `weight_name` are one.

    An edge with neither has a weight of its own. Edges that share one have to agree about it.
    """

    def __init__(self, edges: Iterable[Data], about: Description, read: Attributes) -> None:
        self._read = read
        self._owner = about.owner
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self.weights: dict[Any, Weight] = {}
        self._valued: dict[Any, tuple[object, bool, bool]] = {}  # who said it; whether it said what
        for found in about.unused:
            self._pair(found.name, found.id, "G.graph['unused']")
            self.weights[found.name] = self._new(found.name, found.value, found.trainable)
            self._valued[found.name] = "G.graph['unused']", True, True
        for data in edges:
            name, number = self._identity(data, "an edge")
            if name is not None and number is not None:
                self._pair(name, number, "an edge")

    def _identity(self, data: Data, who: object) -> tuple[str | None, int | None]:
        name, number = data.get("weight_name"), data.get("weight_id")
        return (
            None if name is None else self._read.text(name, f"{who} has weight_name"),
            None if number is None else self._read.whole(number, f"{who} has weight_id"),
        )

    def _pair(self, name: str, number: int, who: object) -> None:
        known = self._ids.setdefault(name, number), self._names.setdefault(number, name)
        if known != (number, name):
            self._read.fail(
                f"{who} has weight_name {name!r} and weight_id {number}; others say {known[1]!r} "
                f"or {known[0]}"
            )

    def _new(self, name: Hashable, value: float, trainable: bool) -> Weight:
        text = name if isinstance(name, str) else ""
        match = _NAME.fullmatch(text)
        index = self._read.index(match["index"], f"{name!r} has index") if match else ()
        array = match["array"] if match else text
        number = name[1] if isinstance(name, tuple) else self._ids.get(text)
        layer = self._owner.get(array)
        return Weight(name, number, array, index, layer, value, trainable)

    def of(self, data: Data, who: object) -> Weight:
        """Return the weight; what an edge does not say, another that shares it has to."""
        name, number = self._identity(data, who)
        key: Hashable = name
        if name is None and number is not None:
            key = self._names.get(number, ("id", number))
        elif name is None:
            key = ("edge", None, len(self.weights))
        value, trainable = data.get("weight"), data.get("trainable")
        read = self._read
        given = (
            None if value is None else read.number(value, f"{who} has weight"),
            None if trainable is None else read.truth(trainable, f"{who} has trainable"),
        )
        if key not in self.weights:
            weight = self._new(key, 1.0, True)
            self.weights[key], self._valued[key] = weight, (who, False, False)
        return self._agreed(key, given, who)

    def require_values(self) -> None:
        """Raise the reader's error for a weight of which no edge said the value."""
        for who, has_value, _ in self._valued.values():
            if not has_value:
                self._read.fail(f"{who} has no weight, needed a number")

    def _agreed(self, key: Any, given: tuple[float | None, bool | None], who: object) -> Weight:
        weight, (first, has_value, has_trainable) = self.weights[key], self._valued[key]
        value, trainable = given
        if value is not None and has_value and value != weight.value:
            self._read.fail(
                f"{who} has weight {value}, but {first}, which shares {shown(key)}, {weight.value}"
            )
        if trainable is not None and has_trainable and trainable != weight.trainable:
            self._read.fail(f"{who} has trainable {trainable}, but {first}, which shares it, not")
        weight.value = weight.value if value is None else value
        weight.trainable = weight.trainable if trainable is None else trainable
        self._valued[key] = (
            first,
            has_value or value is not None,
            (has_trainable or trainable is not None),
        )
        return weight
