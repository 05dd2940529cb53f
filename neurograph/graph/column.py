"""A column of numbers that grows at its end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Chunk = NDArray[Any] | range
_RANGE_BLOCK = 1 << 20  # a range is written in blocks of this many ids, to need no second copy
_SMALL = 1 << 16  # a column below this size grows ahead of need


class Column:
    """A one-dimensional array that grows at its end.

    A large one grows in place where the system can (no second copy), a small one ahead of need.
    What was read of it before stays as it was.
    """

    def __init__(self, dtype: Any, values: Chunk | None = None) -> None:
        self._buffer: NDArray[Any] = np.empty(0, dtype)
        self.size = 0
        if values is not None:
            self.extend(values)

    @classmethod
    def of(cls, values: NDArray[Any]) -> Column:
        """Return a column that takes over an array, which nobody else may change."""
        column = cls(values.dtype)
        column._buffer, column.size = values, values.size
        return column

    def extend(self, values: Chunk) -> None:
        """Append `values`, an array or a range."""
        start, stop = self.size, self.size + len(values)
        if stop > self._buffer.size:
            self._grow(max(stop, min(2 * start, _SMALL)))
        if isinstance(values, range):
            for a in range(start, stop, _RANGE_BLOCK):
                b = min(a + _RANGE_BLOCK, stop)
                self._buffer[a:b] = np.arange(values[a - start], values[a - start] + b - a)
        else:
            self._buffer[start:stop] = values
        self.size = stop

    def put(self, places: NDArray[Any], values: Chunk) -> None:
        """Write values in place, which whoever has read the column sees."""
        self._buffer[: self.size][places] = values

    def _grow(self, room: int) -> None:
        try:
            self._buffer.resize(room)
        except ValueError:  # somebody reads a view of the buffer, which must stay as it is
            # Half as much again, so that copies stay few; what is not written takes no memory.
            grown = np.empty(max(room, self.size + self.size // 2), self._buffer.dtype)
            grown[: self.size] = self._buffer[: self.size]
            self._buffer = grown

    @property
    def array(self) -> NDArray[Any]:
        """The column, read-only. It stays valid, and unchanged, when the column grows."""
        view = self._buffer[: self.size]
        view.flags.writeable = False
        return view
