"""What is in one graph and not in another."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.rebuilding import rows_of
from neurograph.errors import GraphError, shown
from neurograph.graph import Graph, require_graph
from neurograph.names import Names

Array = NDArray[Any]
Triple = tuple[str, str, str]
_SHOWN = 5  # of each kind, in the text of a difference


@dataclass(frozen=True)
class Changes:
    """What was added, removed and changed: names of neurons or weights, or triples of them.

    A neuron has changed where its function is another, a weight where its value is, or whether it
    is trainable.
    """

    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()
    changed: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, repr=False)
class Difference:
    """What `diff` found; true where there is any difference.

    connections: (source, weight, target) by name. retied: (source, weight before, weight after,
    target) of connections that have another weight; these are neither added nor removed.

    >>> from neurograph.models import mlp
    >>> found = diff(mlp((2, 1)), mlp((2, 2)))
    >>> found.neurons.added, found.weights.added, len(found.connections.added), found.retied
    (('output[1]',), ('output.kernel[1, 0]', 'output.kernel[1, 1]', 'output.bias[1]'), 3, ())
    """

    neurons: Changes = field(default_factory=Changes)
    weights: Changes = field(default_factory=Changes)
    connections: Changes = field(default_factory=Changes)
    retied: tuple[tuple[str, str, str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.neurons or self.weights or self.connections or self.retied)

    def __repr__(self) -> str:
        parts = []
        for what in ("neurons", "weights", "connections"):
            some: Changes = getattr(self, what)
            for word in ("added", "removed", "changed"):
                parts += _listed(f"{what} {word}", getattr(some, word))
        parts += _listed("connections retied", self.retied)
        return "\n".join(parts) if parts else "no difference"


def _listed(what: str, found: Sequence[Any]) -> list[str]:
    if not found:
        return []
    texts = [one if isinstance(one, str) else " -> ".join(one) for one in found[:_SHOWN]]
    more = ", ..." if len(found) > _SHOWN else ""
    return [f"{len(found):,} {what}: {', '.join(texts)}{more}"]


def diff(a: Graph, b: Graph, *, by: str = "name") -> Difference:
    """Return what has to be added to, removed from and changed in `a` to get `b`.

    Neurons and weights are the same where they have the same name, as edits keep it, or with
    by="id" the same id. Connections are compared with their weight, each as often as it stands;
    order does not matter. Raises GraphError for a `by` that is neither, and for graphs whose
    connections do not fit in memory.

    >>> from neurograph.edit.cutting import cut
    >>> from neurograph.models import mlp
    >>> graph = mlp((2, 1))
    >>> diff(graph, cut(graph, lambda some: some.source == 1))
    1 connections removed: input[0] -> output.kernel[0, 0] -> output[0]
    >>> bool(diff(graph, graph))
    False
    """
    for graph in (a, b):
        require_graph(graph, "diff")
    if not isinstance(by, str) or by not in ("name", "id"):
        raise GraphError(f'diff: by is {shown(by)}, needed "name" or "id"')
    neurons = _Codes.of(a.neuron_names, b.neuron_names, a.size, b.size, by)
    weights = _Codes.of(a.weights.names, b.weights.names, a.weights.count, b.weights.count, by)
    connections, retied = _connections(a, b, neurons, weights)
    return Difference(
        neurons.changes(_other_function(a, b, neurons.pairs)),
        weights.changes(_other_weight(a, b, weights.pairs)),
        connections,
        retied,
    )


@dataclass(frozen=True, eq=False)
class _Codes:
    """One number for each thing of two graphs, the same for the same: a's ids, then b's others.

    of_b: the number of each id of b.
    """

    names: tuple[Names, Names]
    size: int
    of_b: Array

    @classmethod
    def of(cls, a: Names, b: Names, size: int, other: int, by: str) -> _Codes:
        of_b = size + np.arange(other)
        if by == "id":
            of_b = np.where(np.arange(other) < size, np.arange(other), of_b)
            return cls((a, b), size, of_b)
        for name in b:
            if name in a:
                mine, yours = _same_places(a[name].ids, b[name].ids)
                of_b[yours] = mine
        _by_label(a, b, of_b, size)
        return cls((a, b), size, of_b)

    @property
    def pairs(self) -> tuple[Array, Array]:
        """The ids in a and in b of what both have."""
        yours = np.flatnonzero(self.of_b < self.size)
        return self.of_b[yours], yours

    def text(self, codes: Array) -> list[str]:
        """Return the names of these numbers."""
        found = np.empty(codes.size, object)
        place = np.full(self.size + self.of_b.size, -1)
        place[self.of_b] = np.arange(self.of_b.size)
        own = codes < self.size
        found[own] = _texts(self.names[0], codes[own])
        found[~own] = _texts(self.names[1], place[codes[~own]])
        return list(found)

    def changes(self, changed: Array) -> Changes:
        """Return what is on one side only, and the names of a's ids that have `changed`."""
        gone = np.setdiff1d(np.arange(self.size), self.of_b)
        new = self.of_b[self.of_b >= self.size]
        return Changes(*(tuple(self.text(codes)) for codes in (new, gone, changed)))


