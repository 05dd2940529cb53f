"""The slots of layers that sum products: live, off an edge, cut."""

from __future__ import annotations

import numpy as np

from neurograph.graph import Graph
from neurograph.graph.ragged import live_per_row
from neurograph.graph.table import live_slots


def contracting(graph: Graph) -> list[str]:
    """Return the layers whose connections are counted as multiply-adds: those that sum products.

    Convolutions, transposed ones too, and linear layers, by kind, as other tools have it; not batch
    norms, pooling and sums.
    """
    kinds = "Conv", "Linear", "Sparse"
    return [layer.name for layer in graph if layer.kind.startswith(kinds)]


def slots_of(graph: Graph, layers: list[str]) -> tuple[int, int, int]:
    """Return how many slots of some layers are live, lack a source only, and are cut."""
    table, neurons = graph.table, graph.neurons_of(layers)
    slots = int(table.fields.lengths(table.field[neurons]).sum())
    live = int(live_slots(table, neurons).sum())
    weighted = int(np.append(live_per_row(table.kernels), 0)[table.kernel[neurons]].sum())
    return live, weighted - live, slots - weighted
