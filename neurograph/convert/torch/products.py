"""Sums of products: convolutions, matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.torch.calls import Call, is_neurons
from neurograph.convert.values import Neurons
from neurograph.errors import ConversionError
from neurograph.operators import Windows

Ids = NDArray[np.int32]


def each(value: Any, axes: int) -> tuple[int, ...]:
    """Return a number, or a list of one or `axes` of them, one an axis."""
    given = (value,) if isinstance(value, int) else tuple(value)
    return given * axes if len(given) == 1 else given


def pads_of(value: Any, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[Any, ...]:
    """Return padding, a number or a word, as (before, after) for each axis."""
    if value == "valid":
        return ((0, 0),) * len(kernel)
    if value == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)
    return tuple((p, p) for p in each(value, len(kernel)))


def convolution(call: Call) -> Neurons:
    """Wire a convolution."""
    weights = call.weights(1)
    axes = weights.ndim - 2
    kernel = weights.shape[2:]
    dilation = each(call.get(5, 1, "dilation"), axes)
    pads = pads_of(call.get(4, 0, "padding"), kernel, dilation)
    windows = Windows(kernel, each(call.get(3, 1, "stride"), axes), pads, dilation)
    found = ops.convolve(
        call.wiring,
        call.layer,
        call.sources(),
        weights,
        windows,
        bias=call.biases(2),
        groups=call.get(6, 1, "groups"),
        activation=call.activation(),
    )
    return Neurons(found)


def transposed(call: Call) -> Neurons:
    """Wire a transposed convolution."""
    weights = call.weights(1)
    axes = weights.ndim - 2
    kernel = weights.shape[2:]
    dilation = each(call.get(7, 1, "dilation"), axes)
    pads = pads_of(call.get(4, 0, "padding"), kernel, dilation)
    found = ops.convolve_transposed(
        call.wiring,
        call.layer,
        call.sources(),
        weights,
        Windows(kernel, each(call.get(3, 1, "stride"), axes), pads, dilation),
        extra=each(call.get(5, 0, "output_padding"), axes),
        bias=call.biases(2),
        groups=call.get(6, 1, "groups"),
        activation=call.activation(),
    )
    return Neurons(found)


def linear(call: Call) -> Neurons:
    """Wire a fully connected layer."""
    bias = call.biases(2)
    return _dense(call, call.sources(), call.weights(1), -1 if bias is None else bias)


def _dense(call: Call, x: Ids, weights: Ids, bias: Any = -1) -> Neurons:
    found = ops.dense(call.wiring, call.layer, x, weights, bias=bias, activation=call.activation())
    return Neurons(found)


def addmm(call: Call) -> Neurons:
    """Wire a bias plus a product by weights."""
    if is_neurons(call.arguments[0]) or is_neurons(call.arguments[2]) or call.options:
        raise ConversionError(f"{call.layer}: addmm of neurons, needed weights and a bias")
    return _dense(call, call.sources(1), call.weights(2).T, call.weights(0))


def product(call: Call) -> Neurons:
    """Wire a matrix product: by weights on either side, or of two arrays of neurons."""
    a, b = call.arguments[:2]
    if is_neurons(a) and is_neurons(b):
        return _product_of_neurons(call)
    if is_neurons(a):
        weights = call.weights(1)
        if weights.ndim == 1:
            found = _dense(call, call.sources(), weights[None])
            return Neurons(found.ids[..., 0])
        if weights.ndim == 2:
            return _dense(call, call.sources(), weights.T)
    else:
        weights, x = call.weights(0), call.sources(1)
        if weights.ndim == 1 and x.ndim >= 2:
            found = _dense(call, np.swapaxes(x, -1, -2), weights[None])
            return Neurons(found.ids[..., 0])
        if weights.ndim == 2 and x.ndim >= 2:  # a x = (x' a')'
            found = _dense(call, np.swapaxes(x, -1, -2), weights)
            return Neurons(np.swapaxes(found.ids, -1, -2))
        if weights.ndim == 2:
            return _dense(call, x, weights)
    raise ConversionError(f"{call.layer}: {call.name} by weights in batches cannot be said")


def _product_of_neurons(call: Call) -> Neurons:
    a, b = call.neurons(0), call.neurons(1)
    left = a[None] if a.ndim == 1 else a
    right = b[:, None] if b.ndim == 1 else b
    found = ops.multiply_matrices(
        call.wiring, call.layer, left, right, activation=call.activation()
    )
    if a.ndim == 1:
        found = found[..., 0, :]
    return Neurons(found[..., 0] if b.ndim == 1 else found)
