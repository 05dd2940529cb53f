"""Convolutions: receptive fields slide over feature maps, and each map shares one kernel."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import GraphError
from neurograph.graph import Graph
from neurograph.graph.initializers import Initializer
from neurograph.layers import windows
from neurograph.layers.wiring import (
    ActivationLike,
    Ids,
    IntPair,
    add_fields,
    add_maps,
    biases,
    check_options,
    geometry,
    one_source,
    positive,
    weight_array,
)
from neurograph.memory import require
from neurograph.names import IdArray

Table = Sequence[Sequence[int]]
_LINKS = 100  # bytes that the links of an output map take, but for 8 each


@dataclass(frozen=True)
class Conv2d:
    """A convolution: each output map has one kernel, each position a field per set of input maps.

    state[o, y, x] = activation(b + sum over input maps i of o and taps (u, v):
    w[o, i, u, v] state[i, y s + d u - p, x s + d v - p])

    kernel_size, stride, dilation: a number or (height, width). padding: those, ((top, bottom),
    (left, right)), "same", "valid". groups: as in torch. table: the input maps of each output map
    (a connection table); weights exist only for its links. bias: "map" (or True), "neuron", or
    None. border: None leaves slots beyond the edge empty; a number connects them to a constant unit
    of that state (LeCun 1989). shared=False gives every neuron a kernel of its own (locally
    connected). weights: the name of a layer whose weights to use. Kernel array: (out, in / groups,
    kh, kw); with a table (out, in, kh, kw); unshared (out, height, width, in, kh, kw).

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> graph.add(Conv2d(6, 5, name="C1"), graph.add(Input((1, 32, 32)))).shape
    (6, 28, 28)
    """

    out_channels: int
    kernel_size: IntPair
    stride: IntPair = 1
    padding: Any = 0
    dilation: IntPair = 1
    groups: int = 1
    table: Table | None = None
    bias: str | bool | None = "map"
    activation: ActivationLike = None
    border: float | None = None
    shared: bool = True
    weights: str | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None

    def links(self, channels: int, name: str) -> list[tuple[int, ...]]:
        """Return the input maps of each output map; GraphError if `channels` do not fit."""
        out = positive(self.out_channels, name, "out_channels")
        groups = positive(self.groups, name, "groups")
        if self.table is None:
            if channels % groups or out % groups:
                raise GraphError(
                    f"{name}: {groups} groups do not divide {channels} input and {out} output maps"
                )
            size = channels // groups
            require(out * (_LINKS + 8 * size), f"{name}: {out:,} maps", GraphError)
            starts = [o // (out // groups) * size for o in range(out)]
            return [tuple(range(start, start + size)) for start in starts]
        rows: list[Any] = list(self.table) if np.iterable(self.table) else []
        if len(rows) != out or groups != 1:
            raise GraphError(
                f"{name}: found a table of {len(rows)} rows and {groups} groups, "
                f"needed {out} rows, one for each output map, and no groups"
            )
        return [_table_row(row, o, channels, name) for o, row in enumerate(rows)]

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the maps to one source (maps, height, width); ids (out_channels, height, width)."""
        ids = windows.feature_maps(one_source(sources, name), name)
        links = self.links(ids.shape[0], name)
        check_options(self, name)
        kernel, stride, pads, dilation = geometry(self, name)
        count = windows.outputs(ids.shape[1:], kernel, stride, pads, dilation, name)
        border = self._border(graph, name)
        windows.require_room(ids, kernel, pads, count, links, name)
        views = windows.slide(ids, kernel, stride, pads, dilation, count, border)
        shape = (len(links), *count)
        array = self._kernels(graph, name, links, ids.shape[0], count, kernel)
        fan_in = [len(row) * math.prod(kernel) for row in links]
        bias = biases(graph, self, name, shape, fan_in)
        if self.border is not None:
            graph.add_constant(f"{name}.border", self.border)
        fields = add_fields(graph, views, links).reshape(-1, *count)
        kernels = self._kernel_rows(graph, array.ids, links, shape)
        return add_maps(graph, self, name, shape, (fields, kernels, bias))

    def _border(self, graph: Graph, name: str) -> int:
        """Return the id that the border unit will have, checked; -1 where there is none."""
        border: Any = self.border
        if border is None:
            return -1
        if not isinstance(border, numbers.Real) or not math.isfinite(border):
            raise GraphError(f"{name}: border is {border!r}, needed a finite number or None")
        graph.require_free(f"{name}.border", name)
        return graph.size

    def _kernels(
        self,
        graph: Graph,
        name: str,
        links: list[tuple[int, ...]],
        channels: int,
        count: Any,
        kernel: Any,
    ) -> IdArray:
        width = channels if self.table is not None else len(links[0])
        present = None
        if self.table is not None:
            present = np.zeros((len(links), channels), bool)
            for o, row in enumerate(links):
                present[o, list(row)] = True
        where = () if self.shared else count
        shape = (len(links), *where, width, *kernel)
        fan_in = np.array([len(row) * math.prod(kernel) for row in links], float)
        if present is not None:
            spread = present.reshape(len(links), *(1,) * len(where), channels, 1, 1)
            present = np.broadcast_to(spread, shape)
        return weight_array(
            graph,
            name,
            "kernel",
            shape,
            self.weights,
            present=present,
            initializer=self.initializer,
            fan_in=fan_in.reshape(-1, *(1,) * (len(shape) - 1)),
        )

    def _kernel_rows(
        self, graph: Graph, ids: Ids, links: list[tuple[int, ...]], shape: tuple[int, ...]
    ) -> NDArray[Any]:
        """Add a kernel per map (or per neuron) with the slots of its links.

        Return their numbers, to broadcast on shape.
        """
        per_map = ids.reshape(shape[0], -1, *ids.shape[-3:])
        first = [
            graph.table.kernels.add(
                (rows if self.table is None else rows[:, list(row)]).reshape(rows.shape[0], -1)
            )
            for rows, row in zip(per_map, links, strict=True)
        ]
        if self.shared:
            return np.array(first, np.int32).reshape(-1, 1, 1)
        offset = np.arange(per_map.shape[1]).reshape(shape[1:])
        return np.array(first)[:, None, None] + offset


