"""A graph in a table, a line for each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurograph.graph.table import INPUT, live_slots

if TYPE_CHECKING:
    from neurograph.graph.graph import Graph


def summary(graph: Graph) -> str:
    """Return a table of a graph's layers as text, and what it comes to.

    >>> from neurograph.models import mlp
    >>> summary(mlp((4, 3, 2))).splitlines()[-1]
    'Graph(9 neurons in 3 layers, 23 weights)'
    """
    from tabulate import tabulate

    table = graph.table
    live = live_slots(table, np.arange(table.size)) + (table.bias >= 0)
    head = "layer", "kind", "function", "maps", "neurons", "connections", "weights"
    rows = []
    for layer in graph.layers.values():
        ids = layer.neurons.present
        numbers = np.unique(table.function[ids])
        functions = [str(graph.functions[n]) for n in numbers.tolist() if n != INPUT]
        counted = f"{ids.size:,}", f"{int(live[ids].sum()):,}"
        maps = "x".join(map(str, layer.neurons.shape))
        what = "; ".join(functions[:2]) + ("; ..." if len(functions) > 2 else "")
        rows.append([layer.name, layer.kind, what, maps, *counted, ", ".join(layer.arrays)])
    align = "left", "left", "left", "right", "right", "right", "left"
    text = tabulate(rows, head, colalign=align if rows else None, disable_numparse=True)
    return f"{text}\n{graph!r}"
