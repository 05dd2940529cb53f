"""What the layers share: checked parameters, weights, fields, and neurons with their biases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.errors import GraphError
from neurograph.functions import Activation, Function, as_activation
from neurograph.graph import Graph
from neurograph.layers import windows
from neurograph.names import IdArray

Ids = NDArray[np.int32]
IntPair = int | tuple[int, int]
ActivationLike = str | Activation | None


def positive(value: Any, who: str, what: str) -> int:
    """Return a whole number of at least 1. Raises GraphError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise GraphError(f"{who}: {what} is {value!r}, needed a whole number of at least 1")
    return int(value)


def one_source(sources: tuple[Ids, ...], who: str) -> Ids:
    """Return the only source. Raises GraphError if there are none or several."""
    if len(sources) != 1:
        raise GraphError(f"{who}: found {len(sources)} sources, needed one")
    return sources[0]


def flat(sources: tuple[Ids, ...], who: str) -> Ids:
    """Return the ids of all sources, flattened and joined. Raises GraphError if there are none."""
    if not sources or not any(s.size for s in sources):
        raise GraphError(f"{who}: found no source neuron, needed at least one")
    return np.concatenate([s.reshape(-1) for s in sources])


def weight_array(
    graph: Graph, layer: str, kind: str, shape: tuple[int, ...], owner: str | None, **options: Any
) -> IdArray:
    """Return new weights of `shape`, or those of the layer `owner` if its array has that shape."""
    if owner is None:
        return graph.add_weights(layer, kind, shape, **options)
    try:
        arrays = graph.layer(owner).arrays
    except GraphError as error:
        raise GraphError(f"{layer}: weights: {error}") from None
    if f"{owner}.{kind}" not in arrays:
        raise GraphError(
            f"{layer}: layer {owner} has no weights {owner}.{kind}; "
            f"it brought {', '.join(arrays) or 'none'}"
        )
    found = graph.weights.names[f"{owner}.{kind}"]
    if found.shape != shape:
        raise GraphError(f"{layer}: {owner}.{kind} has shape {found.shape}, needed {shape}")
    return found


def fixed_kernel(
    graph: Graph, layer: str, slots: int, value: float = 1.0, kind: str = "one"
) -> int:
    """Add one fixed weight and a kernel that names it in every slot; return the kernel."""
    ids = graph.add_weights(layer, kind, (), initializer=value, trainable=False)
    return graph.table.kernels.add(np.full((1, slots), ids.first))


def bias_kind(layer: Any, name: str) -> str | None:
    """Return "map", "neuron" or None from a layer's bias parameter."""
    bias = layer.bias
    if isinstance(bias, bool | np.bool_):
        return "map" if bias else None
    if bias is not None and not (isinstance(bias, str) and bias in ("map", "neuron")):
        raise GraphError(f'{name}: bias is {bias!r}, needed "map", "neuron" or None')
    return bias


def activation(layer: Any, name: str) -> Activation:
    """Return a layer's activation. Raises GraphError with the layer's name if it is unknown."""
    try:
        return as_activation(layer.activation)
    except GraphError as error:
        raise GraphError(f"{name}: {error}") from None


def check_options(layer: Any, name: str) -> None:
    """Raise GraphError for a bias or activation that does not exist, before anything is added."""
    bias_kind(layer, name)
    activation(layer, name)


def biases(
    graph: Graph, layer: Any, name: str, shape: tuple[int, ...], fan_in: ArrayLike = 1
) -> Ids | int:
    """Return the bias weights of feature maps of `shape`, to broadcast on it; -1 for none.

    Where a layer's initializer is an array, it is the kernel's, and biases begin at 0.
    """
    per = bias_kind(layer, name)
    if per is None:
        return -1
    size = (shape[0],) if per == "map" else shape
    fan_in = np.broadcast_to(np.asarray(fan_in, float), (shape[0],))
    each = fan_in.reshape(-1, *(1,) * (len(size) - 1))
    start = layer.initializer if np.ndim(layer.initializer) == 0 else 0.0
    array = weight_array(graph, name, "bias", size, layer.weights, initializer=start, fan_in=each)
    return array.ids.reshape(-1, *(1,) * (len(shape) - 1)) if per == "map" else array.ids


def add_maps(
    graph: Graph,
    layer: Any,
    name: str,
    shape: tuple[int, ...],
    columns: tuple[Any, Any, Any],
    combine: tuple[str, str] = ("multiply", "sum"),
) -> Ids:
    """Add the neurons of feature maps of `shape`; the columns are field, kernel and bias ids."""
    field, kernel, bias = columns
    return graph.add_neurons(
        name,
        type(layer).__name__,
        shape,
        field=field,
        kernel=kernel,
        bias=bias,
        function=Function(*combine, activation(layer, name)),
    )


def geometry(layer: Any, name: str) -> tuple[Any, Any, windows.Padding, Any]:
    """Return (kernel, stride, padding per side, dilation) of a layer with windows."""
    kernel = windows.pair(layer.kernel_size, name, "kernel_size")
    stride = windows.pair(layer.stride, name, "stride") if layer.stride is not None else kernel
    dilation = windows.pair(layer.dilation, name, "dilation")
    return kernel, stride, windows.padding(layer.padding, name, kernel, stride, dilation), dilation


def add_fields(graph: Graph, views: Ids, links: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
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
