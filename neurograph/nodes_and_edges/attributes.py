"""One reader of attributes, as Python, NumPy and other tools' files write them."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from neurograph.errors import NeurographError
from neurograph.memory import INT32_MAX

AXES = 64 if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else 32  # that an array has at most
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = re.compile(r"[+-]?[0-9]{1,12}")


def shown(value: object) -> str:
    """Return a value as an error message shows it: whatever it is, and not at any length.

    >>> shown("x" * 100)[-5:]
    'xx...'
    """
    try:
        text = repr(value)
    except Exception:  # somebody else's repr; a number of too many digits has none
        return f"of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def whole_number(value: object) -> int | None:
    """Return a whole number, NumPy's, a float without a fraction or the text of one; else None.

    >>> whole_number("12"), whole_number(3.0), whole_number(True), whole_number("1.5")
    (12, 3, None, None)
    """
    if type(value) is int:
        return value
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value.strip()) else None
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, float | np.floating) and value.is_integer():
        return int(value)
    return None


class Attributes:
    """Reads attributes for `who`, and raises `error` for what is none.

    `about` says whose attribute it is and which, as in "node 'y[0]' has id".

    >>> from neurograph.errors import GraphError
    >>> Attributes("count", GraphError).truth("False", "node 'w' has trainable")
    False
    """

    def __init__(self, who: str, error: type[NeurographError]) -> None:
        self.who = who
        self.error = error

    def fail(self, message: str) -> NoReturn:
        """Raise the error."""
        raise self.error(f"{self.who}: {message}")

    def whole(self, value: object, about: str, *, least: int = 0) -> int:
        """Return a whole number from `least` to what int32 holds."""
        number = whole_number(value)
        if number is None or not least <= number < INT32_MAX:
            self.fail(
                f"{about} {shown(value)}, needed a whole number from {least} to {INT32_MAX - 1:,}"
            )
        return number

    def truth(self, value: object, about: str) -> bool:
        """Return true or false: a bool, 0 or 1, or the text of one."""
        if isinstance(value, bool | np.bool_):
            return bool(value)
        if isinstance(value, str):
            found = _TRUTHS.get(value.strip().lower())
        else:
            found = {0: False, 1: True}.get(whole_number(value))  # type: ignore[arg-type]
        if found is None:
            self.fail(f"{about} {shown(value)}, needed true or false")
        return found

    def number(self, value: object, about: str) -> float:
        """Return a finite number. Text is none: what a tool has rounded is no value any more."""
        if type(value) is float and math.isfinite(value):
            return value
        if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
            self.fail(f"{about} {shown(value)}, needed a number")
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            self.fail(f"{about} {shown(value)}, needed a finite number")
        return found

    def text(self, value: object, about: str) -> str:
        """Return text that is not empty."""
        if not isinstance(value, str) or not value:
            self.fail(f"{about} {shown(value)}, needed text")
        return str(value)

    def index(self, value: object, about: str, axes: int | None = None) -> tuple[int, ...]:
        """Return an index or a shape: whole numbers in any sequence, or text as "2, 10, 10"."""
        parts: Iterable[Any] | None
        if isinstance(value, str):
            parts = value.strip("()[] ").replace(",", " ").split()
        elif isinstance(value, list | tuple):
            parts = value
        elif isinstance(value, np.ndarray) and value.ndim == 1:
            parts = value.tolist()
        else:
            parts = () if value is None else [value]
        found = [whole_number(part) for part in parts]
        sound = len(found) <= AXES and all(n is not None and 0 <= n < INT32_MAX for n in found)
        if not sound or (axes is not None and len(found) != axes):
            many = "" if axes is None else f"{axes} "
            self.fail(f"{about} {shown(value)}, needed {many}whole numbers from 0")
        return tuple(n for n in found if n is not None)

    def mapping(self, value: object, about: str) -> Mapping[Any, Any]:
        """Return a mapping."""
        if not isinstance(value, Mapping):
            self.fail(f"{about} {shown(value)}, needed a mapping")
        return value

    def keys(self, value: object, about: str) -> list[Hashable]:
        """Return a list of what can be nodes or names."""
        if not isinstance(value, list | tuple | np.ndarray):
            self.fail(f"{about} {shown(value)}, needed a list")
        found = list(value)
        for key in found:
            if not is_key(key):
                self.fail(f"{about} {shown(value)}, needed a list of nodes")
        return found


def is_key(value: object) -> bool:
    """Return whether a value can be a node, a name or an id.

    >>> is_key("C1[0]"), is_key([1]), is_key(None)
    (True, False, False)
    """
    try:
        hash(value)
    except TypeError:
        return False
    return value is not None
