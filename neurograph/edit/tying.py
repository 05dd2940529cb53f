"""Tying: the neurons of a layer share weights again, and layers share one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.rebuilding import copied_rows, rebuilt, renumbered, table_of
from neurograph.edit.tying_within import check_trainable, tied_within
from neurograph.errors import GraphError, shown
from neurograph.graph import Graph, require_graph
from neurograph.graph.ragged import Ragged
from neurograph.layers.wiring import arrays_in_use

Array = NDArray[Any]


def tie(
    graph: Graph, layers: str | Sequence[str], *, transpose: bool = False, bias: bool = True
) -> Graph:
    """Return the graph in which a layer's neurons, or several layers, share their weights.

    Of one layer, the neurons of each map (an index of its first axis) share weights again: the
    reverse of `unshare`, whose sharing is restored where it is known. Where it is not, weights that
    stand in the same slot of two neurons of a map, or are the biases of two, become one; an array
    (maps, height, width, ...) becomes (maps, ...), in any other each tied weight keeps the first of
    its places, and a transposed convolution, which has several kernels a map, is tied to one a map.
    Weights used by another layer too stay there.

    Several layers share one kernel array, the first's, and with `bias` one array of biases: the
    weights at the same place become one, and where only one has a weight, that. With `transpose`
    the first two axes of the later ones are exchanged, as a decoder's are to its encoder's, and
    each keeps biases of its own. (The kernels of a convolution and of the transposed convolution
    that undoes it are of one shape already.) Other layers that use these weights use the new ones.

    A tied weight has the mean of the values it stands for, and is drawn anew as the first of them
    is; connections stay as they are. Without `bias`, biases are left alone. Raises GraphError where
    the neurons of a map differ in their live slots or biases, arrays differ in shape, or trainable
    and fixed weights would become one.

    >>> from neurograph.layers import Conv2d, Input, Linear
    >>> graph = Graph()
    >>> x = graph.add(Input((1, 32, 32)))
    >>> c1 = graph.add(Conv2d(6, 5, shared=False, bias="neuron", name="C1"), x)
    >>> tied = tie(graph, "C1")
    >>> graph.weights.count, tied.weights.count, tied.weights.names["C1.kernel"].shape
    (122304, 156, (6, 1, 5, 5))

    >>> code = graph.add(Linear(3, name="encoder"), x[0, 0, :8])
    >>> y = graph.add(Linear(8, name="decoder"), code)
    >>> tied = tie(graph, ["encoder", "decoder"], transpose=True)
    >>> tied.weight_name(tied.incoming(y[5]).weight[2]), tied.layer("decoder").arrays
    ('encoder.kernel[2, 5]', ('decoder.bias',))
    """
    require_graph(graph, "tie")
    for what, given in (("transpose", transpose), ("bias", bias)):
        if not isinstance(given, bool | np.bool_):
            raise GraphError(f"tie: {what} is {shown(given)}, needed True or False")
    names = _names(layers)
    if len(names) > 1:
        return _tied_across(graph, names, transpose=bool(transpose), bias=bool(bias))
    if transpose:
        raise GraphError("tie: found one layer to tie transposed, needed two at least")
    return tied_within(graph, names[0], bool(bias))


def _names(layers: Any) -> list[Any]:
    if isinstance(layers, str) or not isinstance(layers, list | tuple):
        return [layers]
    if not layers or not all(isinstance(name, str) for name in layers):
        raise GraphError(f"tie: found the layers {shown(layers)}, needed the name of one or more")
    if len(set(layers)) < len(layers):
        raise GraphError(f"tie: found a layer twice in {shown(layers)}")
    return list(layers)


def _tied_across(graph: Graph, names: list[str], *, transpose: bool, bias: bool) -> Graph:
    """Return the graph in which the layers' kernels, and perhaps biases, are one array each."""
    pairs = _pairs(graph, names, False, transpose)
    biased = (graph.table.bias[graph.neurons_of(names)] >= 0).any()
    if bias and biased and not transpose:
        pairs += _pairs(graph, names, True, False)
    table, old = graph.table, graph.weights
    one = _joined(old.count, pairs)
    weight = np.arange(old.count)
    members = np.bincount(one, minlength=old.count)
    free = np.bincount(one, old.trainable, minlength=old.count)
    check_trainable(graph, weight, one, (free > 0) & (free < members))
    value = old.value.copy()
    # Taken from the first value, so that the mean of equal values is that value exactly.
    value += np.bincount(one, old.value - old.value[one], old.count) / np.maximum(members, 1)
    arrays = _arrays(graph, pairs, one)
    weights, number = renumbered(old, arrays, old.trainable, value, weight.astype(np.int32))
    number = number[np.append(one, -1)]
    kernels = Ragged.of(table.kernels.ptr, number[table.kernels.ids])
    columns = table.field, table.kernel, number[table.bias], table.function
    layers = [
        replace(layer, arrays=tuple(name for name in layer.arrays if name in arrays))
        for layer in graph.layers.values()
    ]
    table = table_of(copied_rows(table.fields), kernels, columns)
    return rebuilt(graph, table, weights=weights, layers=layers)


