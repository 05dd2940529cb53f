"""Sums of products: convolutions, matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.torch.calls import Call, is_neurons, plain
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
    a, b = (call.sources(i) if is_neurons(call.arguments[i]) else call.weights(i) for i in (0, 1))
    left, right = a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
    if not is_neurons(call.arguments[1]):
        found = _weighed(call, left, right)
    elif is_neurons(call.arguments[0]):
        found = _multiplied(call, left, right)
    else:  # a x = (x' a')'
        found = _weighed(call, np.swapaxes(right, -1, -2), np.swapaxes(left, -1, -2))
        found = np.swapaxes(found, -1, -2)
    if a.ndim == 1:
        found = found[..., 0, :]
    return Neurons(found[..., 0] if b.ndim == 1 else found)


def _weighed(call: Call, x: Ids, weights: Ids) -> Ids:
    return ops.weigh_matrices(call.wiring, call.layer, x, weights, activation=call.activation())


def _multiplied(call: Call, a: Ids, b: Ids) -> Ids:
    return ops.multiply_matrices(call.wiring, call.layer, a, b, activation=call.activation())


def bilinear(call: Call) -> Neurons:
    """Wire sums over i and j of weight[o, i, j] a[i] b[j]: the products, then a linear layer."""
    a, b, weights = call.neurons(0), call.neurons(1), call.weights(2)
    name = call.wiring.free(f"{call.layer}.products")
    pairs = ops.together(
        call.wiring,
        name,
        [a[..., :, None], b[..., None, :]],
        pair=("multiply", "product"),
        kind="Multiply",
    )
    bias = call.biases(3)
    lead, out = pairs.shape[:-2], weights.shape[0]
    return _dense(
        call, pairs.reshape(*lead, -1), weights.reshape(out, -1), -1 if bias is None else bias
    )


_MASKED = -1e30  # added to a score that is masked: its power is 0 in any precision


def attention(call: Call) -> Neurons:
    """Wire softmax(q k' scale + mask) v; masks are constants."""
    query, key, value = (call.neurons(place) for place in range(3))
    if call.get(4, 0.0, "dropout_p") or call.get(7, False, "enable_gqa"):
        raise ConversionError(f"{call.layer}: attention with dropout or groups cannot be said")
    scale = call.get(6, query.shape[-1] ** -0.5, "scale")
    free, wiring = call.wiring.free, call.wiring
    scores = ops.multiply_matrices(
        wiring, free(f"{call.layer}.scores"), query, np.swapaxes(key, -1, -2)
    )
    name = free(f"{call.layer}.scaled")
    mask = _mask(call, scores.shape[-2:])
    shift = -1 if mask is None else np.where(mask == 0, -1, wiring.fixed(name, mask))
    scaled = ops.affine(wiring, name, scores, scale=wiring.fixed(name, float(scale)), shift=shift)
    shares = ops.softmax(wiring, free(f"{call.layer}.softmax"), scaled, -1)
    return Neurons(_multiplied(call, shares, value))


def _mask(call: Call, shape: tuple[int, ...]) -> Any:
    """Return what is added to scores, None for nothing."""
    mask = plain(call.get(3, None, "attn_mask"))
    if not isinstance(mask, np.ndarray | None):
        raise ConversionError(f"{call.layer}: attention by a mask of neurons cannot be said")
    if mask is not None and call.arguments[3].dtype == torch.bool:
        mask = np.where(mask != 0, 0.0, _MASKED)
    if call.get(5, False, "is_causal"):
        mask = np.where(np.tri(shape[0], shape[1]) != 0, 0.0, _MASKED)
    return None if mask is None else np.maximum(mask, _MASKED)
