"""Turns: one call at a time, which no call hangs on that ended in whatever way.

An exception may strike a thread anywhere, also while it takes or gives back a lock, which would
stay shut for good. So there is none: a turn is over when its thread is no longer inside,
as its stack shows, however it got out.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from neurograph.errors import EngineError

Found = TypeVar("Found")

_NAP = 1e-4  # seconds between looks at a turn that is not over
_PATIENCE = 2000  # looks after which a thread's stack is read


class _Turn:
    """A call's turn, and whose is the next: the first that asks for it has it."""

    def __init__(self) -> None:
        self.process, self.thread = os.getpid(), threading.get_ident()
        self.done = False
        self._next: dict[str, _Turn] = {}

    def followed_by(self, turn: _Turn) -> _Turn:
        """Return what follows this turn: `turn`, unless another was there before."""
        return self._next.setdefault("turn", turn)

    def is_over(self) -> bool:
        """Return whether nobody is inside, by the stack of its thread; another process has none."""
        if self.done or self.process != os.getpid():
            return True
        frame = sys._current_frames().get(self.thread)
        while frame is not None:
            if frame.f_code is Turns.take.__code__ and frame.f_locals.get("mine") is self:
                return False
            frame = frame.f_back
        return True


class Turns:
    """Lets one call in at a time; one from within another is an error."""

    def __init__(self) -> None:
        self._last = _Turn()  # or one before it
        self._last.done = True

    def take(self, call: Callable[[], Found]) -> Found:
        """Return what a call returns. Raises EngineError in a call from this thread."""
        mine = _Turn()
        turn = self._last
        while turn is not mine:
            self._wait_for(turn)
            turn = turn.followed_by(mine)
        self._last = mine
        try:
            return call()
        finally:
            mine.done = True

    def _wait_for(self, turn: _Turn) -> None:
        """Return when a turn is over. Raises EngineError if it is one of this very thread."""
        looks = 0
        inside = turn.thread == threading.get_ident()
        while not turn.done:
            if (inside or looks % _PATIENCE == _PATIENCE - 1) and turn.is_over():
                return
            if inside:
                raise EngineError(
                    "numba engine: found a gradient asked for within another (by its loss?), "
                    "needed one after the other; make a second Simulator"
                )
            time.sleep(_NAP)
            looks += 1
