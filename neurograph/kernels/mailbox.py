"""A mailbox: how threads share the samples of a batch in compiled code, without a lock.

One thread offers a batch; it and any others claim blocks of it one by one, by atomic operations,
and mark them done. A thread that is late, or never comes, delays nobody: who offered the batch
waits for the blocks that were claimed, and only for those.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable
from numpy.typing import NDArray

from neurograph.kernels.addresses import array_at
from neurograph.kernels.compiling import jit
from neurograph.kernels.lanes import I64

# What a mailbox holds: the samples claimed (above them the number of the batch), those done, where
# inputs and outputs are, how many samples there are, and whether it is out of use.
CLAIMED, DONE, INPUTS, OUTPUTS, SAMPLES, CLOSED = range(6)
CELL = 8  # numbers to a line of the cache, of which each has its own
ALONE = np.zeros(0, np.int64)  # the mailbox of a thread that shares nothing
_SHIFT = 32  # bits below the number of a batch
_ALL = (1 << 31) - 1  # samples claimed when none may be claimed any more
_LAST = (1 << 30) - 1  # the number of a batch after which they begin again
_LOOKS = 1 << 13  # a fifth of a millisecond: who looks may keep others from a processor


def mailbox() -> NDArray[np.int64]:
    """Return an empty mailbox."""
    return np.zeros(CELL * (CLOSED + 1), np.int64)


def _cell(context: Any, b: ir.IRBuilder, kind: Any, box: Any, place: Any) -> Any:
    data = context.make_array(kind)(context, b, box).data
    return b.gep(data, [b.mul(place, I64(CELL))])


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


@jit(nogil=True)
def offer(box: Any, inputs: Any, out: Any) -> None:
    """Offer a batch to all who look, as the next number. Nothing of the last may be under way."""
    last = batch_number(box)
    # Nor may any of the last be claimed, lest it were by what is said of this one.
    _write(box, CLAIMED, last << _SHIFT | _ALL)
    _write(box, DONE, 0)
    _write(box, INPUTS, inputs.ctypes.data)
    _write(box, OUTPUTS, out.ctypes.data)
    _write(box, SAMPLES, inputs.shape[0])
    _write(box, CLAIMED, ((last + 1) & _LAST) << _SHIFT)


@jit(nogil=True)
def settle(box: Any) -> None:
    """Let nothing more be claimed, and wait for what was."""
    claimed = _read(box, CLAIMED)
    while not _replace(box, CLAIMED, claimed, claimed | _ALL):
        claimed = _read(box, CLAIMED)
    if claimed & _ALL != _ALL:  # it was not settled before
        under_way = min(claimed & _ALL, _read(box, SAMPLES))
        while _read(box, DONE) < under_way:
            _pause()


@jit(nogil=True)
def close(box: Any, closed: int) -> None:
    """Send helpers away, or let them in again."""
    _write(box, CLOSED, closed)


@register_jitable
def batch_number(box: Any) -> int:
    """Return the number of the batch that is offered."""
    return _read(box, CLAIMED) >> _SHIFT


@register_jitable
def look(box: Any, seen: int) -> int:
    """Return the number of the next batch after `seen`; -1 if there is none for a while."""
    for _ in range(_LOOKS):
        batch = batch_number(box)
        if batch != seen:
            return batch
        if _read(box, CLOSED):
            break
        _pause()
    return -1


@register_jitable
def offered(box: Any, inputs: Any, out: Any) -> Any:
    """Return the inputs and outputs of the batch that is offered, typed as those given.

    They may be another batch's until a block of this one is claimed.
    """
    samples = _read(box, SAMPLES)
    return (
        array_at(_read(box, INPUTS), (samples, inputs.shape[1]), inputs.dtype),
        array_at(_read(box, OUTPUTS), (samples, out.shape[1]), out.dtype),
    )


@register_jitable
def claim(box: Any, batch: int, last: int, stride: int) -> int:
    """Claim the next `stride` samples of a batch; return the first, `last` if none is left."""
    while True:
        claimed = _read(box, CLAIMED)
        first = claimed - (batch << _SHIFT)
        if claimed >> _SHIFT != batch or first >= last:
            return last
        if _replace(box, CLAIMED, claimed, claimed + stride):
            return first


@register_jitable
def mark_done(box: Any, samples: int) -> None:
    """Count samples as done."""
    _add(box, DONE, samples)


@register_jitable
def await_all(box: Any, samples: int) -> None:
    """Wait a while for so many samples to be done."""
    for _ in range(_LOOKS):
        if _read(box, DONE) >= samples:
            break
        _pause()
