"""The fixed set of kernels, their numbers, and what an op costs in each tile shape.

An op is a row of 64-bit numbers, its columns named by `Op`. Nothing is compiled per network: a
network is a table of ops.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from llvmlite import ir

from neurograph.kernels.csr import RowKernel
from neurograph.kernels.lanes import vector_bytes
from neurograph.kernels.tiles import (
    ABREAST,
    ALONG,
    GATHERED,
    LINEAR,
    MAPS,
    MOVED,
    PAIRS,
    SAMPLES,
    STRIDED,
    Pair,
    Tile,
    declare,
)


class Op(IntEnum):
    """The columns of an op.

    INDEX, WEIGHT, BIAS, ROW and PARAMETER are offsets into the tables of a plan, and addresses once
    it is loaded.
    """

    KIND = 0
    INDEX = 1
    WEIGHT = 2
    BIAS = 3
    ROW = 4
    PARAMETER = 5
    GROUPS = 6
    SLOTS = 7
    INIT = 8
    ACTIVATION = 9
    BASE = 10
    PASSES = 11  # how often the kernel runs to cover all vectors of a state
    TARGETS = 12  # how many targets the op has, padding included
    WIDTH = 13  # how many numbers of a state each of them stands for


class TileShape(NamedTuple):
    """A tile of maps x fields x vectors of samples for one pair; `over` says what lanes are."""

    maps: int
    fields: int
    pair: Pair = LINEAR
    vectors: int = 1
    over: str = SAMPLES

    def emit(self, module: ir.Module, element: ir.Type) -> ir.Function:
        """Return this kernel's function in a module, emitted once."""
        sizes = f"{self.maps}_{self.fields}_{self.vectors}"
        name = f"tile_{self.over}_{sizes}_{'_'.join(self.pair)}"
        function, new = declare(module, name, element)
        if new:
            Tile(function, element, *self).emit()
        return function

    @property
    def sums(self) -> int:
        """How many sums it holds in registers."""
        return self.maps * self.fields * self.vectors

    def cycles(self, slots: int) -> float:
        """Return the estimated cycles of one group of fields.

        Two multiply-adds, two loads or five instructions start in each cycle, and a sum takes four;
        starting and storing the sums costs two cycles each and some more.
        """
        indices = 1 if self.over in (MOVED, ALONG) else self.fields
        loads = self.maps + self.fields * self.vectors + indices
        if self.over == STRIDED:  # two loads and two shuffles
            loads += 3 * self.fields
        slot = max(self.sums / 2, loads / 2, (self.sums + loads + 3) / 5, 4.0)
        if self.over == GATHERED:
            slot += self.fields * _GATHER
        return slot * slots + 2 * self.sums + 16


class RowShape(NamedTuple):
    """CSR rows over some vectors of samples, with 16- or 32-bit indices, for one pair."""

    vectors: int
    narrow: bool
    pair: Pair = LINEAR

    def emit(self, module: ir.Module, element: ir.Type) -> ir.Function:
        """Return this kernel's function in a module, emitted once."""
        name = f"rows_{self.vectors}_{self.narrow}_{'_'.join(self.pair)}"
        function, new = declare(module, name, element)
        if new:
            RowKernel(function, element, *self).emit()
        return function


Kernel = TileShape | RowShape

_Tiles = dict[int, tuple[tuple[int, int], ...]]  # (maps, fields) by vectors

# A sum per register: 32 of them with AVX-512, 16 without, where half as many samples fit each.
_WIDE: _Tiles = {
    1: (
        *((6, 4), (5, 5), (5, 4), (4, 6), (4, 5), (4, 4), (3, 8), (2, 12), (2, 8), (1, 8), (1, 5)),
        *((24, 1), (12, 1), (4, 1)),
    ),
}
_NARROW: _Tiles = {
    1: ((6, 2), (5, 2), (4, 3), (3, 4), (2, 4), (1, 8), (12, 1), (4, 1)),
    2: ((6, 1), (5, 1), (4, 1), (3, 2), (2, 3), (2, 1), (1, 4)),
}
# For one sample; where its states are neighbours in memory, the tiles above serve as well.
_ALONE = {
    MAPS: ((8, 1), (6, 1), (4, 1), (2, 1), (2, 4)),
    ALONG: ((1, 10), (2, 5)),
    ABREAST: ((1, 8),),
    STRIDED: ((3, 4), (1, 4), (1, 1)),
    GATHERED: ((6, 1), (1, 1)),
}
_GATHER = 9  # cycles to load a vector's lanes one by one


