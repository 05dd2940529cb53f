"""What the layers share: checked parameters, weights, fields, and neurons with their biases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import flag
from neurograph.errors import GraphError, shown
from neurograph.functions import Activation, Function, as_activation
from neurograph.graph import Graph
from neurograph.layers import windows
from neurograph.memory import require
from neurograph.names import IdArray

Ids = NDArray[np.int32]
IntPair = int | tuple[int, int]
ActivationLike = str | Activation | None


def positive(value: Any, who: str, what: str) -> int:
    """Return a whole number of at least 1. Raises GraphError for anything else."""
    if not windows.whole(value, 1):
        raise GraphError(
            f"{who}: {what} is {shown(value)}, needed a whole number of {windows.limits(1, value)}"
        )
    return int(value)


def yes_or_no(layer: Any, who: str, *options: str) -> None:
    """Raise GraphError unless these options of a layer are True or False."""
    for what in options:
        flag(f"{who}: {what}", getattr(layer, what))


def one_source(sources: tuple[Ids, ...], who: str) -> Ids:
    """Return the only source. Raises GraphError if there are none or several."""
    if len(sources) != 1:
        raise GraphError(f"{who}: found {len(sources)} sources, needed one")
    return sources[0]


def flat(sources: tuple[Ids, ...], who: str) -> Ids:
    """Return the ids of all sources, flattened and joined. Raises GraphError if there are none."""
    if not sources or not any(s.size for s in sources):
        raise GraphError(f"{who}: found no source neuron, needed at least one")
    require_sources(sources, who)
    return np.concatenate([s.reshape(-1) for s in sources])


def weight_array(
    graph: Graph, layer: str, kind: str, shape: tuple[int, ...], owner: str | None, **options: Any
) -> IdArray:
    """Return new weights of `shape`, or those of the layer `owner`, if they fit.

    Raises GraphError where the owner's array has another shape, or no weight at a place where this
    layer needs one.
    """
    if owner is None:
        return graph.add_weights(layer, kind, shape, **options)
    name = lent_array(graph, layer, kind, owner)
    found = graph.weights.names[name]
    if found.shape != shape:
        raise GraphError(f"{layer}: {name} has shape {found.shape}, needed {shape}")
    require_weights(layer, name, found.ids, options.get("present"))
    return found


def require_weights(
    layer: str, name: str, ids: Ids, present: NDArray[np.bool_] | None = None
) -> None:
    """Raise GraphError if a borrowed array has no weight where one is needed.

    That is everywhere, or where `present` says so.
    """
    absent = ids < 0 if present is None else (ids < 0) & present
    if absent.any():
        first = [int(i) for i in np.argwhere(absent)[0]]
        raise GraphError(
            f"{layer}: {name} has no weight at {int(absent.sum()):,} of the places that are needed "
            f"(the first is {first}); its owner connects other maps, or they were dropped"
        )


def require_sources(sources: tuple[Ids, ...], who: str) -> None:
    """Raise GraphError if the sources, side by side, would not fit in memory.

    An array may be broadcast, and take none yet.
    """
    total = sum(s.size for s in sources)
    require(4 * total, f"{who}: {total:,} sources", GraphError)


def lent_array(graph: Graph, layer: str, kind: str, owner: str) -> str:
    """Return the name of the array of a kind ("kernel") that the layer `owner` brought, or uses.

    Raises GraphError where there is none.
    """
    try:
        lender = graph.layer(owner)
    except GraphError as error:
        raise GraphError(f"{layer}: weights: {error}") from None
    if f"{owner}.{kind}" in lender.arrays:
        return f"{owner}.{kind}"
    used = arrays_in_use(graph, lender.neurons.present, kind == "bias")
    found = [name for name in used if name.endswith(f".{kind}") and name not in lender.arrays]
    if len(found) != 1:
        brought = ", ".join(lender.arrays) or "none"
        others = f", and uses {', '.join(used)}" if set(used) - set(lender.arrays) else ""
        raise GraphError(
            f"{layer}: layer {owner} has no weights {owner}.{kind}; it brought {brought}{others}"
        )
    return found[0]


def arrays_in_use(graph: Graph, neurons: Ids, bias: bool) -> list[str]:
    """Return the arrays whose weights stand in the kernels, or the biases, of `neurons`."""
    table = graph.table
    ids = table.bias[neurons]
    if not bias:
        rows = np.unique(table.kernel[neurons])
        rows = rows[rows >= 0]
        ids = np.concatenate([table.kernels[row] for row in rows.tolist()] or [ids[:0]])
    found, left = [], np.unique(ids[ids >= 0])
    while left.size:
        name, _ = graph.weights.names.locate(int(left[0]))
        left = left[graph.weights.names[name].positions(left) < 0]
        found.append(name)
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
        raise GraphError(f'{name}: bias is {shown(bias)}, needed "map", "neuron" or None')
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

    Where a layer's initializer is an array, it is the kernel's, and biases begin at 0. A layer with
    a pattern has biases of its own, whoever's kernel it uses.
    """
    per = bias_kind(layer, name)
    if per is None:
        return -1
    size = (shape[0],) if per == "map" else shape
    fan_in = np.broadcast_to(np.asarray(fan_in, float), (shape[0],))
    each = fan_in.reshape(-1, *(1,) * (len(size) - 1))
    start = layer.initializer if np.ndim(layer.initializer) == 0 else 0.0
    owner = layer.weights if getattr(layer, "pattern", None) is None else None
    array = weight_array(graph, name, "bias", size, owner, initializer=start, fan_in=each)
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
