"""State dictionaries: a graph's weights as arrays under the names that torch gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import ConversionError, suggestion
from neurograph.graph.origins import Origins, Statistics, Tensor
from neurograph.graph.table import Table
from neurograph.graph.usage import placed_weights
from neurograph.graph.weights import Weights

Array = NDArray[np.float64]
_EPSILON = 1e-5


def digest(values: Any) -> str:
    """Return what tells a constant from another: of its shape and its numbers."""
    array = np.ascontiguousarray(values, np.float64)
    return hashlib.sha256(repr(array.shape).encode() + array.tobytes()).hexdigest()


def state_of(weights: Weights, table: Table, brought: Collection[str]) -> dict[str, Array]:
    """Return the arrays of a graph's weights by torch's names; cut weights are 0.

    `brought` are the arrays that layers use: of one that nothing reads nothing is cut.
    """
    origins = origins_of(weights, _EPSILON)
    flat = _flat(weights)
    placed = placed_weights(table, weights.count)
    for name in brought:
        ids = weights.names[name].ids.reshape(-1)
        flat[name][~placed[ids]] = 0
    found = {name: _view(flat[t.array], t).copy() for name, t in origins.tensors.items()}
    for s in origins.statistics:
        inverse = weights[s.inverse_deviation]
        found.setdefault(s.mean, -weights[s.center] / inverse)
        found.setdefault(s.variance, 1 / inverse**2 - s.epsilon)
    return found


def origins_of(weights: Weights, epsilon: float) -> Origins:
    """Return the record of where weights come from; by the library's own names where none is."""
    return weights.origins or by_names(weights, epsilon)


def arrays_of(weights: Weights, origins: Origins, given: Mapping[str, Array]) -> dict[str, Array]:
    """Return the values of weight arrays that the arrays of a state dictionary stand for.

    Raises ConversionError for a name that is missing or unknown, a shape that differs, tied tensors
    of different values, and for a change of what has become part of the graph.
    """
    _require_names(weights, origins, given)
    for name, was in origins.constants.items():
        if was and name in given and digest(given[name]) != was:
            raise ConversionError(
                f"state: {name} is not what it was when the graph was made; import the module again"
            )
    found = _written(_flat(weights), origins, given)
    _require_underived(weights, origins, found)
    for s in origins.statistics:
        variance = given[s.variance] + s.epsilon
        if not (variance > 0).all():
            raise ConversionError(f"state: {s.variance} + {s.epsilon:g} is not above 0 throughout")
        inverse = 1 / np.sqrt(variance)
        found[s.center], found[s.inverse_deviation] = -given[s.mean] * inverse, inverse
    return {name: array.reshape(weights.names[name].shape) for name, array in found.items()}


def by_names(weights: Weights, epsilon: float) -> Origins:
    """Return how the library's own layers are called in torch: "conv1.kernel" is conv1.weight."""
    tensors, statistics = {}, []
    for name in weights:
        layer, _, kind = name.rpartition(".")
        norm = f"{layer}.scale" in weights.names
        if norm and kind in ("center", "inverse_deviation"):
            if kind == "center":
                mean, variance = f"{layer}.running_mean", f"{layer}.running_var"
                arrays = f"{layer}.center", f"{layer}.inverse_deviation"
                statistics.append(Statistics(mean, variance, *arrays, epsilon))
        elif weights.names[name].shape != ():  # a fixed 1.0 or 1 / n is no parameter in torch
            names = {"scale": "weight", "shift": "bias"} if norm else {"kernel": "weight"}
            called = f"{layer}.{names.get(kind, kind)}" if layer else name
            tensors[called] = Tensor.whole(name, weights.names[name].shape)
    return Origins(tensors, tuple(statistics))


def _flat(weights: Weights) -> dict[str, Array]:
    return {name: weights[name].reshape(-1).copy() for name in weights}


def _view(flat: Array, tensor: Tensor) -> Array:
    steps = tuple(flat.itemsize * stride for stride in tensor.strides)
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps)


def _require_names(weights: Weights, origins: Origins, given: Mapping[str, Array]) -> None:
    shapes = {name: tensor.shape for name, tensor in origins.tensors.items()}
    for s in origins.statistics:
        shapes[s.mean] = shapes[s.variance] = weights.names[s.center].shape
    for name in given:
        if name not in shapes and name not in origins.constants:
            raise ConversionError(f"state: the graph has no {name}{suggestion(name, shapes)}")
    for name, shape in shapes.items():
        if name not in given:
            raise ConversionError(f"state: nothing for {name}; each array of the graph is needed")
        if given[name].shape != shape:
            raise ConversionError(f"state: {name} has shape {given[name].shape}, needed {shape}")


def _written(
    flat: dict[str, Array], origins: Origins, given: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the flat arrays with each tensor written. Raises ConversionError if two disagree."""
    found: dict[str, Array] = {}
    for name, tensor in origins.tensors.items():
        found[tensor.array] = values = flat[tensor.array]
        if tensor.stop > tensor.offset:
            _view(values, tensor)[...] = given[name]
    for name, tensor in origins.tensors.items():
        if tensor.stop > tensor.offset and not np.array_equal(
            _view(found[tensor.array], tensor), given[name], equal_nan=True
        ):
            raise ConversionError(
                f"state: {name} shares weights with another array of the state, "
                "needed equal values for both"
            )
    return found


def _require_underived(weights: Weights, origins: Origins, found: Mapping[str, Array]) -> None:
    """Raise ConversionError where weights change that others were computed from."""
    for array, sources in origins.derived.items():
        for source in sources:
            if source in found and not np.array_equal(weights[source].reshape(-1), found[source]):
                raise ConversionError(
                    f"state: {array} was computed from {source}; import the module again"
                )
