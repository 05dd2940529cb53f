"""Locks that a fork and a call within a call do not hang on.

What takes and releases a lock is Python's own `with`, which no signal comes between.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TypeVar

from neurograph.errors import EngineError

Found = TypeVar("Found")


class Lock:
    """A lock that a forked process finds open, whoever held it at the fork.

    >>> lock = Lock()
    >>> with lock.own():
    ...     pass
    """

    def __init__(self) -> None:
        self._of_process: dict[int, threading.RLock] = {}

    def own(self) -> threading.RLock:
        """Return the lock of this process."""
        return self._of_process.setdefault(os.getpid(), threading.RLock())


class Turns:
    """Lets one call in at a time; one from within another is an error."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0  # the process that a call runs in

    def take(self, call: Callable[[], Found]) -> Found:
        """Return what a call returns. Raises EngineError in a call from this thread."""
        process = os.getpid()
        with self._lock.own():
            if self._inside == process:
                raise EngineError(
                    "numba engine: found a gradient asked for within another (by its loss?), "
                    "needed one after the other; make a second Simulator"
                )
            self._inside = process
            try:
                return call()
            finally:
                self._inside = 0
