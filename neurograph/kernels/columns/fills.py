"""How the value tables of a column plan are filled from weight values: once a change, no plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.kernels.columns.fusion import Scale
from neurograph.kernels.columns.walks import pack
from neurograph.program import Ids

Values = NDArray[np.float64]


def factors(scales: tuple[Scale, ...], values: Values, rows: int) -> Values:
    """Return what the weights of each row (block, map) are multiplied by."""
    total = np.ones(rows)
    for scale in scales:
        total *= values[scale.factor]
    return total


def biases(scales: tuple[Scale, ...], values: Values, ids: Ids) -> Values:
    """Return the biases of ids (rows, fields or 1) behind the scales; an id of -1 is none."""
    total = np.where(ids >= 0, values[ids], 0.0)
    for scale in scales:
        summand = np.where(scale.summand >= 0, values[scale.summand], 0.0)
        total = total * values[scale.factor][:, None] + summand[:, None]
    return total


@dataclass(frozen=True, eq=False)
class Panels:
    """The weights (maps, slots) of a product in panels of `width` maps, slots in `order`."""

    at: int
    weights: Ids
    order: NDArray[np.int64]
    scales: tuple[Scale, ...]
    row: int  # of the first map among the rows of the scales
    width: int
    lanes: int

    @property
    def size(self) -> int:
        """The numbers taken in the table; the last panel is only as many vectors as it needs."""
        return -(-len(self.weights) // self.lanes) * self.lanes * self.order.size

    def fill(self, values: Values, table: NDArray[Any]) -> None:
        """Write the weights to their place."""
        maps = len(self.weights)
        rows = self.row + maps
        scale = factors(self.scales, values, _rows(self.scales, rows))[self.row : rows]
        whole = maps - maps % self.width
        if maps - whole > self.lanes:
            whole = maps
        at = self.at
        if whole:
            pack(values, self.weights[:whole], self.order, scale, self.width, table[at:])
        if whole < maps:
            rest = self.weights[whole:]
            at += whole * self.order.size
            pack(values, rest, self.order, scale[whole:], self.lanes, table[at:])


def _rows(scales: tuple[Scale, ...], least: int) -> int:
    return scales[0].factor.size if scales else least


@dataclass(frozen=True, eq=False)
class Lanewise:
    """Weights (lanes, slots) as [slot][lane], rows `step` apart; or one lane's for all."""

    at: int
    weights: Ids
    scales: tuple[Scale, ...]
    first: int  # of the lanes among the rows of the scales
    step: int

    @property
    def size(self) -> int:
        """The numbers taken in the table."""
        return self.step * self.weights.shape[1]

    def fill(self, values: Values, table: NDArray[Any]) -> None:
        """Write the weights to their place."""
        lanes, slots = self.weights.shape
        scale = factors(self.scales, values, _rows(self.scales, self.first + lanes))
        rows = table[self.at : self.at + self.size].reshape(slots, self.step)
        rows[:, :lanes] = (values[self.weights] * scale[self.first : self.first + lanes, None]).T


@dataclass(frozen=True, eq=False)
class Each:
    """The weights of single rows, one a connection; `row` is each one's among the scales'."""

    at: int
    weights: Ids
    scales: tuple[Scale, ...]
    row: NDArray[np.int64] | None

    @property
    def size(self) -> int:
        """The numbers taken in the table."""
        return self.weights.size

    def fill(self, values: Values, table: NDArray[Any]) -> None:
        """Write the weights to their place."""
        found = values[self.weights]
        if self.row is not None:
            found *= factors(self.scales, values, self.scales[0].factor.size)[self.row]
        table[self.at : self.at + found.size] = found


@dataclass(frozen=True, eq=False)
class Biases:
    """The biases of rows first to last of a step, fields (or 1) x rows, `step` apart."""

    at: int
    ids: Ids  # (rows, fields or 1), of all rows
    scales: tuple[Scale, ...]
    first: int
    last: int
    step: int

    @property
    def size(self) -> int:
        """The numbers taken in the table."""
        return self.step * self.ids.shape[1]

    def fill(self, values: Values, table: NDArray[Any]) -> None:
        """Write the biases to their place."""
        rows = table[self.at : self.at + self.size].reshape(-1, self.step)
        found = biases(self.scales, values, self.ids)[self.first : self.last]
        rows[:, : self.last - self.first] = found.T


Fill = Panels | Lanewise | Each
