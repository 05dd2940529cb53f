"""A layer as it stands in the drawing of a network: stacked squares, or a bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph import Layer
from neurograph.plot.canvas import BLUE, RED, face
from neurograph.plot.mosaic import as_maps

Box = tuple[float, float, float, float]  # left, bottom, right, top
_SIDE, _LENGTH = 0.78, 1.15  # inches of the largest map and of the longest vector
_BAR, _LEAST = 0.15, 0.2  # inches: how wide a bar is; how small anything gets
_DEPTH, _STEP = 0.42, 0.09  # inches of a whole stack, and from a map to the next
_MAPS = 16  # of a stack that are drawn


@dataclass(frozen=True)
class Block:
    """A layer, the column and lane where it stands, its centre, and the largest sizes there are."""

    layer: Layer
    column: int
    lane: int
    centre: tuple[float, float]
    largest: int
    longest: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Maps, rows and columns."""
        maps, rows, columns = as_maps(self.layer.ids).shape
        return maps, rows, columns

    @property
    def is_bar(self) -> bool:
        """Whether its maps are of one place each."""
        return self.shape[1:] == (1, 1)

    @property
    def size(self) -> tuple[float, float]:
        """The width and height of one map, or of the bar."""
        maps, rows, columns = self.shape
        if self.is_bar:
            return _BAR, max(_LEAST, _LENGTH * float(np.sqrt(maps / self.longest)))
        each = _SIDE * np.sqrt(max(rows, columns) / self.largest) / max(rows, columns)
        return max(_BAR, float(each * columns)), max(_BAR, float(each * rows))

    @property
    def steps(self) -> tuple[int, float]:
        """How many maps are drawn, and how far each is from the one behind."""
        count = 1 if self.is_bar else min(self.shape[0], _MAPS)
        return count, min(_STEP, _DEPTH / max(count - 1, 1))

    @property
    def front(self) -> Box:
        """Where the foremost map is, or the bar."""
        (width, height), (count, step) = self.size, self.steps
        back = (count - 1) * step / 2
        left, bottom = self.centre[0] - width / 2 + back, self.centre[1] - height / 2 - back
        return left, bottom, left + width, bottom + height

    @property
    def left(self) -> float:
        """Where it begins."""
        count, step = self.steps
        return self.front[0] - (count - 1) * step

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.front[2]

    @property
    def top(self) -> tuple[float, float]:
        """The middle of its upper edge."""
        (left, _, right, top), (count, step) = self.front, self.steps
        back = (count - 1) * step
        return (left + right) / 2 - back, top + back

    def draw(self, ax: Any, options: dict[str, Any]) -> None:
        """Draw it, from the hindmost map to the foremost."""
        from matplotlib.patches import Rectangle

        (left, bottom, _, __), (count, step) = self.front, self.steps
        for back in reversed(range(count)):
            corner = left - back * step, bottom + back * step
            look: dict[str, Any] = {
                "facecolor": face(),
                "edgecolor": BLUE,
                "linewidth": 1.3,
                "zorder": 3,
                **options,
            }
            ax.add_patch(Rectangle(corner, *self.size, **look))
            tint: dict[str, Any] = {"facecolor": BLUE, "alpha": 0.16, "linewidth": 0, "zorder": 3}
            ax.add_patch(Rectangle(corner, *self.size, **tint))
        if self.column:
            ax.plot(*self.example()[1], "o", color=RED, markersize=4, zorder=7)

    def at(self, row: float, column: float) -> tuple[float, float]:
        """Return where a place of the foremost map is; its cells are 1 by 1."""
        left, _, right, top = self.front
        _, rows, columns = self._cells
        height = self.size[1]
        return left + (right - left) * column / columns, top - height * row / rows

    @property
    def _cells(self) -> tuple[int, int, int]:
        maps, rows, columns = self.shape
        return (1, maps, 1) if self.is_bar else (maps, rows, columns)

    def example(self) -> tuple[int, tuple[float, float]]:
        """Return the id of one neuron, of the last map that has any, and where it is drawn."""
        maps = self.layer.ids.reshape(self._cells)
        ids = maps[np.flatnonzero((maps >= 0).any(axis=(1, 2)))[-1]]
        there = np.argwhere(ids >= 0)
        wanted = np.array(ids.shape) * (0.5, 0.6)
        row, column = there[np.argmin(((there - wanted) ** 2).sum(axis=1))].tolist()
        return int(ids[row, column]), self.at(row + 0.5, column + 0.5)

    def around(self, ids: NDArray[Any]) -> Box | None:
        """Return the smallest box on the foremost map around the places of ids; None for none."""
        places = self.layer.neurons.positions(ids)
        if not (places >= 0).any():
            return None
        _, rows, columns = np.unravel_index(places[places >= 0], self._cells)
        left, top = self.at(int(rows.min()), int(columns.min()))
        right, bottom = self.at(int(rows.max()) + 1, int(columns.max()) + 1)
        return left, bottom, right, top
