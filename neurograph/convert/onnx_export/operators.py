"""Operators of a network as ONNX nodes: a function each, and a line in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurograph.convert.onnx_export.activations import activate
from neurograph.convert.onnx_export.model import Model
from neurograph.convert.onnx_export.views import Parameters, States
from neurograph.convert.regular import Places
from neurograph.convert.regular.operations import (
    BatchNorm,
    Convolution,
    Dense,
    Ids,
    Operation,
    Pooling,
    Products,
    Reduction,
    Softmax,
    Together,
    TransposedConvolution,
)

_EPSILON = 1e-5
_TOGETHER = {"sum": "Add", "difference": "Sub", "product": "Mul", "max": "Max", "min": "Min"}
_REDUCE = {
    "sum": "ReduceSum",
    "mean": "ReduceMean",
    "squares": "ReduceSumSquare",
    "product": "ReduceProd",
    "max": "ReduceMax",
    "min": "ReduceMin",
}


@dataclass(frozen=True, eq=False)
class Scene:
    """A model in the making, with the states and weights that it has so far.

    As `products` a weighted sum is a matrix product and a sum, for runtimes whose convolution is
    of float32 alone; else a convolution of width 1, which has its bias within.
    """

    model: Model
    places: Places
    states: States
    weights: Parameters
    products: bool


def write(scene: Scene, operation: Operation, output: str) -> None:
    """Add an operator's nodes; `output` names the tensor of its neurons.

    A writer returns the ids that its last node's tensor holds, None for another shape of them.
    """
    made, ids = OPERATORS[type(operation)](scene, operation)
    activated = activate(scene.model, made, operation.layer, operation.activation)
    if ids is None or ids.shape != operation.ids.shape:
        shape = scene.model.whole([-1, *operation.ids.shape])
        scene.model.node("Reshape", activated, shape, name=f"{operation.layer}.shape")
    scene.model.call_last(output)
    scene.states.add(output, operation.ids)


def _shifted(scene: Scene, made: str, bias: Ids | None, layer: str) -> str:
    """Add a bias for each neuron where there is one."""
    if bias is None or int(bias.max(initial=-1)) < 0:
        return made
    return scene.model.node("Add", made, scene.weights.read(bias, layer), name=f"{layer}.bias")


def _parted(bias: Ids | None, shape: tuple[int, ...]) -> tuple[Ids | None, Ids | None]:
    """Return a bias as (one a map, one a neuron): either or neither."""
    if bias is None or bias.shape != shape or len(shape) == 1:
        return bias, None
    return None, bias


def _convolution(scene: Scene, op: Convolution) -> tuple[str, Ids]:
    per_map, each = _parted(op.bias, op.ids.shape)
    inputs = [scene.states.read(op.x, op.layer), scene.weights.read(op.weights, op.layer)]
    if per_map is not None:
        inputs.append(scene.weights.read(per_map, op.layer))
    transposed = isinstance(op, TransposedConvolution)
    windows = op.windows
    made = scene.model.node(
        "ConvTranspose" if transposed else "Conv",
        *inputs,
        name=op.layer,
        kernel_shape=windows.kernel,
        strides=windows.stride,
        pads=[p[0] for p in windows.pads] + [p[1] for p in windows.pads],
        dilations=windows.dilation,
        group=op.groups,
        output_padding=op.extra if isinstance(op, TransposedConvolution) else None,
    )
    return _shifted(scene, made, each, op.layer), op.ids


def _dense(scene: Scene, op: Dense) -> tuple[str, Ids | None]:
    per_unit, each = _parted(op.bias, op.ids.shape)
    x = scene.states.read(op.x, op.layer)
    if op.x.ndim > 1:
        shape = scene.model.whole([-1, op.x.shape[-1]])
        x = scene.model.node("Reshape", x, shape, name=f"{op.layer}.rows")
    inputs = [x, scene.weights.read(op.weights, op.layer)]
    if per_unit is not None:
        inputs.append(scene.weights.read(per_unit, op.layer))
    made = scene.model.node("Gemm", *inputs, name=op.layer, transB=1)
    if each is not None:
        shape = scene.model.whole([-1, *op.ids.shape])
        made = scene.model.node("Reshape", made, shape, name=f"{op.layer}.shape")
        return _shifted(scene, made, each, op.layer), op.ids
    return made, None if op.x.ndim > 1 else op.ids  # rows of all samples, to be parted


def _pooling(scene: Scene, op: Pooling) -> tuple[str, Ids]:
    windows, mean = op.windows, op.how == "mean"
    made = scene.model.node(
        "AveragePool" if mean else "MaxPool",
        scene.states.read(op.x, op.layer),
        name=op.layer,
        kernel_shape=windows.kernel,
        strides=windows.stride,
        pads=[p[0] for p in windows.pads] + [p[1] for p in windows.pads],
        dilations=windows.dilation if max(windows.dilation) > 1 else None,
        count_include_pad=int(op.padded) if mean else None,
    )
    return made, op.ids


def _together(scene: Scene, op: Together) -> tuple[str, Ids]:
    sources = [scene.states.read(ids, op.layer) for ids in op.sources]
    if len(sources) == 1 and op.activation.name != "identity":
        return sources[0], op.ids
    if len(sources) == 1:  # a neuron that hands on is one times its source
        return scene.model.node("Mul", *sources, scene.model.number(1.0), name=op.layer), op.ids
    name = "Sum" if op.how == "sum" and len(sources) > 2 else _TOGETHER[op.how]
    return scene.model.node(name, *sources, name=op.layer), op.ids


def _reduction(scene: Scene, op: Reduction) -> tuple[str, Ids]:
    x, last = scene.states.read(op.x, op.layer), scene.model.whole([-1])
    made = scene.model.node(_REDUCE[op.how], x, last, name=op.layer, keepdims=0)
    if op.bias is not None and (op.bias == op.bias.flat[0]).all():
        return _shifted(scene, made, op.bias.reshape(-1)[:1].reshape(()), op.layer), op.ids
    return _shifted(scene, made, op.bias, op.layer), op.ids


def _batch_norm(scene: Scene, op: BatchNorm) -> tuple[str, Ids]:
    """Say the fixed weights as the statistics they are of."""
    weights = scene.places.graph.weights
    center = scene.places.arrays[int(scene.places.weights.number[op.center[0]])]
    known = [s for s in weights.origins.statistics if s.center == center]
    epsilon = known[0].epsilon if known else _EPSILON
    inverse = weights.value[op.inverse_deviation]
    mean, variance = -weights.value[op.center] / inverse, 1 / inverse**2 - epsilon
    if (variance <= 0).any():
        epsilon, variance = 0.0, 1 / inverse**2
    stem = op.layer
    names = (known[0].mean, known[0].variance) if known else (
        f"{stem}.running_mean", f"{stem}.running_var")  # fmt: skip
    made = scene.model.node(
        "BatchNormalization",
        scene.states.read(op.x, op.layer),
        scene.weights.read(op.scale, op.layer),
        scene.weights.read(op.shift, op.layer),
        scene.model.initializer(scene.model.reserve(names[0]), mean),
        scene.model.initializer(scene.model.reserve(names[1]), variance),
        name=op.layer,
        epsilon=epsilon,
    )
    return made, op.ids


def _softmax(scene: Scene, op: Softmax) -> tuple[str, Ids]:
    name = "LogSoftmax" if op.log else "Softmax"
    x = scene.states.read(op.x, op.layer)
    return scene.model.node(name, x, name=op.layer, axis=op.axis + 1), op.ids


# ---- what is irregular --------------------------------------------------------------------------


def _products(scene: Scene, op: Products) -> tuple[str, Ids]:
    if op.pair != ("multiply", "sum"):
        return _combined(scene, op)
    return _matrix_product(scene, op) if scene.products else _narrow_convolution(scene, op)


def _narrow_convolution(scene: Scene, op: Products) -> tuple[str, Ids]:
    """Say blocks as groups of a convolution of width 1, whose positions are the fields."""
    (blocks, fields, slots), maps = op.sources.shape, op.weights.shape[1]
    x = op.sources.transpose(0, 2, 1).reshape(blocks * slots, fields)
    inputs = [
        scene.states.read(x, op.layer),
        scene.weights.read(op.weights.reshape(blocks * maps, slots, 1), op.layer),
    ]
    bias = np.broadcast_to(op.bias, op.ids.shape).reshape(blocks * maps, fields)
    per_map = bool((bias == bias[:, :1]).all())
    if per_map and int(bias.max()) >= 0:
        inputs.append(scene.weights.read(np.ascontiguousarray(bias[:, 0]), op.layer))
    made = scene.model.node("Conv", *inputs, name=op.layer, group=blocks, kernel_shape=[1])
    ids = op.ids.reshape(blocks * maps, fields)
    return (made if per_map else _shifted(scene, made, bias, op.layer)), ids


def _matrix_product(scene: Scene, op: Products) -> tuple[str, Ids]:
    x = scene.states.read(op.sources, op.layer)
    weights = scene.weights.read(np.ascontiguousarray(op.weights.swapaxes(1, 2)), op.layer)
    made = scene.model.node("MatMul", x, weights, name=op.layer)  # (batch, blocks, fields, maps)
    made = scene.model.node("Transpose", made, name=f"{op.layer}.maps", perm=[0, 1, 3, 2])
    return _shifted(scene, made, op.bias, op.layer), op.ids


def _combined(scene: Scene, op: Products) -> tuple[str, Ids]:
    """Combine every slot with its weight, then reduce."""
    model, layer = scene.model, op.layer
    combine, reduce = op.pair
    terms = scene.states.read(op.sources[:, None], layer)  # (batch, blocks, 1, fields, slots)
    bare = bool((op.weights < 0).all())
    ones = op.weights.shape[1] == 1 and scene.places.one_value(op.weights.reshape(-1)) == 1
    if not bare and not (combine == "multiply" and ones):
        weights = scene.weights.read(op.weights[:, :, None], layer)
        name = "Mul" if combine == "multiply" else "Sub"
        terms = model.node(name, terms, weights, name=f"{layer}.{combine}")
    squares = combine == "squared_difference" and not bare
    if squares and reduce != "sum":
        terms = model.node("Mul", terms, terms, name=f"{layer}.square")
    how = "squares" if squares and reduce == "sum" else reduce
    made = model.node(_REDUCE[how], terms, model.whole([-1]), name=layer, keepdims=0)
    return _shifted(scene, made, op.bias, layer), op.ids


OPERATORS: dict[type[Operation], Callable[[Scene, Any], tuple[str, Ids | None]]] = {
    Convolution: _convolution,
    TransposedConvolution: _convolution,
    Dense: _dense,
    Pooling: _pooling,
    Together: _together,
    Reduction: _reduction,
    BatchNorm: _batch_norm,
    Softmax: _softmax,
    Products: _products,
}
