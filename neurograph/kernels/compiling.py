"""How functions are compiled: kept on disk, where there is a place for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache


class _Cache(FunctionCache):
    """numba's cache on disk, as if empty where a file is damaged or the disk is full."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what is kept for a signature; None if there is nothing that can be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged pickle raises
            with suppress(OSError):
                self.flush()  # else the next process would find the same
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, if that is possible."""
        with suppress(Exception):  # a damaged index that could not be written anew is read here too
            super().save_overload(sig, data)


def jit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return numba's `njit` with a cache on disk.

    numba keeps it beside the source, or else in the user's cache directory. Where neither can be
    written the function is compiled in every process.

    Here there is no source file, so no cache:

    >>> @jit(nogil=True)
    ... def twice(x):
    ...     return 2 * x
    >>> twice(4)
    8
    """

    def compiled(function: Callable[..., Any]) -> Any:
        made = njit(**options)(function)
        with suppress(RuntimeError):  # "cannot cache function ...: no locator available"
            made._cache = _Cache(function)
        return made

    return compiled
