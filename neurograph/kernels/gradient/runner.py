"""Gradients and pattern-by-pattern learning of one program in one dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.kernels.gradient.losses import compiled, given
from neurograph.kernels.gradient.pattern_tape import build
from neurograph.kernels.gradient.program import BACKWARD, BOTH, FORWARD, LEARN, patterns
from neurograph.kernels.gradient.tape import DENSE, ROOM, Part, Tape
from neurograph.kernels.runner import noticed
from neurograph.losses import Loss
from neurograph.memory import aligned, require
from neurograph.program import Program

Array = NDArray[Any]


class GradientRunner:
    """Runs a program's tape, one pattern at a time."""

    def __init__(self, program: Program, dtype: np.dtype[Any]) -> None:
        self.program, self.dtype = program, dtype
        self.tape = tape = build(program, dtype.itemsize)
        sizes = [tape.pool, tape.pool, tape.size, tape.size, tape.size, tape.fields, tape.scratch]
        who = "numba engine, the states of a pattern and its fields"
        require(sum(sizes) * dtype.itemsize, who, EngineError)
        arrays = (aligned(size + ROOM, dtype) for size in sizes)
        self.pool, self.gradient, self.states, self.nets, self.deltas, self.fields, self.scratch = (
            arrays
        )
        self.fields[: tape.ones] = 1
        for place, state in tape.constants:
            self.states[place] = state
        self.parameters = tape.parameters.astype(dtype).reshape(-1)
        self.values: Array | None = None
        self._last: tuple[Array, Array, Array] | None = None

    def load(self, values: Array) -> None:
        """Take the weight values, shape (weights,)."""
        self.values = None  # if it fails, they are of neither
        self.tape.fill(self.pool, values)
        self.values = values

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
        places = self.tape.places[at].astype(np.int64)
        inputs = np.ascontiguousarray(inputs, self.dtype)
        run = _Run(self, inputs, places)
        self.gradient[:] = 0  # whatever an interrupted call has left
        run(FORWARD)
        run.seeds = np.ascontiguousarray(seed(run.out), self.dtype)
        run.squared = squared
        if wrt_inputs:
            run.below = np.empty_like(inputs)
        run(BACKWARD if len(inputs) == 1 else BOTH)
        return self.tape.collected(self.gradient), run.below if wrt_inputs else None

    def descend(
        self,
        values: NDArray[np.float64],
        inputs: Array,
        targets: Array,
        loss: Loss,
        rates: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], Array] | None:
        """Learn pattern by pattern, as an engine's `descend` does; None for a loss of its own."""
        known = compiled(loss, targets, self.dtype)
        if known is None:
            return None
        self.load(values)
        at = self.tape.places[self.program.outputs.reshape(-1)].astype(np.int64)
        run = _Run(self, np.ascontiguousarray(inputs, self.dtype), at)
        run.loss = known
        run.seeds = np.zeros((1, at.size), self.dtype)
        run.rates, run.ops, run.spans = self._trained(rates)
        self.gradient[:], self.values = 0, None
        run(LEARN)
        found = self.pool[: self.tape.weights].astype(np.float64)
        found.flags.writeable = False  # so that nobody need copy it
        return found, run.out

    def _trained(self, rates: NDArray[Any]) -> tuple[Array, Array, Array]:
        """Return rates by place in the pool, and what `_trained` does; the last are kept."""
        own = rates.astype(self.dtype)
        if self._last is None or not np.array_equal(self._last[0][: own.size], own):
            filled = np.zeros(self.pool.size, self.dtype)
            filled[: own.size] = own
            self._last = filled, *_trained(self.tape, own)
        return self._last


class _Run:
    """The arguments of the compiled loop that differ from call to call."""

    def __init__(self, runner: GradientRunner, inputs: Array, at: NDArray[np.int64]) -> None:
        dtype = runner.dtype
        self.runner, self.inputs, self.at, self.ops = runner, inputs, at, runner.tape.ops
        self.out = np.empty((len(inputs), at.size), dtype)
        self.seeds = np.empty((0, 0), dtype)
        self.below, self.rates = np.empty((0, 0), dtype), np.empty(0, dtype)
        self.spans = np.empty((0, 2), np.int64)
        self.squared, self.loss = False, given(len(inputs), dtype)

    @np.errstate(over="ignore")  # the square of a large weight is infinite, which is an answer
    def __call__(self, mode: int) -> None:
        """Run the loop."""
        r, tape = self.runner, self.runner.tape
        noticed(
            patterns,
            mode,
            self.ops,
            tape.table,
            r.parameters,
            r.pool,
            np.square(r.pool) if self.squared else r.pool,
            r.states,
            r.nets,
            r.fields,
            r.deltas,
            r.gradient,
            r.scratch,
            tape.shared_fields,
            self.squared,
            self.inputs,
            tape.inputs,
            self.at,
            self.out,
            self.seeds,
            self.below,
            self.rates,
            self.spans,
            tape.copied,
            tape.weights,
            self.loss.code,
            self.loss.first,
            self.loss.second,
            self.loss.labels,
            self.loss.wanted,
        )


def _trained(tape: Tape, rates: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ops, told which of their weights learn, and the spans updated at the end."""
    ops = tape.ops.copy()
    late = rates != 0
    for op, used in zip(ops, tape.used, strict=True):
        op[Part.TRAINED] = bool((rates[used] != 0).any())
        if op[Part.KIND] == DENSE:
            op[Part.FUSED] &= op[Part.TRAINED]
            late[used] &= not op[Part.FUSED]
    edges = np.flatnonzero(np.diff(late, prepend=False, append=False))
    return ops, edges.reshape(-1, 2).astype(np.int64)
