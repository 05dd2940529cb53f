"""Colour refinement: the coarsest equitable partition of a graph of coloured nodes and arcs.

Nodes stay of one colour while all of them have as many arcs of each label to and from each colour.
Of a colour that falls apart only the smaller parts are looked at again, so that m arcs between n
nodes cost m log n.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.rows import equal_rows, spans

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coloured:
    """Nodes 0, 1, ... of these colours, and arcs (tail, head, label), at most one a pair."""

    colour: Numbers
    tail: Numbers
    head: Numbers
    label: Numbers

    @property
    def size(self) -> int:
        """The number of nodes."""
        return int(self.colour.size)

    @cached_property
    def seen(self) -> tuple[Numbers, Numbers, Numbers]:
        """Return (ptr, node, role): by whom each node is seen, and as what end of which label."""
        node = np.concatenate([self.tail, self.head])
        order = np.argsort(node, kind="stable")
        ptr = np.append(0, np.cumsum(np.bincount(node, minlength=self.size)))
        seer = np.concatenate([self.head, self.tail])[order]
        role = np.concatenate([2 * self.label, 2 * self.label + 1])[order]
        return ptr, seer, role


def refine(graph: Coloured) -> Numbers:
    """Return the colour of each node in the coarsest equitable partition, shape (nodes,).

    >>> ends = np.array([0, 1, 2]), np.array([1, 2, 3]), np.zeros(3, int)
    >>> refine(Coloured(np.zeros(4, int), *ends)).tolist()
    [0, 1, 2, 3]
    """
    partition = _Partition(graph.colour)
    changed: Numbers = np.arange(graph.size)
    while changed.size:
        changed = partition.split(*_signatures(graph, partition.colour, changed))
    return by_appearance(partition.colour)


def by_appearance(colour: Numbers) -> Numbers:
    """Number colours in the order in which they first appear."""
    _, first, inverse = np.unique(colour, return_index=True, return_inverse=True)
    number = np.empty(first.size, np.int64)
    number[np.argsort(first)] = np.arange(first.size)
    return number[inverse]


def _signatures(graph: Coloured, colour: Numbers, changed: Numbers) -> tuple[Numbers, Numbers]:
    """Return the nodes that see a changed one, ascending, and which of them see the same.

    Exact: what each sees is sorted and compared whole.
    """
    ptr, seers, roles = graph.seen
    length = ptr[changed + 1] - ptr[changed]
    at = spans(ptr[changed], length)
    seer, key = seers[at], roles[at] * graph.size + np.repeat(colour[changed], length)
    width = int(key.max(initial=0)) + 1
    if width * graph.size >= 2**63:
        _, key = np.unique(key, return_inverse=True)  # now below the number of arcs
        width = int(key.max(initial=0)) + 1
    both = seer * width + key
    both.sort()
    node = both // width
    first = np.flatnonzero(np.diff(node, prepend=-1))
    _, row = equal_rows(np.append(first, node.size), both - node * width)
    return node[first], np.asarray(row, np.int64)


class _Partition:
    """Nodes by colour: those of colour c are `order[start[c] : start[c] + size[c]]`."""

    def __init__(self, colour: Numbers) -> None:
        _, self.colour = np.unique(colour, return_inverse=True)
        self.order = np.argsort(self.colour, kind="stable")
        self.place = np.empty_like(self.order)
        self.place[self.order] = np.arange(colour.size)
        self.size = np.bincount(self.colour, minlength=colour.size)
        self.start = np.cumsum(self.size) - self.size
        self.marked = np.zeros(colour.size, bool)
        self.count = int(self.colour.max(initial=-1)) + 1

    def split(self, nodes: Numbers, row: Numbers) -> Numbers:
        """Split colours so that nodes of different rows differ, also from those not among `nodes`.

        Return the nodes of new colours: of each colour that is split, all but the largest part's.
        """
        if not nodes.size:
            return nodes
        width = int(row.max()) + 1
        key = self.colour[nodes] * width + row
        part, number, length = np.unique(key, return_inverse=True, return_counts=True)
        colour, first, parts = np.unique(part // width, return_index=True, return_counts=True)
        met = np.add.reduceat(length, first)
        rest = self.size[colour] - met
        self._move_back(nodes[np.argsort(number, kind="stable")], self.start[colour] + rest, met)
        before = np.cumsum(length) - length
        begin = before + np.repeat(self.start[colour] + rest - before[first], parts)
        some = rest > 0  # what is left is a part as well
        owner = np.concatenate([np.repeat(colour, parts), colour[some]])
        start = np.concatenate([begin, self.start[colour[some]]])
        return self._recolour(owner, start, np.concatenate([length, rest[some]]))

    def _move_back(self, nodes: Numbers, begin: Numbers, length: Numbers) -> None:
        """Let `nodes`, colour by colour, stand in the last places of their colours."""
        back = spans(begin, length)
        at = self.place[nodes]
        there = self.order[back]
        self.marked[nodes] = True
        stay = ~self.marked[there]
        self.marked[nodes] = False
        holes = at[at < np.repeat(begin, length)]
        self.order[holes], self.place[there[stay]] = there[stay], holes
        self.order[back], self.place[nodes] = nodes, back

    def _recolour(self, owner: Numbers, start: Numbers, size: Numbers) -> Numbers:
        """Give every part of a colour but its largest a new one; return the nodes of these."""
        order = np.lexsort((-size, owner))
        largest = np.zeros(owner.size, bool)
        largest[order[np.flatnonzero(np.diff(owner[order], prepend=-1))]] = True
        keeps = owner[largest]
        self.start[keeps], self.size[keeps] = start[largest], size[largest]
        start, size = start[~largest], size[~largest]
        new = np.arange(self.count, self.count + start.size)
        self.count += start.size
        self.start[new], self.size[new] = start, size
        members: NDArray[Any] = self.order[spans(start, size)]
        self.colour[members] = np.repeat(new, size)
        return members
