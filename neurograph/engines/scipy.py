"""The scipy engine: each level and function of a program is one sparse product over the batch.

(multiply, sum): net = M @ states, M the CSR matrix of the connections, targets x ids, biases in
column 0 (the bias unit has state 1). Any other pair: selected = S @ states picks the source of
every connection, one row each; then combine, then reduce by segments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from neurograph.engines.descent import descend
from neurograph.engines.segments import Slots, scatter, slots_of
from neurograph.errors import EngineError
from neurograph.functions import COMBINE, COMBINE_SLOPES, IDENTITY, REDUCE, REDUCE_SLOPES
from neurograph.losses import Loss
from neurograph.memory import require
from neurograph.program import Program, Rows, join_rows

Array = NDArray[Any]

# Bytes an entry of a matrix takes here: its value, column, weight id and a spare while it is built.
_ENTRY = 16
# Products of a connection and a sample that exist at the same time.
_BLOCK = 1 << 20


@dataclass(eq=False)
class _Product:
    """A step as a matrix over some columns, with the weight of each of its entries."""

    rows: Rows
    matrix: csr_matrix
    weights: NDArray[np.int32]
    linear: bool

    @cached_property
    def row(self) -> NDArray[np.int32]:
        """The row of each entry."""
        ptr = self.matrix.indptr
        return np.repeat(np.arange(ptr.size - 1, dtype=np.int32), np.diff(ptr))

    @cached_property
    def columns(self) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """The ids that have an entry, ascending, and the place of each entry's id among them."""
        ids, place = np.unique(self.matrix.indices, return_inverse=True)
        return ids, place

    def transposed(self, data: Array) -> tuple[NDArray[np.int32], csr_matrix]:
        """Return the ids with an entry, and the matrix of these columns with `data`, transposed."""
        ids, place = self.columns
        shape = (self.matrix.shape[0], ids.size)
        return ids, csr_matrix((data, place, self.matrix.indptr), shape=shape).T


