"""Building a tape: what one over a pattern and one over a block of samples have in common."""

from __future__ import annotations

from dataclasses import replace
from itertools import product as combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import EngineError
from neurograph.functions import Activation
from neurograph.kernels.gradient import slopes
from neurograph.kernels.gradient.layout import Layout
from neurograph.kernels.gradient.tape import (
    ACTIVATE,
    COMBINES,
    INPUTS,
    NEURONS,
    NOTHING,
    REDUCES,
    REPEAT,
    ROOM,
    ROWS,
    START,
    Part,
    Table,
    Tape,
)
from neurograph.kernels.gradient.uses import Uses
from neurograph.kernels.long_sums import cuts
from neurograph.kernels.product import Product
from neurograph.kernels.products import products
from neurograph.program import Blocks, Program, Rows, Step, join_rows


class TapeBuilder(Layout):
    """Adds the ops of a program; how its blocks become ops a subclass says."""

    def __init__(self, program: Program, *, multiple: int, samples: int) -> None:
        super().__init__(program, multiple=multiple, samples=samples)
        self.table, self.copied = Table(), Table()
        self.table.add([0])  # offset 0 is at place 0
        self.parameters: dict[tuple[float, ...], int] = {}
        self.ops: list[NDArray[np.int64]] = []
        self.weights: list[NDArray[np.int32]] = []
        self.scratch, self.fields, self.shared = 0, 0, False
        self._read, self._used = Uses(self.inputs, self.size), Uses(0, program.weight_count)
        self._copies = np.zeros((2, self.size), np.int64)  # the last one of a state: turn, place
        rows = (self.stride(s.targets.shape[2]) for s in program.steps if not self.as_rows(s))
        self.ones = samples * max(rows, default=1)

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
        self.weights.append(used if used.min(initial=0) >= 0 else used[used >= 0])

    def _product(self, product: Product) -> None:
        blocks, maps, fields = product.targets.shape
        bias = None
        if product.bias is not None:
            bias = np.where(product.bias < 0, self.program.weight_count, product.bias)
            bias = self._spread(bias.reshape(-1)).reshape(bias.shape)
            fused = self.starts_from_bias(product)
            self._start(product, bias, fused)
            bias = bias if fused else None
        if product.sources.shape[2]:
            self._pieces(product, bias)
        if product.activation != Activation():
            first = int(self.offsets(product.targets).min())
            self._activate(product.activation, first, blocks * maps, fields)

    def _pieces(self, product: Product, bias: NDArray[Any] | None) -> None:
        """Add the op of a product, or some of a part of its maps, fields and slots each.

        A sum over more would lose digits, forwards or backwards. Kernels over later fields are
        copies, whose gradients are added up in the end.
        """
        parts = [cuts(size) for size in (*product.targets.shape[1:], product.sources.shape[2])]
        for maps, fields, slots in combinations(*parts):
            piece = replace(
                product,
                sources=product.sources[:, fields, slots],
                weights=product.weights[:, maps, slots],
                targets=product.targets[:, maps, fields],
            )
            row = self.table.add(self.offsets(piece.targets[:, :, 0]))
            starts = bias is not None and slots.start == 0
            own = self.table.add(bias[:, maps]) if bias is not None and starts else -1
            self.block(piece, row, own, copy=fields.start > 0)

    def _start(self, product: Product, bias: NDArray[Any], fused: bool) -> None:
        targets = product.targets
        fields, each = targets.shape[2], int(bias.shape[2] > 1)
        frame = {"MAPS": bias.size // fields if each else bias.size, "FIELDS": fields}
        frame["STRIDE"] = self.samples * self.stride(fields)
        first = targets[:, :, 0]
        if each and self.samples > 1:  # a row for each field
            first, each = targets, 0
            frame = {"MAPS": targets.size, "FIELDS": 1, "STRIDE": self.samples}
        row, ids = self.table.add(self.offsets(first)), self.table.add(bias)
        assert product.bias is not None
        self.op(START, product.bias, ROW=row, BIAS=ids, EACH=each, FUSED=int(fused), **frame)

    def _activate(self, activation: Activation, place: int, rows: int, fields: int) -> None:
        code, own = slopes.parameters(activation)
        number = self.parameters.setdefault(own, len(self.parameters))
        frame = {"MAPS": rows, "FIELDS": fields * self.samples}
        frame["STRIDE"] = self.stride(fields) * self.samples
        none = np.empty(0, np.int32)
        self.op(ACTIVATE, none, ROW=place, CODE=code, PARAMETER=number, **frame)

    def read(self, sources: NDArray[Any]) -> NDArray[np.int64]:
        """Return the places where an op reads sources: copies of those that are read very often.

        The deltas of each are added up by themselves.
        """
        places = self.places[sources].astype(np.int64)
        flat = places.reshape(-1)
        turns = self._read.turns(flat)
        if turns is None:
            return places
        later = np.flatnonzero(turns)
        keys, which = np.unique(turns[later] << 32 | flat[later], return_inverse=True)
        turn, place = keys >> 32, keys & 0xFFFFFFFF
        fresh = self._copies[0, place] != turn
        found = self._copies[1, place]
        found[fresh] = self.size + np.arange(fresh.sum())
        self.size += self.whole(int(fresh.sum()))
        self._copies[0, place], self._copies[1, place] = turn, found
        self._repeat(place[fresh], found[fresh])
        flat[later] = found[which.reshape(-1)]
        return flat.reshape(places.shape)

    def _repeat(self, places: NDArray[Any], copies: NDArray[Any]) -> None:
        """Add the op that copies states to other places."""
        source, row = (self.table.add(p * self.samples) for p in (places, copies))
        frame = {"MAPS": places.size, "STRIDE": self.samples}
        self.op(REPEAT, np.empty(0, np.int32), SOURCE=source, ROW=row, **frame)

    def reads(self, sources: NDArray[Any]) -> int:
        """Return what sources are: NEURONS if any is one, else INPUTS, else NOTHING."""
        places = self.places[sources]
        if (places >= self.first).any():
            return NEURONS
        return INPUTS if (places >= self.inputs).any() else NOTHING

    def kernels(self, product: Product, *, contiguous: bool, copy: bool) -> tuple[int, int, bool]:
        """Add the places of a product's kernels as (map) + (slot).

        Return the two offsets and whether they are copies. Contiguous kernels have their slots one
        after the other, and each lies behind the one before.
        """
        weights, fields = product.weights, product.targets.shape[2]
        first = weights[:, :, :1].astype(np.int64)
        along = weights[:, :1].astype(np.int64) - first[:, :1]
        copied = copy or bool((first + along != weights).any()) or self._often(weights, fields)
        if contiguous:  # what adds to some kernels at once must not meet one of them twice
            copied = copied or bool((along != np.arange(weights.shape[2])).any())
            copied = copied or bool((np.diff(first, axis=1) < weights.shape[2]).any())
        if copied:
            place = self.program.weight_count + 1 + self.copied.add(weights)
            rows = np.arange(weights.shape[0] * weights.shape[1])
            first = place + weights.shape[2] * rows
            along = np.broadcast_to(np.arange(weights.shape[2]), along.shape)
        return self.table.add(first), self.table.add(along), copied

    def _often(self, weights: NDArray[Any], fields: int) -> bool:
        """Whether kernels of (map) + (slot) over so many fields use a weight very often."""
        first, along = np.sort(weights[:, :, 0], axis=None), np.sort(weights[0, 0])
        apart = np.diff(first).min(initial=1 << 30) > along[-1] - along[0]
        if apart and np.diff(along).min(initial=1) > 0:  # each weight stands in one slot
            return self._used.often(first, fields)
        ids, times = np.unique(weights, return_counts=True)
        return self._used.often(ids, times * fields)

    def _spread(self, ids: NDArray[Any]) -> NDArray[Any]:
        """Return the places of weights: of those used very often, copies for later uses."""
        turns = self._used.turns(ids)
        if turns is None:
            return ids
        keys = turns << 32 | ids
        later, which = np.unique(keys[turns > 0], return_inverse=True)
        first = self.program.weight_count + 1 + self.copied.add(later & 0xFFFFFFFF)
        places = ids.astype(np.int64)
        places[turns > 0] = first + which.reshape(-1)
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
            SOURCE=self.table.add(self.read(step.sources) * self.samples),
            KERNEL=self.table.add(self._spread(step.weights)),
            BIAS=self.table.add(self._spread(bias)),
            PTR=self.table.add(step.ptr),
            CODE=code,
            READS=self.reads(step.sources),
        )
        self.scratch = max(self.scratch, (longest + 3) * self.samples)
        if step.function.activation != Activation():
            self._activate(step.function.activation, place, 1, size)