def _linear() -> _Tiles:
    return _WIDE if vector_bytes() == 64 else _NARROW


def most_vectors() -> int:
    """Return how many vectors of samples the tiles for weighted sums take at once, at most."""
    return max(_linear())


@lru_cache(maxsize=1)
def kernels() -> tuple[Kernel, ...]:
    """Return every kernel; an op's kind is a place in this tuple."""
    other = [pair for pair in PAIRS if not pair.linear]
    return (
        *(
            TileShape(*shape, LINEAR, v, over)
            for over in (MOVED, SAMPLES)
            for v, shapes in _linear().items()
            for shape in shapes
        ),
        *(TileShape(maps, 5 - maps, pair) for pair in other for maps in (1, 4)),
        *(
            TileShape(*shape, LINEAR, 1, over)
            for over, shapes in _ALONE.items()
            for shape in shapes
        ),
        *(TileShape(2, 1, pair, 1, MAPS) for pair in other),
        *(TileShape(1, 1, pair, 1, over) for pair in other for over in (STRIDED, GATHERED)),
        *(RowShape(vectors, narrow) for vectors in (1, 2, 4) for narrow in (True, False)),
        *(RowShape(1, False, pair) for pair in other),
    )


@lru_cache(maxsize=16)
def shapes(over: str) -> tuple[TileShape, ...]:
    """Return the tiles for weighted sums whose lanes are `over` something."""
    every = (k for k in kernels() if isinstance(k, TileShape))
    return tuple(k for k in every if k.over == over and k.pair == LINEAR)


def kind_of(kernel: Kernel) -> int:
    """Return the number of a kernel."""
    # As tuples a tile (4, 1) and rows (4, True) are equal: their types tell them apart.
    return _numbers()[type(kernel), kernel]


@lru_cache(maxsize=1)
def _numbers() -> dict[tuple[type, Kernel], int]:
    return {(type(kernel), kernel): number for number, kernel in enumerate(kernels())}


@lru_cache(maxsize=4096)
def cover(
    maps: int, fields: int, slots: int, pair: Pair, vectors: int = 1, over: str = SAMPLES
) -> tuple[tuple[TileShape, int], ...]:
    """Return the tile shapes that cover `maps` x `fields` in the least time, the fewest of them.

    Each with how many times it is used. All take equally many of the `vectors` of samples, as many
    as there are tiles for.
    """
    every = (k for k in kernels() if isinstance(k, TileShape))
    shapes = [k for k in every if k.pair == pair and k.over == over]
    together = max(s.vectors for s in shapes if vectors % s.vectors == 0)
    shapes = [s for s in shapes if s.vectors == together]

    def cost(shape: TileShape) -> float:
        return shape.cycles(slots) * -(-fields // shape.fields)

    best = min(shapes, key=lambda s: cost(s) / s.maps)
    many = max(0, maps - 48) // best.maps
    rest = maps - many * best.maps
    least: list[tuple[float, tuple[TileShape, ...]]] = [(0.0, ())]
    for m in range(1, rest + 1):
        before = ((cost(s), s, least[max(0, m - s.maps)]) for s in shapes)
        ways = ((c + b[0], (s, *b[1])) for c, s, b in before)
        least.append(min(ways, key=lambda way: (way[0], len(way[1]), way)))  # few read sources less
    chosen = sorted([best] * many + list(least[rest][1]), key=lambda s: -s.maps * s.fields)
    return tuple((shape, chosen.count(shape)) for shape in dict.fromkeys(chosen))


def cost(
    maps: int, fields: int, slots: int, pair: Pair, vectors: int = 1, over: str = SAMPLES
) -> float:
    """Return the estimated cycles of a block."""
    return sum(
        vectors // s.vectors * n * -(-fields // s.fields) * s.cycles(slots)
        for s, n in cover(maps, fields, slots, pair, vectors, over)
    )


def tiles(maps: int, chosen: tuple[tuple[TileShape, int], ...]) -> Iterator[tuple[TileShape, int]]:
    """Yield (shape, first map) of each tile; the last may reach beyond `maps`."""
    first = 0
    for shape, times in chosen:
        for _ in range(times):
            yield shape, first
            first += shape.maps
