"""Resizing: each output a fixed weighted sum of a few inputs along each axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.functions import Activation
from neurograph.memory import require
from neurograph.operators.wiring import Wiring

Ids = NDArray[np.int32]
Matrix = NDArray[np.float64]
_DIGITS = 12  # to which sums of weights that should be equal are


def resize(
    wiring: Wiring,
    layer: str,
    x: Ids,
    matrices: list[Matrix],
    *,
    activation: Activation | None = None,
) -> Ids:
    """Add x (..., *sizes) resized by a matrix (out, in) for each of the last axes.

    A weight of zero is no connection. Where each output is one input, times one, no neuron is
    needed: the ids are picked. Raises GraphError if the fields would not fit in memory.
    """
    axes = len(matrices)
    taps = [_taps(matrix) for matrix in matrices]
    shape = (*x.shape[: x.ndim - axes], *(len(matrix) for matrix in matrices))
    index: list[Any] = [Ellipsis]
    weights = np.ones((1,) * (2 * axes))
    for axis, (at, values) in enumerate(taps):
        spread = [1] * (2 * axes)
        spread[axis], spread[axes + axis] = at.shape
        index.append(at.reshape(spread))
        weights = weights * values.reshape(spread)
    slots = math.prod(at.shape[1] for at, _ in taps)
    require(8 * math.prod(shape) * slots, f"{layer}: resized maps {shape}", GraphError)
    views = x[tuple(index)].reshape(-1, slots)
    if slots == 1 and (weights == 1).all() and activation is None:
        return np.asarray(views.reshape(shape), np.int32)
    rows = np.broadcast_to(weights, (*shape[x.ndim - axes :], *weights.shape[axes:]))
    distinct, inverse = np.unique(
        np.round(rows.reshape(-1, slots), _DIGITS), axis=0, return_inverse=True
    )
    kernels = np.where(distinct == 0, -1, wiring.fixed(layer, distinct))
    kernel = wiring.kernels(kernels) + inverse.reshape(shape[x.ndim - axes :])
    field = wiring.fields(layer, views) + np.arange(math.prod(shape)).reshape(shape)
    return wiring.neurons(layer, "Resize", shape, (field, kernel, -1), activation=activation)


def fold(wiring: Wiring, layer: str, x: Ids, places: Ids, count: int) -> Ids:
    """Add (..., count) sums of x (..., entries): entry e goes to place `places[e]`, -1 to none."""
    order = np.argsort(places, kind="stable")
    order = order[np.searchsorted(places[order], 0) :]
    to = places[order]
    rank = np.arange(to.size) - np.searchsorted(to, to)
    chosen = np.full((count, int(rank.max(initial=0)) + 1), -1, np.int64)
    chosen[to, rank] = order
    rows = np.where(chosen < 0, -1, x[..., chosen]).reshape(-1, chosen.shape[1])
    shape = (*x.shape[:-1], count)
    field = wiring.fields(layer, rows) + np.arange(len(rows)).reshape(shape)
    weight = wiring.fixed(layer, 1.0)
    kernel = wiring.kernels(np.full((1, chosen.shape[1]), weight, np.int32))
    return wiring.neurons(layer, "Fold", shape, (field, kernel, -1))


def _taps(matrix: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    """Return for each row of a matrix the columns it uses, and their values; equally many a row."""
    most = max(1, int((matrix != 0).sum(1).max(initial=0)))
    order = np.argsort(matrix == 0, axis=1, kind="stable")[:, :most]
    order.sort(axis=1)
    return order, np.take_along_axis(matrix, order, axis=1)
