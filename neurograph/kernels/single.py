"""Plans for one sample at a time, with the lanes over positions or over maps instead of samples.

Every neuron has one number of the states. Where they lie is chosen here, so that what a tile
computes at once lies side by side:

- lanes over positions: neighbouring fields of a product, eight (or sixteen) to a vector. Where each
  slot's sources are neighbours too, or two apart, a *run*, they are loaded at once, else gathered
  one by one;
- lanes over maps: kernels that read the same field, their weights side by side; or kernels each of
  which reads a field of its own, where those lie side by side.

Maps that share only some of their sources may run as one product over all of them, with a zero for
what a map does not read. That is right for finite states only: a sample whose states are not is run
again by a plan without such products.

Nothing but ids is looked at; the cheaper by `catalogue.cost` is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.kernels import activations, tanh
from neurograph.kernels.arena import Arena, input_ids
from neurograph.kernels.catalogue import TileShape, cost, cover, shapes
from neurograph.kernels.plan import Builder, Plan, moved, scattered
from neurograph.kernels.product import Product, plain
from neurograph.kernels.products import alike, grouped, joined
from neurograph.kernels.tiles import (
    ABREAST,
    ALONG,
    GATHERED,
    LINEAR,
    MAPS,
    MOVED,
    SAMPLES,
    STRIDED,
)
from neurograph.program import Blocks, Program, Rows, Step, join_rows
from neurograph.rows import spans


def build_single(program: Program, *, lanes: int, join: bool = True) -> Plan:
    """Return the plan that runs one sample at a time; all states are there at the end.

    With `join`, it is right for what the plan's `finite` says only.
    """
    builder = _Builder(program, lanes, join)
    for level in program.levels:
        builder.level(level)
    return builder.plan()


@dataclass(frozen=True, eq=False)
class _Vectors:
    """Fields in vectors: the first field of each, and each field's vector and lane."""

    first: NDArray[np.int64]
    vector: NDArray[np.int64]
    lane: NDArray[np.int64]


class _Way(NamedTuple):
    """A way to run products: what the lanes are over, the vectors, and the estimated cycles."""

    over: str
    vectors: _Vectors
    cycles: float
    shape: TileShape | None = None  # ALONG: of `vectors` that are a tile's fields


