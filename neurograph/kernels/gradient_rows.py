"""Neurons computed one by one, with any (combine, reduce), and their gradients."""

from __future__ import annotations

from typing import Any

from neurograph.kernels.gradient_jit import inner
from neurograph.kernels.gradient_tape import COMBINES, REDUCES, Part

_MAPS, _ROW, _SOURCE = (int(p) for p in (Part.MAPS, Part.ROW, Part.SOURCE))
_KERNEL, _BIAS, _PTR, _CODE = (int(p) for p in (Part.KERNEL, Part.BIAS, Part.PTR, Part.CODE))
_TRAINED = int(Part.TRAINED)
_KINDS = len(REDUCES)
_MULTIPLY = COMBINES.index("multiply")
_SUM, _PRODUCT, _MAX = (REDUCES.index(name) for name in ("sum", "product", "max"))
_LINEAR = _MULTIPLY * _KINDS + _SUM


@inner
def _term(combine: int, weight: Any, source: Any) -> Any:
    if combine == _MULTIPLY:
        return weight * source
    return (source - weight) * (source - weight)


@inner
def _better(reduce: int, term: Any, best: Any) -> bool:
    """Whether a term wins over the best so far; a NaN wins once and stays."""
    if best != best:
        return False
    if reduce == _MAX:
        return term > best or term != term
    return term < best or term != term


@inner
def rows_forward(op: Any, table: Any, pool: Any, states: Any) -> None:
    """Compute the net inputs of a ROWS op."""
    combine, reduce = op[_CODE] // _KINDS, op[_CODE] % _KINDS
    for row in range(op[_MAPS]):
        first, last = table[op[_PTR] + row], table[op[_PTR] + row + 1]
        bias = pool[table[op[_BIAS] + row]]
        net = states.dtype.type(1 if reduce == _PRODUCT else 0)
        for e in range(first, last):
            weight, source = pool[table[op[_KERNEL] + e]], states[table[op[_SOURCE] + e]]
            term = _term(combine, weight, source)
            if reduce == _SUM:
                net += term
            elif reduce == _PRODUCT:
                net *= term
            elif e == first or _better(reduce, term, net):
                net = term
        states[op[_ROW] + row] = net + bias


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
    at, from_ = table[op[_KERNEL] + e], table[op[_SOURCE] + e]
    weight, source = pool[at], states[from_]
    if op[_CODE] // _KINDS == _MULTIPLY:
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
    delta = deltas[op[_ROW] + row]
    for e in range(table[op[_PTR] + row], table[op[_PTR] + row + 1]):
        at, from_ = table[op[_KERNEL] + e], table[op[_SOURCE] + e]
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
    combine, reduce = op[_CODE] // _KINDS, op[_CODE] % _KINDS
    for row in range(op[_MAPS]):
        first, last = table[op[_PTR] + row], table[op[_PTR] + row + 1]
        delta = deltas[op[_ROW] + row]
        one = deltas.dtype.type(1)
        gradient[table[op[_BIAS] + row]] += delta
        if op[_CODE] == _LINEAR:
            _linear_back(op, row, table, pool, states, deltas, gradient, squared)
        elif reduce == _SUM:
            for e in range(first, last):
                _hand_down(op, e, one, delta, table, pool, states, deltas, gradient, squared)
        elif reduce == _PRODUCT:
            before = one
            for e in range(first, last):
                scratch[e - first] = before
                before *= _term(
                    combine, pool[table[op[_KERNEL] + e]], states[table[op[_SOURCE] + e]]
                )
            after = one
            for e in range(last - 1, first - 1, -1):
                share = scratch[e - first] * after
                _hand_down(op, e, share, delta, table, pool, states, deltas, gradient, squared)
                after *= _term(
                    combine, pool[table[op[_KERNEL] + e]], states[table[op[_SOURCE] + e]]
                )
        elif first < last:
            winner, best = first, one
            for e in range(first, last):
                term = _term(combine, pool[table[op[_KERNEL] + e]], states[table[op[_SOURCE] + e]])
                if e == first or _better(reduce, term, best):
                    winner, best = e, term
            _hand_down(op, winner, one, delta, table, pool, states, deltas, gradient, squared)
