"""Runs plans: picks those for a batch, keeps their values and memory for states, spreads samples.

One or two samples run one at a time with the lanes inside them, a few as one vector, more as
several vectors at once; what a batch leaves over runs in the plan that wastes least.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from numba.core import event
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.kernels.arena import input_ids
from neurograph.kernels.catalogue import Op, most_vectors
from neurograph.kernels.interpreter import forward
from neurograph.kernels.lanes import lane_count
from neurograph.kernels.mailbox import ALONE, mailbox
from neurograph.kernels.plan import Plan, build
from neurograph.kernels.single import build_single
from neurograph.kernels.team import Team
from neurograph.memory import aligned, require
from neurograph.program import Program, Rows

_STRICT = -1
_LARGEST_SINGLE = 1 << 22  # neurons up to which one sample gets a plan of its own
_NOTICE = "neurograph: compiling kernels, once per environment ..."


class _Notice(event.Listener):
    """Says on stderr that numba compiles."""

    def on_start(self, event: Any) -> None:
        """Give the notice."""
        _notify()

    def on_end(self, event: Any) -> None:
        """Say nothing."""


@lru_cache(maxsize=1)
def _notify() -> None:
    """Give the notice, once in a process."""
    print(_NOTICE, file=sys.stderr, flush=True)


def noticed(call: Callable[..., None], *arguments: Any) -> None:
    """Call a compiled function; where numba has to compile it first, say so on stderr."""
    with event.install_listener("numba:compile", _Notice()):
        call(*arguments)


@dataclass(frozen=True, eq=False, slots=True)
class _Tables:
    """A plan's ops for some weight values.

    They have the addresses of `arrays`. Helpers find their work in `box`: those who help with old
    values have an old one.
    """

    values: NDArray[Any]
    arrays: dict[Op, NDArray[Any]]
    ops: NDArray[np.int64]
    box: NDArray[np.int64]


class Loaded:
    """A plan with its values in one dtype, and memory for a block of samples a thread."""

    def __init__(self, plan: Plan, dtype: np.dtype[Any], inputs: int, wanted: NDArray[Any]) -> None:
        self.plan, self.dtype = plan, dtype
        self.wanted = plan.arena.places[wanted].astype(np.int64)
        self.finite = np.array(plan.finite, np.int64).reshape(-1, 2)
        self._parameters = plan.parameters.astype(dtype)
        self._spare: list[NDArray[Any]] = []
        self._tables: _Tables | None = None
        self._none = np.empty((0, inputs), dtype), np.empty((0, wanted.size), dtype)

    def tables(self, values: NDArray[Any]) -> _Tables:
        """Return the ops for weight values, the last of them the zero that -1 finds."""
        tables = self._tables
        if tables is None or tables.values is not values:
            tables = self._tables = self._load(values)
        return tables

    def forget(self) -> None:
        """Drop the values it has."""
        self._tables = None

    def _load(self, values: NDArray[Any]) -> _Tables:
        plan = self.plan
        arrays = {
            Op.INDEX: plan.index,
            Op.WEIGHT: _picked(values, plan.weight_ids),
            Op.BIAS: _picked(values, plan.bias_ids),
            Op.ROW: plan.row,
            Op.PARAMETER: self._parameters,
        }
        ops = plan.ops.copy()
        for column, array in arrays.items():
            ops[:, column] = array.ctypes.data + array.itemsize * ops[:, column]
        return _Tables(values, arrays, ops, mailbox())

    def run(
        self,
        tables: _Tables,
        inputs: NDArray[Any],
        first: int,
        last: int,
        out: NDArray[Any],
        box: NDArray[np.int64] = ALONE,
        helper: bool = False,
    ) -> None:
        """Run samples first .. last; with a mailbox, all of them, or as a helper what it has."""
        plan, spare = self.plan, self._spare
        try:  # another thread may take the last one at the same time
            states = spare.pop()
        except IndexError:
            states = self._states()
        shape = first, last, plan.stride, plan.arena.inputs
        forward(inputs, *shape, tables.ops, states, self.wanted, self.finite, out, box, helper)
        spare.append(states)

    def compile(self, values: NDArray[Any]) -> None:
        """Have everything compiled, with a notice if that takes time."""
        empty, out = self._none
        noticed(self.run, self.tables(values), empty, 0, 0, out)

    def share(self, tables: _Tables, inputs: NDArray[Any], out: NDArray[Any], team: Team) -> None:
        """Run all samples with the help of a team."""
        box = tables.box
        alone = partial(self.run, tables, inputs, 0, len(inputs), out)
        assist = partial(self.run, tables, self._none[0], 0, 0, self._none[1], box, True)
        team.run(box, inputs, out, lead=partial(alone, box), assist=assist, alone=alone)

    def _states(self) -> NDArray[Any]:
        """Return memory for the states of a block, constants set."""
        size, item = self.plan.arena.size * self.plan.stride, self.dtype.itemsize
        require(size * item, "numba engine, the states of a block of samples", EngineError)
        states = aligned(size, self.dtype)
        for place, state in self.plan.arena.constants:
            states[place * self.plan.stride : (place + 1) * self.plan.stride] = state
        return states


def _picked(values: NDArray[Any], ids: NDArray[np.int32]) -> NDArray[Any]:
    """Return values[ids]; -1 is the last."""
    found = aligned(ids.size, values.dtype)
    return values.take(ids, out=found, mode="wrap")


_Job = tuple[Loaded, int, int]  # a plan, and the samples first .. last it runs


@dataclass(frozen=True, slots=True)
class _Schedule:
    """What is run for batches of one size, for the outputs or to keep all states."""

    batch: int
    keep: bool
    wanted: int
    jobs: list[_Job]


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
        self._team = Team(threads - 1) if threads > 1 else None

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values."""
        self._values = np.append(values, 0).astype(self.dtype)  # a plan takes them when it runs
        for plan in list(self._plans.values()):  # which some may not do again
            plan.forget()

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
        """Return a plan; for `_STRICT` vectors the one of a sample that is right for any states."""
        program, key = self.program, (vectors, keep)
        if key not in self._plans:
            lanes = self.lanes
            if vectors > 0:
                plan = build(program, lanes=lanes, vectors=vectors, keep=keep)
            else:
                plan = build_single(program, lanes=lanes, join=vectors != _STRICT)
            wanted = np.arange(program.size) if keep else program.outputs.reshape(-1)
            self._plans[key] = Loaded(plan, self.dtype, self._inputs, wanted)
        return self._plans[key]

    def _schedule(self, vectors: int, batch: int, *, keep: bool) -> _Schedule:
        """Make ready for batches of this size."""
        plan = self._plan(vectors, keep=keep)
        wanted = plan.wanted.size
        if not self._compiled:
            plan.compile(self._values)
            self._compiled = True
        jobs = self._jobs(plan, vectors, batch, keep)
        self._last = _Schedule(batch, keep, wanted, jobs)
        return self._last

    def _run(self, inputs: NDArray[Any], schedule: _Schedule) -> NDArray[Any]:
        if inputs.shape[1] != self._inputs:
            raise EngineError(f"numba engine: {inputs.shape[1]} inputs, needed {self._inputs}")
        if inputs.dtype != self.dtype or not inputs.flags.carray:
            # Compiled code is for arrays that are contiguous, aligned and writeable.
            inputs = np.require(inputs, self.dtype, ("C", "A", "W"))
        out = np.empty((schedule.batch, schedule.wanted), self.dtype)
        values = self._values  # the same for all jobs: another thread may load others meanwhile
        for plan, first, last in schedule.jobs:
            tables = plan.tables(values)
            if self._team and last - first > plan.plan.stride:
                plan.share(tables, inputs[first:last], out[first:last], self._team)
            else:
                plan.run(tables, inputs, first, last, out)
            if plan.plan.finite and out.size:
                wrong = (i for i in range(first, last) if math.isnan(out.item(i, 0)))
                self._again(values, inputs, wrong, out, keep=schedule.keep)
        return out

    def _again(
        self,
        values: NDArray[Any],
        inputs: NDArray[Any],
        samples: Iterable[int],
        out: NDArray[Any],
        *,
        keep: bool,
    ) -> None:
        """Run samples once more that a plan for finite states is not right for."""
        for sample in samples:
            plan = self._plan(_STRICT, keep=keep)
            plan.run(plan.tables(values), inputs, sample, sample + 1, out)

    def _jobs(self, plan: Loaded, vectors: int, batch: int, keep: bool) -> list[_Job]:
        """Return what to run: whole blocks, and what is left of the batch.

        That runs in a plan of fewer samples at a time where this saves padding.
        """
        left = batch % plan.plan.stride
        fewer = self._vectors(left) if left else vectors
        if fewer >= vectors:
            return [(plan, 0, batch)]
        last = self._plan(fewer, keep=keep), batch - left, batch
        return [(plan, 0, batch - left), last] if batch > left else [last]
