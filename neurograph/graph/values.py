"""The values of weights: who may hold them, and when they have changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.column import Column
from neurograph.locks import Lock

Floats = NDArray[np.float64]


class Values:
    """Values by id, none at first; `version` counts their changes.

    They change in place, until they are lent: whoever may hold the array finds it as it was. One
    thread at a time reads or writes: nobody sees half of a change.

    >>> values = Values(); values.take(np.zeros(2)); held = values.lend()
    >>> values.write([(np.array([1]), np.array([5.0]))])
    >>> held.tolist(), values.look().tolist(), values.version
    ([0.0, 0.0], [0.0, 5.0], 2)
    """

    def __init__(self) -> None:
        self._column: Column | None = None
        self._lent = False  # whether somebody may hold the values, which then stay as they are
        self._lock = Lock()
        self.version = 0

    @property
    def allocated(self) -> bool:
        """Whether there are any."""
        return self._column is not None

    def look(self) -> Floats:
        """Return the values, to be looked at here and now."""
        assert self._column is not None
        return self._column.array

    def lend(self) -> Floats:
        """Return the values, to be kept."""
        with self._lock.own():
            self._lent = True
            return self.look()

    def at(self, ids: NDArray[Any]) -> Floats:
        """Return a copy of the values at some ids."""
        with self._lock.own():
            return np.asarray(self.look()[ids], np.float64)

    def take(self, values: Floats) -> None:
        """Let these be the values; nobody else has the array."""
        with self._lock.own():
            self._column, self._lent = Column.of(values), False
            self.version += 1

    def write(self, changes: Sequence[tuple[NDArray[Any], Floats]]) -> None:
        """Write values at ids: in place, so that it costs those alone, unless the array is lent."""
        with self._lock.own():
            if self._lent:
                self.take(_changed(self.look().copy(), changes))
                return
            assert self._column is not None
            for ids, values in changes:
                self._column.put(ids, values)
            self.version += 1

    def beyond(self, limit: float) -> int:
        """Return the first above `limit` in size, or no number at all; -1 if there is none."""
        with self._lock.own():
            value = self.look()
            # Without a copy, and in two looks; what is no number makes both of them none.
            if not value.size or max(float(value.max()), -float(value.min())) <= limit:
                return -1
            return int(np.argmin(np.abs(value) <= limit))

    def extend(self, values: Floats) -> None:
        """Append the values of more weights."""
        with self._lock.own():
            assert self._column is not None
            self._column.extend(values)
            self.version += 1

    @property
    def extent(self) -> Column | None:
        """What there is, to `shrink` to."""
        self._lent = True
        return self._column

    def shrink(self, extent: Column | None, count: int) -> None:
        """Take back what has come since `extent` was read, when there were `count`."""
        with self._lock.own():
            if self._column is not extent or (extent is not None and extent.size > count):
                self._column, self._lent = extent, True
                if extent is not None:
                    extent.size = count
                self.version += 1


def _changed(values: Floats, changes: Sequence[tuple[NDArray[Any], Floats]]) -> Floats:
    for ids, given in changes:
        values[ids] = given
    return values
