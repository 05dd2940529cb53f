"""Segments of unequal length, taken as arrays: rows of equal length at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


class Slots(NamedTuple):
    """Some rows (n,) of one length, and the places of their slots (n, length)."""

    rows: NDArray[np.intp]
    slots: NDArray[np.int64]


def slots_of(ptr: NDArray[np.int64], block: int) -> Iterator[Slots]:
    """Yield every row that has a slot, by length, in blocks of about `block` slots.

    >>> [some.slots.tolist() for some in slots_of(np.array([0, 2, 2, 3, 5]), 100)]
    [[[2]], [[0, 1], [3, 4]]]
    """
    lengths = np.diff(ptr)
    for length in np.unique(lengths[lengths > 0]).tolist():
        rows = np.flatnonzero(lengths == length)
        step = max(1, block // length)
        for a in range(0, rows.size, step):
            some = rows[a : a + step]
            yield Slots(some, ptr[some][:, None] + np.arange(length))


def scatter(into: NDArray[Any], ids: NDArray[Any], terms: NDArray[Any]) -> None:
    """Add terms (n, batch) to the rows `ids` (n,) of `into`; an id may come several times."""
    known, place = np.unique(ids, return_inverse=True)
    ones = np.ones(ids.size, terms.dtype)
    selection = csr_matrix((ones, place, np.arange(ids.size + 1)), shape=(ids.size, known.size))
    into[known] += selection.T @ terms
