"""The window a layer slides over its source's maps, read off the connections of a few neurons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from neurograph.graph import Connections, Graph, Layer
from neurograph.graph.connections import BIAS_UNIT

_SAMPLES = 5  # maps looked at, and neurons along an axis besides those at its end and middle

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Axis:
    """A window along one axis: `taps` of it at each of `positions`, over a map of `length`.

    Tap u of position y stands at y * stride + dilation * u - padding. With `border`, what lies
    beyond the map is connected to a constant unit.
    """

    length: int
    positions: int
    taps: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    border: bool = False

    def places(self, position: int) -> list[int]:
        """Return where on the map the taps of a position stand, those beyond it left out.

        >>> Axis(length=5, positions=3, taps=3, stride=2, padding=1).places(0)
        [0, 1]
        """
        first = position * self.stride - self.padding
        taps = (first + self.dilation * u for u in range(self.taps))
        return [place for place in taps if 0 <= place < self.length]

    @property
    def live(self) -> list[int]:
        """Of each tap, at how many positions it is connected."""
        if self.border:
            return [self.positions] * self.taps
        first = np.arange(self.positions) * self.stride - self.padding
        at = first[:, None] + self.dilation * np.arange(self.taps)
        counts: list[int] = ((at >= 0) & (at < self.length)).sum(axis=0).tolist()
        return counts

    @property
    def side(self) -> int:
        """How many positions there are if the padding is the same on both sides."""
        extent = self.dilation * (self.taps - 1) + 1
        return (self.length + 2 * self.padding - extent) // self.stride + 1

    @property
    def whole(self) -> bool:
        """Whether every tap is connected at every position."""
        return sum(self.live) == self.taps * self.positions


def axes_of(graph: Graph, layer: Layer, taps: tuple[int, int] | None) -> tuple[Axis, Axis] | None:
    """Return the two axes of a layer of maps; None where its fields are no window over maps.

    `taps` are the kernel's; None where they are to be read off, too, as of pooling.
    """
    if len(layer.neurons.shape) != 3 or layer.neurons.explicit is not None:
        return None
    found = [_axis(graph, layer, axis, taps[axis] if taps else None) for axis in (0, 1)]
    return None if found[0] is None or found[1] is None else (found[0], found[1])


def _axis(graph: Graph, layer: Layer, axis: int, taps: int | None) -> Axis | None:
    shape = layer.neurons.shape[1:]
    count, other = shape[axis], shape[1 - axis] // 2
    samples = sorted({*range(min(count, _SAMPLES)), count // 2, count - 1})
    seen: dict[int, list[int]] = {}
    length, border = 0, False
    for y in samples:
        at = (y, other) if axis == 0 else (other, y)
        read = _read(graph, layer.ids[:_SAMPLES, *at], axis)
        if read is None or (length and read[1] != length):
            return None
        seen[y], length, border = read[0], read[1], border or read[2]
    for candidate in _candidates(seen, length, count, taps, border):
        if all(candidate.places(y) == places for y, places in seen.items()):
            return candidate
    return None


def _candidates(
    seen: dict[int, list[int]], length: int, count: int, taps: int | None, border: bool
) -> list[Axis]:
    """Return the windows that might be meant, those of even padding first, then the simplest."""
    gaps = [b - a for places in seen.values() for a, b in pairwise(places)]
    dilation = min(gaps, default=1)
    size = taps or max(map(len, seen.values()))
    strides, pads = range(1, length + 1), range(dilation * (size - 1) + 1)
    found = [Axis(length, count, size, s, p, dilation, border) for s, p in product(strides, pads)]
    return sorted(found, key=lambda axis: axis.side != count)


def _read(graph: Graph, neurons: Ids, axis: int) -> tuple[list[int], int, bool] | None:
    """Return which rows (or columns) neurons read, of how many, and whether a border unit too.

    None where what they read are no maps of equal size.
    """
    source = np.unique(np.concatenate([graph.incoming(int(n)).source for n in neurons]))
    constants = [c for c in graph.constants if c != BIAS_UNIT]
    border = bool(np.isin(source, constants).any())
    source = source[~np.isin(source, [BIAS_UNIT, *constants])]
    places: set[int] = set()
    lengths: set[int] = set()
    for layer in sources_of(graph, source):
        shape, at = layer.neurons.shape, layer.neurons.positions(source)
        if len(shape) != 3:
            return None
        places |= set(np.unravel_index(at[at >= 0], shape)[1 + axis].tolist())
        lengths.add(shape[1 + axis])
    return (sorted(places), lengths.pop(), border) if len(lengths) == 1 else None


def sources_of(graph: Graph, ids: Ids) -> list[Layer]:
    """Return the layers that hold any of these neurons, in the graph's order."""
    return [x for x in graph.layers.values() if (x.neurons.positions(ids) >= 0).any()]


def middle(graph: Graph, layer: Layer) -> Connections:
    """Return the connections into the neuron in the middle of a layer's first map."""
    shape = layer.neurons.shape
    at = (0, *(n // 2 for n in shape[1:])) if len(shape) > 1 else (0,) * len(shape)
    return graph.incoming(int(layer.ids[at]))
