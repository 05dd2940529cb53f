"""Convolutions in any number of dimensions, and transposed ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.functions import Activation
from neurograph.memory import require
from neurograph.operators.windows import Windows
from neurograph.operators.wiring import Wiring

Ids = NDArray[np.int32]


def convolve(
    wiring: Wiring,
    layer: str,
    x: Ids,
    weights: Ids,
    windows: Windows,
    *,
    bias: Ids | None = None,
    groups: int = 1,
    activation: Activation | None = None,
) -> Ids:
    """Add the maps (batch, out, *counts) of x (batch, in, *sizes).

    Weight ids (out, in / groups, *kernel), bias ids (out,). All maps of a group share the fields of
    a position. Raises GraphError where shapes do not fit or memory would not.
    """
    axes = len(windows.kernel)
    batch, channels = x.shape[:2]
    out = weights.shape[0]
    if channels != weights.shape[1] * groups or out % groups:
        raise GraphError(
            f"{layer}: found {channels} maps in {groups} groups, "
            f"needed those of weights {weights.shape}"
        )
    views = windows.slide(x, layer)
    counts = views.shape[2 : 2 + axes]
    views = views.reshape(batch, groups, channels // groups, *counts, *windows.kernel)
    order = [0, 1, *range(3, 3 + axes), 2, *range(3 + axes, 3 + 2 * axes)]
    rows = batch * groups * math.prod(counts)
    first = wiring.fields(layer, views.transpose(order).reshape(rows, -1))
    field = (first + np.arange(rows)).reshape(batch, groups, 1, *counts)
    shape = (batch, groups, out // groups, *counts)
    per_map = (1, groups, out // groups, *(1,) * axes)
    kernel = (wiring.kernels(weights.reshape(out, -1)) + np.arange(out)).reshape(per_map)
    shift = np.asarray(-1) if bias is None else np.asarray(bias).reshape(per_map)
    field, kernel, shift = (
        np.broadcast_to(column, shape).reshape(batch, out, *counts)
        for column in (field, kernel, shift)
    )
    return wiring.neurons(
        layer, f"Conv{axes}d", field.shape, (field, kernel, shift), activation=activation
    )


def convolve_transposed(
    wiring: Wiring,
    layer: str,
    x: Ids,
    weights: Ids,
    windows: Windows,
    *,
    extra: tuple[int, ...],
    bias: Ids | None = None,
    groups: int = 1,
    activation: Activation | None = None,
) -> Ids:
    """Add the maps of a transposed convolution of x (batch, in, *sizes).

    Weight ids (in, out / groups, *kernel); `extra` rows and columns at the end, torch's
    output_padding. Positions with the same remainder by the stride share their taps: one kernel a
    map and remainder.
    """
    batch, channels = x.shape[:2]
    per_group, axes = weights.shape[1], len(windows.kernel)
    out = per_group * groups
    sizes = _lengths(x.shape[2:], windows, extra, layer)
    require(16 * batch * out * math.prod(sizes), f"{layer}: maps of {sizes}", GraphError)
    field = np.full((batch, out, *sizes), -1, np.int32)
    kernel = np.full((batch, out, *sizes), -1, np.int32)
    padded = np.pad(x, [(0, 0), (0, 0)] + [(0, 1)] * axes, constant_values=-1)
    parts = [list(_remainders(x.shape[2 + i], sizes[i], windows, i)) for i in range(axes)]
    for combination in itertools.product(*parts):
        places, taps, reach = zip(*combination, strict=True)
        count = [len(place) for place in places]
        slots = [len(tap) for tap in taps]
        index = []
        for axis in range(axes):
            spread = [1] * (2 * axes)
            spread[axis], spread[axes + axis] = count[axis], slots[axis]
            index.append(reach[axis].reshape(spread))
        views = padded[(slice(None), slice(None), *index)]
        views = views.reshape(batch, groups, channels // groups, *count, *slots)
        order = [0, 1, *range(3, 3 + axes), 2, *range(3 + axes, 3 + 2 * axes)]
        rows = batch * groups * math.prod(count)
        first = wiring.fields(layer, views.transpose(order).reshape(rows, -1))
        chosen = weights
        for axis in range(axes):
            chosen = np.take(chosen, taps[axis], axis=2 + axis)
        chosen = chosen.reshape(groups, channels // groups, per_group, *slots)
        kernels = wiring.kernels(chosen.swapaxes(1, 2).reshape(out, -1)) + np.arange(out)
        at = np.ix_(range(batch), range(out), *places)
        fields = (first + np.arange(rows)).reshape(batch, groups, 1, *count)
        spread_to = (batch, groups, per_group, *count)
        field[at] = np.broadcast_to(fields, spread_to).reshape(batch, out, *count)
        kernel[at] = kernels.reshape(1, out, *(1,) * axes)
    shift = np.asarray(-1) if bias is None else np.asarray(bias).reshape(1, out, *(1,) * axes)
    kind = f"ConvTranspose{axes}d"
    return wiring.neurons(layer, kind, field.shape, (field, kernel, shift), activation=activation)


def _lengths(
    sizes: tuple[int, ...], windows: Windows, extra: tuple[int, ...], layer: str
) -> tuple[int, ...]:
    """Return the output's length along each axis. Raises GraphError where nothing is left."""
    found = tuple(
        (n - 1) * s - low - high + d * (k - 1) + more + 1
        for n, s, (low, high), d, k, more in zip(
            sizes,
            windows.stride,
            windows.pads,
            windows.dilation,
            windows.kernel,
            extra,
            strict=True,
        )
    )
    if min(found) < 1:
        raise GraphError(f"{layer}: padding {windows.pads} leaves no output of maps {sizes}")
    return found


def _remainders(
    size: int, length: int, windows: Windows, axis: int
) -> Iterator[tuple[NDArray[np.int64], list[int], NDArray[np.int64]]]:
    """Yield, for each remainder by the stride: output places, taps, and the inputs they reach."""
    stride, tap, low = windows.stride[axis], windows.dilation[axis], windows.pads[axis][0]
    for remainder in range(min(stride, length + low)):
        at = np.arange(length)
        at = at[(at + low) % stride == remainder]
        taps = [t for t in range(windows.kernel[axis]) if (tap * t - remainder) % stride == 0]
        if at.size and taps:
            reach = (at[:, None] + low - tap * np.array(taps)) // stride
            yield at, taps, np.where((reach < 0) | (reach >= size), size, reach)
