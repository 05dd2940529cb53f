"""What a training step is made of: small matrix products, runs copied and added, slopes.

Lanes lie over whatever is contiguous: the fields of one pattern, or the slots of one kernel. All
arrays are flat and all places are offsets, from a table of int32 where they are irregular, so that
weights are used where they lie. Reads may go beyond the end of what is asked for by less than a
vector; arrays have that much room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels.lanes import I32, I64, Lanes, lane_count

# (rows, vectors) of sums in registers: 12 of 16, and fewer rows for what is left.
_TILES = ((6, 2), (4, 3), (2, 4), (1, 6))
_DOTS = ((4, 3), (2, 4), (1, 4))


def call(context: Any, b: ir.IRBuilder, signature: Any, given: Any, name: str, emit: Any) -> Any:
    """Call the function `name` of this module, emitted once, with pointers for arrays."""
    arguments, element = [], None
    for kind, value in zip(signature.args, given, strict=True):
        if isinstance(kind, types.Array):
            if element is None:
                element = context.get_data_type(kind.dtype)
            value = context.make_array(kind)(context, b, value).data
        arguments.append(value)
    if name in b.module.globals:
        function = b.module.globals[name]
    else:
        kinds = [a.type for a in arguments]
        function = ir.Function(b.module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        inner = ir.IRBuilder(function.append_basic_block("entry"))
        emit(Lanes(inner, element), *function.args)
        inner.ret_void()
    b.call(function, arguments)
    return context.get_dummy_value()


@intrinsic
def lanes_of(typing: Any, array: Any) -> Any:
    """Return how many numbers of an array's dtype a vector holds."""
    count = lane_count(array.dtype.bitwidth // 8)
    return types.int64(array), lambda context, builder, signature, given: I64(count)


def _offset(b: ir.IRBuilder, table: Any, index: Any) -> Any:
    return b.sext(b.load(b.gep(table, [index])), I64)


def _sums(lanes: Lanes, rows: int, columns: int) -> list[list[Any]]:
    return [
        [cgutils.alloca_once(lanes.builder, lanes.type) for _ in range(columns)]
        for _ in range(rows)
    ]


def _total(lanes: Lanes, vector: Any) -> Any:
    """Return the sum of a vector's lanes."""
    b, width = lanes.builder, lanes.count
    while width > 1:
        width //= 2
        order = [(i + width) % lanes.count for i in range(lanes.count)]
        moved = b.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(I32, lanes.count), order))
        vector = b.fadd(vector, moved)
    return b.extract_element(vector, I32(0))


def _emit_outer(tile: tuple[int, int]) -> Callable[..., None]:
    rows, wide = tile

    def emit(
        lanes: Lanes,
        a: Any,
        b_: Any,
        c: Any,
        table: Any,
        ro: Any,
        co: Any,
        bo: Any,
        to: Any,
        contraction: Any,
        vectors: Any,
        fresh: Any,
    ) -> None:
        b = lanes.builder
        heads = [b.gep(a, [_offset(b, table, b.add(ro, I64(i)))]) for i in range(rows)]
        tails = [b.gep(c, [_offset(b, table, b.add(to, I64(i)))]) for i in range(rows)]
        sums = _sums(lanes, rows, wide)
        inner, below = b.gep(table, [co]), b.gep(table, [bo])

        def part(first: Any, width: int) -> None:
            places = [b.add(first, I64(v * lanes.count)) for v in range(width)]
            with b.if_else(b.icmp_signed("==", fresh, I64(0))) as (add, start):
                with add:
                    for i in range(rows):
                        for v in range(width):
                            b.store(lanes.load(tails[i], places[v]), sums[i][v])
                with start:
                    for i in range(rows):
                        for v in range(width):
                            b.store(lanes.constant(0.0), sums[i][v])
            with cgutils.for_range(b, contraction) as loop:
                row = b.gep(b_, [_offset(b, below, loop.index)])
                column = _offset(b, inner, loop.index)
                vectors_ = [lanes.load(row, place) for place in places]
                for i in range(rows):
                    factor = lanes.broadcast(heads[i], column)
                    for v in range(width):
                        total = lanes.fma(factor, vectors_[v], b.load(sums[i][v]))
                        b.store(total, sums[i][v])
            for i in range(rows):
                for v in range(width):
                    lanes.store(b.load(sums[i][v]), tails[i], places[v])

        _in_parts(lanes, vectors, wide, part)

    return emit


def _in_parts(lanes: Lanes, vectors: Any, wide: int, part: Callable[[Any, int], None]) -> None:
    """Emit `part(first lane, width)` over all vectors: `wide` at a time, then one at a time."""
    b = lanes.builder
    whole = b.sdiv(vectors, I64(wide))
    with cgutils.for_range(b, whole) as loop:
        part(b.mul(loop.index, I64(wide * lanes.count)), wide)
    done = b.mul(whole, I64(wide))
    with cgutils.for_range(b, b.sub(vectors, done)) as loop:
        part(b.mul(b.add(done, loop.index), I64(lanes.count)), 1)


