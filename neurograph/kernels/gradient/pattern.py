"""One pattern through a tape: forwards to the states, backwards to the gradient."""

from __future__ import annotations

from typing import Any

from neurograph.kernels.activations import SCALAR
from neurograph.kernels.gradient.dense import DESCEND, THROUGH, TRAIN, dense_rows
from neurograph.kernels.gradient.inside import inner
from neurograph.kernels.gradient.pattern_products import dots, outer
from neurograph.kernels.gradient.rows import rows_back, rows_forward
from neurograph.kernels.gradient.runs import add_runs, copy_runs
from neurograph.kernels.gradient.slopes import PARAMETERS, activate, slope
from neurograph.kernels.gradient.tape import ACTIVATE, BLOCK, DENSE, REPEAT, ROWS, START, Part
from neurograph.kernels.interpreter import lane_count_of
from neurograph.kernels.scalars import slope as scalar_slope
from neurograph.kernels.scalars import value

KIND, BLOCKS, MAPS, FIELDS = (int(p) for p in (Part.KIND, Part.BLOCKS, Part.MAPS, Part.FIELDS))
STRIDE, SLOTS, ROW, SOURCE = (int(p) for p in (Part.STRIDE, Part.SLOTS, Part.ROW, Part.SOURCE))
RUN, PLACE, COLUMN = (int(p) for p in (Part.RUN, Part.PLACE, Part.COLUMN))
SCRATCH, KERNEL, SLOT = (int(p) for p in (Part.SCRATCH, Part.KERNEL, Part.SLOT))
BIAS, EACH, CODE, PARAMETER = (int(p) for p in (Part.BIAS, Part.EACH, Part.CODE, Part.PARAMETER))
READS, TRAINED, FUSED = (int(p) for p in (Part.READS, Part.TRAINED, Part.FUSED))
ZEROS = int(Part.ZEROS)


LONG = 1 << 8  # vectors that are added up in the dtype of the states; sums of more have more digits
ADD = -1  # `outer` adds to what is there


# ---- forwards -------------------------------------------------------------------------------


@inner
def start(op: Any, table: Any, pool: Any, states: Any, fields: Any) -> None:
    """Set the rows of a START op to their biases."""
    row, bias, maps = op[ROW], op[BIAS], op[MAPS]
    if op[STRIDE] > 1 and not op[EACH]:
        vectors = op[STRIDE] // lane_count_of(states)
        outer(pool, fields, states, table, row, row, row, row, maps, 0, vectors, bias)
        return
    each = op[FIELDS]
    for r in range(maps):
        for f in range(each):
            states[table[row + r] + f] = pool[table[bias + r * each + f]]


