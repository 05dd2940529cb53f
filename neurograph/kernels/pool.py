"""Threads for work that is cut into parts beforehand."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from neurograph.errors import EngineError


class Pool:
    """Makes calls at the same time: the first where it is, the others in threads.

    A forked process has none of its parent's threads, and gets its own when it needs them.
    """

    def __init__(self, helpers: int) -> None:
        self._helpers = helpers
        self._made: tuple[int, ThreadPoolExecutor | None] = (0, None)

    def spread(self, calls: Sequence[Callable[[], None]]) -> None:
        """Make the calls, one of them here, and wait for all.

        Raises EngineError if the system starts too few threads, and what a call raised.
        """
        here, *others = calls
        waiting = self._submitted(others)
        try:
            here()
        finally:  # after an exception too: they work on the caller's arrays
            _await(waiting)
        for error in [one.exception() for one in waiting]:
            if error is not None:
                raise error

    def _submitted(self, calls: Sequence[Callable[[], None]]) -> list[Future[None]]:
        waiting: list[Future[None]] = []
        executor = self._executor()
        try:
            waiting.extend(executor.submit(call) for call in calls)
        except RuntimeError as error:  # "can't start new thread"
            # A call that found no thread is queued all the same: no later one may meet it.
            self._made = 0, None
            executor.shutdown(wait=False, cancel_futures=True)
            _await(waiting)
            raise EngineError(
                f"numba engine: {self._helpers + 1} threads, the system starts no more than "
                f"{len(waiting) + 1}"
            ) from error
        return waiting

    def _executor(self) -> ThreadPoolExecutor:
        process, executor = self._made
        if executor is None or process != os.getpid():
            executor = ThreadPoolExecutor(max(1, self._helpers))
            self._made = os.getpid(), executor
        return executor


def _await(waiting: Sequence[Future[None]]) -> None:
    """Wait for all that was submitted; what interrupts the wait is raised after it."""
    interrupt: BaseException | None = None
    while any(not one.done() for one in waiting):
        try:
            wait(waiting)
        except BaseException as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
