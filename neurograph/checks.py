"""Checks of what a user hands in, the same everywhere: numbers, whole and real."""

from __future__ import annotations

import numbers

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import GraphError


def is_real(value: object) -> bool:
    """Return whether a value is a real number, NumPy's included; an array is none.

    >>> is_real(0.5), is_real("0.5")
    (True, False)
    """
    return isinstance(value, numbers.Real)


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number, NumPy's included."""
    return isinstance(value, numbers.Integral)


def floats(who: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return values as float64. Raises GraphError for what are no real numbers."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "fiub" or not array.size:
            return array.astype(np.float64, copy=False)
        found = str(array.dtype)
    except ValueError:  # rows of different lengths
        found = type(values).__name__
    raise GraphError(f"{who}: found values of type {found}, needed real numbers")


def finite(who: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return values as float64. Raises GraphError for what are no finite real numbers."""
    array = floats(who, values)
    wrong = ~np.isfinite(array)
    if wrong.any():
        raise GraphError(f"{who}: found the value {array[wrong][0]}, needed finite numbers")
    return array
