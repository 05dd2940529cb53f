"""The numba engine: a Program as an op table, run by compiled, register-blocked kernels.

Tiles take blocks of samples; columns, where the batch is small or the maps are large, few.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurograph.engines.descent import descend
from neurograph.errors import EngineError, missing
from neurograph.locks import Lock
from neurograph.losses import Loss
from neurograph.program import Parts, Program, check_program

if TYPE_CHECKING:
    from neurograph.kernels.gradient.batch_runner import BatchGradientRunner
    from neurograph.kernels.gradient.runner import GradientRunner

try:
    from neurograph.kernels.choice import costs
    from neurograph.kernels.runner import Runner
    from neurograph.kernels.turns import Turns
except ImportError as error:
    if error.name is None or error.name.split(".")[0] not in ("numba", "llvmlite"):
        raise
    raise missing('engine "numba"', "numba", "fast") from error

_FEW = 4  # samples up to which a gradient is taken one pattern at a time


class Engine:
    """Runs a Program through compiled kernels.

    States neuron-major and a register of samples side by side; or sample by sample, the maps of a
    position side by side.
    """

    def __init__(self, program: Program, *, dtype: np.dtype[Any], threads: int = 1) -> None:
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise EngineError(f"numba engine: dtype {dtype}, needed float32 or float64")
        if threads < 1:
            raise EngineError(f"numba engine: {threads} threads, needed at least 1")
        check_program(program)
        self.program, self.dtype, self.threads = program, dtype, threads
        self._costs = costs(program, dtype.itemsize)
        self._values = np.zeros(program.weight_count)
        self._runners: dict[bool, Any] = {}
        self._loaded: dict[bool, NDArray[np.float64]] = {}  # the values that a runner has
        self._making = Lock()  # one runner of a kind, with the values it is said to have
        self._recent: tuple[int, Any, Any] = (-1, None, None)  # the last batch, values and runner
        self._learning = Turns()  # gradients one at a time: they share memory
        self._patterns = Parts(program, self._pattern_runner)
        self._batches = Parts(program, self._batch_runner)
        self._runner(self._costs.lanes)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy it, or pickle it, as what it is made of."""
        return _made, (self.program, self.dtype, self.threads, self._values)

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values, shape (weights,); a runner has them when next used."""
        self._recent = -1, None, None  # first: these values may have been there before
        self._values = values.copy() if values.flags.writeable else values

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs' states, shape (batch, outputs), for input states (batch, inputs)."""
        batch = len(inputs)
        recent, values, runner = self._recent
        if recent != batch or values is not self._values:
            values = self._values
            runner = self._runner(batch)
            self._recent = batch, values, runner
        found: NDArray[Any] = runner.run(inputs)
        return found

    def states(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the state of every id, shape (batch, program.size)."""
        found: NDArray[Any] = self._runner(len(inputs)).states(inputs)
        return found

    def _runner(self, batch: int) -> Any:
        """Return what runs a batch of this size at the least cost; made when first needed."""
        columns = self._costs.columns_pay(max(1, batch))
        with self._making.own():
            if columns not in self._runners:
                made = self.program, self.dtype, self.threads
                runner: Any
                if columns:
                    # Most never need it.
                    from neurograph.kernels.columns.runner import ColumnRunner

                    runner = ColumnRunner(*made)
                else:
                    runner = Runner(*made)
                self._runners[columns] = runner
            values = self._values
            if self._loaded.get(columns) is not values:
                self._loaded.pop(columns, None)  # if it fails, they are of neither
                self._runners[columns].load(values)
                self._loaded[columns] = values
            return self._runners[columns]

    # Imported and planned only when first needed: who runs forward does not wait for them.

    def _pattern_runner(self, program: Program) -> GradientRunner:
        from neurograph.kernels.gradient.runner import GradientRunner

        return GradientRunner(program, self.dtype)

    def _batch_runner(self, program: Program) -> BatchGradientRunner:
        from neurograph.kernels.gradient.batch_runner import BatchGradientRunner

        return BatchGradientRunner(program, self.dtype, self.threads)

    def backward(
        self,
        inputs: NDArray[Any],
        at: NDArray[np.integer[Any]],
        seed: Callable[[NDArray[Any]], NDArray[Any]],
        *,
        squared: bool = False,
        wrt_inputs: bool = False,
    ) -> tuple[NDArray[np.float64], NDArray[Any] | None]:
        """Return the gradients of weights and of inputs, as `Engine.backward` says."""

        def backward() -> tuple[NDArray[np.float64], NDArray[Any] | None]:
            runner = (self._batches if len(inputs) > _FEW else self._patterns)(at)
            if runner.values is not self._values:
                runner.load(self._values)
            return runner.backward(inputs, at, seed, squared=squared, wrt_inputs=wrt_inputs)

        return self._learning.take(backward)

    def descend(
        self,
        values: NDArray[np.float64],
        inputs: NDArray[Any],
        targets: NDArray[Any],
        loss: Loss,
        rates: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """Learn pattern by pattern, as `Engine.descend` says."""
        at = self.program.outputs.reshape(-1)
        found = self._learning.take(
            lambda: self._patterns(at).descend(values, inputs, targets, loss, rates)
        )
        if found is None:  # a loss that is not compiled
            return descend(self, values, inputs, targets, loss, rates)
        self.load(found[0])
        return found


def _made(
    program: Program, dtype: np.dtype[Any], threads: int, values: NDArray[np.float64]
) -> Engine:
    engine = Engine(program, dtype=dtype, threads=threads)
    engine.load(values)
    return engine
