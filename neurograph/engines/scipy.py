"""The scipy engine: each level and function of a program is one sparse product over the batch.

(multiply, sum): net = M @ states, M the CSR matrix of the connections, targets x ids, biases in
column 0 (the bias unit has state 1). Any other pair: selected = S @ states picks the source of
every connection, one row each; then combine, then reduce by segments. Gradients go by blocks of
fields and kernels (see `blockwise`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from neurograph.engines.blockwise import Blockwise
from neurograph.engines.descent import descend
from neurograph.errors import EngineError
from neurograph.functions import COMBINE, IDENTITY, REDUCE
from neurograph.losses import Loss
from neurograph.memory import require
from neurograph.program import Parts, Program, Rows, check_program, join_rows

Array = NDArray[Any]

# Bytes an entry of a matrix takes here: its value, column, weight id and a spare while it is built.
_ENTRY = 16
_LONG = 1 << 10  # slots of a sum from which digits are lost in float32


@dataclass(eq=False)
class _Product:
    """A step as a matrix over some columns, with the weight of each of its entries."""

    rows: Rows
    matrix: csr_matrix
    weights: NDArray[np.int32]
    linear: bool
    long: bool  # whether any sum is so long that it is taken in float64


class Engine:
    """Runs a Program as scipy.sparse products; states are kept neuron-major, (ids, batch)."""

    def __init__(self, program: Program, *, dtype: np.dtype[Any], threads: int = 1) -> None:
        check_program(program)
        self.program, self.dtype = program, dtype
        require(
            sum(step.slots for step in program.steps) * _ENTRY,
            "scipy engine",
            EngineError,
            advice='engine="numba" keeps fields and kernels apart',
        )
        self._steps = [
            self._product(join_rows([s for s in level if s.function == function]))
            for level in program.levels
            for function in dict.fromkeys(s.function for s in level)
        ]
        self._blockwise = Parts(program, self._part)

    def _part(self, program: Program) -> Blockwise:
        return Blockwise(program, self.dtype)

    def _product(self, rows: Rows) -> _Product:
        linear = rows.function.linear
        if linear:
            ptr, sources, weights = _with_bias(rows)
        else:  # selection: a row a connection
            ptr, sources, weights = np.arange(rows.sources.size + 1), rows.sources, rows.weights
        ones = np.ones(sources.size, self.dtype)
        shape = (ptr.size - 1, self.program.size)
        matrix = csr_matrix((ones, sources, ptr), shape=shape)
        summed = rows.function.reduce == "sum"
        long = summed and int(np.diff(rows.ptr).max(initial=0)) > _LONG
        return _Product(rows, matrix, weights, linear, long)

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values, shape (weights,), into the matrices' data."""
        self._values, self._filled = values.astype(self.dtype), False

    def _fill(self) -> None:
        """Set the matrices' data; only now, for learning pattern by pattern never needs them."""
        if not self._filled:
            for step in self._steps:
                if step.linear:
                    step.matrix.data = self._values[step.weights]
            self._filled = True

    def run(self, inputs: Array) -> Array:
        """Return the outputs' states, shape (batch, outputs), for input states (batch, inputs)."""
        return np.ascontiguousarray(self._states(inputs)[self.program.outputs.reshape(-1)].T)

    def states(self, inputs: Array) -> Array:
        """Return the state of every id, shape (batch, program.size)."""
        return np.ascontiguousarray(self._states(inputs).T)

    def _require(self, batch: int, *, copies: int) -> None:
        """Raise EngineError if so many copies of a batch's states do not fit in memory."""
        require(
            self.program.size * batch * self.dtype.itemsize * copies,
            f"scipy engine, {batch} samples at once",
            EngineError,
            advice="run fewer at a time",
        )

    def _states(self, inputs: Array) -> Array:
        """Return all states, (ids, batch)."""
        program = self.program
        self._require(len(inputs), copies=1)
        self._fill()
        states = np.zeros((program.size, len(inputs)), self.dtype)
        for identity, state in program.constants.items():
            states[identity] = state
        if program.inputs:
            states[np.concatenate([i.reshape(-1) for i in program.inputs])] = inputs.T
        for step in self._steps:
            net = self._summed(step, states) if step.linear else self._reduced(step, states)
            states[step.rows.targets] = step.rows.function.activation(net)
        return states

    def _summed(self, step: _Product, states: Array) -> Array:
        """Return the weighted sums of a step; those of very many slots in float64."""
        if not step.long:
            return np.asarray(step.matrix @ states)
        return np.asarray(step.matrix.astype(np.float64) @ states.astype(np.float64))

    def _reduced(self, step: _Product, states: Array) -> Array:
        rows, function = step.rows, step.rows.function
        # A selection product multiplies by 1 and adds to 0, which keeps infinities and NaN as they
        # are.
        terms = COMBINE[function.combine](self._values[rows.weights][:, None], step.matrix @ states)
        if step.long:
            terms = terms.astype(np.float64)
        net = np.full(
            (rows.targets.size, states.shape[1]), IDENTITY.get(function.reduce, 0), self.dtype
        )
        # reduceat gives an empty segment its next element, so only rows with a connection take
        # part.
        some = np.flatnonzero(np.diff(rows.ptr))
        if some.size:
            net[some] = REDUCE[function.reduce].reduceat(terms, rows.ptr[some], axis=0)
        biased = rows.bias >= 0
        net[biased] += self._values[rows.bias[biased]][:, None]
        return net

    # ---- gradients --------------------------------------------------------------------------

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
        self._require(len(inputs), copies=3)
        return self._blockwise(at).backward(
            self._values, inputs, at, seed, squared=squared, wrt_inputs=wrt_inputs
        )

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


def _with_bias(
    rows: Rows,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return CSR (ptr, columns, weights) with each bias as a first entry in column 0."""
    biased = rows.bias >= 0
    at = rows.ptr[:-1][biased]
    sources = np.insert(rows.sources, at, 0)
    weights = np.insert(rows.weights, at, rows.bias[biased])
    return rows.ptr + np.append(0, np.cumsum(biased)), sources, weights
