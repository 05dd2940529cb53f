"""Threads that help the one that calls, and how they share a batch.

A helper stays awake for a fraction of a millisecond after its last block, in compiled code that
looks at a letter-box, a few numbers that all threads see: waking a thread up takes as long as some
samples. Blocks are taken one by one, so a helper that is late, or asleep, delays nobody; the caller
waits for those that were taken.
"""

from __future__ import annotations

import platform
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable
from numpy.typing import NDArray

from neurograph.errors import NeurographError
from neurograph.kernels.compiling import jit
from neurograph.kernels.lanes import I64

# A letter-box: the samples taken (above them the number of the batch), those done, where inputs and
# outputs are, how many samples there are, and whether it is out of use.
TAKEN, DONE, INPUTS, OUTPUTS, SAMPLES, CLOSED = range(6)
_CELL = 8  # numbers to a line of the cache, of which each has its own
ALONE = np.zeros(0, np.int64)  # the letter-box of who has no helpers
_SHIFT = 32  # bits below the number of a batch
_ALL = (1 << 31) - 1  # samples taken when none may be taken any more
_LAST = (1 << 30) - 1  # the number of a batch after which they begin again
_LOOKS = 1 << 13  # a fifth of a millisecond: who looks may keep others from a processor
_NAP = 5e-5  # seconds

_Work = Callable[[], None]


def letter_box() -> NDArray[np.int64]:
    """Return an empty letter-box."""
    return np.zeros(_CELL * (CLOSED + 1), np.int64)


def _cell(context: Any, b: ir.IRBuilder, kind: Any, box: Any, place: Any) -> Any:
    data = context.make_array(kind)(context, b, box).data
    return b.gep(data, [b.mul(place, I64(_CELL))])


@intrinsic
def _read(typing: Any, box: Any, place: Any) -> Any:
    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        return b.load_atomic(_cell(context, b, signature.args[0], *given), "seq_cst", 8)

    return types.int64(box, types.int64), emit


@intrinsic
def _write(typing: Any, box: Any, place: Any, value: Any) -> Any:
    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        cell = _cell(context, b, signature.args[0], *given[:2])
        b.store_atomic(given[2], cell, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(box, types.int64, types.int64), emit


@intrinsic
def _add(typing: Any, box: Any, place: Any, value: Any) -> Any:
    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        cell = _cell(context, b, signature.args[0], *given[:2])
        return b.atomic_rmw("add", cell, given[2], "seq_cst")

    return types.int64(box, types.int64, types.int64), emit


@intrinsic
def _replace(typing: Any, box: Any, place: Any, old: Any, new: Any) -> Any:
    """Write `new` if `old` is there; return whether it was."""

    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        cell = _cell(context, b, signature.args[0], *given[:2])
        both = b.cmpxchg(cell, given[2], given[3], "seq_cst", "seq_cst")
        return b.extract_value(both, 1)

    return types.boolean(box, types.int64, types.int64, types.int64), emit


@intrinsic
def _pause(typing: Any) -> Any:
    """Let another thread of this core go first for a moment, where the processor can."""

    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        if platform.machine().lower() in ("x86_64", "amd64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            b.call(cgutils.get_or_insert_function(b.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        return b.inttoptr(given[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), emit


@jit(nogil=True)
def offer(box: Any, inputs: Any, out: Any) -> None:
    """Offer a batch to all who look, as the next number. Nothing of the last may be under way."""
    last = present(box)
    # Nor may any of the last be taken, lest it were taken by what is said of this one.
    _write(box, TAKEN, last << _SHIFT | _ALL)
    _write(box, DONE, 0)
    _write(box, INPUTS, inputs.ctypes.data)
    _write(box, OUTPUTS, out.ctypes.data)
    _write(box, SAMPLES, inputs.shape[0])
    _write(box, TAKEN, ((last + 1) & _LAST) << _SHIFT)


@jit(nogil=True)
def settle(box: Any) -> None:
    """Let nothing more be taken, and wait for what was."""
    taken = _read(box, TAKEN)
    while not _replace(box, TAKEN, taken, taken | _ALL):
        taken = _read(box, TAKEN)
    if taken & _ALL != _ALL:  # it was not settled before
        under_way = min(taken & _ALL, _read(box, SAMPLES))
        while _read(box, DONE) < under_way:
            _pause()


@jit(nogil=True)
def close(box: Any, closed: int) -> None:
    """Send helpers away, or let them in again."""
    _write(box, CLOSED, closed)


@register_jitable
def present(box: Any) -> int:
    """Return the number of the batch that is offered."""
    return _read(box, TAKEN) >> _SHIFT


@register_jitable
def look(box: Any, seen: int) -> int:
    """Return the number of the next batch after `seen`; -1 if there is none for a while."""
    for _ in range(_LOOKS):
        batch = present(box)
        if batch != seen:
            return batch
        if _read(box, CLOSED):
            break
        _pause()
    return -1


@register_jitable
def offered(box: Any, inputs: Any, out: Any) -> Any:
    """Return the inputs and outputs of the batch that is offered, typed as those given.

    They may be another batch's until a block of this one is taken.
    """
    samples = _read(box, SAMPLES)
    return (
        carray(_pointer(_read(box, INPUTS)), (samples, inputs.shape[1]), inputs.dtype),
        carray(_pointer(_read(box, OUTPUTS)), (samples, out.shape[1]), out.dtype),
    )


@register_jitable
def take(box: Any, batch: int, last: int, stride: int) -> int:
    """Take the next `stride` samples of a batch; return the first, `last` if none is left."""
    while True:
        taken = _read(box, TAKEN)
        first = taken - (batch << _SHIFT)
        if taken >> _SHIFT != batch or first >= last:
            return last
        if _replace(box, TAKEN, taken, taken + stride):
            return first


@register_jitable
def give_back(box: Any, samples: int) -> None:
    """Say that samples are done."""
    _add(box, DONE, samples)


@register_jitable
def await_all(box: Any, samples: int) -> None:
    """Wait a while for so many samples to be done."""
    for _ in range(_LOOKS):
        if _read(box, DONE) >= samples:
            break
        _pause()


class Team:
    """Some threads that sleep until they are called.

    A forked process has none of them, and does everything in the thread that calls.
    """

    def __init__(self, helpers: int) -> None:
        self._box = ALONE
        self._busy = threading.Lock()
        self._helpers = [_Helper() for _ in range(helpers)]
        weakref.finalize(self, _dismiss, self._helpers)

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
            offer(box, inputs, out)  # first: one that wakes up finds work, and does not just look
            for helper in self._helpers:
                helper.call(assist)
            lead()
            while box[_CELL * DONE] < len(inputs):
                time.sleep(_NAP)
        finally:
            # After an exception too: helpers must be through with the arrays before they go.
            settle(box)
            self._busy.release()

    def _move_to(self, box: NDArray[np.int64]) -> None:
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
