"""The operators of a graph written one after the other as a model, and the model as a file."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import numpy as np
from onnx import ModelProto

from neurograph.convert.onnx_export.model import Model
from neurograph.convert.onnx_export.operators import Scene, write
from neurograph.convert.onnx_export.views import Parameters, States
from neurograph.convert.regular import Network, network
from neurograph.errors import ConversionError
from neurograph.graph import Graph
from neurograph.storage.files import as_path, replacing


def exported(graph: Graph, dtype: np.dtype[Any], *, products: bool) -> ModelProto:
    """Return a graph as a model."""
    found = network(graph, regular=not products)
    model = Model(dtype)
    states = States(model, found.places)
    inputs = []
    for name, ids in found.inputs:
        inputs.append(model.value(model.reserve(name), ids.shape))
        states.add(inputs[-1].name, ids)
    outputs = [(model.reserve(name or "output"), ids) for name, ids in found.outputs]
    scene = Scene(model, found.places, states, Parameters(model, found.places), products)
    names = _names(found, model, {name: ids.shape for name, ids in outputs})
    for operation, output in zip(found.operations, names, strict=True):
        write(scene, operation, output)
    for name, ids in outputs:
        if name not in names:
            states.write(ids, name)
    return model.finished(inputs, [model.value(name, ids.shape) for name, ids in outputs])


def _names(found: Network, model: Model, outputs: dict[str, tuple[int, ...]]) -> list[str]:
    """Return what to call the tensor of each operator: an output's name if it is that very one."""
    often = Counter(operation.layer for operation in found.operations)
    names = []
    for operation in found.operations:
        name = operation.layer
        if outputs.get(name) == operation.ids.shape and often[name] == 1:
            names.append(name)
        else:
            names.append(model.reserve(name))
    return names


def write_file(model: ModelProto, path: str | os.PathLike[str]) -> None:
    """Write a model to a file, whole or not at all. Raises ConversionError if that cannot be."""
    where = as_path(path, "to_onnx", ConversionError)
    try:
        with replacing(where) as stream:
            stream.write(model.SerializeToString())
    except OSError as error:
        raise ConversionError(f"{where}: cannot be written: {error.strerror or error}") from error
