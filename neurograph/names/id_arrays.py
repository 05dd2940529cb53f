"""Arrays of ids in a shape.

An array of consecutive ids keeps only its first id and its shape; any other keeps its ids, with -1
where there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import GraphError

Ids = NDArray[np.int32]
AXES_MAX = 32  # NumPy's way from an id to an index, and NumPy 1 altogether, end there


@dataclass(frozen=True, eq=False, repr=False)
class IdArray:
    """Ids in a shape: `first, first + 1, ...` in C order, or the explicit ids.

    Raises GraphError for more axes than NumPy has everywhere.
    """

    shape: tuple[int, ...]
    first: int = 0
    explicit: Ids | None = None

    def __post_init__(self) -> None:
        if len(self.shape) > AXES_MAX:
            raise GraphError(
                f"an array of ids of {len(self.shape)} axes, needed at most {AXES_MAX}"
            )

    @classmethod
    def of(cls, ids: ArrayLike) -> IdArray:
        """Return `ids` as an IdArray, stored as a range where they are consecutive."""
        array = np.array(ids, dtype=np.int32, ndmin=0)
        flat = array.reshape(-1)
        if flat.size and flat[0] >= 0 and (np.diff(flat) == 1).all():
            return cls(array.shape, int(flat[0]))
        array.flags.writeable = False
        return cls(array.shape, 0, array)

    def __repr__(self) -> str:
        low, high = self.bounds()
        return f"IdArray({self.shape}, ids from {low} to {high})"

    @cached_property
    def size(self) -> int:
        """The number of entries, absent ones included."""
        return math.prod(self.shape)

    @property
    def ids(self) -> Ids:
        """The ids, int32, in their shape; -1 where there is none. A range is written out anew."""
        if self.explicit is not None:
            return self.explicit
        ids = np.arange(self.first, self.first + self.size, dtype=np.int32)
        return ids.reshape(self.shape)

    @property
    def present(self) -> Ids:
        """The ids that exist, flat, in C order."""
        flat = self.ids.reshape(-1)
        return flat if self.explicit is None else flat[flat >= 0]

    @cached_property
    def _sorted(self) -> tuple[Ids, NDArray[np.intp]]:
        flat = self.ids.reshape(-1)
        where = np.flatnonzero(flat >= 0)
        order = np.argsort(flat[where], kind="stable")
        return flat[where][order], where[order]

    def bounds(self) -> tuple[int, int]:
        """Return the smallest and largest id, or (0, -1) if there is none."""
        if self.explicit is None:
            return self.first, self.first + self.size - 1
        values = self._sorted[0]
        return (int(values[0]), int(values[-1])) if values.size else (0, -1)

    def position(self, identity: int) -> int:
        """Return the flat position of an id, or -1 where the array does not hold it."""
        if self.explicit is None:
            offset = identity - self.first
            return offset if 0 <= offset < self.size else -1
        values, where = self._sorted
        at = int(np.searchsorted(values, identity))
        return int(where[at]) if at < values.size and values[at] == identity else -1

    def positions(self, identities: NDArray[Any]) -> NDArray[np.int64]:
        """Return the flat position of each id, -1 where the array does not hold it."""
        if self.explicit is None:
            offset = identities.astype(np.int64) - self.first
            return np.where((offset >= 0) & (offset < self.size), offset, -1)
        values, where = self._sorted
        if not values.size:
            return np.full(identities.shape, -1, np.int64)
        at = np.minimum(np.searchsorted(values, identities), values.size - 1)
        return np.where(values[at] == identities, where[at], -1)

    def __getitem__(self, index: Any) -> Any:
        return self.ids[index]

    def at(self, index: tuple[int, ...], who: str) -> int:
        """Return the id at `index`. Raises GraphError if it is out of range or absent."""
        if len(index) != len(self.shape):
            given = f"an index of {len(index)}" if index else "no index"
            raise GraphError(f"{who}: found {given}, needed one into the shape {self.shape}")
        if any(not 0 <= i < n for i, n in zip(index, self.shape, strict=True)):
            raise GraphError(f"{who}{list(index)} is out of range; {who} has shape {self.shape}")
        position = int(np.ravel_multi_index(index, self.shape)) if index else 0
        found = self.first + position if self.explicit is None else int(self.ids.flat[position])
        if found < 0:
            raise GraphError(f"{who}{list(index)} does not exist (no connection names it)")
        return found
