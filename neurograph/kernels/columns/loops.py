"""Columns: runs a table of ops over few samples, maps or neighbours as lanes.

States are sample-major: state s of sample n is `states[n * size + s]`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from neurograph.kernels.activations import SCALAR
from neurograph.kernels.columns.calls import call_panel, call_strip
from neurograph.kernels.columns.ops import CHUNK, PRODUCT, STRIPS, ColumnOp
from neurograph.kernels.columns.panels import ADDS, FIRST, LAST, VECTORS, most_columns
from neurograph.kernels.compiling import jit
from neurograph.kernels.interpreter import fingerprint, lane_count_of
from neurograph.kernels.scalars import value

_C = ColumnOp
_KIND, _FIELDS, _MAPS, _SLOTS = int(_C.KIND), int(_C.FIELDS), int(_C.MAPS), int(_C.SLOTS)
_INDEX, _RUNS, _RUN, _BLOCKS, _BLOCK = (
    int(c) for c in (_C.INDEX, _C.RUNS, _C.RUN, _C.BLOCKS, _C.BLOCK)
)
_WEIGHT, _STEP, _BIAS, _BIAS_STEP = (int(c) for c in (_C.WEIGHT, _C.STEP, _C.BIAS, _C.BIAS_STEP))
_TARGET, _LENGTH, _ADDEND, _FACTOR = (int(c) for c in (_C.TARGET, _C.LENGTH, _C.ADDEND, _C.FACTOR))
_PAIR, _ACTIVATION, _PARAMETER = int(_C.PAIR), int(_C.ACTIVATION), int(_C.PARAMETER)
_WIDEST = most_columns()


@njit(nogil=True, error_model="numpy")
def _scalar(op: Any, net: Any, parameter: Any) -> Any:
    """Return the scalar activation of an op for one net input."""
    at = op[_PARAMETER]
    return value(op[_ACTIVATION] - SCALAR, net, parameter[at], parameter[at + 1])


@njit(nogil=True, error_model="numpy")
def _squash(op: Any, states: Any, first: int, last: int, parameter: Any) -> None:
    """Apply the scalar activation of an op to the states from first to last."""
    for i in range(first, last):
        states[i] = _scalar(op, states[i], parameter)


@njit(nogil=True, error_model="numpy")
def _product(
    op: Any, samples: int, part: int, parts: int, states: Any, size: int, tables: Any
) -> None:
    """Run one product; `part` of `parts` of its columns, or of its maps where columns are few."""
    row, parameter = tables[1], tables[4]
    fields, maps = op[_FIELDS], op[_MAPS]
    count = fields * samples
    lanes = lane_count_of(states)
    width = VECTORS * lanes
    panels_ = -(-maps // width)
    by_maps = count < 2 * _WIDEST * parts
    chunks = -(-count // CHUNK)
    if not by_maps:
        chunks = -(-chunks // parts) * parts
    low, high = (0, chunks) if by_maps else (chunks * part // parts, chunks * (part + 1) // parts)
    first, last = (
        (panels_ * part // parts, panels_ * (part + 1) // parts) if by_maps else (0, panels_)
    )
    sample, field, start, target, addend = (
        np.empty(CHUNK + 1, np.int64),
        np.empty(CHUNK + 1, np.int64),
        np.empty(CHUNK + 1, np.int64),
        np.empty(CHUNK + 1, np.int64),
        np.empty(CHUNK + 1, np.int64),
    )
    columns = (sample, field, start, target, addend)
    for chunk in range(low, high):
        column = count * chunk // chunks
        n = count * (chunk + 1) // chunks - column
        for c in range(n):
            number = (column + c) // fields
            f = column + c - number * fields
            sample[c], field[c] = number * size, f * op[_RUNS]
            start[c] = f * op[_BIAS_STEP]
            target[c] = number * size + row[op[_TARGET] + f] + first * width
            if op[_ADDEND] >= 0:
                addend[c] = number * size + row[op[_ADDEND] + f] + first * width
        _chunk(op, n, first, last, states, columns, tables)
        if op[_ACTIVATION] >= SCALAR:
            for c in range(n):
                begin = target[c]
                _squash(
                    op, states, begin, begin + min(last * width, maps) - first * width, parameter
                )


@njit(nogil=True, error_model="numpy")
def _chunk(op: Any, n: int, first: int, last: int, states: Any, columns: Any, tables: Any) -> None:
    """Run the panels first to last of a chunk of n columns; targets are those of the first."""
    index, row, weight, bias, parameter = tables
    target, addend = columns[3], columns[4]
    lanes = lane_count_of(states)
    width = VECTORS * lanes
    groups = -(-n // _WIDEST)
    factor = bias[op[_FACTOR]]
    for block in range(op[_BLOCKS]):
        at = op[_BLOCK] + block
        stage = (FIRST if block == 0 else 0) | (LAST if block == op[_BLOCKS] - 1 else 0)
        if op[_ADDEND] >= 0 and block == op[_BLOCKS] - 1:
            stage |= ADDS
        for p in range(first, last):
            vectors = VECTORS if op[_MAPS] - p * width > lanes else 1
            offsets = (
                op[_INDEX],
                op[_RUN],
                op[_WEIGHT] + p * width * op[_SLOTS],
                op[_BIAS] + p * width,
                op[_PARAMETER],
            )
            numbers = (np.int64(row[at]), np.int64(row[at + 1]), stage, op[_ACTIVATION])
            for g in range(groups):
                begin, end = n * g // groups, n * (g + 1) // groups
                shape = (end - begin - 1) * VECTORS + vectors - 1
                call_panel(
                    shape,
                    states,
                    columns,
                    begin,
                    index,
                    row,
                    weight,
                    bias,
                    parameter,
                    offsets,
                    numbers,
                    factor,
                )
            for c in range(n):
                target[c] += width
                addend[c] += width
        for c in range(n):
            target[c] -= (last - first) * width
            addend[c] -= (last - first) * width


@njit(nogil=True, error_model="numpy")
def _strips(
    op: Any, samples: int, part: int, parts: int, states: Any, size: int, tables: Any
) -> None:
    """Run one op of strips; `part` of `parts` of all samples' strips."""
    index, row, weight, bias, parameter = tables
    lanes = lane_count_of(states)
    count = op[_FIELDS] * samples
    for i in range(count * part // parts, count * (part + 1) // parts):
        number = i // op[_FIELDS]
        strip = i - number * op[_FIELDS]
        length = np.int64(row[op[_LENGTH] + strip])
        target = number * size + row[op[_TARGET] + strip]
        offsets = (op[_INDEX] + strip * op[_SLOTS], op[_WEIGHT], op[_BIAS], op[_PARAMETER])
        numbers = (-(-length // lanes), op[_SLOTS], op[_STEP], op[_ACTIVATION])
        at = (number * size, target)
        call_strip(op[_PAIR], states, at, index, weight, bias, parameter, offsets, numbers)
        if op[_ACTIVATION] >= SCALAR:
            _squash(op, states, target, target + length, parameter)


@njit(nogil=True, error_model="numpy")
def _net(pair: int, weight: Any, state: Any, first: int, last: int, index: Any, base: int) -> Any:
    """Return the reduction of the slots first to last; pair is 4 * combine + reduce."""
    combine, reduce = pair >> 2, pair & 3
    total = 0.0 if reduce == 0 else 1.0
    if reduce > 1:
        total = -np.inf if reduce == 2 else np.inf
    for i in range(first, last):
        term = state[base + index[i]]
        term = weight[i] * term if combine == 0 else (term - weight[i]) * (term - weight[i])
        if reduce == 0:
            total += term
        elif reduce == 1:
            total *= term
        elif not (total != total or (total > term if reduce == 2 else total < term)):
            total = term
    return total


@njit(nogil=True, error_model="numpy")
def _vector_activation(code: int, a: Any, p: Any, at: int) -> Any:
    """Return what the vector activations are, for one state."""
    if code == 1:
        a = p[at] if a < p[at] else a
        return p[at + 1] if a > p[at + 1] else a
    if code == 2:
        return p[at] * np.tanh(a * p[at + 1]) + p[at + 2]
    return a if code == 0 or a > 0 else a * p[at]


@njit(nogil=True, error_model="numpy")
def _rows(
    op: Any, samples: int, part: int, parts: int, states: Any, size: int, tables: Any
) -> None:
    """Run neurons one by one; `part` of `parts` of them."""
    index, row, weight, bias, parameter = tables
    rows = op[_FIELDS]
    for r in range(rows * part // parts, rows * (part + 1) // parts):
        first, last = row[op[_LENGTH] + r], row[op[_LENGTH] + r + 1]
        for number in range(samples):
            base = number * size
            net = _net(
                op[_PAIR],
                weight[op[_WEIGHT] :],
                states,
                first,
                last,
                index[op[_INDEX] :],
                base,
            )
            net += bias[op[_BIAS] + r]
            if op[_ACTIVATION] >= SCALAR:
                net = _scalar(op, net, parameter)
            else:
                net = _vector_activation(op[_ACTIVATION], net, parameter, op[_PARAMETER])
            states[base + row[op[_TARGET] + r]] = net


def _build(digest: str) -> Callable[..., None]:
    # Only the digest is closed over: numba keys its cache by what a function closes over.
    @jit(nogil=True, error_model="numpy")
    def run_columns(
        ops: Any,
        first: int,
        last: int,
        samples: int,
        part: int,
        parts: int,
        states: Any,
        size: int,
        index: Any,
        row: Any,
        weight: Any,
        bias: Any,
        parameter: Any,
    ) -> None:
        """Run part `part` of `parts` of the ops first to last."""
        _ = digest
        tables = (index, row, weight, bias, parameter)
        for i in range(first, last):
            op = ops[i]
            if op[_KIND] == PRODUCT:
                _product(op, samples, part, parts, states, size, tables)
            elif op[_KIND] == STRIPS:
                _strips(op, samples, part, parts, states, size, tables)
            else:
                _rows(op, samples, part, parts, states, size, tables)

    return run_columns


run_columns = _build(fingerprint())
