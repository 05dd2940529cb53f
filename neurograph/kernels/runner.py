"""Runs plans: picks those for a batch, keeps their values and memory for states, spreads samples.

One or two samples run one at a time with the lanes inside them, a few as one vector, more as
several vectors at once; what a batch leaves over runs in the plan that wastes least.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

    def load(self, values: NDArray[Any]) -> None:
        """Take the weight values, the last of them the zero that -1 finds."""
        self.weight, self.bias = values[self.plan.weight_ids], values[self.plan.bias_ids]

    def run(self, inputs: NDArray[Any], first: int, last: int, out: NDArray[Any]) -> None:
        """Run samples first .. last."""
        plan = self.plan
        states = self._spare.pop() if self._spare else self._states()
        forward(
            inputs,
            first,
            last,
            plan.stride,
            plan.arena.inputs,
            plan.ops,
            plan.index,
            self.weight,
            self.bias,
            plan.row,
            self.parameters,
            states,
            self.wanted,
            out,
        )
        self._spare.append(states)

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


class Runner:
    """Runs one program in one dtype; plans are built when first needed."""

    def __init__(self, program: Program, dtype: np.dtype[Any], threads: int) -> None:
        self.program, self.dtype, self.threads = program, dtype, threads
        self.lanes = lane_count(dtype.itemsize)
        self._inputs = input_ids(program).size
        self._values = np.zeros(program.weight_count + 1, dtype)
        self._compiled = False
        self._schedule: tuple[tuple[int, bool], list[list[_Job]]] = ((0, False), [])  # the last one
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
        return self._run(inputs, self._vectors(-(-len(inputs) // self.threads)), keep=False)

    def states(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the state of every id (batch, size)."""
        return self._run(inputs, min(1, self._vectors(len(inputs))), keep=True)

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

    def _run(self, inputs: NDArray[Any], vectors: int, *, keep: bool) -> NDArray[Any]:
        if inputs.dtype != self.dtype or not inputs.flags.carray:
            # Compiled code is for arrays that are contiguous, aligned and writeable.
            inputs = np.require(inputs, self.dtype, ("C", "A", "W"))
        inputs = inputs.reshape(len(inputs), self._inputs)
        plan = self._plan(vectors, keep=keep)
        out = np.empty((len(inputs), plan.wanted.size), self.dtype)
        if not len(inputs):
            return out
        if not self._compiled:
            noticed(plan.run, inputs, 0, 0, out)
            self._compiled = True
        key = len(inputs), keep
        if self._schedule[0] != key:
            self._schedule = key, self._parts(plan, vectors, len(inputs), keep)
        first, *rest = self._schedule[1]
        waiting = [self._pool.submit(_run_jobs, part, inputs, out) for part in rest if self._pool]
        _run_jobs(first, inputs, out)
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
