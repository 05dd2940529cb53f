"""The tape over a block of samples, which lie side by side: lanes are samples."""

from __future__ import annotations

import numpy as np

from neurograph.kernels.gradient.tape import BLOCK, DENSE, Tape
from neurograph.kernels.gradient.tape_builder import TapeBuilder
from neurograph.kernels.product import Product
from neurograph.program import Program, Rows, Step


def build(program: Program, samples: int, lanes: int) -> Tape:
    """Return the tape of a program over a block of samples."""
    return _Builder(program, samples, lanes).build()


class _Builder(TapeBuilder):
    def __init__(self, program: Program, samples: int, lanes: int) -> None:
        self._alone: dict[int, bool] = {}
        super().__init__(program, multiple=1, samples=samples)
        self._lanes = lanes
        self.fields = self.ones

    def as_rows(self, step: Step) -> bool:
        """Whether a step is no product: a field that reads a source twice must add to it twice."""
        if isinstance(step, Rows) or not step.function.linear:
            return True
        if id(step) not in self._alone:
            ordered = np.sort(step.sources, axis=2)
            twice = (ordered[:, :, 1:] == ordered[:, :, :-1]) & (ordered[:, :, 1:] >= 0)
            self._alone[id(step)] = bool(twice.any())
        return self._alone[id(step)]

    def starts_from_bias(self, product: Product) -> bool:
        """Whether the op of a product with biases starts from them."""
        each = product.bias is not None and product.bias.shape[2] > 1
        return product.sources.shape[2] > 0 and not each

    def block(self, product: Product, row: int, bias: int, *, copy: bool) -> None:
        """Add the op of a product.

        DENSE where the gradient of its weights is better taken with lanes over slots.
        """
        blocks, maps, fields = product.targets.shape
        slots, samples = product.sources.shape[2], self.samples
        dense = fields == 1 and slots >= self._lanes
        width = -(-slots // self._lanes) * self._lanes
        kernel, slot, _ = self.kernels(product, contiguous=dense, copy=copy)
        frame = {"BLOCKS": blocks, "MAPS": maps, "FIELDS": fields, "SLOTS": slots, "ROW": row}
        if dense:
            self.scratch = max(self.scratch, samples * width)
            frame["COLUMN"] = self.table.add(np.arange(samples))
            frame["SCRATCH"] = self.table.add(width * np.arange(samples))
        self.op(
            DENSE if dense else BLOCK,
            product.weights,
            STRIDE=fields * samples,
            SOURCE=self.table.add(self.read(product.sources) * self.samples),
            KERNEL=kernel,
            SLOT=slot,
            BIAS=bias,
            READS=self.reads(product.sources),
            **frame,
        )
