"""A graph's parts as nodes and edges of a networkx graph, with their attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.errors import ConversionError
from neurograph.graph import Graph
from neurograph.graph.connections import Connections
from neurograph.graph.table import INPUT
from neurograph.nodes_and_edges import FORMAT, Weight, display_name

Parts = tuple[Mapping[int, str], Mapping[int, Weight]]  # the node of each neuron, the weights


def add_neurons(G: Any, graph: Graph, ids: NDArray[Any], chosen: NDArray[Any]) -> dict[int, str]:
    """Add the neurons and constants; return the node of each id."""
    classes = graph.pictures.classes
    constants, functions = graph.constants, [*graph.functions, None]
    number = np.where(np.isin(ids, chosen), graph.table.function[ids], INPUT).tolist()
    names = {}
    located = graph.neuron_names.locate_all(ids)
    for i, (layer, index), function in zip(ids.tolist(), located, number, strict=True):
        label = graph.labels.get(i)
        names[i] = name = label or display_name(layer, index)
        if i in constants:
            G.add_node(name, kind="constant", id=i, state=constants[i])
            continue
        computed = functions[function]
        own = {} if label is None else {"neuron_name": label}
        if i in classes:
            own["class_name"] = classes[i]
        G.add_node(name, kind="neuron", id=i, layer=layer, index=index, function=computed, **own)
    return names


def weight_nodes(graph: Graph, weights: NDArray[Any]) -> dict[int, Weight]:
    """Return what is said of each weight, by id."""
    owner = {a: layer.name for layer in graph.layers.values() for a in layer.arrays}
    located = graph.weights.names.locate_all(weights)
    value, trainable = graph.weights.value[weights], graph.weights.trainable[weights]
    columns = weights.tolist(), located, value.tolist(), trainable.tolist()
    return {
        i: Weight(display_name(array, index), i, array, index, owner.get(array), v, free)
        for i, (array, index), v, free in zip(*columns, strict=True)
    }


def add_weights(G: Any, weights: Mapping[int, Weight]) -> None:
    """Add a node for each weight."""
    for i, weight in weights.items():
        _require_free(G, weight.key, "a weight")
        G.add_node(
            weight.key,
            kind="weight",
            id=i,
            layer=weight.layer,
            array=weight.array,
            index=weight.index,
            value=weight.value,
            trainable=weight.trainable,
            exported=weight.value,
        )


def _require_free(G: Any, name: str, what: str) -> None:
    if name in G:
        raise ConversionError(f"{name} names a neuron and {what}; nodes need different names")


def slots(graph: Graph, chosen: NDArray[Any], links: Connections) -> list[int]:
    """Return the place of each connection among its target's: 0, 1, ..., -1 for the bias."""
    biases = int(np.count_nonzero(graph.table.bias[chosen] >= 0))
    target = links.target[: len(links) - biases]
    place = np.arange(target.size) - np.searchsorted(target, target)
    return [*place.tolist(), *([-1] * biases)]


def _named(
    links: Connections, places: list[int], parts: Parts
) -> Iterator[tuple[str, Weight, str, int]]:
    neuron, weight = parts
    for (s, w, t), slot in zip(links, places, strict=True):
        yield neuron[s], weight[w], neuron[t], slot


def add_edges(G: Any, links: Connections, places: list[int], parts: Parts) -> None:
    """Add each connection as an edge, and one from its weight."""
    add = G.add_edge
    for source, w, target, slot in _named(links, places, parts):
        named = {"weight": w.value, "weight_id": w.id, "weight_name": w.key}
        add(source, target, kind="connection", **named, slot=slot)
        add(w.key, target, kind="sharing")


def add_neuron_edges(G: Any, links: Connections, places: list[int], parts: Parts) -> None:
    """Add each connection as an edge that says all of its weight."""
    add = G.add_edge
    for source, w, target, slot in _named(links, places, parts):
        named = {"weight": w.value, "weight_id": w.id, "weight_name": w.key}
        add(source, target, kind="connection", **named, trainable=w.trainable, slot=slot)


def add_connections(G: Any, links: Connections, places: list[int], parts: Parts) -> None:
    """Add each connection as a node with three edges."""
    add = G.add_edge
    for source, w, target, slot in _named(links, places, parts):
        name = f"{target} #{slot if slot >= 0 else 'bias'}"
        _require_free(G, name, "a connection")
        G.add_node(name, kind="connection", slot=slot)
        add(w.key, name, kind="sharing")
        add(source, name, kind="source")
        add(name, target, kind="target")


def unused(weights: Mapping[int, Weight], ids: NDArray[Any]) -> list[list[Any]]:
    """Return [name, id, value, trainable] of these weights, where they have no node."""
    found = [weights[i] for i in ids.tolist()]
    return [[w.key, w.id, w.value, w.trainable] for w in found]


def describe(G: Any, graph: Graph, view: str, parts: Parts, *, whole: bool) -> None:
    """Write down what nodes and edges do not say: shapes, the order of layers, the outputs."""
    names, weights = parts
    layers = {data.get("layer") for _, data in G.nodes(data=True)}
    layers |= {weight.layer for weight in weights.values()}
    arrays = {weight.array for weight in weights.values()}
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
        constants={names[i]: i for i in graph.constants if i in names},
    )
    G.graph.update(_outputs(graph, names, whole=whole))
    if graph.preprocessing is not None:
        G.graph["preprocessing"] = graph.preprocessing.to_dict()


def _outputs(graph: Graph, names: Mapping[int, str], *, whole: bool) -> dict[str, Any]:
    """Return the names and the shape of the outputs, where the last layer does not say them."""
    outputs = graph.explicit_outputs
    if outputs is None and not whole and len(graph.layers) > len(graph.inputs):
        outputs = graph.outputs
    if outputs is None:
        return {}
    found = [names[n] for n in outputs.reshape(-1).tolist() if n in names]
    shape = outputs.shape if len(found) == outputs.size else (len(found),)
    return {"outputs": found, "outputs_shape": shape}
