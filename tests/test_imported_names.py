"""Layers and neurons of imported models: called as their makers call them, shaped as maps."""

from typing import Any

import numpy as np
import pytest

import neurograph as ng

torch = pytest.importorskip("torch")


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())
        self.pool = torch.nn.AdaptiveAvgPool2d(1)
        self.head = torch.nn.Linear(2, 3)

    def forward(self, x: Any) -> Any:
        return self.head(torch.flatten(self.pool(self.stem(x)), 1)).softmax(1)


def test_no_axis_of_samples_in_torch() -> None:
    graph = ng.from_torch(Net(), torch.zeros(2, 1, 5, 5))
    assert graph.layer("stem.0").ids.shape == (2, 3, 3)
    assert graph.layer("pool").ids.shape == (2, 1, 1)
    assert graph.layer("head").ids.shape == (3,)
    assert graph.neuron_id("stem.0[1, 2, 2]") == int(graph.layer("stem.0").ids[1, 2, 2])
    assert graph.neuron_name("head[2]") == "head[2]"
    assert ng.count(graph)["stem.0"].maps == (2, 3, 3)
    sees = ng.receptive_field(graph, "stem.0[0, 1, 1]")
    assert sees.size == 9


def test_no_axis_of_samples_in_onnx() -> None:
    pytest.importorskip("onnx")
    from onnx import helper
    from onnx_nets import K, model, node, numbers

    nodes = [node("Conv", "k", name="conv1"), helper.make_node("Flatten", ["y"], ["f"]),
             helper.make_node("Gemm", ["f", "w"], ["z"], name="fc")]  # fmt: skip
    made = model(nodes, {"x": ("N", 2, 4, 4)}, {"k": K, "w": numbers(16, 3)}, ("z",))
    graph = ng.from_onnx(made.SerializeToString())
    assert [(x.name, x.ids.shape) for x in graph] == [
        ("x", (2, 4, 4)), ("conv1", (4, 2, 2)), ("z", (3,))
    ]  # fmt: skip
    assert graph.outputs.shape == (3,)
    assert graph.neuron_id("conv1[3, 1, 0]") == int(graph.layer("conv1").ids[3, 1, 0])


def test_maps_of_an_imported_layer_change_places() -> None:
    """Two maps of equal kernels are two maps, not two rows of one."""
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.ones(3, 1, 1, 1))
    graph = ng.from_torch(net, torch.zeros(1, 1, 4, 4))
    found = ng.symmetry(graph, fix=["inputs"])
    assert sum(map(len, found.orbits["0"])) == 3
    assert np.shape(graph.layer("0").ids) == (3, 4, 4)
