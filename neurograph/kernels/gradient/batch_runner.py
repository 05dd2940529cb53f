"""Gradients of batches of one program in one dtype, over blocks of samples and on threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.kernels.activations import LEAKY
from neurograph.kernels.gradient.batch import BACKWARD, BOTH, FLUSH, FORWARD, blocks
from neurograph.kernels.gradient.batch_products import VECTORS
from neurograph.kernels.gradient.batch_tape import build
from neurograph.kernels.gradient.losses import compiled, given
from neurograph.kernels.gradient.tape import ACTIVATE, ROOM, Part
from neurograph.kernels.lanes import lane_count
from neurograph.kernels.pool import Pool
from neurograph.kernels.runner import noticed
from neurograph.losses import Seed
from neurograph.memory import aligned, require
from neurograph.program import Program

Array = NDArray[Any]
_MOST_KEPT = 1 << 26  # states of blocks that are kept for the way back; others are computed again


class BatchGradientRunner:
    """Runs a program's tape over blocks of samples."""

    def __init__(self, program: Program, dtype: np.dtype[Any], threads: int) -> None:
        self.dtype, self.threads = dtype, threads
        lanes = lane_count(dtype.itemsize)
        self.samples = VECTORS * lanes
        self.tape = tape = build(program, self.samples, lanes)
        codes = tape.ops[tape.ops[:, Part.KIND] == ACTIVATE, Part.CODE]
        self.needs_nets = bool((codes >= LEAKY).any())
        self.pool = aligned(tape.pool + ROOM, dtype)
        self.parameters = tape.parameters.astype(dtype).reshape(-1)
        self.ones = np.ones(tape.ones + ROOM, dtype)
        self._pool = Pool(threads - 1)
        self._parts = [_Part(self) for _ in range(threads)]
        self._whole = True  # whether every call has come to its end
        self.values: Array | None = None

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
        batch = _Batch(self, np.ascontiguousarray(inputs, self.dtype), at, squared)
        if wrt_inputs:
            batch.below = np.empty_like(batch.inputs)
        count = -(-len(inputs) // self.samples)
        parts = min(self.threads, count)
        cuts = [count * i // parts for i in range(parts + 1)]
        if not self._whole:  # threads of an interrupted call may still write to what it had
            self._parts = [_Part(self) for _ in self._parts]
        work = [
            (part, first, last)
            for part, first, last in zip(self._parts, cuts[:-1], cuts[1:], strict=False)
        ]
        self._whole = False
        if not batch.seeded_by(seed):
            self._pool.spread([partial(p.forward, batch, a, b) for p, a, b in work])
            batch.seeds = np.ascontiguousarray(seed(batch.out), self.dtype)
        self._pool.spread([partial(p.backward, batch, a, b) for p, a, b in work])
        self._whole = True
        first, *others = [part.total for part, _, _ in work]
        for more in others:
            first += more
        return self.tape.collected(first), batch.below if wrt_inputs else None


class _Batch:
    """The arrays of one batch."""

    def __init__(
        self, runner: BatchGradientRunner, inputs: Array, at: NDArray[Any], squared: bool
    ) -> None:
        self.inputs, self.squared = inputs, squared
        self.at = runner.tape.places[at].astype(np.int64) * runner.samples
        self.out = np.empty((len(inputs), at.size), runner.dtype)
        self.seeds, self.below = self.out[:0], np.empty((0, 0), runner.dtype)
        self.slopes = np.square(runner.pool) if squared else runner.pool
        self.loss = given(len(inputs), runner.dtype)

    def seeded_by(self, seed: Callable[[Array], Array]) -> bool:
        """Have the seeds computed block by block, right behind the outputs, if the loss is known.

        Then the states of one block are all that is kept, in a cache that is near.
        """
        dtype = self.out.dtype
        known = compiled(seed.loss, seed.targets, dtype) if isinstance(seed, Seed) else None
        if known is None or not isinstance(seed, Seed):
            return False
        self.loss, seed.outputs = known, self.out
        return True


class _Part:
    """What one thread works with: the states of some blocks, the deltas of one, a gradient."""

    def __init__(self, runner: BatchGradientRunner) -> None:
        self.runner, tape, dtype = runner, runner.tape, runner.dtype
        size = tape.size + ROOM
        require(3 * size * dtype.itemsize, "numba engine, a block of samples", EngineError)
        self.deltas = aligned(size, dtype)
        self.gradient = aligned(runner.pool.size, dtype)
        self.scratch = aligned(tape.scratch + ROOM, dtype)
        self.powers = np.zeros(0, dtype)
        self.total = np.zeros(0)
        self.states, self.nets = np.zeros((0, size), dtype), np.zeros((0, 0), dtype)

    def _keep(self, wanted: int) -> None:
        """Make room for the states of so many blocks, or as many as may be kept."""
        size, samples = self.deltas.size, self.runner.samples
        count = wanted if wanted * size <= _MOST_KEPT else 1
        if count <= len(self.states):
            return
        self.states = aligned(count * size, self.runner.dtype).reshape(count, size)
        nets = size if self.runner.needs_nets else 0
        self.nets = aligned(count * nets, self.runner.dtype).reshape(count, nets)
        for place, state in self.runner.tape.constants:
            self.states[:, place * samples : (place + 1) * samples] = state

    def forward(self, batch: _Batch, first: int, last: int) -> None:
        """Run blocks forward; keep their states where there is room."""
        self._keep(last - first)
        self._run(FORWARD, batch, first, last)

    def backward(self, batch: _Batch, first: int, last: int) -> None:
        """Run blocks backwards; leave their gradient in `total`."""
        long = last - first >= FLUSH
        self.total = np.zeros(self.gradient.size if long else 0)
        if batch.squared and not self.powers.size:
            self.powers = np.zeros_like(self.deltas)
        if batch.loss.code >= 0:
            self._keep(1)
        kept = batch.loss.code < 0 and last - first <= len(self.states)
        self.gradient[:] = 0
        self._run(BACKWARD if kept else BOTH, batch, first, last)
        self.total = self.total + self.gradient if long else self.gradient.astype(np.float64)

    def _run(self, mode: int, batch: _Batch, first: int, last: int) -> None:
        runner, tape = self.runner, self.runner.tape
        every = mode != BOTH and last - first <= len(self.states)
        kept = self.states[: last - first] if every else self.states[:1]
        # Where the loss gives the seeds, they are room for those of a pattern, of this thread.
        own = batch.loss.code >= 0
        seeds = np.empty((1, batch.at.size), self.deltas.dtype) if own else batch.seeds
        noticed(
            blocks,
            mode,
            first,
            last,
            runner.samples,
            tape.ops,
            tape.table,
            runner.parameters,
            runner.pool,
            batch.slopes,
            kept,
            self.powers,
            self.nets,
            runner.ones,
            self.deltas,
            self.gradient,
            self.scratch,
            batch.squared,
            batch.inputs,
            tape.inputs,
            batch.at,
            batch.out,
            seeds,
            self.total,
            batch.below,
            batch.loss.code,
            batch.loss.first,
            batch.loss.second,
            batch.loss.labels,
            batch.loss.wanted,
        )
