"""Reductions over axes, and what is made of them: softmax and normalisation by statistics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.operators.elementwise import affine, together
from neurograph.operators.wiring import Wiring

Ids = NDArray[np.int32]


def reduce(
    wiring: Wiring,
    layer: str,
    x: Ids,
    axes: tuple[int, ...],
    *,
    keep: bool = False,
    weight: float = 1.0,
    shift: float | None = None,
    pair: tuple[str, str] = ("multiply", "sum"),
    activation: Activation | None = None,
) -> Ids:
    """Add a neuron for each place left when `axes` are reduced; one fixed weight in every slot.

    `shift` is a fixed bias. With `keep` the reduced axes stay with length 1.
    """
    reduced = sorted(axis % x.ndim for axis in axes)
    rest = [axis for axis in range(x.ndim) if axis not in reduced]
    slots = math.prod(x.shape[axis] for axis in reduced)
    sources = x if pair == ("multiply", "sum") else wiring.solid(x)
    rows = sources.transpose(*rest, *reduced).reshape(-1, slots)
    shape = tuple(
        1 if axis in reduced else x.shape[axis] for axis in range(x.ndim) if keep or axis in rest
    )
    field = wiring.fields(layer, rows) + np.arange(len(rows)).reshape(shape)
    kernel = wiring.kernels(np.full((1, slots), wiring.fixed(layer, weight), np.int32))
    bias = -1 if shift is None else wiring.fixed(layer, shift)
    return wiring.neurons(
        layer, "Reduce", shape, (field, kernel, bias), activation=activation, pair=pair
    )


def softmax(wiring: Wiring, layer: str, x: Ids, axis: int, *, log: bool = False) -> Ids:
    """Add exp(x - max) / sum of those along an axis; with `log` its logarithm."""
    x = wiring.solid(x)
    largest = reduce(wiring, f"{layer}.max", x, (axis,), keep=True, pair=("multiply", "max"))
    if log:
        shifted = together(wiring, f"{layer}.shifted", [x, largest], weights=[1.0, -1.0])
        powers = affine(wiring, f"{layer}.exp", shifted, activation=Activation("exp"))
        total = reduce(
            wiring, f"{layer}.log_sum", powers, (axis,), keep=True, activation=Activation("log")
        )
        return together(wiring, layer, [shifted, total], weights=[1.0, -1.0], kind="LogSoftmax")
    powers = together(
        wiring, f"{layer}.exp", [x, largest], weights=[1.0, -1.0], activation=Activation("exp")
    )
    inverse = reduce(
        wiring,
        f"{layer}.inverse_sum",
        powers,
        (axis,),
        keep=True,
        activation=Activation("reciprocal"),
    )
    return together(wiring, layer, [powers, inverse], pair=("multiply", "product"), kind="Softmax")


def log_sum(
    wiring: Wiring, layer: str, x: Ids, axes: tuple[int, ...], *, keep: bool = False
) -> Ids:
    """Add log(sum of exp(x)) over `axes`, less the largest while it is summed."""
    x = wiring.solid(x)
    largest, shifted, total = (wiring.free(f"{layer}.{p}") for p in ("max", "exp", "log_sum"))
    most = reduce(wiring, largest, x, axes, keep=True, pair=("multiply", "max"))
    powers = together(wiring, shifted, [x, most], weights=[1.0, -1.0], activation=Activation("exp"))
    logs = reduce(wiring, total, powers, axes, keep=True, activation=Activation("log"))
    found = together(wiring, layer, [most, logs])
    return found if keep else found.squeeze(tuple(axes))


def accumulate(
    wiring: Wiring, layer: str, x: Ids, axis: int, *, pair: tuple[str, str] = ("multiply", "sum")
) -> Ids:
    """Add the reductions of everything up to each place of an axis.

    By doubling: a layer for each of log2(length) steps, in which each place takes in what lies 1,
    2, 4, ... places before it.
    """
    found = np.moveaxis(wiring.solid(x), axis, -1)
    length, step = found.shape[-1], 1
    while step < length or step == 1:
        before = np.full_like(found, -1)
        before[..., step:] = found[..., :-step]
        name = layer if 2 * step >= length else wiring.free(f"{layer}.step{step}")
        found = together(wiring, name, [found, before], pair=pair, kind="Accumulate")
        step *= 2
    return np.moveaxis(found, -1, axis)


def standardize(wiring: Wiring, layer: str, x: Ids, axes: tuple[int, ...], epsilon: float) -> Ids:
    """Add (x - mean) / sqrt(variance + epsilon), both over `axes`.

    Differences are scaled by 1 / sqrt(n), so that the sum of their squares is the variance:
    (squared_difference, sum) with the weight 0.
    """
    x = wiring.solid(x)
    count = math.prod(x.shape[axis] for axis in axes)
    scale = 1 / math.sqrt(count)
    mean = reduce(wiring, f"{layer}.mean", x, axes, keep=True, weight=1 / count)
    difference = together(wiring, f"{layer}.difference", [x, mean], weights=[scale, -scale])
    return _over_deviation(wiring, layer, difference, axes, (epsilon, 1 / scale))


def _over_deviation(
    wiring: Wiring, layer: str, x: Ids, axes: tuple[int, ...], constants: tuple[float, float]
) -> Ids:
    epsilon, factor = constants
    inverse = reduce(
        wiring,
        f"{layer}.inverse_deviation",
        x,
        axes,
        keep=True,
        weight=0.0,
        shift=epsilon,
        pair=("squared_difference", "sum"),
        activation=Activation("rsqrt"),
    )
    return together(
        wiring,
        layer,
        [x, inverse],
        weights=[factor, 1.0],
        pair=("multiply", "product"),
        kind="Standardize",
    )


def by_root_mean_square(
    wiring: Wiring, layer: str, x: Ids, axes: tuple[int, ...], epsilon: float
) -> Ids:
    """Add x / sqrt(mean of x^2 over `axes` + epsilon)."""
    x = wiring.solid(x)
    scale = 1 / math.sqrt(math.prod(x.shape[axis] for axis in axes))
    scaled = affine(wiring, f"{layer}.scaled", x, scale=wiring.fixed(f"{layer}.scaled", scale))
    return _over_deviation(wiring, layer, scaled, axes, (epsilon, 1 / scale))
