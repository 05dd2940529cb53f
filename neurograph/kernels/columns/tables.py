"""The tables of a column plan: ops, offsets and what fills the values, appended step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.functions import Activation
from neurograph.kernels import activations
from neurograph.kernels.columns.fills import Biases, Fill
from neurograph.kernels.columns.ops import PRODUCT, ColumnOp
from neurograph.kernels.columns.panels import VECTORS

MOST_SLOTS = 384  # of a block: its states and weights stay in the first-level cache


@dataclass(frozen=True, eq=False)
class ColumnPlan:
    """The tables of a program; states of a sample are `size` numbers.

    `places` says where the state of each id lies; what is used again is there only for a while.
    """

    ops: NDArray[np.int64]
    index: NDArray[np.int32]
    row: NDArray[np.int32]
    parameters: NDArray[np.float64]
    fills: tuple[Fill, ...]
    biases: tuple[Biases, ...]
    addend_factors: tuple[tuple[int, int], ...]
    weight_size: int
    bias_size: int
    places: NDArray[np.int32]
    size: int
    inputs: int
    constants: tuple[tuple[int, float], ...]


@dataclass(eq=False)
class Numbers:
    """A table of 32-bit numbers that grows at its end."""

    size: int = 0
    parts: list[NDArray[np.int32]] = field(default_factory=list)

    def add(self, part: Any) -> int:
        """Append a part and return its offset."""
        start = self.size
        self.parts.append(np.asarray(part, np.int32).reshape(-1))
        self.size += self.parts[-1].size
        return start

    def joined(self) -> NDArray[np.int32]:
        """Return the table; never empty, so that it has an address."""
        return np.concatenate([*self.parts, np.zeros(1, np.int32)])


@dataclass(eq=False)
class Tables:
    """What a plan consists of while it grows."""

    lanes: int
    ops: list[NDArray[np.int64]] = field(default_factory=list)
    index: Numbers = field(default_factory=Numbers)
    row: Numbers = field(default_factory=Numbers)
    fills: list[Fill] = field(default_factory=list)
    biases: list[Biases] = field(default_factory=list)
    weight_size: int = 0
    bias_size: int = 0
    addend_factors: list[tuple[int, int]] = field(default_factory=list)  # (place, weight id)
    parameters: dict[tuple[float, float, float], int] = field(default_factory=dict)

    def padded(self, count: int) -> int:
        """Return `count` rounded up to whole vectors."""
        return -(-count // self.lanes) * self.lanes

    @property
    def width(self) -> int:
        """The maps of a whole panel."""
        return VECTORS * self.lanes

    def weights(self, fill: Fill) -> int:
        """Take room for weights, `fill.at` being the table's end; return the offset."""
        self.fills.append(fill)
        self.weight_size += -(-fill.size // self.lanes) * self.lanes  # the next begins a vector
        return fill.at

    def bias(self, fill: Biases) -> int:
        """Take room for biases, `fill.at` being the table's end; return the offset."""
        self.biases.append(fill)
        self.bias_size += fill.size
        return fill.at

    def factor(self, weight: int) -> int:
        """Take room for one weight among the biases; return its place."""
        self.addend_factors.append((self.bias_size, weight))
        self.bias_size += 1
        return self.bias_size - 1

    def op(self, kind: int, activation: Activation, **columns: int) -> None:
        """Append an op."""
        code, parameters = activations.encode(activation)
        place = self.parameters.setdefault(parameters, len(self.parameters))
        row = np.zeros(len(ColumnOp), np.int64)
        row[ColumnOp.KIND], row[ColumnOp.ACTIVATION] = kind, code
        row[ColumnOp.PARAMETER], row[ColumnOp.ADDEND] = 3 * place, -1
        for name, value in columns.items():
            row[ColumnOp[name]] = value
        self.ops.append(row)

    def product(
        self, activation: Activation, begins: NDArray[np.bool_], starts: Any, **columns: int
    ) -> None:
        """Append a product whose runs begin where `begins` says.

        starts(places) gives the states' offsets (fields, places) of the slots at these places.
        """
        first, blocks = _blocks(begins)
        runs = np.stack([np.diff([*first, begins.size]), first], axis=1)
        self.op(
            PRODUCT,
            activation,
            INDEX=self.index.add(starts(first)),
            RUNS=len(runs),
            RUN=self.row.add(runs),
            BLOCKS=len(blocks) - 1,
            BLOCK=self.row.add(blocks),
            SLOTS=begins.size,
            **columns,
        )


def _blocks(begins: NDArray[np.bool_]) -> tuple[NDArray[np.intp], list[int]]:
    """Return (the slots at which runs begin, the first run of each block and one past the last).

    Blocks are equally many slots, and runs end with them.
    """
    parts = -(-begins.size // MOST_SLOTS)
    edges = begins.size * np.arange(parts) // parts
    cut = begins.copy()
    cut[edges] = True
    starts = np.flatnonzero(cut)
    return starts, [*np.searchsorted(starts, edges).tolist(), starts.size]
