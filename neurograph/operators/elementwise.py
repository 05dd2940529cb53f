"""Neurons place by place: of one array of sources, or of several together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.functions import Activation
from neurograph.operators.wiring import Wiring

Ids = NDArray[np.int32]


def affine(
    wiring: Wiring,
    layer: str,
    x: Ids,
    *,
    scale: Ids | None = None,
    shift: ArrayLike = -1,
    activation: Activation | None = None,
    kind: str = "Affine",
) -> Ids:
    """Add activation(scale x + shift) for each of `x`; weight ids that broadcast, scale 1 if None.

    The shape is that of all three together.
    """
    factors = wiring.fixed(layer, 1.0) if scale is None else np.asarray(scale, np.int32)
    shape = np.broadcast_shapes(x.shape, factors.shape, np.shape(shift))
    distinct, inverse = np.unique(factors, return_inverse=True)
    kernel = wiring.kernels(distinct.reshape(-1, 1)) + inverse.reshape(factors.shape)
    field = wiring.fields(layer, x.reshape(-1, 1)) + np.arange(x.size).reshape(x.shape)
    return wiring.neurons(layer, kind, shape, (field, kernel, shift), activation=activation)


def together(
    wiring: Wiring,
    layer: str,
    sources: list[Ids],
    *,
    weights: list[float] | None = None,
    activation: Activation | None = None,
    pair: tuple[str, str] = ("multiply", "sum"),
    kind: str = "Add",
) -> Ids:
    """Add a neuron for each place of the sources, which broadcast; fixed weights, one a source."""
    arrays = np.broadcast_arrays(*sources)
    shape = arrays[0].shape
    rows = np.stack([array.reshape(-1) for array in arrays], axis=1)
    field = wiring.fields(layer, rows) + np.arange(len(rows)).reshape(shape)
    values = [1.0] * len(arrays) if weights is None else weights
    kernel = wiring.kernels(wiring.fixed(layer, values).reshape(1, -1))
    return wiring.neurons(layer, kind, shape, (field, kernel, -1), activation=activation, pair=pair)


def leak(wiring: Wiring, layer: str, x: Ids, slope: Ids) -> Ids:
    """Add max(x, 0) + slope min(x, 0), the slope weight ids that broadcast on x (PReLU)."""
    x = wiring.solid(x)
    positive = affine(wiring, f"{layer}.positive", x, activation=Activation("relu"))
    negative = affine(wiring, f"{layer}.negative", x, activation=Activation("at_most", (0.0,)))
    distinct, inverse = np.unique(np.broadcast_to(slope, x.shape), return_inverse=True)
    one = np.full(distinct.size, wiring.fixed(layer, 1.0))
    kernel = wiring.kernels(np.stack([one, distinct], axis=1)) + inverse.reshape(x.shape)
    rows = np.stack([positive.reshape(-1), negative.reshape(-1)], axis=1)
    field = wiring.fields(layer, rows) + np.arange(x.size).reshape(x.shape)
    return wiring.neurons(layer, "PReLU", x.shape, (field, kernel, -1))


def truncate(wiring: Wiring, layer: str, x: Ids) -> Ids:
    """Add x rounded towards zero: floor(|x|) with the sign of x."""
    size, whole, sign = (wiring.free(f"{layer}.{part}") for part in ("size", "whole", "sign"))
    sized = affine(wiring, size, x, activation=Activation("abs"))
    parts = [
        affine(wiring, whole, sized, activation=Activation("floor")),
        affine(wiring, sign, x, activation=Activation("sign")),
    ]
    return together(wiring, layer, parts, pair=("multiply", "product"), kind="Multiply")