def _table_row(row: Any, o: int, channels: int, name: str) -> tuple[int, ...]:
    found = [i for i in row if windows.whole(i, 0)] if np.iterable(row) else []
    if not found or len(set(found)) < len(row) or max(found) >= channels:
        raise GraphError(
            f"{name}: table row {o} is {row!r}, needed one or more different input maps "
            f"from 0 to {channels - 1}"
        )
    return tuple(int(i) for i in found)


@dataclass(frozen=True)
class ConvTranspose2d:
    """A transposed convolution: output (y, x) gets input (i, j) by tap (u, v).

    That is where y + p = s i + d u, and likewise for x, with j and v. Positions with the same
    remainder by the stride share their taps, so each output map has one kernel per residue class.
    Kernel array (in, out / groups, kh, kw), parameters as in torch. Output height (h - 1) s - 2 p +
    d (kh - 1) + output_padding + 1.

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> up = graph.add(ConvTranspose2d(1, 2, stride=2, name="up"), graph.add(Input((3, 2, 2))))
    >>> up.shape, len(graph.select(layer="up"))
    ((1, 4, 4), 64)
    """

    out_channels: int
    kernel_size: IntPair
    stride: IntPair = 1
    padding: Any = 0
    output_padding: IntPair = 0
    dilation: IntPair = 1
    groups: int = 1
    bias: str | bool | None = "map"
    activation: ActivationLike = None
    weights: str | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the maps to one source (maps, height, width); ids (out_channels, height, width)."""
        ids = windows.feature_maps(one_source(sources, name), name)
        links = Conv2d(self.out_channels, 1, groups=self.groups).links(ids.shape[0], name)
        kernel, stride, pads, dilation = geometry(self, name)
        extra = windows.pair(self.output_padding, name, "output_padding", 0)
        if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
            raise GraphError(f"{name}: output_padding {extra} is not below stride or dilation")
        axes = list(zip(ids.shape[1:], kernel, stride, pads, dilation, extra, strict=True))
        height, width = (windows.transposed_length(*axis) for axis in axes)
        if height < 1 or width < 1:
            raise GraphError(
                f"{name}: padding {self.padding} leaves no output of {ids.shape[1:]} maps"
            )
        windows.require_room(ids, (1, 1), ((0, 0), (0, 0)), (height, width), links, name)
        rows, columns = (list(windows.transposed_axis(*axis)) for axis in axes)
        check_options(self, name)
        out = len(links)
        per_group = out // self.groups
        fan_in = len(links[0]) * math.prod(kernel) / math.prod(stride)
        array = weight_array(
            graph,
            name,
            "kernel",
            (ids.shape[0], per_group, *kernel),
            self.weights,
            initializer=self.initializer,
            fan_in=fan_in,
        ).ids
        bias = biases(graph, self, name, (out, height, width), fan_in)
        field, kern = (np.empty((out, height, width), np.int32) for _ in range(2))
        for (y, u, i), (x, v, j) in ((r, c) for r in rows for c in columns):
            views = np.where(
                (i >= 0)[:, None, :, None] & (j >= 0)[None, :, None, :],
                ids[:, i[:, None, :, None], j[None, :, None, :]],
                -1,
            )
            place = np.ix_(np.arange(out), y, x)
            field[place] = add_fields(graph, views, links).reshape(out, len(y), len(x))
            taps = array[:, :, u][:, :, :, v]
            for o, maps in enumerate(links):
                slots = taps[list(maps), o % per_group].reshape(1, -1)
                kern[o, y[:, None], x] = graph.table.kernels.add(slots)
        return add_maps(graph, self, name, (out, height, width), (field, kern, bias))
