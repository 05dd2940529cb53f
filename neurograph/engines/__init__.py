"""Engines run Programs: each is a module with a class `Engine`, named by a line in `ENGINES`."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import is_one_of
from neurograph.errors import EngineError, shown, suggestion
from neurograph.losses import Loss
from neurograph.program import Program

ENGINES = {
    "reference": "neurograph.engines.reference",
    "scipy": "neurograph.engines.scipy",
    "numba": "neurograph.engines.numba",
}


Array = NDArray[Any]


class Engine(Protocol):
    """What a Simulator asks of an engine: built once for a program, loaded with weights, run."""

    program: Program
    dtype: np.dtype[Any]

    def __init__(self, program: Program, *, dtype: np.dtype[Any], threads: int) -> None: ...

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values, shape (weights,), in the engine's own layout."""

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs' states, shape (batch, outputs), for input states (batch, inputs)."""

    def states(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the state of every id, shape (batch, program.size)."""

    def backward(
        self,
        inputs: Array,
        at: NDArray[np.integer[Any]],
        seed: Callable[[Array], Array],
        *,
        squared: bool = False,
        wrt_inputs: bool = False,
    ) -> tuple[NDArray[np.float64], Array | None]:
        """Run forward on inputs (batch, n), then backwards from the ids `at`.

        `seed` is called once, with the states of `at`, shape (batch, len(at)), and returns
        dE/dstate there, in the same shape. Returns the gradient of every weight, shape (weights,),
        summed over samples and over the connections that share it, biases included; and dE/dinput
        (batch, n) with `wrt_inputs`, else None. The ids may be outputs or any neurons, and may name
        one twice; contributions from above add.

        A max or min hands everything to its winning slot, the first on ties; each factor of a
        product gets the product of the others, right where some are zero. With `squared` every
        local derivative is squared, the seed being d2E/dstate^2: the Gauss-Newton diagonal of LeCun
        et al. 1998, Appendix C, (22) to (27).
        """

    def descend(
        self,
        values: NDArray[np.float64],
        inputs: Array,
        targets: Array,
        loss: Loss,
        rates: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], Array]:
        """Learn pattern by pattern: for each in turn, values -= rates * dE/dvalues.

        Starts from the weight values given, not from those loaded, with a rate for each weight (0
        where it is fixed). `targets` is one a pattern, as `loss` takes them. Returns the values
        after the last pattern and the outputs of each pattern before its own update,
        (batch, outputs). Afterwards the engine has loaded the values it returns. A float32 engine
        keeps its values in float32, so that it makes no difference how a pass is cut into calls.
        """


def resolve(name: str) -> str:
    """Return the engine `name` stands for: "auto" is numba where it can compile, else scipy.

    Raises EngineError for an unknown name, and for numba where its compiler is switched off.
    """
    off = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")  # numba's own switch
    if not is_one_of(name, [*ENGINES, "auto"]):
        raise EngineError(f"engine {shown(name)} is unknown{suggestion(name, [*ENGINES, 'auto'])}")
    if name == "auto":
        return "numba" if importlib.util.find_spec("numba") and not off else "scipy"
    if name == "numba" and off:
        raise EngineError("engine numba: NUMBA_DISABLE_JIT switches its compiler off; unset it")
    return name


def create(name: str, program: Program, *, dtype: np.dtype[Any], threads: int) -> Engine:
    """Return the engine `name` built for `program`; its module is imported only now."""
    module = importlib.import_module(ENGINES[resolve(name)])
    engine: Engine = module.Engine(program, dtype=dtype, threads=threads)
    return engine
