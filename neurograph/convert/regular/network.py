"""A graph as operators in an order in which each reads what those before it gave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.regular.composites import composites
from neurograph.convert.regular.operations import Ids, Operation, Products
from neurograph.convert.regular.places import Places
from neurograph.convert.regular.recognition import recognised
from neurograph.convert.regular.rows import padded, rows_of
from neurograph.graph import Graph
from neurograph.graph.layer import Layer
from neurograph.graph.ragged import Ragged
from neurograph.graph.table import INPUT
from neurograph.names import IdArray
from neurograph.program import Blocks, Rows
from neurograph.program.compiler import sound_levels, steps_of
from neurograph.rows import groups_of, spans

_SPLIT = "its neurons read each other, or those of a layer that reads them"
Part = tuple[str, Ids]


@dataclass(frozen=True, eq=False)
class Network:
    """Inputs and outputs by name, ids in their shapes, and the operators between them."""

    places: Places
    inputs: list[Part]
    operations: list[Operation]
    outputs: list[Part]


def network(graph: Graph, *, regular: bool = True) -> Network:
    """Return a graph as operators; unless `regular`, all of them products of fields and kernels.

    Raises GraphError for a graph that cannot be run, as `compile` does.
    """
    level = sound_levels(graph)
    places = Places(graph)
    inputs = [(layer.name, _existing(layer.neurons)) for layer in graph.inputs]
    given = {layer.name for layer in graph.inputs}
    layers = [number for number, layer in enumerate(places.layers) if layer.name not in given]
    reads = {n: _read(places, places.layers[n]) for n in layers}
    known, inside = composites(places, layers, reads) if regular else ({}, set())
    operations: list[Operation] = []
    for group in _order(layers, reads):
        if len(group) > 1 or group[0] in reads[group[0]]:
            operations += _by_level(places, group, level)
        elif group[0] in known:
            operations.append(known[group[0]])
        elif group[0] not in inside:
            operations += _of_layer(places, places.layers[group[0]], regular)
    return Network(places, inputs, operations, _outputs(places, given))


def _existing(neurons: IdArray) -> Ids:
    present = neurons.present
    return neurons.ids if present.size == neurons.size else present


# ---- order --------------------------------------------------------------------------------------


def _read(places: Places, layer: Layer) -> set[int]:
    """Return the layers that a layer's fields name."""
    table = places.graph.table
    field = table.field[layer.neurons.present]
    used = np.zeros(table.fields.count + 1, bool)
    used[field] = True
    rows = np.flatnonzero(used[:-1])
    lengths = table.fields.lengths(rows)
    found = np.zeros(len(places.layers) + 1, bool)
    for a in range(0, rows.size, 1 << 16):
        some = slice(a, a + (1 << 16))
        ids = table.fields.ids[spans(table.fields.ptr[rows[some]], lengths[some])]
        found[places.neurons.number[ids[ids >= 0]]] = True
    return set(np.flatnonzero(found[:-1]).tolist())


def _order(layers: list[int], reads: dict[int, set[int]]) -> Iterator[list[int]]:
    """Yield layers after those they read, together those that read each other."""
    if all(max(reads[n] & reads.keys(), default=-1) < n for n in layers):
        yield from ([n] for n in layers)
        return
    import networkx as nx

    G: Any = nx.DiGraph()
    G.add_nodes_from(layers)
    G.add_edges_from((source, n) for n in layers for source in reads[n] & reads.keys())
    joined = nx.condensation(G)
    members = joined.nodes.data("members")
    first = {node: min(inside) for node, inside in members}
    for node in nx.lexicographical_topological_sort(joined, key=first.__getitem__):
        yield sorted(joined.nodes[node]["members"])


# ---- operators ----------------------------------------------------------------------------------


def _of_layer(places: Places, layer: Layer, regular: bool) -> Iterator[Operation]:
    why = "said as products"
    if regular:
        rows = rows_of(places, layer)
        found = rows if isinstance(rows, str) else recognised(rows)
        if isinstance(found, Operation):
            yield found
            return
        why = found
    yield from _products(places.graph, layer.name, layer.neurons.present, why)


def _by_level(places: Places, group: list[int], level: NDArray[np.int32]) -> Iterator[Operation]:
    """Yield products of the neurons of layers that read each other, level by level."""
    ids = np.concatenate([places.layers[n].neurons.present for n in group])
    ids = ids[np.argsort(level[ids], kind="stable")]
    key = level[ids].astype(np.int64) << 32 | places.neurons.number[ids]
    for some in groups_of(key):
        name = places.layers[int(places.neurons.number[ids[some[0]]])].name
        yield from _products(places.graph, name, ids[some], _SPLIT)


def _products(graph: Graph, layer: str, neurons: Ids, why: str) -> Iterator[Products]:
    neurons = neurons[graph.table.function[neurons] != INPUT]
    for step in steps_of(graph, neurons):
        parts = [_blocks(step)] if isinstance(step, Blocks) else _rows(step)
        for ids, sources, weights, bias in parts:
            # What has no slot reads what its reduction gives of nothing: zero, or the bias unit.
            nothing = 0 if step.function.reduce == "product" else -1
            yield Products(
                layer=layer,
                activation=step.function.activation,
                ids=ids,
                sources=_some(sources, nothing),
                weights=_some(weights, -1),
                bias=bias,
                pair=(step.function.combine, step.function.reduce),
                why=why,
            )


_Parts = tuple[Ids, Ids, Ids, Ids]  # neurons, sources, weights, biases


def _some(rows: Ids, fill: int) -> Ids:
    """Return rows with one slot, `fill`, where they have none."""
    return rows if rows.shape[-1] else np.full((*rows.shape[:-1], 1), fill, np.int32)


def _blocks(step: Blocks) -> _Parts:
    return step.targets, step.sources, step.weights, step.bias


def _rows(step: Rows) -> Iterator[_Parts]:
    """Yield neurons one by one as blocks of one, those with equally many slots together."""
    width = np.diff(step.ptr)
    if step.function.linear:  # filled up with slots that are dead
        width = 1 << np.ceil(np.log2(np.maximum(width, 1))).astype(np.int64)
    table = [Ragged.of(step.ptr, ids) for ids in (step.sources, step.weights)]
    for some in groups_of(width):
        sources, weights = (padded(rows, some, int(width[some[0]])) for rows in table)
        ids, bias = (column[some].reshape(-1, 1, 1) for column in (step.targets, step.bias))
        yield ids, sources[:, None], weights[:, None], bias


# ---- outputs ------------------------------------------------------------------------------------


def _outputs(places: Places, inputs: set[str]) -> list[Part]:
    """Return the outputs: by layers where they are whole ones, one after the other."""
    ids = np.asarray(places.graph.outputs)
    flat = ids.reshape(-1)
    number = places.neurons.number[flat]
    edges = np.flatnonzero(np.diff(number) != 0) + 1
    parts = np.split(flat, edges)
    layers = [places.layers[int(n)] for n in number[np.append(0, edges)]]
    names = [layer.name for layer in layers]
    whole = all(
        n >= 0 and np.array_equal(part, layer.neurons.present)
        for n, part, layer in zip(number[np.append(0, edges)], parts, layers, strict=True)
    )
    if not whole or len(set(names)) < len(names) or not inputs.isdisjoint(names):
        return [("", ids)]
    if len(parts) == 1:
        return [(names[0], ids)]
    return [(layer.name, _existing(layer.neurons)) for layer in layers]
