"""Kernels of any sharing pattern: which weight stands at each place of a layer's kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph import Graph
from neurograph.layers.wiring import Ids, lent_array, require_weights, weight_array
from neurograph.memory import require
from neurograph.names import IdArray

_WEIGHT = 24  # bytes of a weight in its array, with its fan-in and how often it stands there


def kernel_array(
    graph: Graph,
    layer: Any,
    name: str,
    shape: tuple[int, ...],
    *,
    unit_axes: int,
    fan_in: Any,
    present: NDArray[np.bool_] | None = None,
) -> IdArray:
    """Return the weight ids of a layer's kernel, in `shape`; -1 where there is no weight.

    Without a pattern each place has a weight of its own, new or another layer's. With one, place p
    has weight `pattern[p]` of the new array "name.kernel", or of the kernel that `layer.weights`
    names, flattened. The last `unit_axes` axes are the slots of one unit, for its fan-in; 0 where
    they are not together. Raises GraphError for a pattern that is not whole numbers from -1 on, in
    `shape`, or that goes beyond another layer's weights.
    """
    if layer.pattern is None:
        return weight_array(
            graph,
            name,
            "kernel",
            shape,
            layer.weights,
            present=present,
            initializer=layer.initializer,
            fan_in=fan_in,
        )
    pattern = _checked(layer.pattern, shape, name)
    if present is not None:
        pattern = np.where(present, pattern, -1)
    live = pattern >= 0
    if layer.weights is not None:
        flat = _lent(graph, name, layer.weights, pattern)
    else:
        fan = live.sum(tuple(range(-unit_axes, 0)), keepdims=True) if unit_axes else fan_in
        flat = _new(graph, layer, name, pattern[live], np.broadcast_to(fan, shape)[live])
    return IdArray.of(np.where(live, np.append(flat, -1)[pattern], -1))


def _checked(given: Any, shape: tuple[int, ...], name: str) -> NDArray[np.int64]:
    try:
        pattern = np.asarray(given)
    except Exception:  # rows of different lengths, or what a foreign type raises
        pattern = np.empty(0, object)
    if pattern.dtype.kind not in "iu" or pattern.shape != shape or np.ma.is_masked(given):
        raise GraphError(
            f"{name}: found a pattern of shape {pattern.shape} and type {pattern.dtype}, needed "
            f"whole numbers in the kernel's shape {shape}"
        )
    if int(pattern.min()) < -1:
        raise GraphError(
            f"{name}: found {int(pattern.min())} in the pattern, needed the number of a weight, "
            "from 0, or -1 for none"
        )
    count = int(pattern.max()) + 1
    require(_WEIGHT * count, f"{name}: a pattern of {count:,} weights", GraphError)
    return pattern.astype(np.int64)


def _lent(graph: Graph, name: str, owner: str, pattern: NDArray[np.int64]) -> Ids:
    """Return the flattened kernel of the layer `owner`, which has every weight of the pattern."""
    array = lent_array(graph, name, "kernel", owner)
    ids = graph.weights.names[array].ids.reshape(-1)
    if int(pattern.max()) >= ids.size:
        raise GraphError(
            f"{name}: found {int(pattern.max())} in the pattern, but {array} has {ids.size:,} "
            f"places, from 0 to {ids.size - 1}"
        )
    needed = np.zeros(ids.size, bool)
    needed[pattern[pattern >= 0]] = True
    require_weights(name, array, ids, needed)
    return ids


def _new(
    graph: Graph, layer: Any, name: str, numbers: NDArray[np.int64], fan_in: NDArray[Any]
) -> Ids:
    """Add the weights that a pattern numbers; each has the mean fan-in of its units."""
    if not numbers.size:
        raise GraphError(f"{name}: the pattern has no weight at any place")
    uses = np.maximum(np.bincount(numbers), 1)
    return weight_array(
        graph,
        name,
        "kernel",
        uses.shape,
        None,
        initializer=layer.initializer,
        fan_in=np.maximum(np.bincount(numbers, fan_in) / uses, 1),
    ).ids
