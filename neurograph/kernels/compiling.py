"""How functions are compiled: kept on disk, where there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def jit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's `njit` with a cache on disk.

    numba keeps it beside the source, or else in the user's cache directory. Where neither can be
    written it refuses; then the function is compiled in every process.

    Here there is no source file, so no cache:

    >>> @jit(nogil=True)
    ... def twice(x):
    ...     return 2 * x
    >>> twice(4)
    8
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # "cannot cache function ...: no locator available"
            return njit(**options)(function)

    return compiled
