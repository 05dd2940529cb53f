"""Calls of the panel and strip kernels from compiled loops, chosen by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels.columns import panels, strips
from neurograph.kernels.columns.panels import VECTORS, most_columns
from neurograph.kernels.lanes import I64
from neurograph.kernels.tiles import LINEAR

_WIDEST = most_columns()


def _pointer(context: Any, builder: ir.IRBuilder, kind: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _choose(b: ir.IRBuilder, number: Any, calls: list[Callable[[], None]]) -> None:
    """Emit the call that `number` says."""
    after = b.append_basic_block("called")
    switch = b.switch(number, after)
    for i, call in enumerate(calls):
        block = b.append_basic_block(f"call{i}")
        switch.add_case(I64(i), block)
        b.position_at_end(block)
        call()
        b.branch(after)
    b.position_at_end(after)


@intrinsic
def call_panel(
    typing: Any,
    shape: Any,
    states: Any,
    columns: Any,
    at: Any,
    index: Any,
    row: Any,
    weight: Any,
    bias: Any,
    parameter: Any,
    offsets: Any,
    numbers: Any,
    factor: Any,
) -> Any:
    """Run the panel kernel of (columns - 1) * VECTORS + vectors - 1 = `shape`.

    columns: (sample, field, start, target, addend) arrays, read from `at`; offsets: into (index,
    row, weight, bias, parameter); numbers: (first, last, stage, activation).
    """

    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        kinds = signature.args
        arrays = cgutils.unpack_tuple(b, given[2])
        sample, field, start, target, addend = (
            _pointer(context, b, kinds[2][i], arrays[i], given[3]) for i in range(5)
        )
        offset = cgutils.unpack_tuple(b, given[9])
        index_, run, weight_, bias_, parameter_ = (
            _pointer(context, b, kinds[4 + i], given[4 + i], offset[i]) for i in range(5)
        )
        numbers_ = cgutils.unpack_tuple(b, given[10])
        states_ = _pointer(context, b, kinds[1], given[1], I64(0))
        arguments = panels.Panel(
            *(states_, sample, field, index_, run, weight_, bias_, start, target, addend),
            *(parameter_, *numbers_, given[11]),
        )
        element = context.get_data_type(kinds[1].dtype)

        def call(c: int, v: int) -> Callable[[], None]:
            return lambda: b.call(panels.declare(b.module, c, v, element), arguments)

        each = [call(c, v) for c in range(1, _WIDEST + 1) for v in range(1, VECTORS + 1)]
        _choose(b, given[0], each)
        return context.get_dummy_value()

    i = types.int64
    five, four = types.UniTuple(i, 5), types.UniTuple(i, 4)
    kinds = i, states, columns, i, index, row, weight, bias, parameter, five, four, states.dtype
    return types.void(*kinds), emit


@intrinsic
def call_strip(
    typing: Any,
    kind: Any,
    states: Any,
    at: Any,
    index: Any,
    weight: Any,
    bias: Any,
    parameter: Any,
    offsets: Any,
    numbers: Any,
) -> Any:
    """Run a strip kernel: `kind` is a place in strips.SHARED, or one past them for own weights.

    at: (sample, target) in the states; offsets: into (index, weight, bias, parameter); numbers:
    (vectors, slots, step, activation).
    """

    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        kinds = signature.args
        at_, offset = cgutils.unpack_tuple(b, given[2]), cgutils.unpack_tuple(b, given[7])
        states_, target = (_pointer(context, b, kinds[1], given[1], place) for place in at_)
        index_, weight_, bias_, parameter_ = (
            _pointer(context, b, kinds[3 + i], given[3 + i], offset[i]) for i in range(4)
        )
        numbers_ = cgutils.unpack_tuple(b, given[8])
        arguments = strips.Strip(states_, index_, weight_, bias_, target, parameter_, *numbers_)
        element = context.get_data_type(kinds[1].dtype)

        def call(pair: Any, shared: bool) -> Callable[[], None]:
            return lambda: b.call(strips.declare(b.module, pair, shared, element), arguments)

        each = [call(pair, True) for pair in strips.SHARED]
        _choose(b, given[0], [*each, call(LINEAR, False)])
        return context.get_dummy_value()

    i = types.int64
    two, four = types.UniTuple(i, 2), types.UniTuple(i, 4)
    return types.void(i, states, two, index, weight, bias, parameter, four, four), emit