def _emit_dots(tile: tuple[int, int]) -> Callable[..., None]:
    rows, wide = tile

    def emit(
        lanes: Lanes,
        a: Any,
        b_: Any,
        out: Any,
        table: Any,
        ao: Any,
        bo: Any,
        ro: Any,
        co: Any,
        columns: Any,
        vectors: Any,
    ) -> None:
        b = lanes.builder
        heads = [b.gep(a, [_offset(b, table, b.add(ao, I64(i)))]) for i in range(rows)]
        tails = [b.gep(out, [_offset(b, table, b.add(ro, I64(i)))]) for i in range(rows)]
        sums = _sums(lanes, rows, wide)

        def part(first: Any, width: int) -> None:
            places = [b.add(first, I64(j)) for j in range(width)]
            others = [b.gep(b_, [_offset(b, table, b.add(bo, place))]) for place in places]
            for i in range(rows):
                for j in range(width):
                    b.store(lanes.constant(0.0), sums[i][j])
            with cgutils.for_range(b, vectors) as loop:
                at = b.mul(loop.index, I64(lanes.count))
                right = [lanes.load(other, at) for other in others]
                for i in range(rows):
                    left = lanes.load(heads[i], at)
                    for j in range(width):
                        total = lanes.fma(left, right[j], b.load(sums[i][j]))
                        b.store(total, sums[i][j])
            for j in range(width):
                column = _offset(b, table, b.add(co, places[j]))
                for i in range(rows):
                    place = b.gep(tails[i], [column])
                    b.store(b.fadd(b.load(place), _total(lanes, b.load(sums[i][j]))), place)

        whole = b.sdiv(columns, I64(wide))
        with cgutils.for_range(b, whole) as loop:
            part(b.mul(loop.index, I64(wide)), wide)
        done = b.mul(whole, I64(wide))
        with cgutils.for_range(b, b.sub(columns, done)) as loop:
            part(b.add(done, loop.index), 1)

    return emit


def _outer_of(tile: tuple[int, int]) -> Any:
    @intrinsic
    def run(
        typing: Any,
        a: Any,
        b: Any,
        c: Any,
        table: Any,
        ro: Any,
        co: Any,
        bo: Any,
        to: Any,
        contraction: Any,
        vectors: Any,
        fresh: Any,
    ) -> Any:
        def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            name = f"outer_{tile[0]}_{a.dtype}"
            return call(context, builder, signature, given, name, _emit_outer(tile))

        return types.void(a, b, c, table, *[types.int64] * 7), emit

    return run


def _dots_of(tile: tuple[int, int]) -> Any:
    @intrinsic
    def run(
        typing: Any,
        a: Any,
        b: Any,
        out: Any,
        table: Any,
        ao: Any,
        bo: Any,
        ro: Any,
        co: Any,
        columns: Any,
        vectors: Any,
    ) -> Any:
        def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            name = f"dots_{tile[0]}_{a.dtype}"
            return call(context, builder, signature, given, name, _emit_dots(tile))

        return types.void(a, b, out, table, *[types.int64] * 6), emit

    return run


_outer6, _outer4, _outer2, _outer1 = (_outer_of(tile) for tile in _TILES)
_dots4, _dots2, _dots1 = (_dots_of(tile) for tile in _DOTS)


@njit(nogil=True, error_model="numpy")
def outer(
    a: Any,
    b: Any,
    c: Any,
    table: Any,
    ro: int,
    co: int,
    bo: int,
    to: int,
    rows: int,
    contraction: int,
    vectors: int,
    fresh: int,
) -> None:
    """Set c[to[i] + n] (+)= sum over j of a[ro[i] + co[j]] b[bo[j] + n], n over whole vectors.

    ro, co, bo and to are places in the table; where `fresh`, c starts from 0.
    """
    i = 0
    while rows - i >= 6 and rows - i != 8:
        _outer6(a, b, c, table, ro + i, co, bo, to + i, contraction, vectors, fresh)
        i += 6
    while rows - i >= 4:
        _outer4(a, b, c, table, ro + i, co, bo, to + i, contraction, vectors, fresh)
        i += 4
    while rows - i >= 2:
        _outer2(a, b, c, table, ro + i, co, bo, to + i, contraction, vectors, fresh)
        i += 2
    if i < rows:
        _outer1(a, b, c, table, ro + i, co, bo, to + i, contraction, vectors, fresh)


@njit(nogil=True, error_model="numpy")
def dots(
    a: Any,
    b: Any,
    out: Any,
    table: Any,
    ao: int,
    bo: int,
    ro: int,
    co: int,
    rows: int,
    columns: int,
    vectors: int,
) -> None:
    """Add sum over n of a[ao[i] + n] b[bo[j] + n] to out[ro[i] + co[j]], one after the other."""
    i = 0
    while rows - i >= 4:
        _dots4(a, b, out, table, ao + i, bo, ro + i, co, columns, vectors)
        i += 4
    while rows - i >= 2:
        _dots2(a, b, out, table, ao + i, bo, ro + i, co, columns, vectors)
        i += 2
    if i < rows:
        _dots1(a, b, out, table, ao + i, bo, ro + i, co, columns, vectors)


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
        with cgutils.for_range(b, runs) as run:
            start = b.gep(source, [_offset(b, own, run.index)])
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
        with cgutils.for_range(b, runs) as run:
            to = b.gep(target, [_offset(b, own, run.index)])
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

    The starts in `source` are table[at:]; a row is filled up with zeros.
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
