"""Runs of contiguous numbers copied together, and added back to where they came from.

Loose runs begin at table[at:] in their array. Packed, they lie one after the other, `runs` to a
row, and rows begin `stride` numbers after each other, from `place` on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.gradient.emitting import at_offset, emitted
from neurograph.kernels.lanes import I32, I64, Lanes


@dataclass(frozen=True)
class _Runs:
    """Emits loops over runs."""

    b: ir.IRBuilder
    loose: Any
    packed: Any
    table: Any
    at: Any
    place: Any
    rows: Any
    runs: Any
    length: Any
    stride: Any

    def each(
        self,
        single: Callable[[Any, Any], None],
        many: Callable[[Any, Any], None],
        end: Callable[[Any], None] = lambda row: None,
    ) -> None:
        """Emit `single(loose, packed)` for each run of one number, `many` for longer ones.

        And `end(packed)` behind each row.
        """
        b = self.b
        with cgutils.for_range(b, self.rows) as row:
            own = b.gep(self.table, [b.add(self.at, b.mul(row.index, self.runs))])
            base = b.gep(self.packed, [b.add(self.place, b.mul(row.index, self.stride))])
            with b.if_else(b.icmp_signed("==", self.length, I64(1))) as (one, more):
                with one, cgutils.for_range(b, self.runs) as run:
                    single(at_offset(b, self.loose, own, run.index), b.gep(base, [run.index]))
                with more, cgutils.for_range(b, self.runs) as run:
                    start = b.gep(base, [b.mul(run.index, self.length)])
                    many(at_offset(b, self.loose, own, run.index), start)
            end(base)


@emitted
def copy_runs(
    lanes: Lanes,
    source: Any,
    target: Any,
    table: Any,
    at: Any,
    place: Any,
    rows: Any,
    runs: Any,
    length: Any,
    stride: Any,
) -> None:
    """Copy loose runs of `source` to `target`, packed.

    A row is filled up with zeros, up to a whole vector.
    """
    b = lanes.builder
    whole = b.sdiv(b.add(length, I64(lanes.count - 1)), I64(lanes.count))
    used = b.mul(runs, length)

    def single(loose: Any, packed: Any) -> None:
        b.store(b.load(loose), packed)

    def many(loose: Any, packed: Any) -> None:
        with cgutils.for_range(b, whole) as loop:
            lane = b.mul(loop.index, I64(lanes.count))
            lanes.store(lanes.load(loose, lane), packed, lane)

    def end(row: Any) -> None:
        with b.if_then(b.icmp_signed("<", used, stride)):
            lanes.store(lanes.constant(0.0), row, used)

    _Runs(b, source, target, table, at, place, rows, runs, length, stride).each(single, many, end)


@emitted
def add_runs(
    lanes: Lanes,
    source: Any,
    target: Any,
    table: Any,
    at: Any,
    place: Any,
    rows: Any,
    runs: Any,
    length: Any,
    stride: Any,
) -> None:
    """Add packed runs of `source` to `target`, where they are loose: `copy_runs` backwards."""
    b = lanes.builder
    whole, rest = b.sdiv(length, I64(lanes.count)), b.srem(length, I64(lanes.count))
    inside = _first(lanes, rest)

    def single(loose: Any, packed: Any) -> None:
        b.store(b.fadd(b.load(loose), b.load(packed)), loose)

    def many(loose: Any, packed: Any) -> None:
        def add(lane: Any, term: Any) -> None:
            lanes.store(b.fadd(lanes.load(loose, lane), term), loose, lane)

        with cgutils.for_range(b, whole) as loop:
            lane = b.mul(loop.index, I64(lanes.count))
            add(lane, lanes.load(packed, lane))
        with b.if_then(b.icmp_signed(">", rest, I64(0))):
            lane = b.mul(whole, I64(lanes.count))
            add(lane, b.select(inside, lanes.load(packed, lane), lanes.constant(0.0)))

    _Runs(b, target, source, table, at, place, rows, runs, length, stride).each(single, many)


def _first(lanes: Lanes, count: Any) -> Any:
    """Return the mask of the first `count` lanes."""
    b, kind = lanes.builder, ir.VectorType(I32, lanes.count)
    one = b.insert_element(ir.Constant(kind, ir.Undefined), b.trunc(count, I32), I32(0))
    every = b.shuffle_vector(one, one, ir.Constant(kind, [0] * lanes.count))
    return b.icmp_signed("<", ir.Constant(kind, list(range(lanes.count))), every)
