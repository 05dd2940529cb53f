"""How the weights of an edited graph are drawn: as the ones they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph.draws import Draw

Array = NDArray[Any]


def inherited(draws: Sequence[Draw], arrays: Mapping[str, Array], origin: Array) -> list[Draw]:
    """Return how weights are drawn that are numbered anew, array by array and place by place.

    Weight i of an array (-1: none) has the initializer and the fan-in of the old weight
    `origin[i]`; weights whose old ones had no initializer, or different ones, get none. There is
    one draw for each array, of size 0 where nothing is drawn, so that an array left as it was draws
    what it did.
    """
    if not draws:
        return []
    ends = np.array([draw.first + draw.size for draw in draws])
    found, first = [], 0
    for ids in arrays.values():
        flat = ids.reshape(-1)
        places = None if (flat >= 0).all() else np.flatnonzero(flat >= 0)
        old = origin[flat if places is None else flat[places]]
        low, high = (int(old.min()), int(old.max())) if old.size else (-1, -1)
        draw = draws[min(int(np.searchsorted(ends, low, "right")), len(draws) - 1)]
        if draw.first <= low and high < draw.first + draw.size:
            found.append(_moved(draw, old, first, places, ids.shape))
        else:
            found.append(Draw(first, None, (0,), "zeros", np.asarray(1.0), draw.trainable))
        first += old.size
    return found


def _moved(
    draw: Draw, old: Array, first: int, places: Array | None, shape: tuple[int, ...]
) -> Draw:
    """Return the draw of weights at `places` of `shape`, each as one of `old`, ids of `draw`'s."""

    def spread(values: Any) -> Any:
        if np.size(values) == 1:
            return np.reshape(values, -1)[0]
        each = np.broadcast_to(values, draw.shape).reshape(-1)
        each = (each if draw.places is None else each[draw.places])[old - draw.first]
        if (each == each[0]).all():
            return each[0]
        full = np.ones(math.prod(shape))
        full[slice(None) if places is None else places] = each
        return full.reshape(shape)

    initializer = draw.initializer
    if not isinstance(initializer, str):
        initializer = spread(initializer)
    return Draw(first, places, shape, initializer, np.asarray(spread(draw.fan_in)), draw.trainable)
