"""What the sources of fields show of windows: where each slot lies, and in what steps it moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.regular.places import Places, Shape, coordinates

Ids = NDArray[np.int32]
Long = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fields:
    """The fields of maps: ids (classes, *positions, slots), and which class each map has.

    `live` says in which slots a map of the class has a weight. Maps of a class share fields.
    """

    ids: Ids
    of: NDArray[np.intp]
    live: NDArray[np.bool_]

    @property
    def counts(self) -> Shape:
        """The positions along each axis."""
        return self.ids.shape[1:-1]


@dataclass(frozen=True, eq=False)
class Seen:
    """What sampled positions show of each slot (classes, slots): its map, and where it lies."""

    maps: Long  # numbered over all layers; -1 where the slot is not live
    offsets: Long  # (classes, slots, axes): source minus stride times position
    stride: tuple[int | None, ...]
    sizes: Shape
    ids: Ids  # of all maps, (maps, *sizes)
    border: int  # a constant unit's id beyond the edge, or -1


def _sample(count: int) -> Long:
    """Return a few positions of an axis: its ends and its middle, with a neighbour each."""
    near = (0, 1, count // 2, count // 2 + 1, count - 2, count - 1)
    return np.array(sorted({p for p in near if 0 <= p < count}), np.int64)


def look(places: Places, fields: Fields) -> Seen | None:
    """Return what a few positions show; None where sources do not lie as windows' do."""
    axes = len(fields.counts)
    at = [_sample(count) for count in fields.counts]
    ids = fields.ids[np.ix_(np.arange(len(fields.ids)), *at, np.arange(fields.ids.shape[-1]))]
    holder = np.where(ids >= 0, places.neurons.number[ids], -1)
    used = np.unique(holder[holder >= 0])
    shapes = [places.maps_of(int(n), axes) for n in used]
    if not shapes or any(s is None for s in shapes) or len({s[1] for s in shapes if s}) > 1:
        return None
    sizes = shapes[0][1] if shapes[0] else ()
    first = np.zeros(len(places.layers) + 1, np.int64)
    first[used] = np.cumsum([0, *(s[0] for s in shapes if s)])[:-1]
    inner = math.prod(sizes)
    place = places.neurons.place[np.maximum(ids, 0)]
    live = holder >= 0
    maps = np.where(live, first[holder] + place // inner, -1)
    found = _steps(coordinates(place % inner, sizes), live, at)
    border = np.unique(ids[(ids >= 0) & ~live])
    which = _one(maps, live)
    if found is None or which is None or border.size > 1:
        return None
    stack = np.concatenate([places.map_ids(int(n), axes) for n in used])
    edge = int(border[0]) if border.size else -1
    return Seen(which, found[0], found[1], sizes, stack, edge)


def _steps(
    at: Long, live: NDArray[np.bool_], positions: list[Long]
) -> tuple[Long, tuple[int | None, ...]] | None:
    """Return each slot's offset and the strides; None where sources do not move in steps."""
    strides: list[int | None] = []
    offsets = []
    for axis, places in enumerate(positions):
        here, there = (
            [slice(None)] * (1 + axis) + [part] for part in (slice(None, -1), slice(1, None))
        )
        both = live[tuple(here)] & live[tuple(there)]
        moved = at[(*there, ..., axis)] - at[(*here, ..., axis)]
        apart = np.diff(places).reshape(-1, *(1,) * (moved.ndim - 2 - axis))
        steps = np.unique((moved / apart)[both])
        if steps.size > 1 or (steps.size and (steps[0] < 1 or steps[0] != int(steps[0]))):
            return None
        if not steps.size and places.size > 1:
            return None
        strides.append(int(steps[0]) if steps.size else None)
        spread = places.reshape(-1, *(1,) * (live.ndim - 2 - axis))
        one = _one(at[..., axis] - (strides[-1] or 0) * spread, live)
        if one is None:
            return None
        offsets.append(one)
    return np.stack(offsets, axis=-1), tuple(strides)


def _one(values: Long, live: NDArray[np.bool_]) -> Long | None:
    """Return the value that each slot (first and last axis) has wherever it is live; else None.

    A slot that is nowhere live has -1 among maps, and any offset.
    """
    over = tuple(range(1, values.ndim - 1))
    big = np.iinfo(np.int64).max
    low = np.where(live, values, big).min(over)
    high = np.where(live, values, -big).max(over)
    known = live.any(over)
    if (low != high)[known].any():
        return None
    return np.where(known, low, -1)


def spacing(offsets: Long, taps: Long | None) -> tuple[int, int] | None:
    """Return (padding before, dilation) of known offsets whose taps are these, or are to find."""
    if taps is None:
        steps = np.diff(np.unique(offsets))
        return -int(offsets.min()), int(np.gcd.reduce(steps)) if steps.size else 1
    low, high = int(taps.argmin()), int(taps.argmax())
    span = int(taps[high] - taps[low])
    dilation = int(offsets[high] - offsets[low]) // span if span else 1
    before = dilation * int(taps[low]) - int(offsets[low])
    return (before, dilation) if dilation > 0 else None


def span_of(seen: Seen) -> Shape | None:
    """Return the kernel that known offsets span."""
    known = seen.maps >= 0
    sizes = []
    for axis in range(len(seen.sizes)):
        offsets = seen.offsets[..., axis][known]
        found = spacing(offsets, None)
        if found is None:
            return None
        sizes.append((int(offsets.max()) + found[0]) // found[1] + 1)
    return tuple(sizes)
