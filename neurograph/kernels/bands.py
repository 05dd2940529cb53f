"""Rows cut into bands of sources that stay in the nearest cache.

Where rows read from more states than that cache holds, each state comes from the next one: twice as
slow. A band is a range of states small enough to stay; a block of rows, whose sums stay in the next
cache, takes all it has in one band before the next. Rows with equally many entries in a band follow
each other, so that the processor expects where each ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.memory import cache_bytes
from neurograph.rows import spans

Ids = NDArray[Any]
_NEAR = 5 / 6  # how much of the nearest cache the states of a band take
_NEXT = 1 / 4  # how much of the next one the sums of a block of rows take, beside all that passes
_ENTRY, _FAR = 0.75, 2.0  # cycles to add a vector of a state that is near, or not
_ROW = 4.0  # cycles to take up the sum of a vector and to put it away again
_TURN = 6.0  # and for the row itself
_AWAY = 1.0  # and more where the sums of all rows do not stay in the next cache
_OP = 700.0  # to begin a band


@dataclass(frozen=True, eq=False)
class Band:
    """Rows, by number, and what they add: CSR entries by number; whether they start or end sums."""

    rows: Ids
    ptr: Ids
    entries: Ids
    starts: bool
    ends: bool


def whole(ptr: Ids) -> Band:
    """Return all rows as one band."""
    return Band(np.arange(ptr.size - 1), ptr, np.arange(int(ptr[-1])), True, True)


def bands(ptr: Ids, places: Ids, size: int, vectors: int) -> list[Band]:
    """Return the bands of rows whose entries read the states `places`, or one band with all.

    A state is `size` bytes in so many vectors. In their order, each row's first band starts its sum
    and its last one ends it.
    """
    near = int(cache_bytes(1) * _NEAR)
    count, lengths = ptr.size - 1, np.diff(ptr)
    if not places.size or (int(places.max()) - int(places.min())) * size <= near:
        return [whole(ptr)]
    cuts = Cuts.of(lengths, places, max(1, near // size))
    uncut = places.size * vectors * _FAR + count * _TURN
    cut = places.size * vectors * _ENTRY + cuts.row.size * (vectors * _ROW + _TURN)
    together = max(1, int(cache_bytes(2) * _NEXT) // size)
    blocks, begun = -(-count // together), cuts.count * _OP
    ways = [
        (uncut, 0),
        (cut + begun + (cuts.row.size * vectors * _AWAY if blocks > 1 else 0), count),
        (cut + begun * blocks, together),
    ]
    rows = min(ways)[1]
    return list(cuts.bands(rows)) if rows else [whole(ptr)]


@dataclass(frozen=True, eq=False)
class Cuts:
    """Runs of entries that one row has in one band, band by band; `entries` in that order.

    band, row, first (entry) and length of each run; a row without entries has an empty run.
    """

    entries: Ids
    band: Ids
    row: Ids
    first: Ids
    length: Ids

    @classmethod
    def of(cls, lengths: Ids, places: Ids, width: int) -> Cuts:
        """Cut rows of these lengths at every `width` states."""
        row = np.repeat(np.arange(lengths.size), lengths)
        band = (places - places.min()) // width
        entries = np.argsort(band, kind="stable")
        row, band = row[entries], band[entries]
        new = np.flatnonzero(np.diff(band, prepend=-1) | np.diff(row, prepend=-1))
        length = np.diff(np.append(new, row.size))
        bare = np.flatnonzero(lengths == 0)
        none = np.zeros(bare.size, np.int64)
        return cls(
            entries,
            np.concatenate([none, band[new]]),
            np.concatenate([bare, row[new]]),
            np.concatenate([none, new]),
            np.concatenate([none, length]),
        )

    @property
    def count(self) -> int:
        """How many bands there are."""
        return int(self.band.max()) + 1

    def bands(self, together: int) -> Iterator[Band]:
        """Yield the bands of `together` rows, then of the next; apart where sums start or end."""
        runs = np.arange(self.row.size)
        first = np.full(int(self.row.max()) + 1, runs.size)
        last = np.full(first.size, -1)
        np.minimum.at(first, self.row, runs)
        np.maximum.at(last, self.row, runs)
        starts, ends = first[self.row] == runs, last[self.row] == runs
        block = self.row // together
        kind = 4 * (block * self.count + self.band) + 2 * ~starts + ends
        order = np.lexsort((runs, self.length, kind))
        for some in np.split(order, np.flatnonzero(np.diff(kind[order])) + 1):
            ptr = np.zeros(some.size + 1, np.int64)
            np.cumsum(self.length[some], out=ptr[1:])
            entries = self.entries[spans(self.first[some], self.length[some])]
            one = some[0]
            yield Band(self.row[some], ptr, entries, bool(starts[one]), bool(ends[one]))
