"""A graph as the text that the page reads: its normal form, its values, its names, its samples."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from neurograph.explorer.packing import Pack, smallest
from neurograph.explorer.samples import Samples
from neurograph.graph import Graph
from neurograph.graph.levels import levels
from neurograph.names import IdArray
from neurograph.program.compiler import penalties

VERSION = 1


def payload(graph: Graph, *, title: str, values: str, samples: Samples) -> str:
    """Return a graph as text that needs no escape in HTML: base64 of a deflated pack.

    values: "exact", "half" (precision) or "none".
    """
    pack, weights = Pack(), graph.weights
    header = {
        "version": VERSION,
        "title": title,
        "size": graph.size,
        **_structure(pack, graph),
        **_names(pack, graph),
        "values": None if values == "none" else pack.numbers(weights.value, half=values == "half"),
        "trainable": pack.flags(weights.trainable),
        "weights": weights.count,
        "samples": samples.packed(pack),
    }
    return base64.b64encode(pack.deflated(header)).decode()


def _structure(pack: Pack, graph: Graph) -> dict[str, Any]:
    """Return the columns of the connection table, and what the neurons compute."""
    table = graph.table
    columns: dict[str, Any] = {
        "field": table.field,
        "kernel": table.kernel,
        "bias": table.bias,
        "function": table.function,
        "level": levels(graph),
    }
    rows = {"fields": table.fields, "kernels": table.kernels}
    return {
        "columns": {name: pack.integers(ids) for name, ids in columns.items()},
        "rows": {
            name: [pack.integers(np.diff(row.ptr)), pack.integers(row.ids)]
            for name, row in rows.items()
        },
        "functions": [
            [f.combine, f.reduce, f.activation.name, list(f.activation.parameters)]
            for f in graph.functions
        ],
        "outputs": [list(graph.outputs.shape), pack.integers(graph.outputs)],
        "penalties": penalties(graph),
    }


def _names(pack: Pack, graph: Graph) -> dict[str, Any]:
    """Return layers, weight arrays, constants and labels."""
    weights = graph.weights
    place = {name: at for at, name in enumerate(graph.layers)}
    return {
        "layers": [
            [layer.name, layer.kind, _ids(pack, layer.neurons), list(layer.arrays)]
            for layer in graph
        ],
        "names": [[name, _ids(pack, weights.names[name])] for name in weights],
        "inputs": [place[layer.name] for layer in graph.inputs],
        "constants": [[i, graph.neuron_name(i), s] for i, s in graph.constants.items()],
        "labels": [[i, text] for i, text in graph.labels.items()],
        "dissolved": [
            [name, list(d.shape), list(d.places.shape), pack.integers(d.places)]
            for name, d in weights.dissolved.items()
        ],
    }


def _ids(pack: Pack, ids: IdArray) -> list[Any]:
    """Return (shape, first id, or -1 and the place of the ids)."""
    if ids.explicit is None:
        return [list(ids.shape), int(ids.first)]
    return [list(ids.shape), -1, pack.integers(ids.explicit)]


def text_bytes(graph: Graph, values: str) -> int:
    """Return about the bytes of text that the values alone take, which hardly deflate."""
    weights = graph.weights
    width = {"exact": 8, "half": 2, "none": 0}[values]  # drawn values fill a float64
    if values == "exact" and weights.allocated:
        width = int(smallest(weights.value)[1])
    return weights.count * width * 4 // 3


def held_bytes(graph: Graph) -> int:
    """Return the bytes of the arrays that a browser would hold."""
    table = graph.table
    slots = table.fields.ids.size + table.kernels.ids.size
    rows = table.fields.count + table.kernels.count
    return int(4 * slots + 4 * rows + 32 * table.size + 8 * graph.weights.count)
