"""The values of weights: who may hold them, and when they have changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.column import Column

Floats = NDArray[np.float64]


class Values:
    """Values by id, none at first; `version` counts their changes.

    They change in place, until they are lent: whoever may hold the array finds it as it was.

    >>> values = Values(); values.take(np.zeros(2)); held = values.lend()
    >>> values.write([(np.array([1]), np.array([5.0]))])
    >>> held.tolist(), values.look().tolist(), values.version
    ([0.0, 0.0], [0.0, 5.0], 2)
    """

    def __init__(self) -> None:
        self._column: Column | None = None
        self._lent = False  # whether somebody may hold the values, which then stay as they are
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
        self._lent = True
        return self.look()

    def take(self, values: Floats) -> None:
        """Let these be the values; nobody else has the array."""
        self._column, self._lent = Column.of(values), False
        self.version += 1

    def write(self, changes: Sequence[tuple[NDArray[Any], Floats]]) -> None:
        """Write values at ids: in place, so that it costs those alone, unless the array is lent."""
        if self._lent:
            self.take(self.look().copy())
        else:
            self.version += 1
        assert self._column is not None
        for ids, values in changes:
            self._column.put(ids, values)

    def beyond(self, limit: float) -> int:
        """Return the first above `limit` in size, or no number at all; -1 if there is none."""
        value = self.look()
        # Without a copy, and in two looks; what is no number makes both of them none.
        if not value.size or max(float(value.max()), -float(value.min())) <= limit:
            return -1
        return int(np.argmin(np.abs(value) <= limit))

    def extend(self, values: Floats) -> None:
        """Append the values of more weights."""
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
        if self._column is not extent or (extent is not None and extent.size > count):
            self._column, self._lent = extent, True
            if extent is not None:
                extent.size = count
            self.version += 1
