"""ONNX's normalisations and softmax as neurons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.onnx.calls import Call
from neurograph.convert.values import Neurons
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation

Ids = NDArray[np.int32]
_PRODUCT = ("multiply", "product")
_TINY = 1e-37  # the least norm, whose reciprocal is finite in float32
_AXIS_SINCE = 13  # the operator set from which softmax is along one axis


def _batch_norm(call: Call) -> Neurons:
    if call.get("training_mode", 0):
        raise ConversionError("batch norm in training")
    x = call.sources()
    mean, variance = (np.asarray(call.constant(place), np.float64) for place in (3, 4))
    epsilon = float(call.get("epsilon", 1e-5))
    hidden = call.part("normalized")
    call.scene.statistics.append((hidden, call.given(3), call.given(4), epsilon))
    statistics = mean, variance, epsilon
    inner = ops.normalize(call.wiring, hidden, x, statistics, owner=hidden)
    return call.scaled(inner, call.weights(1), call.biases(2), ops.per_map(x))


def _instance_norm(call: Call) -> Neurons:
    x = call.neurons()
    axes = tuple(range(2, x.ndim))
    inner = ops.standardize(
        call.wiring, call.part("standardized"), x, axes, call.get("epsilon", 1e-5)
    )
    return call.scaled(inner, call.weights(1), call.biases(2), ops.per_map(x))


def _group_norm(call: Call) -> Neurons:
    x, groups = call.neurons(), int(call.get("num_groups", 1))
    grouped = x.reshape(x.shape[0], groups, -1)
    name, epsilon = call.part("standardized"), call.get("epsilon", 1e-5)
    inner = ops.standardize(call.wiring, name, grouped, (2,), epsilon).reshape(x.shape)
    scale, shift = call.weights(1), call.weights(2)
    if scale.size != x.shape[1]:  # one a group, as it was before operator set 21
        scale, shift = (np.repeat(ids, x.shape[1] // groups) for ids in (scale, shift))
    return call.scaled(inner, scale, shift, ops.per_map(x))


def _layer_norm(call: Call) -> list[Any]:
    x = call.neurons()
    axes = tuple(range(int(call.get("axis", -1)) % x.ndim, x.ndim))
    name = call.part("standardized")
    inner = ops.standardize(call.wiring, name, x, axes, call.get("epsilon", 1e-5))
    found = call.scaled(inner, call.weights(1), call.biases(2))
    layers, kept = call.wiring.graph.layers, (*x.shape[: axes[0]], *(1 for _ in axes))
    statistics = (layers[f"{name}.{kind}"].ids for kind in ("mean", "inverse_deviation"))
    return [found, *(Neurons(np.array(ids, np.int32).reshape(kept)) for ids in statistics)]


def _rms_norm(call: Call) -> Neurons:
    from neurograph.operators.reductions import by_root_mean_square

    x = call.neurons()
    axes = tuple(range(int(call.get("axis", -1)) % x.ndim, x.ndim))
    name = call.part("standardized")
    inner = by_root_mean_square(call.wiring, name, x, axes, call.get("epsilon", 1e-5))
    return call.scaled(inner, call.weights(1), None)


def _mean_variance(call: Call) -> Neurons:
    x = call.neurons()
    axes = tuple(int(axis) % x.ndim for axis in call.get("axes", (0, 2, 3)))
    # ONNX adds 1e-9 to the deviation: the same, but where that is nothing beside it.
    return Neurons(ops.standardize(call.wiring, call.layer, x, axes, 1e-18))


def _lp_norm(call: Call) -> Neurons:
    """Wire x over the norm along an axis; where that is zero, so are all x."""
    x, exponent = call.neurons(), int(call.get("p", 2))
    axis, pair, weight, own = int(call.get("axis", -1)), ("multiply", "sum"), 1.0, "identity"
    sizes = x
    if exponent == 1:
        sizes = ops.affine(call.wiring, call.part("size"), x, activation=Activation("abs"))
    else:
        pair, weight, own = ("squared_difference", "sum"), 0.0, "sqrt"
    norm = ops.reduce(
        call.wiring,
        call.part("norm"),
        sizes,
        (axis,),
        keep=True,
        weight=weight,
        pair=pair,
        activation=Activation(own),
    )
    above = Activation("at_least", (_TINY,))
    name = call.part("norm_above_zero")
    norm = ops.affine(call.wiring, name, norm, activation=above)
    inverse = ops.affine(
        call.wiring, call.part("inverse_norm"), norm, activation=Activation("reciprocal")
    )
    return Neurons(
        ops.together(call.wiring, call.layer, [x, inverse], pair=_PRODUCT, kind="Standardize")
    )


def _local_response(call: Call) -> Neurons:
    """Wire x / (bias + alpha / size * the sum of squares of near maps) ^ beta."""
    x, size = call.neurons(), int(call.get("size", 1))
    if not 1 <= size <= 2 * x.shape[1] + 1:
        raise ConversionError(f"found size {size}, needed one of {x.shape[1]} maps or fewer")
    squares = ops.affine(call.wiring, call.part("squares"), x, activation=Activation("square"))
    low = (size - 1) // 2
    pads = [(0, 0), (low, size - 1 - low)] + [(0, 0)] * (x.ndim - 2)
    padded = np.pad(squares, pads, constant_values=-1)
    near = np.stack([padded[:, i : i + x.shape[1]] for i in range(size)], axis=-1)
    factor = ops.reduce(
        call.wiring,
        call.part("factor"),
        near,
        (-1,),
        weight=call.get("alpha", 1e-4) / size,
        shift=call.get("bias", 1.0),
        activation=Activation("power", (-call.get("beta", 0.75),)),
    )
    return Neurons(ops.together(call.wiring, call.layer, [x, factor], pair=_PRODUCT, kind="LRN"))


def _softmax(call: Call) -> Neurons:
    x, log = call.neurons(), call.name == "LogSoftmax"
    if call.opset >= _AXIS_SINCE:
        axis = int(call.get("axis", -1)) % x.ndim
        return Neurons(ops.softmax(call.wiring, call.layer, x, axis, log=log))
    axis = int(call.get("axis", 1)) % x.ndim
    rows = x.reshape(math.prod(x.shape[:axis]), -1)
    return Neurons(ops.softmax(call.wiring, call.layer, rows, 1, log=log).reshape(x.shape))


NORMALIZATIONS: dict[str, Callable[[Call], Any]] = {
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "MeanVarianceNormalization": _mean_variance,
    "LpNormalization": _lp_norm,
    "LRN": _local_response,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
}
