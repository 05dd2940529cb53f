"""The panel kernel: a few columns x a few vectors of maps, their sums in registers.

A column is a field of one sample. The states of its sources lie in runs, so a run costs one index,
and then a state a slot is broadcast to all maps; the weights of a slot lie side by side, maps as
lanes. The arguments of a kernel are named by `Panel`:

    states    of all samples
    sample    [column] where the states of the column's sample begin
    field     [column] where the column's runs begin in `index`
    index     [field][run] where the run's states begin within a sample
    run       [run] (length, first row of weight)
    weight    [slot][map]
    bias      [map], at `start` [column]
    target    [column] where the sums go
    addend    [column] where the states lie that are added, times `factor`
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.finish import emit_activation
from neurograph.kernels.lanes import I32, I64, Lanes, vector_bytes

VECTORS = 2  # of maps in a whole panel
FIRST, LAST, ADDS = 1, 2, 4  # bits of `stage`: of the blocks of slots, and whether states are added
_UNROLL = 4


def most_columns() -> int:
    """Return how many columns the largest kernel takes: its sums fill the registers."""
    return 12 if vector_bytes() == 64 else 6


class Panel(NamedTuple):
    """The arguments of every panel kernel: pointers, then 64-bit numbers and the factor."""

    states: Any
    sample: Any
    field: Any
    index: Any
    run: Any
    weight: Any
    bias: Any
    start: Any
    target: Any
    addend: Any
    parameter: Any
    first: Any  # run
    last: Any
    stage: Any
    activation: Any
    factor: Any


def declare(module: ir.Module, columns: int, vectors: int, element: ir.Type) -> ir.Function:
    """Return the kernel for this many columns and vectors in a module, emitted once."""
    name = f"panel_{columns}_{vectors}"
    if name in module.globals:
        return module.globals[name]
    e, i, j = element.as_pointer(), I32.as_pointer(), I64.as_pointer()
    kinds = [e, j, j, i, i, e, e, j, j, j, e, *[I64] * 4, element]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    _Kernel(function, element, columns, vectors).emit()
    return function


class _Kernel:
    def __init__(self, function: ir.Function, element: ir.Type, columns: int, vectors: int) -> None:
        self.columns, self.vectors = columns, vectors
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.lanes = Lanes(self.builder, element)
        self.width = vectors * self.lanes.count
        self.given = Panel(*function.args)
        kind = self.lanes.type
        self.sums = [
            [cgutils.alloca_once(self.builder, kind) for _ in range(vectors)]
            for _ in range(columns)
        ]

    def emit(self) -> None:
        """Emit the function's body."""
        b, g = self.builder, self.given
        for place in self._places():
            b.store(self.lanes.constant(0.0), place)
        self._ask_for(g.target)
        with b.if_then(self._is(ADDS)):
            self._ask_for(g.addend)
        with cgutils.for_range(b, b.sub(g.last, g.first)) as loop:
            self._run(b.add(g.first, loop.index))
        self._finish()
        b.ret_void()

    def _ask_for(self, table: Any) -> None:
        """Prefetch the states of every column: the machine does not foresee their places."""
        for c in range(self.columns):
            self.lanes.prefetch(self.given.states, self._number(table, I64(c)))

    def _places(self) -> list[Any]:
        return [place for column in self.sums for place in column]

    def _number(self, pointer: Any, at: Any) -> Any:
        return self.builder.load(self.builder.gep(pointer, [at]))

    def _run(self, run: Any) -> None:
        """Emit the multiply-adds of one run of slots."""
        b, g = self.builder, self.given
        length = b.sext(self._number(g.run, b.mul(run, I64(2))), I64)
        row = b.sext(self._number(g.run, b.add(b.mul(run, I64(2)), I64(1))), I64)
        sources = []
        for c in range(self.columns):
            at = b.add(self._number(g.field, I64(c)), run)
            start = b.add(self._number(g.sample, I64(c)), b.sext(self._number(g.index, at), I64))
            sources.append(b.gep(g.states, [start]))
        weight = b.gep(g.weight, [b.mul(row, I64(self.width))])
        whole = b.sdiv(length, I64(_UNROLL))
        with cgutils.for_range(b, whole) as loop:
            for u in range(_UNROLL):
                self._slot(sources, weight, b.add(b.mul(loop.index, I64(_UNROLL)), I64(u)))
        done = b.mul(whole, I64(_UNROLL))
        with cgutils.for_range(b, b.sub(length, done)) as loop:
            self._slot(sources, weight, b.add(done, loop.index))

    def _slot(self, sources: list[Any], weight: Any, slot: Any) -> None:
        b, lanes = self.builder, self.lanes
        at = b.mul(slot, I64(self.width))
        factors = [lanes.load(weight, b.add(at, I64(v * lanes.count))) for v in range(self.vectors)]
        for c in range(self.columns):
            state = lanes.broadcast(sources[c], slot)
            for v in range(self.vectors):
                place = self.sums[c][v]
                b.store(lanes.fma(factors[v], state, b.load(place)), place)

    def _finish(self) -> None:
        b, g = self.builder, self.given
        with b.if_else(self._is(FIRST)) as (begin, more):
            with begin:
                self._change(lambda total, c, v: b.fadd(total, self._load(g.bias, g.start, c, v)))
            with more:
                self._change(
                    lambda total, c, v: b.fadd(total, self._load(g.states, g.target, c, v))
                )
        with b.if_then(self._is(ADDS)):
            factor = self.lanes.splat(g.factor)
            self._change(
                lambda total, c, v: self.lanes.fma(
                    factor, self._load(g.states, g.addend, c, v), total
                )
            )
        with b.if_then(self._is(LAST)):
            emit_activation(self.lanes, g, self._places())
        for c in range(self.columns):
            for v in range(self.vectors):
                at = self._at(g.target, c, v)
                self.lanes.store(b.load(self.sums[c][v]), g.states, at)

    def _is(self, bit: int) -> Any:
        return self.builder.icmp_signed("!=", self.builder.and_(self.given.stage, I64(bit)), I64(0))

    def _at(self, table: Any, c: int, v: int) -> Any:
        return self.builder.add(self._number(table, I64(c)), I64(v * self.lanes.count))

    def _load(self, memory: Any, table: Any, c: int, v: int) -> Any:
        return self.lanes.load(memory, self._at(table, c, v))

    def _change(self, change: Callable[[Any, int, int], Any]) -> None:
        for c in range(self.columns):
            for v in range(self.vectors):
                place = self.sums[c][v]
                self.builder.store(change(self.builder.load(place), c, v), place)
