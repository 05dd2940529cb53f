"""What follows the last accumulation: activations of sums in registers, or of sums that wait.

A tile has its sums in the registers that an activation needs for its parameters. So those that are
to be squashed wait in memory, and one function, the same for all tiles, takes them from there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels import activations
from neurograph.kernels.lanes import I32, I64, Lanes, unrolled

_TOGETHER = 32  # sums that wait, at most, where a group has fewer
_UNROLL = 4  # sums in a turn of the loop: while one waits for its last result others go on


class Waiting:
    """The sums of a few groups of targets on their way to the states.

    Those with a vector activation wait in memory until there are enough of them for `finish` to be
    worth its start. A kernel calls `store` for each group, in order.
    """

    def __init__(self, lanes: Lanes, sums: int, vectors: int) -> None:
        b = lanes.builder
        self.lanes, self.vectors, self.size = lanes, vectors, sums
        self.most = max(1, _TOGETHER // sums)  # groups
        self.places = cgutils.alloca_once(b, lanes.type, size=I64(self.most * sums))
        self.groups = cgutils.alloca_once_value(b, I64(0))

    def store(self, arguments: Any, sums: list[Any], row: Any, left: Any) -> None:
        """Emit the stores of sums, `vectors` for each of the targets with offsets from `row` on.

        `left` is how many groups there are still to come.
        """
        b, a = self.lanes.builder, arguments
        scalar = b.icmp_unsigned(">=", a.activation, I64(activations.SCALAR))
        plain = b.or_(scalar, b.icmp_signed("==", a.activation, I64(activations.IDENTITY)))
        with b.if_else(plain) as (store, squash):
            with store:
                for target in range(self.size // self.vectors):
                    at = b.gep(a.states, [b.sext(b.load(b.gep(row, [I64(target)])), I64)])
                    for v in range(self.vectors):
                        value = b.load(sums[target * self.vectors + v])
                        self.lanes.store(value, at, I64(v * self.lanes.count))
            with squash:
                before = b.load(self.groups)
                first = b.mul(before, I64(self.size))
                for number, place in enumerate(sums):
                    b.store(b.load(place), b.gep(self.places, [b.add(first, I64(number))]))
                now = b.add(before, I64(1))
                b.store(now, self.groups)
                full = b.icmp_signed("==", now, I64(self.most))
                with b.if_then(b.or_(full, b.icmp_signed("==", left, I64(0)))):
                    self._finish(a, row, before)

    def _finish(self, a: Any, row: Any, before: Any) -> None:
        """Emit the call for the last group's sums and those of the groups before it."""
        b, targets = self.lanes.builder, self.size // self.vectors
        function = finish(b.module, self.lanes.element, self.vectors)
        start = b.gep(row, [b.mul(before, I64(-targets))])
        count = b.mul(b.add(before, I64(1)), I64(targets))
        b.call(function, [self.places, a.states, start, a.parameter, a.activation, count])
        b.store(I64(0), self.groups)


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
