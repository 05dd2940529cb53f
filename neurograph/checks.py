"""Checks of what a user hands in, the same everywhere: numbers, whole and real, one or many.

One number passes through `whole` or `number`, many through `wholes`, `reals`, `floats` or `finite`.
Lists, arrays, tensors and data frames are taken alike, and nothing of them is dropped in silence.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, NeurographError, kind_of, shown

Error = type[NeurographError]
_REAL, _WHOLE = "real numbers", "whole numbers"


def is_real(value: object) -> bool:
    """Return whether a value is a real number that a float can hold; an array is none.

    >>> is_real(0.5), is_real("0.5"), is_real(10**400)
    (True, False, False)
    """
    try:
        return isinstance(value, numbers.Real) and float(value) is not None
    except (OverflowError, ValueError):
        return False


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number, NumPy's included; True and False are none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def whole(
    who: str, value: Any, *, least: int = 0, most: int | None = None, error: Error = GraphError
) -> int:
    """Return a whole number from `least` to `most`, Python's or NumPy's, as an int.

    >>> whole("fit: passes", np.int64(3))
    3
    >>> whole("fit: passes", -1)
    Traceback (most recent call last):
    neurograph.errors.GraphError: fit: passes is -1, needed a whole number of at least 0
    """
    try:
        found = None if _is_bool(value) else operator.index(value)
    except Exception:  # whatever a foreign number raises
        found = None
    if found is None or found < least or (most is not None and found > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise error(f"{who} is {shown(value)}, needed a whole number {bounds}")
    return found


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or "bool" in str(getattr(value, "dtype", ""))


def number(who: str, value: Any, *, error: Error = GraphError) -> float:
    """Return one finite real number as a float.

    >>> number("C1: centre", 10**400)
    Traceback (most recent call last):
    neurograph.errors.GraphError: C1: centre is 1000000000...0000000000, needed a finite number
    """
    if not (is_real(value) and np.isfinite(float(value))):
        raise error(f"{who} is {shown(value)}, needed a finite number")
    return float(value)


def flag(who: str, value: Any, *, error: Error = GraphError) -> bool:
    """Return True or False. Raises `error` for anything else: the text "False" is not false.

    >>> flag("pool: ceil_mode", "False")
    Traceback (most recent call last):
    neurograph.errors.GraphError: pool: ceil_mode is 'False', needed True or False
    """
    if not isinstance(value, bool | np.bool_):
        raise error(f"{who} is {shown(value)}, needed True or False")
    return bool(value)


def is_one_of(value: object, known: Iterable[str]) -> bool:
    """Return whether a value is text, and one of the known ones.

    >>> is_one_of("a", ["a", "b"]), is_one_of(np.ones(2), ["a"])
    (True, False)
    """
    return isinstance(value, str) and value in known


def array(
    who: str,
    values: Any,
    *,
    what: str = "values",
    needed: str = _REAL,
    error: Error = GraphError,
) -> NDArray[Any]:
    """Return what a user hands in as an array of any type, not copied where it is one.

    Raises `error` for rows of different shapes, masked entries, and what NumPy cannot read, such
    as a tensor that requires grad (the message says `.detach()`); a bfloat16 tensor is widened.

    >>> array("images", [[1], [2, 3]], what="images")
    Traceback (most recent call last):
    neurograph.errors.GraphError: images: found images of different shapes, needed real numbers
    """
    if type(values) is np.ndarray:  # the usual case, on the way of every single sample
        return values
    if str(getattr(values, "dtype", "")) == "torch.bfloat16":  # NumPy has no such type
        values = values.float()
    try:
        found = np.asarray(values)
    except ValueError:
        raise error(f"{who}: found {what} of different shapes, needed {needed}") from None
    except Exception as reason:  # whatever a foreign type's __array__ raises
        said = str(reason).partition("\n")[0]
        raise error(f"{who}: found {kind_of(values)} ({said}), needed {needed}") from None
    if np.ma.is_masked(values):
        raise error(f"{who}: found masked {what}, needed {needed}; fill them: {what}.filled(0)")
    return found


def reals(
    who: str, values: Any, *, what: str = "values", error: Error = GraphError
) -> NDArray[Any]:
    """Return values as an array of real numbers, in the type they have.

    Raises `error` for what are none: text, None, complex numbers, numbers beyond float64.
    """
    found = array(who, values, what=what, error=error)
    if found.dtype.kind == "O" and found.size:
        wrong = [v for v in found.reshape(-1).tolist() if not is_real(v)]
        if wrong:
            raise error(f"{who}: found {_among(wrong[0], values, what)}, needed {_REAL}")
        return found.astype(np.float64)
    if found.dtype.kind not in "fiub" and found.size:
        raise error(f"{who}: found {what} of type {found.dtype}, needed {_REAL}")
    return found if found.dtype.kind in "fiub" else found.astype(np.float64)


def _among(wrong: Any, values: Any, what: str) -> str:
    found = shown(wrong) if isinstance(wrong, int | float) else kind_of(wrong)
    return found if wrong is values else f"{found} among the {what}"


def floats(
    who: str, values: Any, *, what: str = "values", error: Error = GraphError
) -> NDArray[np.float64]:
    """Return values as float64. Raises `error` for what are no real numbers."""
    with np.errstate(over="ignore"):  # longer floats that are too large get infinite
        return reals(who, values, what=what, error=error).astype(np.float64, copy=False)


def finite(
    who: str, values: Any, *, what: str = "values", error: Error = GraphError
) -> NDArray[np.float64]:
    """Return values as float64. Raises `error` for what are no finite real numbers."""
    found = floats(who, values, what=what, error=error)
    wrong = ~np.isfinite(found)
    if wrong.any():
        raise error(f"{who}: found the value {found[wrong][0]}, needed finite numbers")
    return found


def wholes(
    who: str, values: Any, *, what: str = "values", error: Error = GraphError
) -> NDArray[Any]:
    """Return values as an array of whole numbers, in the type they have; nothing is an empty one.

    Raises `error` for what are none: fractions, text, None, True and False, numbers beyond int64.

    >>> wholes("table", [1, True])
    Traceback (most recent call last):
    neurograph.errors.GraphError: table: found bool among the values, needed whole numbers
    """
    if isinstance(values, Iterator):  # a generator, read once
        values = list(values)
    found = array(who, values, what=what, needed=_WHOLE, error=error)
    if isinstance(values, list | tuple) and any(isinstance(v, bool) for v in values):
        raise error(f"{who}: found bool among the {what}, needed {_WHOLE}")
    if not found.size:
        return found.astype(np.int64)
    if found.dtype.kind == "f" and isinstance(values, list | tuple | float):
        # Python's whole numbers know no bound, and NumPy makes other types of those beyond int64.
        found = np.array(values, dtype=object)
    if found.dtype.kind == "O":
        return _spelled(who, found, values, what, error)
    if found.dtype.kind not in "iu":
        raise error(f"{who}: found {what} of type {found.dtype}, needed {_WHOLE}")
    return found


def _spelled(
    who: str, found: NDArray[Any], values: Any, what: str, error: Error
) -> NDArray[np.int64]:
    """Return whole numbers, given as Python's, as int64."""
    flat = found.reshape(-1).tolist()
    wrong = [v for v in flat if not is_whole(v)]
    if wrong:
        raise error(f"{who}: found {_among(wrong[0], values, what)}, needed {_WHOLE}")
    far = [v for v in flat if abs(v) >= 2**63]
    if far:
        raise error(f"{who}: found {shown(far[0])}, beyond the whole numbers of 64 bits")
    return found.astype(np.int64)


def bools(who: str, values: Any, *, error: Error = GraphError) -> NDArray[np.bool_]:
    """Return values as bools; the whole numbers 0 and 1 count as such.

    Raises `error` for anything else: the text "False" is not false.

    >>> bools("trainable", [1, 0]).tolist()
    [True, False]
    """
    needed = "True or False"
    found = array(who, values, needed=needed, error=error)
    if found.dtype.kind == "O":  # as pandas keeps them
        each = found.reshape(-1).tolist()
        found = found.astype(bool) if all(isinstance(v, bool | np.bool_) for v in each) else found
    if found.dtype.kind in "iu" and found.size and found.min() >= 0 and found.max() <= 1:
        found = found.astype(bool)
    if found.size and found.dtype.kind != "b":
        raise error(f"{who}: found {shown(values)}, needed {needed}")
    return found.astype(bool, copy=False)
