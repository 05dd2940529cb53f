"""The numba engine: a Program as an op table, run by compiled, register-blocked kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError, MissingDependency
from neurograph.program import Program

try:
    from neurograph.kernels.runner import Runner
except ImportError as error:
    if error.name is None or error.name.split(".")[0] not in ("numba", "llvmlite"):
        raise
    raise MissingDependency(
        'engine "numba" needs numba: pip install "neurograph-cnn[fast]"'
    ) from error


class Engine:
    """Runs a Program through compiled kernels; states lie neuron-major, samples side by side."""

    def __init__(self, program: Program, *, dtype: np.dtype[Any], threads: int = 1) -> None:
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise EngineError(f"numba engine: dtype {dtype}, needed float32 or float64")
        if threads < 1:
            raise EngineError(f"numba engine: {threads} threads, needed at least 1")
        self.program, self.dtype = program, dtype
        self._runner = Runner(program, dtype, threads)

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values, shape (weights,)."""
        self._runner.load(values)

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs' states, shape (batch, outputs), for input states (batch, inputs)."""
        return self._runner.run(inputs)

    def states(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the state of every id, shape (batch, program.size)."""
        return self._runner.states(inputs)
