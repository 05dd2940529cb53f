"""Functions emitted as LLVM code, which compiled Python calls like any others.

All arrays are flat and all places are offsets, from a table of int32 where they are irregular.
Reads may go beyond the end of what is asked for by less than a vector; arrays have that much room.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels.lanes import I64, Lanes


def emitted(emit: Callable[..., None]) -> Any:
    """Return the function whose body `emit(lanes, *arguments)` emits.

    It takes arrays of one dtype, which `emit` gets as pointers (tables have a dtype of their own,
    but the first array has that of the lanes), and whole numbers.
    """

    @wraps(emit)  # numba counts the arguments by the signature
    def typed(_typing: Any, *given: Any) -> Any:
        kinds = [kind if isinstance(kind, types.Array) else types.int64 for kind in given]
        name = f"{emit.__name__}_{given[0].dtype}"

        def call(context: Any, b: ir.IRBuilder, signature: Any, values: Any) -> Any:
            pairs = zip(signature.args, values, strict=True)
            arguments = [_plain(context, b, kind, value) for kind, value in pairs]
            element = context.get_data_type(signature.args[0].dtype)
            b.call(_function(b.module, name, element, arguments, emit), arguments)
            return context.get_dummy_value()

        return types.void(*kinds), call

    return intrinsic(typed)


def _plain(context: Any, b: ir.IRBuilder, kind: Any, value: Any) -> Any:
    """Return the pointer of an array, and a number as it is."""
    is_array = isinstance(kind, types.Array)
    return context.make_array(kind)(context, b, value).data if is_array else value


def _function(
    module: ir.Module, name: str, element: ir.Type, like: list[Any], emit: Callable[..., None]
) -> ir.Function:
    """Return the function `name` of a module, emitted once."""
    if name in module.globals:
        return module.globals[name]
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in like])
    function = ir.Function(module, kind, name)
    function.linkage = "linkonce_odr"  # one of them stays where several parts have it
    function.attributes.add("noinline")
    function.attributes.add("optsize")  # loops are unrolled here, by tiles; more is slower
    body = ir.IRBuilder(function.append_basic_block("entry"))
    emit(Lanes(body, element), *function.args)
    body.ret_void()
    return function


def offset(b: ir.IRBuilder, table: Any, index: Any) -> Any:
    """Load `table[index]` as a 64-bit number."""
    return b.sext(b.load(b.gep(table, [index])), I64)


def at_offset(b: ir.IRBuilder, array: Any, table: Any, index: Any) -> Any:
    """Return where `array[table[index]:]` begins."""
    return b.gep(array, [offset(b, table, index)])


def choose(b: ir.IRBuilder, code: Any, cases: dict[int, Callable[[], None]]) -> None:
    """Emit the case of `code`; nothing where it is none of them."""
    after = b.append_basic_block("done")
    switch = b.switch(code, after)
    for number, case in cases.items():
        block = b.append_basic_block(f"code{number}")
        switch.add_case(I64(number), block)
        b.position_at_end(block)
        case()
        b.branch(after)
    b.position_at_end(after)


def parts(b: ir.IRBuilder, count: Any, wide: int, part: Callable[[Any, int], None]) -> None:
    """Emit `part(first, width)` over `count`: `wide` at a time, then one at a time."""
    whole = b.sdiv(count, I64(wide))
    with cgutils.for_range(b, whole) as loop:
        part(b.mul(loop.index, I64(wide)), wide)
    done = b.mul(whole, I64(wide))
    with cgutils.for_range(b, b.sub(count, done)) as loop:
        part(b.add(done, loop.index), 1)


def tiled(b: ir.IRBuilder, rows: Any, heights: tuple[int, ...], tile: Callable[..., None]) -> None:
    """Emit `tile(places of the rows)` over all rows, the highest tiles first."""
    first: Any = I64(0)
    for height in heights:
        times = b.sdiv(b.sub(rows, first), I64(height))
        first = tiles(b, first, times, height, tile)


def tiles(b: ir.IRBuilder, first: Any, times: Any, height: int, tile: Callable[..., None]) -> Any:
    """Emit `times` tiles of `height` rows from `first` on; return the row behind them."""
    with cgutils.for_range(b, times) as loop:
        top = b.add(first, b.mul(loop.index, I64(height)))
        tile([b.add(top, I64(i)) for i in range(height)])
    return b.add(first, b.mul(times, I64(height)))
