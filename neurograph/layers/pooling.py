"""Subsampling and pooling: windows over single feature maps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

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
    fixed_kernel,
    geometry,
    one_source,
    positive,
    weight_array,
    yes_or_no,
)


@dataclass(frozen=True)
class Subsample2d:
    """Subsampling: activation(coefficient * sum of the window + bias), both trainable, one a map.

    stride defaults to the window's size. The coefficient, array (maps,), stands in every slot of
    its map's kernel. Source: LeCun et al. 1998, layers S2 and S4.

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> s2 = graph.add(Subsample2d(2, name="S2"), graph.add(Input((6, 28, 28))))
    >>> s2.shape, [graph.weight_name(w) for w in graph.incoming(s2[0, 0, 0]).weight[3:]]
    ((6, 14, 14), ['S2.coefficient[0]', 'S2.bias[0]'])
    """

    kernel_size: IntPair
    stride: IntPair | None = None
    bias: str | bool | None = "map"
    activation: ActivationLike = None
    weights: str | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None
    padding: ClassVar[int] = 0
    dilation: ClassVar[int] = 1

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the maps to one source (maps, height, width); ids have the same form."""
        ids = windows.feature_maps(one_source(sources, name), name)
        kernel, stride, pads, dilation = geometry(self, name)
        count = windows.outputs(ids.shape[1:], kernel, stride, pads, dilation, name)
        links = [(i,) for i in range(len(ids))]
        windows.require_room(ids, kernel, pads, count, links, name)
        views = windows.slide(ids, kernel, stride, pads, dilation, count)
        check_options(self, name)
        maps, slots = len(ids), math.prod(kernel)
        array = weight_array(
            graph,
            name,
            "coefficient",
            (maps,),
            self.weights,
            initializer=self.initializer,
            fan_in=slots,
        )
        bias = biases(graph, self, name, (maps, *count), slots)
        first = graph.table.kernels.add(np.repeat(array.ids[:, None], slots, axis=1))
        fields = add_fields(graph, views, links).reshape(maps, *count)
        kernels = first + np.arange(maps)[:, None, None]
        return add_maps(graph, self, name, (maps, *count), (fields, kernels, bias))


@dataclass(frozen=True)
class MaxPool2d:
    """The largest state of each window: every slot names a fixed 1.0, padding is empty slots.

    Parameters as in torch.

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> p = graph.add(MaxPool2d(3, stride=2, padding=1), graph.add(Input((1, 5, 5))))
    >>> p.shape, len(graph.incoming(p[0, 0, 0])), len(graph.incoming(p[0, 1, 1]))
    ((1, 3, 3), 4, 9)
    """

    kernel_size: IntPair
    stride: IntPair | None = None
    padding: Any = 0
    dilation: IntPair = 1
    ceil_mode: bool = False
    name: str | None = None
    bias: ClassVar[None] = None
    activation: ClassVar[None] = None
    weights: ClassVar[None] = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the maps to one source (maps, height, width); ids have the same form."""
        fields, _ = _pool(self, graph, name, sources)
        slots = math.prod(windows.pair(self.kernel_size, name, "kernel_size"))
        kernel = fixed_kernel(graph, name, slots)
        return add_maps(graph, self, name, fields.shape, (fields, kernel, -1), ("multiply", "max"))


@dataclass(frozen=True)
class AvgPool2d:
    """The mean of each window: fixed weights 1/divisor, one kernel for each distinct divisor.

    Parameters as in torch. With count_include_pad the divisor counts padding (as torch does by
    default), though padding is no connection.

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> p = graph.add(AvgPool2d(2, name="P"), graph.add(Input((1, 4, 4))))
    >>> p.shape, float(graph.weights["P.one_over_4"])
    ((1, 2, 2), 0.25)
    """

    kernel_size: IntPair
    stride: IntPair | None = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None
    name: str | None = None
    dilation: ClassVar[int] = 1
    bias: ClassVar[None] = None
    activation: ClassVar[None] = None
    weights: ClassVar[None] = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the maps to one source (maps, height, width); ids have the same form."""
        if self.divisor_override is not None:
            positive(self.divisor_override, name, "divisor_override")
        yes_or_no(self, name, "count_include_pad")
        fields, geometry = _pool(self, graph, name, sources)
        size, kernel, stride, pads = geometry
        count = fields.shape[1:]
        places = windows.divisors(size, kernel, stride, pads, count)
        if not self.count_include_pad:
            views = windows.slide(
                np.zeros((1, *size), np.int32), kernel, stride, pads, (1, 1), count
            )
            places = (views[0] >= 0).sum((2, 3))
        if self.divisor_override is not None:
            places = np.full(count, self.divisor_override)
        slots = math.prod(kernel)
        kernels = np.empty(count, np.int32)
        for divisor in np.unique(places).tolist():
            kind = f"one_over_{divisor}"
            kernels[places == divisor] = fixed_kernel(graph, name, slots, 1 / divisor, kind)
        return add_maps(graph, self, name, fields.shape, (fields, kernels, -1))


def _pool(
    layer: Any, graph: Graph, name: str, sources: tuple[Ids, ...]
) -> tuple[NDArray[np.int64], tuple[Any, Any, Any, windows.Padding]]:
    """Add the fields of a pooling layer; return their numbers, shaped as the maps, and geometry."""
    ids, ceil = windows.feature_maps(one_source(sources, name), name), layer.ceil_mode
    kernel, stride, pads, dilation = geometry(layer, name)
    yes_or_no(layer, name, "ceil_mode")
    if any(p > k // 2 for k, side in zip(kernel, pads, strict=True) for p in side):
        raise GraphError(
            f"{name}: padding {layer.padding} is more than half of the "
            f"{kernel[0]}x{kernel[1]} window"
        )
    count = windows.outputs(ids.shape[1:], kernel, stride, pads, dilation, name, ceil=ceil)
    links = [(i,) for i in range(len(ids))]
    windows.require_room(ids, kernel, pads, count, links, name)
    views = windows.slide(ids, kernel, stride, pads, dilation, count)
    fields = add_fields(graph, views, links)
    return fields.reshape(len(ids), *count), (ids.shape[1:], kernel, stride, pads)
