"""Products: the sums a level of Blocks comes down to, with sources that blocks share split off.

Splitting sources by the set of blocks they feed lets all maps of those blocks share each load of a
state: in a convolution with a connection table, every source map feeds many output maps. It is
found from the ids alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from itertools import product as combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.kernels.catalogue import cost
from neurograph.kernels.product import IDENTITY, Product, plain
from neurograph.kernels.tiles import LINEAR
from neurograph.program import Blocks
from neurograph.rows import equal_rows

_MOST_BLOCKS = 256  # blocks of a level looked at together
_MOST_SOURCES = 1 << 24
_MOST_FILLED = 4  # times as many weights, zeros included, when maps are joined
Ids = NDArray[Any]


def products(
    steps: Sequence[Blocks], vectors: int = 1, *, framed: bool = False
) -> Iterator[Product]:
    """Yield the products of the Blocks of one level, in an order in which they can run."""
    for group in grouped(steps, vectors, framed=framed):
        yield from group


def grouped(
    steps: Sequence[Blocks], vectors: int = 1, *, framed: bool = False
) -> Iterator[list[Product]]:
    """Yield the products of one level: together those that add to the same targets.

    With `framed` no product has a bias or an activation for only a part of a step's targets.
    """
    for group in alike(steps):
        linear = group[0].function.linear
        shared = _shared(group, vectors, framed) if linear else None
        if shared:
            yield shared
        else:
            yield from ([plain(step)] for step in group)


def alike(steps: Sequence[Blocks]) -> Iterator[list[Blocks]]:
    """Yield the steps of one level together that have the same function and number of fields."""
    groups: dict[tuple[Any, int], list[Blocks]] = {}
    for step in steps:
        groups.setdefault((step.function, step.sources.shape[1]), []).append(step)
    yield from groups.values()


def joined(steps: Sequence[Blocks]) -> Product | None:
    """Return weighted sums that share sources as one product of all maps over all their sources.

    The weight is -1 where a map does not read a source: a zero, right where states are finite. None
    where blocks share nothing or little, or have a bias for each neuron.
    """
    if any(step.bias.shape[2] > 1 for step in steps):
        return None
    columns = _columns(steps)
    if columns is None:
        return None
    slots = columns.first.size
    read = sum(step.weights.size for step in steps)
    if slots * sum(step.targets[:, :, 0].size for step in steps) > _MOST_FILLED * read:
        return None
    weights, start = [], 0
    for step, b in columns.owners:
        own = step.weights[b]
        wide = np.full((len(own), slots), -1, own.dtype)
        wide[:, columns.number[start : start + own.shape[1]]] = own
        start += own.shape[1]
        weights.append(wide)
    bias, targets = (
        np.concatenate([getattr(step, name)[b] for step, b in columns.owners])[None]
        for name in ("bias", "targets")
    )
    sources = columns.columns[columns.first].T[None]
    together = np.concatenate(weights)[None]
    return Product(LINEAR, steps[0].function.activation, sources, together, bias, targets)


def _shared(steps: list[Blocks], vectors: int, framed: bool) -> list[Product] | None:
    """Return products in which blocks share the loads of common sources.

    Or None where that saves nothing.
    """
    columns = _columns(steps)
    if columns is None:
        return None
    fields = steps[0].sources.shape[1]
    before = sum(
        len(s.sources) * cost(s.targets.shape[1], fields, s.sources.shape[2], LINEAR, vectors)
        for s in steps
    )
    sums = _Sums(columns.owners, vectors, framed)
    for piece in columns.pieces():
        sums.add(piece)
    return sums.finished() if sums.cost() < before else None


def _columns(steps: Sequence[Blocks]) -> _Columns | None:
    """Return the columns of blocks that share some; None where they do not, or are too many."""
    blocks = sum(len(s.sources) for s in steps)
    size = sum(s.sources.size for s in steps)
    if not 1 < blocks <= _MOST_BLOCKS or size > _MOST_SOURCES or steps[0].sources.shape[1] < 2:
        return None
    first = np.concatenate([s.sources[:, 0].reshape(-1) for s in steps])
    if np.unique(first).size == first.size:
        return None
    columns = _Columns(steps)
    return columns if columns.sound else None


@dataclass(frozen=True, eq=False)
class _Piece:
    """Columns of sources (F, K), and the weights (M, K) of each block that they feed.

    `first` and `last` are the blocks of which no other piece comes before or after it.
    """

    sources: Ids
    weights: dict[int, Ids]
    first: set[int]
    last: set[int]


class _Sums:
    """The products of blocks whose sums are added up piece by piece, and what they cost.

    A block's sums start from their biases in its first piece, and its activation follows in its
    last. Where that would cut a piece into parts too small, a frame does it: a product without
    slots before or after all pieces.
    """

    def __init__(self, blocks: list[tuple[Blocks, int]], vectors: int, framed: bool) -> None:
        self.blocks, self.vectors, self.framed = blocks, vectors, framed
        step, _ = blocks[0]
        self.fields, self.activation = step.sources.shape[1], step.function.activation
        self.starts = set(range(len(blocks)))  # what frames are left to do
        self.ends = set() if self.activation == IDENTITY else set(self.starts)
        self.added: list[Product] = []
        self.cycles = 0.0

    def add(self, piece: _Piece) -> None:
        """Add a piece, cut in the way that costs least with the frames it saves."""
        slots = piece.sources.shape[1]
        first = set[int]() if self.framed else piece.first
        last = set[int]() if self.framed else piece.last & self.ends

        def parts(starts: set[int], ends: set[int]) -> dict[tuple[bool, bool], list[int]]:
            found: dict[tuple[bool, bool], list[int]] = {}
            for b in piece.weights:
                found.setdefault((b in starts, b in ends), []).append(b)
            return found

        def cycles(way: tuple[set[int], set[int]]) -> float:
            whole = sum(self._cost(members, slots) for members in parts(*way).values())
            return whole - sum(self._cost(blocks, 0) for blocks in way)

        best = min(combinations((set[int](), first), (set[int](), last)), key=cycles)
        for (begins, finishes), members in parts(*best).items():
            weights = np.concatenate([piece.weights[b] for b in members])
            activation = self.activation if finishes else IDENTITY
            self.added.append(self._product(members, piece.sources, weights, begins, activation))
            self.cycles += self._cost(members, slots)
        self.starts -= best[0]
        self.ends -= best[1]

    def cost(self) -> float:
        """Return the estimated cycles of all products."""
        return self.cycles + self._cost(self.starts, 0) + self._cost(self.ends, 0)

    def finished(self) -> list[Product]:
        """Return all products, in an order in which they can run."""
        starts = self._frames(self.starts, True, IDENTITY)
        return [*starts, *self.added, *self._frames(self.ends, False, self.activation)]

    def _frames(self, blocks: set[int], bias: bool, activation: Activation) -> Iterator[Product]:
        """Yield the frame of each step's blocks."""
        for _, some in groupby(sorted(blocks), key=lambda b: id(self.blocks[b][0])):
            members = list(some)
            maps = sum(self._maps(b) for b in members)
            none = np.empty((self.fields, 0), np.int32), np.empty((maps, 0), np.int32)
            yield self._product(members, *none, bias, activation)

    def _product(
        self, members: list[int], sources: Ids, weights: Ids, bias: bool, activation: Activation
    ) -> Product:
        """Return the product of some blocks as one, over the sources (F, K), weights (M, K)."""
        own = [self.blocks[b] for b in members]
        targets = np.concatenate([step.targets[b] for step, b in own])
        biases = None
        if bias:
            given = [step.bias[b] for step, b in own]
            width = max(g.shape[1] for g in given)
            biases = np.concatenate([np.broadcast_to(g, (len(g), width)) for g in given])[None]
        return Product(LINEAR, activation, sources[None], weights[None], biases, targets[None])

    def _maps(self, block: int) -> int:
        return int(self.blocks[block][0].targets.shape[1])

    def _cost(self, blocks: Iterable[int], slots: int) -> float:
        maps = sum(self._maps(b) for b in blocks)
        return cost(maps, self.fields, slots, LINEAR, self.vectors) if maps else 0.0


