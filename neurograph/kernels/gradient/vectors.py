"""Small matrix products, for a training step over one pattern.

Lanes lie over whatever is contiguous: the fields of one pattern, or the slots of one kernel. All
arrays are flat and all places are offsets, from a table of int32 where they are irregular, so that
weights are used where they lie. Reads may go beyond the end of what is asked for by less than a
vector; arrays have that much room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels.lanes import I32, I64, Lanes

# (rows, vectors) of sums in registers: 12 of 16, and fewer rows for what is left.
_TILES = ((6, 2), (4, 3), (2, 4), (1, 6))
_DOTS = ((4, 3), (2, 4), (1, 4))


def call(context: Any, b: ir.IRBuilder, signature: Any, given: Any, name: str, emit: Any) -> Any:
    """Call the function `name` of this module, emitted once, with pointers for arrays."""
    kinds = list(zip(signature.args, given, strict=True))
    arguments = [
        context.make_array(kind)(context, b, value).data if isinstance(kind, types.Array) else value
        for kind, value in kinds
    ]
    element = context.get_data_type(signature.args[0].dtype)
    if name in b.module.globals:
        function = b.module.globals[name]
    else:
        types_ = [argument.type for argument in arguments]
        function = ir.Function(b.module, ir.FunctionType(ir.VoidType(), types_), name)
        function.linkage = "linkonce_odr"  # one of them stays where several parts have it
        function.attributes.add("noinline")
        function.attributes.add("optsize")  # loops are unrolled here, by tiles; more is slower
        inner = ir.IRBuilder(function.append_basic_block("entry"))
        emit(Lanes(inner, element), *function.args)
        inner.ret_void()
    b.call(function, arguments)
    return context.get_dummy_value()


def offset(b: ir.IRBuilder, table: Any, index: Any) -> Any:
    """Load `table[index]` as a 64-bit number."""
    return b.sext(b.load(b.gep(table, [index])), I64)


def sums_of(lanes: Lanes, rows: int, columns: int) -> list[list[Any]]:
    """Return places for sums, which LLVM keeps in registers."""
    return [
        [cgutils.alloca_once(lanes.builder, lanes.type) for _ in range(columns)]
        for _ in range(rows)
    ]


def total_of(lanes: Lanes, vector: Any) -> Any:
    """Return the sum of a vector's lanes."""
    b, width = lanes.builder, lanes.count
    while width > 1:
        width //= 2
        order = [(i + width) % lanes.count for i in range(lanes.count)]
        moved = b.shuffle_vector(
            vector, vector, ir.Constant(ir.VectorType(I32, lanes.count), order)
        )
        vector = b.fadd(vector, moved)
    return b.extract_element(vector, I32(0))


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
    vectors: Any,
    start: Any,
) -> None:
    b = lanes.builder
    inner, below = b.gep(table, [co]), b.gep(table, [bo])

    def tile(height: int, wide: int, first: Any) -> None:
        heads = [
            b.gep(a, [offset(b, table, b.add(ro, b.add(first, I64(i))))]) for i in range(height)
        ]
        tails = [
            b.gep(c, [offset(b, table, b.add(to, b.add(first, I64(i))))]) for i in range(height)
        ]
        sums = sums_of(lanes, height, wide)

        def part(lane: Any, width: int) -> None:
            places = [b.add(lane, I64(v * lanes.count)) for v in range(width)]
            each = [(i, v) for i in range(height) for v in range(width)]
            with b.if_else(b.icmp_signed("<", start, I64(0))) as (add, fresh):
                with add:
                    for i, v in each:
                        b.store(lanes.load(tails[i], places[v]), sums[i][v])
                with fresh:
                    for i in range(height):
                        at = b.add(start, b.add(first, I64(i)))
                        value = lanes.broadcast(a, offset(b, table, at))
                        for v in range(width):
                            b.store(value, sums[i][v])
            with cgutils.for_range(b, contraction) as loop:
                row = b.gep(b_, [offset(b, below, loop.index)])
                column = offset(b, inner, loop.index)
                right = [lanes.load(row, place) for place in places]
                for i in range(height):
                    factor = lanes.broadcast(heads[i], column)
                    for v in range(width):
                        b.store(lanes.fma(factor, right[v], b.load(sums[i][v])), sums[i][v])
            for i, v in each:
                lanes.store(b.load(sums[i][v]), tails[i], places[v])

        _whole_and_rest(
            lanes, vectors, wide, lambda n, width: part(b.mul(n, I64(lanes.count)), width)
        )

    tiled(lanes, rows, _TILES, tile)


