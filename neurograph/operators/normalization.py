"""Normalisation by statistics that are given: a batch norm in inference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.operators.elementwise import affine
from neurograph.operators.wiring import Wiring

Ids = NDArray[np.int32]
Numbers = NDArray[np.float64]


def per_map(x: Ids) -> tuple[int, ...]:
    """Return the shape in which one number a map stands beside x (batch, maps, *sizes).

    >>> per_map(np.zeros((1, 3, 4, 4), np.int32))
    (-1, 1, 1)
    """
    return (-1,) + (1,) * (x.ndim - 2)


def normalize(
    wiring: Wiring,
    layer: str,
    x: Ids,
    statistics: tuple[Numbers, Numbers, float],
    *,
    owner: str,
    activation: Activation | None = None,
) -> Ids:
    """Add (x - mean) / sqrt(variance + epsilon), one mean and one variance a map.

    The fixed weights "owner.inverse_deviation" and "owner.center" are those of the layer `owner`.
    """
    mean, variance, epsilon = statistics
    inverse = 1 / np.sqrt(variance + epsilon)
    scale, shift = (
        wiring.graph.add_weights(owner, kind, array.shape, initializer=array, trainable=False).ids
        for kind, array in (("inverse_deviation", inverse), ("center", -mean * inverse))
    )
    shape = per_map(x)
    return affine(
        wiring,
        layer,
        x,
        scale=scale.reshape(shape),
        shift=shift.reshape(shape),
        activation=activation,
        kind="BatchNorm",
    )
