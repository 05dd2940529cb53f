"""Products: of neurons with weights, and of neurons with neurons."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import GraphError
from neurograph.functions import Activation
from neurograph.operators.elementwise import together
from neurograph.operators.reductions import reduce
from neurograph.operators.wiring import Wiring

Ids = NDArray[np.int32]
_PRODUCTS = 20_000_000  # neurons that multiply two states, beyond which a graph is no help


def dense(
    wiring: Wiring,
    layer: str,
    x: Ids,
    weights: Ids,
    *,
    bias: ArrayLike = -1,
    activation: Activation | None = None,
) -> Ids:
    """Add (..., out) neurons over x (..., in) by weight ids (out, in); bias ids broadcast."""
    lead, out = x.shape[:-1], weights.shape[0]
    if x.shape[-1] != weights.shape[1]:
        raise GraphError(
            f"{layer}: found {x.shape[-1]} sources, needed {weights.shape[1]} as the weights have"
        )
    count = math.prod(lead)
    field = wiring.fields(layer, x.reshape(count, -1)) + np.arange(count).reshape(*lead, 1)
    kernel = wiring.kernels(weights) + np.arange(out)
    return wiring.neurons(
        layer, "Linear", (*lead, out), (field, kernel, bias), activation=activation
    )


def weigh_matrices(
    wiring: Wiring, layer: str, x: Ids, weights: Ids, *, activation: Activation | None = None
) -> Ids:
    """Add the matrix product of neurons (..., n, k) and weight ids (..., k, m), which broadcast."""
    (*lead, rows, slots), (*batch, needed, out) = x.shape, weights.shape
    if slots != needed:
        raise GraphError(f"{layer}: found {slots} sources, needed {needed} as the weights have")
    field = wiring.fields(layer, x.reshape(-1, slots))
    kernel = wiring.kernels(np.swapaxes(weights, -1, -2).reshape(-1, slots))
    fields = (field + np.arange(math.prod(lead) * rows)).reshape(*lead, rows, 1)
    kernels = (kernel + np.arange(math.prod(batch) * out)).reshape(*batch, 1, out)
    shape = np.broadcast_shapes(fields.shape, kernels.shape)
    return wiring.neurons(layer, "Linear", shape, (fields, kernels, -1), activation=activation)


def distances(
    wiring: Wiring,
    layer: str,
    x: Ids,
    centers: ArrayLike,
    *,
    activation: Activation | None = None,
) -> Ids:
    """Add the sums of (x - center)^2 over the last axis of both, which broadcast but for it.

    The centers are fixed weights, the array "layer.centers".
    """
    x, slots, values = wiring.solid(x), x.shape[-1], np.asarray(centers, np.float64)
    ids = wiring.graph.add_weights(
        layer, "centers", values.shape, initializer=values, trainable=False
    ).ids
    field = wiring.fields(layer, x.reshape(-1, slots))
    kernel = wiring.kernels(ids.reshape(-1, slots))
    fields = (field + np.arange(x.size // slots)).reshape(x.shape[:-1])
    kernels = (kernel + np.arange(ids.size // slots)).reshape(ids.shape[:-1])
    shape = np.broadcast_shapes(fields.shape, kernels.shape)
    pair = "squared_difference", "sum"
    columns = fields, kernels, -1
    return wiring.neurons(layer, "Distances", shape, columns, activation=activation, pair=pair)


def multiply_matrices(
    wiring: Wiring, layer: str, a: Ids, b: Ids, *, activation: Activation | None = None
) -> Ids:
    """Add the matrix product of two arrays of neurons (..., n, k) and (..., k, m).

    A product neuron for each pair, then sums. Raises GraphError where those are too many.
    """
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    count = math.prod(lead) * a.shape[-2] * a.shape[-1] * b.shape[-1]
    if count > _PRODUCTS:
        raise GraphError(
            f"{layer}: a product of states takes {count:,} neurons, needed {_PRODUCTS:,} at most"
        )
    pairs = [
        wiring.solid(a)[..., :, None, :],
        np.swapaxes(wiring.solid(b), -1, -2)[..., None, :, :],
    ]
    products = together(
        wiring, f"{layer}.products", pairs, pair=("multiply", "product"), kind="Multiply"
    )
    return reduce(wiring, layer, products, (-1,), activation=activation)
