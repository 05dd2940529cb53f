"""Layers in a table, a line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from neurograph.functions import Function
from neurograph.graph.layer import Layer
from neurograph.graph.table import INPUT, Table, live_slots

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