@inner
def gather(op: Any, table: Any, states: Any, fields: Any) -> None:
    """Copy the sources of a BLOCK or DENSE op to its fields."""
    rows, length = op[BLOCKS], op[SLOTS]
    if op[KIND] == BLOCK:
        rows, length = op[BLOCKS] * op[SLOTS], op[FIELDS]
    run, stride = op[RUN], op[STRIDE]
    copy_runs(states, fields, table, op[SOURCE], op[PLACE], rows, length // run, run, stride)


@inner
def _block(op: Any, table: Any, pool: Any, states: Any, fields: Any) -> None:
    maps, slots, vectors = op[MAPS], op[SLOTS], op[STRIDE] // lane_count_of(states)
    for b in range(op[BLOCKS]):
        kernel, slot = op[KERNEL] + b * maps, op[SLOT] + b * slots
        column, row = op[COLUMN] + b * slots, op[ROW] + b * maps
        start = ADD if op[BIAS] < 0 else op[BIAS] + b * maps
        outer(pool, fields, states, table, kernel, slot, column, row, maps, slots, vectors, start)


@inner
def _dense(op: Any, table: Any, pool: Any, states: Any, fields: Any) -> None:
    maps, vectors = op[MAPS], op[STRIDE] // lane_count_of(states)
    for b in range(op[BLOCKS]):
        kernel, row = op[KERNEL] + b * maps, op[ROW] + b * maps
        dots(pool, fields, states, table, kernel, op[COLUMN] + b, row, 0, maps, 1, vectors)


@inner
def finish(op: Any, parameters: Any, states: Any, nets: Any) -> None:
    """Apply the activation of an ACTIVATE op to its rows."""
    own = parameters[op[PARAMETER] * PARAMETERS :]
    size = op[MAPS] * op[STRIDE]
    lanes = lane_count_of(states)
    if op[CODE] < SCALAR:
        activate(states, nets, own, op[ROW], (size + lanes - 1) // lanes, op[CODE])
        return
    for r in range(op[MAPS]):
        row = op[ROW] + r * op[STRIDE]
        for i in range(row, row + op[FIELDS]):
            nets[i] = states[i]
            states[i] = value(op[CODE] - SCALAR, states[i], own[0], own[1])


@inner
def repeat(op: Any, table: Any, states: Any) -> None:
    """Copy the states of a REPEAT op."""
    for i in range(op[MAPS]):
        source, copy = table[op[SOURCE] + i], table[op[ROW] + i]
        states[copy : copy + op[STRIDE]] = states[source : source + op[STRIDE]]


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
        if kind == START and not op[FUSED]:
            start(op, table, pool, states, fields)
        elif kind == BLOCK:
            gather(op, table, states, fields)
            _block(op, table, pool, states, fields)
        elif kind == DENSE:
            gather(op, table, states, fields)
            _dense(op, table, pool, states, fields)
        elif kind == ROWS:
            rows_forward(op, table, pool, states)
        elif kind == ACTIVATE:
            finish(op, parameters, states, nets)
        elif kind == REPEAT:
            repeat(op, table, states)


# ---- backwards ------------------------------------------------------------------------------


@inner
def start_back(op: Any, table: Any, deltas: Any, fields: Any, gradient: Any) -> None:
    """Add the deltas of the rows of a START op to the gradient of their biases."""
    row, bias, maps = op[ROW], op[BIAS], op[MAPS]
    if op[STRIDE] > 1 and not op[EACH]:  # the fields begin with ones
        lanes = lane_count_of(deltas)
        vectors = op[STRIDE] // lanes
        if vectors <= LONG:
            dots(deltas, fields, gradient, table, row, 0, bias, 0, maps, 1, vectors)
            return
        for r in range(maps):
            place = table[bias + r]
            total = float(gradient[place])
            for v in range(0, vectors, LONG):
                gradient[place], some = 0, min(LONG, vectors - v)
                own = deltas[v * lanes :]
                dots(own, fields, gradient, table, row + r, 0, bias + r, 0, 1, 1, some)
                total += gradient[place]
            gradient[place] = total
        return
    each = op[FIELDS]
    for r in range(maps):
        for f in range(each):
            gradient[table[bias + r * each + f]] += deltas[table[row + r] + f]


@inner
def scatter(op: Any, table: Any, deltas: Any, scratch: Any, block: int) -> None:
    """Add what `scratch` holds for the fields of one block to the deltas of their sources."""
    rows, length = 1, op[SLOTS]
    if op[KIND] == BLOCK:
        rows, length = op[SLOTS], op[FIELDS]
    run, stride = op[RUN], op[STRIDE]
    at = op[SOURCE] + block * rows * (length // run)
    add_runs(scratch, deltas, table, at, 0, rows, length // run, run, stride)


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
    maps, slots, vectors = op[MAPS], op[SLOTS], op[STRIDE] // lane_count_of(deltas)
    for b in range(op[BLOCKS]):
        kernel, slot = op[KERNEL] + b * maps, op[SLOT] + b * slots
        column, row = op[COLUMN] + b * slots, op[ROW] + b * maps
        if op[TRAINED]:
            dots(deltas, fields, gradient, table, row, column, kernel, slot, maps, slots, vectors)
        if op[READS] >= reach:
            at, zero = op[SCRATCH], op[ZEROS]
            outer(slopes, deltas, scratch, table, slot, kernel, row, at, slots, maps, vectors, zero)
            scatter(op, table, deltas, scratch, b)


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
    maps, through = op[MAPS], op[READS] >= reach
    fused = rates.size > 0 and op[FUSED] != 0
    vectors = op[STRIDE] // lane_count_of(deltas)
    for b in range(op[BLOCKS]):
        kernel, row, place = op[KERNEL] + b * maps, op[ROW] + b * maps, table[op[COLUMN] + b]
        scratch[: op[STRIDE]] = 0
        first, last = THROUGH if through else TRAIN, TRAIN if op[TRAINED] else THROUGH
        if fused:
            first, last = DESCEND, DESCEND
        for kind in range(first, last + 1):
            dense_rows(
                slopes,
                fields,
                deltas,
                gradient,
                rates,
                scratch,
                table,
                kernel,
                row,
                place,
                maps,
                vectors,
                kind,
            )
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
def repeat_back(op: Any, table: Any, deltas: Any) -> None:
    """Add the deltas of copies to those of what they are copies of; they are zero again."""
    for i in range(op[MAPS]):
        source, copy = table[op[SOURCE] + i], table[op[ROW] + i]
        for s in range(op[STRIDE]):
            deltas[source + s] += deltas[copy + s]
            deltas[copy + s] = 0


@inner
def slope_back(
    op: Any, parameters: Any, states: Any, nets: Any, deltas: Any, squared: bool
) -> None:
    """Multiply the deltas of an ACTIVATE op's rows by the slopes of its activation."""
    own = parameters[op[PARAMETER] * PARAMETERS :]
    size = op[MAPS] * op[STRIDE]
    lanes = lane_count_of(states)
    if op[CODE] < SCALAR:
        vectors = (size + lanes - 1) // lanes
        slope(states, nets, own, deltas, op[ROW], vectors, op[CODE], int(squared))
        return
    for r in range(op[MAPS]):
        row = op[ROW] + r * op[STRIDE]
        for i in range(row, row + op[FIELDS]):
            found = scalar_slope(op[CODE] - SCALAR, nets[i], states[i], own[0], own[1])
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
                start_back(op, table, deltas, fields, gradient)
        elif kind == BLOCK:
            _refresh(op, table, states, fields, again, squared)
            _block_back(op, table, slopes, deltas, fields, gradient, scratch, reach)
        elif kind == DENSE:
            _refresh(op, table, states, fields, again, squared)
            _dense_back(op, table, slopes, deltas, fields, gradient, scratch, reach, rates)
        elif kind == ROWS:
            rows_back(op, table, pool, states, deltas, gradient, scratch, squared)
        elif kind == REPEAT:
            repeat_back(op, table, deltas)
        else:
            slope_back(op, parameters, states, nets, deltas, squared)
