"""Rows of ids of any lengths, one after the other: fields, and kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph.column import Column
from neurograph.memory import INT32_MAX

Ids = NDArray[np.int32]


class Ragged:
    """Rows of int32 ids: row r is `ids[ptr[r]:ptr[r + 1]]`.

    >>> rows = Ragged(); rows.add(np.array([[4, 5], [6, -1]]))
    0
    >>> rows.count, rows[1].tolist()
    (2, [6, -1])
    """

    def __init__(self) -> None:
        self._ptr = Column(np.int64, np.zeros(1, np.int64))
        self._ids = Column(np.int32)

    @classmethod
    def of(cls, ptr: NDArray[Any], ids: NDArray[Any]) -> Ragged:
        """Return the rows with these pointers (rows + 1,) and ids."""
        rows = cls()
        rows._ptr, rows._ids = Column(np.int64, ptr), Column(np.int32, ids)
        return rows

    @property
    def count(self) -> int:
        """The number of rows."""
        return self._ptr.size - 1

    @property
    def ptr(self) -> NDArray[np.int64]:
        """Where each row begins, shape (rows + 1,)."""
        return self._ptr.array

    @property
    def ids(self) -> Ids:
        """The rows' ids, one after the other."""
        return self._ids.array

    def __getitem__(self, row: int) -> Ids:
        return self.ids[self.ptr[row] : self.ptr[row + 1]]

    def lengths(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Return the number of slots of each row; of row -1, no slot."""
        ptr = self.ptr
        return np.where(rows >= 0, ptr[rows + 1] - ptr[rows], 0)

    def add(self, rows: NDArray[Any] | range, width: int | None = None) -> int:
        """Append rows (rows, slots), or a range of ids in rows of `width`; return the first one."""
        first = self.count
        if isinstance(rows, range):
            count, slots = len(rows) // width if width else 0, width or 0
        else:
            count, slots = rows.shape
        self._require_rows(count)
        start = self._ids.size
        self._ids.extend(rows if isinstance(rows, range) else np.asarray(rows).reshape(-1))
        self._ptr.extend(start + slots * np.arange(1, count + 1, dtype=np.int64))
        return first

    def append(self, ptr: NDArray[Any], ids: NDArray[Any]) -> int:
        """Append rows of any lengths, row r being `ids[ptr[r]:ptr[r + 1]]`; return the first one.

        >>> rows = Ragged(); rows.append(np.array([0, 1, 3]), np.array([7, 8, 9]))
        0
        >>> rows[1].tolist()
        [8, 9]
        """
        first, start = self.count, self._ids.size
        self._require_rows(len(ptr) - 1)
        self._ids.extend(ids)
        self._ptr.extend(start + np.asarray(ptr[1:], np.int64))
        return first

    @property
    def extent(self) -> tuple[int, int]:
        """How many pointers and ids there are, to `shrink` to."""
        return self._ptr.size, self._ids.size

    def shrink(self, extent: tuple[int, int]) -> None:
        """Take back the rows that were added since `extent` was read."""
        self._ptr.size, self._ids.size = extent

    def _require_rows(self, more: int) -> None:
        if self.count + more > INT32_MAX:
            raise GraphError(
                f"a table of {self.count + more:,} rows: row numbers end at {INT32_MAX:,}"
            )


def has_dead(rows: Ragged) -> NDArray[np.bool_]:
    """Return, per row, whether any of its ids is dead (-1)."""
    found = np.zeros(rows.count, bool)
    dead = np.flatnonzero(rows.ids < 0)
    found[np.searchsorted(rows.ptr, dead, side="right") - 1] = True
    return found


def live_per_row(rows: Ragged) -> NDArray[np.int64]:
    """Return the number of live ids (>= 0) in each row."""
    live = np.diff(rows.ptr)
    dead = np.flatnonzero(rows.ids < 0)
    if dead.size:
        live -= np.bincount(np.searchsorted(rows.ptr, dead, side="right") - 1, minlength=live.size)
    return live
