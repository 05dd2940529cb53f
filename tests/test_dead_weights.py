"""Dead weights are those whose gradient in torch is 0, and no others; Softplus has no flat part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurograph as ng

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402


def padded() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 5, padding=2), nn.Softplus(), nn.Conv2d(3, 2, 7, padding=3)
    )


def dilated() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=3, dilation=3, stride=2), nn.Softplus())


def strided() -> nn.Module:
    first = nn.ConvTranspose2d(1, 2, 4, stride=4, padding=1)
    return nn.Sequential(first, nn.Softplus(), nn.Conv2d(2, 1, 1))


def masked() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Softplus(), nn.Conv2d(4, 2, 3))
    prune.random_unstructured(net[0], "weight", 0.5)
    prune.ln_structured(net[2], "weight", 1, n=1, dim=0)
    return net


class Sliced(nn.Module):
    """Uses some of its parameter, and of its second layer nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.rand(6, 16))
        self.head = nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        return nn.functional.softplus(x.flatten(1) @ self.table[1:5, :].T)


NETS = {
    "padding": (padded, 3),
    "dilation": (dilated, 4),
    "strides": (strided, 1),
    "masks": (masked, 4),
    "slices": (Sliced, 4),
}


@pytest.mark.parametrize("name", NETS)
def test_dead_weights_have_no_gradient_and_live_ones_have(name: str) -> None:
    make: Callable[[], nn.Module]
    make, side = NETS[name]
    torch.manual_seed(0)
    net = make().double()
    x = torch.rand(4, 1, side, side, dtype=torch.float64)
    graph = ng.from_torch(net, x)
    net(x).square().sum().backward()
    often, dead = ng.uses(graph), 0
    for key, parameter in net.named_parameters():
        gradient = np.zeros(parameter.shape) if parameter.grad is None else parameter.grad.numpy()
        used = often[graph.weights.names[key].ids] > 0
        np.testing.assert_array_equal(used, gradient != 0, err_msg=key)
        dead += int(np.count_nonzero(~used))
    assert 0 < dead == ng.count(graph).total.dead < graph.weights.count
