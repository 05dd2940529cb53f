"""Counting by enumeration: neurons, weights and connections of each layer, from its own rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import html
from neurograph.counting.nodes_and_edges import tallies
from neurograph.errors import GraphError, kind_of, shown, suggestion
from neurograph.graph import Graph, cone
from neurograph.graph.connections import BIAS_UNIT
from neurograph.graph.table import INPUT, live_slots
from neurograph.graph.usage import used_weights
from neurograph.nodes_and_edges import looks_like_networkx
from neurograph.optional import pandas

OTHER = "(other)"  # neurons or weights that stand in no layer
_MEANING = "parameters: trainable weights as declared; used: those that a connection uses"


@dataclass(frozen=True)
class Row:
    """The counts of one layer, or of the whole graph.

    trainable and fixed count weights that exist, used the trainable ones that a connection uses,
    dead the weights, fixed ones too, that none does. connections include bias_connections, whose
    source is the bias unit. slots are the places where a connection can stand, live or not (what
    tools that count padding call multiply-adds). unfed are neurons without a connection in that are
    no inputs, unread those from which none leads to an output. maps is the layer's shape.

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
    used: int = 0
    unfed: int = 0
    unread: int = 0
    maps: tuple[int, ...] | None = field(default=None, compare=False)

    @property
    def parameters(self) -> int:
        """Trainable weights as declared, the unused among them; `used` leaves those out."""
        return self.trainable

    @property
    def weights(self) -> int:
        """Trainable and fixed weights."""
        return self.trainable + self.fixed

    def __add__(self, other: Row) -> Row:
        numbers = [f.name for f in fields(self) if f.name not in ("name", "maps")]
        return Row(self.name, **{n: getattr(self, n) + getattr(other, n) for n in numbers})


@dataclass(frozen=True, repr=False)
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
        if not isinstance(layer, str) or layer not in self._by_name:
            raise GraphError(f"layer {shown(layer)} is unknown{suggestion(layer, self._by_name)}")
        return self._by_name[layer]

    @cached_property
    def _by_name(self) -> dict[str, Row]:
        return {row.name: row for row in self.rows}

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame: a row for each layer, and the total, indexed by name.

        Raises MissingDependency without pandas.
        """
        frame = pandas("counts.to_pandas").DataFrame([asdict(r) for r in [*self.rows, self.total]])
        return frame.set_index("name")

    def as_dict(self) -> dict[str, Any]:
        """Return {"layers": [{...}, ...], "total": {...}}, fit for JSON."""
        return {"layers": [asdict(r) for r in self.rows], "total": asdict(self.total)}

    def __str__(self) -> str:
        from tabulate import tabulate

        head, body = self.columns()
        align = ["left", *["right"] * (len(head) - 1)]
        lines = tabulate(body, head, tablefmt="simple", colalign=align, disable_numparse=True)
        *upper, last = lines.splitlines()
        return "\n".join([*upper, upper[1], last, *self.remarks()])

    def columns(self) -> tuple[list[str], list[list[str]]]:
        """Return headings and rows of text, the total last, as they are printed."""
        columns = [
            ("parameters", "trainable"),
            ("used", "used"),
            ("fixed", "fixed"),
            ("connections", "connections"),
            ("of which bias", "bias_connections"),
            ("slots", "slots"),
            ("dead", "dead"),
        ]
        body = [
            [r.name, _by(r.maps), f"{r.neurons:,}"]
            + [f"{getattr(r, column):,}" for _, column in columns]
            for r in [*self.rows, self.total]
        ]
        return ["layer", "maps", "neurons", *(title for title, _ in columns)], body

    def remarks(self) -> list[str]:
        """Return the lines below the table: what parameters means, and what does nothing."""
        return [_MEANING, *self._remarks()]

    __repr__ = __str__  # what a session shows

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the table, and what its words mean."""
        head, body = self.columns()
        return html.table(head, body) + html.paragraph(*self.remarks())

    def _remarks(self) -> Iterator[str]:
        """Yield a line for what is there and does nothing."""
        for what, number in (
            ("no connection in, though no inputs", "unfed"),
            ("no way to an output", "unread"),
        ):
            rows = [f"{r.name} {getattr(r, number):,}" for r in self.rows if getattr(r, number)]
            if rows:
                more = ", ..." if len(rows) > 6 else ""
                total = getattr(self.total, number)
                yield f"{number} neurons, with {what}: {total:,} ({', '.join(rows[:6])}{more})"


