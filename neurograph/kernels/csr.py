"""The rows kernel: one neuron a row, its slots in CSR order, several vectors of samples at once.

index    `base + index` is a source, counted in states; 32-bit, or 16-bit where sources lie close
weight   [entry]
bias     [row], unless init is ADD
row      [row] offsets of the targets, then [row + 1] first entries
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.lanes import I16, I64, Lanes, unrolled
from neurograph.kernels.long_sums import in_pieces
from neurograph.kernels.tiles import ADD, Arguments, Pair
from neurograph.kernels.waiting import Waiting

_AHEAD = 128  # entries: how far ahead a row asks for weights and indices, a cache line of each
_UNROLL = 4  # entries in flight: a fused multiply-add takes 4 cycles and two start in each


class RowKernel:
    """Emits the kernel for one number of vectors, index width and pair."""

    def __init__(
        self, function: ir.Function, element: ir.Type, vectors: int, narrow: bool, pair: Pair
    ) -> None:
        self.vectors, self.narrow, self.pair = vectors, narrow, pair
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.lanes = Lanes(self.builder, element)
        self.arguments = Arguments(*function.args)
        # Several vectors are a whole state; a known size is a shift, a third of a product's wait.
        # One vector may be a part of a state, or the state of one sample, a single number.
        self.stride = I64(vectors * self.lanes.count) if vectors > 1 else self.arguments.stride
        self.chains = max(1, _UNROLL // vectors) if pair.linear else 1
        kind = self.lanes.type
        self.sums = [
            [cgutils.alloca_once(self.builder, kind) for _ in range(vectors)]
            for _ in range(self.chains)
        ]
        summed = pair.reduce == "sum"
        self.more = [cgutils.alloca_once(self.builder, kind) for _ in range(vectors * summed)]
        self.waiting = Waiting(self.lanes, vectors, vectors)

    def emit(self) -> None:
        """Emit the function's body."""
        b, a = self.builder, self.arguments
        index = b.bitcast(a.index, I16.as_pointer()) if self.narrow else a.index
        states = b.gep(a.states, [b.mul(a.base, self.stride)])
        first = b.gep(a.row, [a.groups])
        with cgutils.for_range(b, a.groups) as loop:
            start = b.sext(b.load(b.gep(first, [loop.index])), I64)
            stop = b.sext(b.load(b.gep(first, [b.add(loop.index, I64(1))])), I64)
            for table in (a.weight, index):
                self.lanes.prefetch(table, b.add(start, I64(_AHEAD)))
            self._row(states, index, start, stop)
            self._finish(loop.index)
        b.ret_void()

    def _row(self, states: Any, index: Any, start: Any, stop: Any) -> None:
        b = self.builder
        self._clear()
        for place in self.more:
            b.store(self.lanes.constant(0.0), place)

        def entries(first: Any, count: Any) -> None:
            def entry(number: Any, chain: int) -> None:
                self._entry(states, index, b.add(b.add(start, first), number), chain)

            unrolled(b, count, self.chains, entry)

        def put_away() -> None:
            for place, total in zip(self.more, self._totals(), strict=True):
                b.store(b.fadd(b.load(place), total), place)
            self._clear()

        count = b.sub(stop, start)
        if self.more:
            in_pieces(b, count, entries, put_away)
        else:
            entries(I64(0), count)

    def _clear(self) -> None:
        for chain in self.sums:
            for place in chain:
                self.builder.store(self.lanes.identity(self.pair.reduce), place)

    def _totals(self) -> list[Any]:
        """Return the sums of all chains."""
        b, found = self.builder, []
        for v in range(self.vectors):
            value = b.load(self.sums[0][v])
            for chain in self.sums[1:]:
                value = b.fadd(value, b.load(chain[v]))
            found.append(value)
        return found

    def _entry(self, states: Any, index: Any, entry: Any, chain: int) -> None:
        b, lanes = self.builder, self.lanes
        raw = b.load(b.gep(index, [entry]))
        at = b.mul(b.zext(raw, I64) if self.narrow else b.sext(raw, I64), self.stride)
        weight = lanes.broadcast(self.arguments.weight, entry)
        for v in range(self.vectors):
            source = lanes.load(states, b.add(at, I64(v * lanes.count)))
            place = self.sums[chain][v]
            b.store(lanes.accumulate(*self.pair, b.load(place), weight, source), place)

    def _finish(self, row: Any) -> None:
        b, a = self.builder, self.arguments
        at = b.gep(a.row, [row])
        before = self._before(row, at)
        totals = self.sums[0]
        for v, (place, last) in enumerate(zip(totals, self._totals(), strict=True)):
            total = b.fadd(last, b.load(self.more[v])) if self.more else last
            b.store(b.fadd(total, b.load(before[v])), place)
        left = b.sub(b.sub(a.groups, row), I64(1))
        self.waiting.store(a, totals, at, left)

    def _before(self, row: Any, at: Any) -> list[Any]:
        """Return places of what a row's sum is added to: its bias, or the state that is there."""
        b, a, lanes = self.builder, self.arguments, self.lanes
        places = [cgutils.alloca_once(b, lanes.type) for _ in range(self.vectors)]
        with b.if_else(b.icmp_signed("==", a.init, I64(ADD))) as (add, fresh):
            with add:
                state = b.gep(a.states, [b.sext(b.load(at), I64)])
                for v, place in enumerate(places):
                    b.store(lanes.load(state, I64(v * lanes.count)), place)
            with fresh:
                bias = lanes.broadcast(a.bias, row)
                for place in places:
                    b.store(bias, place)
        return places
