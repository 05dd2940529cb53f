"""Verification: the slow, unarguable count. Every triple is expanded, checked and tallied."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import html
from neurograph.checks import flag, whole
from neurograph.counting.counts import Counts, count
from neurograph.counting.naming import SHOWN, wrong_names
from neurograph.errors import GraphError, kind_of, missing
from neurograph.graph import Graph, require_graph
from neurograph.graph.connections import expand
from neurograph.graph.table import INPUT, blocks_of
from neurograph.names import IdArray

_IDS = 1 << 20  # ids looked at together

Piece = tuple[int, int]  # the first id, and the one after the last


_SHOWN_FINDINGS = 6  # lines above the table in a notebook


@dataclass(frozen=True, repr=False)
class Verification:
    """What `verify` found: the counts, the triples expanded, and every problem (none: all is well).

    The counts have no row where a broken graph could not be counted. Printing it gives a table.

    >>> from neurograph.models import mlp
    >>> print(str(verify(mlp((4, 3, 2)))).splitlines()[-1])
    23 triples expanded one by one: agrees with count
    """

    counts: Counts
    triples: int
    problems: tuple[str, ...]

    @property
    def unfed(self) -> int:
        """The number of neurons without a connection in that are no inputs: they are constants."""
        return self.counts.total.unfed

    @property
    def unread(self) -> int:
        """The number of neurons from which no connection leads to an output."""
        return self.counts.total.unread

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def __str__(self) -> str:
        return "\n".join([str(self.counts), *self.findings()])

    def findings(self) -> list[str]:
        """Return the lines below the counts: how many triples were expanded, and what is wrong."""
        verdict = "agrees with count" if self.ok else f"{len(self.problems)} problem(s)"
        expanded = f"{self.triples:,} triples expanded one by one: {verdict}"
        return [expanded, *(f"  {p}" for p in self.problems)]

    __repr__ = __str__  # what a session shows

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the verdict, then the counts."""
        findings = self.findings()
        more = len(findings) - _SHOWN_FINDINGS
        said = findings[:_SHOWN_FINDINGS] + ([f"and {more:,} more"] if more > 0 else [])
        return html.paragraph(*said) + self.counts._repr_html_()


def verify(
    graph: Graph,
    *,
    block: int = 1 << 22,
    threads: int = 1,
    compiled: bool | None = None,
    progress: Callable[[int], Any] | None = None,
) -> Verification:
    """Expand every connection of `graph`, in blocks of triples, and compare with `count`.

    Each id must be in range and a connection's target no input; triples are tallied per weight and
    per target; names are checked once per weight and neuron. What is wrong is said in `problems`,
    with the neurons where it stands. Expansion runs in compiled code where numba is installed
    (`compiled` forces either way), on `threads` threads; memory is bounded by the tallies and
    blocks of `block` slots. `progress` is called with the number of triples of each block. Raises
    GraphError for anything but a Graph, a block or a number of threads below 1 and a progress that
    is no function, MissingDependency for compiled=True without numba.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> c1 = graph.add(Conv2d(6, 5, name="C1"), graph.add(Input((1, 32, 32))))
    >>> result = verify(graph); result.ok, result.triples
    (True, 122304)
    """
    require_graph(graph, "verify")
    block = whole("verify: block", block, least=1)
    threads = whole("verify: threads", threads, least=1)
    if not (progress is None or callable(progress)):
        raise GraphError(f"verify: found {kind_of(progress)} as progress, needed a function")
    installed = importlib.util.find_spec("numba") is not None
    compiled = compiled if compiled is None else flag("verify: compiled", compiled)
    if compiled and not installed:
        raise missing("verify: compiled=True", "numba", "fast")
    compiled = installed if compiled is None else compiled
    if problems := _structure(graph):
        return Verification(Counts(()), 0, tuple(problems))
    tallies = _Tallies(graph)
    lengths = graph.table.fields.lengths(graph.table.field) + 1
    pieces = blocks_of(lengths, block)
    expand_piece = tallies.compiled if compiled else tallies.expanded
    with ThreadPoolExecutor(threads) as pool:
        for found in _started(pool, expand_piece, pieces):
            if progress is not None:
                progress(found)
    triples = int(tallies.by_target.sum())
    problems = tallies.problems + wrong_names(graph.weights.names, graph.weights.count)
    problems += wrong_names(graph.neuron_names, graph.size)
    if tallies.problems:
        return Verification(Counts(()), triples, tuple(problems))
    counts = count(graph)
    problems += _compare(graph, counts, tallies.by_weight, tallies.by_target)
    return Verification(counts, triples, tuple(problems))


def _started(
    pool: ThreadPoolExecutor, expand_piece: Callable[[Piece], int], pieces: list[Piece]
) -> Iterator[int]:
    """Return the numbers of triples of the pieces, in order, as they come."""
    try:
        return pool.map(expand_piece, pieces)
    except RuntimeError as error:  # the system gives no more threads
        raise GraphError(f"verify: {error}; needed fewer threads") from error


