"""Rows of ids in one array, row r being `ids[ptr[r]:ptr[r + 1]]`: which are equal, where they lie.

Everything here costs what the rows cost, at most sorted once, however many or wide they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


def spans(start: NDArray[Any], length: NDArray[Any]) -> Places:
    """Return start, start + 1, ... for spans of these lengths, one span after the other.

    >>> spans(np.array([7, 2]), np.array([3, 2])).tolist()
    [7, 8, 9, 2, 3]
    """
    ends = np.cumsum(length)
    places = np.repeat(np.asarray(start, np.int64) - (ends - length), length)
    places += np.arange(places.size)
    return places


def groups_of(keys: NDArray[Any]) -> Iterator[Places]:
    """Yield the places of equal keys, in the order in which keys first appear; places ascend.

    >>> [places.tolist() for places in groups_of(np.array([5, 1, 5]))]
    [[0, 2], [1]]
    """
    if not keys.size:
        return
    order = np.argsort(keys, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)
    for number in np.argsort([places[0] for places in groups]).tolist():
        yield groups[number]


def equal_rows(ptr: NDArray[Any], ids: NDArray[Any]) -> tuple[Places, Places]:
    """Return the distinct rows, by the first of each, and for each row which of them it is.

    >>> first, which = equal_rows(np.array([0, 2, 3, 5]), np.array([7, 8, 7, 7, 8]))
    >>> first.tolist(), which.tolist()
    ([0, 1], [0, 1, 0])
    """
    length = np.diff(ptr)
    _, first, which = np.unique(_sums(ptr, ids), return_index=True, return_inverse=True)
    one = first[which]
    odd = _differing(ptr, ids, length, one)
    if odd.size:  # different rows with equal sums: never seen, and still right
        known: dict[bytes, int] = {}
        for row in odd.tolist():
            one[row] = known.setdefault(ids[ptr[row] : ptr[row + 1]].tobytes(), row)
    distinct = np.flatnonzero(one == np.arange(one.size))
    return distinct, np.searchsorted(distinct, one)


def _differing(
    ptr: NDArray[Any], ids: NDArray[Any], length: NDArray[Any], one: NDArray[Any]
) -> Places:
    """Return the rows that are not equal to the row `one` of each."""
    differ = length != length[one]
    some = np.flatnonzero((one != np.arange(one.size)) & ~differ & (length > 0))
    if some.size:
        apart = ids[spans(ptr[some], length[some])] != ids[spans(ptr[one[some]], length[some])]
        start = np.cumsum(length[some]) - length[some]
        differ[some] = np.logical_or.reduceat(apart, start)
    return np.flatnonzero(differ)


def _sums(ptr: NDArray[Any], ids: NDArray[Any]) -> NDArray[np.uint64]:
    """Return a number for each row that depends on its ids, their order and how many they are."""
    length = np.diff(ptr)
    slot = spans(np.zeros(length.size, np.int64), length).astype(np.uint64)
    slot *= np.uint64(0x9E3779B97F4A7C15)
    slot += ids[int(ptr[0]) : int(ptr[-1])].astype(np.uint64)
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mixed(slot), dtype=np.uint64)])
    inner = np.asarray(ptr, np.int64) - int(ptr[0])
    return np.asarray(total[inner[1:]] - total[inner[:-1]] + _mixed(length.astype(np.uint64)))


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble whole numbers (splitmix64's finaliser), so that sums of them tell rows apart."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
