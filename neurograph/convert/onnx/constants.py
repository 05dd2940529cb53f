"""A model's constants: initializers and Constant nodes, parameters where they are weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from neurograph.convert.onnx import analysis
from neurograph.convert.onnx.evaluation import Evaluator
from neurograph.convert.onnx.reading import Source
from neurograph.convert.values import Parameters
from neurograph.errors import ConversionError
from neurograph.graph import Graph

_KERNEL_AXES = 2  # an array of as many is a kernel, whose zeros may be a mask


class Constants:
    """Every tensor of a file by its name, read once; arrays that are given stand beside them."""

    def __init__(
        self, source: Source, evaluator: Evaluator, given: Mapping[str, NDArray[Any]]
    ) -> None:
        graph = source.model.graph
        if graph.sparse_initializer:
            raise ConversionError("from_onnx: found sparse initializers, needed dense ones")
        self._arrays = {tensor.name: source.tensor(tensor) for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.output:
                self._arrays[node.output[0]] = _constant(source, node, evaluator)
        self._arrays |= given

    def values(
        self, graph: Graph, nodes: list[NodeProto], alive: set[str], *, cut: bool
    ) -> dict[str, Any]:
        """Return parameters, new weights of a graph, where an operator takes weights; else arrays.

        With `cut` a kernel's weight that is 0 is no weight.
        """
        needed = analysis.weights(nodes, alive, self._arrays.get)
        return {
            name: _parameters(graph, name, array, cut=cut)
            if name in needed and _is_real(array)
            else array
            for name, array in self._arrays.items()
        }


def _constant(source: Source, node: NodeProto, evaluator: Evaluator) -> NDArray[Any]:
    for attribute in node.attribute:
        if attribute.name == "value":
            return source.tensor(attribute.t)
    return np.asarray(evaluator.run(node, [])[0])


def _is_real(array: NDArray[Any]) -> bool:
    """Return whether an array holds real numbers; NumPy calls bfloat16 a void type."""
    return np.issubdtype(array.dtype, np.floating) or array.dtype.name == "bfloat16"


def _parameters(graph: Graph, name: str, array: NDArray[Any], *, cut: bool) -> Parameters:
    numbers = np.asarray(array, np.float64)
    own = name.replace("[", "(").replace("]", ")")
    present = numbers != 0 if cut and array.ndim >= _KERNEL_AXES else None
    found = graph.weights.add(own, array.shape, present=present, initializer=numbers)
    return Parameters(np.asarray(found.ids, np.int32), array, frozenset([own]))
