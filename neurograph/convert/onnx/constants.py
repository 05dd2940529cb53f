"""A model's constants: initializers and Constant nodes, parameters where they are weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto

from neurograph.convert.onnx import analysis
from neurograph.convert.onnx.evaluation import Evaluator
from neurograph.convert.onnx.reading import Source
from neurograph.convert.values import Parameters, Scene
from neurograph.errors import ConversionError
from neurograph.graph import Graph
from neurograph.graph.origins import Origins, Statistics, Tensor

_KERNEL_AXES = 2  # an array of as many is a kernel, whose zeros may be a mask


class Constants:
    """Every tensor of a graph by its name, read once; arrays that are given stand beside them."""

    def __init__(
        self,
        source: Source,
        graph: GraphProto,
        evaluator: Evaluator,
        given: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        if graph.sparse_initializer:
            raise ConversionError("from_onnx: found sparse initializers, needed dense ones")
        self._arrays = {tensor.name: source.tensor(tensor) for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.output:
                self._arrays[node.output[0]] = _constant(source, node, evaluator)
        self._arrays |= given or {}
        self._weights: dict[str, tuple[int, ...]] = {}  # name -> shape

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Every tensor by name."""
        return self._arrays

    def values(
        self, graph: Graph, nodes: list[NodeProto], alive: set[str], *, cut: bool
    ) -> dict[str, Any]:
        """Return parameters, new weights of a graph, where an operator takes weights; else arrays.

        With `cut` a kernel's weight that is 0 is cut.
        """
        needed = analysis.weights(nodes, alive, self._arrays.get)
        found: dict[str, Any] = dict(self._arrays)
        for name, array in self._arrays.items():
            if name in needed and _is_real(array):
                found[name] = _parameters(graph, name, array, cut=cut)
                self._weights[name] = array.shape
        return found

    def origins(self, scene: Scene, derived: Mapping[str, tuple[str, ...]]) -> Origins:
        """Return what the model calls the weights, and the statistics that became fixed ones."""
        called = {id(array): name for name, array in self._arrays.items()}
        statistics = [
            Statistics(called[id(mean)], called[id(variance)], *_fixed(layer), epsilon)
            for layer, mean, variance, epsilon in scene.statistics
            if id(mean) in called and id(variance) in called
        ]
        tensors = {name: Tensor.whole(_named(name), n) for name, n in self._weights.items()}
        return Origins(tensors, tuple(statistics), dict(derived))


def _constant(source: Source, node: NodeProto, evaluator: Evaluator) -> NDArray[Any]:
    for attribute in node.attribute:
        if attribute.name == "value":
            return source.tensor(attribute.t)
    return np.asarray(evaluator.run(node, [])[0])


def _is_real(array: NDArray[Any]) -> bool:
    """Return whether an array holds real numbers; NumPy calls bfloat16 a void type."""
    return np.issubdtype(array.dtype, np.floating) or array.dtype.name == "bfloat16"


def _named(name: str) -> str:
    """Return a name without the brackets that stand for an index."""
    return name.replace("[", "(").replace("]", ")")


def _fixed(layer: str) -> tuple[str, str]:
    return f"{layer}.center", f"{layer}.inverse_deviation"


def _parameters(graph: Graph, name: str, array: NDArray[Any], *, cut: bool) -> Parameters:
    numbers, own = np.asarray(array, np.float64), _named(name)
    ids = np.asarray(graph.weights.add(own, array.shape, initializer=numbers).ids, np.int32)
    if cut and array.ndim >= _KERNEL_AXES:
        ids = np.where(numbers == 0, -1, ids).astype(np.int32)
    return Parameters(ids, array, frozenset([own]))
