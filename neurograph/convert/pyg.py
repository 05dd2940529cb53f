"""PyTorch Geometric: a graph as a HeteroData of neurons and weights, both ways."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.convert.description import described, description
from neurograph.convert.triples import Functions, Rest, Side, Triples, Which, graph_of, triples_of
from neurograph.errors import ConversionError, kind_of, missing
from neurograph.graph import Graph
from neurograph.memory import require

FEEDS, USES = ("neuron", "feeds", "neuron"), ("neuron", "uses", "weight")
_WHO = "from_pyg"


def to_pyg(graph: Graph) -> Any:
    """Return the graph as a torch_geometric HeteroData, every neuron and every weight a node.

    Node types: "neuron", by id (0 is the bias unit), with `layer`, the number of its layer, -1 of a
    constant; "weight", by id, with `value` (float64) and `trainable`. A connection is an edge
    ("neuron", "feeds", "neuron"), source to target, and at the same place of ("neuron", "uses",
    "weight") the edge from its target to its weight. `data.neurograph` says the rest, the bytes of
    JSON: layers, names, functions, inputs and outputs. Raises ConversionError if it would not fit
    in memory; MissingDependency without torch_geometric.

    >>> import pytest; _ = pytest.importorskip("torch_geometric")
    >>> from neurograph.models import mlp
    >>> data = to_pyg(mlp((4, 3, 2)))
    >>> data["neuron", "uses", "weight"].edge_index.shape
    torch.Size([2, 23])
    """
    HeteroData, torch = _packages("to_pyg")
    triples = triples_of(graph, "id", "to_pyg")
    source, weight, target = (
        side.ids.astype(np.int64) for side in (triples.source, triples.weight, triples.target)
    )
    data = HeteroData()
    said = json.dumps(description(graph)).encode()
    data.neurograph = torch.tensor(list(said), dtype=torch.uint8)
    layer = np.full(graph.size, -1)
    for number, one in enumerate(graph.layers.values()):
        layer[one.neurons.present] = number
    data["neuron"].num_nodes = graph.size
    data["neuron"].layer = torch.from_numpy(layer)
    data["weight"].num_nodes = graph.weights.count
    data["weight"].value = torch.from_numpy(graph.weights.value.copy())
    data["weight"].trainable = torch.from_numpy(graph.weights.trainable.copy())
    data[FEEDS].edge_index = torch.from_numpy(np.stack([source, target]))
    data[USES].edge_index = torch.from_numpy(np.stack([target, weight]))
    return data


def from_pyg(
    data: Any,
    *,
    inputs: Which = None,
    outputs: Which = None,
    functions: Functions = None,
) -> Graph:
    """Return the graph that a HeteroData describes, in the form that `to_pyg` gives.

    Edges may have been removed, added or rewired - those of "feeds" and "uses" together - and
    values changed. Where nothing is said in `data.neurograph`, `inputs`, `outputs` and `functions`
    say the rest as in `from_parquet`; node 0 is the bias unit. Raises ConversionError, before
    memory is taken, for anything else, for edges that contradict each other, ids out of range, and
    a cycle.

    >>> import pytest; _ = pytest.importorskip("torch_geometric")
    >>> from neurograph.models import mlp
    >>> from_pyg(to_pyg(mlp((4, 3, 2))))
    Graph(9 neurons in 3 layers, 23 weights)
    """
    triples = _triples(data)
    said = getattr(data, "neurograph", None)
    if said is None:
        return graph_of(triples, Rest(inputs, outputs, functions), _WHO)
    if any(given is not None for given in (inputs, outputs, functions)):
        raise ConversionError(f"{_WHO}: this data, of to_pyg, says itself what its functions are")
    text = _array(said, "data.neurograph")
    if text.dtype != np.uint8:
        raise ConversionError(f"{_WHO}: data.neurograph holds {text.dtype}, needed bytes")
    return described(text.tobytes(), triples, _WHO)


def _packages(who: str) -> tuple[Any, Any]:
    try:
        import torch
        from torch_geometric.data import HeteroData
    except ImportError as error:
        raise missing(who, "torch_geometric", "pyg") from error
    return HeteroData, torch


def _triples(data: Any) -> Triples:
    """Return the connections of a HeteroData, checked against each other."""
    HeteroData, _ = _packages(_WHO)
    if not isinstance(data, HeteroData):
        raise ConversionError(f"{_WHO}: found {kind_of(data)}, needed a HeteroData")
    feeds, uses = (_edges(data, relation) for relation in (FEEDS, USES))
    if feeds.shape != uses.shape or (feeds[1] != uses[0]).any():
        raise ConversionError(f"{_WHO}: edges of {FEEDS} and {USES} need the same targets, in turn")
    values, free = (_of_weights(data, name) for name in ("value", "trainable"))
    require(40 * uses[1].size, f"{_WHO}: {uses[1].size:,} connections", ConversionError)
    sides = Side(feeds[0]), Side(uses[1]), Side(feeds[1])
    return Triples(*sides, values, free, by_weight=True)


def _edges(data: Any, relation: tuple[str, str, str]) -> NDArray[Any]:
    if relation not in data.edge_types or "edge_index" not in data[relation]:
        raise ConversionError(f"{_WHO}: has no edges {relation}; found {data.edge_types}")
    index = _array(data[relation].edge_index, f"edges of {relation}")
    if index.ndim != 2 or len(index) != 2 or index.dtype.kind not in "iu":
        raise ConversionError(f"{_WHO}: edges of {relation}: needed whole numbers of shape (2, n)")
    return index


def _of_weights(data: Any, name: str) -> NDArray[Any] | None:
    if "weight" not in data.node_types or name not in data["weight"]:
        return None
    column = _array(data["weight"][name], f"{name} of weights")
    if column.ndim != 1:
        raise ConversionError(f"{_WHO}: {name} of weights has {column.ndim} axes, needed 1")
    return column


def _array(tensor: Any, what: str) -> NDArray[Any]:
    _, torch = _packages(_WHO)
    if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided:
        raise ConversionError(f"{_WHO}: {what}: found {kind_of(tensor)}, needed a dense tensor")
    return np.asarray(tensor.detach().cpu().numpy())
