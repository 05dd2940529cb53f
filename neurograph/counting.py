"""Counting by enumeration: neurons, weights and connections of each layer, from its own rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.connections import BIAS_UNIT
from neurograph.errors import GraphError, suggestion
from neurograph.graph import Graph
from neurograph.table import live_slots
from neurograph.usage import used_weights

OTHER = "(other)"  # neurons or weights that stand in no layer


@dataclass(frozen=True)
class Row:
    """The counts of one layer, or of the whole graph.

    trainable and fixed count weights that exist, dead those that no connection uses. connections
    include bias_connections, whose source is the bias unit. slots are the places where a connection
    can stand, live or not (what tools that count padding call multiply-adds).

    >>> (Row("a", neurons=2, trainable=3) + Row("b", neurons=1, fixed=4)).weights
    7
    """

    name: str
    neurons: int = 0
    trainable: int = 0
    fixed: int = 0
    connections: int = 0
    bias_connections: int = 0
    slots: int = 0
    dead: int = 0

    @property
    def parameters(self) -> int:
        """Trainable weights."""
        return self.trainable

    @property
    def weights(self) -> int:
        """Trainable and fixed weights."""
        return self.trainable + self.fixed

    def __add__(self, other: Row) -> Row:
        numbers = [f.name for f in fields(self) if f.name != "name"]
        return Row(self.name, *(getattr(self, n) + getattr(other, n) for n in numbers))


@dataclass(frozen=True)
class Counts:
    """One Row a layer, in order, and their total. Printing it gives a table.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> c1 = graph.add(Conv2d(6, 5, name="C1"), graph.add(Input((1, 32, 32))))
    >>> count(graph)["C1"].parameters, count(graph).total.connections
    (156, 122304)
    """

    rows: tuple[Row, ...]

    @property
    def total(self) -> Row:
        """The sum of all rows."""
        return sum(self.rows, Row("total"))

    def __getitem__(self, layer: str) -> Row:
        """Return the row of a layer. Raises GraphError with the nearest names if there is none."""
        for row in self.rows:
            if row.name == layer:
                return row
        raise GraphError(
            f"layer {layer!r} is unknown{suggestion(layer, [r.name for r in self.rows])}"
        )

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Return {"layers": [{...}, ...], "total": {...}}, fit for JSON."""
        return {"layers": [asdict(r) for r in self.rows], "total": asdict(self.total)}

    def __str__(self) -> str:
        from tabulate import tabulate

        columns = [
            ("parameters", "trainable"),
            ("fixed", "fixed"),
            ("connections", "connections"),
            ("of which bias", "bias_connections"),
            ("slots", "slots"),
            ("dead", "dead"),
        ]
        head = ["layer", "neurons", *(title for title, _ in columns)]
        body = [
            [r.name, f"{r.neurons:,}", *(f"{getattr(r, column):,}" for _, column in columns)]
            for r in [*self.rows, self.total]
        ]
        align = ["left", *["right"] * 7]
        lines = tabulate(body, head, tablefmt="simple", colalign=align, disable_numparse=True)
        *upper, last = lines.splitlines()
        return "\n".join([*upper, upper[1], last])


def count(graph: Any) -> Counts:
    """Count a Graph, or a networkx graph made by `to_networkx`, by enumerating it.

    Of a Graph it walks fields and kernels; of a networkx graph its nodes and edges. A weight is
    counted in the layer that brought it, however many layers use it. Raises GraphError for anything
    else.

    >>> from neurograph.models import lenet5
    >>> total = count(lenet5()).total; total.trainable, total.connections
    (60000, 340908)
    """
    if isinstance(graph, Graph):
        return _count_graph(graph)
    raise GraphError(f"count: found {type(graph).__name__}, needed a Graph or a networkx graph")


def _count_graph(graph: Graph) -> Counts:
    table = graph.table
    neurons = np.arange(table.size)
    live = live_slots(table, neurons)
    slots = table.fields.lengths(table.field)
    biased, from_bias = table.bias >= 0, _from_bias(graph)
    used = used_weights(table, graph.weights.count)
    rows = []
    counted = np.zeros(table.size, bool)
    counted[list(graph.constants)] = True
    owned = np.zeros(graph.weights.count, bool)

    def row(name: str, ids: Any, weights: Any) -> Row:
        counted[ids] = True
        owned[weights] = True
        trainable = graph.weights.trainable[weights]
        bias = int(np.count_nonzero(biased[ids]))  # what stands beside the slots
        return Row(
            name,
            neurons=neurons[ids].size,
            trainable=int(np.count_nonzero(trainable)),
            fixed=int(np.count_nonzero(~trainable)),
            connections=int(live[ids].sum()) + bias,
            bias_connections=int(from_bias[ids].sum()),
            slots=int(slots[ids].sum()) + bias,
            dead=int(np.count_nonzero(~used[weights])),
        )

    for layer in graph.layers.values():
        weights = [graph.weights.names[name] for name in layer.arrays]
        rows.append(row(layer.name, _selector([layer.neurons]), _selector(weights)))
    rest, loose = np.flatnonzero(~counted), np.flatnonzero(~owned)
    if rest.size or loose.size:
        rows.append(row(OTHER, rest, loose))
    return Counts(tuple(rows))


def _from_bias(graph: Graph) -> NDArray[Any]:
    """Return the connections of each id whose source is the bias unit, those in slots included."""
    table = graph.table
    if not (table.fields.ids == BIAS_UNIT).any():
        return table.bias >= 0
    target = graph.index.outgoing(np.array([BIAS_UNIT])).target
    return np.bincount(target, minlength=table.size)


def _selector(arrays: list[Any]) -> Any:
    """Return what selects the ids of the arrays: a slice, without a copy, if they are one range."""
    ranges = [a for a in arrays if a.explicit is None]
    if arrays and len(ranges) == len(arrays):
        ends = [(a.first, a.first + a.size) for a in ranges]
        if all(a[1] == b[0] for a, b in pairwise(ends)):
            return slice(ends[0][0], ends[-1][1])
    return np.concatenate([a.present for a in arrays] or [np.empty(0, np.int32)])
