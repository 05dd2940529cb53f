"""Arrays of ids as views of tensors that hold them: slices, joins, transposes, or picks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]
Shape = tuple[int, ...]
_AXES = 5  # beyond which no transpose is looked for


@dataclass(frozen=True)
class Whole:
    """A tensor as it is."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Reshaped:
    """A view in another shape."""

    of: View
    shape: Shape


@dataclass(frozen=True)
class Transposed:
    """A view with its axes in another order."""

    of: View
    axes: Shape
    shape: Shape


@dataclass(frozen=True)
class Sliced:
    """A box of a view: (start, stop, step) for each axis."""

    of: View
    spans: tuple[tuple[int, int, int], ...]
    shape: Shape


@dataclass(frozen=True)
class Joined:
    """Views side by side along an axis."""

    parts: tuple[View, ...]
    axis: int
    shape: Shape


@dataclass(frozen=True, eq=False)
class Picked:
    """Any places of tensors that lie flat one behind the other, and behind them of `values`."""

    parts: tuple[Whole, ...]
    values: tuple[float, ...]
    index: NDArray[np.int64]

    @property
    def shape(self) -> Shape:
        """The shape of what is picked."""
        return self.index.shape


View = Whole | Reshaped | Transposed | Sliced | Joined | Picked


class Tensors:
    """Named tensors of ids, each id in one of them, and views of them.

    `values` are the numbers that ids without a tensor stand for; -1 is zero.

    >>> tensors = Tensors(8, {})
    >>> tensors.add("x", np.arange(1, 7, dtype=np.int32).reshape(2, 3))
    >>> tensors.view(np.array([4, 5, 6])).of.spans
    ((1, 2, 1), (0, 3, 1))
    >>> tensors.view(np.array([6, -1])).index.tolist()
    [5, 6]
    """

    def __init__(self, size: int, values: Mapping[int, float]) -> None:
        self._home = np.full(size + 1, -1, np.int32)  # the last stands for -1
        self._place = np.zeros(size + 1, np.int64)
        self._names: list[str] = []
        self._ids: list[Ids] = []
        self._values = values

    def add(self, name: str, ids: Ids) -> None:
        """Add a tensor of these ids."""
        flat = ids.reshape(-1)
        self._home[flat] = len(self._names)
        self._place[flat] = np.arange(flat.size)
        self._home[-1] = -1
        self._names.append(name)
        self._ids.append(ids)

    def shape_of(self, name: str) -> Shape:
        """Return the shape of a tensor."""
        return self._ids[self._names.index(name)].shape

    def view(self, wanted: Ids) -> View:
        """Return ids, in any shape, as a view of the tensors."""
        return self._plain(wanted) or self._picked(wanted)

    def _plain(self, wanted: Ids) -> View | None:
        """Return a view that picks nothing; None where there is none."""
        home = self._home[wanted]
        if not home.size or int(home.min()) < 0:
            return None
        if (home == home.flat[0]).all():
            return self._within(int(home.flat[0]), wanted)
        for axis in range(wanted.ndim):
            rows = np.moveaxis(home, axis, 0).reshape(wanted.shape[axis], -1)
            if (rows == rows[:, :1]).all():
                return self._joined(wanted, axis, rows[:, 0])
        return None

    def _joined(self, wanted: Ids, axis: int, home: Ids) -> View | None:
        edges = np.flatnonzero(np.diff(home)) + 1
        parts = []
        for piece in np.split(np.arange(home.size), edges):
            part = np.take(wanted, piece, axis)
            found = self._within(int(home[piece[0]]), part)
            if found is None:
                return None
            parts.append(found)
        return Joined(tuple(parts), axis, wanted.shape)

    def _within(self, number: int, wanted: Ids) -> View | None:
        """Return ids that one tensor holds as a slice or a transpose of it."""
        ids, flat = self._ids[number], wanted.reshape(-1)
        whole: View = Whole(self._names[number], ids.shape)
        if flat.size == ids.size and (flat == ids.reshape(-1)).all():
            return shaped(whole, wanted.shape)
        place = self._place[flat]
        if (np.diff(place) == 1).all():
            return self._run(whole, int(place[0]), wanted)
        return _transposed(whole, ids, wanted) or self._box(whole, ids, wanted)

    def _run(self, whole: View, first: int, wanted: Ids) -> View:
        """Return consecutive places of a tensor."""
        inner = int(np.prod(whole.shape[1:]))
        if first % inner == 0 and wanted.size % inner == 0:
            rows = (first // inner, (first + wanted.size) // inner, 1)
            spans = (rows, *((0, n, 1) for n in whole.shape[1:]))
            box = Sliced(whole, spans, (rows[1] - rows[0], *whole.shape[1:]))
            return shaped(box, wanted.shape)
        flat = shaped(whole, (int(np.prod(whole.shape)),))
        return shaped(
            Sliced(flat, ((first, first + wanted.size, 1),), (wanted.size,)), wanted.shape
        )

    def _box(self, whole: View, ids: Ids, wanted: Ids) -> View | None:
        """Return places in steps along each axis."""
        if wanted.ndim != ids.ndim:
            return None
        ends = (np.unravel_index(int(self._place[i]), ids.shape) for i in wanted.flat[[0, -1]])
        spans = []
        for low, high, count in zip(*ends, wanted.shape, strict=True):
            step = (int(high) - int(low)) // max(count - 1, 1) or 1
            if step < 0:
                return None
            spans.append((int(low), int(high) + 1, step))
        box = ids[tuple(slice(*span) for span in spans)]
        if box.shape != wanted.shape or not (box == wanted).all():
            return None
        return Sliced(whole, tuple(spans), wanted.shape)

    def _picked(self, wanted: Ids) -> Picked:
        home = self._home[wanted]
        used = np.unique(home[home >= 0])
        sizes = np.array([self._ids[n].size for n in used], np.int64)
        first = np.zeros(len(self._ids) + 1, np.int64)
        first[used] = np.cumsum(sizes) - sizes
        index = first[home] + self._place[wanted]
        loose = home < 0
        numbers = [0.0 if i < 0 else float(self._values[i]) for i in wanted[loose].tolist()]
        values = sorted(set(numbers))
        index[loose] = sizes.sum() + np.searchsorted(values, numbers)
        parts = tuple(Whole(self._names[n], self._ids[n].shape) for n in used)
        return Picked(parts, tuple(values), index)


def shaped(view: View, shape: Sequence[int]) -> View:
    """Return a view in another shape, or itself if that is its own."""
    return view if view.shape == tuple(shape) else Reshaped(view, tuple(shape))


def _transposed(whole: View, ids: Ids, wanted: Ids) -> View | None:
    """Return a tensor with its axes in another order; axes of length 1 may come and go."""
    narrow, goal = np.squeeze(ids), np.squeeze(wanted)
    if goal.size != ids.size or not 1 < narrow.ndim <= _AXES or goal.ndim != narrow.ndim:
        return None
    for axes in _orders(narrow.shape, goal.shape):
        if (narrow.transpose(axes) == goal).all():
            turned = Transposed(shaped(whole, narrow.shape), axes, goal.shape)
            return shaped(turned, wanted.shape)
    return None


def _orders(shape: Shape, goal: Shape) -> Iterator[Shape]:
    for axes in itertools.permutations(range(len(shape))):
        if tuple(shape[a] for a in axes) == goal:
            yield axes


def collapsed(ids: Ids) -> Ids:
    """Return ids with those axes cut to length 1 along which they repeat.

    >>> collapsed(np.array([[1, 1], [2, 2]])).tolist()
    [[1], [2]]
    """
    for axis in range(ids.ndim):
        first: Any = np.take(ids, [0], axis)
        if ids.shape[axis] > 1 and (ids == first).all():
            ids = first
    return ids