class _Columns:
    """The distinct columns of sources, one source a field, of blocks with equally many fields."""

    def __init__(self, steps: Sequence[Blocks]) -> None:
        self.steps = steps
        fields = steps[0].sources.shape[1]
        self.columns = np.concatenate(
            [s.sources.transpose(0, 2, 1).reshape(-1, fields) for s in steps]
        )
        ptr = fields * np.arange(len(self.columns) + 1)
        self.first, self.number = equal_rows(ptr, self.columns.reshape(-1))
        owner = [np.repeat(np.arange(len(s.sources)), s.sources.shape[2]) for s in steps]
        offset = np.cumsum([0, *(len(s.sources) for s in steps)])
        self.block = np.concatenate([o + off for o, off in zip(owner, offset[:-1], strict=True)])
        self.blocks = int(offset[-1])

    @property
    def sound(self) -> bool:
        """Whether no block has a column twice."""
        pairs = np.unique(self.block.astype(np.int64) << 32 | self.number)
        return bool(pairs.size == self.block.size)

    @property
    def owners(self) -> list[tuple[Blocks, int]]:
        """Each block's step, and its place in it."""
        return [(step, b) for step in self.steps for b in range(len(step.sources))]

    def pieces(self) -> Iterator[_Piece]:
        """Yield a piece for each set of columns that feed the same blocks."""
        slot = np.full((self.first.size, self.blocks), -1, np.int64)  # the slot in a block
        slots = np.bincount(self.block, minlength=self.blocks)  # a block may have none
        start = np.cumsum(slots) - slots
        slot[self.number, self.block] = np.arange(self.block.size) - start[self.block]
        packed = np.packbits(slot >= 0, axis=1)
        _, one, where = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        feeds = slot[one] >= 0
        first, last = feeds.argmax(0), len(feeds) - 1 - feeds[::-1].argmax(0)
        owners = self.owners
        for piece, fed in enumerate(feeds):
            columns = np.flatnonzero(where.reshape(-1) == piece)
            members = [int(b) for b in np.flatnonzero(fed)]
            yield _Piece(
                self.columns[self.first[columns]].T,
                {b: owners[b][0].weights[owners[b][1]][:, slot[columns, b]] for b in members},
                {b for b in members if first[b] == piece},
                {b for b in members if last[b] == piece},
            )
