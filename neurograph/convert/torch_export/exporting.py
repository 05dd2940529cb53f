"""The operators of a graph as one torch module of layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from neurograph.convert.regular import network
from neurograph.convert.torch_export.operators import Scene, write
from neurograph.convert.torch_export.parameters import Parameters
from neurograph.convert.torch_export.views import States
from neurograph.errors import ConversionError, GraphError
from neurograph.graph import Graph

_SHOWN = 6  # layers that an error names


def module_of_layers(graph: Graph, dtype: np.dtype[Any]) -> Any:
    """Return a graph as a torch.fx.GraphModule of torch's own layers, in evaluation mode.

    Raises ConversionError that names every layer for which there is none, and why; GraphError for a
    graph that cannot be run.
    """
    found = network(graph)
    made, root = torch.fx.Graph(), torch.nn.Module()
    kind = getattr(torch, dtype.name)
    scene = Scene(made, States(made, root, found.places), Parameters(found.places, kind))
    for name, ids in found.inputs:
        scene.states.add(made.placeholder(_identifier(name)), ids)
    refused: dict[str, str] = {}
    for operation in found.operations:
        try:
            write(scene, operation)
        except (ConversionError, GraphError) as error:
            refused.setdefault(operation.layer, str(error))
            scene.states.add(None, operation.ids)
    if refused:
        raise ConversionError(f"to_torch: no torch layer is {_listed(refused)}; form='graph' is")
    outputs = tuple(scene.states.read(ids) for _, ids in found.outputs)
    made.output(outputs[0] if len(outputs) == 1 else outputs)
    for path in sorted(scene.layers, key=lambda path: path.count(".")):
        _attach(root, path, scene.layers[path])
    module = torch.fx.GraphModule(root, made, "GraphLayers")
    module._non_persistent_buffers_set.update(root._non_persistent_buffers_set)  # fx forgets them
    return module.to(kind).eval()


def _listed(refused: dict[str, str]) -> str:
    shown = "; ".join(f"{layer} ({why})" for layer, why in [*refused.items()][:_SHOWN])
    left = len(refused) - _SHOWN
    return f"{shown}; and {left} more" if left > 0 else shown


def _identifier(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name) or "x"


def _attach(root: Any, path: str, module: Any) -> None:
    """Put a layer where its path says; what lies on the way holds layers only."""
    *way, last = path.split(".")
    for name in way:
        if name not in root._modules:
            root.add_module(name, torch.nn.Module())
        root = root._modules[name]
    root.add_module(last, module)
