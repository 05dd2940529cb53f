"""Enumerating triples in compiled code: each slot is read, checked and tallied, one by one."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def weight_span(
    kernel: NDArray[np.int32],
    kernel_ptr: NDArray[np.int64],
    kernel_ids: NDArray[np.int32],
    start: int,
    stop: int,
) -> tuple[int, int]:
    """Return the smallest and largest live weight that ids start to stop name, or (0, -1)."""
    low, high, last = np.int64(1) << 40, np.int64(-1), -1
    for neuron in range(start, stop):
        row = kernel[neuron]
        if row < 0 or row == last:
            continue
        last = row
        for slot in range(kernel_ptr[row], kernel_ptr[row + 1]):
            weight = np.int64(kernel_ids[slot])
            if weight >= 0:
                low, high = min(low, weight), max(high, weight)
    return (int(low), int(high)) if high >= 0 else (0, -1)


@numba.njit(cache=True, nogil=True, boundscheck=False)
def tally(
    columns: tuple[Any, Any, Any, Any],
    fields: tuple[Any, Any],
    kernels: tuple[Any, Any],
    span: tuple[int, int, int],
    sizes: tuple[int, int],
    by_weight: NDArray[np.int32],
    by_target: NDArray[np.int64],
) -> int:
    """Expand the slots of ids start to stop, adding to by_weight (from weight `low`) and by_target.

    Returns the first neuron with an id out of range, a row missing or an input for a target; -1 if
    all is sound. columns: (field, kernel, function, the function number of inputs); fields,
    kernels: (ptr, ids); span: (start, stop, low); sizes: (ids, weights).
    """
    field, kernel, function, input_function = columns
    field_ptr, field_ids = fields
    kernel_ptr, kernel_ids = kernels
    start, stop, low = span
    size, weight_count = sizes
    ids, weights, base = np.uint32(size), np.uint32(weight_count), np.uint32(low)
    for neuron in range(start, stop):
        f, k = field[neuron], kernel[neuron]
        if f < 0 or k < 0:
            if f >= 0 or k >= 0:
                return neuron
            continue
        at, width = field_ptr[f], field_ptr[f + 1] - field_ptr[f]
        row = kernel_ptr[k]
        if kernel_ptr[k + 1] - row != width or function[neuron] == input_function:
            return neuron
        live = 0
        for slot in range(width):
            source, weight = field_ids[at + slot], kernel_ids[row + slot]
            # One unsigned comparison each says "in range and live"; the rest is sorted out apart.
            if np.uint32(source) < ids and np.uint32(weight) < weights:
                by_weight[np.uint32(weight) - base] += 1
                live += 1
            elif source >= size or weight >= weight_count:
                return neuron
        by_target[neuron] += live
    return -1
