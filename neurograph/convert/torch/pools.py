"""Pooling and resizing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.torch.calls import Call
from neurograph.convert.torch.products import each, pads_of
from neurograph.convert.torch.resizing import matrices
from neurograph.convert.values import Neurons
from neurograph.operators import Windows

Ids = NDArray[np.int32]


def max_pool(call: Call) -> Any:
    """Wire the largest of each window."""
    axes = int(call.name[8])
    kernel = each(call.arguments[1], axes)
    windows = Windows(
        kernel,
        each(call.get(2) or kernel, axes),
        pads_of(call.get(3, 0, "padding"), kernel, (1,) * axes),
        each(call.get(4, 1, "dilation"), axes),
        bool(call.get(5, False, "ceil_mode")),
    )
    found = ops.max_pool(
        call.wiring, call.layer, call.neurons(), windows, activation=call.activation()
    )
    return [Neurons(found), None] if call.name.endswith("indices") else Neurons(found)


def average_pool(call: Call) -> Neurons:
    """Wire the mean of each window."""
    axes = int(call.name[8])
    kernel = each(call.arguments[1], axes)
    stride = each(call.get(2) or kernel, axes)
    pads = pads_of(call.get(3, 0, "padding"), kernel, (1,) * axes)
    ceil = bool(call.get(4, False, "ceil_mode"))
    found = ops.average_pool(
        call.wiring,
        call.layer,
        call.sources(),
        Windows(kernel, stride, pads, ceil=ceil),
        padded=bool(call.get(5, True, "count_include_pad")),
        divisor=call.get(6, None, "divisor_override"),
        activation=call.activation(),
    )
    return Neurons(found)


def adaptive_average(call: Call) -> Neurons:
    """Wire the means of as many parts."""
    x = call.sources()
    axes = int(call.name.rstrip("d")[-1])
    counts = tuple(each(call.arguments[1], axes))
    found = ops.adaptive_pool(call.wiring, call.layer, x, counts, activation=call.activation())
    return Neurons(found)


def adaptive_max(call: Call) -> Any:
    """Wire the largest of as many parts."""
    axes = int(call.name.rstrip("d")[-1])
    counts = tuple(each(call.arguments[1], axes))
    found = ops.adaptive_pool(
        call.wiring, call.layer, call.neurons(), counts, pair=("multiply", "max")
    )
    return [Neurons(found), None]


def resize(call: Call) -> Neurons:
    """Wire a resizing that mixes inputs."""
    x = call.sources()
    axes = x.ndim - 2
    found = ops.resize(
        call.wiring,
        call.layer,
        x,
        matrices(call.function, call.arguments, x.shape[2:], call.shape[2:]),
        activation=call.activation() if axes else None,
    )
    return Neurons(found)


def fold(call: Call) -> Neurons:
    """Wire sums of overlapping windows: where each entry goes, unfolding the places tells."""
    x, size, rest = call.sources(), call.arguments[1], call.arguments[2:]
    count = math.prod(size)
    numbered = torch.arange(1, count + 1, dtype=torch.float64).reshape(1, 1, *size)
    places = torch.ops.aten.im2col.default(numbered, *rest)[0].reshape(-1).numpy() - 1
    maps = x.reshape(*x.shape[:-2], -1, places.size)
    found = ops.fold(call.wiring, call.layer, maps, places.astype(np.int32), count)
    return Neurons(found.reshape(*found.shape[:-1], *size))
