"""Normalisations: by running statistics, or by those of the states."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurograph import operators as ops
from neurograph.convert.torch.calls import Call, plain
from neurograph.convert.values import Neurons
from neurograph.errors import ConversionError

Ids = NDArray[np.int32]


def batch_norm(call: Call) -> Any:
    """Wire a batch norm by its running statistics, fixed, then its weights."""
    legit = call.name.startswith("_native")
    x, mean, variance = call.sources(), plain(call.arguments[3]), plain(call.arguments[4])
    if mean is None or variance is None or (not legit and call.arguments[5]):
        raise ConversionError(f"{call.layer}: batch norm by its batch, needed running statistics")
    epsilon = float(call.arguments[6 if legit else 7])
    call.scene.statistics.append((call.layer, call.arguments[3], call.arguments[4], epsilon))
    wiring, layer, statistics = call.wiring, call.layer, (mean, variance, epsilon)
    if call.get(1) is None:
        own = call.activation()
        found = Neurons(ops.normalize(wiring, layer, x, statistics, owner=layer, activation=own))
    else:
        hidden = wiring.free(f"{layer}.normalized")
        inner = ops.normalize(wiring, hidden, x, statistics, owner=layer)
        found = call.scaled(inner, call.biases(1), call.biases(2), ops.per_map(x))
    return [found, None, None] if legit else found


def _scaled(call: Call, x: Ids, weights: tuple[Any, Any], shape: tuple[int, ...]) -> Ids:
    """Wire scale and shift, each a tensor or None, behind a normalisation."""
    scale, shift = (
        None if value is None else call.scene.weights(call.layer, plain(value)) for value in weights
    )
    return call.scaled(x, scale, shift, shape).ids


def _standardized(
    call: Call, x: Ids, axes: tuple[int, ...], epsilon: float, affine: tuple[Any, ...]
) -> Ids:
    """Wire a normalisation by statistics of the states, then its weights."""
    scale, shift, shape = affine
    last = scale is None and shift is None
    name = call.layer if last else call.wiring.free(f"{call.layer}.standardized")
    found = ops.standardize(call.wiring, name, x, axes, epsilon)
    return _scaled(call, found, (scale, shift), shape)


def layer_norm(call: Call) -> Any:
    """Wire a normalisation over the last axes."""
    x, sizes = call.neurons(), call.arguments[1]
    axes = tuple(range(x.ndim - len(sizes), x.ndim))
    affine = call.get(2), call.get(3), tuple(sizes)
    found = Neurons(_standardized(call, x, axes, call.get(4, 1e-5), affine))
    return [found, None, None] if call.name.startswith("native") else found


def group_norm(call: Call) -> Any:
    """Wire a normalisation over groups of maps."""
    x = call.neurons()
    native = call.name.startswith("native")
    groups = call.arguments[6 if native else 1]
    weights = call.arguments[1:3] if native else (call.get(2), call.get(3))
    epsilon = call.arguments[7] if native else call.get(4, 1e-5)
    grouped = x.reshape(x.shape[0], groups, -1)
    affine = None, None, ()
    name = call.wiring.free(f"{call.layer}.standardized")
    inner = Call(**{**vars(call), "layer": name})
    found = _standardized(inner, grouped, (2,), epsilon, affine).reshape(x.shape)
    found = _scaled(call, found, tuple(weights), (-1,) + (1,) * (x.ndim - 2))
    return [Neurons(found), None, None] if native else Neurons(found)


def instance_norm(call: Call) -> Neurons:
    """Wire a normalisation over the positions of each map."""
    if not call.get(5, True):  # by running statistics: the same arguments, the same sum
        found: Neurons = batch_norm(call)
        return found
    x = call.neurons()
    axes = tuple(range(2, x.ndim))
    affine = call.get(1), call.get(2), (-1,) + (1,) * (x.ndim - 2)
    return Neurons(_standardized(call, x, axes, call.get(7, 1e-5), affine))


def rms_norm(call: Call) -> Neurons:
    """Wire a division by the root of the mean square."""
    from neurograph.operators.reductions import by_root_mean_square

    x, sizes = call.neurons(), call.arguments[1]
    axes = tuple(range(x.ndim - len(sizes), x.ndim))
    epsilon = call.get(3, float(torch.finfo(call.dtype).eps))
    if call.get(2) is None:
        return Neurons(by_root_mean_square(call.wiring, call.layer, x, axes, epsilon))
    name = call.wiring.free(f"{call.layer}.standardized")
    found = by_root_mean_square(call.wiring, name, x, axes, epsilon)
    return Neurons(_scaled(call, found, (call.get(2), None), tuple(sizes)))
