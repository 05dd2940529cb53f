"""One pattern through a tape: forwards to the states, backwards to the gradient."""

from __future__ import annotations

from typing import Any

from neurograph.kernels.activations import SCALAR, scalar_activation
from neurograph.kernels.gradient_jit import inner, loose
from neurograph.kernels.gradient_rows import rows_back, rows_forward
from neurograph.kernels.gradient_slopes import PARAMETERS, activate, scalar_slope, slope
from neurograph.kernels.gradient_tape import BLOCK, DENSE, ROWS, START, Part
from neurograph.kernels.gradient_vectors import add_runs, copy_runs, dots, lanes_of, outer

KIND, BLOCKS, MAPS, FIELDS = (int(p) for p in (Part.KIND, Part.BLOCKS, Part.MAPS, Part.FIELDS))
STRIDE, SLOTS, ROW, SOURCE = (int(p) for p in (Part.STRIDE, Part.SLOTS, Part.ROW, Part.SOURCE))
RUN, PLACE, COLUMN = (int(p) for p in (Part.RUN, Part.PLACE, Part.COLUMN))
SCRATCH, KERNEL, SLOT = (int(p) for p in (Part.SCRATCH, Part.KERNEL, Part.SLOT))
BIAS, EACH, CODE, PARAMETER = (int(p) for p in (Part.BIAS, Part.EACH, Part.CODE, Part.PARAMETER))
READS, TRAINED, FUSED = (int(p) for p in (Part.READS, Part.TRAINED, Part.FUSED))


@loose
def _sum(array: Any, start: int, count: int) -> Any:
    total = array.dtype.type(0)
    for i in range(start, start + count):
        total += array[i]
    return total


@loose
def _dot(a: Any, i: int, b: Any, j: int, count: int) -> Any:
    total = a.dtype.type(0)
    for k in range(count):
        total += a[i + k] * b[j + k]
    return total


# ---- forwards -------------------------------------------------------------------------------


@inner
def _start(op: Any, table: Any, pool: Any, states: Any) -> None:
    fields = op[FIELDS]
    for r in range(op[MAPS]):
        row = table[op[ROW] + r]
        if op[EACH]:
            for f in range(fields):
                states[row + f] = pool[table[op[BIAS] + r * fields + f]]
        else:
            value = pool[table[op[BIAS] + r]]
            for f in range(op[STRIDE]):
                states[row + f] = value


