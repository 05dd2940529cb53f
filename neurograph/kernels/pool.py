"""Threads for work that is cut into parts beforehand."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


class Pool:
    """Makes calls at the same time: the first where it is, the others in threads.

    A forked process has none of its parent's threads, and gets its own when it needs them.
    """

    def __init__(self, helpers: int) -> None:
        self._helpers = helpers
        self._made: tuple[int, ThreadPoolExecutor | None] = (0, None)

    def spread(self, calls: Sequence[Callable[[], None]]) -> None:
        """Make the calls, one of them here, and wait for all."""
        here, *others = calls
        waiting = [self._executor().submit(call) for call in others]
        try:
            here()
        finally:  # after an exception too: they work on the caller's arrays
            errors = [one.exception() for one in waiting]
        for error in errors:
            if error is not None:
                raise error

    def _executor(self) -> ThreadPoolExecutor:
        process, executor = self._made
        if executor is None or process != os.getpid():
            executor = ThreadPoolExecutor(max(1, self._helpers))
            self._made = os.getpid(), executor
        return executor
