"""Layers.

Small dataclasses of parameters that wire neuron ids. They know what a convolution is; nothing else
does.

`wire(graph, name, *sources)` adds weights, fields, kernels and neurons, in this order and only once
everything fits, and returns the new neurons' ids in the shape of the feature maps. Parameters are
named as in torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph import windows
from neurograph.errors import GraphError
from neurograph.functions import Activation as ActivationFunction
from neurograph.functions import Function, as_activation
from neurograph.graph import Graph
from neurograph.initializers import Initializer
from neurograph.names import IdArray

Ids = NDArray[np.int32]
IntPair = int | tuple[int, int]
Table = Sequence[Sequence[int]]


def _positive(value: Any, who: str, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise GraphError(f"{who}: {what} is {value!r}, needed a whole number of at least 1")
    return int(value)


def _one(sources: tuple[Ids, ...], who: str) -> Ids:
    if len(sources) != 1:
        raise GraphError(f"{who}: found {len(sources)} sources, needed one")
    return sources[0]


def _flat(sources: tuple[Ids, ...], who: str) -> Ids:
    if not sources or not any(s.size for s in sources):
        raise GraphError(f"{who}: found no source neuron, needed at least one")
    return np.concatenate([s.reshape(-1) for s in sources])


def _weights(
    graph: Graph, layer: str, kind: str, shape: tuple[int, ...], owner: str | None, **options: Any
) -> IdArray:
    """Return new weights of `shape`, or those of the layer `owner` if its array has that shape."""
    if owner is None:
        return graph.add_weights(layer, kind, shape, **options)
    graph.layer(owner)
    found = graph.weights.names[f"{owner}.{kind}"]
    if found.shape != shape:
        raise GraphError(f"{layer}: {owner}.{kind} has shape {found.shape}, needed {shape}")
    return found


def _fixed_one(graph: Graph, layer: str, slots: int, value: float = 1.0, kind: str = "one") -> int:
    """Add one fixed weight and a kernel that names it in every slot; return the kernel."""
    ids = graph.add_weights(layer, kind, (), initializer=value, trainable=False)
    return graph.table.kernels.add(np.full((1, slots), ids.first))


@dataclass(frozen=True)
class Input:
    """Input neurons of a given shape, (maps, height, width) for images.

    They have a state and no connection of their own.
    """

    shape: tuple[int, ...]
    name: str | None = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the inputs; there are no sources."""
        if sources:
            raise GraphError(f"{name}: found {len(sources)} sources, an input has none")
        return graph.add_inputs(name, tuple(_positive(n, name, "shape") for n in self.shape))


def _bias(layer: Any, name: str) -> str | None:
    """Return "map", "neuron" or None from a layer's bias parameter."""
    choices: dict[Any, str | None] = {"map": "map", True: "map", "neuron": "neuron"}
    if layer.bias in (None, False):
        return None
    if layer.bias not in choices:
        raise GraphError(f'{name}: bias is {layer.bias!r}, needed "map", "neuron" or None')
    return choices[layer.bias]


def _add_maps(
    graph: Graph,
    layer: Any,
    name: str,
    shape: tuple[int, ...],
    columns: tuple[Any, Any],
    combine: tuple[str, str] = ("multiply", "sum"),
    fan_in: ArrayLike = 1,
) -> Ids:
    """Add the biases and neurons of feature maps of `shape`.

    The columns are field and kernel ids.
    """
    bias: Any = -1
    if (per := _bias(layer, name)) is not None:
        size = (shape[0],) if per == "map" else shape
        fan_in = np.broadcast_to(np.asarray(fan_in, float), (shape[0],))
        each = fan_in.reshape(-1, *(1,) * (len(size) - 1))
        array = _weights(
            graph, name, "bias", size, layer.weights, initializer=layer.initializer, fan_in=each
        )
        bias = array.ids.reshape(-1, *(1,) * (len(shape) - 1)) if per == "map" else array.ids
    return graph.add_neurons(
        name,
        type(layer).__name__,
        shape,
        field=columns[0],
        kernel=columns[1],
        bias=bias,
        function=Function(*combine, as_activation(layer.activation)),
    )


