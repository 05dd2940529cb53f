"""Backwards through kernels over one field: rows of contiguous weights, each used once.

The kernels of a map lie one after the other and are read in whole vectors, with what lies behind
them; the field is filled up with zeros, so that nothing there changes. Rows are gone through four
at a time, one after the other in the order of the program: where a row's last vector reaches into
the next row, it stores what it has loaded.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from numba.core import cgutils

from neurograph.kernels.gradient.emitting import choose, emitted, offset, tiled
from neurograph.kernels.lanes import I64, Lanes

THROUGH, TRAIN, DESCEND = range(3)


@emitted
def dense_rows(
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
    """Go back through the kernels of a block, map i with the delta d at deltas[table[row + i]].

    w are the weights from table[kernel + i] on, x the field at fields[place:]. THROUGH adds d w to
    scratch, TRAIN adds d x to the gradient, DESCEND does the first and subtracts rates d x from w.
    """
    b = lanes.builder

    def train(at: Any, delta: Any, x: Any) -> None:
        lanes.store(lanes.fma(delta, x, lanes.load(gradient, at)), gradient, at)

    def through(kind: int, at: Any, delta: Any, x: Any, total: Any) -> Any:
        weight = lanes.load(weights, at)
        if kind == DESCEND:
            step = b.fmul(lanes.load(rates, at), b.fmul(delta, x))
            lanes.store(b.fsub(weight, step), weights, at)
        return lanes.fma(delta, weight, total)

    def tile(kind: int, own: list[Any]) -> None:
        first = [offset(b, table, b.add(kernel, i)) for i in own]
        given = [lanes.broadcast(deltas, offset(b, table, b.add(row, i))) for i in own]
        field = b.gep(fields, [place])
        with cgutils.for_range(b, vectors) as loop:
            lane = b.mul(loop.index, I64(lanes.count))
            x = None if kind == THROUGH else lanes.load(field, lane)
            total = None if kind == TRAIN else lanes.load(scratch, lane)
            for at, delta in zip(first, given, strict=True):
                if kind == TRAIN:
                    train(b.add(at, lane), delta, x)
                else:
                    total = through(kind, b.add(at, lane), delta, x, total)
            if kind != TRAIN:
                lanes.store(total, scratch, lane)

    kinds = (THROUGH, TRAIN, DESCEND)
    choose(b, kind, {k: partial(tiled, b, maps, (4, 1), partial(tile, k)) for k in kinds})
