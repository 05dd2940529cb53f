"""Enumerating triples in compiled code: each slot is read, checked and tallied, one by one."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neurograph.kernels.compiling import jit


@jit(nogil=True)
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


@numba.njit(nogil=True, boundscheck=False)
def consecutive(kernel_ids: Any, row: int, width: int, weight_count: int) -> bool:
    """Return whether a kernel's weights are in range and follow each other, all slots live."""
    if width == 0 or kernel_ids[row] < 0 or kernel_ids[row + width - 1] >= weight_count:
        return False
    follow = True
    for slot in range(width):
        follow &= kernel_ids[row + slot] - kernel_ids[row] == slot
    return follow


@numba.njit(nogil=True, boundscheck=False)
def along(sources: Any, weights: Any, by_weight: Any, ids: Any) -> int:
    """Tally the triples of a neuron whose weights are consecutive; return how many, -1 if unsound.

    Each triple is read and checked all the same; that their tallies lie side by side lets the
    machine take several at once.
    """
    live, unsound = np.int32(0), np.int32(0)
    first = weights[0]
    for slot in range(sources.size):
        hit = np.int32(np.uint32(sources[slot]) < ids)
        by_weight[slot] += hit
        live += hit
        beyond = np.int32(hit == 0) & np.int32(sources[slot] >= 0)
        unsound |= beyond | np.int32(weights[slot] - first != slot)
    return -1 if unsound else int(live)


@numba.njit(nogil=True, boundscheck=False)
def scattered(
    field_ids: Any,
    kernel_ids: Any,
    place: tuple[int, int, int],
    sizes: tuple[int, int],
    low: int,
    by_weight: Any,
) -> int:
    """Tally the triples of a neuron with any weights; return how many, -1 if one is unsound."""
    at, row, width = place
    size, weight_count = sizes
    ids, weights, base = np.uint32(size), np.uint32(weight_count), np.uint32(low)
    live = 0
    for slot in range(width):
        source, weight = field_ids[at + slot], kernel_ids[row + slot]
        # One unsigned comparison each says "in range and live"; the rest is sorted out apart.
        if np.uint32(source) < ids and np.uint32(weight) < weights:
            by_weight[np.uint32(weight) - base] += 1
            live += 1
        elif source >= size or weight >= weight_count:
            return -1
    return live


@jit(nogil=True, boundscheck=False)
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
    ids = np.uint32(size)
    last, side_by_side = -1, False
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
        if k != last:
            last, side_by_side = k, consecutive(kernel_ids, row, width, weight_count)
        if side_by_side:
            first = kernel_ids[row]
            live = along(
                field_ids[at : at + width],
                kernel_ids[row : row + width],
                by_weight[first - low : first - low + width],
                ids,
            )
        else:
            live = scattered(field_ids, kernel_ids, (at, row, width), sizes, low, by_weight)
        if live < 0:
            return neuron
        by_target[neuron] += live
    return -1
