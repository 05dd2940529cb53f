"""Long sums, in pieces: one term after the other, they would lose digits in float32."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.lanes import I64

LONG = 1 << 10  # terms that are added up at once


def in_pieces(
    b: ir.IRBuilder, count: Any, some: Callable[[Any, Any], None], end: Callable[[], None]
) -> None:
    """Emit `some(first, count)` over the numbers below `count`, in pieces of LONG and a rest.

    `end()` follows each whole piece: there the sum is put away.
    """
    pieces = b.udiv(count, I64(LONG))
    with cgutils.for_range(b, pieces) as loop:
        some(b.mul(loop.index, I64(LONG)), I64(LONG))
        end()
    done = b.mul(pieces, I64(LONG))
    some(done, b.sub(count, done))


def cuts(size: int) -> list[slice]:
    """Return the parts of so many maps, fields or slots, none of which is much longer than LONG.

    >>> cuts(2000), cuts(1)
    ([slice(0, 1024, None), slice(1024, 2000, None)], [slice(0, 1, None)])
    """
    first = list(range(0, size, LONG))
    if len(first) > 1 and size - first[-1] < LONG // 2:
        first.pop()  # a single field would be another kind of op
    return [slice(a, b) for a, b in pairwise([*first, size])]
