"""A block of samples through a tape: forwards to the states, backwards to the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurograph.kernels.compiling import jit
from neurograph.kernels.gradient import pattern as op_columns
from neurograph.kernels.gradient.batch_products import dots_fields, outer_fields
from neurograph.kernels.gradient.batch_rows import rows_back, rows_forward
from neurograph.kernels.gradient.inside import inner
from neurograph.kernels.gradient.pattern import (
    ADD,
    finish,
    repeat,
    repeat_back,
    slope_back,
    start,
    start_back,
)
from neurograph.kernels.gradient.pattern_products import outer
from neurograph.kernels.gradient.seeds import flush, seed, seed_by_loss, take
from neurograph.kernels.gradient.tape import (
    ACTIVATE,
    BLOCK,
    DENSE,
    INPUTS,
    NEURONS,
    REPEAT,
    ROWS,
    START,
)
from neurograph.kernels.interpreter import enter, fingerprint, lane_count_of

KIND, BLOCKS, MAPS, FIELDS = op_columns.KIND, op_columns.BLOCKS, op_columns.MAPS, op_columns.FIELDS
SLOTS, ROW, SOURCE, COLUMN = op_columns.SLOTS, op_columns.ROW, op_columns.SOURCE, op_columns.COLUMN
SCRATCH, KERNEL, SLOT, BIAS = (
    op_columns.SCRATCH,
    op_columns.KERNEL,
    op_columns.SLOT,
    op_columns.BIAS,
)
STRIDE, READS, FUSED = op_columns.STRIDE, op_columns.READS, op_columns.FUSED

FORWARD, BACKWARD, BOTH = range(3)
FLUSH = 8  # blocks after which gradients go to the total, which has more digits
_CHUNK = 256  # states of deltas that dots go through before they are summed: they stay in cache


@inner
def _block(op: Any, table: Any, pool: Any, states: Any, samples: int) -> None:
    maps, slots, fields = op[MAPS], op[SLOTS], op[FIELDS]
    for b in range(op[BLOCKS]):
        kernel, slot, row = op[KERNEL] + b * maps, op[SLOT] + b * slots, op[ROW] + b * maps
        source = op[SOURCE] + b * fields * slots
        first = ADD if op[BIAS] < 0 else op[BIAS] + b * maps
        outer_fields(
            pool,
            states,
            states,
            table,
            kernel,
            slot,
            source,
            row,
            maps,
            slots,
            first,
            fields,
            slots,
            0,
            0,
            samples,
        )


@inner
def _gradient(
    op: Any, block: int, table: Any, powers: Any, deltas: Any, gradient: Any, samples: int
) -> None:
    """Add a block's gradient by its weights, a chunk of fields at a time."""
    maps, slots, fields = op[MAPS], op[SLOTS], op[FIELDS]
    kernel, slot = op[KERNEL] + block * maps, op[SLOT] + block * slots
    row, source = op[ROW] + block * maps, op[SOURCE] + block * fields * slots
    chunk = max(8, _CHUNK // maps)
    for first in range(0, fields, chunk):
        dots_fields(
            deltas,
            powers,
            gradient,
            table,
            row,
            source + first * slots,
            kernel,
            slot,
            maps,
            slots,
            min(chunk, fields - first),
            slots,
            first * samples,
            samples,
        )


@inner
def _dense_gradient(
    op: Any,
    block: int,
    table: Any,
    powers: Any,
    deltas: Any,
    gradient: Any,
    scratch: Any,
    samples: int,
) -> None:
    """Add a block's gradient by its weights with the slots of its one field in the lanes."""
    maps, slots, lanes = op[MAPS], op[SLOTS], lane_count_of(deltas)
    kernel, row = op[KERNEL] + block * maps, op[ROW] + block * maps
    vectors = (slots + lanes - 1) // lanes
    width = vectors * lanes
    for k in range(slots):
        source = table[op[SOURCE] + block * slots + k]
        for s in range(samples):
            scratch[s * width + k] = powers[source + s]
    for k in range(slots, width):  # what is added to the numbers behind a kernel
        for s in range(samples):
            scratch[s * width + k] = 0
    across, along = op[COLUMN], op[SCRATCH]
    outer(deltas, scratch, gradient, table, row, across, along, kernel, maps, samples, vectors, ADD)


@inner
def _block_back(
    op: Any,
    table: Any,
    slopes: Any,
    powers: Any,
    deltas: Any,
    gradient: Any,
    scratch: Any,
    reach: int,
    samples: int,
) -> None:
    maps, slots, fields = op[MAPS], op[SLOTS], op[FIELDS]
    for b in range(op[BLOCKS]):
        kernel, slot, row = op[KERNEL] + b * maps, op[SLOT] + b * slots, op[ROW] + b * maps
        source = op[SOURCE] + b * fields * slots
        if op[KIND] == DENSE:
            _dense_gradient(op, b, table, powers, deltas, gradient, scratch, samples)
        else:
            _gradient(op, b, table, powers, deltas, gradient, samples)
        if op[READS] >= reach:
            outer_fields(
                slopes,
                deltas,
                deltas,
                table,
                slot,
                kernel,
                row,
                source,
                slots,
                maps,
                ADD,
                fields,
                0,
                samples,
                slots,
                0,
            )


@inner
def _forward(
    ops: Any,
    table: Any,
    parameters: Any,
    pool: Any,
    states: Any,
    nets: Any,
    ones: Any,
    samples: int,
) -> None:
    for i in range(ops.shape[0]):
        op = ops[i]
        kind = op[KIND]
        if kind == START and not op[FUSED]:
            start(op, table, pool, states, ones)
        elif kind in (BLOCK, DENSE):
            _block(op, table, pool, states, samples)
        elif kind == ROWS:
            rows_forward(op, table, pool, states, samples)
        elif kind == ACTIVATE:
            finish(op, parameters, states, nets)
        elif kind == REPEAT:
            repeat(op, table, states)


@inner
def _backward(
    ops: Any,
    table: Any,
    parameters: Any,
    pool: Any,
    slopes: Any,
    states: Any,
    powers: Any,
    nets: Any,
    ones: Any,
    deltas: Any,
    gradient: Any,
    scratch: Any,
    reach: int,
    squared: bool,
    samples: int,
) -> None:
    for i in range(ops.shape[0] - 1, -1, -1):
        op = ops[i]
        kind = op[KIND]
        if kind == START:
            start_back(op, table, deltas, ones, gradient)
            first = table[op[ROW]]  # done with; zero again, while they are at hand
            deltas[first : first + op[MAPS] * op[STRIDE]] = 0
        elif kind in (BLOCK, DENSE):
            _block_back(op, table, slopes, powers, deltas, gradient, scratch, reach, samples)
        elif kind == ROWS:
            rows_back(op, table, pool, states, deltas, gradient, scratch, squared, samples)
            deltas[op[ROW] : op[ROW] + op[MAPS] * samples] = 0
        elif kind == REPEAT:
            repeat_back(op, table, deltas)
        else:
            slope_back(op, parameters, states, nets, deltas, squared)


def _build(digest: str) -> Callable[..., None]:
    # Only the digest is closed over: numba keys its cache by what a function closes over.
    @jit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)
    def blocks(
        mode: int,
        number: int,
        last: int,
        samples: int,
        ops: Any,
        table: Any,
        parameters: Any,
        pool: Any,
        slopes: Any,
        states: Any,
        powers: Any,
        nets: Any,
        ones: Any,
        deltas: Any,
        gradient: Any,
        scratch: Any,
        squared: bool,
        inputs: Any,
        begin: int,
        at: Any,
        out: Any,
        seeds: Any,
        total: Any,
        below: Any,
        loss: int,
        first_number: float,
        second_number: float,
        labels: Any,
        wanted: Any,
    ) -> None:
        """Run blocks number .. last of `samples` inputs each, the first being state `begin`.

        FORWARD writes the states `at` to `out`, (inputs, at); the states of block i stay in
        states[i]. BACKWARD goes back from the seeds (inputs, at), BOTH runs forward first, where
        there is room for the states of one block only: gradients are added up in `gradient`, now
        and then in `total`; dE/dinput goes to `below` unless it is empty. With a `loss` the seeds
        are its gradient; then `seeds` is room for those of a pattern.
        """
        _ = digest
        reach = INPUTS if below.size else NEURONS
        for block in range(number, last):
            first, own = block * samples, block - number if states.shape[0] > 1 else 0
            if mode != BACKWARD:
                enter(inputs, first, states[own], begin, samples)
                _forward(ops, table, parameters, pool, states[own], nets[own], ones, samples)
                take(states[own], at, samples, first, out)
            if mode == FORWARD:
                continue
            deltas[: (begin + inputs.shape[1]) * samples] = 0  # all others are zero
            if loss < 0:
                seed(deltas, at, samples, first, seeds)
            else:
                seed_by_loss(
                    deltas,
                    at,
                    samples,
                    first,
                    out,
                    loss,
                    first_number,
                    second_number,
                    labels,
                    wanted,
                    seeds[0],
                )
            if squared:
                for i in range(powers.size):
                    powers[i] = states[own, i] * states[own, i]
            _backward(
                ops,
                table,
                parameters,
                pool,
                slopes,
                states[own],
                powers if squared else states[own],
                nets[own],
                ones,
                deltas,
                gradient,
                scratch,
                reach,
                squared,
                samples,
            )
            for s in range(min(samples, below.shape[0] - first)):
                for i in range(below.shape[1]):
                    below[first + s, i] = deltas[(begin + i) * samples + s]
            if (block - number) % FLUSH == FLUSH - 1:
                flush(gradient, total)

    return blocks


blocks = _build(fingerprint())
