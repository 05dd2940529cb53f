"""Runs column plans: a few samples at once, columns or neurons spread over threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.kernels.columns.loops import run_columns
from neurograph.kernels.columns.plan import build
from neurograph.kernels.columns.tables import ColumnPlan
from neurograph.kernels.lanes import lane_count
from neurograph.kernels.pool import Pool
from neurograph.kernels.runner import noticed
from neurograph.locks import Lock
from neurograph.memory import aligned, require
from neurograph.program import Program

_SAMPLES = 8  # at once: enough for weights to be read from memory once for several


class ColumnRunner:
    """Runs one program in one dtype; plans are built when first needed."""

    def __init__(self, program: Program, dtype: np.dtype[Any], threads: int) -> None:
        self.program, self.dtype, self.threads = program, dtype, threads
        self._values = np.zeros(program.weight_count)
        self._plans: dict[bool, _Loaded] = {}
        self._building = Lock()
        self._pool = Pool(threads - 1)

    def load(self, values: NDArray[np.float64]) -> None:
        """Take weight values; they must not change until the next load."""
        self._values = values  # a plan takes them when it runs

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs' states (batch, outputs)."""
        return self._run(inputs, self.program.outputs.reshape(-1), keep=False)

    def states(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the state of every id (batch, size)."""
        return self._run(inputs, None, keep=True)

    def plan(self, *, keep: bool) -> ColumnPlan:
        """Return the plan that runs; with `keep` the one for all states."""
        return self._loaded(keep).plan

    def _loaded(self, keep: bool) -> _Loaded:
        with self._building.own():  # one is enough: it may be large
            if keep not in self._plans:
                plan = build(self.program, lanes=lane_count(self.dtype.itemsize), keep=keep)
                self._plans[keep] = _Loaded(plan, self.dtype)
            return self._plans[keep]

    def _run(
        self, inputs: NDArray[Any], wanted: NDArray[Any] | None, *, keep: bool
    ) -> NDArray[Any]:
        loaded = self._loaded(keep)
        columns = loaded.plan.places[:-1] if wanted is None else loaded.plan.places[wanted]
        out = np.empty((len(inputs), columns.size), self.dtype)
        with loaded.weights(self._values) as weights:
            for first in range(0, len(inputs), _SAMPLES):
                some = inputs[first : first + _SAMPLES]
                memory = loaded.take(len(some))
                states = loaded.states(memory, len(some))
                by_sample = states.reshape(len(some), loaded.plan.size)
                by_sample[:, loaded.plan.inputs : loaded.plan.inputs + inputs.shape[1]] = some
                self._ops(loaded, len(some), states, weights)
                np.take(by_sample, columns, axis=1, out=out[first : first + _SAMPLES])
                loaded.spare.append(memory)
        return out

    def _ops(self, loaded: _Loaded, samples: int, states: NDArray[Any], weights: _Weights) -> None:
        count, threads = len(loaded.plan.ops), self.threads
        spans = [(0, count)] if threads == 1 else [(op, op + 1) for op in range(count)]
        for span in spans:  # the parts of an op meet before the next, which may read it
            calls = [
                partial(
                    run_columns,
                    *loaded.arguments(*span, samples, (part, threads), states, weights),
                )
                for part in range(threads)
            ]
            calls[0] = partial(noticed, calls[0])
            self._pool.spread(calls)


_Weights = tuple[NDArray[Any], NDArray[Any]]  # weights and biases


class _Loaded:
    """A plan with its values in one dtype, and memory for the states of some samples."""

    def __init__(self, plan: ColumnPlan, dtype: np.dtype[Any]) -> None:
        self.plan, self.dtype = plan, dtype
        self.parameters = plan.parameters.astype(dtype)
        self.spare: list[NDArray[Any]] = []  # memory of calls that are done
        self._lock, self._users = Lock(), 0
        self._values: NDArray[np.float64] | None = None
        self._weights = self._room()

    def _room(self) -> _Weights:
        plan, dtype = self.plan, self.dtype
        size = (plan.weight_size + plan.bias_size) * dtype.itemsize
        require(size, "numba engine, the weights of a program", EngineError)
        return aligned(plan.weight_size + 16, dtype), aligned(plan.bias_size + 16, dtype)

    @contextmanager
    def weights(self, values: NDArray[np.float64]) -> Iterator[_Weights]:
        """Lend the weights and biases of these values.

        New values take the place of the old ones, unless a call of another thread has them.
        """
        with self._lock.own():
            if self._values is not values:
                if self._users:
                    self._weights, self._users = self._room(), 0
                self._values = None  # if it fails, they are of neither
                self._load(values, *self._weights)
                self._values = values
            self._users += 1
            lent = self._weights
        try:
            yield lent
        finally:
            with self._lock.own():
                self._users -= lent is self._weights

    def _load(self, values: NDArray[np.float64], weight: NDArray[Any], bias: NDArray[Any]) -> None:
        for fill in self.plan.fills:
            fill.fill(values, weight)
        for biases in self.plan.biases:
            biases.fill(values, bias)
        for place, factor in self.plan.addend_factors:
            bias[place] = values[factor]

    def take(self, samples: int) -> NDArray[Any]:
        """Return memory for the states of some samples that no other call uses; put it back."""
        size = samples * self.plan.size
        try:  # another thread may take the last one at the same time
            memory = self.spare.pop()
        except IndexError:
            memory = np.empty(0, self.dtype)
        if memory.size < size:
            require(size * self.dtype.itemsize, f"numba engine, {samples} samples", EngineError)
            memory = aligned(size, self.dtype)
        return memory

    def states(self, memory: NDArray[Any], samples: int) -> NDArray[Any]:
        """Return the states of some samples in `memory`, constants set."""
        size = self.plan.size
        states = memory[: samples * size]
        for place, state in self.plan.constants:
            states[place::size] = state
        return states

    def arguments(
        self,
        first: int,
        last: int,
        samples: int,
        part: tuple[int, int],
        states: NDArray[Any],
        weights: _Weights,
    ) -> tuple[Any, ...]:
        """Return the arguments of `run_columns`."""
        plan = self.plan
        tables = plan.index, plan.row, *weights, self.parameters
        return (plan.ops, first, last, samples, *part, states, plan.size, *tables)
