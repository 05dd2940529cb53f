"""How an operator that resizes weighs its inputs: asked of the operator itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

_OTHER = 2  # how long the axes are that are not looked at


def matrices(
    function: Callable[..., Any],
    arguments: list[Any],
    sizes: tuple[int, ...],
    lengths: tuple[int, ...],
) -> list[NDArray[np.float64]]:
    """Return for each axis the matrix (length, size) by which an operator resizes it.

    The operator, which treats axes one by one, is run on unit vectors along an axis, the other
    axes being two long and staying so: torch's antialiased ones are wrong on an axis of one.
    """
    return [
        _along(function, arguments, axis, (size, length))
        for axis, (size, length) in enumerate(zip(sizes, lengths, strict=True))
    ]


def _along(
    function: Callable[..., Any], arguments: list[Any], axis: int, ends: tuple[int, int]
) -> NDArray[np.float64]:
    size, length = ends
    axes = len(arguments[0].shape) - 2
    units = torch.eye(size, dtype=torch.float64)
    shape = [1] * axes
    shape[axis] = size
    wide, wanted = [_OTHER] * axes, [_OTHER] * axes
    wide[axis], wanted[axis] = size, length
    given = list(arguments)
    given[0] = units.reshape(1, size, *shape).expand(1, size, *wide).contiguous()
    found = function(*_asking(given, wanted, axis))
    first = (0, slice(None), *(slice(None) if i == axis else 0 for i in range(axes)))
    return np.asarray(found[first].T.numpy())


def _asking(given: list[Any], wanted: list[int], axis: int) -> list[Any]:
    """Return the arguments with the sizes, and the scales, of one axis only."""
    asked: list[Any] = []
    scale = 0  # of which axis the next scale is
    for place, value in enumerate(given):
        if place == 1:  # output_size
            asked.append(None if value is None else wanted)
        elif isinstance(value, (list, tuple)):  # scale_factors
            asked.append([float(s) if i == axis else 1.0 for i, s in enumerate(value)])
        elif isinstance(value, float):  # scales_h, scales_w
            asked.append(value if scale == axis else 1.0)
            scale += 1
        else:
            asked.append(value)
    return asked
