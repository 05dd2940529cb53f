"""Maps side by side in one picture, and which neuron is in which map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError, kind_of
from neurograph.graph import Graph, Layer, Reference, neuron_ids
from neurograph.plot.canvas import counted

Array = NDArray[Any]
CELLS_MAX = 1 << 22  # of a picture: no screen shows more


def as_maps(values: Array) -> Array:
    """Return values in a layer's shape as (maps, rows, columns); a vector is maps of one place.

    >>> as_maps(np.zeros(84)).shape, as_maps(np.zeros((3, 4))).shape, as_maps(np.zeros(())).shape
    ((84, 1, 1), (1, 3, 4), (1, 1, 1))
    """
    if values.ndim < 2:
        return values.reshape(-1, 1, 1)
    rows, columns = values.shape[-2:]
    return values.reshape(-1, rows, columns)


@dataclass(frozen=True)
class Mosaic:
    """Where the cells of (maps, rows, columns) lie in one picture: maps in rows of `across`.

    >>> Mosaic((3, 2, 2), across=2).filled(np.ones((3, 2, 2))).shape
    (5, 5)
    """

    shape: tuple[int, int, int]
    across: int

    @classmethod
    def of(cls, shape: tuple[int, int, int], aspect: float) -> Mosaic:
        """Return the mosaic that is nearest to `aspect` times as wide as it is high."""
        maps, rows, columns = shape
        ideal = math.sqrt(aspect * maps * rows / columns)
        options = range(max(1, math.floor(ideal * 0.7)), max(1, math.ceil(ideal * 1.3)) + 1)

        def fault(across: int) -> tuple[float, int]:
            made = cls(shape, min(across, maps)).size
            empty = -maps % min(across, maps)
            return abs(math.log(made[1] / made[0] / aspect)) + empty / maps, across

        return cls(shape, min(min(options, key=fault), maps))

    @property
    def gap(self) -> int:
        """The cells between two maps; none where a map is one cell."""
        return 0 if self.shape[1:] == (1, 1) else max(1, round(max(self.shape[1:]) / 12))

    @property
    def size(self) -> tuple[int, int]:
        """The rows and columns of the whole picture."""
        maps, rows, columns = self.shape
        down = -(-maps // self.across)
        gap = self.gap
        return down * (rows + gap) - gap, self.across * (columns + gap) - gap

    def corner(self, one: int) -> tuple[int, int]:
        """Return the row and the column where a map begins."""
        down, right = divmod(one, self.across)
        return down * (self.shape[1] + self.gap), right * (self.shape[2] + self.gap)

    def filled(self, values: Array) -> Array:
        """Return the picture of (maps, rows, columns) values, NaN where there is none."""
        found = np.full(self.size, np.nan)
        for one, map_ in enumerate(values):
            row, column = self.corner(one)
            found[row : row + self.shape[1], column : column + self.shape[2]] = map_
        return found


def mosaic(who: str, layer: Layer, aspect: float) -> Mosaic:
    """Return the mosaic of a layer. Raises GraphError for an empty or too large one."""
    count = layer.neurons.present.size
    if not count or layer.neurons.size > CELLS_MAX:
        raise GraphError(f"{who}: {layer.name} has {count:,} neurons, needed 1 to {CELLS_MAX:,}")
    maps, rows, columns = as_maps(layer.ids).shape
    return Mosaic.of((maps, rows, columns), aspect)


def layers_of(graph: Graph, who: str, names: list[str] | None, most: int) -> list[Layer]:
    """Return the layers of these names; without names, all that have neurons.

    Raises GraphError for an unknown name or a layer without neurons, for none, and for too many.
    """
    if names is not None and not isinstance(names, list | tuple):
        raise GraphError(f"{who}: layers is {kind_of(names)}, needed a list of names")
    every = [x for x in graph if x.neurons.present.size]
    found = every if names is None else [graph.layer(name) for name in names]
    if not 0 < len(found) <= most:
        raise GraphError(f"{who}: found {len(found)} layers, needed 1 to {most}; layers= chooses")
    for layer in found:
        if not layer.neurons.present.size:
            raise GraphError(f"{who}: {layer.name} has no neurons, needed a layer with some")
    return found


def values_of(layer: Layer, by_id: Array) -> Array:
    """Return (maps, rows, columns) of what each id has; NaN where no neuron is."""
    ids = as_maps(layer.ids)
    return np.where(ids >= 0, by_id[ids].astype(np.float64), np.nan)


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a layer's shape as it is said: "6 maps of 28×28", "84 neurons"."""
    if len(shape) < 2 or shape[1:] == (1, 1):
        return counted(math.prod(shape), "neuron")
    return f"{counted(math.prod(shape[:-2]), 'map')} of {shape[-2]}×{shape[-1]}"


def one_neuron(graph: Graph, neuron: Reference, who: str) -> tuple[int, Layer]:
    """Return the id of a neuron and its layer. Raises GraphError for several, or a constant."""
    ids = neuron_ids(graph, neuron, who).reshape(-1)
    if ids.size != 1:
        raise GraphError(f"{who}: found {ids.size} neurons, needed one")
    found = int(ids[0])
    for layer in graph:
        if layer.neurons.position(found) >= 0:
            return found, layer
    raise GraphError(f"{who}: {graph.neuron_name(found)} is in no layer, needed a neuron")