def _by(shape: tuple[int, ...] | None) -> str:
    """Return a shape as text: "6x28x28"."""
    return "x".join(map(str, shape or ()))


def count(graph: Any) -> Counts:
    """Count a Graph, or a directed networkx graph, by enumerating it.

    Of a Graph it walks fields and kernels; of a networkx graph made by `to_networkx`, in any view,
    its nodes and edges, one by one: each edge of kind "connection", or each node of that kind, is
    one. There slots are the connections, since dead slots are not shown. A weight is counted in the
    layer that brought it, however many layers use it. Of any other networkx graph each node is a
    neuron (an input, where nothing leads to it) and each edge a connection with a weight of its
    own, or one shared by the edges of equal `weight_id`. Raises GraphError for anything else, and
    for nodes or edges that contradict each other.

    >>> from neurograph.layers import Input, Linear
    >>> graph = Graph()
    >>> y = graph.add(Linear(2, name="y"), graph.add(Input((3,))))
    >>> count(graph)["y"].connections, count(graph)["y"].bias_connections
    (8, 2)
    """
    if isinstance(graph, Graph):
        return _count_graph(graph)
    if looks_like_networkx(graph):
        return _count_nodes_and_edges(graph)
    raise GraphError(f"count: found {kind_of(graph)}, needed a Graph or a networkx graph")


def _count_nodes_and_edges(G: Any) -> Counts:
    found = tallies(G, OTHER)
    rows = (Row(name, **asdict(t), slots=t.connections) for name, t in found.items())
    return Counts(tuple(row for row in rows if row != Row(OTHER)))


def _count_graph(graph: Graph) -> Counts:
    table = graph.table
    neurons = np.arange(table.size)
    live = live_slots(table, neurons)
    slots = table.fields.lengths(table.field)
    biased, from_bias = table.bias >= 0, _from_bias(graph)
    used = used_weights(table, graph.weights.count)
    unfed = (live == 0) & ~biased & (table.function != INPUT)
    unread = _unread(graph)
    rows = []
    counted = np.zeros(table.size, bool)
    counted[list(graph.constants)] = True
    owned = np.zeros(graph.weights.count, bool)

    def row(name: str, ids: Any, weights: Any, maps: tuple[int, ...] | None = None) -> Row:
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
            used=int(np.count_nonzero(trainable & used[weights])),
            unfed=int(np.count_nonzero(unfed[ids])),
            unread=int(np.count_nonzero(unread[ids])),
            maps=maps,
        )

    for layer in graph.layers.values():
        weights = [graph.weights.names[name] for name in layer.arrays]
        ids, maps = _selector([layer.neurons]), layer.neurons.shape
        rows.append(row(layer.name, ids, _selector(weights), maps))
    rest, loose = np.flatnonzero(~counted), np.flatnonzero(~owned)
    if rest.size or loose.size:
        rows.append(row(OTHER, rest, loose))
    return Counts(tuple(rows))


def _unread(graph: Graph) -> NDArray[np.bool_]:
    """Return which ids no connection leads from to an output, none where there are no outputs."""
    unread = np.zeros(graph.size, bool)
    there = graph.explicit_outputs is not None or len(graph.layers) > len(graph.inputs)
    outputs = graph.outputs[graph.outputs >= 0] if there else unread[:0]
    if outputs.size:
        unread[:] = True
        unread[cone(graph, outputs)] = False
    return unread


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