@inner
def gather(op: Any, table: Any, states: Any, fields: Any) -> None:
    """Copy the sources of a BLOCK or DENSE op to its fields."""
    lanes, rows, length = lanes_of(states), op[BLOCKS], op[SLOTS]
    if op[KIND] == BLOCK:
        rows, length = op[BLOCKS] * op[SLOTS], op[FIELDS]
    run, stride = op[RUN], op[STRIDE]
    if run:
        copy_runs(states, fields, table, op[SOURCE], op[PLACE], rows, length // run, run, stride)
        return
    for r in range(rows):
        place, at = op[PLACE] + r * stride, op[SOURCE] + r * length
        for i in range(length):
            fields[place + i] = states[table[at + i]]
        for i in range(length, min(stride, length + lanes)):
            fields[place + i] = 0


@inner
def _block(op: Any, table: Any, pool: Any, states: Any, fields: Any) -> None:
    maps, slots, vectors = op[MAPS], op[SLOTS], op[STRIDE] // lanes_of(states)
    for b in range(op[BLOCKS]):
        kernel, slot = op[KERNEL] + b * maps, op[SLOT] + b * slots
        column, row = op[COLUMN] + b * slots, op[ROW] + b * maps
        outer(pool, fields, states, table, kernel, slot, column, row, maps, slots, vectors, 0)


@inner
def _dense(op: Any, table: Any, pool: Any, states: Any, fields: Any) -> None:
    lanes, maps, slots = lanes_of(states), op[MAPS], op[SLOTS]
    vectors = slots // lanes
    for b in range(op[BLOCKS]):
        kernel, row = op[KERNEL] + b * maps, op[ROW] + b * maps
        column = op[COLUMN] + b
        dots(pool, fields, states, table, kernel, column, row, 0, maps, 1, vectors)
        done = vectors * lanes
        if done < slots:
            place = table[column] + done
            for m in range(maps):
                at = table[kernel + m] + done
                states[table[row + m]] += _dot(pool, at, fields, place, slots - done)


@inner
def _activate(op: Any, parameters: Any, states: Any, nets: Any) -> None:
    own = parameters[op[PARAMETER] * PARAMETERS :]
    size = op[MAPS] * op[STRIDE]
    lanes = lanes_of(states)
    if op[CODE] < SCALAR:
        activate(states, nets, own, op[ROW], (size + lanes - 1) // lanes, op[CODE])
        return
    for r in range(op[MAPS]):
        row = op[ROW] + r * op[STRIDE]
        for i in range(row, row + op[FIELDS]):
            nets[i] = states[i]
            states[i] = scalar_activation(op[CODE], states[i], own[0])


@inner
def forward(
    ops: Any,
    table: Any,
    parameters: Any,
    pool: Any,
    states: Any,
    nets: Any,
    fields: Any,
) -> None:
    """Compute the states of a pattern whose inputs are there."""
    for i in range(ops.shape[0]):
        op = ops[i]
        kind = op[KIND]
        if kind == START:
            _start(op, table, pool, states)
        elif kind == BLOCK:
            gather(op, table, states, fields)
            _block(op, table, pool, states, fields)
        elif kind == DENSE:
            gather(op, table, states, fields)
            _dense(op, table, pool, states, fields)
        elif kind == ROWS:
            rows_forward(op, table, pool, states)
        else:
            _activate(op, parameters, states, nets)


# ---- backwards ------------------------------------------------------------------------------


@inner
def _start_back(op: Any, table: Any, deltas: Any, gradient: Any) -> None:
    fields = op[FIELDS]
    for r in range(op[MAPS]):
        row = table[op[ROW] + r]
        if op[EACH]:
            for f in range(fields):
                gradient[table[op[BIAS] + r * fields + f]] += deltas[row + f]
        else:
            gradient[table[op[BIAS] + r]] += _sum(deltas, row, fields)


@inner
def scatter(op: Any, table: Any, deltas: Any, scratch: Any, block: int) -> None:
    """Add what `scratch` holds for the fields of one block to the deltas of their sources."""
    rows, length = 1, op[SLOTS]
    if op[KIND] == BLOCK:
        rows, length = op[SLOTS], op[FIELDS]
    run, stride = op[RUN], op[STRIDE]
    if run:
        at = op[SOURCE] + block * rows * (length // run)
        add_runs(scratch, deltas, table, at, 0, rows, length // run, run, stride)
        return
    at = op[SOURCE] + block * rows * length
    for r in range(rows):
        for i in range(length):
            deltas[table[at + r * length + i]] += scratch[r * stride + i]


@inner
def _block_back(
    op: Any,
    table: Any,
    slopes: Any,
    deltas: Any,
    fields: Any,
    gradient: Any,
    scratch: Any,
    reach: int,
) -> None:
    maps, slots, vectors = op[MAPS], op[SLOTS], op[STRIDE] // lanes_of(deltas)
    for b in range(op[BLOCKS]):
        kernel, slot = op[KERNEL] + b * maps, op[SLOT] + b * slots
        column, row = op[COLUMN] + b * slots, op[ROW] + b * maps
        if op[TRAINED]:
            dots(deltas, fields, gradient, table, row, column, kernel, slot, maps, slots, vectors)
        if op[READS] >= reach:
            at = op[SCRATCH]
            outer(slopes, deltas, scratch, table, slot, kernel, row, at, slots, maps, vectors, 1)
            scatter(op, table, deltas, scratch, b)


@loose
def _dense_row_trained(
    fields: Any, gradient: Any, at: int, place: int, slots: int, delta: Any
) -> None:
    for k in range(slots):
        gradient[at + k] += delta * fields[place + k]


@loose
def _dense_row_through(slopes: Any, scratch: Any, at: int, slots: int, delta: Any) -> None:
    for k in range(slots):
        scratch[k] += delta * slopes[at + k]


@loose
def _dense_row_descend(
    pool: Any, rates: Any, fields: Any, at: int, place: int, slots: int, delta: Any
) -> None:
    for k in range(slots):
        pool[at + k] -= rates[at + k] * (delta * fields[place + k])


@inner
def _dense_back(
    op: Any,
    table: Any,
    slopes: Any,
    deltas: Any,
    fields: Any,
    gradient: Any,
    scratch: Any,
    reach: int,
    rates: Any,
) -> None:
    maps, slots, through = op[MAPS], op[SLOTS], op[READS] >= reach
    fused = rates.size > 0 and op[FUSED] != 0
    for b in range(op[BLOCKS]):
        place = table[op[COLUMN] + b]
        for k in range(slots):
            scratch[k] = 0
        for m in range(maps):
            at = table[op[KERNEL] + b * maps + m]
            delta = deltas[table[op[ROW] + b * maps + m]]
            if through:
                _dense_row_through(slopes, scratch, at, slots, delta)
            if fused:
                _dense_row_descend(slopes, rates, fields, at, place, slots, delta)
            elif op[TRAINED]:
                _dense_row_trained(fields, gradient, at, place, slots, delta)
        if through:
            scatter(op, table, deltas, scratch, b)


@inner
def _refresh(op: Any, table: Any, states: Any, fields: Any, again: bool, squared: bool) -> None:
    """Gather the fields of an op once more where they are gone; square them where wanted."""
    if again:
        gather(op, table, states, fields)
    if squared:
        rows = op[BLOCKS] * (op[SLOTS] if op[KIND] == BLOCK else 1)
        for i in range(op[PLACE], op[PLACE] + rows * op[STRIDE]):
            fields[i] *= fields[i]


@inner
def slope_back(
    op: Any, parameters: Any, states: Any, nets: Any, deltas: Any, squared: bool
) -> None:
    """Multiply the deltas of an ACTIVATE op's rows by the slopes of its activation."""
    own = parameters[op[PARAMETER] * PARAMETERS :]
    size = op[MAPS] * op[STRIDE]
    lanes = lanes_of(states)
    if op[CODE] < SCALAR:
        vectors = (size + lanes - 1) // lanes
        slope(states, nets, own, deltas, op[ROW], vectors, op[CODE], int(squared))
        return
    for r in range(op[MAPS]):
        row = op[ROW] + r * op[STRIDE]
        for i in range(row, row + op[FIELDS]):
            found = scalar_slope(op[CODE], nets[i], states[i], own[0])
            deltas[i] *= found * found if squared else found


@inner
def backward(
    ops: Any,
    table: Any,
    parameters: Any,
    pool: Any,
    slopes: Any,
    states: Any,
    nets: Any,
    fields: Any,
    deltas: Any,
    gradient: Any,
    scratch: Any,
    rates: Any,
    reach: int,
    again: bool,
    squared: bool,
) -> None:
    """Add the gradient of a pattern, and to the deltas of everything below those that are there.

    `slopes` is the pool, squared where `squared`. `reach` is NEURONS, or INPUTS where the deltas of
    inputs are wanted as well. Where `rates` are given, ops that are FUSED descend at once.
    """
    for i in range(ops.shape[0] - 1, -1, -1):
        op = ops[i]
        kind = op[KIND]
        if kind == START:
            if op[TRAINED]:
                _start_back(op, table, deltas, gradient)
        elif kind == BLOCK:
            _refresh(op, table, states, fields, again, squared)
            _block_back(op, table, slopes, deltas, fields, gradient, scratch, reach)
        elif kind == DENSE:
            _refresh(op, table, states, fields, again, squared)
            _dense_back(op, table, slopes, deltas, fields, gradient, scratch, reach, rates)
        elif kind == ROWS:
            rows_back(op, table, pool, states, deltas, gradient, scratch, squared)
        else:
            slope_back(op, parameters, states, nets, deltas, squared)
