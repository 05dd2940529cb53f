"""The interpreter: runs a table of ops over blocks of samples.

States are neuron-major: state s of a block is the `stride` numbers from `states[s * stride]`, one a
sample. An op has the addresses of its tables: each array among the arguments of a call costs time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from neurograph.kernels.activations import SCALAR
from neurograph.kernels.addresses import array_at
from neurograph.kernels.catalogue import Op, kernels
from neurograph.kernels.compiling import jit
from neurograph.kernels.lanes import I32, I64, Lanes, lane_count
from neurograph.kernels.mailbox import await_all, batch_number, claim, look, mark_done, offered
from neurograph.kernels.scalars import value
from neurograph.kernels.tiles import Arguments

_KIND, _ROW, _PARAMETER = int(Op.KIND), int(Op.ROW), int(Op.PARAMETER)
_ACTIVATION, _PASSES = int(Op.ACTIVATION), int(Op.PASSES)
_TARGETS, _WIDTH = int(Op.TARGETS), int(Op.WIDTH)
_COLUMNS = len(Op)


def _pointer(context: Any, builder: ir.IRBuilder, kind: Any, array: Any) -> Any:
    return context.make_array(kind)(context, builder, array).data


@intrinsic
def _run_op(typing: Any, ops: Any, op: Any, states: Any, at: Any, stride: Any) -> Any:
    """Run the kernel of `ops[op]` on the vector of samples that starts `at` in each state."""

    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        kinds = signature.args
        element = context.get_data_type(kinds[2].dtype)
        ops_, states_ = (_pointer(context, b, kinds[i], given[i]) for i in (0, 2))
        own = b.gep(ops_, [b.mul(given[1], I64(_COLUMNS))])

        def column(name: Op) -> Any:
            return b.load(b.gep(own, [I64(int(name))]))

        def table(name: Op, kind: ir.Type) -> Any:
            return b.inttoptr(column(name), kind.as_pointer())

        arguments = Arguments(
            b.gep(states_, [given[3]]),
            table(Op.INDEX, I32),
            table(Op.WEIGHT, element),
            table(Op.BIAS, element),
            table(Op.ROW, I32),
            table(Op.PARAMETER, element),
            column(Op.GROUPS),
            column(Op.SLOTS),
            column(Op.INIT),
            column(Op.ACTIVATION),
            column(Op.BASE),
            given[4],
        )
        after = b.append_basic_block("ran")
        switch = b.switch(column(Op.KIND), after)
        for number, kernel in enumerate(kernels()):
            block = b.append_basic_block(f"kernel{number}")
            switch.add_case(I64(number), block)
            b.position_at_end(block)
            b.call(kernel.emit(b.module, element), arguments)
            b.branch(after)
        b.position_at_end(after)
        return context.get_dummy_value()

    return types.void(ops, types.int64, states, types.int64, types.int64), emit


@intrinsic
def lane_count_of(typing: Any, states: Any) -> Any:
    """Return how many lanes a vector of the states' dtype has."""
    count = lane_count(states.dtype.bitwidth // 8)
    return types.int64(states), lambda context, builder, signature, given: I64(count)


@intrinsic
def _transpose(
    typing: Any, inputs: Any, first: Any, column: Any, states: Any, at: Any, stride: Any
) -> Any:
    """Write a square of inputs.

    As many samples and columns as lanes, to states `at`, `at + stride`, ...
    """

    def emit(context: Any, b: ir.IRBuilder, signature: Any, given: Any) -> Any:
        kinds = signature.args
        array = context.make_array(kinds[0])(context, b, given[0])
        rows, columns = cgutils.unpack_tuple(b, array.shape, 2)
        target = _pointer(context, b, kinds[3], given[3])
        lanes = Lanes(b, context.get_data_type(kinds[0].dtype))
        square = []
        for j in range(lanes.count):
            wanted, last = b.add(given[1], I64(j)), b.sub(rows, I64(1))
            sample = b.select(b.icmp_signed("<", wanted, last), wanted, last)
            square.append(lanes.load(array.data, b.add(b.mul(sample, columns), given[2])))
        for i, vector in enumerate(_transposed(lanes, square)):
            lanes.store(vector, target, b.add(given[4], b.mul(given[5], I64(i))))
        return context.get_dummy_value()

    return types.void(inputs, types.int64, types.int64, states, types.int64, types.int64), emit


def _transposed(lanes: Lanes, rows: list[Any]) -> list[Any]:
    """Return the transpose of a square of vectors: swap ever larger off-diagonal parts."""
    rows, part = list(rows), 1
    while part < lanes.count:
        low = [j if not j & part else lanes.count + j - part for j in range(lanes.count)]
        high = [j + part if not j & part else lanes.count + j for j in range(lanes.count)]
        for i in range(lanes.count):
            if not i & part:
                pair = rows[i], rows[i + part]
                for place, order in ((i, low), (i + part, high)):
                    mask = ir.Constant(ir.VectorType(I32, lanes.count), order)
                    rows[place] = lanes.builder.shuffle_vector(*pair, mask)
        part *= 2
    return rows


def fingerprint() -> str:
    """Return a digest of this package's sources: a change of what is emitted is no stale hit."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@njit(nogil=True, error_model="numpy")
def enter(inputs: Any, first: int, states: Any, start: int, stride: int) -> None:
    """Transpose the samples from `first` on into the states from `start` on.

    Past the last sample repeat it.
    """
    lanes = lane_count_of(states)
    columns, last = inputs.shape[1], inputs.shape[0] - 1
    if stride == 1:
        own = states[start:]
        for c in range(columns):  # for two slices numba would spend seconds on an error message
            own[c] = inputs[first, c]
        return
    for v in range(0, stride, lanes):
        whole = columns - columns % lanes
        for c in range(0, whole, lanes):
            _transpose(inputs, first + v, c, states, (start + c) * stride + v, stride)
        for c in range(whole, columns):
            for j in range(lanes):
                states[(start + c) * stride + v + j] = inputs[min(first + v + j, last), c]


@njit(nogil=True, error_model="numpy")
def _scalars(ops: Any, op: int, states: Any) -> None:
    """Apply the scalar activation of an op to its targets."""
    row = array_at(ops[op, _ROW], (ops[op, _TARGETS],), np.int32)
    own = array_at(ops[op, _PARAMETER], (2,), states.dtype)
    for first in row:
        for i in range(first, first + ops[op, _WIDTH]):
            states[i] = value(ops[op, _ACTIVATION] - SCALAR, states[i], own[0], own[1])


@njit(nogil=True, error_model="numpy", inline="always")
def _run_ops(ops: Any, states: Any, stride: int) -> None:
    """Run all ops on a block of samples."""
    for op in range(ops.shape[0]):
        width = ops[op, _WIDTH] // ops[op, _PASSES]
        for v in range(ops[op, _PASSES]):
            _run_op(ops, op, states, v * width, stride)
        if ops[op, _ACTIVATION] >= SCALAR:
            _scalars(ops, op, states)


@njit(nogil=True, error_model="numpy")
def _finite(states: Any, spans: Any) -> bool:
    """Return whether all states of the spans are finite."""
    wrong = False
    for span in range(spans.shape[0]):
        own = states[spans[span, 0] : spans[span, 1]]  # a slice, for the loop to become vectors
        for i in range(own.size):
            wrong |= own[i] - own[i] != 0
    return not wrong


@njit(nogil=True, error_model="numpy")
def _leave(states: Any, stride: int, wanted: Any, finite: Any, out: Any) -> None:
    """Write the states `wanted` to `out`, (samples, wanted); no number first where it is wrong."""
    for sample in range(out.shape[0]):
        for i in range(wanted.size):
            out[sample, i] = states[wanted[i] * stride + sample]
    if finite.size and wanted.size and not _finite(states, finite):
        out[0, 0] = np.nan


def _build(digest: str) -> Callable[..., None]:
    # Only the digest is closed over: numba keys its cache by what a function closes over.
    @jit(nogil=True, error_model="numpy")
    def forward(
        inputs: Any,
        first: int,
        last: int,
        stride: int,
        start: int,
        ops: Any,
        states: Any,
        wanted: Any,
        finite: Any,
        out: Any,
        box: Any,
        helper: bool,
    ) -> None:
        """Run samples first .. last and write the states `wanted` to `out`, (samples, wanted).

        Where a state of the spans `finite`, (spans, 2), is not, the first of `out` is no number.

        With a mailbox, share all of them with helpers; as a `helper` share what is offered
        there, again and again, instead.
        """
        _ = digest
        batch = 0
        while True:
            if helper:
                batch = look(box, batch)
                if batch < 0:
                    return
                inputs, out = offered(box, inputs, out)
                last = inputs.shape[0]
            elif box.size:
                batch = batch_number(box)
            block = claim(box, batch, last, stride) if box.size else first
            while block < last:
                enter(inputs, block, states, start, stride)
                _run_ops(ops, states, stride)
                _leave(states, stride, wanted, finite, out[block : min(block + stride, last)])
                if box.size:
                    mark_done(box, min(stride, last - block))
                    block = claim(box, batch, last, stride)
                else:
                    block += stride
            if not helper:
                break
        if box.size:
            await_all(box, last)

    return forward


forward = _build(fingerprint())
