"""Threads that help the one that calls.

A helper stays awake for a fraction of a millisecond after its last block, in compiled code that
looks into a mailbox: waking a thread up takes as long as some samples.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError, NeurographError
from neurograph.kernels.mailbox import ALONE, CELL, DONE, close, offer, settle

_NAP = 5e-5  # seconds

_Work = Callable[[], None]


class Team:
    """Some threads that sleep until they are called.

    A forked process has none of them, and does everything in the thread that calls.
    """

    def __init__(self, helpers: int) -> None:
        self._box = ALONE
        # What helpers write to. It stays until the next batch is offered, lest an interrupted call
        # take it away from under them.
        self._arrays: tuple[NDArray[Any], ...] = ()
        self._busy = threading.Lock()
        self._helpers: list[_Helper] = []
        weakref.finalize(self, _dismiss, self._helpers)
        try:
            for _ in range(helpers):
                self._helpers.append(_Helper())
        except RuntimeError as error:  # "can't start new thread"
            _dismiss(self._helpers)
            raise EngineError(
                f"numba engine: {helpers + 1} threads, the system starts no more than "
                f"{len(self._helpers) + 1}"
            ) from error

    def run(
        self,
        box: NDArray[np.int64],
        inputs: NDArray[Any],
        out: NDArray[Any],
        *,
        lead: _Work,
        assist: _Work,
        alone: _Work,
    ) -> None:
        """Offer a batch, do `lead`, and `assist` in helpers that sleep, till all samples are done.

        Where another thread has the helpers, do it `alone`.
        """
        if not self._busy.acquire(blocking=False):
            alone()
            return
        try:
            self._move_to(box)
            self._arrays = inputs, out
            offer(box, inputs, out)  # first: one that wakes up finds work, and does not just look
            for helper in self._helpers:
                helper.call(assist)
            lead()
            while box[CELL * DONE] < len(inputs):
                time.sleep(_NAP)
        finally:
            # After an exception too: helpers must be through with the arrays before they go.
            settle(box)
            self._arrays = ()
            self._busy.release()

    def _move_to(self, box: NDArray[np.int64]) -> None:
        if self._box.size:
            settle(self._box)  # at once, unless the call before was interrupted while it did so
        if box is self._box:
            return
        if self._box.size:
            close(self._box, 1)
        close(box, 0)
        self._box = box


class _Helper:
    """A thread that does what it is called for."""

    def __init__(self) -> None:
        self.asleep = True
        self.queue: SimpleQueue[_Work | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def call(self, work: _Work) -> None:
        """Wake the thread up, if it sleeps, to do some work."""
        if self.asleep:
            self.asleep = False
            self.queue.put(work)

    def _serve(self) -> None:
        while (work := self.queue.get()) is not None:
            try:
                # One that finds no memory leaves the blocks to the others.
                with suppress(MemoryError, NeurographError):
                    work()
            finally:
                del work  # and the arrays in it
                self.asleep = True


def _dismiss(helpers: list[_Helper]) -> None:
    for helper in helpers:
        helper.queue.put(None)
