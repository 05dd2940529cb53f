"""Sums that stay in registers: what the products of a pattern and of a block have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.gradient.emitting import at_offset, offset
from neurograph.kernels.lanes import I32, I64, Lanes


class Sums:
    """Rows of vectors that are added to, in places that LLVM keeps in registers."""

    def __init__(self, lanes: Lanes, rows: int, columns: int) -> None:
        self.lanes = lanes
        self._places = [
            [cgutils.alloca_once(lanes.builder, lanes.type) for _ in range(columns)]
            for _ in range(rows)
        ]

    def fill(self, row: int, value: Any) -> None:
        """Set all sums of a row to one vector."""
        for place in self._places[row]:
            self.lanes.builder.store(value, place)

    def clear(self) -> None:
        """Set all sums to zero."""
        for row in range(len(self._places)):
            self.fill(row, self.lanes.constant(0.0))

    def add(self, row: int, left: Any, right: list[Any]) -> None:
        """Add left x right[column] to the sums of a row."""
        b = self.lanes.builder
        for vector, place in zip(right, self._places[row], strict=True):
            b.store(self.lanes.fma(left, vector, b.load(place)), place)

    def add_all(self, others: Sums) -> None:
        """Add as many other sums to them."""
        b = self.lanes.builder
        for row, own in zip(others.values(), self._places, strict=True):
            for vector, place in zip(row, own, strict=True):
                b.store(b.fadd(b.load(place), vector), place)

    def add_stored(self, rows: list[Any], columns: list[Any]) -> None:
        """Add the vectors at rows[row][columns[column]:]."""
        b = self.lanes.builder
        for source, row in zip(rows, self._places, strict=True):
            for column, place in zip(columns, row, strict=True):
                b.store(b.fadd(b.load(place), self.lanes.load(source, column)), place)

    def store(self, rows: list[Any], columns: list[Any]) -> None:
        """Store the vectors at rows[row][columns[column]:]."""
        for vectors, target in zip(self.values(), rows, strict=True):
            for vector, column in zip(vectors, columns, strict=True):
                self.lanes.store(vector, target, column)

    def add_totals(self, rows: list[Any], columns: list[Any]) -> None:
        """Add the sum of each vector's lanes to the number rows[row][columns[column]]."""
        b = self.lanes.builder
        for vectors, target in zip(self.values(), rows, strict=True):
            for vector, column in zip(vectors, columns, strict=True):
                add_total(self.lanes, vector, b.gep(target, [column]))

    def values(self) -> list[list[Any]]:
        """Return the vectors."""
        return [[self.lanes.builder.load(place) for place in row] for row in self._places]


def add_total(lanes: Lanes, vector: Any, place: Any) -> None:
    """Add the sum of a vector's lanes to the number at a place."""
    b, width = lanes.builder, lanes.count
    while width > 1:
        width //= 2
        order = [(i + width) % lanes.count for i in range(lanes.count)]
        mask = ir.Constant(ir.VectorType(I32, lanes.count), order)
        vector = b.fadd(vector, b.shuffle_vector(vector, vector, mask))
    b.store(b.fadd(b.load(place), b.extract_element(vector, I32(0))), place)


@dataclass(frozen=True)
class Outer:
    """Sums over j of a[head + columns[j]] right[below[j]:], and what is there or a[start[i]].

    `columns` is a pointer into the table; `start` a place in it, negative for what is there.
    """

    lanes: Lanes
    a: Any
    table: Any
    columns: Any
    contraction: Any
    start: Any

    def emit(
        self, own: list[Any], heads: list[Any], tails: list[Any], lane: list[Any], right: Any
    ) -> None:
        """Emit the rows `own` of a tile, to tails[row][lane:].

        heads[row] is where a row of `a` begins; `right` are the array of vectors and its places.
        """
        lanes, b = self.lanes, self.lanes.builder
        array, below = right
        sums = Sums(lanes, len(own), len(lane))
        adds = b.icmp_signed("<", self.start, I64(0))
        with b.if_else(adds) as (add, fresh):
            with add:
                sums.clear()
            with fresh:
                for row, place in enumerate(own):
                    at = offset(b, self.table, b.add(self.start, place))
                    sums.fill(row, lanes.broadcast(self.a, at))
        with cgutils.for_range(b, self.contraction) as loop:
            source = at_offset(b, array, below, loop.index)
            vectors = [lanes.load(source, place) for place in lane]
            column = offset(b, self.columns, loop.index)
            for row, head in enumerate(heads):
                sums.add(row, lanes.broadcast(head, column), vectors)
        with b.if_then(adds):  # only now: a sum of sums keeps its digits
            sums.add_stored(tails, lane)
        sums.store(tails, lane)
