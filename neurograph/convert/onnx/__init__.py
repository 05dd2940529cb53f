"""ONNX files as graphs: read without trust, shapes folded, then wired operator by operator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from neurograph.errors import ConversionError, missing, shown
from neurograph.graph import Graph

__all__ = ["from_onnx"]

_ZEROS = ("keep", "cut")


def from_onnx(
    source: str | os.PathLike[str] | bytes,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    zeros: str = "keep",
) -> Graph:
    """Return an ONNX model, by its path or its bytes, as a graph; one sample is wired.

    `input_shapes` fixes open dimensions by the input's name, ("x": (1, 3, 48, 192)). A first
    dimension that is 1 or open counts samples: the graph's input is without it. Inputs have the
    model's names; several outputs come one after the other, each flat, in the model's order; the
    layer whose neurons are an output has the output's name. Weight arrays have the names of the
    initializers, which are trainable where an operator takes them as weights, batch norm's
    statistics apart; a number without an axis is a constant where it is added or multiplied.
    Exporters write masks as zeros: with zeros="cut" a kernel's weight that is 0 is cut.

    Raises ConversionError for a damaged file, for open dimensions, for a model of which batches are
    asked, or left open, that mixes their samples, and, listing all of them, for operators that
    cannot be said as neurons; MissingDependency without onnx.

    >>> import numpy as np
    >>> from onnx import TensorProto, helper, numpy_helper
    >>> kernel = numpy_helper.from_array(np.ones((2, 1, 3, 3), np.float32), "kernel")
    >>> x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 1, 4, 4))
    >>> y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    >>> node = helper.make_node("Conv", ["x", "kernel"], ["y"])
    >>> model = helper.make_model(helper.make_graph([node], "net", [x], [y], [kernel]))
    >>> graph = from_onnx(model.SerializeToString())
    >>> list(graph.weights), graph.layer("y").ids.shape
    (['kernel'], (2, 2, 2))
    """
    if not isinstance(zeros, str) or zeros not in _ZEROS:
        raise ConversionError(f"from_onnx: found zeros={shown(zeros)}, needed {_ZEROS}")
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise missing("from_onnx", "onnx", "onnx") from error
    from neurograph.convert.onnx.importer import Importer
    from neurograph.convert.onnx.reading import read

    model = read(source)
    importer = Importer(model, input_shapes, zeros=zeros)
    graph = importer.graph()
    if importer.batched and not importer.apart:
        _require_samples_apart(model, input_shapes)
    return graph


def _require_samples_apart(model: Any, input_shapes: Mapping[str, Sequence[int]] | None) -> None:
    """Raise ConversionError if an output of one of two samples depends on the other.

    A model that cannot be wired for two has no others to depend on.
    """
    from neurograph.convert.onnx.importer import Importer
    from neurograph.convert.onnx.samples import require_apart

    both = Importer(model, input_shapes, samples=2)
    try:
        graph = both.graph()
    except ConversionError:
        return
    require_apart(graph, both.outputs)