def _whole_and_rest(lanes: Lanes, count: Any, wide: int, part: Callable[[Any, int], None]) -> None:
    """Emit `part(first, width)` over `count`: `wide` at a time, then one at a time."""
    b = lanes.builder
    whole = b.sdiv(count, I64(wide))
    with cgutils.for_range(b, whole) as loop:
        part(b.mul(loop.index, I64(wide)), wide)
    done = b.mul(whole, I64(wide))
    with cgutils.for_range(b, b.sub(count, done)) as loop:
        part(b.add(done, loop.index), 1)


def tiled(
    lanes: Lanes, rows: Any, tiles: tuple[tuple[int, int], ...], tile: Callable[..., None]
) -> None:
    """Emit `tile(height, width, first row)` over all rows, the highest tiles first."""
    b, first = lanes.builder, I64(0)
    for height, wide in tiles:
        times = b.sdiv(b.sub(rows, first), I64(height))
        with cgutils.for_range(b, times) as loop:
            tile(height, wide, b.add(first, b.mul(loop.index, I64(height))))
        first = b.add(first, b.mul(times, I64(height)))


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
    vectors: Any,
) -> None:
    b = lanes.builder

    def tile(height: int, wide: int, top: Any) -> None:
        heads = [b.gep(a, [offset(b, table, b.add(ao, b.add(top, I64(i))))]) for i in range(height)]
        tails = [
            b.gep(out, [offset(b, table, b.add(ro, b.add(top, I64(i))))]) for i in range(height)
        ]
        sums = sums_of(lanes, height, wide)

        def part(first: Any, width: int) -> None:
            places = [b.add(first, I64(j)) for j in range(width)]
            others = [b.gep(b_, [offset(b, table, b.add(bo, place))]) for place in places]
            for i in range(height):
                for j in range(width):
                    b.store(lanes.constant(0.0), sums[i][j])
            with cgutils.for_range(b, vectors) as loop:
                at = b.mul(loop.index, I64(lanes.count))
                right = [lanes.load(other, at) for other in others]
                for i in range(height):
                    left = lanes.load(heads[i], at)
                    for j in range(width):
                        b.store(lanes.fma(left, right[j], b.load(sums[i][j])), sums[i][j])
            for j in range(width):
                column = offset(b, table, b.add(co, places[j]))
                for i in range(height):
                    place = b.gep(tails[i], [column])
                    b.store(b.fadd(b.load(place), total_of(lanes, b.load(sums[i][j]))), place)

        _whole_and_rest(lanes, columns, wide, part)

    tiled(lanes, rows, _DOTS, tile)


@intrinsic
def outer(
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
    vectors: Any,
    start: Any,
) -> Any:
    """Add sum over j of a[ro[i] + co[j]] b[bo[j] + n] to c[to[i] + n], n over whole vectors.

    ro, co, bo and to are places in the table. So is `start`, where it is not negative: then c is
    set, and starts from a[start[i]].
    """

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"outer_{a.dtype}", _emit_outer)

    return types.void(a, b, c, table, *[types.int64] * 8), emit


@intrinsic
def dots(
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
    vectors: Any,
) -> Any:
    """Add sum over n of a[ao[i] + n] b[bo[j] + n] to out[ro[i] + co[j]], one after the other."""

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return call(context, builder, signature, given, f"dots_{a.dtype}", _emit_dots)

    return types.void(a, b, out, table, *[types.int64] * 7), emit
