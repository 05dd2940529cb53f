"""Connection tables: which input maps each output map reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, shown
from neurograph.layers import windows
from neurograph.memory import require

Table = Sequence[Sequence[int]] | NDArray[Any]
Links = list[tuple[int, ...]]
_LINKS = 100  # bytes that the links of an output map take, but for 8 each


def in_groups(channels: int, out: int, groups: int, who: str) -> Links:
    """Return the input maps of each output map in groups, as torch has them."""
    if channels % groups or out % groups:
        raise GraphError(
            f"{who}: {groups} groups do not divide {channels} input and {out} output maps"
        )
    size = channels // groups
    require(out * (_LINKS + 8 * size), f"{who}: {out:,} maps", GraphError)
    starts = [o // (out // groups) * size for o in range(out)]
    return [tuple(range(start, start + size)) for start in starts]


def of_table(table: Any, channels: int, out: int, who: str, groups: int = 1) -> Links:
    """Return the input maps of each output map of a connection table.

    A row an output map, of the input maps it reads; or a matrix of bools, or of 0 and 1, (output
    maps, input maps) as a kernel is, or (input maps, output maps) as Table I of LeCun et al. 1998
    is printed. A square one is read as a kernel is. Whole numbers that can be input maps are:
    a matrix of one or two columns is told for sure by bools. Raises GraphError for anything else,
    and for a table beside groups.

    >>> of_table([[True, False], [True, True], [False, True]], 2, 3, "C")
    [(0,), (0, 1), (1,)]
    >>> of_table(np.array([[1, 1, 0], [0, 1, 1]]), 2, 3, "C")
    [(0,), (0, 1), (1,)]
    """
    matrix = _matrix(table)
    if matrix is None:
        text = isinstance(table, str | bytes | dict | set)
        rows = [] if text or not np.iterable(table) else list(table)
        if len(rows) != out or groups != 1:
            raise GraphError(
                f"{who}: found a table of {len(rows)} rows and {groups} groups, "
                f"needed {out} rows, one for each output map, and no groups"
            )
        return [_row(row, o, channels, who) for o, row in enumerate(rows)]
    if groups != 1:
        raise GraphError(f"{who}: found a table and {groups} groups, needed no groups")
    if matrix.shape != (out, channels):
        if matrix.shape != (channels, out):
            raise GraphError(
                f"{who}: found a table of 0 and 1 of shape {matrix.shape}, needed (output maps, "
                f"input maps), {(out, channels)}, or the other way round"
            )
        matrix = matrix.T
    empty = np.flatnonzero(~matrix.any(axis=1))
    if empty.size:
        raise GraphError(f"{who}: in the table, output map {empty[0]} reads no input map")
    return [tuple(np.flatnonzero(row).tolist()) for row in matrix]


def _matrix(table: Any) -> NDArray[np.bool_] | None:
    """Return a table of bools, or one of 0 and 1 with a row that can be no list of maps."""
    try:
        found = np.asarray(table)
    except Exception:  # rows of different lengths, or what a foreign type raises
        return None
    if found.ndim != 2 or not found.size or found.dtype.kind not in "biuf":
        return None
    if found.dtype.kind == "b":
        return found
    if not np.isin(found, (0, 1)).all():
        return None
    lists_of_maps = found.dtype.kind != "f" and all(len(set(r)) == len(r) for r in found.tolist())
    return None if lists_of_maps else found.astype(bool)


def _row(row: Any, o: int, channels: int, who: str) -> tuple[int, ...]:
    each = [] if isinstance(row, str | bytes) or not np.iterable(row) else list(row)
    found = [i for i in each if windows.whole(i, 0)]
    if not found or len(set(found)) < len(each) or max(found) >= channels:
        raise GraphError(
            f"{who}: table row {o} is {shown(row)}, needed one or more different input maps "
            f"from 0 to {channels - 1}"
        )
    return tuple(int(i) for i in found)
