"""Whether every id of a directory has one name, and finds itself by it."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.names import Names

SHOWN = 20  # problems of one kind that are reported before the rest are only numbered


def wrong_names(names: Names, size: int) -> list[str]:
    """Return which ids stand in several places of a directory, in none, or not at their name."""
    tally = np.zeros(size, np.int8)
    for name in names:
        array = names[name]
        low, high = array.bounds()
        if low < 0 or high >= size:
            return [f"{names.what} array {name} holds ids out of range"]
        part: Any = slice(low, high + 1)
        uses: Any = 1
        if array.explicit is not None:
            part, uses = np.unique(array.present, return_counts=True)
        # An id named twice is as wrong as one named ten times, and int8 holds it.
        tally[part] = np.minimum(tally[part] + uses, 2)
    found = [
        f"{names.what} {i} has no name"
        if tally[i] == 0
        else f"{names.what} {i} has several names: {', '.join(_holders(names, int(i)))}"
        for i in np.flatnonzero(tally != 1)[:SHOWN]
    ]
    for name in names:
        low, high = names[name].bounds()
        ends = [low, high] if high >= low else []  # where all are absent there is none
        found += [
            f"{names.what} {i}: its name {names.name_of(i)} leads to another"
            for i in ends
            if tally[i] == 1 and names.id_of(names.name_of(i)) != i
        ]
    return found


def _holders(names: Names, identity: int) -> list[str]:
    """Return the names of the arrays that hold an id, once for each place."""
    places = {name: np.count_nonzero(names[name].present == identity) for name in names}
    return [name for name, count in places.items() for _ in range(count)]