def _structure(graph: Graph) -> list[str]:
    """Return which ids have a row that does not exist, or rows that do not belong together."""
    table = graph.table
    limits = (
        ("field", table.field, table.fields.count),
        ("kernel", table.kernel, table.kernels.count),
        ("bias", table.bias, graph.weights.count),
        ("function", table.function, len(graph.functions)),
    )
    found = [
        f"{_called(graph, i)}: {what} {column[i]} does not exist, there are {count:,}"
        for what, column, count in limits
        for i in np.flatnonzero((column < -1) | (column >= count))[:SHOWN].tolist()
    ]
    if found:
        return found
    for a in range(0, table.size, _IDS):
        span = slice(a, a + _IDS)
        slots = table.fields.lengths(table.field[span]), table.kernels.lengths(table.kernel[span])
        apart = slots[0] != slots[1]
        apart |= (table.field[span] < 0) != (table.kernel[span] < 0)
        found += [
            f"{_called(graph, a + i)}: a field of {slots[0][i]} slots and a kernel of {slots[1][i]}"
            for i in np.flatnonzero(apart)[: max(0, SHOWN - len(found))].tolist()
        ]
        fed = (table.bias[span] >= 0) & (table.function[span] == INPUT)
        found += [
            f"{_called(graph, a + i)}: an input or constant with a bias"
            for i in np.flatnonzero(fed)[: max(0, SHOWN - len(found))].tolist()
        ]
    return found


def _called(graph: Graph, neuron: int) -> str:
    try:
        return graph.neuron_name(neuron)
    except GraphError:
        return f"neuron {neuron}"


class _Tallies:
    """How often each weight and each target occurs in the triples expanded so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.by_weight = np.zeros(graph.weights.count, np.int64)
        self.by_target = np.zeros(graph.size, np.int64)
        self.problems: list[str] = []
        self._lock = Lock()

    def expanded(self, piece: tuple[int, int]) -> int:
        """Expand the connections of ids start to stop as arrays; return how many there are."""
        found = expand(self.graph.table, np.arange(*piece))
        with self._lock:
            some = found.keep(_sound(self.graph, found, self.problems))
            np.add.at(self.by_weight, some.weight, 1)
            np.add.at(self.by_target, some.target, 1)
        return len(some)

    def compiled(self, piece: tuple[int, int]) -> int:
        """Expand the connections of ids start to stop in compiled code; return how many."""
        from neurograph.counting import enumeration  # needs numba

        table, (start, stop) = self.graph.table, piece
        kernels = table.kernels.ptr, table.kernels.ids
        low, high = enumeration.weight_span(table.kernel, *kernels, start, stop)
        if high >= self.graph.weights.count:
            return self.expanded(piece)
        by_weight = np.zeros(high - low + 1, np.int32)
        bad = enumeration.tally(
            (table.field, table.kernel, table.function, INPUT),
            (table.fields.ptr, table.fields.ids),
            kernels,
            (start, stop, low),
            (self.graph.size, self.graph.weights.count),
            by_weight,
            self.by_target,
        )
        if bad >= 0:  # the slow way names the triple
            self.by_target[start:stop] = 0
            return self.expanded(piece)
        bias = table.bias[start:stop]
        biased = np.flatnonzero(bias >= 0)
        self.by_target[start + biased] += 1
        with self._lock:
            self.by_weight[low : high + 1] += by_weight
            np.add.at(self.by_weight, bias[biased], 1)
        return int(by_weight.sum()) + biased.size


def _sound(graph: Graph, some: Any, problems: list[str]) -> NDArray[np.bool_]:
    """Return which triples have ids in range and a target that computes; report the others."""
    sound: NDArray[np.bool_] = (
        (some.source >= 0)
        & (some.source < graph.size)
        & (some.weight >= 0)
        & (some.weight < graph.weights.count)
        & (graph.table.function[some.target] != INPUT)
    )
    for i in np.flatnonzero(~sound)[: max(0, SHOWN - len(problems))]:
        triple = int(some.source[i]), int(some.weight[i]), int(some.target[i])
        problems.append(
            f"{_called(graph, triple[2])}: triple {triple} has an id out of range (neurons end at "
            f"{graph.size - 1}, weights at {graph.weights.count - 1}) or an input for its target"
        )
    if not sound.all() and len(problems) >= SHOWN:
        problems.append(f"and {int((~sound).sum())} or more triples like these")
    return sound


def _ids(array: IdArray) -> Any:
    """Return what selects the ids of an array: a slice, without a copy, if they are a range."""
    if array.explicit is None:
        return slice(array.first, array.first + array.size)
    return array.present


def _compare(
    graph: Graph, counts: Counts, by_weight: NDArray[np.int64], by_target: NDArray[np.int64]
) -> list[str]:
    """Return where the tallies differ from `count`."""
    found = []
    for layer in graph.layers.values():
        row = counts[layer.name]
        owned = [by_weight[_ids(graph.weights.names[name])] for name in layer.arrays]
        dead = sum(int(np.count_nonzero(tally == 0)) for tally in owned)
        to = by_target[_ids(layer.neurons)]
        unfed = 0 if layer.kind == "Input" else int(np.count_nonzero(to == 0))
        for what, tally, counted in (
            ("connections", int(to.sum()), row.connections),
            ("neurons without a connection", unfed, row.unfed),
            ("dead weights", dead, row.dead),
            ("weights", sum(tally.size for tally in owned), row.weights),
        ):
            if tally != counted:
                found.append(f"{layer.name}: {tally:,} {what} expanded, {counted:,} counted")
    total, trainable = counts.total, graph.weights.trainable
    for what, there, counted in (
        ("neurons", len(graph.neurons), total.neurons),
        ("trainable weights", int(np.count_nonzero(trainable)), total.trainable),
        ("fixed weights", int(np.count_nonzero(~trainable)), total.fixed),
    ):
        if there != counted:
            found.append(f"total: {there:,} {what} in the graph, {counted:,} counted")
    if int(by_target.sum()) != total.connections or int(by_weight.sum()) != total.connections:
        found.append(
            f"total: {int(by_target.sum()):,} triples by target, {int(by_weight.sum()):,} by "
            f"weight, {total.connections:,} counted"
        )
    return found
