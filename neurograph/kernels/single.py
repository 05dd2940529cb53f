"""Plans for one sample at a time, with the lanes over positions or over maps instead of samples.

Every neuron has one number of the states. Where they lie is chosen here, so that what a tile
computes at once lies side by side:

- lanes over positions: neighbouring fields of a product, eight (or sixteen) to a vector. Where each
  slot's sources are neighbours too, or two apart, a *run*, they are loaded at once, else gathered
  one by one;
- lanes over maps: kernels that read the same field, their weights side by side.

Nothing but ids is looked at; the cheaper by `catalogue.cost` is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.kernels import activations
from neurograph.kernels.arena import Arena, input_ids
from neurograph.kernels.catalogue import cost, cover
from neurograph.kernels.plan import Builder, Plan, moved, scattered
from neurograph.kernels.products import Product, grouped, plain
from neurograph.kernels.tiles import GATHERED, MAPS, MOVED, SAMPLES, STRIDED
from neurograph.program import Blocks, Program, Rows, Step, join_rows

_TANH = 6  # cycles a vector


def build_single(program: Program, *, lanes: int) -> Plan:
    """Return the plan that runs one sample at a time; all states are there at the end."""
    builder = _Builder(program, lanes)
    for level in program.levels:
        builder.level(level)
    return builder.plan()


@dataclass(frozen=True, eq=False)
class _Vectors:
    """Fields in vectors: the first field of each, and each field's vector and lane."""

    first: NDArray[np.int64]
    vector: NDArray[np.int64]
    lane: NDArray[np.int64]


