"""Small matrix products over one pattern.

Lanes lie over whatever is contiguous: the fields of the pattern, or the slots of one kernel.
Weights are used where they lie.
"""

from __future__ import annotations

from typing import Any

from numba.core import cgutils

from neurograph.kernels.gradient.emitting import at_offset, emitted, offset, parts, tiled
from neurograph.kernels.gradient.registers import Outer, Sums
from neurograph.kernels.lanes import I64, Lanes

# vectors of sums for tiles of so many rows: 12 of 16 registers, and fewer rows for what is left
_OUTER = {6: 2, 4: 3, 2: 4, 1: 6}
_DOTS = {4: 3, 2: 4, 1: 4}


@emitted
def outer(
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
    vectors: Any,
    start: Any,
) -> None:
    """Add sum over j of a[ro[i] + co[j]] b[bo[j] + n] to c[to[i] + n], n over whole vectors.

    ro, co, bo and to are places in the table. So is `start`, where it is not negative: then c is
    set, and starts from a[start[i]].
    """
    b = lanes.builder
    product = Outer(lanes, a, table, b.gep(table, [co]), contraction, start)
    right = b_, b.gep(table, [bo])

    def tile(own: list[Any]) -> None:
        heads = [at_offset(b, a, table, b.add(ro, i)) for i in own]
        tails = [at_offset(b, c, table, b.add(to, i)) for i in own]

        def part(first: Any, width: int) -> None:
            lane = b.mul(first, I64(lanes.count))
            lane = [b.add(lane, I64(v * lanes.count)) for v in range(width)]
            product.emit(own, heads, tails, lane, right)

        parts(b, vectors, _OUTER[len(own)], part)

    tiled(b, rows, tuple(_OUTER), tile)


@emitted
def dots(
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
    vectors: Any,
) -> None:
    """Add sum over n of a[ao[i] + n] b[bo[j] + n] to out[ro[i] + co[j]], one after the other."""
    b = lanes.builder

    def tile(own: list[Any]) -> None:
        heads = [at_offset(b, a, table, b.add(ao, i)) for i in own]
        tails = [at_offset(b, out, table, b.add(ro, i)) for i in own]

        def part(first: Any, width: int) -> None:
            places = [b.add(first, I64(j)) for j in range(width)]
            others = [at_offset(b, b_, table, b.add(bo, place)) for place in places]
            sums = Sums(lanes, len(own), width)
            sums.clear()
            with cgutils.for_range(b, vectors) as loop:
                at = b.mul(loop.index, I64(lanes.count))
                right = [lanes.load(other, at) for other in others]
                for row, head in enumerate(heads):
                    sums.add(row, lanes.load(head, at), right)
            sums.add_totals(tails, [offset(b, table, b.add(co, place)) for place in places])

        parts(b, columns, _DOTS[len(own)], part)

    tiled(b, rows, tuple(_DOTS), tile)
