"""Graphs as torch modules: torch's own layers, or one that runs on our engines.

What needs torch, the extra "torch", is imported when it is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from neurograph.errors import ConversionError, shown
from neurograph.graph import Graph, require_graph

__all__ = ["GraphModule", "to_torch"]

_FORMS = ("layers", "graph")


def __getattr__(name: str) -> Any:
    if name != "GraphModule":
        raise AttributeError(f"module 'neurograph.torch' has no attribute {name!r}")
    from neurograph.torch.module import GraphModule

    return GraphModule


def to_torch(graph: Graph, *, form: str = "layers", dtype: DTypeLike = "float32") -> Any:
    """Return a graph as a torch module that takes tensors (batch, *shape), one an input.

    form="layers": torch's own layers, found from the ids of fields and kernels (see `to_onnx`), in
    a torch.fx.GraphModule, whose `code` can be read. Parameters have the names that
    `graph.state_dict()` gives them where layers allow, require gradients where they are trainable,
    and are one where layers share an array; where weights are cut there is a mask, as torch's
    pruning has it. Batch norms are in evaluation mode. Several outputs are a tuple.

    form="graph": a GraphModule, which says any graph.

    Raises ConversionError for form="layers" where torch has no layer, naming every such layer and
    why; GraphError for a graph that cannot be run; MissingDependency without torch.

    >>> import pytest; torch = pytest.importorskip("torch")
    >>> from neurograph.models import mlp
    >>> module = to_torch(mlp((4, 3, 2), activation="relu"))
    >>> list(module.state_dict()), module(torch.zeros(5, 4)).shape
    (['N1.weight', 'N1.bias', 'output.weight', 'output.bias'], torch.Size([5, 2]))
    """
    require_graph(graph, "to_torch")
    if not isinstance(form, str) or form not in _FORMS:
        raise ConversionError(f"to_torch: found form={shown(form)}, needed one of {_FORMS}")
    try:
        kind = None if dtype is None else np.dtype(dtype)
    except (TypeError, ValueError):
        kind = None
    if kind is None or kind.name not in ("float32", "float64"):
        raise ConversionError(f"to_torch: found dtype {shown(dtype)}, needed float32 or float64")
    from neurograph.torch.module import GraphModule  # a MissingDependency without torch

    if form == "graph":
        return GraphModule(graph, dtype=kind)
    from neurograph.convert.torch_export import module_of_layers

    return module_of_layers(graph, kind)
