"""Small matrix products over the fields of a block, with samples in the lanes.

Each state is VECTORS vectors of samples. A tile keeps a few sums in registers; the states of a
field are read where they lie, through the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.gradient.emitting import at_offset, emitted, offset, parts, tiles
from neurograph.kernels.gradient.registers import Outer, Sums
from neurograph.kernels.lanes import I64, Lanes, vector_bytes

VECTORS = 2
# Columns of sums for tiles of so many rows: a register each, of 16, or of 32 with AVX-512.
_DOTS = {6: 2, 5: 2, 4: 3, 2: 4, 1: 4}
_WIDE_DOTS = {6: 4, 5: 4, 4: 4, 2: 4, 1: 4}
_CHUNK = 16


def _evenly(b: ir.IRBuilder, rows: Any, tile: Callable[[list[Any]], None]) -> None:
    """Emit `tile(places of the rows)` over all rows, in tiles as equal as can be.

    Of 6 rows unless 5 or 4 divide them, of 5 unless 4 divides the rest.
    """
    first: Any = I64(0)

    def divides(number: int, count: Any) -> Any:
        return b.icmp_signed("==", b.srem(count, I64(number)), I64(0))

    for height in _DOTS:
        rest = b.sub(rows, first)
        times = b.sdiv(rest, I64(height))
        for less in (5, 4):
            if height > 4 and less < height:
                wanted = b.or_(divides(height, rest), b.not_(divides(less, rest)))
                times = b.select(wanted, times, I64(0))
        first = tiles(b, first, times, height, tile)


def _in_chunks(b: ir.IRBuilder, fields: Any, chunk: Callable[[Any, Any], None]) -> None:
    """Emit `chunk(first, count)` over fields: their states stay in the nearest cache."""
    chunks = b.sdiv(b.add(fields, I64(_CHUNK - 1)), I64(_CHUNK))
    with cgutils.for_range(b, chunks) as loop:
        first = b.mul(loop.index, I64(_CHUNK))
        rest = b.sub(fields, first)
        chunk(first, b.select(b.icmp_signed("<", rest, I64(_CHUNK)), rest, I64(_CHUNK)))


@emitted
def outer_fields(
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
    """Add sum over j of a[ro[i] + co[j]] b[bo[j]] to the state c[to[i]], for every field.

    ro, co, bo and to are places in the table; from field to field bo, b, to and c go on by their
    steps. `start`, where it is not negative, is a place too: then c is set, and starts from
    a[start[i]].
    """
    b = lanes.builder
    lane = [I64(v * lanes.count) for v in range(VECTORS)]
    product = Outer(lanes, a, table, b.gep(table, [co]), contraction, start)

    def field(number: Any, own: list[Any], heads: list[Any]) -> None:
        below = b.gep(table, [b.add(bo, b.mul(number, bo_step))])
        above = b.gep(table, [b.add(to, b.mul(number, to_step))])
        right, target = b.gep(b_, [b.mul(number, b_step)]), b.gep(c, [b.mul(number, c_step)])
        tails = [at_offset(b, target, above, i) for i in own]
        product.emit(own, heads, tails, lane, (right, below))

    def chunk(first: Any, count: Any) -> None:
        def tile(own: list[Any]) -> None:
            heads = [at_offset(b, a, table, b.add(ro, i)) for i in own]
            with cgutils.for_range(b, count) as loop:
                field(b.add(first, loop.index), own, heads)

        _evenly(b, rows, tile)

    _in_chunks(b, fields, chunk)


@emitted
def dots_fields(
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
    """Add the sum over fields and samples of a[ao[i]] b[bo[j]] to out[ro[i] + co[j]].

    The states of `a` begin `a_start` further on; from field to field a and bo go on by their steps.
    """
    b = lanes.builder
    left, widths = b.gep(a, [a_start]), _WIDE_DOTS if vector_bytes() == 64 else _DOTS

    def tile(own: list[Any]) -> None:
        heads = [at_offset(b, left, table, b.add(ao, i)) for i in own]
        tails = [at_offset(b, out, table, b.add(ro, i)) for i in own]

        def part(first: Any, width: int) -> None:
            sums = Sums(lanes, len(own), width)
            sums.clear()
            with cgutils.for_range(b, fields) as loop:
                below = b.gep(table, [b.add(b.add(bo, first), b.mul(loop.index, bo_step))])
                sources = [at_offset(b, b_, below, I64(j)) for j in range(width)]
                at = b.mul(loop.index, a_step)
                for v in range(VECTORS):
                    right = [lanes.load(source, I64(v * lanes.count)) for source in sources]
                    for row, head in enumerate(heads):
                        sums.add(row, lanes.load(head, b.add(at, I64(v * lanes.count))), right)
            places = [b.add(first, I64(j)) for j in range(width)]
            sums.add_totals(tails, [offset(b, table, b.add(co, place)) for place in places])

        parts(b, columns, widths[len(own)], part)

    _evenly(b, rows, tile)
