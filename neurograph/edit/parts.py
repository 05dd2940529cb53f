"""Parts of a graph: some of its neurons, or only the weights that have a connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edit.rebuilding import (
    copied_rows,
    copied_weights,
    rebuilt,
    rows_in_use,
    selected_rows,
    table_of,
)
from neurograph.errors import GraphError
from neurograph.graph import Graph, Layer, Reference, neuron_ids, require_graph
from neurograph.graph.connections import blocks
from neurograph.graph.draws import Draw
from neurograph.graph.ragged import Ragged, live_per_row
from neurograph.graph.table import INPUT
from neurograph.graph.usage import used_weights
from neurograph.graph.weights import Weights
from neurograph.names import IdArray

Mask = NDArray[np.bool_]


def subgraph(graph: Graph, neurons: Reference) -> Graph:
    """Return the graph of `neurons` (ids in any shape, or names) with every connection into them.

    A source that is not among them becomes an input, so that with its state given the chosen
    neurons compute what they did. If all chosen neurons of its layer are gone the layer becomes an
    input layer of that name; where some stay, the sources stand in a new input layer "S2.input".
    Indices stay, so neurons keep their names; ids are numbered anew, without gaps and in the old
    order. Constants stay where they are used. Outputs are those outputs that were chosen, else
    the chosen neurons that feed no other. Weights stay, dead ones too, until `drop_dead`. Raises
    GraphError for ids and names that are not there, or none at all.

    >>> from neurograph.layers import Input, Linear
    >>> graph = Graph()
    >>> h = graph.add(Linear(3, name="h"), graph.add(Input((2,), name="x")))
    >>> y = graph.add(Linear(2, name="y"), h)
    >>> part = subgraph(graph, y[1])
    >>> [layer.name for layer in part.inputs], len(part.connections), part.neuron_name(4)
    (['h'], 4, 'y[1]')
    """
    require_graph(graph, "subgraph")
    table = graph.table
    inside = _chosen(graph, neurons)
    sources = _live_sources(graph, np.flatnonzero(inside))
    kept = inside | sources
    kept[0] = True
    number = np.full(graph.size + 1, -1, np.int32)  # the last stands for -1, an empty slot
    number[:-1][kept] = np.arange(int(kept.sum()))
    computed = inside[kept]
    field, kernel, bias, function = (
        np.where(computed, column[kept], -1)
        for column in (table.field, table.kernel, table.bias, table.function)
    )
    fields, of_field = selected_rows(table.fields, rows_in_use(field, table.fields.count))
    kernels, of_kernel = selected_rows(table.kernels, rows_in_use(kernel, table.kernels.count))
    fields = Ragged.of(fields.ptr, number[fields.ids])
    layers = list(_layers(graph, inside, kept, number))
    return Graph.assemble(
        table_of(fields, kernels, (of_field[field], of_kernel[kernel], bias, function)),
        copied_weights(graph.weights),
        graph.functions,
        layers,
        constants={int(number[i]): graph.neuron_name(i) for i in graph.constants if kept[i]},
        states={int(number[i]): state for i, state in graph.constants.items() if kept[i]},
        inputs=[layer.name for layer in layers if layer.kind == "Input"],
        outputs=number[_outputs(graph, inside, sources)],
        labels={int(number[i]): name for i, name in graph.labels.items() if kept[i]},
        pictures=graph.pictures.moved(lambda i: int(number[i])),
    )


def _chosen(graph: Graph, neurons: Reference) -> Mask:
    ids = neuron_ids(graph, neurons, "subgraph").reshape(-1)
    if not ids.size:
        raise GraphError("subgraph: found no neurons, needed ids or names, at least one")
    inside = np.zeros(graph.size, bool)
    inside[ids] = True
    inside[list(graph.constants)] = False
    return inside


def _live_sources(graph: Graph, neurons: NDArray[Any]) -> Mask:
    """Return which ids feed `neurons`. Fields that meet an uncut kernel are read once each."""
    table = graph.table
    found = np.zeros(graph.size + 1, bool)
    uncut = np.append(live_per_row(table.kernels) == np.diff(table.kernels.ptr), True)
    whole = uncut[table.kernel[neurons]]
    met = rows_in_use(table.field[neurons[whole]], table.fields.count)
    found[selected_rows(table.fields, met)[0].ids] = True
    for _, block in blocks(table, neurons[~whole]):
        found[block.source] = True
    return found[:-1]


def _layers(graph: Graph, inside: Mask, kept: Mask, number: NDArray[Any]) -> Iterator[Layer]:
    """Yield the layers of the subgraph: what was chosen of each, and what became an input."""
    inputs = {layer.name for layer in graph.inputs}
    for layer in graph.layers.values():
        ids = layer.ids
        stays = (ids >= 0) & (kept if layer.name in inputs else inside)[ids]
        outside = (ids >= 0) & kept[ids] & ~stays
        chosen = replace(layer, neurons=IdArray.of(np.where(stays, number[ids], -1)))
        read = IdArray.of(np.where(outside, number[ids], -1))
        if outside.any() and stays.any():
            yield Layer(_free(graph, f"{layer.name}.input"), "Input", read)
            yield chosen
        elif outside.any():
            yield Layer(layer.name, "Input", read, layer.arrays)
        elif stays.any() or layer.arrays:
            yield chosen


def _free(graph: Graph, name: str) -> str:
    while graph.neuron_names.taken(name):
        name += "_"
    return name


def _outputs(graph: Graph, inside: Mask, sources: Mask) -> NDArray[Any]:
    """Return the ids that are the subgraph's outputs."""
    usual = graph.explicit_outputs
    if usual is None and len(graph.inputs) < len(graph.layers):
        usual = graph.outputs
    if usual is not None and usual.size:
        stay = (usual >= 0) & inside[usual]
        if stay.any():
            return usual if stay.all() else usual[stay]
    ends = np.flatnonzero(inside & ~sources & (graph.table.function != INPUT))
    return ends if ends.size else np.flatnonzero(inside)


