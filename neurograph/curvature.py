"""The Gauss-Newton diagonal of a loss, by the backward pass of an engine.

LeCun et al. 1998, Appendix C. Where outputs are squared distances (RBF) and the loss is a penalty
on them, it starts, exactly, at the states that the distances are taken of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.engines import Engine
from neurograph.functions import Activation, Function
from neurograph.losses import CorrectPenalty, DiscriminativePenalty, Loss, like_outputs
from neurograph.program import Ids, Program, join_rows

Array = NDArray[Any]

_DISTANCE = Function("squared_difference", "sum", Activation())
_BLOCK = 1 << 22  # numbers of an array (patterns, outputs, sources) that exist at the same time


def curvature(
    engine: Engine, values: NDArray[np.float64], inputs: Array, targets: Array, loss: Loss
) -> NDArray[np.float64]:
    """Return the Gauss-Newton diagonal of the mean loss by each weight."""
    distances = _distances(engine.program)
    if distances is None or not isinstance(loss, CorrectPenalty | DiscriminativePenalty):
        return engine.backward(
            inputs,
            engine.program.outputs.reshape(-1),
            lambda states: like_outputs(loss.curvature(states, targets), states),
            squared=True,
        )[0]
    start = _Start(distances, values, targets, loss)
    below, _ = engine.backward(inputs, distances.sources, start, squared=True)
    return below + start.weights


class _Distances(NamedTuple):
    """The connections of outputs that are squared distances.

    Each goes from `sources[source]` through `weight` to output number `output` of `outputs`.
    """

    sources: Ids
    source: NDArray[np.intp]
    weight: Ids
    output: NDArray[np.intp]
    outputs: int


def _distances(program: Program) -> _Distances | None:
    """Return the outputs' connections if every output is a sum of squared distances, else None."""
    place = np.full(program.size, -1, np.intp)
    outputs = program.outputs.reshape(-1)
    place[outputs] = np.arange(outputs.size)
    steps = [s for s in program.steps if s.function == _DISTANCE and (place[s.targets] >= 0).any()]
    if not steps:
        return None
    rows = join_rows(steps)
    mine = place[rows.targets] >= 0
    if mine.sum() != np.unique(outputs).size or (rows.bias[mine] >= 0).any():
        return None
    output = np.repeat(place[rows.targets], np.diff(rows.ptr))
    some = output >= 0
    sources, source = np.unique(rows.sources[some], return_inverse=True)
    return _Distances(sources, source, rows.weights[some], output[some], outputs.size)


class _Start:
    """d2E/dx_j^2 at the sources x_j of squared distances y_i = sum_j (x_j - w_ij)^2.

    Exactly: 2 sum_i E_i + 4 sum_ik d_ij E_ik d_kj, with d_ij = x_j - w_ij, E_i = dE/dy_i and E_ik
    the loss's Hessian; `weights` takes up the same for w_ij, 2 E_i + 4 E_ii d_ij^2.
    """

    def __init__(
        self,
        distances: _Distances,
        values: NDArray[np.float64],
        targets: Array,
        loss: CorrectPenalty | DiscriminativePenalty,
    ) -> None:
        self.distances, self.values = distances, values
        self.targets, self.loss = targets, loss
        self.weights = np.zeros(values.size)

    def __call__(self, states: Array) -> Array:
        """Return the second derivatives, (batch, sources), of the states of the sources."""
        found = np.empty(states.shape)
        for some in self._blocks(len(states)):
            found[some] = self._block(states[some].astype(np.float64), self.targets[some])
        self.weights /= len(states)
        return (found / len(states)).astype(states.dtype)

    def _blocks(self, batch: int) -> Iterator[slice]:
        step = max(1, _BLOCK // max(1, self.distances.outputs * self.distances.sources.size))
        return (slice(a, a + step) for a in range(0, batch, step))

    def _block(self, states: Array, targets: Array) -> Array:
        links, count = self.distances, len(states)
        difference = states[:, links.source] - self.values[links.weight]
        outputs = _summed(np.square(difference), links.output, links.outputs)
        first = self.loss.gradient(outputs, targets) * count
        second = self.loss.hessian(outputs, targets) * count
        own = np.diagonal(second, axis1=1, axis2=2)[:, links.output]
        by_weight = 2 * first[:, links.output] + 4 * own * np.square(difference)
        self.weights += np.bincount(links.weight, by_weight.sum(axis=0), self.weights.size)
        pair, shape = links.output * links.sources.size + links.source, (count, links.outputs, -1)
        pairs = links.outputs * links.sources.size
        slope = _summed(2 * difference, pair, pairs).reshape(shape)
        uses = np.bincount(pair, minlength=pairs).reshape(links.outputs, -1)
        return np.asarray(2 * first @ uses + ((second @ slope) * slope).sum(axis=1))


def _summed(terms: Array, ids: NDArray[np.intp], count: int) -> Array:
    """Return the sum of the terms (batch, n) of each id, shape (batch, count)."""
    found = np.zeros((count, len(terms)))
    np.add.at(found, ids, terms.T)
    return np.ascontiguousarray(found.T)
