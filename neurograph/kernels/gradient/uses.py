"""What is used very often: its uses in turns, each of which is added up by itself.

In a gradient a weight sums over its connections and a source over its readers, one after the other.
Long sums lose digits in float32, so later turns go to copies, which are added in the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.kernels.long_sums import LONG

Ids = NDArray[Any]


class Uses:
    """How often each of some ids has been used; those below `first` and from `last` on never are.

    >>> uses = Uses(0, 3)
    >>> uses.turns(np.array([0, 1, 1])) is None
    True
    >>> uses.turns(np.repeat([1, 2], [1024, 3]))[[0, 1021, 1022, 1026]].tolist()
    [0, 0, 1, 0]
    """

    def __init__(self, first: int, last: int) -> None:
        self._count = np.zeros(last + 1, np.int64)
        self._first, self._last = first, last

    def turns(self, ids: Ids) -> Ids | None:
        """Count the uses of flat ids; return the turn of each, or None where all are the first."""
        counted = (ids >= self._first) & (ids < self._last)
        np.add.at(self._count, ids[counted], 1)
        often = np.flatnonzero(counted & (self._count[ids.clip(max=self._last)] > LONG))
        if not often.size:
            return None
        order = often[np.argsort(ids[often], kind="stable")]
        same = ids[order]
        first, last = np.searchsorted(same, same), np.searchsorted(same, same, "right")
        before = self._count[same] - (last - first)
        turns = np.zeros(ids.size, np.int64)
        turns[order] = (before + np.arange(same.size) - first) // LONG
        return turns

    def often(self, ids: Ids, times: Ids | int) -> bool:
        """Count so many uses of each of some ids; return whether any are of a later turn."""
        np.add.at(self._count, ids, times)
        return bool(self._count[ids].max(initial=0) > LONG)
