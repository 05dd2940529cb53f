"""Turns: one call at a time, which a call within a call does not hang on."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from neurograph.errors import EngineError
from neurograph.locks import Lock

Found = TypeVar("Found")

_PATIENCE = 0.2  # seconds after which a caller who waits looks whether the one inside still lives


class Turns:
    """Lets one call in at a time; one from within another is an error."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0  # the process that a call runs in
        self._holder = 0  # the thread that came in last

    def take(self, call: Callable[[], Found]) -> Found:
        """Return what a call returns. Raises EngineError in a call from this thread."""
        process = os.getpid()
        with self._openable():
            if self._inside == process:
                raise EngineError(
                    "numba engine: found a gradient asked for within another (by its loss?), "
                    "needed one after the other; make a second Simulator"
                )
            self._inside, self._holder = process, threading.get_ident()
            try:
                return call()
            finally:
                self._inside = 0

    def _openable(self) -> threading.RLock:
        """Return the lock; a new one if the thread that holds it has ended.

        An exception from another thread may strike while a lock is given back, where a debugger or
        a coverage tool looks at every line.
        """
        lock = self._lock.own()
        while not lock.acquire(timeout=_PATIENCE):
            if self._holder not in sys._current_frames():
                self._inside = 0
                return self._lock.renewed(lock)
        lock.release()
        return lock
