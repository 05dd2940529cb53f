"""The tape: a Program as ops that run forwards, then backwards, over one pattern.

A part of the states belongs to each step: a row of contiguous fields for each map, filled up to
whole vectors. Weights stay where they are, in a pool numbered by weight id: an op names the places
of its kernels as (map) + (slot), which holds for any layer; where it does not, the kernel is copied
behind the weights, and its gradient back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import COMBINE, REDUCE, Activation
from neurograph.kernels import gradient_slopes as slopes
from neurograph.kernels.arena import input_ids
from neurograph.kernels.lanes import lane_count
from neurograph.kernels.products import Product, products
from neurograph.program import Blocks, Program, Rows, Step, join_rows

# START sets rows of states to their biases, BLOCK adds kernels x fields, DENSE kernels over one
# field, ROWS computes neurons one by one with any (combine, reduce), ACTIVATE ends a sum.
START, BLOCK, DENSE, ROWS, ACTIVATE = range(5)
COMBINES, REDUCES = list(COMBINE), list(REDUCE)
NOTHING, INPUTS, NEURONS = range(3)  # what an op reads that a gradient may be wanted of
ROOM = 64  # numbers that may be read or written beyond the end of a buffer

_SMALL = 32  # multiply-adds of a block below which rows are faster
_SHORTEST_RUN = 4
_MOST_FIELDS = 1 << 26  # numbers; where the fields of all ops are more, ops share one buffer
ZERO = 0  # the place of the state that empty slots read


class Part(IntEnum):
    """The columns of an op; offsets into the table, except for places, which are in buffers."""

    KIND = 0
    BLOCKS = 1
    MAPS = 2  # rows of START and ACTIVATE, neurons of ROWS
    FIELDS = 3
    STRIDE = 4  # numbers from row to row
    SLOTS = 5
    ROW = 6  # offsets of the rows of targets; a place for ROWS and ACTIVATE
    SOURCE = 7  # starts of runs, by block, slot (or field), run
    RUN = 8  # the length of a run
    PLACE = 9  # of the op's fields, gathered
    COLUMN = 10  # offsets of gathered rows, by block and slot
    SCRATCH = 11  # the same from 0, for one block
    KERNEL = 12  # offsets of kernels in the pool, by block and map
    SLOT = 13  # offsets of slots in a kernel, by block
    BIAS = 14  # ids of biases; -1 for a BLOCK that adds to what is there
    EACH = 15  # whether each field has its own bias
    PTR = 16
    CODE = 17  # activation, or combine and reduce
    PARAMETER = 18
    READS = 19
    TRAINED = 20  # whether a gradient of the op's weights is wanted
    FUSED = 21  # DENSE: nobody else uses its weights; START: the next BLOCK starts from its biases
    ZEROS = 22  # places of a zero in the pool, by slot


@dataclass(frozen=True, eq=False)
class Tape:
    """The tables of a program for one pattern.

    `slot[id]` is the place of a state. `used[op]` are the weight ids an op reads, its biases with
    them; `copied` are those that are copied behind the pool's weights (the last of which is the
    zero that stands for no bias). The fields begin with `ones` ones.
    """

    ops: NDArray[np.int64]
    table: NDArray[np.int32]
    parameters: NDArray[np.float64]
    slot: NDArray[np.int32]
    size: int
    inputs: int
    constants: tuple[tuple[int, float], ...]
    used: tuple[NDArray[np.int32], ...]
    copied: NDArray[np.int32]
    weights: int
    fields: int
    ones: int
    scratch: int
    shared_fields: bool


@dataclass(eq=False)
class _Table:
    size: int = 0
    parts: list[NDArray[Any]] = field(default_factory=list)

    def add(self, part: Any) -> int:
        """Append a part and return its offset."""
        start, part = self.size, np.asarray(part).reshape(-1)
        self.parts.append(part.astype(np.int32))
        self.size += part.size
        return start


def build(program: Program, itemsize: int) -> Tape:
    """Return the tape of a program for numbers of `itemsize` bytes."""
    builder = _Builder(program, lane_count(itemsize))
    for level in program.levels:
        builder.level(level)
    return builder.tape()


def _as_rows(step: Step) -> bool:
    """Whether a step is not worth a product."""
    if isinstance(step, Rows) or not step.function.linear:
        return True
    blocks, maps, fields = step.targets.shape
    return blocks > 8 and maps * fields * step.sources.shape[2] < _SMALL


class _Builder:
    def __init__(self, program: Program, lanes: int) -> None:
        self.program, self.lanes = program, lanes
        self.used = np.zeros(program.weight_count + 1, np.int64)
        self._count_uses()
        self.table, self.copied = _Table(), _Table()
        self.table.add([0])  # offset 0 is at place 0
        self.parameters: dict[tuple[float, ...], int] = {}
        self.ops: list[NDArray[np.int64]] = []
        self.weights: list[NDArray[np.int32]] = []
        self.scratch, self.largest = 0, 0
        fields = sum(s.sources.size for s in program.steps if not _as_rows(s))
        self.shared = fields > _MOST_FIELDS
        self._lay_out()
        frames = (s.targets.shape[2] for s in program.steps if not _as_rows(s))
        self.ones = self.fields = max((self._whole(f) for f in frames), default=0)

    def _count_uses(self) -> None:
        for step in self.program.steps:
            for ids in (step.weights.reshape(-1), step.bias.reshape(-1)):
                self.used += np.bincount(ids[ids >= 0], minlength=self.used.size)

    def tape(self) -> Tape:
        """Return the finished tables."""
        ops = np.array(self.ops, np.int64).reshape(-1, len(Part))
        program = self.program
        empty = np.zeros(1, np.int32)
        return Tape(
            ops,
            np.concatenate([*self.table.parts, empty]),
            np.array([*self.parameters, (0.0,) * slopes.PARAMETERS]),
            self.slot,
            self.size,
            self.inputs,
            tuple((int(self.slot[i]), float(s)) for i, s in program.constants.items()),
            tuple(self.weights),
            np.concatenate([*self.copied.parts, empty[:0]]),
            program.weight_count,
            self.fields + self.largest * self.shared,
            self.ones,
            self.scratch,
            self.shared,
        )

    # ---- where states lie ------------------------------------------------------------------

    def _lay_out(self) -> None:
        program = self.program
        self.slot = np.full(program.size + 1, ZERO, np.int32)
        constants = sorted(program.constants)
        self.slot[constants] = np.arange(1, len(constants) + 1)
        self.size = self._whole(1 + len(constants))
        inputs = input_ids(program)
        self.inputs = self.size
        self.slot[inputs] = self.size + np.arange(inputs.size)
        self.size += self._whole(inputs.size)
        self.first = self.size  # from here on states are computed
        for level in program.levels:
            for step in level:
                self._place(step)

    def _whole(self, size: int) -> int:
        return -(-size // self.lanes) * self.lanes

    def _stride(self, fields: int) -> int:
        return 1 if fields == 1 else self._whole(fields)

    def _place(self, step: Step) -> None:
        if _as_rows(step):
            self.slot[step.targets.reshape(-1)] = self.size + np.arange(step.targets.size)
            self.size += self._whole(step.targets.size)
            return
        blocks, maps, fields = step.targets.shape
        stride = self._stride(fields)
        rows = self.size + stride * np.arange(blocks * maps)
        self.slot[step.targets.reshape(-1, fields)] = rows[:, None] + np.arange(fields)
        self.size += self._whole(blocks * maps * stride)

    # ---- ops -------------------------------------------------------------------------------

    def level(self, steps: tuple[Step, ...]) -> None:
        """Add the ops of one level."""
        blocks = [s for s in steps if isinstance(s, Blocks) and not _as_rows(s)]
        for product in products(blocks):
            self._product(product)
        for step in steps:
            if _as_rows(step):
                self._rows(join_rows([step]))

    def _op(self, kind: int, used: NDArray[Any], **columns: int) -> None:
        op = np.zeros(len(Part), np.int64)
        op[Part.KIND], op[Part.TRAINED] = kind, 1
        for name, value in columns.items():
            op[Part[name]] = value
        self.ops.append(op)
        self.weights.append(np.unique(used[used >= 0]).astype(np.int32))

    def _product(self, product: Product) -> None:
        blocks, maps, fields = product.targets.shape
        slots = product.sources.shape[2]
        row = self.table.add(self.slot[product.targets[:, :, 0]])
        frame = {"MAPS": blocks * maps, "FIELDS": fields, "STRIDE": self._stride(fields)}
        fused, bias = False, -1
        if product.bias is not None:
            fused = slots > 0 and fields > 1 and product.bias.shape[2] == 1
            bias = self._start(product.bias, row, fused, frame)
        if slots and fields > 1:
            self._block(product, row, bias if fused else -1)
        elif slots:
            self._dense(product, row)
        if product.activation != Activation():
            first = int(self.slot[product.targets].min())
            self._activate(product.activation, first, frame)

    def _start(self, bias: NDArray[Any], row: int, fused: bool, frame: dict[str, int]) -> int:
        ids = self.table.add(np.where(bias < 0, self.program.weight_count, bias))
        each = int(bias.shape[2] > 1)
        self._op(START, bias, ROW=row, BIAS=ids, EACH=each, FUSED=int(fused), **frame)
        return ids

    def _activate(self, activation: Activation, place: int, frame: dict[str, int]) -> None:
        code, own = slopes.parameters(activation)
        number = self.parameters.setdefault(own, len(self.parameters))
        none = np.empty(0, np.int32)
        self._op(ACTIVATE, none, ROW=place, CODE=code, PARAMETER=number, **frame)

    def _block(self, product: Product, row: int, bias: int) -> None:
        blocks, maps, fields = product.targets.shape
        slots = product.sources.shape[2]
        stride = self._stride(fields)
        kernel, slot, _ = self._kernels(product.weights, contiguous=False)
        source, run = self._runs(product.sources.transpose(0, 2, 1))
        rows = stride * np.arange(blocks * slots)
        self.scratch = max(self.scratch, slots * stride)
        self._op(
            BLOCK,
            product.weights,
            BLOCKS=blocks,
            MAPS=maps,
            FIELDS=fields,
            STRIDE=stride,
            SLOTS=slots,
            ROW=row,
            SOURCE=source,
            RUN=run,
            PLACE=self.fields,
            COLUMN=self.table.add(self.fields + rows),
            SCRATCH=self.table.add(rows[:slots]),
            KERNEL=kernel,
            SLOT=slot,
            BIAS=bias,
            ZEROS=self.table.add(np.full(slots, self.program.weight_count)),
            READS=self._reads(product.sources),
        )
        self._take_fields(blocks * slots * stride)

    def _dense(self, product: Product, row: int) -> None:
        blocks, maps, _ = product.targets.shape
        slots = product.sources.shape[2]
        stride = self._whole(slots)
        kernel, slot, copied = self._kernels(product.weights, contiguous=True)
        source, run = self._runs(product.sources)
        self.scratch = max(self.scratch, stride)
        self._op(
            DENSE,
            product.weights,
            BLOCKS=blocks,
            MAPS=maps,
            FIELDS=1,
            STRIDE=stride,
            SLOTS=slots,
            ROW=row,
            SOURCE=source,
            RUN=run,
            PLACE=self.fields,
            COLUMN=self.table.add(self.fields + stride * np.arange(blocks)),
            SCRATCH=0,
            KERNEL=kernel,
            SLOT=slot,
            READS=self._reads(product.sources),
            FUSED=int(not copied and bool((self.used[product.weights] == 1).all())),
        )
        self._take_fields(blocks * stride)

    def _take_fields(self, size: int) -> None:
        self.largest = max(self.largest, size)
        if not self.shared:
            self.fields += size

    def _reads(self, sources: NDArray[Any]) -> int:
        slots = self.slot[sources]
        if (slots >= self.first).any():
            return NEURONS
        return INPUTS if (slots >= self.inputs).any() else NOTHING

    def _runs(self, sources: NDArray[Any]) -> tuple[int, int]:
        """Add the places of sources (.., length) where runs start; return (offset, run length)."""
        places = self.slot[sources]
        length = places.shape[-1]
        breaks = (np.diff(places, axis=-1) != 1).any(tuple(range(places.ndim - 1)))
        run = gcd(length, *(np.flatnonzero(breaks) + 1).tolist())
        run = run if run >= _SHORTEST_RUN else 1
        return self.table.add(places[..., ::run]), run

    def _kernels(self, weights: NDArray[Any], *, contiguous: bool) -> tuple[int, int, bool]:
        """Add the places of kernels (blocks, maps, slots) as (map) + (slot).

        Return the two offsets and whether they are copies. Contiguous kernels have their slots one
        after the other.
        """
        first = weights[:, :, :1].astype(np.int64)
        along = weights[:, :1].astype(np.int64) - first[:, :1]
        copied = bool((first + along != weights).any())
        if contiguous:
            copied = copied or bool((along != np.arange(weights.shape[2])).any())
        if copied:
            place = self.program.weight_count + 1 + self.copied.add(weights)
            rows = np.arange(weights.shape[0] * weights.shape[1])
            first = place + weights.shape[2] * rows
            along = np.broadcast_to(np.arange(weights.shape[2]), along.shape)
        return self.table.add(first), self.table.add(along), copied

    def _rows(self, step: Rows) -> None:
        code = COMBINES.index(step.function.combine) * len(REDUCES)
        code += REDUCES.index(step.function.reduce)
        place = int(self.slot[step.targets].min()) if step.targets.size else 0
        bias = np.where(step.bias < 0, self.program.weight_count, step.bias)
        self._op(
            ROWS,
            np.concatenate([step.weights, step.bias]),
            MAPS=step.targets.size,
            ROW=place,
            SLOTS=int(np.diff(step.ptr).max(initial=0)),
            SOURCE=self.table.add(self.slot[step.sources]),
            KERNEL=self.table.add(step.weights),
            BIAS=self.table.add(bias),
            PTR=self.table.add(step.ptr),
            CODE=code,
            READS=self._reads(step.sources),
        )
        self.scratch = max(self.scratch, int(self.ops[-1][Part.SLOTS]))
        if step.function.activation != Activation():
            size = step.targets.size
            stride = self._whole(size)
            frame = {"MAPS": 1, "FIELDS": size, "STRIDE": stride}
            self._activate(step.function.activation, place, frame)
