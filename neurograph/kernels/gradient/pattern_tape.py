"""The tape over one pattern: fields are gathered, so that lanes lie over fields or slots."""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.kernels.gradient.tape import BLOCK, DENSE, Tape
from neurograph.kernels.gradient.tape_builder import TapeBuilder
from neurograph.kernels.lanes import lane_count
from neurograph.kernels.long_sums import cuts
from neurograph.kernels.product import Product
from neurograph.program import Program, Rows, Step

_SMALL = 32  # multiply-adds of a block below which rows are faster
_SHORTEST_RUN = 4
_MOST_FIELDS = 1 << 26  # numbers; where the fields of all ops are more, ops share one buffer


def build(program: Program, itemsize: int) -> Tape:
    """Return the tape of a program over one pattern, for numbers of `itemsize` bytes."""
    return _Builder(program, lane_count(itemsize)).build()


class _Builder(TapeBuilder):
    def __init__(self, program: Program, lanes: int) -> None:
        super().__init__(program, multiple=lanes, samples=1)
        fields = sum(
            s.sources.size * len(cuts(s.targets.shape[1]))
            for s in program.steps
            if not self.as_rows(s)
        )
        self.shared = fields > _MOST_FIELDS
        self._next, self.fields = self.ones, self.ones
        ids = [ids.reshape(-1) for step in program.steps for ids in (step.weights, step.bias)]
        found = np.concatenate([np.empty(0, np.int32), *ids])
        self._uses = np.bincount(found[found >= 0], minlength=program.weight_count)

    def as_rows(self, step: Step) -> bool:
        """Whether a step is not worth a product."""
        if isinstance(step, Rows) or not step.function.linear:
            return True
        blocks, maps, fields = step.targets.shape
        return blocks > 8 and maps * fields * step.sources.shape[2] < _SMALL

    def starts_from_bias(self, product: Product) -> bool:
        """Whether the op of a product with biases starts from them."""
        each = product.bias is not None and product.bias.shape[2] > 1
        return product.sources.shape[2] > 0 and product.targets.shape[2] > 1 and not each

    def block(self, product: Product, row: int, bias: int, *, copy: bool) -> None:
        """Add the op of a product: a DENSE one over a single field."""
        blocks, maps, fields = product.targets.shape
        slots = product.sources.shape[2]
        frame = {"BLOCKS": blocks, "MAPS": maps, "FIELDS": fields, "SLOTS": slots, "ROW": row}
        frame["READS"] = self.reads(product.sources)
        if fields > 1:
            self._block(product, bias, frame, copy=copy)
        else:
            self._dense(product, frame)

    def _block(self, product: Product, bias: int, frame: dict[str, int], *, copy: bool) -> None:
        slots, stride = frame["SLOTS"], self.stride(frame["FIELDS"])
        kernel, slot, _ = self.kernels(product, contiguous=False, copy=copy)
        source, run = self._runs(self.read(product.sources).transpose(0, 2, 1))
        rows = stride * np.arange(frame["BLOCKS"] * slots)
        self.scratch = max(self.scratch, slots * stride)
        self.op(
            BLOCK,
            product.weights,
            STRIDE=stride,
            SOURCE=source,
            RUN=run,
            PLACE=self._next,
            COLUMN=self.table.add(self._next + rows),
            SCRATCH=self.table.add(rows[:slots]),
            KERNEL=kernel,
            SLOT=slot,
            BIAS=bias,
            ZEROS=self.table.add(np.full(slots, self.program.weight_count)),
            **frame,
        )
        self._take_fields(rows.size * stride)

    def _dense(self, product: Product, frame: dict[str, int]) -> None:
        stride = self.whole(frame["SLOTS"])
        kernel, slot, copied = self.kernels(product, contiguous=True, copy=False)
        source, run = self._runs(self.read(product.sources))
        self.scratch = max(self.scratch, stride)
        self.op(
            DENSE,
            product.weights,
            STRIDE=stride,
            SOURCE=source,
            RUN=run,
            PLACE=self._next,
            COLUMN=self.table.add(self._next + stride * np.arange(frame["BLOCKS"])),
            KERNEL=kernel,
            SLOT=slot,
            FUSED=int(not copied and bool((self._uses[product.weights] == 1).all())),
            **frame,
        )
        self._take_fields(frame["BLOCKS"] * stride)

    def _take_fields(self, size: int) -> None:
        self.fields = max(self.fields, self._next + size)
        if not self.shared:
            self._next += size

    def _runs(self, places: NDArray[Any]) -> tuple[int, int]:
        """Add the places (.., length) where runs start; return (offset, run length)."""
        length = places.shape[-1]
        breaks = (np.diff(places, axis=-1) != 1).any(tuple(range(places.ndim - 1)))
        run = gcd(length, *(np.flatnonzero(breaks) + 1).tolist())
        run = run if run >= _SHORTEST_RUN else 1
        return self.table.add(places[..., ::run]), run
