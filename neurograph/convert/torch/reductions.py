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
from neurograph.functions.activations import Activation

Ids = NDArray[np.int32]


_REDUCED = {"mean": "sum", "sum": "sum", "amax": "max", "amin": "min", "prod": "product",
            "max": "max", "min": "min", "norm": "sum"}  # fmt: skip  # fmt: skip


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