@dataclass(frozen=True)
class Conv2d:
    """A convolution of feature maps.

    Each output map has one kernel, each position one field per set of input maps.

    state[o, y, x] = activation(sum over input maps i of o, taps (u, v): w[o, i, u, v] state[i, y s
    + d u - p, x s + d v - p] + b)

    kernel_size, stride, dilation: a number or (height, width). padding: those, ((top, bottom),
    (left, right)), "same", "valid". groups: as in torch. table: the input maps of each output map
    (a connection table); weights exist only for its links. bias: "map" (or True), "neuron", or
    None. border: None leaves slots beyond the edge empty; a number connects them to a constant unit
    of that state (LeCun 1989). shared=False gives every neuron a kernel of its own (locally
    connected). weights: the name of a layer whose weights to use. Kernel array: (out, in / groups,
    kh, kw); with a table (out, in, kh, kw); unshared (out, height, width, in, kh, kw).

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
    activation: str | ActivationFunction | None = None
    border: float | None = None
    shared: bool = True
    weights: str | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None

    def links(self, channels: int, name: str) -> list[tuple[int, ...]]:
        """Return the input maps of each output map.

        Raises GraphError if table or groups do not fit `channels`.
        """
        out = _positive(self.out_channels, name, "out_channels")
        groups = _positive(self.groups, name, "groups")
        if self.table is None:
            if channels % groups or out % groups:
                raise GraphError(
                    f"{name}: {groups} groups do not divide {channels} input and {out} output maps"
                )
            size = channels // groups
            starts = [o // (out // groups) * size for o in range(out)]
            return [tuple(range(start, start + size)) for start in starts]
        if len(self.table) != out or groups != 1:
            raise GraphError(
                f"{name}: found a table of {len(self.table)} rows and {groups} groups, "
                f"needed {out} rows, one for each output map, and no groups"
            )
        return [_table_row(row, o, channels, name) for o, row in enumerate(self.table)]

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the feature maps.

        One source of shape (maps, height, width). Returns ids (out_channels, height, width).
        """
        ids = windows.feature_maps(_one(sources, name), name)
        links = self.links(ids.shape[0], name)
        _bias(self, name)
        kernel, stride, pads, dilation = _geometry(self, name)
        count = windows.outputs(ids.shape[1:], kernel, stride, pads, dilation, name)
        border = -1 if self.border is None else graph.size
        views = windows.slide(ids, kernel, stride, pads, dilation, count, border)
        shape = (len(links), *count)
        array = self._kernels(graph, name, links, ids.shape[0], count, kernel)
        if self.border is not None:
            graph.add_constant(f"{name}.border", self.border)
        fields = _fields(graph, views, links).reshape(-1, *count)
        kernels = self._kernel_rows(graph, array.ids, links, shape)
        fan_in = [len(row) * math.prod(kernel) for row in links]
        return _add_maps(graph, self, name, shape, (fields, kernels), fan_in=fan_in)

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
        return _weights(
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


def _table_row(row: Sequence[int], o: int, channels: int, name: str) -> tuple[int, ...]:
    found = [int(i) for i in row]
    if not found or len(set(found)) < len(found) or min(found) < 0 or max(found) >= channels:
        raise GraphError(
            f"{name}: table row {o} is {found}, needed one or more different input maps "
            f"from 0 to {channels - 1}"
        )
    return tuple(found)


def _geometry(layer: Any, name: str) -> tuple[Any, Any, windows.Padding, Any]:
    kernel = windows.pair(layer.kernel_size, name, "kernel_size")
    stride = windows.pair(layer.stride, name, "stride") if layer.stride is not None else kernel
    dilation = windows.pair(layer.dilation, name, "dilation")
    return kernel, stride, windows.padding(layer.padding, name, kernel, stride, dilation), dilation


def _fields(graph: Graph, views: Ids, links: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
    """Add one field a position for each distinct set of input maps.

    Return their numbers, (maps, positions).
    """
    positions = views.shape[1] * views.shape[2]
    first: dict[tuple[int, ...], int] = {}
    for maps in dict.fromkeys(links):
        chosen = views if maps == tuple(range(len(views))) else views[list(maps)]
        rows = np.ascontiguousarray(chosen.transpose(1, 2, 0, 3, 4)).reshape(positions, -1)
        first[maps] = graph.table.fields.add(rows)
    return np.array([first[maps] for maps in links])[:, None] + np.arange(positions)


@dataclass(frozen=True)
class ConvTranspose2d:
    """A transposed convolution.

    Output (y, x) gets tap (u, v) of input (i, j) where y + p = s i + d u, and so for x.

    Positions with the same remainder by the stride share their taps, so each output map has one
    kernel per residue class. Kernel array (in, out / groups, kh, kw), parameters as in torch.
    Output height (h - 1) s - 2 p + d (kh - 1) + output_padding + 1.

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
    activation: str | ActivationFunction | None = None
    weights: str | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the feature maps.

        One source of shape (maps, height, width). Returns ids (out_channels, height, width).
        """
        ids = windows.feature_maps(_one(sources, name), name)
        links = Conv2d(self.out_channels, 1, groups=self.groups).links(ids.shape[0], name)
        kernel, stride, pads, dilation = _geometry(self, name)
        extra = windows.pair(self.output_padding, name, "output_padding", 0)
        if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
            raise GraphError(f"{name}: output_padding {extra} is not below stride or dilation")
        rows, columns = (
            list(windows.transposed_axis(ids.shape[1 + a], *axis))
            for a, axis in enumerate(zip(kernel, stride, pads, dilation, extra, strict=True))
        )
        height, width = (sum(len(c[0]) for c in axis) for axis in (rows, columns))
        if not height or not width:
            raise GraphError(
                f"{name}: padding {self.padding} leaves no output of {ids.shape[1:]} maps"
            )
        _bias(self, name)
        out = len(links)
        per_group = out // self.groups
        fan_in = len(links[0]) * math.prod(kernel) / math.prod(stride)
        array = _weights(
            graph,
            name,
            "kernel",
            (ids.shape[0], per_group, *kernel),
            self.weights,
            initializer=self.initializer,
            fan_in=fan_in,
        ).ids
        field, kern = (np.empty((out, height, width), np.int32) for _ in range(2))
        for (y, u, i), (x, v, j) in ((r, c) for r in rows for c in columns):
            views = np.where(
                (i >= 0)[:, None, :, None] & (j >= 0)[None, :, None, :],
                ids[:, i[:, None, :, None], j[None, :, None, :]],
                -1,
            )
            place = np.ix_(np.arange(out), y, x)
            field[place] = _fields(graph, views, links).reshape(out, len(y), len(x))
            taps = array[:, :, u][:, :, :, v]
            for o, maps in enumerate(links):
                slots = taps[list(maps), o % per_group].reshape(1, -1)
                kern[o, y[:, None], x] = graph.table.kernels.add(slots)
        return _add_maps(graph, self, name, (out, height, width), (field, kern), fan_in=fan_in)


@dataclass(frozen=True)
class Subsample2d:
    """LeCun's subsampling.

    Activation(coefficient * sum of the window + bias), one trainable coefficient and bias a map.

    stride defaults to the window's size. The coefficient stands in every slot of its map's kernel:
    array (maps,).
    """

    kernel_size: IntPair
    stride: IntPair | None = None
    bias: str | bool | None = "map"
    activation: str | ActivationFunction | None = None
    weights: str | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None
    padding: ClassVar[int] = 0
    dilation: ClassVar[int] = 1

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the maps.

        One source of shape (maps, height, width). Returns ids (maps, height, width).
        """
        ids = windows.feature_maps(_one(sources, name), name)
        kernel, stride, pads, dilation = _geometry(self, name)
        count = windows.outputs(ids.shape[1:], kernel, stride, pads, dilation, name)
        views = windows.slide(ids, kernel, stride, pads, dilation, count)
        _bias(self, name)
        maps, slots = len(ids), math.prod(kernel)
        array = _weights(
            graph,
            name,
            "coefficient",
            (maps,),
            self.weights,
            initializer=self.initializer,
            fan_in=slots,
        )
        first = graph.table.kernels.add(np.repeat(array.ids[:, None], slots, axis=1))
        fields = _fields(graph, views, [(i,) for i in range(maps)]).reshape(maps, *count)
        kernels = first + np.arange(maps)[:, None, None]
        return _add_maps(graph, self, name, (maps, *count), (fields, kernels), fan_in=slots)


@dataclass(frozen=True)
class MaxPool2d:
    """The largest state of each window.

    Padding is empty slots. Each slot names a fixed 1.0. Parameters as in torch.
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
        """Add the maps.

        One source of shape (maps, height, width). Returns ids (maps, height, width).
        """
        fields, _ = _pool(self, graph, name, sources)
        slots = math.prod(windows.pair(self.kernel_size, name, "kernel_size"))
        kernel = _fixed_one(graph, name, slots)
        return _add_maps(graph, self, name, fields.shape, (fields, kernel), ("multiply", "max"))


@dataclass(frozen=True)
class AvgPool2d:
    """The mean of each window.

    Fixed weights 1/divisor, one kernel per distinct divisor. Parameters as in torch.

    With count_include_pad the divisor counts padding (as torch does by default), though padding is
    no connection.
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
        """Add the maps.

        One source of shape (maps, height, width). Returns ids (maps, height, width).
        """
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
            places = np.full(count, _positive(self.divisor_override, name, "divisor_override"))
        slots = math.prod(kernel)
        kernels = np.empty(count, np.int32)
        for divisor in np.unique(places).tolist():
            kind = f"one_over_{divisor}"
            kernels[places == divisor] = _fixed_one(graph, name, slots, 1 / divisor, kind)
        return _add_maps(graph, self, name, fields.shape, (fields, kernels))


def _pool(
    layer: Any, graph: Graph, name: str, sources: tuple[Ids, ...]
) -> tuple[NDArray[np.int64], tuple[Any, Any, Any, windows.Padding]]:
    """Add the fields of a pooling layer.

    Return their numbers in the shape of the maps, and its geometry.
    """
    ids = windows.feature_maps(_one(sources, name), name)
    kernel, stride, pads, dilation = _geometry(layer, name)
    if any(p > k // 2 for k, side in zip(kernel, pads, strict=True) for p in side):
        raise GraphError(
            f"{name}: padding {layer.padding} is more than half of the "
            f"{kernel[0]}x{kernel[1]} window"
        )
    count = windows.outputs(
        ids.shape[1:], kernel, stride, pads, dilation, name, ceil=layer.ceil_mode
    )
    views = windows.slide(ids, kernel, stride, pads, dilation, count)
    fields = _fields(graph, views, [(i,) for i in range(len(ids))])
    return fields.reshape(len(ids), *count), (ids.shape[1:], kernel, stride, pads)


@dataclass(frozen=True)
class Linear:
    """Every unit over all its sources, flattened and joined.

    Activation(W x + b). Kernel array (out_features, in_features).

    per_position=True applies it at each place of (maps, height, width) instead, as a 1x1
    convolution with the same weights would; ids are then (out_features, height, width).

    >>> graph = Graph()
    >>> graph.add(Linear(84, name="F6"), graph.add(Input((120,)))).shape
    (84,)
    """

    out_features: int
    bias: str | bool | None = "map"
    activation: str | ActivationFunction | None = None
    per_position: bool = False
    weights: str | None = None
    initializer: Initializer = "lecun1998"
    name: str | None = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the units.

        Any number of sources of any shape. Returns ids (out_features,) or with the positions'
        shape.
        """
        out = _positive(self.out_features, name, "out_features")
        fields, positions = _positions(self, sources, name)
        _bias(self, name)
        fan_in = fields.shape[1]
        array = _weights(
            graph,
            name,
            "kernel",
            (out, fan_in),
            self.weights,
            initializer=self.initializer,
            fan_in=fan_in,
        )
        return _dense(self, graph, name, (out, *positions), fields, array)


def _positions(layer: Any, sources: tuple[Ids, ...], name: str) -> tuple[Ids, tuple[int, ...]]:
    """Return the fields of a dense layer, (positions, slots), and the shape of the positions.

    () for one.
    """
    if not layer.per_position:
        return _flat(sources, name)[None], ()
    ids = windows.feature_maps(_one(sources, name), name)
    return ids.reshape(len(ids), -1).T, ids.shape[1:]


def _dense(
    layer: Any,
    graph: Graph,
    name: str,
    shape: tuple[int, ...],
    fields: Ids,
    array: IdArray,
    combine: tuple[str, str] = ("multiply", "sum"),
) -> Ids:
    field = graph.table.fields.add(fields) + np.arange(len(fields)).reshape(shape[1:])
    if array.explicit is None:
        ids: Any = range(array.first, array.first + array.size)
        kernel = graph.table.kernels.add(ids, fields.shape[1])
    else:
        kernel = graph.table.kernels.add(array.ids)
    each = kernel + np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    return _add_maps(graph, layer, name, shape, (field, each), combine, fan_in=fields.shape[1])


@dataclass(frozen=True, eq=False)
class RBF:
    """Euclidean radial basis functions.

    Y_i = sum_j (x_j - w_ij)^2, the penalty of class i (LeCun et al. 1998, eq. 7).

    centers: array (units, sources), the starting values of the weights, fixed unless trainable.
    per_position as in Linear.
    """

    centers: ArrayLike
    trainable: bool = False
    activation: str | ActivationFunction | None = None
    per_position: bool = False
    weights: str | None = None
    name: str | None = None
    bias: ClassVar[None] = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the units.

        Any number of sources. Returns ids (units,) or with the positions' shape.
        """
        centers = np.asarray(self.centers, float)
        fields, positions = _positions(self, sources, name)
        if (
            centers.ndim != 2
            or centers.shape[1] != fields.shape[1]
            or not np.isfinite(centers).all()
        ):
            raise GraphError(
                f"{name}: found centers of shape {centers.shape}, needed finite numbers in "
                f"(units, {fields.shape[1]})"
            )
        array = _weights(
            graph,
            name,
            "centers",
            centers.shape,
            self.weights,
            initializer=centers,
            trainable=self.trainable,
        )
        shape = (len(centers), *positions)
        return _dense(self, graph, name, shape, fields, array, ("squared_difference", "sum"))


def _elementwise(
    layer: Any, graph: Graph, name: str, sources: tuple[Ids, ...], combine: tuple[str, str]
) -> Ids:
    """Wire neuron i to entry i of every source, by one fixed weight 1.0."""
    if not sources or len({s.shape for s in sources}) > 1 or not sources[0].size:
        raise GraphError(
            f"{name}: found sources of shapes {[s.shape for s in sources]}, "
            "needed one or more of equal shape"
        )
    rows = np.stack([s.reshape(-1) for s in sources], axis=1)
    field = graph.table.fields.add(rows) + np.arange(len(rows)).reshape(sources[0].shape)
    kernel = _fixed_one(graph, name, len(sources))
    return _add_maps(graph, layer, name, sources[0].shape, (field, kernel), combine)


@dataclass(frozen=True)
class Add:
    """The sum of its sources, entry by entry, by a fixed weight 1.0 (a residual connection)."""

    activation: str | ActivationFunction | None = None
    name: str | None = None
    bias: ClassVar[None] = None
    weights: ClassVar[None] = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the neurons; sources of equal shape, which is the result's."""
        return _elementwise(self, graph, name, sources, ("multiply", "sum"))


@dataclass(frozen=True)
class Multiply:
    """The product of its sources, entry by entry, by a fixed weight 1.0 (a gate)."""

    activation: str | ActivationFunction | None = None
    name: str | None = None
    bias: ClassVar[None] = None
    weights: ClassVar[None] = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the neurons; sources of equal shape, which is the result's."""
        return _elementwise(self, graph, name, sources, ("multiply", "product"))


@dataclass(frozen=True, init=False)
class Activation:
    """Neurons that apply an activation to one source each, by a fixed weight 1.0."""

    activation: ActivationFunction
    name: str | None = None
    bias: ClassVar[None] = None
    weights: ClassVar[None] = None
    parameters: tuple[float, ...] = field(default=(), repr=False)

    def __init__(
        self, activation: str | ActivationFunction, *parameters: float, name: str | None = None
    ) -> None:
        chosen = (
            ActivationFunction(activation, parameters)
            if isinstance(activation, str)
            else activation
        )
        object.__setattr__(self, "activation", chosen)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parameters", chosen.parameters)

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add the neurons; one source, whose shape is the result's."""
        _one(sources, name)
        return _elementwise(self, graph, name, sources, ("multiply", "sum"))
