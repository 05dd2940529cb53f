"""Images given to a simulator: checked, flattened, joined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import reals
from neurograph.errors import DataError
from neurograph.graph import Layer

Array = NDArray[Any]


def check_images(
    layers: tuple[Layer, ...], images: Sequence[ArrayLike], dtype: np.dtype[Any]
) -> Array:
    """Return the images of all input layers, flattened and joined, (batch, inputs), as `dtype`.

    Raises DataError for another number of arrays, a wrong shape or type, batches of different size,
    and values that are not finite in `dtype`.
    """
    if len(images) != len(layers):
        raise DataError(
            f"images: found {len(images)} arrays, needed one for each input: "
            f"{', '.join(layer.name for layer in layers)}"
        )
    if len(layers) == 1:
        return _flat(layers[0], images[0], dtype)
    if not layers:
        raise DataError("images: the graph has no input")
    arrays = [_flat(layer, given, dtype) for layer, given in zip(layers, images, strict=True)]
    if len({len(a) for a in arrays}) > 1:
        raise DataError(f"images: found batches of {[len(a) for a in arrays]}, needed equal ones")
    return np.concatenate(arrays, axis=1)


def _flat(layer: Layer, given: ArrayLike, dtype: np.dtype[Any]) -> Array:
    """Return the checked images of one input, (batch, neurons), as `dtype`."""
    array, neurons = real_array(given, layer.name), layer.neurons
    shape, found = neurons.shape, array.shape
    if found[1:] != shape or not found:
        raise DataError(
            f"{layer.name}: found images of shape {found}, "
            f"needed (batch, {', '.join(map(str, shape))})"
        )
    flat = array.reshape(found[0], neurons.size)
    if flat.dtype != dtype:
        with np.errstate(over="ignore"):  # what is too large gets infinite, and is found below
            flat = flat.astype(dtype)
    if neurons.explicit is not None:
        flat = flat[:, (layer.ids >= 0).reshape(-1)]
    if not _finite(flat):
        worst = np.argwhere(~np.isfinite(flat))[0]
        raise DataError(f"{layer.name}: image {worst[0]} holds a value that is not finite")
    return flat


def _finite(array: Array) -> bool:
    """Return whether all numbers are finite.

    If any is not, their sum of squares is not, which costs less than a look at each; it may
    overflow without.
    """
    return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())


def real_array(values: ArrayLike, who: str, what: str = "images") -> Array:
    """Return values as an array. Raises DataError for what are no real numbers."""
    return reals(who, values, what=what, error=DataError)
