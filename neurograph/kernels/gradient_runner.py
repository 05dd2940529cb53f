"""Gradients and pattern-by-pattern learning of one program in one dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.kernels import gradient_program as compiled
from neurograph.kernels.gradient_losses import encode
from neurograph.kernels.gradient_tape import DENSE, ROOM, ROWS, START, Part, Tape, build
from neurograph.kernels.runner import noticed
from neurograph.losses import Loss
from neurograph.memory import require
from neurograph.program import Program

Array = NDArray[Any]


class GradientRunner:
    """Runs a program's tape, one pattern at a time."""

    def __init__(self, program: Program, dtype: np.dtype[Any]) -> None:
        self.program, self.dtype = program, dtype
        self.tape = tape = build(program, dtype.itemsize)
        pool = tape.weights + 1 + tape.copied.size
        sizes = [pool, pool, tape.size, tape.size, tape.size, tape.fields, tape.scratch]
        who = "numba engine, the states of a pattern and its fields"
        require(sum(sizes) * dtype.itemsize, who, EngineError)
        arrays = (np.zeros(size + ROOM, dtype) for size in sizes)
        self.pool, self.gradient, self.states, self.nets, self.deltas, self.fields, self.scratch = (
            arrays
        )
        for place, state in tape.constants:
            self.states[place] = state
        self.parameters = tape.parameters.astype(dtype).reshape(-1)
        self.values = np.zeros(tape.weights, dtype)

    def load(self, values: Array) -> None:
        """Take the weight values, (weights,) or with more behind them."""
        weights = self.tape.weights
        self.pool[:weights] = values[:weights]
        self.pool[weights + 1 : weights + 1 + self.tape.copied.size] = values[self.tape.copied]

    def backward(
        self,
        inputs: Array,
        at: NDArray[np.integer[Any]],
        seed: Callable[[Array], Array],
        *,
        squared: bool,
        wrt_inputs: bool,
    ) -> tuple[NDArray[np.float64], Array | None]:
        """Return dE/dweight (weights,) and dE/dinput, as an engine's `backward` does."""
        tape, places = self.tape, self.tape.slot[at].astype(np.int64)
        inputs = np.ascontiguousarray(inputs, self.dtype)
        out = np.empty((len(inputs), places.size), self.dtype)
        states = tape.ops, tape.table, self.parameters, self.pool
        buffers = self.states, self.nets, self.fields
        noticed(compiled.outputs, *states, *buffers, inputs, tape.inputs, places, out)
        seeds = np.ascontiguousarray(seed(out), self.dtype)
        total = np.zeros(self.gradient.size)
        below = np.empty(inputs.shape if wrt_inputs else (0, 0), self.dtype)
        noticed(
            compiled.gradients,
            *states,
            np.square(self.pool) if squared else self.pool,
            *buffers,
            self.deltas,
            self.gradient,
            self.scratch,
            inputs,
            tape.inputs,
            places,
            seeds,
            total,
            below,
            tape.shared_fields,
            squared,
        )
        weights = tape.weights
        found = total[:weights]
        np.add.at(found, tape.copied, total[weights + 1 : weights + 1 + tape.copied.size])
        return found, below if wrt_inputs else None

    def descend(
        self,
        values: NDArray[np.float64],
        inputs: Array,
        targets: Array,
        loss: Loss,
        rates: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], Array] | None:
        """Learn pattern by pattern, as an engine's `descend` does; None for a loss of its own."""
        known = encode(loss)
        if known is None:
            return None
        tape, dtype = self.tape, self.dtype
        self.load(values)
        code, (first, second) = known
        at = tape.slot[self.program.outputs.reshape(-1)].astype(np.int64)
        inputs = np.ascontiguousarray(inputs, dtype)
        out = np.empty((len(inputs), at.size), dtype)
        labels, wanted = np.zeros(len(inputs), np.int64), np.empty((len(inputs), 0), dtype)
        if targets.ndim == 1:
            labels[:] = targets
        else:
            wanted = np.ascontiguousarray(targets, dtype)
        own = np.zeros(self.pool.size, dtype)
        own[: rates.size] = rates
        ops, spans = _trained(tape, rates)
        noticed(
            compiled.descend,
            ops,
            tape.table,
            self.parameters,
            self.pool,
            self.states,
            self.nets,
            self.fields,
            self.deltas,
            self.gradient,
            self.scratch,
            own,
            spans,
            tape.copied,
            tape.weights,
            inputs,
            tape.inputs,
            at,
            code,
            first,
            second,
            labels,
            wanted,
            np.zeros(at.size),
            out,
            tape.shared_fields,
        )
        self.gradient[:] = 0
        return self.pool[: tape.weights].astype(np.float64), out


def _trained(tape: Tape, rates: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ops, told which of their weights learn, and the spans updated at the end."""
    ops = tape.ops.copy()
    late = rates != 0
    for op, used in zip(ops, tape.used, strict=True):
        op[Part.TRAINED] = bool((rates[used] != 0).any())
        op[Part.FUSED] &= op[Part.TRAINED]
        if op[Part.FUSED]:
            late[used] = False
    edges = np.flatnonzero(np.diff(late, prepend=False, append=False))
    return ops, edges.reshape(-1, 2).astype(np.int64)
