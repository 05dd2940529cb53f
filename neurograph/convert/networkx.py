"""networkx: every neuron, every weight and every connection as nodes and edges, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurograph.convert.nodes_and_edges import FORMAT, Reader
from neurograph.errors import ConversionError, GraphError, kind_of, suggestion
from neurograph.graph import Graph, require_graph
from neurograph.graph.connections import Connections, expand
from neurograph.graph.table import INPUT
from neurograph.memory import require

VIEWS = ("weights", "connections")
# Bytes a node, and a connection in each view, with its edges: as measured, rounded up.
_NODE, _CONNECTION = 1200, {"weights": 1100, "connections": 2800}


def to_networkx(graph: Graph, *, neurons: ArrayLike | None = None, view: str = "weights") -> Any:
    """Return the graph as a networkx MultiDiGraph, every neuron and every weight a node.

    Nodes are named as the graph names them, "C1[2, 10, 10]" and "C1.kernel[0, 0, 2, 2]". Their
    attributes: `kind` ("neuron", "constant" or "weight") and `id`; of a neuron `layer`, `index` and
    `function` (None for an input), of a constant its `state`, of a weight `layer`, `array`,
    `index`, `value` and `trainable`.

    view "weights": a connection is an edge source -> target of `kind` "connection", whose `weight`
    names its weight and whose `slot` is its place among the target's connections (-1 for the bias);
    a second edge, weight -> target of `kind` "sharing", stands for it at the weight, so that a
    weight's out-degree is its uses. view "connections": a connection is a node too, "C1[2, 10,
    10] #3" of `kind` "connection", with edges from its weight ("sharing") and its source
    ("source") and to its target ("target").

    `neurons` (ids in any shape) converts these, every connection into them, and the weights these
    use; a source outside becomes an input. Dead slots are not shown. Raises ConversionError for an
    unknown view, for a graph that would not fit in memory, before anything is converted, and where
    a neuron and a weight have one name; GraphError for ids out of range.

    >>> from neurograph.models import mlp
    >>> G = to_networkx(mlp((2, 1)))
    >>> G.number_of_nodes(), G.number_of_edges(), G.out_degree("output.kernel[0, 1]")
    (7, 6, 1)
    >>> G.edges["input[1]", "output[0]", 0]["weight"]
    'output.kernel[0, 1]'
    """
    require_graph(graph, "to_networkx")
    if view not in VIEWS:
        raise ConversionError(f"view {view!r} is unknown{suggestion(view, VIEWS)}")
    chosen = _chosen(graph, neurons)
    _require_room(graph, chosen, view, whole=neurons is None)
    links = expand(graph.table, chosen)
    ids = np.union1d(chosen, links.source)
    weights = np.arange(graph.weights.count) if neurons is None else np.unique(links.weight)
    G = nx.MultiDiGraph()
    names = _add_neurons(G, graph, ids, chosen), _add_weights(G, graph, weights)
    places = _slots(graph, chosen, links)
    (_add_edges if view == "weights" else _add_connections)(G, links, places, names)
    _describe(G, graph, view, names[0], whole=neurons is None)
    return G


def from_networkx(G: Any) -> Graph:
    """Return the Graph that a networkx graph of `to_networkx`, in either view, describes.

    It may have been edited: connections (edges, or nodes in the second view) removed, added or
    rewired, values, functions and states changed, nodes added. Connections decide; the "sharing"
    edges of the first view only show what they say and need no edit. A new neuron needs `kind`
    "neuron" and a `function` (None: an input), a new weight `kind` "weight" and a `value`; without
    a `layer` and `index` a neuron is a layer of its own. A connection without `slot` comes last.
    Ids are kept; where some are gone, the others move up in the old order. Raises ConversionError
    for a graph that is not of this form or contradicts itself.

    >>> from neurograph.models import mlp
    >>> G = to_networkx(mlp((2, 1)))
    >>> G.remove_edge("input[1]", "output[0]")
    >>> len(from_networkx(G).connections)
    2
    """
    if not isinstance(G, nx.DiGraph):
        raise ConversionError(
            f"from_networkx: found {kind_of(G)}, needed a directed networkx graph of the "
            "form that to_networkx makes"
        )
    return Reader(G).graph()


def _chosen(graph: Graph, neurons: ArrayLike | None) -> NDArray[Any]:
    """Return the ids to convert, ascending; all neurons and constants by default."""
    if neurons is None:
        return np.arange(graph.size)
    ids = np.unique(np.asarray(neurons))
    if not ids.size or ids.dtype.kind not in "iu" or ids[0] < 0 or ids[-1] >= graph.size:
        raise GraphError(
            f"to_networkx: found {ids.size} neurons {ids[:8].tolist()}, needed ids from 0 to "
            f"{graph.size - 1}, at least one"
        )
    return ids


def _require_room(graph: Graph, chosen: NDArray[Any], view: str, *, whole: bool) -> None:
    """Raise ConversionError if the networkx graph would not fit in memory."""
    table = graph.table
    slots = int(table.fields.lengths(table.field[chosen]).sum()) + chosen.size
    nodes = chosen.size + (graph.weights.count if whole else 0)
    size = nodes * _NODE + slots * _CONNECTION[view]
    what = f"networkx graph of {nodes:,} neurons and weights and {slots:,} slots"
    advice = "convert a part of it with neurons="
    require(size, what, ConversionError, advice=advice)


def _add_neurons(G: Any, graph: Graph, ids: NDArray[Any], chosen: NDArray[Any]) -> dict[int, str]:
    """Add the neurons and constants; return the node of each id."""
    constants, functions = graph.constants, [*graph.functions, None]
    number = np.where(np.isin(ids, chosen), graph.table.function[ids], INPUT).tolist()
    names = {}
    located = graph.neuron_names.locate_all(ids)
    for i, (layer, index), function in zip(ids.tolist(), located, number, strict=True):
        names[i] = name = _name(layer, index)
        if i in constants:
            G.add_node(name, kind="constant", id=i, state=constants[i])
            continue
        computed = functions[function]
        G.add_node(name, kind="neuron", id=i, layer=layer, index=index, function=computed)
    return names


def _add_weights(G: Any, graph: Graph, weights: NDArray[Any]) -> dict[int, str]:
    """Add the weights; return the node of each id."""
    owner = {a: layer.name for layer in graph.layers.values() for a in layer.arrays}
    located = graph.weights.names.locate_all(weights)
    value, trainable = graph.weights.value[weights], graph.weights.trainable[weights]
    columns = weights.tolist(), located, value.tolist(), trainable.tolist()
    names = {}
    for i, (array, index), v, free in zip(*columns, strict=True):
        names[i] = name = _name(array, index)
        if name in G:
            raise ConversionError(f"{name} names a neuron and a weight; nodes need different names")
        about = {"layer": owner.get(array), "array": array, "index": index}
        G.add_node(name, kind="weight", id=i, **about, value=v, trainable=free)
    return names


def _name(array: str, index: tuple[int, ...]) -> str:
    return f"{array}[{', '.join(map(str, index))}]" if index else array


def _slots(graph: Graph, chosen: NDArray[Any], links: Connections) -> list[int]:
    """Return the place of each connection among its target's: 0, 1, ..., -1 for the bias."""
    biases = int(np.count_nonzero(graph.table.bias[chosen] >= 0))
    target = links.target[: len(links) - biases]
    place = np.arange(target.size) - np.searchsorted(target, target)
    return [*place.tolist(), *([-1] * biases)]


