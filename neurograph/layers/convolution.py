"""Convolutions: receptive fields slide over feature maps, and each map shares one kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import is_real
from neurograph.errors import GraphError, shown
from neurograph.graph import Graph
from neurograph.graph.initializers import Initializer
from neurograph.layers import tables, windows
from neurograph.layers.patterns import kernel_array
from neurograph.layers.tables import Table
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
    yes_or_no,
)
from neurograph.names import IdArray

_NO_PADDING = ((0, 0), (0, 0))


@dataclass(frozen=True)
class Conv2d:
    """A convolution: each output map has one kernel, each position a field per set of input maps.

    state[o, y, x] = activation(b + sum over input maps i of o and taps (u, v):
    w[o, i, u, v] state[i, y s + d u - p, x s + d v - p])

    kernel_size, stride, dilation: a number or (height, width). padding: those, ((top, bottom),
    (left, right)), "same", "valid". groups: as in torch. table: the input maps of each output map
    (a connection table), or a matrix of 0 and 1 (output maps, input maps) or, as Table I is
    printed, (input maps, output maps); weights exist only for its links. bias: "map" (or True),
    "neuron", or None. border: None leaves slots beyond the edge empty; a number connects them to a
    constant unit of that state (LeCun 1989). shared=False gives every neuron a kernel of its own
    (locally connected). weights: the name of a layer whose weights to use. Kernel array: (out,
    in / groups, kh, kw); with a table (out, in, kh, kw); unshared (out, height, width, in, kh, kw).
    pattern: whole numbers in that shape, which weight stands at each place, -1 for none: any
    sharing at all. The kernel array is then (weights,); or, with `weights`, the numbers are places
    in that layer's flattened kernel, and biases are the layer's own.

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
    pattern: ArrayLike | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None

    def links(self, channels: int, name: str) -> list[tuple[int, ...]]:
        """Return the input maps of each output map; GraphError if `channels` do not fit."""
        out = positive(self.out_channels, name, "out_channels")
        groups = positive(self.groups, name, "groups")
        if self.table is None:
            return tables.in_groups(channels, out, groups, name)
        return tables.of_table(self.table, channels, out, name, groups)

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the maps to one source (maps, height, width); ids (out_channels, height, width)."""
        ids = windows.feature_maps(one_source(sources, name), name)
        links = self.links(ids.shape[0], name)
        check_options(self, name)
        yes_or_no(self, name, "shared")
        kernel, stride, pads, dilation = geometry(self, name)
        count = windows.outputs(ids.shape[1:], kernel, stride, pads, dilation, name)
        border = self._border(graph, name)
        shape = (len(links), *count)
        weights = math.prod(self._kernel_shape(links, ids.shape[0], count, kernel))
        windows.require_room(ids, kernel, pads, count, links, name, weights)
        views = windows.slide(ids, kernel, stride, pads, dilation, count, border)
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
        if not (is_real(border) and math.isfinite(border)):
            raise GraphError(f"{name}: border is {shown(border)}, needed a finite number or None")
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
        shape = self._kernel_shape(links, channels, count, kernel)
        present = None
        if self.table is not None:
            present = np.zeros((len(links), channels), bool)
            for o, row in enumerate(links):
                present[o, list(row)] = True
        fan_in = np.array([len(row) * math.prod(kernel) for row in links], float)
        fan_in = fan_in.reshape(-1, *(1,) * (len(shape) - 1))
        if present is not None:
            spread = present.reshape(len(links), *(1,) * (len(shape) - 4), channels, 1, 1)
            present = np.broadcast_to(spread, shape)
        return kernel_array(graph, self, name, shape, unit_axes=3, fan_in=fan_in, present=present)

    def _kernel_shape(
        self, links: list[tuple[int, ...]], channels: int, count: Any, kernel: Any
    ) -> tuple[int, ...]:
        width = channels if self.table is not None else len(links[0])
        return (len(links), *(() if self.shared else count), width, *kernel)

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


@dataclass(frozen=True)
class ConvTranspose2d:
    """A transposed convolution: output (y, x) gets input (i, j) by tap (u, v).

    That is where y + p = s i + d u, and likewise for x, with j and v. Positions with the same
    remainder by the stride share their taps, so each output map has one kernel per residue class.
    Kernel array (in, out / groups, kh, kw), parameters as in torch. Output height (h - 1) s - 2 p +
    d (kh - 1) + output_padding + 1. weights, pattern: as in Conv2d.

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
    pattern: ArrayLike | None = None
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
        check_options(self, name)
        out = len(links)
        per_group = out // self.groups
        weights = ids.shape[0] * per_group * math.prod(kernel)
        windows.require_room(ids, (1, 1), _NO_PADDING, (height, width), links, name, weights)
        slots = math.prod(windows.transposed_slots(*axis) for axis in axes)
        slots *= sum(map(len, set(links)))
        windows.require_size(name, out * height * width, slots, weights, 8 * slots)
        rows, columns = (list(windows.transposed_axis(*axis)) for axis in axes)
        fan_in = len(links[0]) * math.prod(kernel) / math.prod(stride)
        shape = (ids.shape[0], per_group, *kernel)
        array = kernel_array(graph, self, name, shape, unit_axes=0, fan_in=fan_in).ids
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
                row = taps[list(maps), o % per_group].reshape(1, -1)
                kern[o, y[:, None], x] = graph.table.kernels.add(row)
        return add_maps(graph, self, name, (out, height, width), (field, kern, bias))
