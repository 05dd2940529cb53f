"""Rows of sums, one neuron each, with samples in the lanes: forwards and backwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from neurograph.kernels.gradient.batch_products import VECTORS
from neurograph.kernels.gradient.emitting import emitted, offset
from neurograph.kernels.gradient.registers import Sums, add_total
from neurograph.kernels.lanes import I64, Lanes
from neurograph.kernels.long_sums import in_pieces

Entry = Callable[[Any, Any, Any, list[Any]], None]


class _Rows:
    """Emits a loop over rows and their entries, for products and for squared differences."""

    def __init__(
        self, lanes: Lanes, table: Any, states: Any, pool: Any, source: Any, kernel: Any
    ) -> None:
        self.lanes, self.b, self.table = lanes, lanes.builder, table
        self.states, self.pool, self.source, self.kernel = states, pool, source, kernel
        self.lane = [I64(v * lanes.count) for v in range(VECTORS)]

    def entries(self, ptr: Any, row: Any, one: Entry, end: Callable[[], None]) -> None:
        """Emit `one(place of the weight, place of the source, weight, states)` for each entry.

        And `end()` after each LONG of them.
        """
        b, table = self.b, self.table
        begin, stop = (offset(b, table, b.add(ptr, at)) for at in (row, b.add(row, I64(1))))

        def some(first: Any, count: Any) -> None:
            with cgutils.for_range(b, count) as loop:
                entry = b.add(b.add(begin, first), loop.index)
                at = offset(b, table, b.add(self.kernel, entry))
                place = offset(b, table, b.add(self.source, entry))
                weight = self.lanes.broadcast(self.pool, at)
                one(at, place, weight, self.vectors(self.states, place))

        in_pieces(b, b.sub(stop, begin), some, end)

    def vectors(self, array: Any, place: Any) -> list[Any]:
        """Load the vectors of a state."""
        return [self.lanes.load(array, self.b.add(place, lane)) for lane in self.lane]

    def store(self, values: list[Any], array: Any, place: Any) -> None:
        """Store the vectors of a state."""
        for value, lane in zip(values, self.lane, strict=True):
            self.lanes.store(value, array, self.b.add(place, lane))


def _both(b: ir.IRBuilder, multiply: Any, emit: Callable[[bool], None]) -> None:
    """Emit `emit(whether terms are products)` twice, and the choice."""
    with b.if_else(b.icmp_signed("!=", multiply, I64(0))) as (product, difference):
        with product:
            emit(True)
        with difference:
            emit(False)


@emitted
def sum_rows(
    lanes: Lanes,
    pool: Any,
    states: Any,
    table: Any,
    target: Any,
    ptr: Any,
    source: Any,
    kernel: Any,
    bias: Any,
    rows: Any,
    multiply: Any,
) -> None:
    """Set the states from `target` on to sums of w x, or of (x - w)^2, and biases.

    ptr, source, kernel and bias are places in the table.
    """
    b = lanes.builder
    run = _Rows(lanes, table, states, pool, source, kernel)

    def emit(product: bool) -> None:
        # One sum a row: a squared difference has a factor of its own for each vector.
        sums, more = Sums(lanes, VECTORS, 1), Sums(lanes, VECTORS, 1)

        def put_away() -> None:
            more.add_all(sums)
            sums.clear()

        def one(_at: Any, _place: Any, weight: Any, states: list[Any]) -> None:
            for row, state in enumerate(states):
                left = weight if product else b.fsub(state, weight)
                sums.add(row, left, [state if product else left])

        with cgutils.for_range(b, rows) as loop:
            sums.clear()
            more.clear()
            run.entries(ptr, loop.index, one, put_away)
            put_away()
            own = lanes.broadcast(pool, offset(b, table, b.add(bias, loop.index)))
            found = [b.fadd(total, own) for (total,) in more.values()]
            place = b.add(target, b.mul(loop.index, I64(VECTORS * lanes.count)))
            run.store(found, states, place)

    _both(b, multiply, emit)


@emitted
def sum_rows_back(
    lanes: Lanes,
    pool: Any,
    states: Any,
    deltas: Any,
    gradient: Any,
    table: Any,
    target: Any,
    ptr: Any,
    source: Any,
    kernel: Any,
    rows: Any,
    multiply: Any,
    squared: Any,
) -> None:
    """Hand the deltas from `target` on down to the sources and weights of `sum_rows`."""
    b = lanes.builder
    run = _Rows(lanes, table, states, pool, source, kernel)
    twice = b.icmp_signed("!=", squared, I64(0))

    def power(value: Any) -> Any:
        return b.select(twice, b.fmul(value, value), value)

    def emit(product: bool) -> None:
        with cgutils.for_range(b, rows) as loop:
            place = b.add(target, b.mul(loop.index, I64(VECTORS * lanes.count)))
            above = run.vectors(deltas, place)

            def one(at: Any, place: Any, weight: Any, states: list[Any]) -> None:
                below, total = run.vectors(deltas, place), lanes.constant(0.0)
                for v, (delta, state) in enumerate(zip(above, states, strict=True)):
                    by_source, by_weight = weight, state
                    if not product:
                        by_source = b.fsub(state, weight)
                        by_source = b.fadd(by_source, by_source)
                        by_weight = b.fneg(by_source)
                    below[v] = lanes.fma(delta, power(by_source), below[v])
                    total = lanes.fma(delta, power(by_weight), total)
                run.store(below, deltas, place)
                add_total(lanes, total, b.gep(gradient, [at]))

            run.entries(ptr, loop.index, one, lambda: None)

    _both(b, multiply, emit)
