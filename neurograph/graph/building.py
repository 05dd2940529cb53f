"""What builds a graph: each adds to it in place, or names what is there; methods of Graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.checks import number
from neurograph.errors import GraphError, shown
from neurograph.functions import Function
from neurograph.graph.constants import Constants
from neurograph.graph.functions import Functions
from neurograph.graph.initializers import Initializer
from neurograph.graph.layer import Ids, Layer
from neurograph.graph.layers import Layers
from neurograph.graph.references import Reference, neuron_ids
from neurograph.graph.table import INPUT, Table
from neurograph.graph.weights import Weights
from neurograph.names import AXES_MAX, IdArray, Names


class Growing(Protocol):
    """What grows: the parts of a Graph."""

    table: Table
    weights: Weights
    functions: Functions
    layers: Layers
    neuron_names: Names
    _constants: Constants

    @property
    def size(self) -> int:
        """The number of ids."""


def require_free(graph: Growing, name: str, who: str) -> None:
    """Raise GraphError if a layer or unit is called `name` already, or can not be."""
    if isinstance(name, str) and graph.neuron_names.taken(name):
        what = "layer" if name in graph.neuron_names else "neuron"
        raise GraphError(f"{who}: a {what} called {shown(name)} exists already; names are unique")
    graph.neuron_names.require_free(name)


def add_constant(graph: Growing, name: str, state: float) -> int:
    """Add a unit of fixed `state`, a source only, not counted as a neuron; return its id."""
    graph.neuron_names.require_free(name)
    value = number(f"{name}: the constant's state", state)
    identity = graph.table.add(1, -1, -1, -1, INPUT)
    graph.neuron_names.add(name, IdArray((), identity))
    graph._constants[identity] = value
    return identity


def add_inputs(graph: Growing, name: str, shape: tuple[int, ...]) -> Ids:
    """Add input neurons of this shape and return their ids."""
    return _add_layer(graph, name, "Input", shape, (-1, -1, -1, INPUT))


def add_weights(
    graph: Growing,
    layer: str,
    kind: str,
    shape: tuple[int, ...],
    *,
    present: NDArray[np.bool_] | None = None,
    initializer: Initializer = "lecun1998",
    fan_in: ArrayLike = 1,
    trainable: bool = True,
) -> IdArray:
    """Add the weight array "layer.kind" and return its ids; options as in `Weights.add`."""
    ids = graph.weights.add(
        f"{layer}.{kind}",
        shape,
        present=present,
        initializer=initializer,
        fan_in=fan_in,
        trainable=trainable,
    )
    bring(graph, layer, f"{layer}.{kind}")
    return ids


def bring(graph: Growing, layer: str, array: str) -> None:
    """Let the layer that is added as `layer` next have brought the weight array `array`."""
    graph.layers.bring(layer, array)


def add_neurons(
    graph: Growing,
    layer: str,
    kind: str,
    shape: tuple[int, ...],
    *,
    field: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike = -1,
    function: Function,
) -> Ids:
    """Add a layer of neurons and return their ids, in `shape`.

    Field, kernel and bias ids broadcast against `shape`.
    """
    if len(shape) > AXES_MAX:
        raise GraphError(f"{layer}: has {len(shape)} axes, needed at most {AXES_MAX}")
    field, kernel, bias = (
        np.broadcast_to(np.asarray(column, np.int32), shape) for column in (field, kernel, bias)
    )
    columns = field, kernel, bias, function_id(graph, function)
    return _add_layer(graph, layer, kind, shape, columns)


def _add_layer(
    graph: Growing, name: str, kind: str, shape: tuple[int, ...], columns: tuple[Any, Any, Any, int]
) -> Ids:
    """Add neurons of these fields, kernels, biases and function number."""
    ids = IdArray(shape, graph.table.size)
    require_free(graph, name, name)
    graph.table.add(math.prod(shape), *columns)
    graph.neuron_names.add(name, ids)
    graph.layers.add(Layer(name, kind, ids), is_input=columns[-1] == INPUT)
    return ids.ids


def rename_array(graph: Growing, old: str, new: str) -> None:
    """Give the weight array `old` the name `new`. Raises GraphError if that is taken."""
    graph.weights.rename(old, new)
    graph.layers.rename_array(old, new)


def function_id(graph: Growing, function: Function) -> int:
    """Return the number of `function` in this graph's list, adding it if it is new."""
    return graph.functions.number(function)


def label(graph: Growing, neurons: Reference, names: str | Sequence[str]) -> None:
    """Give neurons names of their own, one each; "" takes one's away.

    They stand wherever names do, in answers and in questions; "C1[2, 10, 10]" still finds the
    neuron. Edits and files keep them. Raises GraphError, before any is given, for another
    number of names than of neurons, for a constant, and for a name that is not printable, or
    another's: a layer's, or of the form of one's neurons.

    >>> from neurograph.models import mlp
    >>> graph = mlp((2, 2))
    >>> graph.label("output", ["cat", "dog"])
    >>> graph.incoming("dog"), graph.neuron_name("output[0]")
    (Connections(3: input[0] -output.kernel[1, 0]-> dog, ...), 'cat')
    """
    ids = neuron_ids(graph, neurons, "label").reshape(-1).tolist()
    texts = [names] if isinstance(names, str) or not np.iterable(names) else [*names]
    if len(texts) != len(ids):
        raise GraphError(f"label: found {len(texts)} names for {len(ids)} neurons")
    for constant in graph._constants.keys() & set(ids):
        raise GraphError(f"label: {graph.neuron_names.name_of(constant)} is a constant, no neuron")
    graph.neuron_names.label(ids, texts)
