"""Layers and weight arrays in tables, a line each: as text, and as a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from neurograph import html
from neurograph.functions import Function
from neurograph.graph.layer import Layer
from neurograph.graph.table import INPUT, Table, live_slots
from neurograph.names import IdArray, Names

HEAD = "layer", "kind", "function", "maps", "neurons", "connections", "weights"


def summary(layers: Iterable[Layer], table: Table, functions: Sequence[Function]) -> str:
    """Return a table of layers as text: kind, functions, maps, neurons, connections, weights.

    >>> from neurograph.models import mlp
    >>> graph = mlp((4, 3, 2))
    >>> summary(graph, graph.table, graph.functions).splitlines()[-1].split()[:2]
    ['output', 'Linear']
    """
    from tabulate import tabulate

    rows = described(layers, table, functions)
    align = "left", "left", "left", "right", "right", "right", "left"
    return tabulate(rows, HEAD, colalign=align if rows else None, disable_numparse=True)


def described(
    layers: Iterable[Layer], table: Table, functions: Sequence[Function]
) -> list[tuple[str, ...]]:
    """Return a row of text for each layer, as HEAD names its cells."""
    live = live_slots(table, np.arange(table.size)) + (table.bias >= 0)
    rows: list[tuple[str, ...]] = []
    for layer in layers:
        ids = layer.neurons.present
        numbers = np.unique(table.function[ids])
        said = [str(functions[n]) for n in numbers.tolist() if n != INPUT]
        counted = f"{ids.size:,}", f"{int(live[ids].sum()):,}"
        maps = "x".join(map(str, layer.neurons.shape))
        what = "; ".join(said[:2]) + ("; ..." if len(said) > 2 else "")
        rows.append((layer.name, layer.kind, what, maps, *counted, ", ".join(layer.arrays)))
    return rows


def layers_as_html(layers: Iterable[Layer], table: Table, functions: Sequence[Function]) -> str:
    """Return the table of `summary` as HTML: numbers first, for the words may be long."""
    order = 0, 1, 3, 4, 5, 2, 6
    rows = [[row[i] for i in order] for row in described(layers, table, functions)]
    return html.table([HEAD[i] for i in order], rows)


def arrays_as_html(names: Names, trainable: NDArray[np.bool_]) -> str:
    """Return a table of weight arrays as HTML; `trainable` says of every weight whether it is."""
    rows = []
    for name in names:
        ids = names[name]
        shape = "x".join(map(str, ids.shape))
        rows.append((name, shape, f"{ids.present.size:,}", _how_many(trainable, ids)))
    return html.table(("array", "shape", "weights", "trainable"), rows)


def _how_many(trainable: NDArray[np.bool_], ids: IdArray) -> str:
    """Return whether the weights of an array are trainable: "yes", "no", or how many of them."""
    there = trainable[ids.present]
    found = int(np.count_nonzero(there))
    return "yes" if found == there.size else "no" if not found else f"{found:,} of {there.size:,}"