class _Builder(Builder):
    def __init__(self, program: Program, lanes: int) -> None:
        self.program = program
        # A vector of zeros may be read from any of its lanes, and so is two vectors long.
        constants = sorted(program.constants)
        first = 4 * lanes
        slot = np.zeros(program.size + 1, np.int32)
        slot[constants] = first + np.arange(len(constants))
        values = tuple((int(slot[i]), float(program.constants[i])) for i in constants)
        self.lanes, self.size = lanes, first + len(constants)
        inputs = input_ids(program)
        start = self._take(inputs.size)
        slot[inputs] = start + np.arange(inputs.size)
        super().__init__(Arena(slot, 0, start, values), 1, 1)
        self.lanes, self.trash = lanes, 2 * lanes
        self.slot = slot

    def _take(self, size: int) -> int:
        """Take room for some states; they begin where a vector does."""
        start = -(-self.size // self.lanes) * self.lanes
        self.size = start + size
        return start

    def plan(self) -> Plan:
        """Return the finished tables."""
        plan = super().plan()
        # The last states may be read and written as vectors.
        return replace(plan, arena=replace(plan.arena, size=self.size + 2 * self.lanes))

    def level(self, steps: tuple[Step, ...]) -> None:
        """Add the ops of one level."""
        blocks = [s for s in steps if isinstance(s, Blocks) and not scattered(s)]
        # Over positions a bias of each field has no lane to be in, and over maps none is shared.
        own = [s for s in blocks if s.bias.shape[2] > 1]
        for group in grouped([s for s in blocks if s.bias.shape[2] == 1]):
            self._group(group)
        for step in own:
            self._group([plain(step)])
        rest = [s for s in steps if isinstance(s, Rows) or scattered(s)]
        rest.sort(key=lambda s: str(s.function))
        for _, same in groupby(rest, key=lambda s: s.function):
            self._rows(join_rows(list(same)))

    def _rows(self, step: Rows) -> None:
        """Add rows, whose kernel writes a vector of which only the first lane counts.

        The rows after it write over the others.
        """
        count = step.targets.size
        self.slot[step.targets] = self._take(count + self.lanes) + np.arange(count)
        super()._rows(step)

    # ---- blocks ----------------------------------------------------------------------------

    def _group(self, products: Sequence[Product]) -> None:
        """Add the products that add to the same targets."""
        single = len(products) == 1
        sources = [self.slot[p.sources] for p in products]
        even = _evenly(products[0].targets.shape[2], self.lanes)
        ways = {
            SAMPLES: _runs(sources, self.lanes, 1),
            STRIDED: _runs(sources, self.lanes, 2),
            GATHERED: even,
            MAPS: even,
        }
        if any(p.bias is not None and p.bias.shape[2] > 1 for p in products):
            ways = {MAPS: even}  # a bias of its own for each lane is there over maps only
        elif not single:
            del ways[MAPS]
        costs = {
            over: sum(self._cost(p, way, over) for p in products) for over, way in ways.items()
        }
        best = min(costs, key=lambda over: costs[over])
        if best == MAPS:
            for product in products:
                self._over_maps(product)
            return
        self._place(products, ways[best])
        for product in products:
            self._over_positions(product, ways[best], best)

    def _cost(self, product: Product, vectors: _Vectors, over: str) -> float:
        blocks, maps, fields = product.targets.shape
        shape = maps, vectors.first.size
        if over == MAPS:
            shape = -(-maps // self.lanes), fields
        squashed = activations.encode(product.activation)[0] == activations.TANH
        after = _TANH * shape[0] * shape[1] if squashed else 0
        return blocks * (after + cost(*shape, product.sources.shape[2], product.pair, 1, over))

    def _place(self, products: Sequence[Product], vectors: _Vectors) -> None:
        """Give the targets of products their slots: a row of vectors for each map."""
        width = vectors.first.size * self.lanes
        within = vectors.vector * self.lanes + vectors.lane
        for product in products:
            targets = product.targets
            new = self.slot[targets[:, :, 0]] == 0
            start = self._take(int(new.sum()) * width) + width * np.arange(new.sum())
            self.slot[targets[new]] = start[:, None] + within

    def _over_positions(self, product: Product, vectors: _Vectors, over: str) -> None:
        offsets, targets = self.slot[product.sources], self.slot[product.targets]
        fields, slots = offsets.shape[1:]
        if over == GATHERED:
            every = np.arange(vectors.first.size * self.lanes).clip(max=fields - 1)
            lanes = offsets[:, every].reshape(len(offsets), vectors.first.size, self.lanes, slots)
            sources = lanes.swapaxes(2, 3)
        else:
            sources = offsets[:, vectors.first]
        targets = targets[:, :, vectors.first]
        product = replace(product, sources=sources, targets=targets)
        if over == SAMPLES and moved(product):
            over = MOVED
        chosen = cover(*targets.shape[1:], slots, product.pair, 1, over)
        self._tiles(product, chosen, 1)

    def _over_maps(self, product: Product) -> None:
        blocks, maps, fields = product.targets.shape
        rows = -(-maps // self.lanes)
        more = ((0, 0), (0, rows * self.lanes - maps), (0, 0))
        size = rows * self.lanes
        start = self._take(blocks * fields * size)
        places = start + size * np.arange(blocks * fields).reshape(blocks, 1, fields)
        self.slot[product.targets] = places + np.arange(maps)[:, None]
        bias = product.bias
        wide = replace(
            product,
            sources=self.slot[product.sources],
            weights=np.pad(product.weights, more, constant_values=-1),
            bias=None if bias is None else np.pad(bias, more, constant_values=-1),
            targets=places + self.lanes * np.arange(rows)[:, None],
        )
        chosen = cover(rows, fields, product.sources.shape[2], product.pair, 1, MAPS)
        self._tiles(wide, chosen, 1)


def _runs(sources: Sequence[NDArray[Any]], lanes: int, step: int) -> _Vectors:
    """Return vectors of fields over which every slot's sources are `step` apart, or all empty."""
    fields = sources[0].shape[1]
    new = np.zeros(fields, bool)
    new[:1] = True
    for offsets in sources:
        before, after = offsets[:, :-1], offsets[:, 1:]
        follows = (after == before + step) & (before != 0) | (after == 0) & (before == 0)
        new[1:] |= ~follows.all((0, 2))
    start = np.flatnonzero(new)
    length = np.diff(np.append(start, fields))
    place = np.arange(fields) - np.repeat(start, length)
    lane = place % lanes
    first = np.flatnonzero(lane == 0)
    return _Vectors(first, np.cumsum(lane == 0) - 1, lane)


def _evenly(fields: int, lanes: int) -> _Vectors:
    """Return vectors of so many fields each, the last one shorter."""
    every = np.arange(fields)
    return _Vectors(every[::lanes], every // lanes, every % lanes)
