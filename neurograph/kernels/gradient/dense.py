"""Backwards through kernels over one field: rows of contiguous weights, each used once.

The kernels of a map lie one after the other and are read in whole vectors, with what lies behind
them; the field is filled up with zeros, so that nothing there changes. Rows are gone through four
at a time, one after the other in the order of the program: where a row's last vector reaches into
the next row, it stores what it has loaded.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels.gradient.vectors import call, offset, tiled
from neurograph.kernels.lanes import I64, Lanes

THROUGH, TRAIN, DESCEND = range(3)


class _Rows:
    """Emits loops over rows of kernels."""

    def __init__(self, lanes: Lanes, *arguments: Any) -> None:
        self.lanes, self.b = lanes, lanes.builder
        (
            self.weights,
            self.fields,
            self.deltas,
            self.gradient,
            self.rates,
            self.scratch,
            self.table,
            self.kernel,
            self.row,
            self.place,
            self.vectors,
        ) = arguments

    def emit(self, kind: int, height: int, first: Any) -> None:
        """Emit one of the three kinds for `height` rows from `first` on."""
        b, lanes = self.b, self.lanes
        places = [b.add(first, I64(i)) for i in range(height)]
        at = [offset(b, self.table, b.add(self.kernel, place)) for place in places]
        rows = [offset(b, self.table, b.add(self.row, place)) for place in places]
        delta = [lanes.broadcast(self.deltas, row) for row in rows]
        field = b.gep(self.fields, [self.place])
        with cgutils.for_range(b, self.vectors) as loop:
            lane = b.mul(loop.index, I64(lanes.count))
            x = None if kind == THROUGH else lanes.load(field, lane)
            total = None if kind == TRAIN else lanes.load(self.scratch, lane)
            for i in range(height):
                total = self._row(kind, b.add(at[i], lane), delta[i], x, total)
            if total is not None:
                lanes.store(total, self.scratch, lane)

    def _row(self, kind: int, at: Any, delta: Any, x: Any, total: Any) -> Any:
        b, lanes = self.b, self.lanes
        if kind == TRAIN:
            now = lanes.load(self.gradient, at)
            lanes.store(lanes.fma(delta, x, now), self.gradient, at)
            return None
        weight = lanes.load(self.weights, at)
        if kind == DESCEND:
            step = b.fmul(lanes.load(self.rates, at), b.fmul(delta, x))
            lanes.store(b.fsub(weight, step), self.weights, at)
        return lanes.fma(delta, weight, total)


def _emit(
    lanes: Lanes,
    weights: Any,
    fields: Any,
    deltas: Any,
    gradient: Any,
    rates: Any,
    scratch: Any,
    table: Any,
    kernel: Any,
    row: Any,
    place: Any,
    maps: Any,
    vectors: Any,
    kind: Any,
) -> None:
    b = lanes.builder
    rows = _Rows(
        lanes,
        weights,
        fields,
        deltas,
        gradient,
        rates,
        scratch,
        table,
        kernel,
        row,
        place,
        vectors,
    )
    after: ir.Block = b.append_basic_block("done")
    switch = b.switch(kind, after)
    for number in (THROUGH, TRAIN, DESCEND):
        block = b.append_basic_block(f"kind{number}")
        switch.add_case(I64(number), block)
        b.position_at_end(block)

        def tile(height: int, _: int, first: Any, number: int = number) -> None:
            rows.emit(number, height, first)

        tiled(lanes, maps, ((4, 1), (1, 1)), tile)
        b.branch(after)
    b.position_at_end(after)


@intrinsic
def dense_rows(
    typing: Any,
    weights: Any,
    fields: Any,
    deltas: Any,
    gradient: Any,
    rates: Any,
    scratch: Any,
    table: Any,
    kernel: Any,
    row: Any,
    place: Any,
    maps: Any,
    vectors: Any,
    kind: Any,
) -> Any:
    """Go back through the kernels of a block, map i with the delta d at deltas[table[row + i]].

    w are the weights from table[kernel + i] on, x the field at fields[place:]. THROUGH adds d w to
    scratch, TRAIN adds d x to the gradient, DESCEND does the first and subtracts rates d x from w.
    """

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"dense_{weights.dtype}", _emit)

    arrays = weights, fields, deltas, gradient, rates, scratch, table
    return types.void(*arrays, *[types.int64] * 6), emit
