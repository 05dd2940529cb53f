"""Windows that slide over maps, found from the ids that fields hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.regular.places import Places, Shape, coordinates
from neurograph.convert.regular.seeing import Fields, Seen, look, spacing, span_of
from neurograph.operators import Windows

Ids = NDArray[np.int32]
Long = NDArray[np.int64]
_Made = tuple[Shape, list[tuple[int, int]], Long, Long]  # kernel, (pad, dilation), maps, places


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


def sliding(places: Places, fields: Fields, kernels: list[Shape]) -> Sliding | None:
    """Return the windows whose slots these fields are, exactly; None where there are none.

    `kernels` are sizes to try before those that the sources show.
    """
    seen = look(places, fields)
    if seen is not None:
        for made in _ways(seen, fields, kernels):
            if made is not None and (found := _exact(seen, fields, *made)) is not None:
                return found
    return next(filter(None, (_overlaid(fields, kernel) for kernel in kernels)), None)


def _overlaid(fields: Fields, kernel: Shape) -> Sliding | None:
    """Return windows over what the fields themselves lay side by side, in steps of one or two.

    So are found those that slide over what is picked: repeated maps, or a circular padding.
    """
    (classes, *_, slots), taps = fields.ids.shape, math.prod(kernel)
    if slots % taps or not _grouped(fields.of, classes):
        return None
    maps, axes = slots // taps, len(kernel)
    order = (0, axes + 1, *range(1, axes + 1), *range(axes + 2, 2 * axes + 2))
    ids = fields.ids.reshape(classes, *fields.counts, maps, *kernel).transpose(order)
    for step in (1, 2):
        windows = Windows(kernel, (step,) * axes, ((0, 0),) * axes)
        sizes = tuple((n - 1) * step + k for n, k in zip(fields.counts, kernel, strict=True))
        x = np.full((classes, maps, *sizes), -1, np.int32)
        index: list[Any] = [slice(None), slice(None)]
        for axis, count in enumerate(fields.counts):
            at, spread = windows.places(count, axis), [1] * (2 * axes)
            spread[axis], spread[axes + axis] = at.shape
            index.append(at.reshape(spread))
        x[tuple(index)] = ids
        places = np.broadcast_to(np.arange(slots), (classes, slots))
        found = Sliding(x.reshape(-1, *sizes), windows, classes, places)
        if _same(found, fields):
            return found
    return None


def _ways(seen: Seen, fields: Fields, kernels: list[Shape]) -> Iterator[_Made | None]:
    """Yield how the slots may lie in windows."""
    shown = span_of(seen)
    for kernel in dict.fromkeys([*kernels, *([shown] if shown else [])]):
        yield _in_order(seen, fields, kernel)
    yield _by_offset(seen, fields)


# ---- slots in windows ---------------------------------------------------------------------------


def _in_order(seen: Seen, fields: Fields, kernel: Shape) -> _Made | None:
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
        found = spacing(seen.offsets[..., axis][known], tap)
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


def _by_offset(seen: Seen, fields: Fields) -> _Made | None:
    """Let each slot lie where its sources say, in windows over all maps that any class reads."""
    known, kernel = seen.maps >= 0, span_of(seen)
    if kernel is None or (fields.live & ~known).any():
        return None
    maps = np.unique(seen.maps[known])
    places = np.searchsorted(maps, np.where(known, seen.maps, maps[0]))
    axes = []
    for axis, size in enumerate(kernel):
        found = spacing(seen.offsets[..., axis][known], None)
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
    seen: Seen, fields: Fields, kernel: Shape, axes: list[tuple[int, int]], maps: Long, at: Long
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
    seen: Seen, sizes: Shape, counts: Shape, kernel: Shape, axes: list[tuple[int, int]]
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
