"""Windows that slide over maps, found from the ids that fields hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.regular.places import Places, Shape, coordinates
from neurograph.operators import Windows

Ids = NDArray[np.int32]
Long = NDArray[np.int64]
_Made = tuple[Shape, list[tuple[int, int]], Long, Long]  # kernel, (pad, dilation), maps, places


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
class Sliding:
    """Windows over x (groups x maps, *sizes); the place in a group's window of each slot.

    places (classes, slots) are flat in (maps, *kernel), -1 where a slot is nowhere live. With
    several groups the slots are in that order.
    """

    x: Ids
    windows: Windows
    groups: int
    places: Long


@dataclass(frozen=True, eq=False)
class _Seen:
    """What sampled positions show of each slot (classes, slots): its map, and where it lies."""

    maps: Long  # numbered over all layers; -1 where the slot is not live
    offsets: Long  # (classes, slots, axes): source minus stride times position
    stride: tuple[int | None, ...]
    sizes: Shape
    ids: Ids  # of all maps, (maps, *sizes)
    border: int  # a constant unit's id beyond the edge, or -1


def sliding(places: Places, fields: Fields, kernels: list[Shape]) -> Sliding | None:
    """Return the windows whose slots these fields are, exactly; None where there are none.

    `kernels` are sizes to try before those that the sources show.
    """
    seen = _look(places, fields)
    if seen is None:
        return None
    for made in _ways(seen, fields, kernels):
        if made is not None and (found := _exact(seen, fields, *made)) is not None:
            return found
    return None


def _ways(seen: _Seen, fields: Fields, kernels: list[Shape]) -> Iterator[_Made | None]:
    """Yield how the slots may lie in windows."""
    shown = _shown(seen)
    for kernel in dict.fromkeys([*kernels, *([shown] if shown else [])]):
        yield _in_order(seen, fields, kernel)
    yield _by_offset(seen, fields)


# ---- what the sources show ----------------------------------------------------------------------


def _sample(count: int) -> Long:
    """Return a few positions of an axis: its ends and its middle, with a neighbour each."""
    near = (0, 1, count // 2, count // 2 + 1, count - 2, count - 1)
    return np.array(sorted({p for p in near if 0 <= p < count}), np.int64)


def _look(places: Places, fields: Fields) -> _Seen | None:
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
    return _Seen(which, found[0], found[1], sizes, stack, edge)


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


# ---- slots in windows ---------------------------------------------------------------------------


def _axis(offsets: Long, taps: Long | None) -> tuple[int, int] | None:
    """Return (padding before, dilation) of known offsets whose taps are these, or are to find."""
    if taps is None:
        steps = np.diff(np.unique(offsets))
        return -int(offsets.min()), int(np.gcd.reduce(steps)) if steps.size else 1
    low, high = int(taps.argmin()), int(taps.argmax())
    span = int(taps[high] - taps[low])
    dilation = int(offsets[high] - offsets[low]) // span if span else 1
    before = dilation * int(taps[low]) - int(offsets[low])
    return (before, dilation) if dilation > 0 else None


def _shown(seen: _Seen) -> Shape | None:
    """Return the kernel that known offsets span."""
    known = seen.maps >= 0
    sizes = []
    for axis in range(len(seen.sizes)):
        offsets = seen.offsets[..., axis][known]
        found = _axis(offsets, None)
        if found is None:
            return None
        sizes.append((int(offsets.max()) + found[0]) // found[1] + 1)
    return tuple(sizes)


def _in_order(seen: _Seen, fields: Fields, kernel: Shape) -> _Made | None:
    """Let the slots be maps x taps in C order, as layers are wired; classes are groups."""
    classes, slots = seen.maps.shape
    taps = math.prod(kernel)
    if slots % taps or not _grouped(fields.of, classes):
        return None
    known = seen.maps >= 0
    per_map = np.where(known, seen.maps, -1).reshape(classes, slots // taps, taps)
    chosen = per_map.max(2)
    if int(chosen.min(initial=0)) < 0 or ((per_map >= 0) & (per_map != chosen[..., None])).any():
        return None
    if np.unique(chosen).size < chosen.size:  # maps that several classes read: a table
        return None
    of_slot = coordinates(np.arange(slots) % taps, kernel)
    axes = []
    for axis in range(len(kernel)):
        tap = np.broadcast_to(of_slot[:, axis], known.shape)[known]
        found = _axis(seen.offsets[..., axis][known], tap)
        if found is None:
            return None
        axes.append(found)
    places = np.broadcast_to(np.arange(slots), (classes, slots))
    return kernel, axes, chosen, places


def _grouped(of: NDArray[np.intp], classes: int) -> bool:
    """Return whether the maps of a class lie side by side, equally many a class."""
    return of.size % classes == 0 and bool(
        (of == np.repeat(np.arange(classes), of.size // classes)).all()
    )


def _by_offset(seen: _Seen, fields: Fields) -> _Made | None:
    """Let each slot lie where its sources say, in windows over all maps that any class reads."""
    known, kernel = seen.maps >= 0, _shown(seen)
    if kernel is None or (fields.live & ~known).any():
        return None
    maps = np.unique(seen.maps[known])
    places = np.searchsorted(maps, np.where(known, seen.maps, maps[0]))
    axes = []
    for axis, size in enumerate(kernel):
        found = _axis(seen.offsets[..., axis][known], None)
        if found is None:
            return None
        places = places * size + (seen.offsets[..., axis] + found[0]) // found[1]
        axes.append(found)
    places = np.where(known, places, -1)
    apart = np.diff(np.sort(places, axis=1), axis=1)
    if ((apart == 0) & (np.sort(places, axis=1)[:, 1:] >= 0)).any():
        return None  # a pair has several connections
    return kernel, axes, maps[None], places


# ---- exactly ------------------------------------------------------------------------------------


def _exact(
    seen: _Seen, fields: Fields, kernel: Shape, axes: list[tuple[int, int]], maps: Long, at: Long
) -> Sliding | None:
    """Return the windows, if sliding them gives the very fields."""
    x = seen.ids[maps.reshape(-1)]
    for axis, (size, count) in enumerate(zip(seen.sizes, fields.counts, strict=True)):
        if axes[axis][0] < 0:  # windows begin inside
            x = np.take(x, range(-axes[axis][0], size), axis + 1)
            axes = [*axes[:axis], (0, axes[axis][1]), *axes[axis + 1 :]]
        if count < 1:
            return None
    geometry = list(_geometry(seen, x.shape[1:], fields.counts, kernel, axes))
    for axis, (_, _, high) in enumerate(geometry):
        if high < 0:  # what no window reaches
            x = np.take(x, range(x.shape[axis + 1] + high), axis + 1)
    stride = tuple(step for step, _, _ in geometry)
    pads = tuple((low, max(high, 0)) for _, low, high in geometry)
    windows = Windows(kernel, stride, pads, tuple(d for _, d in axes))
    if seen.border >= 0:
        x = np.pad(x, [(0, 0), *pads], constant_values=seen.border)
        windows = replace(windows, pads=((0, 0),) * len(pads))
    found = Sliding(x, windows, len(maps), at)
    return found if _same(found, fields) else None


def _geometry(
    seen: _Seen, sizes: Shape, counts: Shape, kernel: Shape, axes: list[tuple[int, int]]
) -> Iterator[tuple[int, int, int]]:
    """Yield (stride, padding before, padding after) of each axis, alike before and after if so."""
    for size, count, taps, (low, dilation), step in zip(
        sizes, counts, kernel, axes, seen.stride, strict=True
    ):
        least = (count - 1) * (step or 1) + dilation * (taps - 1) + 1 - size - low
        stride = step or max(low - least + 1, 1)
        most = least + stride - 1
        if least <= low <= most:
            yield stride, low, low
        else:
            yield stride, low, 0 if least <= 0 <= most else least if least > 0 else most


def _same(found: Sliding, fields: Fields) -> bool:
    """Return whether the windows' slots are the fields, where any weight is live."""
    if found.windows.counts(found.x.shape[1:], "export") != fields.counts:
        return False
    axes = len(fields.counts)
    parts = found.x.reshape(found.groups, -1, *found.x.shape[1:])
    slid = found.windows.slide(parts, "export")  # (groups, maps, *counts, *kernel)
    order: Any = (0, *range(2, axes + 2), 1, *range(axes + 2, 2 * axes + 2))
    slid = slid.transpose(order).reshape(found.groups, *fields.counts, -1)
    if found.groups > 1:  # slots in order
        dead = ~fields.live.reshape(len(fields.live), *(1,) * axes, -1)
        return bool(((slid == fields.ids) | dead).all())
    for ids, live, places in zip(fields.ids, fields.live, found.places, strict=True):
        keep = np.flatnonzero(live)
        if keep.size == slid.shape[-1] and (places == np.arange(places.size)).all():
            same = slid[0] == ids
        else:
            same = slid[0][..., places[keep]] == ids[..., keep]
        if not same.all():
            return False
    return True