class _Builder(Builder):
    def __init__(self, program: Program, lanes: int, join: bool) -> None:
        self.program, self.join = program, join
        self.finite: list[tuple[int, int]] = []
        # A vector of zeros may be read from any of its lanes, and so is two vectors long.
        constants = sorted(program.constants)
        first = 4 * lanes
        places = np.zeros(program.size + 1, np.int32)
        places[constants] = first + np.arange(len(constants))
        values = tuple((int(places[i]), float(program.constants[i])) for i in constants)
        self.lanes, self.size = lanes, first + len(constants)
        inputs = input_ids(program)
        start = self._take(inputs.size)
        places[inputs] = start + np.arange(inputs.size)
        super().__init__(Arena(places, 0, start, values), 1, 1)
        self.lanes, self.trash = lanes, 2 * lanes
        self.places = places

    def _take(self, size: int) -> int:
        """Take room for some states; they begin where a vector does."""
        start = -(-self.size // self.lanes) * self.lanes
        self.size = start + size
        return start

    def plan(self) -> Plan:
        """Return the finished tables."""
        plan = super().plan()
        # The last states may be read and written as vectors.
        arena = replace(plan.arena, size=self.size + 2 * self.lanes)
        return replace(plan, arena=arena, finite=tuple(self.finite))

    def level(self, steps: tuple[Step, ...]) -> None:
        """Add the ops of one level."""
        blocks = [s for s in steps if isinstance(s, Blocks) and not scattered(s)]
        # Over positions a bias of each field has no lane to be in, and over maps none is shared.
        own = [s for s in blocks if s.bias.shape[2] > 1]
        for same in alike([s for s in blocks if s.bias.shape[2] == 1]):
            self._alike(same)
        for product in map(plain, own):
            self._group([product], self._best([product]))
        rest = [s for s in steps if isinstance(s, Rows) or scattered(s)]
        rest.sort(key=lambda s: str(s.function))
        for _, rows in groupby(rest, key=lambda s: s.function):
            self._rows(join_rows(list(rows)))

    def _rows(self, step: Rows) -> None:
        """Add rows, whose kernel writes a vector of which only the first lane counts.

        The rows after it write over the others.
        """
        count = step.targets.size
        self.places[step.targets] = self._take(count + self.lanes) + np.arange(count)
        super()._rows(step)

    # ---- blocks ----------------------------------------------------------------------------

    def _alike(self, steps: Sequence[Blocks]) -> None:
        """Add steps of one function and number of fields: each map by itself, or all as one."""
        groups = [(group, self._best(group)) for group in grouped(steps)]
        whole = joined(steps) if self.join and steps[0].function.linear else None
        if whole is not None:
            best, read = self._over_maps_best(whole), self.places[whole.sources]
            if best.cycles < sum(way.cycles for _, way in groups):
                live = read[read > 0]
                if live.size:
                    self.finite.append((int(live.min()), int(live.max()) + 1))
                self._over_maps(whole, best)
                return
        for group, way in groups:
            self._group(group, way)

    def _best(self, products: Sequence[Product]) -> _Way:
        """Return how products that add to the same targets cost least."""
        sources = [self.places[p.sources] for p in products]
        single = len(products) == 1
        ways = []
        if single:
            ways = [self._over_maps_best(products[0]), *self._abreast_way(products[0])]
        # Over positions a bias of each field has no lane to be in.
        if not any(p.bias is not None and p.bias.shape[2] > 1 for p in products):
            for over, vectors in (
                (SAMPLES, _runs(sources, self.lanes, 1)),
                (STRIDED, _runs(sources, self.lanes, 2)),
                (GATHERED, _evenly(products[0].targets.shape[2], self.lanes)),
            ):
                cycles = sum(self._cost(p, vectors.first.size, over) for p in products)
                ways.append(_Way(over, vectors, cycles))
        return min(ways, key=lambda way: way.cycles)

    def _group(self, products: Sequence[Product], way: _Way) -> None:
        """Add the products that add to the same targets."""
        if way.over in (MAPS, ALONG):
            self._over_maps(products[0], way)
            return
        if way.over == ABREAST:
            self._abreast(products[0])
            return
        self._place(products, way.vectors)
        for product in products:
            self._over_positions(product, way.vectors, way.over)

    def _cost(self, product: Product, fields: int, over: str) -> float:
        """Return the cycles of a product with lanes `over` something: of a tile's fields."""
        blocks, maps, _ = product.targets.shape
        if over == MAPS:
            maps = -(-maps // self.lanes)
        elif over == ABREAST:
            blocks = -(-blocks // self.lanes)
        tiles = cost(maps, fields, product.sources.shape[2], product.pair, 1, over)
        return blocks * (self._after(product, maps * fields) + tiles)

    def _after(self, product: Product, vectors: int) -> float:
        """Return the cycles of a product's activation."""
        squashed = activations.encode(product.activation)[0] == activations.TANH
        return tanh.cycles() * vectors if squashed else 0.0

    def _over_maps_best(self, product: Product) -> _Way:
        """Return the cheaper way over maps: field by field, or along fields that are neighbours."""
        blocks, maps, fields = product.targets.shape
        ways = [_Way(MAPS, _evenly(fields, 1), self._cost(product, fields, MAPS))]
        offsets, rows = self.places[product.sources], -(-maps // self.lanes)
        if blocks == 1 and product.pair == LINEAR and _one_bias(product) and offsets.all():
            for shape in shapes(ALONG):
                runs = _runs([offsets], shape.fields, 1)
                if moved(replace(product, sources=offsets[:, runs.first])):
                    tiles = runs.first.size * -(-rows // shape.maps)
                    cycles = tiles * shape.cycles(offsets.shape[2])
                    cycles += self._after(product, tiles * shape.maps * shape.fields)
                    ways.append(_Way(ALONG, runs, cycles, shape))
        return min(ways, key=lambda way: way.cycles)

    def _abreast_way(self, product: Product) -> list[_Way]:
        """Return the way with lanes over blocks, if all sources of them lie side by side."""
        blocks, maps, fields = product.targets.shape
        offsets = self.places[product.sources]
        each = np.arange(blocks)[:, None, None]
        if maps > 1 or blocks < 2 or product.pair != LINEAR or not _one_bias(product):
            return []
        if not offsets[0].all() or (offsets != offsets[:1] + each).any():
            return []
        return [_Way(ABREAST, _evenly(fields, 1), self._cost(product, fields, ABREAST))]

    def _place(self, products: Sequence[Product], vectors: _Vectors) -> None:
        """Give the targets of products their places: a row of vectors for each map."""
        width = vectors.first.size * self.lanes
        within = vectors.vector * self.lanes + vectors.lane
        for product in products:
            targets = product.targets
            new = self.places[targets[:, :, 0]] == 0
            start = self._take(int(new.sum()) * width) + width * np.arange(new.sum())
            self.places[targets[new]] = start[:, None] + within

    def _over_positions(self, product: Product, vectors: _Vectors, over: str) -> None:
        offsets, targets = self.places[product.sources], self.places[product.targets]
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

    def _over_maps(self, product: Product, way: _Way) -> None:
        blocks, maps, fields = product.targets.shape
        rows = -(-maps // self.lanes)
        size = rows * self.lanes
        start = self._take(blocks * fields * size)
        places = start + size * np.arange(blocks * fields).reshape(blocks, 1, fields)
        self.places[product.targets] = places + np.arange(maps)[:, None]
        wide = replace(
            _filled(product, size - maps, axis=1),
            sources=self.places[product.sources],
            targets=places + self.lanes * np.arange(rows)[:, None],
        )
        slots = product.sources.shape[2]
        if way.shape is not None:
            shape, runs = way.shape, way.vectors
            targets = np.full((1, rows, runs.first.size * shape.fields), self.trash)
            targets[:, :, runs.vector * shape.fields + runs.lane] = wide.targets
            wide = replace(wide, sources=wide.sources[:, runs.first], targets=targets)
            self._tiles(wide, ((shape, -(-rows // shape.maps)),), 1)
            return
        self._tiles(wide, cover(rows, fields, slots, product.pair, 1, MAPS), 1)

    def _abreast(self, product: Product) -> None:
        """Add a product of blocks of one map each, their sources side by side."""
        blocks, _, fields = product.targets.shape
        rows, slots = -(-blocks // self.lanes), product.sources.shape[2]
        size = rows * self.lanes
        start = self._take(fields * size)
        places = start + size * np.arange(fields)
        self.places[product.targets[:, 0]] = places + np.arange(blocks)[:, None]
        first = self.lanes * np.arange(rows)[:, None, None]
        wide = _filled(product, size - blocks, axis=0)
        wide = replace(
            wide,
            sources=self.places[product.sources[:1]] + first,
            weights=wide.weights.reshape(rows, self.lanes, slots),
            bias=wide.bias.reshape(rows, self.lanes, 1) if wide.bias is not None else None,
            targets=places + first,
        )
        self._tiles(wide, cover(1, fields, slots, product.pair, 1, ABREAST), 1)


def _one_bias(product: Product) -> bool:
    """Whether a product's maps have a bias each, the same for all fields."""
    return product.bias is not None and product.bias.shape[2] == 1


def _filled(product: Product, more: int, *, axis: int) -> Product:
    """Return a product with `more` maps or blocks, all of whose weights are zeros."""
    pad = [(0, more if i == axis else 0) for i in range(3)]
    weights, bias = (
        None if ids is None else np.pad(ids, pad, constant_values=-1)
        for ids in (product.weights, product.bias)
    )
    assert weights is not None
    return replace(product, weights=weights, bias=bias)


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
    lane = spans(np.zeros(start.size), length) % lanes
    first = np.flatnonzero(lane == 0)
    return _Vectors(first, np.cumsum(lane == 0) - 1, lane)


def _evenly(fields: int, lanes: int) -> _Vectors:
    """Return vectors of so many fields each, the last one shorter."""
    every = np.arange(fields)
    return _Vectors(every[::lanes], every // lanes, every % lanes)
