"""A graph in the making: free names, fixed weights and constant units by their value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import GraphError
from neurograph.functions import Activation, Function
from neurograph.graph import Graph
from neurograph.memory import require

Ids = NDArray[np.int32]

_UNITS = 1 << 16  # constant units of different states, beyond which they are data and no network
_SLOT = 4  # bytes of a slot of a field or a kernel


class Wiring:
    """A graph to which operators add neurons.

    >>> wiring = Wiring(Graph())
    >>> x = wiring.graph.add_inputs("x", (2,))
    >>> wiring.free("x"), wiring.constant(0.5) == wiring.constant(0.5)
    ('x#2', True)
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._constants: dict[float, int] = {1.0: 0}
        self._uses: dict[str, int] = {}

    def free(self, name: str) -> str:
        """Return a layer name that is not taken yet: `name`, or with a number behind it."""
        name = name.replace("[", "(").replace("]", ")").strip() or "layer"
        while True:
            number = self._uses[name] = self._uses.get(name, 0) + 1
            found = name if number == 1 else f"{name}#{number}"
            if found not in self.graph.neuron_names:
                return found

    def fixed(self, layer: str, values: ArrayLike) -> Ids:
        """Return ids of fixed weights, one for each distinct value, in the shape of `values`."""
        array = np.asarray(values, np.float64)
        distinct, inverse = np.unique(array, return_inverse=True)
        kind, number = "fixed", 1
        while f"{layer}.{kind}" in self.graph.weights.names:
            number += 1
            kind = f"fixed{number}"
        ids = self.graph.add_weights(
            layer, kind, distinct.shape, initializer=distinct, trainable=False
        ).ids
        return np.asarray(ids[inverse].reshape(array.shape), np.int32)

    def constant(self, state: float) -> int:
        """Return the unit whose state is always `state`; one a value, 1 being the bias unit."""
        if state not in self._constants:
            self._constants[state] = self.graph.add_constant(f"constant {state!r}", state)
        return self._constants[state]

    def constants(self, layer: str, states: ArrayLike) -> Ids:
        """Return units of these states. Raises GraphError for more different ones than is sane."""
        array = np.asarray(states, np.float64)
        distinct, inverse = np.unique(array, return_inverse=True)
        if distinct.size > _UNITS:
            raise GraphError(
                f"{layer}: {distinct.size:,} different constant states, needed {_UNITS:,} at most"
            )
        units = np.array([self.constant(float(state)) for state in distinct], np.int32)
        return units[inverse].reshape(array.shape)

    def solid(self, ids: Ids) -> Ids:
        """Return the ids with a unit of state 0 where there is no neuron."""
        return (
            np.where(ids < 0, self.constant(0.0), ids).astype(np.int32) if (ids < 0).any() else ids
        )

    def fields(self, layer: str, rows: Ids) -> int:
        """Add fields (rows, slots), not larger than memory; return the first one's number."""
        require(_SLOT * rows.size, f"{layer}: fields of {rows.size:,} slots", GraphError)
        return self.graph.table.fields.add(np.ascontiguousarray(rows, np.int32))

    def kernels(self, rows: Ids) -> int:
        """Add kernels (rows, slots); return the first one's number."""
        first = int(rows.flat[0]) if rows.size else -1
        stop = first + rows.size
        flat = rows.reshape(-1)  # as many ids as lie between the first and the last, ever larger
        if first >= 0 and int(flat[-1]) == stop - 1 and (flat[1:] > flat[:-1]).all():
            return self.graph.table.kernels.add(range(first, stop), rows.shape[1])
        return self.graph.table.kernels.add(np.ascontiguousarray(rows, np.int32))

    def neurons(
        self,
        layer: str,
        kind: str,
        shape: tuple[int, ...],
        columns: tuple[Any, Any, Any],
        *,
        activation: Activation | None = None,
        pair: tuple[str, str] = ("multiply", "sum"),
    ) -> Ids:
        """Add the neurons of a layer; `columns` are field, kernel and bias ids, to broadcast.

        The ids are in `shape`; the layer is without the axis of samples, so that its neurons are
        called "conv[channel, row, column]".
        """
        sample = of_sample(shape)
        field, kernel, bias = (np.broadcast_to(column, shape).reshape(sample) for column in columns)
        function = Function(*pair, activation or Activation())
        ids = self.graph.add_neurons(
            layer, kind, sample, field=field, kernel=kernel, bias=bias, function=function
        )
        return ids.reshape(shape)


def of_sample(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a tensor's shape without a first axis of one sample.

    >>> of_sample((1, 6, 28, 28)), of_sample((6, 28, 28))
    ((6, 28, 28), (6, 28, 28))
    """
    return shape[1:] if shape[:1] == (1,) else shape


def size_of(shape: tuple[int, ...] | list[int]) -> int:
    """Return how many entries an array of this shape has.

    >>> size_of((2, 3))
    6
    """
    return math.prod(shape)
