"""Sliding windows over arrays of neuron ids: ids in, ids out, -1 where a window leaves the map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from neurograph.checks import is_whole
from neurograph.errors import GraphError, shown
from neurograph.memory import require

Ids = NDArray[np.int32]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  # ((top, bottom), (left, right))
MOST = 2**40  # of any parameter: products of such, where memory allows them, fit int64
_NEURON = 18  # bytes of a neuron's columns and id
_WEIGHT = 13  # bytes of a weight: its id in a kernel and on the way there, whether it is trainable


def whole(value: Any, least: int) -> bool:
    """Return whether a value is a whole number of at least `least`, and at most `MOST`."""
    return bool(is_whole(value) and least <= value <= MOST)


def limits(least: int, value: Any) -> str:
    """Return what numbers are needed, the upper end where that is what `value` is beyond."""
    upper = f" and at most {MOST:,}" if _beyond(value) else ""
    return f"at least {least}{upper}"


def _beyond(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_beyond, value))
    return isinstance(value, int | np.integer) and bool(value > MOST)


def _two(value: Any) -> tuple[Any, ...]:
    return tuple(value) if np.iterable(value) and not isinstance(value, str) else (value, value)


def pair(value: Any, who: str, what: str, least: int = 1) -> Pair:
    """Return a whole number, or two (height, width), as two; each at least `least`.

    >>> pair(5, "C1", "kernel_size")
    (5, 5)
    """
    both = _two(value)
    if len(both) != 2 or not all(whole(v, least) for v in both):
        raise GraphError(
            f"{who}: {what} is {shown(value)}, needed a whole number of {limits(least, value)}, "
            "or two of them"
        )
    return int(both[0]), int(both[1])


def padding(value: Any, who: str, kernel: Pair, stride: Pair, dilation: Pair) -> Padding:
    """Return padding per side from "valid", "same", a number, two, or two for each axis.

    "same" keeps the size of the map, needs stride 1, and puts an odd row or column at the bottom
    right, as torch does.
    """
    if isinstance(value, str):
        if value == "valid":
            return (0, 0), (0, 0)
        if value != "same":
            raise GraphError(f'{who}: padding is {shown(value)}, needed "same", "valid" or numbers')
        if stride != (1, 1):
            raise GraphError(f'{who}: padding "same" needs stride 1, found {stride}')
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return (total[0] // 2, total[0] - total[0] // 2), (total[1] // 2, total[1] - total[1] // 2)
    sides = [_two(side) for side in _two(value)]
    if [len(side) for side in sides] != [2, 2] or not all(whole(p, 0) for s in sides for p in s):
        raise GraphError(
            f'{who}: padding is {shown(value)}, needed "same", "valid" or whole numbers of '
            f"{limits(0, value)}: one, (height, width) or ((top, bottom), (left, right))"
        )
    (top, bottom), (left, right) = sides
    return (int(top), int(bottom)), (int(left), int(right))


def feature_maps(ids: Ids, who: str) -> Ids:
    """Return `ids` if they are shaped (maps, height, width). Raises GraphError otherwise."""
    if ids.ndim != 3 or 0 in ids.shape:
        raise GraphError(f"{who}: found sources of shape {ids.shape}, needed (maps, height, width)")
    return ids


def outputs(
    size: Pair,
    kernel: Pair,
    stride: Pair,
    pads: Padding,
    dilation: Pair,
    who: str,
    ceil: bool = False,
) -> Pair:
    """Return the number of window positions (height, width); GraphError if no window fits.

    With `ceil` the count is rounded up, so that the last window may reach beyond the padding, but
    a window must begin inside the map or its leading padding (torch's ceil_mode).
    """
    counts = []
    for n, k, s, (low, high), d in zip(size, kernel, stride, pads, dilation, strict=True):
        span = n + low + high - d * (k - 1) - 1
        count = (-(-span // s) if ceil else span // s) + 1
        if count < 1:
            extent = f" (dilation {dilation})" if dilation != (1, 1) else ""
            raise GraphError(
                f"{who}: a {kernel[0]}x{kernel[1]} window{extent} does not fit "
                f"{size[0]}x{size[1]} feature maps (padding {_shown(pads)})"
            )
        if ceil and (count - 1) * s >= n + low:
            count -= 1
        counts.append(count)
    return counts[0], counts[1]


def require_room(
    ids: Ids,
    kernel: Pair,
    pads: Padding,
    count: Pair,
    links: Sequence[tuple[int, ...]],
    who: str,
    weights: int = 0,
) -> None:
    """Raise GraphError if the padded maps, fields, neurons and weights would not fit in memory.

    `links` are the input maps of each output map; equal ones share their fields. Each of the
    `weights` stands in one slot of a kernel.
    """
    height, width = (n + sum(side) for n, side in zip(ids.shape[1:], pads, strict=True))
    positions = count[0] * count[1]
    slots = positions * kernel[0] * kernel[1] * sum(map(len, set(links)))
    neurons = positions * len(links)
    size = 4 * len(ids) * height * width + 2 * 4 * slots
    require_size(who, neurons, slots, weights, size)


def require_size(who: str, neurons: int, slots: int, weights: int, fields: int) -> None:
    """Raise GraphError if neurons, `fields` bytes of `slots`, and weights do not fit in memory."""
    size = fields + _NEURON * neurons + _WEIGHT * weights
    owned = f"{weights:,} weights, " if weights else ""
    what = f"{who}: {owned}{neurons:,} neurons, {slots:,} slots of their fields"
    require(size, what, GraphError)


def _shown(pads: Padding) -> str:
    flat = {*pads[0], *pads[1]}
    return str(flat.pop()) if len(flat) == 1 else str(pads)


def slide(
    ids: Ids,
    kernel: Pair,
    stride: Pair,
    pads: Padding,
    dilation: Pair,
    count: Pair,
    border: int = -1,
) -> Ids:
    """Return windows over maps of ids, shape (maps, *count, *kernel).

    A place off the map holds `border`.

    >>> ids = np.arange(4, dtype=np.int32).reshape(1, 2, 2)
    >>> slide(ids, (2, 2), (1, 1), ((1, 0), (0, 0)), (1, 1), (2, 1))[0, 0, 0]
    array([[-1, -1],
           [ 0,  1]], dtype=int32)
    """
    extra = [
        max(0, (m - 1) * s + d * (k - 1) + 1 - (n + low + high))
        for m, s, d, k, n, (low, high) in zip(
            count, stride, dilation, kernel, ids.shape[1:], pads, strict=True
        )
    ]
    (top, bottom), (left, right) = pads
    sides = ((0, 0), (top, bottom + extra[0]), (left, right + extra[1]))
    padded = np.pad(ids, sides, constant_values=border) if np.any(sides) else ids
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    windows = sliding_window_view(padded, reach, axis=(1, 2))
    return windows[:, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]][
        :, : count[0], : count[1]
    ]


def divisors(
    size: Pair, kernel: Pair, stride: Pair, pads: Padding, count: Pair
) -> NDArray[np.int64]:
    """Return how many places of each window lie on the padded map, shape `count`.

    Average pooling's divisor.
    """
    sides = []
    for n, k, s, (low, high), m in zip(size, kernel, stride, pads, count, strict=True):
        start = np.arange(m) * s - low
        sides.append(np.minimum(start + k, n + high) - start)
    return np.multiply.outer(sides[0], sides[1])


def transposed_length(
    size: int, kernel: int, stride: int, pad: Pair, dilation: int, extra: int
) -> int:
    """Return the outputs along a transposed axis; below 1 where padding leaves none."""
    return (size - 1) * stride - pad[0] - pad[1] + dilation * (kernel - 1) + extra + 1


def transposed_axis(
    size: int, kernel: int, stride: int, pad: Pair, dilation: int, extra: int
) -> Iterator[tuple[NDArray[np.intp], list[int], NDArray[np.intp]]]:
    """Yield (positions, taps, places) for each residue class of a transposed axis.

    Output position o gets tap k from place i where o + pad = stride i + dilation k. Positions of
    one class share their taps; places has shape (positions, taps), -1 off the map. Positions that
    no tap reaches are one class, the last.
    """
    length = transposed_length(size, kernel, stride, pad, dilation, extra)
    residues = dilation * np.arange(kernel) % stride
    met = np.zeros(length, bool)
    for residue in np.unique(residues).tolist():
        positions = np.arange((residue - pad[0]) % stride, length, stride)
        taps = np.flatnonzero(residues == residue)
        met[positions] = True
        if positions.size == 0:
            continue
        reach = positions[:, None] + pad[0] - dilation * taps[None, :]
        places = reach // stride
        yield positions, taps.tolist(), np.where((places >= 0) & (places < size), places, -1)
    rest = np.flatnonzero(~met)
    if rest.size:
        yield rest, [], np.empty((rest.size, 0), np.intp)


def transposed_slots(
    size: int, kernel: int, stride: int, pad: Pair, dilation: int, extra: int
) -> int:
    """Return how many taps the positions along a transposed axis have together.

    >>> transposed_slots(2, 3, 2, (0, 0), 1, 0)  # 0 to 4 have taps (0, 2), 1, (0, 2), 1, (0, 2)
    8
    """
    length = transposed_length(size, kernel, stride, pad, dilation, extra)
    residues, taps = np.unique(dilation * np.arange(kernel) % stride, return_counts=True)
    first = (residues - pad[0]) % stride
    return int((taps * np.maximum(0, -(-(length - first) // stride))).sum())
