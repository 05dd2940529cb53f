"""Runs of contiguous numbers copied together, and added back to where they came from."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels.gradient.vectors import call, offset
from neurograph.kernels.lanes import I32, I64, Lanes


def _emit_copy(
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
    b = lanes.builder
    whole = b.sdiv(b.add(length, I64(lanes.count - 1)), I64(lanes.count))
    used = b.mul(runs, length)
    with cgutils.for_range(b, rows) as row:
        own = b.gep(table, [b.add(at, b.mul(row.index, runs))])
        base = b.gep(target, [b.add(place, b.mul(row.index, stride))])
        with b.if_else(b.icmp_signed("==", length, I64(1))) as (single, many):
            with single, cgutils.for_range(b, runs) as run:
                value = b.load(b.gep(source, [offset(b, own, run.index)]))
                b.store(value, b.gep(base, [run.index]))
            with many, cgutils.for_range(b, runs) as run:
                start = b.gep(source, [offset(b, own, run.index)])
                to = b.gep(base, [b.mul(run.index, length)])
                with cgutils.for_range(b, whole) as loop:
                    lane = b.mul(loop.index, I64(lanes.count))
                    lanes.store(lanes.load(start, lane), to, lane)
        with b.if_then(b.icmp_signed("<", used, stride)):
            lanes.store(lanes.constant(0.0), base, used)


def _emit_add(
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
    b = lanes.builder
    whole, rest = b.sdiv(length, I64(lanes.count)), b.srem(length, I64(lanes.count))
    inside = _first(lanes, rest)

    def add(start: Any, to: Any, lane: Any, mask: Any) -> None:
        term = lanes.load(start, lane)
        if mask is not None:
            term = b.select(mask, term, lanes.constant(0.0))
        lanes.store(b.fadd(lanes.load(to, lane), term), to, lane)

    with cgutils.for_range(b, rows) as row:
        own = b.gep(table, [b.add(at, b.mul(row.index, runs))])
        base = b.gep(source, [b.add(place, b.mul(row.index, stride))])
        with b.if_else(b.icmp_signed("==", length, I64(1))) as (single, many):
            with single, cgutils.for_range(b, runs) as run:
                to = b.gep(target, [offset(b, own, run.index)])
                b.store(b.fadd(b.load(to), b.load(b.gep(base, [run.index]))), to)
            with many, cgutils.for_range(b, runs) as run:
                to = b.gep(target, [offset(b, own, run.index)])
                start = b.gep(base, [b.mul(run.index, length)])
                with cgutils.for_range(b, whole) as loop:
                    add(start, to, b.mul(loop.index, I64(lanes.count)), None)
                with b.if_then(b.icmp_signed(">", rest, I64(0))):
                    add(start, to, b.mul(whole, I64(lanes.count)), inside)


def _first(lanes: Lanes, count: Any) -> Any:
    """Return the mask of the first `count` lanes."""
    b, kind = lanes.builder, ir.VectorType(I32, lanes.count)
    one = b.insert_element(ir.Constant(kind, ir.Undefined), b.trunc(count, I32), I32(0))
    every = b.shuffle_vector(one, one, ir.Constant(kind, [0] * lanes.count))
    return b.icmp_signed("<", ir.Constant(kind, list(range(lanes.count))), every)


@intrinsic
def copy_runs(
    typing: Any,
    source: Any,
    target: Any,
    table: Any,
    at: Any,
    place: Any,
    rows: Any,
    runs: Any,
    length: Any,
    stride: Any,
) -> Any:
    """Copy runs of `length` numbers, `runs` to a row, to target[place + row * stride:].

    The starts in `source` are table[at:]; a row is filled up with zeros, up to a whole vector.
    """

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"copy_{source.dtype}", _emit_copy)

    return types.void(source, target, table, *[types.int64] * 6), emit


@intrinsic
def add_runs(
    typing: Any,
    source: Any,
    target: Any,
    table: Any,
    at: Any,
    place: Any,
    rows: Any,
    runs: Any,
    length: Any,
    stride: Any,
) -> Any:
    """Add runs from source[place + row * stride:] to `target`: the reverse of `copy_runs`."""

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"add_{source.dtype}", _emit_add)

    return types.void(source, target, table, *[types.int64] * 6), emit
