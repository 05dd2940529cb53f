"""What losses are given: outputs of a batch, and labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import array, reals, wholes
from neurograph.errors import DataError

Array = NDArray[Any]


def check_labels(labels: ArrayLike, batch: int, classes: int) -> NDArray[np.intp]:
    """Return the labels of a batch, one of 0 .. classes - 1 each.

    Raises DataError for another number of them, a type that is no whole number, or a label out of
    range.

    >>> check_labels([2, 0], 2, 10)
    array([2, 0])
    """
    given = array("labels", labels, what="labels", needed="whole numbers", error=DataError)
    if given.shape != (batch,):
        one_hot = (
            "; of one-hot rows take .argmax(axis=1)" if given.shape == (batch, classes) else ""
        )
        raise DataError(
            f"labels: found shape {given.shape}, needed ({batch},), one an image{one_hot}"
        )
    given = wholes("labels", labels, what="labels", error=DataError)
    if given.size and not (given.min() >= 0 and given.max() < classes):
        wrong = np.flatnonzero((given < 0) | (given >= classes))
        raise DataError(
            f"labels: found {given[wrong[0]]} at place {wrong[0]}, needed 0 to {classes - 1}"
        )
    return given.astype(np.intp, copy=False)


def ready(outputs: Array, labels: Array) -> tuple[Array, NDArray[np.intp], NDArray[np.intp]]:
    """Check a batch; return its outputs, the place of each pattern and its label."""
    outputs = as_floats("outputs", outputs)
    if outputs.ndim != 2 or not outputs.shape[1]:
        raise DataError(f"loss: found outputs of shape {outputs.shape}, needed (batch, classes)")
    return outputs, np.arange(len(outputs)), check_labels(labels, *outputs.shape)


def as_floats(what: str, values: ArrayLike) -> Array:
    """Return real numbers as floats, in their own precision. Raises DataError for others."""
    found = reals("loss", values, what=what, error=DataError)
    return found if found.dtype.kind == "f" else found.astype(np.float64)
