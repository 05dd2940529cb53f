"""Verification: the slow, unarguable count. Every triple is expanded, checked and tallied."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.connections import expand
from neurograph.counting import Counts, count
from neurograph.errors import GraphError
from neurograph.graph import Graph
from neurograph.names import Names
from neurograph.table import INPUT, blocks_of

_SHOWN = 20  # problems of one kind that are reported before the rest are only numbered


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    The counts, the triples expanded, and every problem, none if all is well.
    """

    counts: Counts
    triples: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def __str__(self) -> str:
        verdict = "agrees with count" if self.ok else f"{len(self.problems)} problem(s)"
        lines = [str(self.counts), f"{self.triples:,} triples expanded one by one: {verdict}"]
        return "\n".join([*lines, *(f"  {p}" for p in self.problems)])


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
    per target; names are checked once per weight and neuron. Expansion runs in compiled code where
    numba is installed (`compiled` forces either way), on `threads` threads; memory is bounded by
    the tallies and blocks of `block` slots. `progress` is called with the number of triples of each
    block. Raises GraphError for anything but a Graph.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> c1 = graph.add(Conv2d(6, 5, name="C1"), graph.add(Input((1, 32, 32))))
    >>> result = verify(graph); result.ok, result.triples
    (True, 122304)
    """
    if not isinstance(graph, Graph):
        raise GraphError(f"verify: found {type(graph).__name__}, needed a Graph")
    if compiled is None:
        compiled = importlib.util.find_spec("numba") is not None
    tallies = _Tallies(graph)
    lengths = graph.table.fields.lengths(graph.table.field) + 1
    pieces = blocks_of(lengths, block)
    expand_piece = tallies.compiled if compiled else tallies.expanded
    with ThreadPoolExecutor(threads) as pool:
        for found in pool.map(expand_piece, pieces):
            if progress is not None:
                progress(found)
    counts = count(graph)
    problems = tallies.problems
    problems += _names(graph.weights.names, graph.weights.count, frozenset())
    problems += _names(graph.neuron_names, graph.size, frozenset(graph.constants))
    problems += _compare(graph, counts, tallies.by_weight, tallies.by_target)
    return Verification(counts, int(tallies.by_target.sum()), tuple(problems))


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
        from neurograph.kernels import enumeration  # needs numba

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
    for i in np.flatnonzero(~sound)[: max(0, _SHOWN - len(problems))]:
        triple = int(some.source[i]), int(some.weight[i]), int(some.target[i])
        problems.append(f"triple {triple}: an id is out of range, or the target is an input")
    if not sound.all() and len(problems) >= _SHOWN:
        problems.append(f"and {int((~sound).sum())} or more triples like these")
    return sound


def _names(names: Names, size: int, loose: frozenset[int]) -> list[str]:
    """Return what is wrong with a directory of names.

    An id in several arrays, in none, or not found by its own name.
    """
    tally = np.zeros(size, np.int8)
    for name in names:
        array = names[name]
        low, high = array.bounds()
        if low < 0 or high >= size:
            return [f"{names.what} array {name} holds ids out of range"]
        # Saturates: two arrays that share an id are as wrong as ten.
        part: Any = slice(low, high + 1) if array.explicit is None else array.present
        tally[part] = np.minimum(tally[part] + 1, 2)
    tally[list(loose)] = 1
    wrong = np.flatnonzero(tally != 1)
    found = [f"{names.what} {i} stands in {tally[i]} arrays, needed 1" for i in wrong[:_SHOWN]]
    for name in names:
        ends = [i for i in names[name].bounds() if names[name].size and i >= 0]
        found += [
            f"{names.what} {i}: its name {names.name_of(i)} leads to another"
            for i in ends
            if tally[i] == 1 and names.id_of(names.name_of(i)) != i
        ]
    return found


def _compare(
    graph: Graph, counts: Counts, by_weight: NDArray[np.int64], by_target: NDArray[np.int64]
) -> list[str]:
    """Return where the tallies differ from `count`."""
    found = []
    for layer in graph.layers.values():
        row = counts[layer.name]
        owned = [graph.weights.names[name].present for name in layer.arrays]
        dead = sum(int((by_weight[ids] == 0).sum()) for ids in owned)
        for what, tally, counted in (
            ("connections", int(by_target[layer.neurons.present].sum()), row.connections),
            ("dead weights", dead, row.dead),
            ("weights", sum(ids.size for ids in owned), row.weights),
        ):
            if tally != counted:
                found.append(f"{layer.name}: {tally:,} {what} expanded, {counted:,} counted")
    total = counts.total
    if int(by_target.sum()) != total.connections or int(by_weight.sum()) != total.connections:
        found.append(
            f"total: {int(by_target.sum()):,} triples by target, {int(by_weight.sum()):,} by "
            f"weight, {total.connections:,} counted"
        )
    return found
