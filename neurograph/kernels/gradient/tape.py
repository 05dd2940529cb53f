"""The tape: a Program as ops that run forwards, then backwards.

A part of the states belongs to each step: a row of contiguous fields for each map. Over one
pattern, rows are filled up to whole vectors; over a block of samples, each state is as many numbers
side by side. Weights stay where they are, in a pool numbered by weight id: an op names the places
of its kernels as (map) + (slot), which holds for any layer; where it does not, the kernel is copied
behind the weights, and its gradient back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.functions import COMBINE, REDUCE, Activation
from neurograph.kernels.arena import input_ids
from neurograph.kernels.gradient import slopes
from neurograph.kernels.products import Product, products
from neurograph.program import Blocks, Program, Rows, Step, join_rows

# START sets rows of states to their biases, BLOCK adds kernels x fields, DENSE kernels over one
# field, ROWS computes neurons one by one with any (combine, reduce), ACTIVATE ends a sum.
START, BLOCK, DENSE, ROWS, ACTIVATE = range(5)
COMBINES, REDUCES = list(COMBINE), list(REDUCE)
NOTHING, INPUTS, NEURONS = range(3)  # what an op reads that a gradient may be wanted of
ROOM = 64  # numbers that may be read or written beyond the end of a buffer

_LONG = 1 << 10  # uses of a weight in an op that are added up in the engine's dtype

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
    """The tables of a program.

    `places[id]` is the place of a state, counted in states; offsets in the table are in numbers.
    `used[op]` are the weight ids of an op and its biases, with repeats. `copied` are those that are
    copied behind the pool's weights, the last of which is the zero that stands for no bias. The
    fields begin with `ones` ones.
    """

    ops: NDArray[np.int64]
    table: NDArray[np.int32]
    parameters: NDArray[np.float64]
    places: NDArray[np.int32]
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

    @property
    def pool(self) -> int:
        """The numbers of a pool: the weights, a zero, the copies."""
        return self.weights + 1 + self.copied.size

    def fill(self, pool: NDArray[Any], values: NDArray[Any]) -> None:
        """Put weight values, shape (weights,), into a pool, and their copies behind them."""
        pool[: self.weights] = values
        pool[self.weights + 1 : self.pool] = pool[self.copied]

    def collected(self, gradient: NDArray[Any]) -> NDArray[np.float64]:
        """Return the gradient by the weights, (weights,), those of their copies added."""
        found = gradient[: self.weights].astype(np.float64)
        if self.copied.size:
            copies = gradient[self.weights + 1 : self.pool]
            np.add.at(found, self.copied, copies)
        return found


@dataclass(eq=False)
class Table:
    """A table that grows at its end."""

    size: int = 0
    parts: list[NDArray[Any]] = field(default_factory=list)

    def add(self, part: Any) -> int:
        """Append a part and return its offset."""
        start, part = self.size, np.asarray(part).reshape(-1)
        self.parts.append(part.astype(np.int32))
        self.size += part.size
        return start


class TapeBuilder:
    """What tapes over one pattern and over a block of samples have in common."""

    def __init__(self, program: Program, *, multiple: int, samples: int) -> None:
        self.program, self.samples = program, samples
        self._multiple = multiple  # rows are filled up to a multiple of so many numbers
        self.table, self.copied = Table(), Table()
        self.table.add([0])  # offset 0 is at place 0
        self.parameters: dict[tuple[float, ...], int] = {}
        self.ops: list[NDArray[np.int64]] = []
        self.weights: list[NDArray[np.int32]] = []
        self.scratch, self.fields, self.shared = 0, 0, False
        self._lay_out()
        rows = (self.stride(s.targets.shape[2]) for s in program.steps if not self.as_rows(s))
        self.ones = samples * max(rows, default=1)

    def as_rows(self, step: Step) -> bool:
        """Whether a step is not worth a product, or may not be one."""
        raise NotImplementedError

    def block(self, product: Product, row: int, bias: int, *, copy: bool) -> None:
        """Add the op of a product; it starts from `bias`, a place of ids, if that is not -1.

        With `copy` the kernels are copies.
        """
        raise NotImplementedError

    def starts_from_bias(self, product: Product) -> bool:
        """Whether the op of a product with biases starts from them."""
        raise NotImplementedError

    def build(self) -> Tape:
        """Return the finished tables."""
        for level in self.program.levels:
            self._level(level)
        ops = np.array(self.ops, np.int64).reshape(-1, len(Part))
        program, samples = self.program, self.samples
        if max(self.size * samples + ROOM, self.table.size) >= 1 << 31:
            raise EngineError(
                f"numba engine: {self.size} states of {samples} samples do not fit 32-bit offsets"
            )
        empty = np.zeros(1, np.int32)
        return Tape(
            ops,
            np.concatenate([*self.table.parts, empty]),
            np.array([*self.parameters, (0.0,) * slopes.PARAMETERS]),
            self.places,
            self.size * samples,
            self.inputs,
            tuple((int(self.places[i]), float(s)) for i, s in program.constants.items()),
            tuple(self.weights),
            np.concatenate([*self.copied.parts, empty[:0]]),
            program.weight_count,
            self.fields,
            self.ones,
            self.scratch,
            self.shared,
        )

    # ---- where states lie ------------------------------------------------------------------

    def _lay_out(self) -> None:
        program = self.program
        self.places = np.full(program.size + 1, ZERO, np.int32)
        constants = sorted(program.constants)
        self.places[constants] = np.arange(1, len(constants) + 1)
        self.size = self.whole(1 + len(constants))
        inputs = input_ids(program)
        self.inputs = self.size
        self.places[inputs] = self.size + np.arange(inputs.size)
        self.size += self.whole(inputs.size)
        self._first = self.size  # from here on states are computed
        for level in program.levels:
            for step in level:
                self._place(step)

    def whole(self, size: int) -> int:
        """Return the next multiple of what rows are filled up to."""
        return -(-size // self._multiple) * self._multiple

    def stride(self, fields: int) -> int:
        """Return the states from row to row of targets."""
        return 1 if fields == 1 else self.whole(fields)

    def _place(self, step: Step) -> None:
        if self.as_rows(step):
            self.places[step.targets.reshape(-1)] = self.size + np.arange(step.targets.size)
            self.size += self.whole(step.targets.size)
            return
        blocks, maps, fields = step.targets.shape
        stride = self.stride(fields)
        rows = self.size + stride * np.arange(blocks * maps)
        self.places[step.targets.reshape(-1, fields)] = rows[:, None] + np.arange(fields)
        self.size += self.whole(blocks * maps * stride)

    def offsets(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the offsets of neurons' states."""
        return self.places[ids].astype(np.int64) * self.samples

    # ---- ops -------------------------------------------------------------------------------

    def _level(self, steps: tuple[Step, ...]) -> None:
        blocks = [s for s in steps if isinstance(s, Blocks) and not self.as_rows(s)]
        for product in products(blocks, framed=True):
            self._product(product)
        for step in steps:
            if self.as_rows(step):
                self._rows(join_rows([step]))

    def op(self, kind: int, used: NDArray[Any], **columns: int) -> None:
        """Add an op that uses some weights (-1: none)."""
        op = np.zeros(len(Part), np.int64)
        op[Part.KIND], op[Part.TRAINED] = kind, 1
        for name, value in columns.items():
            op[Part[name]] = value
        self.ops.append(op)
        self.weights.append(used.reshape(-1) if used.min(initial=0) >= 0 else used[used >= 0])

    def _product(self, product: Product) -> None:
        blocks, maps, fields = product.targets.shape
        row, bias = self.table.add(self.offsets(product.targets[:, :, 0])), -1
        if product.bias is not None:
            fused = self.starts_from_bias(product)
            start = self._start(product.bias, product.targets, row, fused)
            bias = start if fused else -1
        if product.sources.shape[2]:
            self._pieces(product, row, bias)
        if product.activation != Activation():
            first = int(self.offsets(product.targets).min())
            self._activate(product.activation, first, blocks * maps, fields)

    def _pieces(self, product: Product, row: int, bias: int) -> None:
        """Add the op of a product, or some over a part of its fields each.

        Long sums lose digits: those of later pieces go to copies of the kernels, and are added up
        in the end.
        """
        first = list(range(0, product.targets.shape[2], _LONG))
        if len(first) > 1 and product.targets.shape[2] - first[-1] < _LONG // 2:
            first.pop()  # a single field would be another kind of op
        for a, b in zip(first, [*first[1:], product.targets.shape[2]], strict=True):
            targets = product.targets[:, :, a:b]
            piece = replace(product, sources=product.sources[:, a:b], targets=targets)
            own = self.table.add(self.offsets(targets[:, :, 0])) if a else row
            self.block(piece, own, bias, copy=a > 0)

    def _start(self, bias: NDArray[Any], targets: NDArray[Any], row: int, fused: bool) -> int:
        fields = targets.shape[2]
        ids = self.table.add(np.where(bias < 0, self.program.weight_count, bias))
        each = int(bias.shape[2] > 1)
        frame = {"MAPS": bias.size // fields if each else bias.size, "FIELDS": fields}
        frame["STRIDE"] = self.samples * self.stride(fields)
        if each and self.samples > 1:  # a row for each field
            row = self.table.add(self.offsets(targets))
            frame, each = {"MAPS": targets.size, "FIELDS": 1, "STRIDE": self.samples}, 0
        self.op(START, bias, ROW=row, BIAS=ids, EACH=each, FUSED=int(fused), **frame)
        return ids

    def _activate(self, activation: Activation, place: int, rows: int, fields: int) -> None:
        code, own = slopes.parameters(activation)
        number = self.parameters.setdefault(own, len(self.parameters))
        frame = {"MAPS": rows, "FIELDS": fields * self.samples}
        frame["STRIDE"] = self.stride(fields) * self.samples
        none = np.empty(0, np.int32)
        self.op(ACTIVATE, none, ROW=place, CODE=code, PARAMETER=number, **frame)

    def reads(self, sources: NDArray[Any]) -> int:
        """Return what sources are: NEURONS if any is one, else INPUTS, else NOTHING."""
        places = self.places[sources]
        if (places >= self._first).any():
            return NEURONS
        return INPUTS if (places >= self.inputs).any() else NOTHING

    def kernels(
        self, weights: NDArray[Any], *, contiguous: bool, copy: bool
    ) -> tuple[int, int, bool]:
        """Add the places of kernels (blocks, maps, slots) as (map) + (slot).

        Return the two offsets and whether they are copies. Contiguous kernels have their slots one
        after the other.
        """
        first = weights[:, :, :1].astype(np.int64)
        along = weights[:, :1].astype(np.int64) - first[:, :1]
        copied = copy or bool((first + along != weights).any())
        if contiguous:
            copied = copied or bool((along != np.arange(weights.shape[2])).any())
        if copied:
            place = self.program.weight_count + 1 + self.copied.add(weights)
            rows = np.arange(weights.shape[0] * weights.shape[1])
            first = place + weights.shape[2] * rows
            along = np.broadcast_to(np.arange(weights.shape[2]), along.shape)
        return self.table.add(first), self.table.add(along), copied

    def _spread(self, ids: NDArray[Any]) -> NDArray[Any]:
        """Return the places of weights: of those used very often, copies for later uses."""
        uses = np.bincount(ids, minlength=self.program.weight_count + 1)
        uses[-1] = 0  # what stands for no bias
        often = np.flatnonzero((uses > _LONG)[ids])
        if not often.size:
            return ids
        order = often[np.argsort(ids[often], kind="stable")]
        same = ids[order]
        number = np.arange(same.size) - np.searchsorted(same, same)
        later, which = np.unique(same.astype(np.int64) << 32 | number // _LONG, return_inverse=True)
        first = self.program.weight_count + 1 + self.copied.add(later >> 32)
        places = ids.astype(np.int64)
        places[order] = np.where(number < _LONG, same, first + which.reshape(-1))
        return places

    def _rows(self, step: Rows) -> None:
        code = COMBINES.index(step.function.combine) * len(REDUCES)
        code += REDUCES.index(step.function.reduce)
        size, place = step.targets.size, int(self.offsets(step.targets).min(initial=1 << 62))
        bias = np.where(step.bias < 0, self.program.weight_count, step.bias)
        longest = int(np.diff(step.ptr).max(initial=0))
        self.op(
            ROWS,
            np.concatenate([step.weights, step.bias]),
            MAPS=size,
            ROW=place,
            SLOTS=longest,
            SOURCE=self.table.add(self.offsets(step.sources)),
            KERNEL=self.table.add(self._spread(step.weights)),
            BIAS=self.table.add(self._spread(bias)),
            PTR=self.table.add(step.ptr),
            CODE=code,
            READS=self.reads(step.sources),
        )
        self.scratch = max(self.scratch, (longest + 3) * self.samples)
        if step.function.activation != Activation():
            self._activate(step.function.activation, place, 1, size)
