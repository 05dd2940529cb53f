"""What a layer of a graph may be said as: operators over arrays of neuron and weight ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.operators import Windows

Ids = NDArray[np.int32]


@dataclass(frozen=True, eq=False, kw_only=True)
class Operation:
    """An operator of a layer: the neurons it gives, in its own shape, and their activation.

    Ids of -1 are a zero among neurons, a cut among weights, and no bias among biases.
    """

    layer: str
    ids: Ids
    activation: Activation


@dataclass(frozen=True, eq=False, kw_only=True)
class Convolution(Operation):
    """Maps (out, *positions) of x (in, *sizes) by weights (out, in / groups, *kernel).

    bias (out,), or one a neuron in the shape of `ids`.
    """

    x: Ids
    weights: Ids
    bias: Ids | None
    windows: Windows
    groups: int


@dataclass(frozen=True, eq=False, kw_only=True)
class TransposedConvolution(Convolution):
    """Weights are (in, out / groups, *kernel); `extra` rows at the end of each axis."""

    extra: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(Operation):
    """Units (..., out) of x (..., in) by weights (out, in); bias as in Convolution."""

    x: Ids
    weights: Ids
    bias: Ids | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Pooling(Operation):
    """The largest, or the mean, of each window of x (maps, *sizes); how is "max" or "mean".

    With `padded` the padding counts in the mean.
    """

    x: Ids
    windows: Windows
    how: str
    padded: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Together(Operation):
    """Place by place of sources that broadcast: "sum", "difference", "product", "max", "min"."""

    sources: list[Ids]
    how: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Reduction(Operation):
    """The last axis of x reduced: "sum", "mean", "squares", "product", "max", "min".

    bias: one weight id a neuron, or None.
    """

    x: Ids
    how: str
    bias: Ids | None


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchNorm(Operation):
    """x (maps, ...) by fixed weights of its statistics, then by scale and shift; (maps,) each."""

    x: Ids
    inverse_deviation: Ids
    center: Ids
    scale: Ids
    shift: Ids
    inside: str  # the layer of normalised states, which nothing else reads


@dataclass(frozen=True, eq=False, kw_only=True)
class Softmax(Operation):
    """exp(x) over its sum along an axis, or the logarithm of that."""

    x: Ids
    axis: int
    log: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Products(Operation):
    """What no regular operator says: blocks of fields x kernels, ids (blocks, maps, fields).

    Sources (blocks, fields, slots), weights (blocks, maps, slots), bias as ids or (blocks, maps,
    1); `pair` is the function's (combine, reduce). `why` says what is irregular.
    """

    sources: Ids
    weights: Ids
    bias: Ids
    pair: tuple[str, str]
    why: str
