"""Engines run Programs.

Each is one module with a class `Engine`; a new one is a file and a line in `ENGINES`.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError, suggestion
from neurograph.program import Program

ENGINES = {
    "reference": "neurograph.engines.reference",
    "scipy": "neurograph.engines.scipy",
    "numba": "neurograph.engines.numba",
}


class Engine(Protocol):
    """What a Simulator asks of an engine.

    Built once for a program, then loaded with weights and run.
    """

    def __init__(self, program: Program, *, dtype: np.dtype[Any], threads: int) -> None: ...

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values, shape (weights,), in the engine's own layout."""

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs' states, shape (batch, outputs), for input states (batch, inputs)."""

    def states(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the state of every id, shape (batch, program.size)."""


def resolve(name: str) -> str:
    """Return the engine `name` stands for: "auto" is numba where it is installed, else scipy.

    Raises EngineError for an unknown name.
    """
    if name == "auto":
        return "numba" if importlib.util.find_spec("numba") else "scipy"
    if name not in ENGINES:
        raise EngineError(f"engine {name!r} is unknown{suggestion(name, [*ENGINES, 'auto'])}")
    return name


def create(name: str, program: Program, *, dtype: np.dtype[Any], threads: int) -> Engine:
    """Return the engine `name` built for `program`; its module is imported only now."""
    module = importlib.import_module(ENGINES[resolve(name)])
    engine: Engine = module.Engine(program, dtype=dtype, threads=threads)
    return engine
