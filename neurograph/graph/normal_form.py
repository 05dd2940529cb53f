"""From bare triples to the normal form: equal rows become one field, or one kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.table import Ragged, Table


def unique_rows(ptr: NDArray[np.int64], ids: NDArray[np.int32]) -> tuple[Ragged, NDArray[np.int64]]:
    """Return the distinct rows, in order of first appearance, and for each row which one it is.

    >>> rows, which = unique_rows(np.array([0, 2, 3, 5]), np.array([7, 8, 7, 7, 8], np.int32))
    >>> rows.count, which.tolist()
    (2, [0, 1, 0])
    """
    length = np.diff(ptr)
    first = np.arange(length.size)  # the first row equal to each row
    for width in np.unique(length):
        some = np.flatnonzero(length == width)
        if width == 0:
            first[some] = some[0]
            continue
        rows = np.ascontiguousarray(ids[ptr[some][:, None] + np.arange(width)])
        keys = rows.view(np.dtype((np.void, rows.itemsize * int(width)))).reshape(-1)
        _, start, inverse = np.unique(keys, return_index=True, return_inverse=True)
        first[some] = some[start[inverse]]
    kept = np.flatnonzero(first == np.arange(length.size))
    new = np.zeros(kept.size + 1, np.int64)
    np.cumsum(length[kept], out=new[1:])
    place = np.repeat(ptr[kept] - new[:-1], length[kept]) + np.arange(new[-1])
    return Ragged.of(new, ids[place]), np.searchsorted(kept, first)


def normal_form(
    source: NDArray[Any],
    weight: NDArray[Any],
    target: NDArray[Any],
    *,
    function: NDArray[np.int16],
    linear: NDArray[np.bool_],
    bias_unit: int = 0,
) -> Table:
    """Return the table of these connections; slots keep the order of the triples.

    `function` gives each id its function number (-1 for inputs and constants), `linear` whether
    that is (multiply, sum). There the first connection from the bias unit becomes the bias; any
    other is a slot. Ids must be in range (see the caller).
    """
    order = np.argsort(target, kind="stable")
    source, weight, target = (a[order].astype(np.int32) for a in (source, weight, target))
    from_bias = np.flatnonzero((source == bias_unit) & linear[target])
    owner, first = np.unique(target[from_bias], return_index=True)
    bias = np.full(function.size, -1, np.int32)
    bias[owner] = weight[from_bias[first]]
    slot = np.ones(source.size, bool)
    slot[from_bias[first]] = False
    source, weight, target = source[slot], weight[slot], target[slot]
    neurons = np.flatnonzero(function >= 0)
    ptr = np.append(np.searchsorted(target, neurons), target.size)
    table = Table()
    table.fields, field = unique_rows(ptr, source)
    table.kernels, kernel = unique_rows(ptr, weight)
    columns = np.full((2, function.size), -1, np.int32)
    columns[:, neurons] = field, kernel
    table.add(function.size, columns[0], columns[1], bias, function)
    return table
