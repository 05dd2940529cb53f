"""PyTorch Geometric: a HeteroData of neurons and weights, and the graph back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurograph as ng

torch = pytest.importorskip("torch")
geometric = pytest.importorskip("torch_geometric.data")

FEEDS, USES = ("neuron", "feeds", "neuron"), ("neuron", "uses", "weight")


def networks() -> list[ng.Graph]:
    """A border and a label; a pruned network; ids in any order with twin connections."""
    border = ng.Graph()
    x = border.add(ng.Input((1, 4, 4), name="x"))
    border.add(ng.Conv2d(2, 3, padding=1, border=-1.0, name="C"), x)
    border.label("x[0, 0, 0]", "corner")
    twins = [(5, 0, 3), (5, 0, 3), (0, 1, 3), (3, 2, 2), (0, 2, 2)]
    loose = ng.Graph.from_connections(twins, inputs=[5, 1], values=[0.1, -2.5, 3.0, 4.0])
    pruned = ng.cut(ng.models.mlp((4, 3, 2)), lambda links: links.weight % 3 == 0)
    return [border, ng.freeze(pruned, "output"), loose]


@pytest.mark.parametrize("graph", networks())
def test_the_network_comes_back(graph: ng.Graph) -> None:
    data = ng.to_pyg(graph)
    assert data.validate(raise_on_error=True)
    assert (data.num_nodes, data.num_edges) == (
        graph.size + graph.weights.count,
        2 * len(graph.connections),
    )
    used = np.bincount(data[USES].edge_index[1], minlength=graph.weights.count)
    np.testing.assert_array_equal(used, ng.uses(graph))
    fed = np.bincount(data[FEEDS].edge_index[1], minlength=graph.size)
    np.testing.assert_array_equal(fed, ng.in_degree(graph))
    found = ng.from_pyg(data)
    assert not ng.diff(graph, found)
    assert dict(found.labels) == dict(graph.labels)
    assert found.weights.trainable.tolist() == graph.weights.trainable.tolist()


def test_edits_and_data_of_others() -> None:
    data = ng.to_pyg(ng.models.mlp((2, 1)))
    for relation in (FEEDS, USES):
        data[relation].edge_index = data[relation].edge_index[:, 1:]
    data["weight"].value[1] = 7.0
    graph = ng.from_pyg(data)
    assert graph.incoming("output[0]").names()[0] == (
        "input[1]",
        "output.kernel[0, 1]",
        "output[0]",
    )
    assert graph.weights.value[1] == 7
    del data.neurograph
    graph = ng.from_pyg(data, functions=ng.Function(activation="relu"))
    assert str(graph.function(3).activation) == "relu"


def test_what_is_no_graph() -> None:
    def changed(change: Any) -> Any:
        data = ng.to_pyg(ng.models.mlp((2, 1)))
        change(data)
        return data

    def edges(relation: Any, found: Any) -> Any:
        return lambda data: setattr(data[relation], "edge_index", found)

    shorter = ng.to_pyg(ng.models.mlp((2, 1)))[FEEDS].edge_index[:, 1:]
    cases = [
        (edges(FEEDS, shorter), "same targets"),
        (edges(FEEDS, torch.ones(2, 3)), "whole numbers"),
        (edges(FEEDS, "edges"), "dense tensor"),
        (edges(USES, torch.tensor([[3, 3, 3], [0, 1, 99]])), "weight"),
        (edges(FEEDS, torch.tensor([[1, 3, 0], [3, 3, 3]])), "cycle"),
        (edges(FEEDS, torch.tensor([[1, 2**40, 0], [3, 3, 3]])), "source ids"),
        (lambda data: data["weight"].value.fill_(float("nan")), "finite"),
        (lambda data: setattr(data["weight"], "value", torch.ones(3, 1)), "axes"),
        (lambda data: setattr(data, "neurograph", torch.ones(2)), "bytes"),
        (lambda data: setattr(data, "neurograph", data.neurograph[1:]), "from_pyg"),
    ]
    for change, said in cases:
        with pytest.raises(ng.ConversionError, match=said):
            ng.from_pyg(changed(change))
    for wrong in (geometric.HeteroData(), geometric.Data(), None, 5, "x", {}, np.ones(2), object):
        with pytest.raises(ng.ConversionError, match="from_pyg"):
            ng.from_pyg(wrong)
    with pytest.raises(ng.ConversionError, match="says itself"):
        ng.from_pyg(ng.to_pyg(ng.models.mlp((2, 1))), inputs=[1])
    for wrong in (None, 5, "x", [1], np.ones(2), object(), geometric.Data()):
        with pytest.raises(ng.GraphError, match="to_pyg"):
            ng.to_pyg(wrong)
