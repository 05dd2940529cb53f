"""Reading a graph back from nodes and edges with attributes, as `to_networkx` names them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import ConversionError, GraphError
from neurograph.functions import Function
from neurograph.graph import BIAS_NAME, Graph, Layer
from neurograph.graph.normal_form import normal_form
from neurograph.graph.table import INPUT
from neurograph.graph.weights import Weights
from neurograph.names import IdArray

FORMAT = 1  # of the attributes of nodes, edges and graph
BIAS = -1  # slot of the connection that is its target's bias
NODE_KINDS = ("neuron", "constant", "weight", "connection")

Node = tuple[Any, Mapping[str, Any]]


class _Link(NamedTuple):
    """A connection by ids; slot is infinite where it has none."""

    source: int
    weight: int
    target: int
    slot: float


class Reader:
    """Reads one directed graph; `graph()` returns what it describes.

    Raises ConversionError for nodes and edges that are not of the form, or contradict each other.
    """

    def __init__(self, G: Any) -> None:
        self._nodes: dict[Any, Mapping[str, Any]] = dict(G.nodes(data=True))
        self._described: Mapping[str, Any] = G.graph
        kinds: dict[str, list[Node]] = {kind: [] for kind in NODE_KINDS}
        for key, data in self._nodes.items():
            if data.get("kind") not in kinds:
                fail(f"node {key!r} has kind {data.get('kind')!r}, needed {' or '.join(kinds)}")
            kinds[data["kind"]].append((key, data))
        self._kinds = kinds
        units = [node for node in kinds["constant"] if node[0] != BIAS_NAME]
        rest = in_order([*units, *kinds["neuron"]])
        bias = [(BIAS_NAME, self._nodes.get(BIAS_NAME, {"kind": "constant", "state": 1.0}))]
        self._units = [*bias, *rest]
        self._id = {key: i for i, (key, _) in enumerate(self._units)}
        self._computed = {
            key: i for i, (key, data) in enumerate(self._units) if data.get("function") is not None
        }
        self._weights = in_order(kinds["weight"])
        self._weight_id = {key: i for i, (key, _) in enumerate(self._weights)}
        self._links = list(self._read_links(G))

    def graph(self) -> Graph:
        """Return the Graph. Raises ConversionError if there can be none."""
        try:
            return self._assembled()
        except GraphError as error:
            raise ConversionError(f"from_networkx: {error}") from error

    def _assembled(self) -> Graph:
        functions, column = self._functions()
        weights, owned = self._read_weights()
        layers = list(self._layers(owned))
        inputs = [layer.name for layer in layers if self._is_input(layer)]
        order = [name for name in self._described.get("inputs", ()) if name in inputs]
        constants = {i: str(key) for i, (key, data) in enumerate(self._units) if "state" in data}
        return Graph.assemble(
            self._table(functions, column),
            weights,
            functions,
            layers,
            constants=constants,
            states={i: _number(self._units[i][1]["state"], constants[i]) for i in constants},
            inputs=[*order, *(name for name in inputs if name not in order)],
            outputs=self._outputs(layers),
        )

    # ---- connections ----------------------------------------------------------------------------

    def _read_links(self, G: Any) -> Iterator[_Link]:
        parts: dict[Any, dict[str, list[Any]]] = {
            key: {"source": [], "sharing": [], "target": []} for key, _ in self._kinds["connection"]
        }
        for u, v, data in G.edges(data=True):
            kind = data.get("kind", "connection" if "weight" in data else None)
            if kind == "connection":
                yield self._link(u, data.get("weight"), v, data.get("slot"))
            elif kind == "sharing" and v not in parts:
                if u not in self._weight_id or v not in self._id:
                    fail(f"edge {u} -> {v} is of kind sharing, needed one from a weight")
            elif kind in ("source", "sharing") and v in parts:
                parts[v][kind].append(u)
            elif kind == "target" and u in parts:
                parts[u][kind].append(v)
            else:
                fail(f"edge {u} -> {v} has kind {kind!r}; it is no connection or part of one")
        for key, part in parts.items():
            for kind, found in part.items():
                if len(found) != 1:
                    fail(f"connection {key} has {len(found)} edges of kind {kind}, needed one")
            source, weight, target = (part[k][0] for k in ("source", "sharing", "target"))
            yield self._link(source, weight, target, self._nodes[key].get("slot"))

    def _link(self, source: Any, weight: Any, target: Any, slot: Any) -> _Link:
        place = math.inf if slot is None else slot
        ids = self._id.get(source), self._weight_id.get(weight), self._computed.get(target)
        if None not in ids and isinstance(place, int | float | np.integer):
            return _Link(*ids, place)  # type: ignore[arg-type]
        who = f"connection {source!r} -> {target!r}"
        for found, problem in zip(
            ids,
            (
                f"comes from {source!r}, which is no neuron or constant",
                f"names the weight {weight!r}, which is no weight node",
                f"goes to {target!r}, which is no neuron with a function",
            ),
            strict=True,
        ):
            if found is None:
                fail(f"{who} {problem}")
        fail(f"{who} has slot {slot!r}, needed a whole number")

    def _table(self, functions: list[Function], column: NDArray[np.int16]) -> Any:
        """Return the table; each target's connections in the order of their slots."""
        links = sorted(self._links, key=lambda link: link.slot)  # a bias, slot -1, comes first
        ids = np.array([link[:3] for link in links], np.int64).reshape(-1, 3)
        slot = np.array([link.slot for link in links], float)
        # What stands in a slot stays a slot; what has none becomes the bias where it can.
        linear = np.array([*(f.linear for f in functions), False])[column]
        placed, biased, from_bias = slot < math.inf, slot == BIAS, ids[:, 0] == 0
        for bad, why in (
            (biased & ~from_bias, f"is a bias, which comes from {BIAS_NAME!r}"),
            (biased & ~_first_of_each(ids[:, 2], biased), "is a second bias"),
        ):
            if bad.any():
                source, _, target = ids[np.flatnonzero(bad)[0]]
                ends = self._units[source][0], self._units[target][0]
                fail(f"connection {ends[0]!r} -> {ends[1]!r} {why}")
        linear[ids[placed & from_bias, 2]] = False
        linear[ids[biased, 2]] = True
        return normal_form(*ids.T, function=column, linear=linear)

    # ---- neurons --------------------------------------------------------------------------------

    def _functions(self) -> tuple[list[Function], NDArray[np.int16]]:
        number: dict[Function, int] = {}
        column = np.full(len(self._units), INPUT, np.int16)
        for i, (key, data) in enumerate(self._units):
            function = data.get("function")
            if function is None:
                continue
            if not isinstance(function, Function):
                fail(f"neuron {key} has function {function!r}, needed a Function or None")
            column[i] = number.setdefault(function, len(number))
        return list(number), column

    def _layers(self, owned: Mapping[str, list[str]]) -> Iterator[Layer]:
        """Yield the layers; where inputs stand among computed neurons, they get one beside it."""
        members: dict[str, list[tuple[int, Any, Mapping[str, Any]]]] = {}
        described: Mapping[str, Any] = self._described.get("layers", {})
        members = {name: [] for name in described}
        for i, (key, data) in enumerate(self._units):
            if data["kind"] == "neuron":
                members.setdefault(data.get("layer") or str(key), []).append((i, key, data))
        for name, every in members.items():
            about = described.get(name, {})
            kind, arrays = about.get("kind"), tuple(owned.get(name, ()))
            given = [m for m in every if m[2].get("function") is None]
            computed = [m for m in every if m[2].get("function") is not None]
            shape = about.get("shape")
            if computed or (arrays and not given):
                if given:
                    yield Layer(f"{name}.input", "Input", placed_ids(given, shape))
                kind = "Neurons" if kind in (None, "Input") else kind
                yield Layer(name, kind, placed_ids(computed, shape), arrays)
            elif given:
                yield Layer(name, "Input", placed_ids(given, shape), arrays)

    def _is_input(self, layer: Layer) -> bool:
        return layer.kind == "Input"

    def _outputs(self, layers: list[Layer]) -> NDArray[np.int32] | None:
        """Return the outputs named that are left.

        Else None if the last layer is whole, or the neurons that feed no other.
        """
        named = self._described.get("outputs")
        if named is not None:
            left = [self._id[key] for key in named if key in self._id]
            shape = self._described.get("outputs_shape", (len(left),))
            if left:
                ids = np.array(left, np.int32)
                return ids.reshape(shape) if ids.size == math.prod(shape) else ids
        computed = [layer for layer in layers if not self._is_input(layer)]
        if named is None and computed and (computed[-1].ids >= 0).all():
            return None
        feeding = {link.source for link in self._links}
        return np.array(
            [i for i in self._computed.values() if i not in feeding],
            np.int32,
        )

    # ---- weights --------------------------------------------------------------------------------

    def _read_weights(self) -> tuple[Weights, dict[str, list[str]]]:
        """Return the weights, and the names of the arrays each layer owns."""
        described: Mapping[str, Any] = self._described.get("arrays", {})
        members: dict[str, list[tuple[int, Any, Mapping[str, Any]]]] = {n: [] for n in described}
        owned = {n: list(v["arrays"]) for n, v in self._described.get("layers", {}).items()}
        known = {array for arrays in owned.values() for array in arrays}
        for i, (key, data) in enumerate(self._weights):
            array = data.get("array") or str(key)
            members.setdefault(array, []).append((i, key, data))
            if array not in known:
                known.add(array)
                owned.setdefault(data.get("layer") or "", []).append(array)
        arrays = {name: placed_ids(every, described.get(name)) for name, every in members.items()}
        owned = {layer: [a for a in every if a in arrays] for layer, every in owned.items()}
        value = [_number(data.get("value"), key) for key, data in self._weights]
        trainable = [bool(data.get("trainable", True)) for _, data in self._weights]
        return Weights.of(arrays, np.array(trainable, bool), np.array(value, float)), owned


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes by their id, those without one last."""
    found = list(nodes)
    given = [data["id"] for _, data in found if data.get("id") is not None]
    if len(set(given)) < len(given):
        twice = next(i for i in given if given.count(i) > 1)
        keys = [key for key, data in found if data.get("id") == twice]
        fail(f"nodes {keys[0]!r} and {keys[1]!r} have one id, {twice}")
    return sorted(found, key=lambda node: math.inf if (i := node[1].get("id")) is None else i)


def _first_of_each(ids: NDArray[Any], some: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where, among `some`, an id stands for the first time."""
    place = np.flatnonzero(some)
    found = np.zeros(ids.size, bool)
    found[place[np.unique(ids[place], return_index=True)[1]]] = True
    return found


