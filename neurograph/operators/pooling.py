"""Pooling over windows, and over as many equal parts as are asked for."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.operators.windows import Windows
from neurograph.operators.wiring import Wiring

Ids = NDArray[np.int32]


def max_pool(
    wiring: Wiring,
    layer: str,
    x: Ids,
    windows: Windows,
    *,
    pair: tuple[str, str] = ("multiply", "max"),
    activation: Activation | None = None,
) -> Ids:
    """Add the largest state of each window of x (..., *sizes); beyond the edge there is none."""
    views = windows.slide(wiring.solid(x), layer)
    shape = views.shape[: x.ndim]
    field = wiring.fields(layer, views.reshape(-1, windows.slots))
    kernel = wiring.kernels(np.full((1, windows.slots), wiring.fixed(layer, 1.0), np.int32))
    columns = field + np.arange(math.prod(shape)).reshape(shape), kernel, -1
    return wiring.neurons(layer, "MaxPool", shape, columns, activation=activation, pair=pair)


def average_pool(
    wiring: Wiring,
    layer: str,
    x: Ids,
    windows: Windows,
    *,
    padded: bool = True,
    divisor: float | None = None,
    activation: Activation | None = None,
) -> Ids:
    """Add the mean of each window of x (..., *sizes).

    With `padded` the padding counts in the divisor (what reaches beyond it, by `ceil`, never does);
    `divisor` stands for all of them.
    """
    axes = len(windows.kernel)
    sizes = x.shape[-axes:]
    counts = windows.counts(sizes, layer)
    views = windows.slide(x, layer)
    shape = views.shape[: x.ndim]
    divisors = np.ones(counts)
    for axis in range(axes):
        at = windows.places(counts[axis], axis)
        high = sizes[axis] + (windows.pads[axis][1] if padded else 0)
        inside = at < high if padded else (at >= 0) & (at < high)
        spread = [1] * axes
        spread[axis] = -1
        divisors = divisors * inside.sum(1).reshape(spread)
    if divisor is not None:
        divisors[...] = divisor
    distinct, inverse = np.unique(divisors, return_inverse=True)
    weights = np.repeat(wiring.fixed(layer, 1 / distinct)[:, None], windows.slots, axis=1)
    kernel = wiring.kernels(weights) + inverse.reshape(counts)
    field = wiring.fields(layer, views.reshape(-1, windows.slots))
    columns = field + np.arange(math.prod(shape)).reshape(shape), kernel, -1
    return wiring.neurons(layer, "AvgPool", shape, columns, activation=activation)


def adaptive_pool(
    wiring: Wiring,
    layer: str,
    x: Ids,
    counts: tuple[int, ...],
    *,
    pair: tuple[str, str] = ("multiply", "sum"),
    activation: Activation | None = None,
) -> Ids:
    """Add the mean (or with another pair the largest) of as many parts of each axis of x.

    Part i of n of an axis of length s is floor(i s / n) to ceil((i + 1) s / n), as in torch.
    """
    axes = len(counts)
    sizes, lead = x.shape[-axes:], x.shape[:-axes]
    mean = pair[1] == "sum"
    sources = x if mean else wiring.solid(x)
    spans = [
        [(i * s // n, -(-(i + 1) * s // n)) for i in range(n)]
        for s, n in zip(sizes, counts, strict=True)
    ]
    shape = (*lead, *counts)
    field, kernel = (np.empty(shape, np.int64) for _ in range(2))
    kernels: dict[int, int] = {}
    for place in itertools.product(*(range(n) for n in counts)):
        box: Any = (..., *(slice(*spans[axis][i]) for axis, i in enumerate(place)))
        at: Any = (..., *place)
        part = sources[box].reshape(math.prod(lead), -1)
        slots = part.shape[1]
        if slots not in kernels:
            weight = wiring.fixed(layer, 1 / slots if mean else 1.0)
            kernels[slots] = wiring.kernels(np.full((1, slots), weight, np.int32))
        first = wiring.fields(layer, part)
        field[at] = first + np.arange(len(part)).reshape(lead)
        kernel[at] = kernels[slots]
    columns = field, kernel, -1
    return wiring.neurons(layer, "AdaptivePool", shape, columns, activation=activation, pair=pair)
