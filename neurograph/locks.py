"""A lock that a fork, a copy and a call within a call do not hang on.

What takes and releases it is Python's own `with`, which no signal comes between.
"""

from __future__ import annotations

import os
import threading
from typing import Any


class Lock:
    """A lock that a forked process finds open, whoever held it at the fork.

    >>> lock = Lock()
    >>> with lock.own():
    ...     pass
    """

    def __init__(self) -> None:
        self._of_process: dict[int, threading.RLock] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy it, or pickle it, as an open one."""
        return Lock, ()

    def own(self) -> threading.RLock:
        """Return the lock of this process."""
        return self._of_process.setdefault(os.getpid(), threading.RLock())