def placed_ids(
    members: list[tuple[int, Any, Mapping[str, Any]]], shape: tuple[int, ...] | None
) -> IdArray:
    """Return the ids of (id, key, attributes) at their indices; the shape grows where it must."""
    index = [tuple(data.get("index") or ()) for _, _, data in members]
    if not members:
        return IdArray.of(np.full(shape or (), -1))
    axes = len(index[0]) if shape is None else len(shape)
    for (_, key, _), at in zip(members, index, strict=True):
        if len(at) != axes or not all(isinstance(i, int) and i >= 0 for i in at):
            fail(f"node {key!r} has index {at}, needed {axes} whole numbers from 0")
    each = np.array(index, np.int64).reshape(len(members), axes)
    least = each.max(axis=0) + 1
    full = tuple(int(n) for n in (least if shape is None else np.maximum(least, shape)))
    ids = np.full(full, -1, np.int32)
    place = np.ravel_multi_index(tuple(each.T), full) if axes else np.zeros(len(members), int)
    ids.reshape(-1)[place] = [m[0] for m in members]
    if np.count_nonzero(ids >= 0) < len(members):
        _, first, times = np.unique(place, return_index=True, return_counts=True)
        twice = members[int(first[times > 1][0])]
        fail(f"node {twice[1]!r} has the index of another, {tuple(twice[2].get('index') or ())}")
    return IdArray.of(ids)


def _number(value: Any, who: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        fail(f"node {who!r} has the value {value!r}, needed a number")
    if not math.isfinite(value):
        fail(f"node {who!r} has the value {value!r}, needed a finite number")
    return float(value)


def fail(message: str) -> NoReturn:
    """Raise ConversionError."""
    raise ConversionError(f"from_networkx: {message}")
