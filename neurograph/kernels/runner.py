"""Runs plans: picks those for a batch, keeps their values and memory for states, spreads samples.

One or two samples run one at a time with the lanes inside them, a few as one vector, more as
several vectors at once; what a batch leaves over runs in the plan that wastes least.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numba.core import event
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.kernels.arena import input_ids
from neurograph.kernels.catalogue import most_vectors
from neurograph.kernels.interpreter import forward
from neurograph.kernels.lanes import lane_count
from neurograph.kernels.plan import Plan, build
from neurograph.kernels.single import build_single
from neurograph.memory import require
from neurograph.program import Program, Rows

_LARGEST_SINGLE = 1 << 22  # neurons up to which one sample gets a plan of its own
_NOTICE = "neurograph: compiling kernels, once per environment ..."


class _Notice(event.Listener):
    """Says once, on stderr, that numba compiles."""

    def __init__(self) -> None:
        self.given = False

    def on_start(self, event: Any) -> None:
        """Give the notice."""
        if not self.given:
            print(_NOTICE, file=sys.stderr, flush=True)
        self.given = True

    def on_end(self, event: Any) -> None:
        """Say nothing."""


def noticed(call: Callable[..., None], *arguments: Any) -> None:
    """Call a compiled function; where numba has to compile it first, say so on stderr."""
    with event.install_listener("numba:compile", _Notice()):
        call(*arguments)


class Loaded:
    """A plan with its values in one dtype, and memory for a block of samples a thread."""

    def __init__(self, plan: Plan, dtype: np.dtype[Any], wanted: NDArray[Any]) -> None:
        self.plan, self.dtype = plan, dtype
        self.wanted = plan.arena.slot[wanted].astype(np.int64)
        self.parameters = plan.parameters.astype(dtype)
        self._spare: list[NDArray[Any]] = []
        self._tables: tuple[Any, ...] = ()

    def load(self, values: NDArray[Any]) -> None:
        """Take the weight values, the last of them the zero that -1 finds."""
        plan = self.plan
        weight, bias = values[plan.weight_ids], values[plan.bias_ids]
        self._tables = plan.ops, plan.index, weight, bias, plan.row, self.parameters

    def run(self, inputs: NDArray[Any], first: int, last: int, out: NDArray[Any]) -> None:
        """Run samples first .. last."""
        plan, spare = self.plan, self._spare
        states = spare.pop() if spare else self._states()
        start, tables = plan.arena.inputs, self._tables
        forward(inputs, first, last, plan.stride, start, *tables, states, self.wanted, out)
        spare.append(states)

    def _states(self) -> NDArray[Any]:
        """Return memory for the states of a block, aligned to 64 bytes, constants set."""
        size, item = self.plan.arena.size * self.plan.stride, self.dtype.itemsize
        require(size * item, "numba engine, the states of a block of samples", EngineError)
        memory = np.zeros(size + 64 // item, self.dtype)
        skip = -memory.ctypes.data % 64 // item
        states = memory[skip : skip + size]
        for slot, state in self.plan.arena.constants:
            states[slot * self.plan.stride : (slot + 1) * self.plan.stride] = state
        return states


_Job = tuple[Loaded, int, int]  # a plan, and the samples first .. last it runs


@dataclass(frozen=True, slots=True)
class _Schedule:
    """What each thread runs for batches of one size, for the outputs or to keep all states."""

    batch: int
    keep: bool
    wanted: int
    first: list[_Job]
    others: list[list[_Job]]


class Runner:
    """Runs one program in one dtype; plans are built when first needed."""

    def __init__(self, program: Program, dtype: np.dtype[Any], threads: int) -> None:
        self.program, self.dtype, self.threads = program, dtype, threads
        self.lanes = lane_count(dtype.itemsize)
        self._inputs = input_ids(program).size
        self._values = np.zeros(program.weight_count + 1, dtype)
        self._compiled = False
        self._last: _Schedule | None = None
        self._plans: dict[tuple[int, bool], Loaded] = {}
        self._plan(1, keep=False)
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values."""
        self._values = np.append(values, 0).astype(self.dtype)
        for plan in self._plans.values():
            plan.load(self._values)

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs' states (batch, outputs)."""
        batch, last = len(inputs), self._last
        if last is None or last.batch != batch or last.keep:
            last = self._schedule(self._vectors(-(-batch // self.threads)), batch, keep=False)
        return self._run(inputs, last)

    def states(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the state of every id (batch, size)."""
        batch = len(inputs)
        return self._run(inputs, self._schedule(min(1, self._vectors(batch)), batch, keep=True))

    def _vectors(self, batch: int) -> int:
        """Return how many vectors of samples to run at once; 0 is one sample, lanes in it.

        As many as the batch fills, so that little of them is padding. More than the tiles take
        where most slots' weights are used for one field only, so that loading them costs.
        """
        if batch <= self.lanes // 4 and self.program.size <= _LARGEST_SINGLE:
            return 0
        wanted = 4 if self._irregular else most_vectors()
        return max(v for v in (1, 2, 4) if v == 1 or (v <= wanted and v * self.lanes <= batch))

    @cached_property
    def _irregular(self) -> bool:
        steps = self.program.steps
        alone = [s.slots for s in steps if isinstance(s, Rows) or s.targets.shape[2] == 1]
        return 2 * sum(alone) > sum(s.slots for s in steps)

    def _plan(self, vectors: int, *, keep: bool) -> Loaded:
        program, key = self.program, (vectors, keep)
        if key not in self._plans:
            lanes = self.lanes
            if vectors:
                plan = build(program, lanes=lanes, vectors=vectors, keep=keep)
            else:
                plan = build_single(program, lanes=lanes)
            wanted = np.arange(program.size) if keep else program.outputs.reshape(-1)
            loaded = Loaded(plan, self.dtype, wanted)
            loaded.load(self._values)
            self._plans[key] = loaded
        return self._plans[key]

    def _schedule(self, vectors: int, batch: int, *, keep: bool) -> _Schedule:
        """Make ready for batches of this size."""
        plan = self._plan(vectors, keep=keep)
        wanted = plan.wanted.size
        if not self._compiled:
            none = (np.empty((0, size), self.dtype) for size in (self._inputs, wanted))
            noticed(plan.run, next(none), 0, 0, next(none))
            self._compiled = True
        first, *others = self._parts(plan, vectors, batch, keep)
        self._last = _Schedule(batch, keep, wanted, first, others)
        return self._last

    def _run(self, inputs: NDArray[Any], schedule: _Schedule) -> NDArray[Any]:
        if inputs.shape[1] != self._inputs:
            raise EngineError(f"numba engine: {inputs.shape[1]} inputs, needed {self._inputs}")
        if inputs.dtype != self.dtype or not inputs.flags.carray:
            # Compiled code is for arrays that are contiguous, aligned and writeable.
            inputs = np.require(inputs, self.dtype, ("C", "A", "W"))
        out = np.empty((schedule.batch, schedule.wanted), self.dtype)
        pool = self._pool
        waiting = [pool.submit(_run_jobs, jobs, inputs, out) for jobs in schedule.others if pool]
        _run_jobs(schedule.first, inputs, out)
        for done in waiting:
            done.result()
        return out

    def _parts(self, plan: Loaded, vectors: int, batch: int, keep: bool) -> list[list[_Job]]:
        """Return what each thread runs: whole blocks, and at the end what is left of the batch.

        What is left runs in a plan of fewer samples at a time where that saves padding.
        """
        stride = plan.plan.stride
        left = batch % stride
        fewer = self._vectors(left) if left else vectors
        small = self._plan(fewer, keep=keep) if fewer < vectors else None
        blocks = batch // stride if small else -(-batch // stride)
        count = max(1, min(self.threads, blocks))
        cuts = [min(batch, blocks * i // count * stride) for i in range(count + 1)]
        parts = [[(plan, a, b)] for a, b in pairwise(cuts)]
        if small:
            parts[-1].append((small, batch - left, batch))
        return parts


def _run_jobs(jobs: list[_Job], inputs: NDArray[Any], out: NDArray[Any]) -> None:
    for plan, first, last in jobs:
        plan.run(inputs, first, last, out)
