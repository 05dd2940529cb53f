"""Small matrix products over the fields of a block, with samples in the lanes.

Each state is VECTORS vectors of samples. A tile keeps a few sums in registers; the states of a
field are read where they lie, through the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels.gradient.vectors import call, offset, sums_of, total_of
from neurograph.kernels.lanes import I64, Lanes

VECTORS = 2
_HEIGHTS = (6, 5, 4, 2, 1)
_CHUNK = 16


def _tiled(lanes: Lanes, rows: Any, tile: Callable[[int, Any], None]) -> None:
    """Emit `tile(height, first row)` over all rows, in tiles as equal as can be.

    Of 6 rows unless 5 or 4 divide them, of 5 unless 4 divides the rest.
    """
    b, first = lanes.builder, I64(0)

    def divides(number: int, count: Any) -> Any:
        return b.icmp_signed("==", b.srem(count, I64(number)), I64(0))

    for height in _HEIGHTS:
        rest = b.sub(rows, first)
        times = b.sdiv(rest, I64(height))
        for less in (5, 4):
            if height > 4 and less < height:
                wanted = b.or_(divides(height, rest), b.not_(divides(less, rest)))
                times = b.select(wanted, times, I64(0))
        with cgutils.for_range(b, times) as loop:
            tile(height, b.add(first, b.mul(loop.index, I64(height))))
        first = b.add(first, b.mul(times, I64(height)))


def _emit_outer(
    lanes: Lanes,
    a: Any,
    b_: Any,
    c: Any,
    table: Any,
    ro: Any,
    co: Any,
    bo: Any,
    to: Any,
    rows: Any,
    contraction: Any,
    start: Any,
    fields: Any,
    bo_step: Any,
    b_step: Any,
    to_step: Any,
    c_step: Any,
) -> None:
    b = lanes.builder
    places = [I64(v * lanes.count) for v in range(VECTORS)]
    inner = b.gep(table, [co])

    def field(number: Any, heads: list[Any], own: list[Any]) -> None:
        below = b.gep(table, [b.add(bo, b.mul(number, bo_step))])
        above = b.gep(table, [b.add(to, b.mul(number, to_step))])
        right, target = b.gep(b_, [b.mul(number, b_step)]), b.gep(c, [b.mul(number, c_step)])
        tails = [b.gep(target, [offset(b, above, i)]) for i in own]
        sums = sums_of(lanes, len(own), VECTORS)
        with b.if_else(b.icmp_signed("<", start, I64(0))) as (add, fresh):
            with add:
                for tail, row in zip(tails, sums, strict=True):
                    for place, total in zip(places, row, strict=True):
                        b.store(lanes.load(tail, place), total)
            with fresh:
                for i, row in zip(own, sums, strict=True):
                    value = lanes.broadcast(a, offset(b, table, b.add(start, i)))
                    for total in row:
                        b.store(value, total)
        with cgutils.for_range(b, contraction) as loop:
            source = b.gep(right, [offset(b, below, loop.index)])
            vectors = [lanes.load(source, place) for place in places]
            column = offset(b, inner, loop.index)
            for head, row in zip(heads, sums, strict=True):
                factor = lanes.broadcast(head, column)
                for vector, total in zip(vectors, row, strict=True):
                    b.store(lanes.fma(factor, vector, b.load(total)), total)
        for tail, row in zip(tails, sums, strict=True):
            for place, total in zip(places, row, strict=True):
                lanes.store(b.load(total), tail, place)

    def chunk(begin: Any, count: Any) -> None:
        def tile(height: int, first: Any) -> None:
            own = [b.add(first, I64(i)) for i in range(height)]
            heads = [b.gep(a, [offset(b, table, b.add(ro, i))]) for i in own]
            with cgutils.for_range(b, count) as loop:
                field(b.add(begin, loop.index), heads, own)

        _tiled(lanes, rows, tile)

    # Some fields for all tiles before the next ones: their states stay in the nearest cache.
    chunks = b.sdiv(b.add(fields, I64(_CHUNK - 1)), I64(_CHUNK))
    with cgutils.for_range(b, chunks) as loop:
        begin = b.mul(loop.index, I64(_CHUNK))
        rest = b.sub(fields, begin)
        chunk(begin, b.select(b.icmp_signed("<", rest, I64(_CHUNK)), rest, I64(_CHUNK)))


def _emit_dots(
    lanes: Lanes,
    a: Any,
    b_: Any,
    out: Any,
    table: Any,
    ao: Any,
    bo: Any,
    ro: Any,
    co: Any,
    rows: Any,
    columns: Any,
    fields: Any,
    bo_step: Any,
    a_start: Any,
    a_step: Any,
) -> None:
    b = lanes.builder
    left = b.gep(a, [a_start])

    def tile(height: int, top: Any) -> None:
        own = [b.add(top, I64(i)) for i in range(height)]
        heads = [b.gep(left, [offset(b, table, b.add(ao, i))]) for i in own]
        tails = [b.gep(out, [offset(b, table, b.add(ro, i))]) for i in own]

        def part(first: Any, width: int) -> None:
            sums = sums_of(lanes, height, width)
            for row in sums:
                for total in row:
                    b.store(lanes.constant(0.0), total)
            with cgutils.for_range(b, fields) as loop:
                own_table = b.gep(table, [b.add(b.add(bo, first), b.mul(loop.index, bo_step))])
                sources = [b.gep(b_, [offset(b, own_table, I64(j))]) for j in range(width)]
                at = b.mul(loop.index, a_step)
                for v in range(VECTORS):
                    right = [lanes.load(source, I64(v * lanes.count)) for source in sources]
                    for head, row in zip(heads, sums, strict=True):
                        delta = lanes.load(head, b.add(at, I64(v * lanes.count)))
                        for x, total in zip(right, row, strict=True):
                            b.store(lanes.fma(delta, x, b.load(total)), total)
            for j in range(width):
                column = offset(b, table, b.add(co, b.add(first, I64(j))))
                for tail, row in zip(tails, sums, strict=True):
                    place = b.gep(tail, [column])
                    b.store(b.fadd(b.load(place), total_of(lanes, b.load(row[j]))), place)

        wide = {6: 2, 5: 2, 4: 3, 2: 4, 1: 4}[height]
        whole = b.sdiv(columns, I64(wide))
        with cgutils.for_range(b, whole) as loop:
            part(b.mul(loop.index, I64(wide)), wide)
        done = b.mul(whole, I64(wide))
        with cgutils.for_range(b, b.sub(columns, done)) as loop:
            part(b.add(done, loop.index), 1)

    _tiled(lanes, rows, tile)


@intrinsic
def outer_fields(
    typing: Any,
    a: Any,
    b: Any,
    c: Any,
    table: Any,
    ro: Any,
    co: Any,
    bo: Any,
    to: Any,
    rows: Any,
    contraction: Any,
    start: Any,
    fields: Any,
    bo_step: Any,
    b_step: Any,
    to_step: Any,
    c_step: Any,
) -> Any:
    """Add sum over j of a[ro[i] + co[j]] b[bo[j]] to the state c[to[i]], for every field.

    ro, co, bo and to are places in the table; from field to field bo, b, to and c go on by their
    steps. `start`, where it is not negative, is a place too: then c is set, and starts from
    a[start[i]].
    """

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"outer_fields_{a.dtype}", _emit_outer)

    return types.void(a, b, c, table, *[types.int64] * 12), emit


@intrinsic
def dots_fields(
    typing: Any,
    a: Any,
    b: Any,
    out: Any,
    table: Any,
    ao: Any,
    bo: Any,
    ro: Any,
    co: Any,
    rows: Any,
    columns: Any,
    fields: Any,
    bo_step: Any,
    a_start: Any,
    a_step: Any,
) -> Any:
    """Add the sum over fields and samples of a[ao[i]] b[bo[j]] to out[ro[i] + co[j]].

    The states of `a` begin `a_start` further on; from field to field a and bo go on by their steps.
    """

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"dots_fields_{a.dtype}", _emit_dots)

    return types.void(a, b, out, table, *[types.int64] * 10), emit
