"""The choice of a vector activation, for sums in registers or for sums that wait in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir

from neurograph.kernels import activations
from neurograph.kernels.lanes import I32, I64, Lanes, unrolled

_UNROLL = 4  # sums in a turn of the loop: while one waits for its last result others go on


def finish(module: ir.Module, element: ir.Type, vectors: int) -> ir.Function:
    """Return the function that applies a vector activation to waiting sums and stores them.

    Its loop has the parameters in registers, where a tile has its sums.
    """
    name = f"finish_{vectors}"
    if name in module.globals:
        return module.globals[name]
    kinds = [Lanes(ir.IRBuilder(), element).type, element, I32, element]
    arguments = [k.as_pointer() for k in kinds] + [I64, I64]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    waiting, states, row, parameter, activation, count = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    lanes = Lanes(b, element)

    def apply(one: Callable[[Any], Any]) -> None:
        def target(index: Any, _place: int) -> None:
            at = b.gep(states, [b.sext(b.load(b.gep(row, [index])), I64)])
            for v in range(vectors):
                number = b.add(b.mul(index, I64(vectors)), I64(v))
                lanes.store(one(b.load(b.gep(waiting, [number]))), at, I64(v * lanes.count))

        unrolled(b, count, _UNROLL, target)

    emit_choice(lanes, parameter, activation, apply)
    b.ret_void()
    return function


def emit_activation(lanes: Lanes, arguments: Any, sums: list[Any]) -> None:
    """Emit the choice of a vector activation, of three parameters, of all that `sums` points to."""

    def apply(one: Callable[[Any], Any]) -> None:
        for place in sums:
            lanes.builder.store(one(lanes.builder.load(place)), place)

    emit_choice(lanes, arguments.parameter, arguments.activation, apply, folded=False)


def emit_choice(
    lanes: Lanes,
    parameter: Any,
    activation: Any,
    apply: Callable[[Callable[[Any], Any]], None],
    *,
    folded: bool = True,
) -> None:
    """Emit, for each vector activation, `apply` of the function that emits it for one vector.

    With `folded` numbers, as `activations.parameters` returns them; else three.
    """
    b = lanes.builder
    after = b.append_basic_block("activated")
    switch = b.switch(activation, after)
    codes = [activations.CLIP, activations.TANH, activations.LEAKY]
    if folded:
        codes.extend(activations.FOLDED)
    for code in codes:
        block = b.append_basic_block(f"activation{code}")
        switch.add_case(I64(code), block)
        b.position_at_end(block)
        numbers = activations.load(lanes, code, parameter)
        apply(partial(activations.emit, lanes, code, numbers=numbers))
        b.branch(after)
    b.position_at_end(after)
