"""Estimates against the graphs that are then built."""

from typing import Any

import pytest

import neurograph as ng
from neurograph.errors import ConversionError

torch = pytest.importorskip("torch")
import torch_nets  # noqa: E402
from torch import nn  # noqa: E402

EXACT: dict[str, tuple[Any, tuple[int, ...]]] = {
    "convolutions": (
        lambda: nn.Sequential(
            *(nn.Conv2d(2, 4, 3, padding=1, groups=2), nn.BatchNorm2d(4), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Conv2d(4, 3, 3, stride=2), nn.Sigmoid(), nn.Flatten()),
            *(nn.Linear(3, 5), nn.ReLU(), nn.Dropout()),
        ),
        (2, 6, 6),
    ),
    "transposed": (lambda: nn.ConvTranspose2d(3, 2, 2, stride=2), (3, 3, 3)),
    "one dimension": (lambda: nn.Sequential(nn.Conv1d(2, 3, 2), nn.AvgPool1d(2)), (2, 7)),
    "residual": (lambda: torch_nets.Residual(2, [(2, 3, 1), (4, 3, 2)]), (2, 6, 6)),
    "adaptive": (lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 2, 1)), (2, 4, 4)),
}
NEAR: dict[str, tuple[Any, tuple[int, ...]]] = {
    "softmax": (lambda: nn.Sequential(nn.Linear(8, 30), nn.Softmax(1)), (8,)),
    "layer norm": (lambda: nn.Sequential(nn.Linear(8, 30), nn.LayerNorm(30)), (8,)),
}


def both(module: nn.Module, shape: tuple[int, ...]) -> tuple[Any, ng.Graph]:
    x = torch.zeros(1, *shape)
    return ng.estimate(module, x), ng.from_torch(module, x)


@pytest.mark.parametrize("name", EXACT)
def test_exact(name: str) -> None:
    found, graph = both(EXACT[name][0](), EXACT[name][1])
    assert found.neurons == graph.neurons.size
    total = ng.count(graph).total
    assert found.slots == total.slots - total.bias_connections


@pytest.mark.parametrize("name", NEAR)
def test_near(name: str) -> None:
    found, graph = both(NEAR[name][0](), NEAR[name][1])
    assert found.neurons == pytest.approx(graph.neurons.size, rel=0.3)


def test_memory_of_a_network() -> None:
    net = torch_nets.ResNet((1, 1, 1, 1), False, classes=10)
    found, graph = both(net, (3, 32, 32))
    assert graph.weights.value.size  # which are drawn now
    assert 0.5 < found.memory / graph.nbytes < 2
    assert found.seconds > 0
    assert "neurons" in str(found)


def test_nothing_is_built_for_what_would_not_fit() -> None:
    found = ng.estimate(nn.Conv2d(3, 64, 3, padding=1), torch.zeros(1, 3, 1_000, 1_000))
    assert found.neurons == (3 + 64) * 1_000**2
    assert found.memory > 8e8


@pytest.mark.parametrize("wrong", [None, 5, ng.models.mlp((2, 1)), "net.onnx"])
def test_what_is_no_module(wrong: Any) -> None:
    with pytest.raises(ConversionError, match=r"needed a torch\.nn\.Module"):
        ng.estimate(wrong, torch.zeros(1, 2))