def drop_dead(graph: Graph) -> Graph:
    """Return the graph without the weights that no connection uses.

    Their entries in the arrays of names become -1, and so do kernel slots that named them; the
    other weights are numbered anew in the old order. A layer with neither neurons nor weights left
    goes. Neurons, connections and slots are as they were.

    >>> from neurograph.layers import Conv2d, Input
    >>> graph = Graph()
    >>> y = graph.add(Conv2d(1, 3, padding=1, name="y"), graph.add(Input((1, 1, 1))))
    >>> graph.weights.count, drop_dead(graph).weights.count  # only the centre tap and the bias
    (10, 2)
    """
    require_graph(graph, "drop_dead")
    table, old = graph.table, graph.weights
    used = used_weights(table, old.count)
    before = np.concatenate([[0], np.cumsum(used)])  # how many of those before each are used
    number = np.append(np.where(used, before[:-1], -1), -1).astype(np.int32)
    arrays = {name: IdArray.of(number[old.names[name].ids]) for name in old}
    layers: list[Layer] = []
    gone: set[str] = set()
    for layer in graph.layers.values():
        if layer.neurons.present.size or any(arrays[a].present.size for a in layer.arrays):
            layers.append(layer)
        else:
            gone.update(layer.arrays)
    weights = Weights.of(
        {name: ids for name, ids in arrays.items() if name not in gone},
        old.trainable[used],
        old.value[used] if old.allocated else None,
        draws=[_draw_of(draw, used, int(before[draw.first])) for draw in old.draws],
        seed=old.seed,
        dissolved=old.dissolved,
        origins=old.origins,
    )
    kernels = Ragged.of(table.kernels.ptr, number[table.kernels.ids])
    columns = table.field, table.kernel, number[table.bias], table.function
    table = table_of(copied_rows(table.fields), kernels, columns)
    return rebuilt(graph, table, weights=weights, layers=layers)


def _draw_of(draw: Draw, used: Mask, first: int) -> Draw:
    """Return how the weights still used, now from id `first`, are drawn: the values as before."""
    stay = used[draw.first : draw.first + draw.size]
    if stay.all():
        return replace(draw, first=first)
    places = np.arange(draw.size) if draw.places is None else draw.places
    return replace(draw, first=first, places=places[stay])