class Engine:
    """Runs a Program as scipy.sparse products; states are kept neuron-major, (ids, batch)."""

    def __init__(self, program: Program, *, dtype: np.dtype[Any], threads: int = 1) -> None:
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

    def _product(self, rows: Rows) -> _Product:
        linear = rows.function.linear
        if linear:
            ptr, sources, weights = _with_bias(rows)
        else:  # selection: a row a connection
            ptr, sources, weights = np.arange(rows.sources.size + 1), rows.sources, rows.weights
        ones = np.ones(sources.size, self.dtype)
        shape = (ptr.size - 1, self.program.size)
        return _Product(rows, csr_matrix((ones, sources, ptr), shape=shape), weights, linear)

    def load(self, values: NDArray[np.float64]) -> None:
        """Take a copy of the weight values, shape (weights,), into the matrices' data."""
        self._values = values.astype(self.dtype)
        for step in self._steps:
            if step.linear:
                step.matrix.data = self._values[step.weights]

    def run(self, inputs: Array) -> Array:
        """Return the outputs' states, shape (batch, outputs), for input states (batch, inputs)."""
        return np.ascontiguousarray(self._states(inputs)[0][self.program.outputs.reshape(-1)].T)

    def states(self, inputs: Array) -> Array:
        """Return the state of every id, shape (batch, program.size)."""
        return np.ascontiguousarray(self._states(inputs)[0].T)

    def _states(self, inputs: Array, *, copies: int = 1) -> tuple[Array, list[Array]]:
        """Return states (ids, batch), and with `copies` > 1 the net inputs that slopes read."""
        program = self.program
        require(
            program.size * len(inputs) * self.dtype.itemsize * copies,
            f"scipy engine, {len(inputs)} samples at once",
            EngineError,
            advice="run fewer at a time",
        )
        states = np.zeros((program.size, len(inputs)), self.dtype)
        for identity, state in program.constants.items():
            states[identity] = state
        if program.inputs:
            states[self._input_ids()] = inputs.T
        nets = []
        for step in self._steps:
            activation = step.rows.function.activation
            net = step.matrix @ states if step.linear else self._reduced(step, states)
            states[step.rows.targets] = activation(net)
            nets.append(net if copies > 1 and activation.reads_net else net[:0])
        return states, nets

    def _input_ids(self) -> NDArray[np.int32]:
        return np.concatenate([i.reshape(-1) for i in self.program.inputs])

    def _reduced(self, step: _Product, states: Array) -> Array:
        rows, function = step.rows, step.rows.function
        # A selection product multiplies by 1 and adds to 0, which keeps infinities and NaN as they
        # are.
        terms = COMBINE[function.combine](self._values[rows.weights][:, None], step.matrix @ states)
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
        states, nets = self._states(inputs, copies=3)
        deltas = np.zeros_like(states)
        np.add.at(deltas, at, seed(np.ascontiguousarray(states[at].T)).T)
        gradient = np.zeros(self.program.weight_count)
        for step, net in zip(reversed(self._steps), reversed(nets), strict=True):
            targets = step.rows.targets
            slope = step.rows.function.activation.derivative(net, states[targets])
            delta = deltas[targets] * (np.square(slope) if squared else slope)
            back = self._linear_back if step.linear else self._reduced_back
            gradient += back(step, states, delta, deltas, squared=squared)
        if not wrt_inputs:
            return gradient, None
        return gradient, np.ascontiguousarray(deltas[self._input_ids()].T)

    def _linear_back(
        self, step: _Product, states: Array, delta: Array, deltas: Array, *, squared: bool
    ) -> NDArray[np.float64]:
        """Add M^T delta to the sources; return the weights' sums of delta times source state."""
        data = step.matrix.data
        ids, transposed = step.transposed(np.square(data) if squared else data)
        deltas[ids] += transposed @ delta
        found = np.empty(step.weights.size, self.dtype)
        block = max(1, _BLOCK // max(1, states.shape[1]))
        for a in range(0, found.size, block):
            some = slice(a, a + block)
            source = states[step.matrix.indices[some]]
            source = np.square(source) if squared else source
            found[some] = np.einsum("eb,eb->e", delta[step.row[some]], source)
        return _summed(step.weights, found, self.program.weight_count)

    def _reduced_back(
        self, step: _Product, states: Array, delta: Array, deltas: Array, *, squared: bool
    ) -> NDArray[np.float64]:
        """Do the same for any pair, rows of equal length at a time, in blocks."""
        rows = step.rows
        biased = rows.bias >= 0
        count = self.program.weight_count
        gradient = _summed(rows.bias[biased], delta[biased].sum(axis=1), count)
        for some in slots_of(rows.ptr, max(1, _BLOCK // max(1, states.shape[1]))):
            by_source, by_weight = self._slopes(rows, some, states)
            if squared:
                by_source, by_weight = np.square(by_source), np.square(by_weight)
            above = delta[some.rows][:, None]
            sources = rows.sources[some.slots].reshape(-1)
            scatter(deltas, sources, (above * by_source).reshape(sources.size, -1))
            found = (above * by_weight).sum(axis=2).reshape(-1)
            gradient += _summed(rows.weights[some.slots].reshape(-1), found, count)
        return gradient

    def _slopes(self, rows: Rows, some: Slots, states: Array) -> tuple[Array, Array]:
        """Return d net / d source and d net / d weight of some slots, (rows, slots, batch)."""
        function = rows.function
        weight = self._values[rows.weights[some.slots]][:, :, None]
        source = states[rows.sources[some.slots]]
        share = REDUCE_SLOPES[function.reduce](COMBINE[function.combine](weight, source))
        by_source, by_weight = COMBINE_SLOPES[function.combine](weight, source)
        return share * by_source, share * by_weight

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


def _summed(ids: NDArray[Any], terms: Array, count: int) -> NDArray[np.float64]:
    """Return the sum of the terms of each id, shape (count,)."""
    return np.asarray(np.bincount(ids, terms, count), np.float64)


def _with_bias(
    rows: Rows,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Return CSR (ptr, columns, weights) with each bias as a first entry in column 0."""
    biased = rows.bias >= 0
    at = rows.ptr[:-1][biased]
    sources = np.insert(rows.sources, at, 0)
    weights = np.insert(rows.weights, at, rows.bias[biased])
    return rows.ptr + np.append(0, np.cumsum(biased)), sources, weights
