"""Neurons computed one by one, with any (combine, reduce), over a block of samples."""

from __future__ import annotations

from typing import Any

from neurograph.kernels.gradient.inside import inner
from neurograph.kernels.gradient.row_sums import sum_rows, sum_rows_back
from neurograph.kernels.gradient.rows import (
    BIAS,
    CODE,
    KERNEL,
    KINDS,
    MAPS,
    MULTIPLY,
    PRODUCT,
    PTR,
    ROW,
    SOURCE,
    SUM,
    better,
    term,
)


@inner
def rows_forward(op: Any, table: Any, pool: Any, states: Any, samples: int) -> None:
    """Compute the net inputs of a ROWS op."""
    combine, reduce = op[CODE] // KINDS, op[CODE] % KINDS
    if reduce == SUM:
        multiply = int(combine == MULTIPLY)
        sum_rows(
            pool,
            states,
            table,
            op[ROW],
            op[PTR],
            op[SOURCE],
            op[KERNEL],
            op[BIAS],
            op[MAPS],
            multiply,
        )
        return
    start = states.dtype.type(1 if reduce == PRODUCT else 0)
    for row in range(op[MAPS]):
        first, last = table[op[PTR] + row], table[op[PTR] + row + 1]
        at = op[ROW] + row * samples
        states[at : at + samples] = start
        for e in range(first, last):
            weight, source = pool[table[op[KERNEL] + e]], table[op[SOURCE] + e]
            for s in range(samples):
                found = term(combine, weight, states[source + s])
                if reduce == PRODUCT:
                    states[at + s] *= found
                elif e == first or better(reduce, found, states[at + s]):
                    states[at + s] = found
        bias = pool[table[op[BIAS] + row]]
        for s in range(samples):
            states[at + s] += bias


@inner
def _hand_down(
    op: Any,
    e: int,
    share: Any,
    delta: Any,
    table: Any,
    pool: Any,
    states: Any,
    deltas: Any,
    squared: bool,
    s: int,
) -> Any:
    """Add what a neuron hands down through its term e for one sample.

    `share` is by how much the term changes it. Return the gradient of the term's weight.
    """
    source = table[op[SOURCE] + e] + s
    weight, state = pool[table[op[KERNEL] + e]], states[source]
    if op[CODE] // KINDS == MULTIPLY:
        by_source, by_weight = share * weight, share * state
    else:
        by_source = share * (state - weight)
        by_source += by_source
        by_weight = -by_source
    if squared:
        by_source, by_weight = by_source * by_source, by_weight * by_weight
    deltas[source] += delta * by_source
    return delta * by_weight


@inner
def _product_back(
    op: Any,
    row: int,
    table: Any,
    pool: Any,
    states: Any,
    deltas: Any,
    gradient: Any,
    scratch: Any,
    squared: bool,
    samples: int,
) -> None:
    """Each factor gets the product of those before, in `scratch`, and of those after it."""
    combine, at = op[CODE] // KINDS, op[ROW] + row * samples
    first, last = table[op[PTR] + row], table[op[PTR] + row + 1]
    for s in range(samples):
        before = deltas.dtype.type(1)
        for e in range(first, last):
            scratch[e - first] = before
            before *= term(combine, pool[table[op[KERNEL] + e]], states[table[op[SOURCE] + e] + s])
        after, delta = deltas.dtype.type(1), deltas[at + s]
        for e in range(last - 1, first - 1, -1):
            share = scratch[e - first] * after
            gradient[table[op[KERNEL] + e]] += _hand_down(
                op, e, share, delta, table, pool, states, deltas, squared, s
            )
            after *= term(combine, pool[table[op[KERNEL] + e]], states[table[op[SOURCE] + e] + s])


@inner
def _winner_back(
    op: Any,
    row: int,
    table: Any,
    pool: Any,
    states: Any,
    deltas: Any,
    gradient: Any,
    squared: bool,
    samples: int,
) -> None:
    combine, reduce = op[CODE] // KINDS, op[CODE] % KINDS
    at, one = op[ROW] + row * samples, deltas.dtype.type(1)
    first, last = table[op[PTR] + row], table[op[PTR] + row + 1]
    for s in range(samples if first < last else 0):
        winner, best = first, one
        for e in range(first, last):
            found = term(combine, pool[table[op[KERNEL] + e]], states[table[op[SOURCE] + e] + s])
            if e == first or better(reduce, found, best):
                winner, best = e, found
        gradient[table[op[KERNEL] + winner]] += _hand_down(
            op, winner, one, deltas[at + s], table, pool, states, deltas, squared, s
        )


@inner
def rows_back(
    op: Any,
    table: Any,
    pool: Any,
    states: Any,
    deltas: Any,
    gradient: Any,
    scratch: Any,
    squared: bool,
    samples: int,
) -> None:
    """Hand the deltas of the net inputs of a ROWS op down to weights, biases and sources."""
    reduce, multiply = op[CODE] % KINDS, int(op[CODE] // KINDS == MULTIPLY)
    if reduce == SUM:
        sum_rows_back(
            pool,
            states,
            deltas,
            gradient,
            table,
            op[ROW],
            op[PTR],
            op[SOURCE],
            op[KERNEL],
            op[MAPS],
            multiply,
            int(squared),
        )
    for row in range(op[MAPS]):
        at, total = op[ROW] + row * samples, deltas.dtype.type(0)
        for s in range(samples):
            total += deltas[at + s]
        gradient[table[op[BIAS] + row]] += total
        if reduce == PRODUCT:
            _product_back(op, row, table, pool, states, deltas, gradient, scratch, squared, samples)
        elif reduce != SUM:
            _winner_back(op, row, table, pool, states, deltas, gradient, squared, samples)
