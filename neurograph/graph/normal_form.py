"""From bare triples to the normal form: equal rows become one field, or one kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.ragged import Ragged
from neurograph.graph.table import Table
from neurograph.rows import equal_rows, spans


def unique_rows(ptr: NDArray[np.int64], ids: NDArray[np.int32]) -> tuple[Ragged, NDArray[np.int64]]:
    """Return the distinct rows, in order of first appearance, and for each row which one it is.

    >>> rows, which = unique_rows(np.array([0, 2, 3, 5]), np.array([7, 8, 7, 7, 8], np.int32))
    >>> rows.count, which.tolist()
    (2, [0, 1, 0])
    """
    kept, which = equal_rows(ptr, ids)
    length = np.diff(ptr)[kept]
    new = np.append(0, np.cumsum(length))
    return Ragged.of(new, ids[spans(ptr[kept], length)]), which


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
