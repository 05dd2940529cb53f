"""Threads for work that is cut into parts beforehand.

Nothing here takes a lock that is written in Python, as those of `concurrent.futures` are: a signal
that strikes between a call of such a lock and its return leaves it shut for good. Nor does anything
wait for a thread to begin, as `threading` does: an exception may end it before.
"""

from __future__ import annotations

import os
import threading
from _thread import start_new_thread
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from neurograph.errors import EngineError

_PATIENCE = 0.02  # seconds of waiting after which what is done is looked at again

_Work = Callable[[], None]


class Pool:
    """Makes calls at the same time: the first where it is, the others in threads.

    A forked process has none of its parent's threads, and gets its own when it needs them.
    """

    _made: tuple[int, list[SimpleQueue[_Task | None]]] = (0, [])  # by a process: none yet

    def __init__(self, helpers: int) -> None:
        self._helpers = helpers

    def __del__(self) -> None:
        for queue in self._made[1]:
            queue.put(None)

    def spread(self, calls: Sequence[_Work]) -> None:
        """Make the calls, one of them here, and wait for all.

        Raises EngineError if the system starts too few threads, and what a call raised.
        """
        here, *others = calls
        queues = self._queues(len(others))
        told: SimpleQueue[None] = SimpleQueue()
        tasks = [_Task(call, told) for call in others]
        try:
            for queue, task in zip(queues, tasks, strict=False):
                queue.put(task)
            here()
            for task in tasks:  # what no thread has begun
                task.do()
        finally:  # after an exception too: they work on the caller's arrays
            _await(tasks, told)
        for task in tasks:
            if task.error is not None:
                raise task.error

    def _queues(self, wanted: int) -> list[SimpleQueue[_Task | None]]:
        """Return what threads of this process take their tasks from."""
        process, queues = self._made
        if process != os.getpid():
            process, queues = self._made = os.getpid(), []
        wanted = min(wanted, self._helpers)
        while len(queues) < wanted:
            queue: SimpleQueue[_Task | None] = SimpleQueue()
            try:
                start_new_thread(_serve, (queue,))
            except RuntimeError as error:  # "can't start new thread"
                raise EngineError(
                    f"numba engine: {wanted + 1} threads, the system starts no more than "
                    f"{len(queues) + 1}"
                ) from error
            queues.append(queue)
        return queues


class _Task:
    """A call that one thread makes, whichever asks for it first."""

    def __init__(self, call: _Work, told: SimpleQueue[None]) -> None:
        self._call, self._told = call, told
        self._owner: dict[str, int] = {}
        self.error: BaseException | None = None
        self.done = False

    def mine(self) -> bool:
        """Return whether this thread is the first that asked: no lock, and the same each time."""
        me = threading.get_ident()
        return self._owner.setdefault("thread", me) == me

    def do(self) -> None:
        """Make the call, unless another thread does."""
        if not self.mine():
            return
        try:
            self._call()
        except BaseException as error:
            self.error = error
        finally:
            self.done = True
            self._told.put(None)


def _serve(queue: SimpleQueue[_Task | None]) -> None:
    """Do the tasks of a queue until its pool is gone."""
    while (task := queue.get()) is not None:
        task.do()
        del task  # and the arrays in it


def _await(tasks: Sequence[_Task], told: SimpleQueue[None]) -> None:
    """Wait for the tasks that others have begun; what interrupts the wait is raised after it."""
    interrupt: BaseException | None = None
    while True:
        try:
            if all(task.mine() or task.done for task in tasks):
                break
            with suppress(Empty):
                told.get(timeout=_PATIENCE)
        except BaseException as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
