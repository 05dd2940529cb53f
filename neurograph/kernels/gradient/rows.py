"""Neurons computed one by one, with any (combine, reduce), and their gradients."""

from __future__ import annotations

from typing import Any

from neurograph.kernels.gradient.inside import inner
from neurograph.kernels.gradient.tape import COMBINES, REDUCES, Part

MAPS, ROW, SOURCE = (int(p) for p in (Part.MAPS, Part.ROW, Part.SOURCE))
KERNEL, BIAS, PTR, CODE = (int(p) for p in (Part.KERNEL, Part.BIAS, Part.PTR, Part.CODE))
TRAINED = int(Part.TRAINED)
KINDS = len(REDUCES)
MULTIPLY = COMBINES.index("multiply")
SUM, PRODUCT, MAX = (REDUCES.index(name) for name in ("sum", "product", "max"))
_LINEAR = MULTIPLY * KINDS + SUM


@inner
def term(combine: int, weight: Any, source: Any) -> Any:
    """Return combine(weight, source)."""
    if combine == MULTIPLY:
        return weight * source
    return (source - weight) * (source - weight)


@inner
def better(reduce: int, found: Any, best: Any) -> bool:
    """Whether a term wins over the best so far; a NaN wins once and stays."""
    if best != best:
        return False
    if reduce == MAX:
        return found > best or found != found
    return found < best or found != found


@inner
def rows_forward(op: Any, table: Any, pool: Any, states: Any) -> None:
    """Compute the net inputs of a ROWS op."""
    combine, reduce = op[CODE] // KINDS, op[CODE] % KINDS
    for row in range(op[MAPS]):
        first, last = table[op[PTR] + row], table[op[PTR] + row + 1]
        bias = pool[table[op[BIAS] + row]]
        net = states.dtype.type(1 if reduce == PRODUCT else 0)
        total = 0.0  # a long sum keeps its digits
        for e in range(first, last):
            weight, source = pool[table[op[KERNEL] + e]], states[table[op[SOURCE] + e]]
            found = term(combine, weight, source)
            if reduce == SUM:
                total += found
            elif reduce == PRODUCT:
                net *= found
            elif e == first or better(reduce, found, net):
                net = found
        states[op[ROW] + row] = (total if reduce == SUM else net) + bias


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
    gradient: Any,
    squared: bool,
) -> None:
    """Add what a neuron with `delta`, by whose term e it changes `share`, hands down through it."""
    at, from_ = table[op[KERNEL] + e], table[op[SOURCE] + e]
    weight, source = pool[at], states[from_]
    if op[CODE] // KINDS == MULTIPLY:
        by_source, by_weight = share * weight, share * source
    else:
        by_source = share * (source - weight)
        by_source += by_source
        by_weight = -by_source
    if squared:
        by_source, by_weight = by_source * by_source, by_weight * by_weight
    deltas[from_] += delta * by_source
    gradient[at] += delta * by_weight


@inner
def _linear_back(
    op: Any,
    row: int,
    table: Any,
    pool: Any,
    states: Any,
    deltas: Any,
    gradient: Any,
    squared: bool,
) -> None:
    delta = deltas[op[ROW] + row]
    for e in range(table[op[PTR] + row], table[op[PTR] + row + 1]):
        at, from_ = table[op[KERNEL] + e], table[op[SOURCE] + e]
        weight, source = pool[at], states[from_]
        if squared:
            weight, source = weight * weight, source * source
        deltas[from_] += delta * weight
        gradient[at] += delta * source


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
) -> None:
    """Hand the deltas of the net inputs of a ROWS op down to weights, biases and sources."""
    combine, reduce = op[CODE] // KINDS, op[CODE] % KINDS
    for row in range(op[MAPS]):
        first, last = table[op[PTR] + row], table[op[PTR] + row + 1]
        delta = deltas[op[ROW] + row]
        one = deltas.dtype.type(1)
        gradient[table[op[BIAS] + row]] += delta
        if op[CODE] == _LINEAR:
            _linear_back(op, row, table, pool, states, deltas, gradient, squared)
        elif reduce == SUM:
            for e in range(first, last):
                _hand_down(op, e, one, delta, table, pool, states, deltas, gradient, squared)
        elif reduce == PRODUCT:
            before = one
            for e in range(first, last):
                scratch[e - first] = before
                before *= term(combine, pool[table[op[KERNEL] + e]], states[table[op[SOURCE] + e]])
            after = one
            for e in range(last - 1, first - 1, -1):
                share = scratch[e - first] * after
                _hand_down(op, e, share, delta, table, pool, states, deltas, gradient, squared)
                after *= term(combine, pool[table[op[KERNEL] + e]], states[table[op[SOURCE] + e]])
        elif first < last:
            winner, best = first, one
            for e in range(first, last):
                found = term(combine, pool[table[op[KERNEL] + e]], states[table[op[SOURCE] + e]])
                if e == first or better(reduce, found, best):
                    winner, best = e, found
            _hand_down(op, winner, one, delta, table, pool, states, deltas, gradient, squared)
