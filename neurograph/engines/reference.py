"""The reference engine.

Plain loops over connections. Slow and obvious; the truth that the others are tested against.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.functions import COMBINE, IDENTITY, REDUCE
from neurograph.program import Program, Rows


class Engine:
    """Runs a Program neuron by neuron, connection by connection, in Python."""

    def __init__(self, program: Program, *, dtype: np.dtype[Any], threads: int = 1) -> None:
        self.program, self.dtype = program, dtype
        self._steps = [step.rows() for step in program.steps]
        self._values = np.zeros(0, dtype)

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values, shape (weights,)."""
        self._values = values.astype(self.dtype)

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs' states, shape (batch, outputs), for input states (batch, inputs)."""
        return self.states(inputs)[:, self.program.outputs.reshape(-1)]

    def states(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the state of every id, shape (batch, program.size)."""
        program = self.program
        states = np.zeros((len(inputs), program.size), self.dtype)
        for identity, state in program.constants.items():
            states[:, identity] = state
        if program.inputs:
            ids = np.concatenate([i.reshape(-1) for i in program.inputs])
            states[:, ids] = inputs
        for state in states:
            for step in self._steps:
                self._step(step, state)
        return states

    def _step(self, step: Rows, state: NDArray[Any]) -> None:
        function = step.function
        combine, reduce = COMBINE[function.combine], REDUCE[function.reduce]
        identity = IDENTITY.get(function.reduce)
        for row, target in enumerate(step.targets.tolist()):
            net = None if identity is None else self.dtype.type(identity)
            for slot in range(int(step.ptr[row]), int(step.ptr[row + 1])):
                term = combine(self._values[step.weights[slot]], state[step.sources[slot]])
                net = term if net is None else reduce(net, term)
            if net is None:
                raise EngineError(f"neuron {target}: {function.reduce} over no live connection")
            if step.bias[row] >= 0:
                net = net + self._values[step.bias[row]]
            state[target] = function.activation(np.asarray(net, self.dtype))
