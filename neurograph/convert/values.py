"""What an importer knows a tensor as: neurons, parameters, or else a constant.

Neurons are ids, -1 where the state is a constant zero and no neuron is needed. Parameters are ids
of weights, by the storage they lie in, -1 where a mask cuts them, beside their values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.operators import Wiring

Ids = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Neurons:
    """Neuron ids in the shape of a tensor; -1 for a zero."""

    ids: Ids

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return self.ids.shape


@dataclass(frozen=True, eq=False)
class Parameters:
    """Weight ids in the shape of a tensor, -1 for a cut; their values and arrays."""

    ids: Ids
    values: NDArray[Any]
    arrays: frozenset[str] = frozenset()

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return self.ids.shape


class Scene:
    """A graph in the making, and which layer brings which weight array: the first that uses it."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self._brought: set[str] = set()
        # Of each batch norm its layer, mean, variance and epsilon, as the source has them.
        self.statistics: list[tuple[str, Any, Any, float]] = []

    def weights(self, layer: str, value: Any) -> Ids:
        """Return a value as weight ids; a constant becomes fixed weights, and its zeros cuts.

        A zero that is no weight has no connection; the sum is the same.
        """
        if isinstance(value, Parameters):
            for name in sorted(value.arrays - self._brought):
                self.wiring.graph.bring(layer, name)
            self._brought |= value.arrays
            return value.ids
        array = np.asarray(value, np.float64)
        return np.where(array == 0, -1, self.wiring.fixed(layer, array)).astype(np.int32)

    def biases(self, layer: str, value: Any) -> Ids:
        """Return a value as weight ids of biases; None is none."""
        return np.array(-1, np.int32) if value is None else self.weights(layer, value)

    def neurons(self, layer: str, value: Any) -> Ids:
        """Return a value as neuron ids, a unit for each zero, parameter and constant."""
        if isinstance(value, Neurons):
            return self.wiring.solid(value.ids)
        if isinstance(value, Parameters):
            name = self.wiring.free(f"{layer}.parameter")
            shift = self.weights(name, value)
            columns = -1, -1, shift
            return self.wiring.neurons(name, "Parameter", value.shape, columns)
        return self.wiring.constants(layer, value)
