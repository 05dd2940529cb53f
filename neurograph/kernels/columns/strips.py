"""The strip kernel: neurons side by side whose sources lie side by side, slot for slot.

Pooling, sums of maps, depthwise convolutions and batch norms come down to it. The arguments of a
kernel are named by `Strip`:

    states    of one sample
    index     [slot] where the first neuron's source lies; the others' follow it
    weight    [slot][neuron], or [slot] where all neurons have the same
    bias      [neuron], or one
    target    where the first neuron's state goes; memory beyond the last, up to a vector, is free
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.finish import emit_activation
from neurograph.kernels.lanes import I32, I64, Lanes
from neurograph.kernels.long_sums import in_pieces
from neurograph.kernels.tiles import LINEAR, Pair

_TOGETHER = 4  # vectors whose sums are in flight

# The pairs that have a kernel for weights all neurons share; only LINEAR has one for their own.
SHARED = (LINEAR, *(Pair("multiply", r) for r in ("max", "min", "product")))


class Strip(NamedTuple):
    """The arguments of every strip kernel: pointers, then 64-bit numbers."""

    states: Any
    index: Any
    weight: Any
    bias: Any
    target: Any
    parameter: Any
    vectors: Any
    slots: Any
    step: Any  # from one slot's weights to the next's
    activation: Any


def declare(module: ir.Module, pair: Pair, shared: bool, element: ir.Type) -> ir.Function:
    """Return the kernel of a pair, for shared weights or neurons' own, emitted once."""
    name = f"strip_{'_'.join(pair)}_{shared}"
    if name in module.globals:
        return module.globals[name]
    e = element.as_pointer()
    kinds = [e, I32.as_pointer(), e, e, e, e, *[I64] * 4]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    _Kernel(function, element, pair, shared).emit()
    return function


class _Kernel:
    def __init__(self, function: ir.Function, element: ir.Type, pair: Pair, shared: bool) -> None:
        self.pair, self.shared = pair, shared
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.lanes = Lanes(self.builder, element)
        self.given = Strip(*function.args)
        kind = self.lanes.type
        self.sums, self.more = (
            [cgutils.alloca_once(self.builder, kind) for _ in range(_TOGETHER)] for _ in range(2)
        )

    def emit(self) -> None:
        """Emit the function's body."""
        b, g = self.builder, self.given
        whole = b.sdiv(g.vectors, I64(_TOGETHER))
        with cgutils.for_range(b, whole) as loop:
            self._vectors(b.mul(loop.index, I64(_TOGETHER)), _TOGETHER)
        done = b.mul(whole, I64(_TOGETHER))
        with cgutils.for_range(b, b.sub(g.vectors, done)) as loop:
            self._vectors(b.add(done, loop.index), 1)
        b.ret_void()

    def _vectors(self, first: Any, count: int) -> None:
        b, g, lanes = self.builder, self.given, self.lanes
        at = b.mul(first, I64(lanes.count))
        places, more = self.sums[:count], self.more[:count]
        for place in (*places, *more):
            b.store(lanes.identity(self.pair.reduce), place)

        def slots(begin: Any, some: Any) -> None:
            with cgutils.for_range(b, some) as loop:
                self._slot(b.add(begin, loop.index), at, places)

        def put_away() -> None:
            for place, total in zip(places, more, strict=True):
                value = lanes.reduce(self.pair.reduce, b.load(total), b.load(place))
                b.store(value, total)
                b.store(lanes.identity(self.pair.reduce), place)

        in_pieces(b, g.slots, slots, put_away)
        put_away()
        for v, place in enumerate(more):
            bias = self._each(g.bias, I64(0), b.add(at, I64(v * lanes.count)))
            b.store(b.fadd(b.load(place), bias), place)
        emit_activation(lanes, g, more)
        for v, place in enumerate(more):
            lanes.store(b.load(place), g.target, b.add(at, I64(v * lanes.count)))

    def _slot(self, slot: Any, at: Any, places: list[Any]) -> None:
        b, g, lanes = self.builder, self.given, self.lanes
        source = b.sext(b.load(b.gep(g.index, [slot])), I64)
        for v, place in enumerate(places):
            here = b.add(at, I64(v * lanes.count))
            weight = self._each(g.weight, b.mul(slot, g.step), here)
            state = lanes.load(g.states, b.add(source, here))
            b.store(lanes.accumulate(*self.pair, b.load(place), weight, state), place)

    def _each(self, memory: Any, start: Any, here: Any) -> Any:
        if self.shared:
            return self.lanes.broadcast(memory, start)
        return self.lanes.load(memory, self.builder.add(start, here))
