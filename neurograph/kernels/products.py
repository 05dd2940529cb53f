"""Products: the sums a level of Blocks comes down to, with sources that blocks share split off.

Splitting sources by the set of blocks they feed lets all maps of those blocks share each load of a
state: in a convolution with a connection table, every source map feeds many output maps. It is
found from the ids alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.kernels.catalogue import cost
from neurograph.kernels.tiles import LINEAR, Pair
from neurograph.program import Blocks

_MOST_BLOCKS = 256  # blocks of a level looked at together
_MOST_SOURCES = 1 << 24
_IDENTITY = Activation()
Ids = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Product:
    """Stacked sums.

    Sources (B, F, K), weights (B, M, K), bias (B, M, F) or (B, M, 1), targets (B, M, F).

    Without a bias the sums are added to the states that are there; a bias of -1 starts from 0.
    """

    pair: Pair
    activation: Activation
    sources: Ids
    weights: Ids
    bias: Ids | None
    targets: Ids


def products(steps: Sequence[Blocks], vectors: int = 1) -> Iterator[Product]:
    """Yield the products of the Blocks of one level, in an order in which they can run."""
    for group in grouped(steps, vectors):
        yield from group


def grouped(steps: Sequence[Blocks], vectors: int = 1) -> Iterator[list[Product]]:
    """Yield the products of one level: together those that add to the same targets."""
    groups: dict[tuple[Any, int], list[Blocks]] = {}
    for step in steps:
        groups.setdefault((step.function, step.sources.shape[1]), []).append(step)
    for (function, _), group in groups.items():
        shared = _shared(group, vectors) if function.linear else None
        if shared:
            yield shared
        else:
            yield from ([_plain(step)] for step in group)


def _plain(step: Blocks) -> Product:
    f = step.function
    return Product(
        Pair(f.combine, f.reduce), f.activation, step.sources, step.weights, step.bias, step.targets
    )


def _shared(steps: list[Blocks], vectors: int) -> list[Product] | None:
    """Return products in which blocks share the loads of common sources.

    Or None where that saves nothing.
    """
    blocks = sum(len(s.sources) for s in steps)
    size = sum(s.sources.size for s in steps)
    if not 1 < blocks <= _MOST_BLOCKS or size > _MOST_SOURCES or steps[0].sources.shape[1] < 2:
        return None
    first = np.concatenate([s.sources[:, 0].reshape(-1) for s in steps])
    if np.unique(first).size == first.size:
        return None
    columns = _Columns(steps)
    if not columns.sound:
        return None
    pieces = list(columns.pieces())
    fields = steps[0].sources.shape[1]
    before = sum(
        len(s.sources) * cost(s.targets.shape[1], fields, s.sources.shape[2], LINEAR, vectors)
        for s in steps
    )
    after = sum(
        cost(p.targets.shape[1], fields, p.sources.shape[2], LINEAR, vectors) for p in pieces
    )
    frame = [_frame(step) for step in steps]
    after += 2 * sum(
        len(s.targets) * cost(s.targets.shape[1], fields, 0, LINEAR, vectors) for s in steps
    )
    if after >= before:
        return None
    starts = (f for f in frame)
    ends = (
        replace(f, activation=s.function.activation, bias=None)
        for f, s in zip(frame, steps, strict=True)
    )
    linear = steps[0].function.activation == _IDENTITY
    return [*starts, *pieces, *(() if linear else ends)]


def _frame(step: Blocks) -> Product:
    """Return the product without slots that sets a step's targets to their biases.

    All maps in one block.
    """
    blocks, maps, fields = step.targets.shape
    bias = step.bias.reshape(1, blocks * maps, -1)
    targets = step.targets.reshape(1, blocks * maps, fields)
    none = np.empty((1, fields, 0), np.int32)
    return Product(
        LINEAR, _IDENTITY, none, np.empty((1, blocks * maps, 0), np.int32), bias, targets
    )


class _Columns:
    """The distinct columns of sources, one source a field, of blocks with equally many fields."""

    def __init__(self, steps: list[Blocks]) -> None:
        self.steps = steps
        fields = steps[0].sources.shape[1]
        rng = np.random.default_rng(0)
        scramble = rng.integers(1, 1 << 63, fields, np.uint64, endpoint=True)
        sums = [
            np.einsum("bfk,f->bk", s.sources.astype(np.uint64), scramble).reshape(-1) for s in steps
        ]
        self.columns = np.concatenate(
            [s.sources.transpose(0, 2, 1).reshape(-1, fields) for s in steps]
        )
        _, self.first, self.number = np.unique(
            np.concatenate(sums), return_index=True, return_inverse=True
        )
        owner = [np.repeat(np.arange(len(s.sources)), s.sources.shape[2]) for s in steps]
        offset = np.cumsum([0, *(len(s.sources) for s in steps)])
        self.block = np.concatenate([o + off for o, off in zip(owner, offset[:-1], strict=True)])
        self.blocks = int(offset[-1])

    @property
    def sound(self) -> bool:
        """Whether equal sums mean equal columns and no block has a column twice."""
        same = (self.columns == self.columns[self.first][self.number]).all()
        pairs = np.unique(self.block.astype(np.int64) << 32 | self.number)
        return bool(same) and pairs.size == self.block.size

    def pieces(self) -> Iterator[Product]:
        """Yield one product for each set of columns that feed the same blocks."""
        slot = np.full((self.first.size, self.blocks), -1, np.int64)  # the slot in a block
        slots = np.bincount(self.block, minlength=self.blocks)  # a block may have none
        start = np.cumsum(slots) - slots
        slot[self.number, self.block] = np.arange(self.block.size) - start[self.block]
        feeds = np.packbits(slot >= 0, axis=1)
        _, where = np.unique(feeds, axis=0, return_inverse=True)
        owners = [(s, b) for s in self.steps for b in range(len(s.sources))]
        for kind in range(int(where.max()) + 1):
            columns = np.flatnonzero(where.reshape(-1) == kind)
            members = np.flatnonzero(slot[columns[0]] >= 0)
            weights, targets = [], []
            for member in members:
                step, b = owners[member]
                weights.append(step.weights[b][:, slot[columns, member]])
                targets.append(step.targets[b])
            sources = self.columns[self.first[columns]].T
            yield Product(
                LINEAR,
                _IDENTITY,
                sources[None],
                np.concatenate(weights)[None],
                None,
                np.concatenate(targets)[None],
            )
