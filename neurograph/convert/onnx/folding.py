"""Operators that need no neurons: of shapes, of weights alone, and those that change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from neurograph.convert.onnx.calls import numbers
from neurograph.convert.onnx.evaluation import Evaluator, attributes
from neurograph.convert.values import Neurons, Parameters
from neurograph.errors import ConversionError
from neurograph.graph import Graph


def of_shape(node: NodeProto, value: Any) -> NDArray[np.int64]:
    """Return a tensor's shape, or part of it, or its size."""
    sizes = value.shape if isinstance(value, (Neurons, Parameters)) else np.shape(value)
    if node.op_type == "Size":
        return np.asarray(np.prod(sizes, dtype=np.int64), np.int64)
    given = attributes(node)
    return np.asarray(sizes[given.get("start", 0) : given.get("end", len(sizes))], np.int64)


def same(values: list[Any]) -> list[Any]:
    """Return what an identity or a dropout gives. Raises ConversionError for one that trains."""
    if len(values) > 2 and values[2] is not None and bool(numbers(values[2]).all()):
        raise ConversionError("dropout in training")
    return values[:1]


def masked(values: list[Any]) -> Parameters | None:
    """Return weights times a constant of zeros and ones as those weights, cut; else None."""
    weights, mask = values if isinstance(values[0], Parameters) else values[::-1]
    if isinstance(mask, Parameters) or not np.isin(mask, (0, 1)).all():
        return None
    live = np.asarray(mask) != 0
    shape = np.broadcast_shapes(weights.shape, live.shape)
    ids = np.where(np.broadcast_to(live, shape), np.broadcast_to(weights.ids, shape), -1)
    return Parameters(ids.astype(np.int32), np.where(live, weights.values, 0), weights.arrays)


def derived(graph: Graph, node: NodeProto, values: list[Any], evaluator: Evaluator) -> list[Any]:
    """Add weights that are computed from others, as arrays of their own; whole numbers are none."""
    given = [None if value is None else numbers(value) for value in values]
    found = []
    for name, array in zip(node.output, evaluator.run(node, given), strict=True):
        if array is None or not np.issubdtype(array.dtype, np.floating):
            found.append(array)
            continue
        stem = f"{name}.derived".replace("[", "(").replace("]", ")")
        own, number = stem, 1
        while own in graph.weights.names:
            number += 1
            own = f"{stem}{number}"
        ids = graph.weights.add(own, array.shape, initializer=np.asarray(array, np.float64)).ids
        found.append(Parameters(np.asarray(ids, np.int32), array, frozenset([own])))
    return found
