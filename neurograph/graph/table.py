"""The connection table in normal form: neuron -> (field, kernel, bias, function), all of them ids.

A field is a row of source neurons (-1: the slot is empty), a kernel a row of weights (-1: the slot
is cut). The connections of neuron v are the slots live on both sides, (fields[field[v]][s],
kernels[kernel[v]][s], v), and (bias unit, bias[v], v).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.memory import INT32_MAX, require
from neurograph.rows import spans

Ids = NDArray[np.int32]
Chunk = NDArray[Any] | range
_RANGE_BLOCK = 1 << 20  # a range is written in blocks of this many ids, to need no second copy
_ID_BYTES = 18  # the four columns of an id, and the id as a layer hands it out
_SMALL = 1 << 16  # a column below this size grows ahead of need

INPUT = -1  # function of an input or constant: it has no connections of its own


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


class Table:
    """The columns of a graph: field, kernel, bias and function of each id; fields and kernels."""

    def __init__(self) -> None:
        self._field, self._kernel = Column(np.int32), Column(np.int32)
        self._bias, self._function = Column(np.int32), Column(np.int16)
        self.fields, self.kernels = Ragged(), Ragged()

    @property
    def size(self) -> int:
        """The number of ids: neurons, inputs and constants."""
        return self._field.size

    @property
    def field(self) -> Ids:
        """Field of each id, -1 for none."""
        return self._field.array

    @property
    def kernel(self) -> Ids:
        """Kernel of each id, -1 for none."""
        return self._kernel.array

    @property
    def bias(self) -> Ids:
        """Bias weight of each id, -1 for none."""
        return self._bias.array

    @property
    def function(self) -> NDArray[np.int16]:
        """Function number of each id, INPUT for inputs and constants."""
        return self._function.array

    def add(self, count: int, field: Any, kernel: Any, bias: Any, function: Any) -> int:
        """Append `count` ids with these entries (arrays, or one for all); return the first id."""
        first = self.size
        if first + count > INT32_MAX:
            raise GraphError(f"a graph of {first + count:,} neurons: ids end at {INT32_MAX:,}")
        require(_ID_BYTES * (first + count), f"a graph of {first + count:,} neurons", GraphError)
        for column, values in (
            (self._field, field),
            (self._kernel, kernel),
            (self._bias, bias),
            (self._function, function),
        ):
            column.extend(np.broadcast_to(np.asarray(values).reshape(-1), (count,)))
        return first

    @property
    def extent(self) -> tuple[int, tuple[int, int], tuple[int, int]]:
        """How many ids, fields and kernels there are, to `shrink` to."""
        return self.size, self.fields.extent, self.kernels.extent

    def shrink(self, extent: tuple[int, tuple[int, int], tuple[int, int]]) -> None:
        """Take back what was added since `extent` was read."""
        size, fields, kernels = extent
        for column in (self._field, self._kernel, self._bias, self._function):
            column.size = size
        self.fields.shrink(fields)
        self.kernels.shrink(kernels)

    def slots(self, neurons: NDArray[Any]) -> tuple[NDArray[np.int64], Ids, Ids]:
        """Return (owner, source, weight) of every slot of `neurons`, dead ones included.

        owner is the position in `neurons`; slots come in order, neuron by neuron.
        """
        field, kernel = self.field[neurons], self.kernel[neurons]
        length = self.fields.lengths(field)
        if length.size and (length == length[0]).all():
            slot = np.arange(length[0])
            owner = np.repeat(np.arange(neurons.size), length[0])
            at_field = (self.fields.ptr[field][:, None] + slot).reshape(-1)
            at_kernel = (self.kernels.ptr[kernel][:, None] + slot).reshape(-1)
        else:
            owner = np.repeat(np.arange(neurons.size), length)
            at_field = spans(self.fields.ptr[field], length)
            at_kernel = spans(self.kernels.ptr[kernel], length)
        return owner, self.fields.ids[at_field], self.kernels.ids[at_kernel]


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


def live_slots(table: Table, neurons: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of connections of each neuron, its bias's not counted.

    Where a neuron's field or kernel has no dead slot, the other side's live slots are all its
    connections; elsewhere the two are intersected, once for each distinct (field, kernel) pair.
    """
    of_field = np.append(live_per_row(table.fields), 0)  # the last stands for -1, no row
    of_kernel = np.append(live_per_row(table.kernels), 0)
    live = np.empty(neurons.size, np.int64)
    both = [np.empty(0, np.intp)]
    for a in range(0, neurons.size, _RANGE_BLOCK):
        some = neurons[a : a + _RANGE_BLOCK]
        field, kernel = table.field[some], table.kernel[some]
        width = table.fields.lengths(field)
        by_field, by_kernel = of_field[field], of_kernel[kernel]
        live[a : a + some.size] = np.where(by_kernel == width, by_field, by_kernel)
        both.append(a + np.flatnonzero((by_field < width) & (by_kernel < width)))
    left = np.concatenate(both)
    if left.size:
        rest = neurons[left]
        pair = table.field[rest].astype(np.int64) << 32 | table.kernel[rest]
        _, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
        live[left] = _intersect(table, rest[first])[inverse]
    return live


def _intersect(table: Table, neurons: NDArray[Any], block: int = 1 << 20) -> NDArray[np.int64]:
    """Count the slots of each neuron that are live on both sides, in blocks."""
    live = np.zeros(neurons.size, np.int64)
    for a, b in blocks_of(table.fields.lengths(table.field[neurons]), block):
        owner, source, weight = table.slots(neurons[a:b])
        live[a:b] = np.bincount(owner[(source >= 0) & (weight >= 0)], minlength=b - a)
    return live


def blocks_of(lengths: NDArray[Any], block: int) -> list[tuple[int, int]]:
    """Cut a run of items into (start, stop) pieces of about `block` in summed length.

    >>> blocks_of(np.array([3, 3, 3, 9]), 6)
    [(0, 2), (2, 3), (3, 4)]
    """
    ends = np.cumsum(lengths)
    pieces, start = [], 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + block, side="right")), start + 1)
        pieces.append((start, stop))
        start = stop
    return pieces
