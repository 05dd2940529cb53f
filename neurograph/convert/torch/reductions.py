"""Reductions over axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.torch.calls import Call, is_neurons
from neurograph.convert.torch.elementwise import extremes
from neurograph.convert.values import Neurons
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation

Ids = NDArray[np.int32]


_REDUCED = {"mean": "sum", "sum": "sum", "amax": "max", "amin": "min", "prod": "product",
            "max": "max", "min": "min", "any": "max", "all": "min"}  # fmt: skip


def reduced(call: Call) -> Any:
    """Wire a reduction over axes, or the larger of two arrays."""
    x = call.sources()
    dims = call.get(1, list(range(x.ndim)), "dim")
    if is_neurons(dims):
        return Neurons(extremes(call))
    axes = tuple([dims] if isinstance(dims, int) else dims) or tuple(range(x.ndim))
    mean = call.name == "mean"
    weight = 1 / math.prod(x.shape[axis] for axis in axes) if mean else 1.0
    found = ops.reduce(
        call.wiring,
        call.layer,
        x,
        axes,
        keep=bool(call.get(2, False, "keepdim")),
        weight=weight,
        pair=("multiply", _REDUCED[call.name]),
        activation=call.activation(),
    )
    indices = call.name in ("max", "min") and len(call.arguments) > 1
    return [Neurons(found), None] if indices else Neurons(found)


def softmax(call: Call) -> Neurons:
    """Wire a softmax, or its logarithm."""
    log = "log" in call.name
    axis = call.arguments[1]
    return Neurons(ops.softmax(call.wiring, call.layer, call.neurons(), axis, log=log))


_SCANS = {"cumsum": "sum", "cumprod": "product", "cummax": "max", "cummin": "min"}


def accumulated(call: Call) -> Any:
    """Wire sums, products or extremes of everything up to each place of an axis."""
    pair = "multiply", _SCANS[call.name]
    axis = call.arguments[1]
    found = Neurons(ops.accumulate(call.wiring, call.layer, call.neurons(), axis, pair=pair))
    return [found, None] if call.name in ("cummax", "cummin") else found


def log_sum(call: Call) -> Neurons:
    """Wire the logarithm of a sum of powers."""
    dims, x = call.arguments[1], call.neurons()
    axes = tuple([dims] if isinstance(dims, int) else dims) or tuple(range(x.ndim))
    keep = bool(call.get(2, False, "keepdim"))
    return Neurons(ops.log_sum(call.wiring, call.layer, x, axes, keep=keep))


def norm(call: Call) -> Neurons:
    """Wire the p-norm over axes: of squares their root, of sizes their sum or the largest."""
    x, order = call.neurons(), float(call.get(1, 2.0, "ord"))
    if order == 0:
        raise ConversionError(f"{call.layer}: a norm of order 0 cannot be said")
    dims = call.get(2, list(range(x.ndim)), "dim")
    axes = tuple([dims] if isinstance(dims, int) else dims)
    keep, pair = bool(call.get(3, False, "keepdim")), ("multiply", "sum")
    own: Activation | None = None
    weight = 1.0
    if order == 2:
        pair, own, weight = ("squared_difference", "sum"), Activation("sqrt"), 0.0
    else:
        name = call.wiring.free(f"{call.layer}.size")
        x = ops.affine(call.wiring, name, x, activation=Activation("abs"))
        if math.isinf(order):
            pair = "multiply", "max" if order > 0 else "min"
        elif order != 1:
            name = call.wiring.free(f"{call.layer}.power")
            x = ops.affine(call.wiring, name, x, activation=Activation("power", (order,)))
            own = Activation("power", (1 / order,))
    found = ops.reduce(
        call.wiring,
        call.layer,
        x,
        axes,
        keep=keep,
        weight=weight,
        pair=pair,
        activation=own,
    )
    return Neurons(found)


def variance(call: Call) -> Neurons:
    """Wire the variance over axes: the mean, scaled differences, the sum of their squares."""
    x = call.neurons()
    dims = call.get(1, list(range(x.ndim)), "dim")
    axes = tuple([dims] if isinstance(dims, int) else dims)
    count = math.prod(x.shape[axis] for axis in axes)
    correction = float(call.get(2, call.options.get("correction", 1), "unbiased"))
    keep = bool(call.get(3, False, "keepdim"))
    scale = 1 / math.sqrt(count - correction)
    mean = ops.reduce(
        call.wiring, call.wiring.free(f"{call.layer}.mean"), x, axes, keep=True, weight=1 / count
    )
    difference = ops.together(
        call.wiring,
        call.wiring.free(f"{call.layer}.difference"),
        [x, mean],
        weights=[scale, -scale],
    )
    own = Activation("sqrt") if call.name == "std" else call.activation()
    return Neurons(
        ops.reduce(
            call.wiring,
            call.layer,
            difference,
            axes,
            keep=keep,
            weight=0.0,
            pair=("squared_difference", "sum"),
            activation=own,
        )
    )
