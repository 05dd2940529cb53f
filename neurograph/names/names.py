"""Named arrays of ids: id <-> name and index, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.checks import wholes
from neurograph.errors import GraphError, shown, suggestion
from neurograph.names.id_arrays import IdArray
from neurograph.names.labels import Labels
from neurograph.names.places import Places
from neurograph.names.spelling import printable, split, written
from neurograph.names.spelling import stem as stem_of


def _axes(name: str, index: Any) -> tuple[int, ...]:
    """Return an index as whole numbers, one an axis. Raises GraphError for anything else."""
    try:
        found = wholes("index", index)
    except GraphError:
        found = np.empty((), np.int64)
    if found.ndim != 1:
        raise GraphError(f"{name}: index {shown(index)}, needed whole numbers, one an axis")
    return tuple(found.tolist())


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
        self._stems: dict[str, int] = {}  # how often each made a name
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

    def free(self, stem: str) -> str:
        """Return the first of "stem1", "stem2", ... that is not taken.

        >>> names = Names("neuron"); names.add("pool1", IdArray((2,))); names.free("pool")
        'pool2'
        """
        number = self._stems.get(stem, 0) + 1  # all before it are taken, and names stay so
        while self.taken(f"{stem}{number}"):
            number += 1
        self._stems[stem] = number - 1
        return f"{stem}{number}"

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

    @property
    def extent(self) -> tuple[int, dict[str, int]]:
        """How many arrays there are, and names made of stems, to `shrink` to."""
        return len(self), dict(self._stems)

    def shrink(self, extent: tuple[int, dict[str, int]]) -> None:
        """Take back what was added since `extent` was read."""
        count, self._stems = extent
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
        return printable(text) and stem_of(text) not in self

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
