"""Where ids lie: which of many arrays of ids holds one, found by a search."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.names.id_arrays import IdArray


class Places:
    """Which of many arrays hold an id, found by one search.

    Ranges lie one after the other by their first id, and so do explicit arrays whose extent meets
    no other's. The ids of explicit arrays among others are listed one by one.
    """

    def __init__(self, arrays: Sequence[IdArray]) -> None:
        self._starts: list[int] = []
        self._reach: list[int] = []  # the largest id of an array or of those before it
        self._numbers: list[int] = []
        self._end = -1  # the largest id of all
        spans = [(*ids.bounds(), number) for number, ids in enumerate(arrays)]
        spans = sorted(span for span in spans if span[0] <= span[1])
        after = [*(low for low, _, _ in spans[1:]), math.inf]
        listed = []
        for (low, high, number), following in zip(spans, after, strict=False):
            if arrays[number].explicit is None or (low > self._end and high < following):
                self._put(low, high, number)
            else:
                listed.append(number)
            self._end = max(self._end, high)
        parts = [arrays[number].present for number in listed]
        ids = np.concatenate([np.empty(0, np.int32), *parts])
        holder = np.repeat(np.array(listed, np.intp), [part.size for part in parts])
        order = np.argsort(ids, kind="stable")
        self._ids, self._holder = ids[order], holder[order]

    def _put(self, low: int, high: int, number: int) -> None:
        self._starts.append(low)
        self._reach.append(max(high, self._reach[-1]) if self._reach else high)
        self._numbers.append(number)

    def append(self, ids: IdArray, number: int) -> bool:
        """Add one more array, if all its ids are beyond the others'; return whether they are."""
        low, high = ids.bounds()
        if low > high:
            return True
        if low <= self._end:
            return False
        self._put(low, high, number)
        self._end = high
        return True

    def holders(self, identity: int) -> Iterator[int]:
        """Yield the numbers of the arrays that may hold an id: one at most in a sound graph."""
        at = bisect_right(self._starts, identity) - 1
        while at >= 0 and self._reach[at] >= identity:
            yield self._numbers[at]
            at -= 1
        at = int(np.searchsorted(self._ids, identity))
        if at < self._ids.size and self._ids[at] == identity:
            yield int(self._holder[at])

    def nearest(self, identities: NDArray[Any]) -> NDArray[np.intp]:
        """Return the number of the array that holds each id in a sound graph, or -1."""
        found = np.full(identities.shape, -1, np.intp)
        for starts, ends, numbers in (
            (self._ids, self._ids, self._holder),
            (np.array(self._starts), np.array(self._reach), np.array(self._numbers)),
        ):
            at = np.searchsorted(starts, identities, side="right") - 1
            held = np.flatnonzero(at >= 0)
            held = held[ends[at[held]] >= identities[held]]
            found[held] = numbers[at[held]]
        return found