Names = tuple[dict[int, str], dict[int, str]]


def _named(links: Connections, names: Names) -> Iterator[tuple[str, str, str]]:
    neuron, weight = names
    for s, w, t in links:
        yield neuron[s], weight[w], neuron[t]


def _add_edges(G: Any, links: Connections, places: list[int], names: Names) -> None:
    add = G.add_edge
    for (source, weight, target), slot in zip(_named(links, names), places, strict=True):
        add(source, target, kind="connection", weight=weight, slot=slot)
        add(weight, target, kind="sharing")


def _add_connections(G: Any, links: Connections, places: list[int], names: Names) -> None:
    add = G.add_edge
    for (source, weight, target), slot in zip(_named(links, names), places, strict=True):
        name = f"{target} #{slot if slot >= 0 else 'bias'}"
        G.add_node(name, kind="connection", slot=slot)
        add(weight, name, kind="sharing")
        add(source, name, kind="source")
        add(name, target, kind="target")


def _describe(G: Any, graph: Graph, view: str, names: dict[int, str], *, whole: bool) -> None:
    """Write down what nodes and edges do not say: shapes, the order of layers, the outputs."""
    nodes = [data for _, data in G.nodes(data=True)]
    layers, arrays = ({data.get(what) for data in nodes} for what in ("layer", "array"))
    G.graph.update(
        neurograph=FORMAT,
        view=view,
        layers={
            layer.name: {"kind": layer.kind, "shape": layer.neurons.shape, "arrays": layer.arrays}
            for layer in graph.layers.values()
            if whole or layer.name in layers
        },
        arrays={
            name: graph.weights.names[name].shape
            for name in graph.weights
            if whole or name in arrays
        },
        inputs=[layer.name for layer in graph.inputs],
    )
    outputs = graph.explicit_outputs
    if outputs is None and not whole and len(graph.layers) > len(graph.inputs):
        outputs = graph.outputs
    if outputs is not None:
        found = [names[n] for n in outputs.reshape(-1).tolist() if n in names]
        shape = outputs.shape if len(found) == outputs.size else (len(found),)
        G.graph.update(outputs=found, outputs_shape=shape)
