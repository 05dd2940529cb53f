"""What asks of a graph, and changes nothing: names, layers, connections; methods of Graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph import html
from neurograph.functions import Function
from neurograph.graph.connections import Connections, expand
from neurograph.graph.functions import Functions
from neurograph.graph.layer import Ids, Layer
from neurograph.graph.layers import Layers
from neurograph.graph.references import Reference, neuron_ids, one_id, weight_ids
from neurograph.graph.state import state_of
from neurograph.graph.summary import layers_as_html
from neurograph.graph.summary import summary as table_of
from neurograph.graph.table import INPUT
from neurograph.graph.view import Connected, View


class Asked(Connected, Protocol):
    """What is asked: a Graph."""

    @property
    def functions(self) -> Functions:
        """The functions, by number."""

    @property
    def layers(self) -> Layers:
        """The layers, by name."""


def layer(graph: Asked, name: str) -> Layer:
    """Return the layer `name`. Raises GraphError with the nearest names if there is none."""
    return graph.layers.named(name)


def summary(graph: Asked) -> str:
    """Return a table of the layers as text: kind, function, maps, neurons, connections."""
    return f"{table_of(graph.layers.values(), graph.table, graph.functions)}\n{graph!r}"


def as_html(graph: Asked) -> str:
    """Return what a notebook shows: the layers in a table, the weight arrays folded."""
    layers = layers_as_html(graph.layers.values(), graph.table, graph.functions)
    return html.paragraph(repr(graph)) + layers + graph.weights._repr_html_()


def neurons_of(graph: Asked, layer: str | Sequence[str]) -> Ids:
    """Return the ids of the neurons of a layer or several. Raises GraphError as `layer`."""
    names = [layer] if isinstance(layer, str) or not np.iterable(layer) else layer
    ids = [np.empty(0, np.int32), *(graph.layers.named(n).neurons.present for n in names)]
    return np.concatenate(ids)


def function(graph: Asked, neuron: int | str) -> Function | None:
    """Return the function of a neuron; None for an input or a constant."""
    place = int(graph.table.function[_one(graph, neuron, "function")])
    return None if place == INPUT else graph.functions[place]


def neuron_name(graph: Asked, neuron: int | str) -> str:
    """Return the name of a neuron: its own if it has one, else "C1[2, 10, 10]"."""
    return graph.neuron_names.name_of(_one(graph, neuron, "neuron_name"))


def neuron_id(graph: Asked, name: str, index: tuple[int, ...] | None = None) -> int:
    """Return the id of the neuron "C1[2, 10, 10]", or of ("C1", (2, 10, 10))."""
    return graph.neuron_names.id_of(name, index)


def weight_name(graph: Asked, weight: int | str) -> str:
    """Return the name of a weight: "C1.kernel[0, 0, 2, 2]"."""
    weights = graph.weights
    return weights.names.name_of(one_id(weights.names, weights.count, weight, "weight_name"))


def weight_id(graph: Asked, name: str, index: tuple[int, ...] | None = None) -> int:
    """Return the id of "C1.kernel[0, 0, 2, 2]", or of ("C1.kernel", (0, 0, 2, 2))."""
    return graph.weights.names.id_of(name, index)


def state_dict(graph: Asked) -> dict[str, NDArray[np.float64]]:
    """Return the weights as arrays under the names of torch's state dictionary.

    Those of a graph from `from_torch` are the module's own, ties and batch norms' statistics
    included; of the library's layers "conv1.kernel" is "conv1.weight". A weight that is cut is
    0. Each array is a copy of its own, which may be written to: unlike torch's tensors it is no
    view of the weights, and a change reaches the graph by `models.load_state`, which takes the
    same names.

    >>> from neurograph.models import mlp
    >>> list(mlp((4, 2)).state_dict())
    ['output.weight', 'output.bias']
    """
    brought = {name for layer in graph.layers.values() for name in layer.arrays}
    return state_of(graph.weights, graph.table, brought)


def nbytes(graph: Asked) -> int:
    """Return the bytes that columns, tables, weights and explicit ids take, without indexes."""
    table, weights = graph.table, graph.weights
    arrays: list[NDArray[Any]] = [table.field, table.kernel, table.bias, table.function]
    arrays += [a for rows in (table.fields, table.kernels) for a in (rows.ptr, rows.ids)]
    arrays += [weights.trainable, *([weights.value] if weights.allocated else [])]
    named = [weights.names[n] for n in weights] + [x.neurons for x in graph.layers.values()]
    arrays += [ids.explicit for ids in named if ids.explicit is not None]
    return sum(a.nbytes for a in arrays)


def select(
    graph: Asked,
    *,
    layer: str | Sequence[str] | None = None,
    source: Reference | None = None,
    weight: Reference | None = None,
    target: Reference | None = None,
) -> View:
    """Return a view of the connections into layers, from sources, by weights, to targets.

    Each filter is one id or name, or several; filters combine by "and". Raises GraphError for
    an unknown layer, name or id.

    >>> from neurograph.models import lenet5
    >>> len(lenet5().select(source="input[0, 16, 16]", weight="C1.kernel"))
    150
    """
    view = View(graph)
    if layer is not None:
        view = view.narrowed(targets=neurons_of(graph, layer))
    if source is not None:
        view = view.narrowed(sources=neuron_ids(graph, source, "select").reshape(-1))
    if target is not None:
        view = view.narrowed(targets=neuron_ids(graph, target, "select").reshape(-1))
    if weight is not None:
        view = view.narrowed(weights=np.unique(weight_ids(graph.weights, weight, "select")))
    return view


def incoming(graph: Asked, neuron: Reference) -> Connections:
    """Return every connection into a neuron or several, by id or name.

    Slots come in order, neuron by neuron, then the biases.
    """
    found = expand(graph.table, neuron_ids(graph, neuron, "incoming").reshape(-1))
    return replace(found, graph=graph)


def outgoing(graph: Asked, neuron: Reference) -> Connections:
    """Return every connection out of a neuron or several, by id or name."""
    found = graph.index.outgoing(neuron_ids(graph, neuron, "outgoing").reshape(-1))
    return replace(found, graph=graph)


def sharing(graph: Asked, weight: Reference) -> Connections:
    """Return every connection that uses a weight or several, by id or name.

    >>> from neurograph.models import lenet5
    >>> graph = lenet5()
    >>> len(graph.sharing("C1.kernel[0, 0, 2, 2]")), len(graph.sharing("C1.kernel"))
    (784, 117600)
    """
    found = graph.index.sharing(weight_ids(graph.weights, weight, "sharing").reshape(-1))
    return replace(found, graph=graph)


def _one(graph: Asked, neuron: int | str, who: str) -> int:
    return one_id(graph.neuron_names, graph.size, neuron, who)
