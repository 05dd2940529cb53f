"""Where neurons and weights lie: which layer or array holds each, and at which place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.graph import Graph, Layer
from neurograph.names import IdArray

Ids = NDArray[np.int32]
Shape = tuple[int, ...]


class Holders:
    """Which of several arrays holds each id, -1 for none, and at which flat place."""

    def __init__(self, arrays: Iterable[IdArray], size: int) -> None:
        self.number, self.place = np.full(size, -1, np.int32), np.zeros(size, np.int64)
        for number, array in enumerate(arrays):
            flat = array.ids.reshape(-1)
            at = np.flatnonzero(flat >= 0)
            self.number[flat[at]], self.place[flat[at]] = number, at


class Places:
    """The layers and weight arrays of a graph, by the ids they hold."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.layers = list(graph.layers.values())
        self.arrays = list(graph.weights)
        self.neurons = Holders((layer.neurons for layer in self.layers), graph.size)
        names = graph.weights.names
        self.weights = Holders((names[n] for n in self.arrays), graph.weights.count)
        given = {layer.name for layer in graph.inputs}
        shapes = [layer.neurons.shape for layer in self.layers if layer.name not in given]
        wide = [shape for shape in shapes if len(shape) > 1]
        self._one_sample = bool(wide) and all(shape[0] == 1 for shape in wide)

    def ids_of(self, layer: Layer) -> Ids:
        """Return a layer's ids, without the axis of one sample that importers leave."""
        ids = layer.ids
        return ids[0] if self._one_sample and ids.ndim > 1 else ids

    def array_shape(self, weight: int) -> Shape:
        """Return the shape of the array that holds a weight, () for none."""
        number = int(self.weights.number[weight])
        return self.graph.weights.names[self.arrays[number]].shape if number >= 0 else ()

    def maps_of(self, layer: int, axes: int) -> tuple[int, Shape] | None:
        """Return a layer's maps and their sizes, if they have as many axes."""
        return maps_of(self.layers[layer].neurons.shape, axes)

    def map_ids(self, layer: int, axes: int) -> Ids:
        """Return a layer's ids as (maps, *sizes)."""
        found = maps_of(self.layers[layer].neurons.shape, axes)
        maps, sizes = found if found is not None else (0, ())
        return self.layers[layer].ids.reshape(maps, *sizes)

    def one_value(self, weights: NDArray[Any]) -> float | None:
        """Return the value of weights that are fixed and equal; None where they are not."""
        if not weights.size or int(weights.min()) < 0:
            return None
        if self.graph.weights.trainable[weights].any():
            return None
        values = self.graph.weights.value[weights]
        first = float(values.flat[0])
        return first if (values == first).all() else None


def coordinates(place: NDArray[np.int64], sizes: Shape) -> NDArray[np.int64]:
    """Return flat places as coordinates (..., axes).

    >>> coordinates(np.array([5]), (2, 3)).tolist()
    [[1, 2]]
    """
    found = []
    for size in reversed(sizes):
        found.append(place % size)
        place = place // size
    return np.stack(found[::-1], axis=-1)


def maps_of(shape: Shape, axes: int) -> tuple[int, Shape] | None:
    """Return a shape as maps and their sizes, an axis of one sample apart; None if it is none.

    >>> maps_of((1, 6, 28, 28), 2), maps_of((28, 28), 2), maps_of((84,), 2)
    ((6, (28, 28)), (1, (28, 28)), None)
    """
    if len(shape) == axes + 2 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == axes:
        shape = (1, *shape)
    if len(shape) != axes + 1 or math.prod(shape) == 0:
        return None
    return shape[0], shape[1:]
