"""Block kernels: tiles of maps x fields whose sums stay in registers, and blocked rows.

Every kernel is one LLVM function with the signature `ARGUMENTS`. A *tile* of shape (maps, fields)
runs over `groups` groups of fields: each state is loaded once for all maps, each weight once for
all fields, and the activation follows the last sum.

    index    [group][slot][field]    offsets of sources in the states
    weight   [slot][map]             the same for all groups
    bias     [map], or [group][field][map] where init is BIAS_EACH
    row      [group][map][field]     offsets of the targets
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels import activations
from neurograph.kernels.lanes import I32, I64, Lanes

ADD, BIAS, BIAS_EACH = range(3)  # what a sum starts from: the state that is there, or a bias


class Pair(NamedTuple):
    """How a neuron combines and reduces."""

    combine: str
    reduce: str

    @property
    def linear(self) -> bool:
        """Whether the net input is a weighted sum."""
        return self == LINEAR


LINEAR = Pair("multiply", "sum")
PAIRS = (
    LINEAR,
    Pair("squared_difference", "sum"),
    *(Pair(c, r) for r in ("product", "max", "min") for c in ("multiply", "squared_difference")),
)


class Arguments(NamedTuple):
    """The arguments of every kernel: pointers, then 64-bit numbers."""

    states: Any
    index: Any
    weight: Any
    bias: Any
    row: Any
    parameter: Any
    groups: Any
    slots: Any
    init: Any
    activation: Any
    base: Any
    stride: Any


def declare(module: ir.Module, name: str, element: ir.Type) -> tuple[ir.Function, bool]:
    """Return (kernel function `name` of a module, whether its body is still to be emitted)."""
    if name in module.globals:
        return module.globals[name], False
    pointers = [element, I32, element, element, I32, element]
    kinds = [p.as_pointer() for p in pointers] + [I64] * (len(Arguments._fields) - len(pointers))
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    return function, True


class Tile:
    """Emits the kernel of one tile shape and pair."""

    def __init__(self, function: ir.Function, element: ir.Type, maps: int, fields: int, pair: Pair):
        self.maps, self.fields, self.pair = maps, fields, pair
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.lanes = Lanes(self.builder, element)
        self.arguments = Arguments(*function.args)
        kind = self.lanes.type
        self.sums = [
            [cgutils.alloca_once(self.builder, kind) for _ in range(fields)] for _ in range(maps)
        ]

    def emit(self) -> None:
        """Emit the function's body."""
        b, a = self.builder, self.arguments
        with cgutils.for_range(b, a.groups) as loop:
            row = b.gep(a.row, [b.mul(loop.index, I64(self.maps * self.fields))])
            self._start(loop.index, row)
            index = b.gep(a.index, [b.mul(loop.index, b.mul(a.slots, I64(self.fields)))])
            with cgutils.for_range(b, a.slots) as slot:
                self._slot(slot.index, index)
            if not self.pair.linear:
                self._add_bias(loop.index)
            self._activate()
            self._finish(row)
        b.ret_void()

    def _each(self) -> list[tuple[int, int]]:
        return [(m, f) for m in range(self.maps) for f in range(self.fields)]

    def _start(self, group: Any, row: Any) -> None:
        b, a = self.builder, self.arguments
        if not self.pair.linear:
            for m, f in self._each():
                b.store(self.lanes.identity(self.pair.reduce), self.sums[m][f])
            return
        with b.if_else(b.icmp_signed("==", a.init, I64(ADD))) as (add, fresh):
            with add:
                for m, f in self._each():
                    at = b.load(b.gep(row, [I64(m * self.fields + f)]))
                    b.store(self.lanes.load(a.states, b.sext(at, I64)), self.sums[m][f])
            with fresh, b.if_else(b.icmp_signed("==", a.init, I64(BIAS))) as (one, each):
                with one:
                    for m in range(self.maps):
                        value = self.lanes.broadcast(a.bias, I64(m))
                        for f in range(self.fields):
                            b.store(value, self.sums[m][f])
                with each:
                    for m, f in self._each():
                        b.store(self._bias(group, m, f), self.sums[m][f])

    def _bias(self, group: Any, m: int, f: int) -> Any:
        b, a = self.builder, self.arguments
        at = b.add(b.mul(group, I64(self.maps * self.fields)), I64(f * self.maps))
        each = b.icmp_signed("==", a.init, I64(BIAS_EACH))
        return self.lanes.broadcast(a.bias, b.add(b.select(each, at, I64(0)), I64(m)))

    def _add_bias(self, group: Any) -> None:
        for m, f in self._each():
            total = self.builder.load(self.sums[m][f])
            self.builder.store(self.builder.fadd(total, self._bias(group, m, f)), self.sums[m][f])

    def _slot(self, slot: Any, index: Any) -> None:
        b, a, lanes = self.builder, self.arguments, self.lanes
        first = b.mul(slot, I64(self.fields))
        sources = []
        for f in range(self.fields):
            at = b.load(b.gep(index, [b.add(first, I64(f))]))
            sources.append(lanes.load(a.states, b.sext(at, I64)))
        first = b.mul(slot, I64(self.maps))
        for m in range(self.maps):
            weight = lanes.broadcast(a.weight, b.add(first, I64(m)))
            for f in range(self.fields):
                total = b.load(self.sums[m][f])
                total = lanes.accumulate(*self.pair, total, weight, sources[f])
                b.store(total, self.sums[m][f])

    def _activate(self) -> None:
        emit_activation(self.lanes, self.arguments, [self.sums[m][f] for m, f in self._each()])

    def _finish(self, row: Any) -> None:
        b = self.builder
        for m, f in self._each():
            at = b.load(b.gep(row, [I64(m * self.fields + f)]))
            self.lanes.store(b.load(self.sums[m][f]), self.arguments.states, b.sext(at, I64))


def emit_activation(lanes: Lanes, arguments: Arguments, sums: list[Any]) -> None:
    """Emit the choice of a vector activation of every vector that `sums` points to."""
    b = lanes.builder
    after = b.append_basic_block("activated")
    switch = b.switch(arguments.activation, after)
    for code in (activations.CLIP, activations.TANH, activations.LEAKY):
        block = b.append_basic_block(f"activation{code}")
        switch.add_case(I64(code), block)
        b.position_at_end(block)
        parameters = [lanes.broadcast(arguments.parameter, I64(i)) for i in range(3)]
        for place in sums:
            b.store(activations.emit(lanes, code, b.load(place), parameters), place)
        b.branch(after)
    b.position_at_end(after)
