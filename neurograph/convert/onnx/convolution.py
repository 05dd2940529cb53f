"""ONNX's convolutions and pooling as neurons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurograph import operators as ops
from neurograph.convert.onnx.activations import power
from neurograph.convert.onnx.calls import Call
from neurograph.convert.values import Neurons
from neurograph.errors import ConversionError
from neurograph.functions.activations import Activation
from neurograph.operators import Windows

Sizes = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


def _each(call: Call, name: str, axes: int, default: int = 1) -> Sizes:
    """Return an attribute of one number an axis. Raises ConversionError for another count."""
    found = tuple(int(n) for n in call.get(name, (default,) * axes))
    if len(found) != axes or min(found, default=1) < default:
        raise ConversionError(f"found {name} {found}, needed {axes} numbers, {default} or more")
    return found


def _halves(total: int, *, more_behind: bool) -> tuple[int, int]:
    less, more = total // 2, total - total // 2
    return (less, more) if more_behind else (more, less)


def _pads(call: Call, axes: int) -> Pads:
    given = [int(n) for n in call.get("pads", (0,) * (2 * axes))]
    if len(given) != 2 * axes:
        raise ConversionError(f"found pads {given}, needed {2 * axes} numbers")
    return tuple(zip(given[:axes], given[axes:], strict=True))


def _windows(call: Call, sizes: Sizes, kernel: Sizes) -> Windows:
    """Return the windows that a node's attributes say."""
    axes = len(sizes)
    if len(kernel) != axes or min(kernel, default=1) < 1:
        raise ConversionError(f"found a kernel of shape {kernel} for maps of {sizes}")
    strides, dilations = _each(call, "strides", axes), _each(call, "dilations", axes)
    auto = call.get("auto_pad", "NOTSET")
    if auto == "VALID":
        pads: Pads = ((0, 0),) * axes
    elif auto in ("SAME_UPPER", "SAME_LOWER"):
        totals = [
            max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
            for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
        ]
        pads = tuple(_halves(t, more_behind=auto == "SAME_UPPER") for t in totals)
    else:
        pads = _pads(call, axes)
    return Windows(kernel, strides, pads, dilations, bool(call.get("ceil_mode", 0)))


def _convolution(call: Call) -> Neurons:
    x, weights = call.sources(), call.weights(1)
    kernel = tuple(int(n) for n in call.get("kernel_shape", weights.shape[2:]))
    if kernel != weights.shape[2:] or weights.ndim != x.ndim:
        raise ConversionError(f"found weights {weights.shape} for a kernel of {kernel}")
    windows = _windows(call, x.shape[2:], kernel)
    found = ops.convolve(
        call.wiring,
        call.layer,
        x,
        weights,
        windows,
        bias=call.biases(2),
        groups=call.get("group", 1),
        activation=call.activation(),
    )
    return Neurons(found)


def _transposed(call: Call) -> Neurons:
    x, weights = call.sources(), call.weights(1)
    groups, sizes, kernel = call.get("group", 1), x.shape[2:], weights.shape[2:]
    if weights.ndim != x.ndim or weights.shape[0] != x.shape[1] or x.shape[1] % groups:
        raise ConversionError(f"found weights {weights.shape} in {groups} groups for {x.shape}")
    axes = len(sizes)
    strides, dilations = _each(call, "strides", axes), _each(call, "dilations", axes)
    extra = _each(call, "output_padding", axes, 0)
    full = [
        s * (n - 1) + e + d * (k - 1) + 1
        for n, k, s, d, e in zip(sizes, kernel, strides, dilations, extra, strict=True)
    ]
    windows = Windows(kernel, strides, _pads_of_transposed(call, sizes, full), dilations)
    found = ops.convolve_transposed(
        call.wiring,
        call.layer,
        x,
        weights,
        windows,
        extra=extra,
        bias=call.biases(2),
        groups=groups,
        activation=call.activation(),
    )
    return Neurons(found)


def _pads_of_transposed(call: Call, sizes: Sizes, full: list[int]) -> Pads:
    """Return what is taken off the full output, told or by the output's shape."""
    axes, auto = len(sizes), call.get("auto_pad", "NOTSET")
    if auto == "VALID":
        return ((0, 0),) * axes
    wanted = call.get("output_shape")
    if wanted is None and auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(sizes, _each(call, "strides", axes), strict=True)]
    if wanted is None:
        return _pads(call, axes)
    upper = auto == "SAME_UPPER"
    return tuple(
        _halves(n - int(w), more_behind=upper)
        for n, w in zip(full, list(wanted)[-axes:], strict=True)
    )