def _by_label(a: Names, b: Names, of_b: Array, size: int) -> None:
    """Let the label decide which of a's ids one of b's is, where both sides have one."""
    labelled = {yours: a.labels.id_of(text) for yours, text in b.labels.items()}
    same = {yours: mine for yours, mine in labelled.items() if mine is not None}
    found = set(same.values())
    if b.labels and a.labels:
        for yours, mine in enumerate(of_b.tolist()):
            if mine in found or (mine in a.labels and yours in b.labels):
                of_b[yours] = size + yours
    of_b[list(same)] = list(same.values())


def _same_places(mine: Array, yours: Array) -> tuple[Array, Array]:
    """Return the ids in two arrays of ids that stand at the same index."""
    if mine.ndim != yours.ndim:
        return mine[:0].reshape(-1), yours[:0].reshape(-1)
    common = tuple(slice(min(sizes)) for sizes in zip(mine.shape, yours.shape, strict=True))
    first, second = mine[common].reshape(-1), yours[common].reshape(-1)
    both = (first >= 0) & (second >= 0)
    return first[both], second[both]


def _texts(names: Names, ids: Array) -> list[str]:
    return names.names_of(ids)


def _other_function(a: Graph, b: Graph, pairs: tuple[Array, Array]) -> Array:
    mine, yours = pairs
    number = {function: i for i, function in enumerate(b.functions)}
    as_b = np.array([number.get(function, -2) for function in a.functions] + [-1])
    other = as_b[a.table.function[mine]] != b.table.function[yours]
    return np.asarray(mine[other])


def _other_weight(a: Graph, b: Graph, pairs: tuple[Array, Array]) -> Array:
    mine, yours = pairs
    other = a.weights.trainable[mine] != b.weights.trainable[yours]
    return np.asarray(mine[other | (a.weights.value[mine] != b.weights.value[yours])])


def _connections(
    a: Graph, b: Graph, neurons: _Codes, weights: _Codes
) -> tuple[Changes, tuple[tuple[str, str, str, str], ...]]:
    old, new = a.connections.all(), b.connections.all()
    before = rows_of(old.source, old.weight, old.target)
    after = rows_of(neurons.of_b[new.source], weights.of_b[new.weight], neurons.of_b[new.target])
    rows, which = np.unique(np.concatenate([before, after]), return_inverse=True)
    more = np.bincount(which[before.size :], minlength=rows.size)
    more -= np.bincount(which[: before.size], minlength=rows.size)
    added, removed = (
        _triples(rows, count, neurons, weights)
        for count in (np.maximum(more, 0), np.maximum(-more, 0))
    )
    return _retied(added, removed)


def _triples(rows: Array, count: Array, neurons: _Codes, weights: _Codes) -> list[Triple]:
    some = rows[np.repeat(np.arange(rows.size), count)]
    source, weight, target = (some[name].astype(np.int64) for name in ("0", "1", "2"))
    texts = neurons.text(source), weights.text(weight), neurons.text(target)
    return list(zip(*texts, strict=True))


def _retied(
    added: list[Triple], removed: list[Triple]
) -> tuple[Changes, tuple[tuple[str, str, str, str], ...]]:
    """Return the changes but for the pairs that lost one weight and got another, and these."""
    waiting: dict[tuple[str, str], deque[Triple]] = defaultdict(deque)
    for one in removed:
        waiting[one[0], one[2]].append(one)
    new, retied = [], []
    for source, weight, target in added:
        before = waiting[source, target]
        if before:
            retied.append((source, before.popleft()[1], weight, target))
        else:
            new.append((source, weight, target))
    gone = [one for rest in waiting.values() for one in rest]
    return Changes(tuple(new), tuple(gone)), tuple(retied)
