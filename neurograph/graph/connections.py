"""Connections, as arrays of ids, and how the table's rows spell them out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph import html
from neurograph.checks import wholes
from neurograph.errors import GraphError
from neurograph.graph.references import NamedNeurons
from neurograph.graph.table import Ids, Table, blocks_of
from neurograph.graph.weights import Weights
from neurograph.memory import require
from neurograph.names import Names
from neurograph.optional import pandas

if TYPE_CHECKING:
    from scipy.sparse import coo_matrix

BIAS_UNIT = 0
BLOCK = 1 << 20
_SIDES = "source", "weight", "target"
_SHOWN = 10  # rows of a table in a notebook
_ROW = 400  # bytes of a connection in a DataFrame: three texts and the numbers


class Described(NamedNeurons, Protocol):
    """What knows the names of neurons and weights, and the weights' values: a Graph."""

    @property
    def weights(self) -> Weights:
        """The weights."""


@dataclass(frozen=True, eq=False, repr=False)
class Connections:
    """Some connections: three arrays of ids of equal length, `source`, `weight` and `target`.

    The arrays are read-only. Iterating yields (source, weight, target) triples of Python numbers;
    where a graph gave them, it is in `graph`, and they are printed by name. Raises GraphError for
    what are no ids, or not as many each.

    >>> from neurograph.models import mlp
    >>> found = mlp((4, 3, 2)).incoming("output[1]"); found
    Connections(4: N1[0] -output.kernel[1, 0]-> output[1], ...)
    >>> list(found)[0]
    (5, 18, 9)
    """

    source: Ids
    weight: Ids
    target: Ids
    graph: Described | None = None

    def __post_init__(self) -> None:
        for side in _SIDES:
            ids = wholes("connections", getattr(self, side), what=f"{side} ids").view()
            ids.flags.writeable = False
            object.__setattr__(self, side, ids)
        shapes = [ids.shape for ids in (self.source, self.weight, self.target)]
        if self.source.ndim != 1 or len(set(shapes)) > 1:
            raise GraphError(f"connections: found ids of shapes {shapes}, needed (n,) of all three")

    def __len__(self) -> int:
        return self.source.size

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Iterate over (source, weight, target) triples."""
        return zip(self.source.tolist(), self.weight.tolist(), self.target.tolist(), strict=True)

    def __repr__(self) -> str:
        first = [f"{s} -{w}-> {t}" for s, w, t in self.keep(slice(0, 1)).names()]
        more = ", ..." if len(self) > 1 else ""
        return f"Connections({len(self):,}{': ' if first else ''}{''.join(first)}{more})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the first connections, by name."""
        return as_html(self, len(self))

    def keep(self, mask: NDArray[Any] | slice) -> Connections:
        """Return those where a mask holds, or in a slice."""
        return Connections(self.source[mask], self.weight[mask], self.target[mask], self.graph)

    def names(self) -> list[tuple[str, str, str]]:
        """Return the names of (source, weight, target) of each; ids as text without a graph."""
        sides: list[tuple[Ids, Names | None]] = [(ids, None) for ids in self._sides]
        if self.graph is not None:
            neurons, weights = self.graph.neuron_names, self.graph.weights.names
            sides = list(zip(self._sides, (neurons, weights, neurons), strict=True))
        return list(zip(*(_names(ids, names) for ids, names in sides), strict=True))

    @property
    def _sides(self) -> tuple[Ids, Ids, Ids]:
        return self.source, self.weight, self.target

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame, a row for each connection: source, weight, target.

        With a graph these are names, and `value` is the weight's; `source_id`, `weight_id` and
        `target_id` are always there. Raises MissingDependency without pandas, GraphError if it
        would not fit in memory.
        """
        found = pandas("connections.to_pandas")
        require(_ROW * len(self), "connections as a DataFrame", GraphError)
        ids = {f"{what}_id": i for what, i in zip(_SIDES, self._sides, strict=True)}
        if self.graph is None:
            return found.DataFrame(ids)
        names = self.names()
        named: dict[str, Any] = {side: [each[i] for each in names] for i, side in enumerate(_SIDES)}
        return found.DataFrame({**named, "value": self.graph.weights.value[self.weight], **ids})

    def to_coo(self) -> coo_matrix:
        """Return a scipy COO matrix, targets x sources over all ids, an entry for each connection.

        Its data are the weights' values, 1.0 each without a graph; the attribute `weight_ids` is
        the weight of each entry. Several connections of one pair are added where it is converted.

        >>> from neurograph.models import mlp
        >>> mlp((4, 3, 2)).incoming("output").to_coo().shape
        (10, 10)
        """
        from scipy.sparse import coo_matrix

        data = np.ones(len(self))
        size = 1 + max(int(ids.max(initial=-1)) for ids in (self.source, self.target))
        if self.graph is not None:
            data, size = self.graph.weights.value[self.weight], self.graph.size
        found = coo_matrix((data, (self.target, self.source)), shape=(size, size))
        found.weight_ids = self.weight
        return found


def as_html(found: Connections, count: int) -> str:
    """Return the first of `count` connections, of which these are the beginning, as HTML."""
    first = found.keep(slice(0, _SHOWN))
    rows: list[tuple[str, ...]] = [*first.names()]
    head: tuple[str, ...] = _SIDES
    if found.graph is not None:
        values = found.graph.weights.value[first.weight]
        rows = [(*r, f"{v:.6g}") for r, v in zip(rows, values.tolist(), strict=True)]
        head = *_SIDES, "value"
    table = html.table(head, rows, more=count - len(rows))
    return html.paragraph(f"{count:,} connections") + table


def _names(ids: Ids, names: Names | None) -> list[str]:
    """Return the name of each id, made once however often the id stands there."""
    if names is None:
        return list(ids.astype(str).tolist())
    once, which = np.unique(ids, return_inverse=True)
    return list(np.array(names.names_of(once), object)[which].tolist())


def join(parts: list[Connections]) -> Connections:
    """Return the parts as one."""
    empty = [np.empty(0, np.int32)]
    source, weight, target = (
        np.concatenate([getattr(p, side) for p in parts] or empty).astype(np.int32, copy=False)
        for side in _SIDES
    )
    graph = next((p.graph for p in parts if p.graph is not None), None)
    return Connections(source, weight, target, graph)


def expand(table: Table, neurons: NDArray[Any]) -> Connections:
    """Return every connection into `neurons`: live slots in order, then bias connections."""
    owner, source, weight = table.slots(neurons)
    neurons = np.asarray(neurons, np.int32)
    live = (source >= 0) & (weight >= 0)
    bias = table.bias[neurons]
    biased = bias >= 0
    zeros = np.full(int(biased.sum()), BIAS_UNIT, np.int32)
    return join(
        [
            Connections(source[live], weight[live], neurons[owner[live]]),
            Connections(zeros, bias[biased], neurons[biased]),
        ]
    )


def blocks(
    table: Table, neurons: NDArray[Any], size: int = BLOCK
) -> Iterator[tuple[NDArray[Any], Connections]]:
    """Yield (neurons, their connections) in blocks of at most `size` slots or one neuron."""
    for a, b in blocks_of(table.fields.lengths(table.field[neurons]) + 1, size):
        yield neurons[a:b], expand(table, neurons[a:b])
