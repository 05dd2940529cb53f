"""What is audited: a graph, and the module that it was made from, if any."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.auditing.slots import contracting
from neurograph.checks import wholes
from neurograph.edit import prune
from neurograph.errors import ConversionError, kind_of, shown
from neurograph.graph import Graph
from neurograph.storage import load

Shapes = Mapping[str, tuple[int, ...]] | tuple[int, ...] | None


@dataclass(frozen=True, eq=False)
class Subject:
    """A model as a graph; module is the torch module it came from, or None."""

    name: str
    graph: Graph
    module: Any = None


def is_module(model: object) -> bool:
    """Return whether a model is a torch module; torch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def subject_of(
    model: Any, example_input: Any = None, *, input_shapes: Shapes = None, zeros: str = "keep"
) -> Subject:
    """Return a torch module, an ONNX or a saved file, ONNX bytes or a graph as a Subject.

    Raises ConversionError for anything else, and for a module without an example.
    """
    if not isinstance(zeros, str) or zeros not in ("keep", "cut"):
        raise ConversionError(f'audit: zeros is {shown(zeros)}, needed "keep" or "cut"')
    if isinstance(model, (str, bytes, os.PathLike)):
        return _of_file(model, input_shapes, zeros)
    if isinstance(model, Graph):
        found = Subject("graph", model)
    elif is_module(model):
        found = _of_module(model, example_input, input_shapes)
    else:
        raise ConversionError(
            f"audit: found {kind_of(model)}, needed a torch module, an ONNX file or a Graph"
        )
    return _cut(found) if zeros == "cut" else found


def _of_module(module: Any, example: Any, shapes: Shapes) -> Subject:
    from neurograph.convert.torch import from_torch

    name = type(module).__name__
    if example is None:
        if not shapes:
            raise ConversionError(f"audit: {name} needs an example_input, or input_shapes")
        example = examples(shapes)
    return Subject(name, from_torch(module, example), module)


def examples(shapes: Shapes) -> Any:
    """Return tensors of zeros in these shapes, as a module is called with.

    Raises ConversionError for what are no shapes.
    """
    import torch

    several = list(shapes.values()) if isinstance(shapes, Mapping) else [shapes]
    found = []
    for shape in several:
        sizes = wholes("input_shapes", shape, what="sizes", error=ConversionError)
        if sizes.ndim != 1 or (sizes < 1).any():
            raise ConversionError(f"input_shapes: found {shown(shape)}, needed sizes above 0")
        found.append(torch.zeros(tuple(sizes.tolist())))
    return tuple(found)


def _of_file(model: Any, shapes: Shapes, zeros: str) -> Subject:
    if not isinstance(model, bytes) and Path(model).suffix.lower() != ".onnx":
        found = Subject(Path(model).name, load(model))
        return _cut(found) if zeros == "cut" else found
    if not isinstance(model, bytes):
        _require_file(Path(model))  # before a package is asked for that would read it
    from neurograph.convert.onnx import from_onnx

    name = "ONNX model" if isinstance(model, bytes) else Path(model).name
    if shapes is not None and not isinstance(shapes, Mapping):
        shapes = {_only_input(model, name): shapes}
    return Subject(name, from_onnx(model, input_shapes=shapes, zeros=zeros))


def _require_file(path: Path) -> None:
    try:
        path.stat()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise ConversionError(f"{path}: cannot be read: {said}") from error


def _only_input(model: Any, name: str) -> str:
    """Return the name of an ONNX model's input. Raises ConversionError unless there is one."""
    from neurograph.convert.onnx.inputs import free_inputs
    from neurograph.convert.onnx.reading import read

    names = [str(value.name) for value in free_inputs(read(model).model.graph)]
    if len(names) != 1:
        raise ConversionError(f"audit: {name} has the inputs {names}, needed a shape for each name")
    return names[0]


def _cut(subject: Subject) -> Subject:
    """Return it without connections by kernels' weights that are 0: what an exported mask is."""
    graph, weights = subject.graph, subject.graph.weights
    rows = np.unique(graph.table.kernel[graph.neurons_of(contracting(graph))])
    kept = np.ones(weights.count, bool)
    for row in rows.tolist():
        ids = graph.table.kernels[row]
        kept[ids[ids >= 0]] = False
    kept |= (weights.value != 0) | ~weights.trainable
    return replace(subject, graph=prune(graph, kept))
