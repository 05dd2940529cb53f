"""The reference engine: plain loops over connections.

Slow and obvious; the truth that the others are tested against.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.engines.descent import descend
from neurograph.errors import EngineError
from neurograph.functions import COMBINE, COMBINE_SLOPES, IDENTITY, REDUCE, REDUCE_SLOPES
from neurograph.losses import Loss
from neurograph.program import Parts, Program, Rows, check_program

Array = NDArray[Any]


class Engine:
    """Runs a Program neuron by neuron, connection by connection, in Python."""

    def __init__(self, program: Program, *, dtype: np.dtype[Any], threads: int = 1) -> None:
        check_program(program)
        self.program, self.dtype = program, dtype
        self._steps = [step.rows() for step in program.steps]
        self._values = np.zeros(0, dtype)
        self._parts = Parts(program, self._part)

    def _part(self, program: Program) -> Engine:
        """Return the engine of a part of the program: itself where that is all of it."""
        return self if program is self.program else Engine(program, dtype=self.dtype)

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values, shape (weights,)."""
        self._values = values.astype(self.dtype)

    def run(self, inputs: Array) -> Array:
        """Return the outputs' states, shape (batch, outputs), for input states (batch, inputs)."""
        return self.states(inputs)[:, self.program.outputs.reshape(-1)]

    def states(self, inputs: Array) -> Array:
        """Return the state of every id, shape (batch, program.size)."""
        return self._forward(inputs)[0]

    def _forward(self, inputs: Array) -> tuple[Array, Array]:
        """Return the state and the net input of every id, each (batch, program.size)."""
        program = self.program
        states = np.zeros((len(inputs), program.size), self.dtype)
        nets = np.zeros_like(states)
        for identity, state in program.constants.items():
            states[:, identity] = state
        if program.inputs:
            states[:, self._input_ids()] = inputs
        for state, net in zip(states, nets, strict=True):
            for step in self._steps:
                self._step(step, state, net)
        return states, nets

    def _input_ids(self) -> NDArray[np.int32]:
        return np.concatenate([i.reshape(-1) for i in self.program.inputs])

    def _terms(self, step: Rows, row: int, state: Array) -> list[Any]:
        """Return combine(weight, source) of each connection of a row, its bias's not."""
        combine = COMBINE[step.function.combine]
        return [
            combine(self._values[step.weights[slot]], state[step.sources[slot]])
            for slot in range(int(step.ptr[row]), int(step.ptr[row + 1]))
        ]

    def _step(self, step: Rows, state: Array, nets: Array) -> None:
        function = step.function
        reduce, identity = REDUCE[function.reduce], IDENTITY.get(function.reduce)
        for row, target in enumerate(step.targets.tolist()):
            net = None if identity is None else self.dtype.type(identity)
            for term in self._terms(step, row, state):
                net = term if net is None else reduce(net, term)
            if net is None:
                raise EngineError(f"neuron {target}: {function.reduce} over no live connection")
            if step.bias[row] >= 0:
                net = net + self._values[step.bias[row]]
            nets[target] = net
            state[target] = function.activation(np.asarray(net, self.dtype))

    def backward(
        self,
        inputs: Array,
        at: NDArray[np.integer[Any]],
        seed: Callable[[Array], Array],
        *,
        squared: bool = False,
        wrt_inputs: bool = False,
    ) -> tuple[NDArray[np.float64], Array | None]:
        """Return the gradients of weights and of inputs, as `Engine.backward` says."""
        part = self._parts(at)
        part._values = self._values
        return part._back(inputs, at, seed, squared=squared, wrt_inputs=wrt_inputs)

    def _back(
        self,
        inputs: Array,
        at: NDArray[np.integer[Any]],
        seed: Callable[[Array], Array],
        *,
        squared: bool,
        wrt_inputs: bool,
    ) -> tuple[NDArray[np.float64], Array | None]:
        states, nets = self._forward(inputs)
        deltas = np.zeros_like(states)
        for neuron, delta in zip(at.tolist(), seed(states[:, at]).T, strict=True):
            deltas[:, neuron] += delta
        gradient = np.zeros(self.program.weight_count)
        for state, net, delta in zip(states, nets, deltas, strict=True):
            for step in reversed(self._steps):
                self._step_back(step, state, net, delta, gradient, 2 if squared else 1)
        return gradient, deltas[:, self._input_ids()] if wrt_inputs else None

    def _step_back(
        self, step: Rows, state: Array, nets: Array, deltas: Array, gradient: Array, power: int
    ) -> None:
        """Hand the dE/dstate of a step's targets down; every local derivative to the `power`."""
        function = step.function
        slopes = COMBINE_SLOPES[function.combine]
        for row, target in enumerate(step.targets.tolist()):
            slope = function.activation.derivative(nets[target], state[target])
            delta = deltas[target] * slope**power
            if step.bias[row] >= 0:
                gradient[step.bias[row]] += delta
            terms = np.array([self._terms(step, row, state)], self.dtype)
            shares = REDUCE_SLOPES[function.reduce](terms)[0] if terms.size else ()
            for slot, share in enumerate(shares, int(step.ptr[row])):
                source, weight = step.sources[slot], step.weights[slot]
                by_source, by_weight = slopes(self._values[weight], state[source])
                deltas[source] += delta * (share * by_source) ** power
                gradient[weight] += delta * (share * by_weight) ** power

    def descend(
        self,
        values: NDArray[np.float64],
        inputs: Array,
        targets: Array,
        loss: Loss,
        rates: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], Array]:
        """Learn pattern by pattern, as `Engine.descend` says."""
        return descend(self, values, inputs, targets, loss, rates)
