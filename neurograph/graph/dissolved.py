"""The sharing that an edit has taken apart, kept so that it can be put together again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Dissolved:
    """What the weights of an array were before they got neurons of their own.

    shape: of the array that they come from; places, int32 in the shape of the array now: the flat
    place there that each weight is a copy of, -1 where there is none.
    """

    shape: tuple[int, ...]
    places: NDArray[np.int32]
