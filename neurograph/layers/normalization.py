"""Batch normalization in inference form, as connections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurograph.functions import Function
from neurograph.graph import Graph
from neurograph.layers import windows
from neurograph.layers.wiring import ActivationLike, Ids, activation, one_source, require_sources


@dataclass(frozen=True)
class BatchNorm2d:
    """Two neurons a unit: (x - mean) / sigma, weights fixed; then scale * that + shift, trainable.

    Weight arrays, one entry a map: "name.inverse_deviation" (1 / sigma) and "name.center"
    (-mean / sigma), fixed, 1 and 0 until statistics are loaded; "name.scale" and "name.shift". The
    normalized units are the layer "name.normalized".

    >>> from neurograph.layers import Input
    >>> graph = Graph()
    >>> y = graph.add(BatchNorm2d(name="bn"), graph.add(Input((2, 4, 4))))
    >>> y.shape, graph.weights.count, len(graph.select(layer=["bn.normalized", "bn"]))
    ((2, 4, 4), 8, 128)
    """

    activation: ActivationLike = None
    name: str | None = None

    def wire(self, graph: Graph, name: str, *sources: Ids) -> Ids:
        """Add both groups; one source (maps, height, width). Returns the scaled ones' ids."""
        ids = windows.feature_maps(one_source(sources, name), name)
        require_sources((ids,), name)
        function = Function("multiply", "sum", activation(self, name))
        hidden = f"{name}.normalized"
        graph.require_free(hidden, name)
        inner = _per_map(
            graph, name, hidden, ids, ("inverse_deviation", "center"), Function(), trainable=False
        )
        return _per_map(graph, name, name, inner, ("scale", "shift"), function, trainable=True)


def _per_map(
    graph: Graph,
    owner: str,
    layer: str,
    ids: Ids,
    kinds: tuple[str, str],
    function: Function,
    *,
    trainable: bool,
) -> Ids:
    """Add one neuron for each of `ids`, times its map's factor, plus its map's summand."""
    maps = len(ids)
    factor, summand = (
        graph.add_weights(owner, kind, (maps,), initializer=start, trainable=trainable)
        for kind, start in zip(kinds, (1.0, 0.0), strict=True)
    )
    field = graph.table.fields.add(ids.reshape(-1, 1))
    kernel = graph.table.kernels.add(factor.ids[:, None])
    per_map = np.arange(maps)[:, None, None]
    return graph.add_neurons(
        layer,
        "BatchNorm2d",
        ids.shape,
        field=field + np.arange(ids.size).reshape(ids.shape),
        kernel=kernel + per_map,
        bias=summand.ids[:, None, None],
        function=function,
    )
