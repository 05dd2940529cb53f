"""Graphs as ONNX files: regular layers as ONNX's operators, the rest as gathers and products."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import ConversionError, GraphError, missing, shown
from neurograph.graph import Graph, require_graph

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["to_onnx"]

_FORMS = ("layers", "products")
_DTYPES = ("float32", "float64")
_MOST = (1 << 31) - (1 << 20)  # bytes of a file of ONNX, some left for its nodes


def to_onnx(
    graph: Graph,
    path: str | os.PathLike[str] | None = None,
    *,
    form: str = "layers",
    dtype: Any = "float32",
) -> ModelProto | None:
    """Return a graph as an ONNX model, or write it to the file `path`, whole or not at all.

    What is regular by the ids of its fields and kernels becomes Conv, ConvTranspose, Gemm, pooling,
    Add, Mul, BatchNormalization, Softmax and so on; what is not, gathers of states, and
    convolutions of width 1 or, for other functions, Mul or Sub and a reduction. Inputs are (batch,
    *shape) under their layers' names; outputs that are whole layers, one after the other, are
    several, under theirs. Weight arrays are initializers of their own names, each once however many
    layers share it; an array with absent entries holds those that exist, which a Gather puts in
    place, so that `from_onnx` finds no connection that was not there.

    With form="products" every layer is gathers and matrix products: what a runtime takes whose
    convolutions are of float32 only, in dtype float64. Which weights are trainable is not said:
    ONNX has no word for it. Raises ConversionError for a graph without inputs or of more than 2 GB,
    for weights beyond the dtype, and if the file cannot be written; GraphError for one that cannot
    be run; MissingDependency without onnx.

    >>> from neurograph.models import mlp
    >>> model = to_onnx(mlp((4, 3, 2), activation="relu"))
    >>> [node.op_type for node in model.graph.node], [x.name for x in model.graph.initializer]
    (['Gemm', 'Relu', 'Gemm'], ['N1.kernel', 'N1.bias', 'output.kernel', 'output.bias'])
    """
    require_graph(graph, "to_onnx")
    if not isinstance(form, str) or form not in _FORMS:
        raise ConversionError(f"to_onnx: found form={shown(form)}, needed one of {_FORMS}")
    kind = _dtype(dtype)
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise missing("to_onnx", "onnx", "onnx") from error
    _require_sayable(graph, kind)
    from neurograph.convert.onnx_export.exporting import exported, write_file

    made = exported(graph, kind, products=form == "products")
    if path is None:
        return made
    write_file(made, path)
    return None


def _dtype(given: Any) -> np.dtype[Any]:
    try:
        found: np.dtype[Any] | None = (
            None if given is None else np.dtype(given)
        )  # to NumPy, None is float64
    except (TypeError, ValueError):
        found = None
    if found is None or found.name not in _DTYPES:
        raise ConversionError(f"to_onnx: found dtype {shown(given)}, needed one of {_DTYPES}")
    return found


def _require_sayable(graph: Graph, dtype: np.dtype[Any]) -> None:
    """Raise ConversionError for what no ONNX file of this dtype holds."""
    if not graph.inputs:
        raise ConversionError("to_onnx: the graph has no inputs, needed one at least")
    size = graph.weights.count * dtype.itemsize
    if size > _MOST:
        raise ConversionError(
            f"to_onnx: {graph.weights.count:,} weights take {size:,} bytes, needed {_MOST:,} at "
            "most: the form of the file ends there"
        )
    if (at := graph.weights.beyond(float(np.finfo(dtype).max))) >= 0:
        raise ConversionError(
            f"to_onnx: the weight {graph.weight_name(at)} is {graph.weights.value[at]}, needed a "
            f"finite number of {dtype.name}"
        )
    if graph.explicit_outputs is None and graph.layers.last is None:
        raise GraphError("to_onnx: the graph has no outputs")
