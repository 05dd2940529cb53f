"""Named arrays of ids: id <-> name and index, both ways.

An array of consecutive ids keeps only its first id and its shape; any other keeps its ids, with -1
where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import wholes
from neurograph.errors import GraphError, shown, suggestion
from neurograph.names.labels import Labels
from neurograph.names.places import Places
from neurograph.names.spelling import printable, split, stem, written

Ids = NDArray[np.int32]
AXES_MAX = 32  # NumPy's way from an id to an index, and NumPy 1 altogether, end there


def _axes(name: str, index: Any) -> tuple[int, ...]:
    """Return an index as whole numbers, one an axis. Raises GraphError for anything else."""
    try:
        found = wholes("index", index)
    except GraphError:
        found = np.empty((), np.int64)
    if found.ndim != 1:
        raise GraphError(f"{name}: index {shown(index)}, needed whole numbers, one an axis")
    return tuple(found.tolist())


@dataclass(frozen=True, eq=False, repr=False)
class IdArray:
    """Ids in a shape: `first, first + 1, ...` in C order, or the explicit ids.

    Raises GraphError for more axes than NumPy has everywhere.
    """

    shape: tuple[int, ...]
    first: int = 0
    explicit: Ids | None = None

    def __post_init__(self) -> None:
        if len(self.shape) > AXES_MAX:
            raise GraphError(
                f"an array of ids of {len(self.shape)} axes, needed at most {AXES_MAX}"
            )

    @classmethod
    def of(cls, ids: ArrayLike) -> IdArray:
        """Return `ids` as an IdArray, stored as a range where they are consecutive."""
        array = np.array(ids, dtype=np.int32, ndmin=0)
        flat = array.reshape(-1)
        if flat.size and flat[0] >= 0 and (np.diff(flat) == 1).all():
            return cls(array.shape, int(flat[0]))
        array.flags.writeable = False
        return cls(array.shape, 0, array)

    def __repr__(self) -> str:
        low, high = self.bounds()
        return f"IdArray({self.shape}, ids from {low} to {high})"

    @cached_property
    def size(self) -> int:
        """The number of entries, absent ones included."""
        return math.prod(self.shape)

    @property
    def ids(self) -> Ids:
        """The ids, int32, in their shape; -1 where there is none. A range is written out anew."""
        if self.explicit is not None:
            return self.explicit
        ids = np.arange(self.first, self.first + self.size, dtype=np.int32)
        return ids.reshape(self.shape)

    @property
    def present(self) -> Ids:
        """The ids that exist, flat, in C order."""
        flat = self.ids.reshape(-1)
        return flat if self.explicit is None else flat[flat >= 0]

    @cached_property
    def _sorted(self) -> tuple[Ids, NDArray[np.intp]]:
        flat = self.ids.reshape(-1)
        where = np.flatnonzero(flat >= 0)
        order = np.argsort(flat[where], kind="stable")
        return flat[where][order], where[order]

    def bounds(self) -> tuple[int, int]:
        """Return the smallest and largest id, or (0, -1) if there is none."""
        if self.explicit is None:
            return self.first, self.first + self.size - 1
        values = self._sorted[0]
        return (int(values[0]), int(values[-1])) if values.size else (0, -1)

    def position(self, identity: int) -> int:
        """Return the flat position of an id, or -1 where the array does not hold it."""
        if self.explicit is None:
            offset = identity - self.first
            return offset if 0 <= offset < self.size else -1
        values, where = self._sorted
        at = int(np.searchsorted(values, identity))
        return int(where[at]) if at < values.size and values[at] == identity else -1

    def positions(self, identities: NDArray[Any]) -> NDArray[np.int64]:
        """Return the flat position of each id, -1 where the array does not hold it."""
        if self.explicit is None:
            offset = identities.astype(np.int64) - self.first
            return np.where((offset >= 0) & (offset < self.size), offset, -1)
        values, where = self._sorted
        if not values.size:
            return np.full(identities.shape, -1, np.int64)
        at = np.minimum(np.searchsorted(values, identities), values.size - 1)
        return np.where(values[at] == identities, where[at], -1)

    def __getitem__(self, index: Any) -> Any:
        return self.ids[index]

    def at(self, index: tuple[int, ...], who: str) -> int:
        """Return the id at `index`. Raises GraphError if it is out of range or absent."""
        if len(index) != len(self.shape):
            given = f"an index of {len(index)}" if index else "no index"
            raise GraphError(f"{who}: found {given}, needed one into the shape {self.shape}")
        if any(not 0 <= i < n for i, n in zip(index, self.shape, strict=True)):
            raise GraphError(f"{who}{list(index)} is out of range; {who} has shape {self.shape}")
        position = int(np.ravel_multi_index(index, self.shape)) if index else 0
        found = self.first + position if self.explicit is None else int(self.ids.flat[position])
        if found < 0:
            raise GraphError(f"{who}{list(index)} does not exist (no connection names it)")
        return found


class Names:
    """A directory of named IdArrays; an id stands in one of them at most, and may have a label.

    >>> names = Names("neuron"); names.add("C1", IdArray((2, 2), first=5))
    >>> names.name_of(7), names.id_of("C1[1, 0]")
    ('C1[1, 0]', 7)
    >>> names.label([7], ["left"]); names.name_of(7), names.id_of("left"), names.id_of("C1[1, 0]")
    ('left', 7, 7)
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._number: dict[str, int] = {}  # of each name, a place in the two lists
        self._names: list[str] = []
        self._arrays: list[IdArray] = []
        self._places: Places | None = None  # made when first asked for
        self.labels = Labels()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._number

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __getitem__(self, name: str) -> IdArray:
        """Return the array `name`. Raises GraphError with the nearest names if there is none."""
        if name not in self:
            raise GraphError(
                f"{self.what} array {shown(name)} is unknown"
                f"{suggestion(name, [*self._names, *self.labels.values()])}"
            )
        return self._arrays[self._number[name]]

    def taken(self, name: str) -> bool:
        """Return whether an array is called so, or a label that one would make ambiguous."""
        return name in self or self.labels.reserve(name)

    def require_free(self, name: str) -> None:
        """Raise GraphError if a name is taken, or no printable text without brackets."""
        if isinstance(name, str) and self.taken(name):
            raise GraphError(f"{self.what} array {shown(name)} exists already; names are unique")
        if not printable(name) or "[" in name or "]" in name:
            raise GraphError(
                f"{self.what} array {shown(name)}: a name is printable text without brackets"
            )

    def add(self, name: str, ids: IdArray) -> None:
        """Add an array. Raises GraphError if the name is taken, empty or holds brackets."""
        self.require_free(name)
        self._number[name] = len(self._names)
        self._names.append(name)
        self._arrays.append(ids)
        if self._places is not None and not self._places.append(ids, len(self._names) - 1):
            self._places = None

    def __len__(self) -> int:
        return len(self._arrays)

    def shrink(self, count: int) -> None:
        """Take back the arrays that were added after the first `count`."""
        if len(self._names) > count:
            for name in self._names[count:]:
                del self._number[name]
            if self.labels:
                gone = [array.present for array in self._arrays[count:]]
                self.labels.remove(np.concatenate(gone).tolist())
            del self._names[count:], self._arrays[count:]
            self._places = None

    def rename(self, old: str, new: str) -> None:
        """Give the array `old` the name `new`, in its place."""
        self[old]  # an unknown one is a GraphError
        self.require_free(new)
        self._number[new] = number = self._number.pop(old)
        self._names[number] = new

    @property
    def _by_id(self) -> Places:
        if self._places is None:
            self._places = Places(self._arrays)
        return self._places

    def locate(self, identity: int) -> tuple[str, tuple[int, ...]]:
        """Return (name, index) of an id. Raises GraphError if no array holds it."""
        for number in self._by_id.holders(identity):
            array = self._arrays[number]
            position = array.position(identity)
            if position >= 0:
                index = np.unravel_index(position, array.shape)
                return self._names[number], tuple(int(i) for i in index)
        raise GraphError(f"{self.what} {identity} has no name")

    def locate_all(self, identities: NDArray[Any]) -> list[tuple[str, tuple[int, ...]]]:
        """Return (name, index) of every id, array by array: quicker than `locate` for many.

        Raises GraphError if no array holds one of them.
        """
        found: list[Any] = [None] * identities.size
        holder = self._by_id.nearest(identities)
        order = np.argsort(holder, kind="stable")
        for some in np.split(order, np.flatnonzero(np.diff(holder[order])) + 1):
            number = int(holder[some[0]]) if some.size else -1
            if number < 0:
                continue
            name, array = self._names[number], self._arrays[number]
            place = array.positions(identities[some])
            held = some[place >= 0]
            axes = [a.tolist() for a in np.unravel_index(place[place >= 0], array.shape or (1,))]
            indices = zip(*axes, strict=True) if array.shape else [()] * held.size
            for i, index in zip(held.tolist(), indices, strict=True):
                found[i] = name, index
        each = zip(identities.tolist(), found, strict=True)
        return [self.locate(identity) if where is None else where for identity, where in each]

    def name_of(self, identity: int) -> str:
        """Return the label of an id, else "C1[2, 10, 10]", the array's name for a single unit."""
        return self.labels.get(identity) or written(*self.locate(identity))

    def names_of(self, identities: NDArray[Any]) -> list[str]:
        """Return the names of many ids, as `name_of` writes each."""
        each = zip(identities.tolist(), self.locate_all(identities), strict=True)
        return [self.labels.get(identity) or written(*where) for identity, where in each]

    def fit(self, text: Any) -> bool:
        """Return whether this can be a label: printable text, not read as an array or its entry."""
        return printable(text) and stem(text) not in self

    def label(self, identities: Sequence[int], texts: Sequence[str]) -> None:
        """Give ids names of their own, "" for none any more: they find them, and are shown.

        Raises GraphError, before any is given, for one that is not printable, taken or ambiguous.
        """
        for text in texts:
            if not (self.fit(text) or (isinstance(text, str) and not text)):
                raise GraphError(
                    f"{self.what} label {shown(text)}: needed printable text, not that of a layer"
                )
        self.labels.assign(identities, texts)

    def id_of(self, name: str, index: tuple[int, ...] | None = None) -> int:
        """Return the id of "C1[2, 10, 10]", of a label, or of (array name, index)."""
        labelled = self.labels.id_of(name) if index is None and isinstance(name, str) else None
        if labelled is not None:
            return labelled
        if index is None:
            name, index = split(name, self.what)
        return self[name].at(_axes(name, () if index is None else index), name)
