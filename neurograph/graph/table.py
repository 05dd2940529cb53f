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
from neurograph.graph.column import Column
from neurograph.graph.ragged import Ragged, live_per_row
from neurograph.memory import INT32_MAX, require
from neurograph.rows import spans

Ids = NDArray[np.int32]
_RANGE_BLOCK = 1 << 20  # neurons looked at together
_ID_BYTES = 18  # the four columns of an id, and the id as a layer hands it out

INPUT = -1  # function of an input or constant: it has no connections of its own


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
