"""Windows that slide over the last axes of an array of ids, in any number of dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.memory import require

Ids = NDArray[np.int32]
Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Windows:
    """The shape of a window and how it moves: one entry an axis, pads as (before, after).

    With `ceil` the last window may reach beyond the padding, as long as it begins inside the map or
    its leading padding.

    >>> Windows((3, 3), (2, 2), ((1, 1), (1, 1))).counts((5, 5), "pool")
    (3, 3)
    """

    kernel: Sizes
    stride: Sizes
    pads: tuple[tuple[int, int], ...]
    dilation: Sizes = ()
    ceil: bool = False

    def __post_init__(self) -> None:
        if not self.dilation:
            object.__setattr__(self, "dilation", (1,) * len(self.kernel))

    @property
    def slots(self) -> int:
        """The number of places in a window."""
        return math.prod(self.kernel)

    def counts(self, sizes: Sizes, who: str) -> Sizes:
        """Return how many windows fit each axis. Raises GraphError where none does."""
        found = []
        for n, k, s, (low, high), d in zip(
            sizes, self.kernel, self.stride, self.pads, self.dilation, strict=True
        ):
            span = n + low + high - d * (k - 1) - 1
            count = (-(-span // s) if self.ceil else span // s) + 1
            if self.ceil and (count - 1) * s >= n + low:
                count -= 1
            if count < 1:
                raise GraphError(
                    f"{who}: a window of {self.kernel} does not fit maps of {tuple(sizes)} "
                    f"(padding {self.pads}, dilation {self.dilation})"
                )
            found.append(count)
        return tuple(found)

    def places(self, count: int, axis: int) -> NDArray[np.int64]:
        """Return where each window's taps lie on an axis, (windows, taps); < 0 is before it."""
        step, tap = self.stride[axis], self.dilation[axis]
        start = np.arange(count) * step - self.pads[axis][0]
        return np.asarray(start[:, None] + np.arange(self.kernel[axis]) * tap)

    def slide(self, ids: Ids, who: str) -> Ids:
        """Return the windows of ids (..., *sizes): (..., *counts, *kernel), -1 beyond the edge.

        Raises GraphError if they would not fit in memory.
        """
        axes = len(self.kernel)
        sizes = ids.shape[-axes:]
        counts = self.counts(sizes, who)
        total = math.prod(ids.shape[:-axes]) * math.prod(counts) * self.slots
        require(8 * total, f"{who}: windows of {total:,} places", GraphError)
        padded = np.pad(ids, [(0, 0)] * (ids.ndim - axes) + [(0, 1)] * axes, constant_values=-1)
        index: list[Any] = [Ellipsis]
        for axis in range(axes):
            at = self.places(counts[axis], axis)
            at = np.where((at < 0) | (at >= sizes[axis]), sizes[axis], at)
            shape = [1] * (2 * axes)
            shape[axis], shape[axes + axis] = at.shape
            index.append(at.reshape(shape))
        return np.asarray(padded[tuple(index)])