def _pairs(
    graph: Graph, names: list[str], bias: bool, transpose: bool
) -> list[tuple[str, str, Array, Array]]:
    """Return (first array, other array, their ids, place by place) for each later layer."""
    first, *others = (_array(graph, name, bias) for name in names)
    shape = graph.weights.names[first].shape
    found = []
    for name in others:
        ids = graph.weights.names[name].ids
        if transpose and ids.ndim < 2:
            raise GraphError(f"tie: {name} has the shape {ids.shape}, needed two axes to exchange")
        ids = ids.swapaxes(0, 1) if transpose else ids
        if ids.shape != shape:
            turned = ids.ndim > 1 and not transpose and ids.swapaxes(0, 1).shape == shape
            advice = "; transpose=True exchanges the first two axes" if turned else ""
            advice += "; bias=False leaves biases alone" if bias else ""
            found_shape = graph.weights.names[name].shape
            what = " transposed" if transpose else ""
            raise GraphError(
                f"tie: {name} has the shape {found_shape}, needed that of {first}{what}, "
                f"{shape}{advice}"
            )
        found.append((first, name, graph.weights.names[first].ids.reshape(-1), ids.reshape(-1)))
    return found


def _array(graph: Graph, name: str, bias: bool) -> str:
    """Return the only array that a layer's kernels, or biases, use."""
    neurons = graph.layer(name).neurons.present
    used = arrays_in_use(graph, neurons, bias)
    what = "biases" if bias else "kernels"
    if len(used) != 1:
        found = ", ".join(used) or "none"
        advice = "; bias=False leaves biases alone" if bias else ""
        raise GraphError(f"tie: the {what} of {name} use {found}, needed one array{advice}")
    return used[0]


def _joined(count: int, pairs: list[tuple[str, str, Array, Array]]) -> Array:
    """Return for each weight the one that it becomes: of the first array where there is one."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    a, b = (np.concatenate([pair[side] for pair in pairs]) for side in (2, 3))
    live = (a >= 0) & (b >= 0)
    a, b = a[live], b[live]
    joined = coo_matrix((np.ones(a.size, bool), (a, b)), shape=(count, count))
    group = connected_components(joined, directed=False)[1]
    first = np.full(int(group.max(initial=-1)) + 1, -1)
    for ids in (np.arange(count)[::-1], a[::-1]):  # the last that is written stays
        first[group[ids]] = ids
    return np.asarray(first[group])


def _arrays(
    graph: Graph, pairs: list[tuple[str, str, Array, Array]], one: Array
) -> dict[str, Array]:
    """Return the arrays that are left; the first has the others' weights where it had none."""
    arrays = {name: graph.weights.names[name].ids for name in graph.weights}
    for first, name, _, ids in pairs:
        shape = arrays[first].shape
        mine = arrays[first].reshape(-1)
        mine = np.append(one, -1)[np.where(mine >= 0, mine, ids)]
        again = np.ones(mine.size, bool)  # a kernel tied to itself transposed
        again[np.unique(mine, return_index=True)[1]] = False
        arrays[first] = np.where(again, -1, mine).reshape(shape)
        if name != first:
            arrays.pop(name, None)
    return arrays