def _pooled(call: Call) -> tuple[Any, Windows]:
    x = call.sources()
    return x, _windows(call, x.shape[2:], tuple(int(n) for n in call.get("kernel_shape", ())))


def _max_pool(call: Call) -> Neurons:
    x, windows = _pooled(call)
    found = ops.max_pool(call.wiring, call.layer, x, windows, activation=call.activation())
    return Neurons(found)


def _average_pool(call: Call) -> Neurons:
    x, windows = _pooled(call)
    found = ops.average_pool(
        call.wiring,
        call.layer,
        x,
        windows,
        padded=bool(call.get("count_include_pad", 0)),
        activation=call.activation(),
    )
    return Neurons(found)


def _powers(call: Call) -> tuple[Any, float]:
    """Wire the p-th power of the size of each source."""
    exponent = float(call.get("p", 2))
    x = call.neurons()
    if exponent != 2:
        name = call.part("size")
        x = ops.affine(call.wiring, name, x, activation=Activation("abs"))
    name = call.part("power")
    return ops.affine(call.wiring, name, x, activation=power(exponent)), exponent


def _lp_pool(call: Call) -> Neurons:
    _, windows = _pooled(call)
    powers, exponent = _powers(call)
    found = ops.average_pool(
        call.wiring, call.layer, powers, windows, divisor=1.0, activation=power(1 / exponent)
    )
    return Neurons(found)


def _over_all(call: Call) -> tuple[int, ...]:
    return tuple(range(2, call.inputs[0].ids.ndim))


def _global_average(call: Call) -> Neurons:
    axes = _over_all(call)
    weight = 1 / math.prod(call.inputs[0].shape[axis] for axis in axes)
    found = ops.reduce(
        call.wiring,
        call.layer,
        call.sources(),
        axes,
        keep=True,
        weight=weight,
        activation=call.activation(),
    )
    return Neurons(found)


def _global_max(call: Call) -> Neurons:
    found = ops.reduce(
        call.wiring,
        call.layer,
        call.neurons(),
        _over_all(call),
        keep=True,
        pair=("multiply", "max"),
        activation=call.activation(),
    )
    return Neurons(found)


def _global_lp(call: Call) -> Neurons:
    powers, exponent = _powers(call)
    found = ops.reduce(
        call.wiring, call.layer, powers, _over_all(call), keep=True, activation=power(1 / exponent)
    )
    return Neurons(found)


def _column_to_image(call: Call) -> Neurons:
    """Wire the sum of the blocks that cover each place (Col2Im)."""
    shape, block = (call.constant(place) for place in (1, 2))
    x = call.sources()
    if shape is None or block is None:
        raise ConversionError("found no shape, needed those of the image and of a block")
    sizes, kernel = tuple(map(int, shape)), tuple(map(int, block))
    windows = _windows(call, sizes, kernel)
    counts = windows.counts(sizes, call.layer)
    blocks = x.reshape(x.shape[0], -1, math.prod(kernel), math.prod(counts))
    places = windows.slide(np.arange(math.prod(sizes), dtype=np.int32).reshape(sizes), call.layer)
    places = places.reshape(math.prod(counts), -1).T.reshape(-1)
    order = np.argsort(places, kind="stable")
    order = order[places[order] >= 0]
    at = places[order]
    slot = np.arange(at.size) - np.searchsorted(at, at)
    most = int(slot.max(initial=0)) + 1
    flat = blocks.reshape(*blocks.shape[:2], -1)
    rows = np.full((*blocks.shape[:2], math.prod(sizes), most), -1, np.int32)
    rows[:, :, at, slot] = flat[:, :, order]
    rows = rows.reshape(*blocks.shape[:2], *sizes, most)
    return Neurons(ops.reduce(call.wiring, call.layer, rows, (-1,), activation=call.activation()))


CONVOLUTIONS: dict[str, Callable[[Call], Any]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "LpPool": _lp_pool,
    "GlobalAveragePool": _global_average,
    "GlobalMaxPool": _global_max,
    "GlobalLpPool": _global_lp,
    "Col2Im": _column_to_image,
}
