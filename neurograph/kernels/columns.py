"""Columns: runs a table of ops over few samples, maps or neighbours as lanes.

States are sample-major: state s of sample n is `states[n * size + s]`. An op is a row of 64-bit
numbers, its columns named by `ColumnOp`; offsets are into the tables of a plan.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels import panels, strips
from neurograph.kernels.activations import SCALAR, scalar_activation
from neurograph.kernels.interpreter import fingerprint, lane_count_of
from neurograph.kernels.lanes import I64
from neurograph.kernels.panels import ADDS, FIRST, LAST, VECTORS, most_columns
from neurograph.kernels.tiles import LINEAR

CHUNK = 192  # columns whose states and sums stay in the cache while all maps pass
PRODUCT, STRIPS, ROWS = range(3)


class ColumnOp(IntEnum):
    """The columns of an op."""

    KIND = 0
    FIELDS = 1  # of a product; strips; rows
    MAPS = 2  # of a product
    SLOTS = 3  # of a field or strip
    INDEX = 4  # [field][run], [strip][slot], or a row's slots
    RUNS = 5  # how many
    RUN = 6  # [run] (length, first row of weight)
    BLOCKS = 7  # how many blocks of slots
    BLOCK = 8  # [block] first run, and one past the last
    WEIGHT = 9
    STEP = 10  # from a slot's weights to the next's
    BIAS = 11
    BIAS_STEP = 12  # from a field's biases to the next's
    TARGET = 13  # [field], [strip], [row]
    LENGTH = 14  # [strip]; or [row] first slot, and one past the last
    ADDEND = 15  # [field], or -1
    FACTOR = 16  # of the addend, a place in the biases
    PAIR = 17
    ACTIVATION = 18
    PARAMETER = 19


_C = ColumnOp
_KIND, _FIELDS, _MAPS, _SLOTS = int(_C.KIND), int(_C.FIELDS), int(_C.MAPS), int(_C.SLOTS)
_INDEX, _RUNS, _RUN, _BLOCKS, _BLOCK = (
    int(c) for c in (_C.INDEX, _C.RUNS, _C.RUN, _C.BLOCKS, _C.BLOCK)
)
_WEIGHT, _STEP, _BIAS, _BIAS_STEP = (int(c) for c in (_C.WEIGHT, _C.STEP, _C.BIAS, _C.BIAS_STEP))
_TARGET, _LENGTH, _ADDEND, _FACTOR = (int(c) for c in (_C.TARGET, _C.LENGTH, _C.ADDEND, _C.FACTOR))
_PAIR, _ACTIVATION, _PARAMETER = int(_C.PAIR), int(_C.ACTIVATION), int(_C.PARAMETER)
_WIDEST = most_columns()


def _pointer(context: Any, builder: ir.IRBuilder, kind: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _choose(b: ir.IRBuilder, number: Any, calls: list[Callable[[], None]]) -> None:
    """Emit the call that `number` says."""
    after = b.append_basic_block("called")
    switch = b.switch(number, after)
    for i, call in enumerate(calls):
        block = b.append_basic_block(f"call{i}")
        switch.add_case(I64(i), block)
        b.position_at_end(block)
        call()
        b.branch(after)
    b.position_at_end(after)


@intrinsic
def _panel(
    typing: Any,
    shape: Any,
    states: Any,
    columns: Any,
    at: Any,
    index: Any,
    row: Any,
    weight: Any,
    bias: Any,
    parameter: Any,
    offsets: Any,
    numbers: Any,
    factor: Any,
) -> Any:
    """Run the panel kernel of (columns - 1) * VECTORS + vectors - 1 = `shape`.

    columns: (sample, field, start, target, addend) arrays, read from `at`; offsets: into (index,
    row, weight, bias, parameter); numbers: (first, last, stage, activation).
    """

    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        kinds = signature.args
        arrays = cgutils.unpack_tuple(b, given[2])
        sample, field, start, target, addend = (
            _pointer(context, b, kinds[2][i], arrays[i], given[3]) for i in range(5)
        )
        offset = cgutils.unpack_tuple(b, given[9])
        index_, run, weight_, bias_, parameter_ = (
            _pointer(context, b, kinds[4 + i], given[4 + i], offset[i]) for i in range(5)
        )
        numbers_ = cgutils.unpack_tuple(b, given[10])
        states_ = _pointer(context, b, kinds[1], given[1], I64(0))
        arguments = panels.Panel(
            *(states_, sample, field, index_, run, weight_, bias_, start, target, addend),
            *(parameter_, *numbers_, given[11]),
        )
        element = context.get_data_type(kinds[1].dtype)

        def call(c: int, v: int) -> Callable[[], None]:
            return lambda: b.call(panels.declare(b.module, c, v, element), arguments)

        each = [call(c, v) for c in range(1, _WIDEST + 1) for v in range(1, VECTORS + 1)]
        _choose(b, given[0], each)
        return context.get_dummy_value()

    i = types.int64
    five, four = types.UniTuple(i, 5), types.UniTuple(i, 4)
    kinds = i, states, columns, i, index, row, weight, bias, parameter, five, four, states.dtype
    return types.void(*kinds), emit


@intrinsic
def _strip(
    typing: Any,
    kind: Any,
    states: Any,
    at: Any,
    index: Any,
    weight: Any,
    bias: Any,
    parameter: Any,
    offsets: Any,
    numbers: Any,
) -> Any:
    """Run a strip kernel: `kind` is a place in strips.SHARED, or one past them for own weights.

    at: (sample, target) in the states; offsets: into (index, weight, bias, parameter); numbers:
    (vectors, slots, step, activation).
    """

    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        kinds = signature.args
        at_, offset = cgutils.unpack_tuple(b, given[2]), cgutils.unpack_tuple(b, given[7])
        states_, target = (_pointer(context, b, kinds[1], given[1], place) for place in at_)
        index_, weight_, bias_, parameter_ = (
            _pointer(context, b, kinds[3 + i], given[3 + i], offset[i]) for i in range(4)
        )
        numbers_ = cgutils.unpack_tuple(b, given[8])
        arguments = strips.Strip(states_, index_, weight_, bias_, target, parameter_, *numbers_)
        element = context.get_data_type(kinds[1].dtype)

        def call(pair: Any, shared: bool) -> Callable[[], None]:
            return lambda: b.call(strips.declare(b.module, pair, shared, element), arguments)

        each = [call(pair, True) for pair in strips.SHARED]
        _choose(b, given[0], [*each, call(LINEAR, False)])
        return context.get_dummy_value()

    i = types.int64
    two, four = types.UniTuple(i, 2), types.UniTuple(i, 4)
    return types.void(i, states, two, index, weight, bias, parameter, four, four), emit


@njit(nogil=True, error_model="numpy")
def _squash(op: Any, states: Any, first: int, last: int, parameter: Any) -> None:
    """Apply the scalar activation of an op to the states from first to last."""
    for i in range(first, last):
        states[i] = scalar_activation(op[_ACTIVATION], states[i], parameter[op[_PARAMETER]])


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
                _panel(
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
        _strip(op[_PAIR], states, at, index, weight, bias, parameter, offsets, numbers)
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
                net = scalar_activation(op[_ACTIVATION], net, parameter[op[_PARAMETER]])
            else:
                net = _vector_activation(op[_ACTIVATION], net, parameter, op[_PARAMETER])
            states[base + row[op[_TARGET] + r]] = net


def _build(digest: str) -> Callable[..., None]:
    # Only the digest is closed over: numba keys its cache by what a function closes over.
    @njit(cache=True, nogil=True, error_model="numpy")
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
