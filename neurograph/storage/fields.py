"""Values in a file's JSON header: each is of one type and in a range, or it is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from neurograph.memory import INT32_MAX
from neurograph.names import AXES_MAX


def shape(entry: Sequence[Any]) -> tuple[int, ...]:
    """Return a shape whose size is an id at most. Raises ValueError for anything else."""
    found = tuple(whole(n, INT32_MAX) for n in entry)
    if math.prod(n for n in found if n) > INT32_MAX:
        raise ValueError(f"found the shape {found}")
    if len(found) > AXES_MAX:
        raise ValueError(f"found a shape of {len(found)} axes, needed at most {AXES_MAX}")
    return found


def whole(value: Any, largest: int | None) -> int:
    """Return `value`. Raises ValueError unless it is a whole number from 0 to `largest`."""
    if type(value) is not int or value < 0 or (largest is not None and value > largest):
        raise ValueError(f"found {value!r}, needed a whole number from 0 to {largest}")
    return value


def number(value: Any) -> float:
    """Return `value`. Raises TypeError unless it is a number, ValueError unless it is finite."""
    if type(value) not in (float, int):
        raise TypeError(f"found {value!r}, needed a number")
    if not math.isfinite(value):
        raise ValueError(f"found {value}, needed a finite number")
    return float(value)


def flag(value: Any) -> bool:
    """Return `value`. Raises TypeError unless it is true or false."""
    if not isinstance(value, bool):
        raise TypeError(f"found {value!r}, needed true or false")
    return value


def text(value: Any) -> str:
    """Return `value`. Raises TypeError unless it is text."""
    if not isinstance(value, str):
        raise TypeError(f"found {value!r}, needed text")
    return value


def items(value: Any) -> list[Any]:
    """Return `value`. Raises TypeError unless it is a list."""
    if not isinstance(value, list):
        raise TypeError(f"found {value!r}, needed a list")
    return value
