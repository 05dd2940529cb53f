"""Other tools' multiply-adds, reconciled: their numbers are theirs, the terms are the graph's."""

from typing import Any

import pytest

import neurograph as ng
from neurograph.errors import ConversionError

torch = pytest.importorskip("torch")
import torch_nets  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from neurograph.auditing.tools import TOOLS  # noqa: E402


def there(tool: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(TOOLS[tool].package) is not None


def define_schemas() -> Any:
    """Let torchvision, which ptflops imports, load beside a torch without its operators."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor")
    return library


SCHEMAS = define_schemas()
INSTALLED = [tool for tool in TOOLS if there(tool)]  # torch's own is, always


def amounts(found: ng.Reconciliation) -> dict[str, int]:
    assert found.ours + sum(t.amount for t in found.terms) + found.unexplained == found.theirs
    return {term.name: term.amount for term in found.terms}


WANTED: dict[str, dict[str, int]] = {
    "FlopCounterMode": {},
    "torchinfo": {"bias": 1_000, "by parameter": 9_600},
    "fvcore": {"batch norm": 101_376, "adaptive pooling": 512},
    "ptflops": {"bias": 1_000},
    "calflops": {},
    "thop": {"batch norm x 2": 202_752, "adaptive pooling x 2": 1_024},
}


@pytest.mark.parametrize("tool", INSTALLED)
def test_resnet18_on_small_pictures(tool: str) -> None:
    net = torch_nets.build("resnet18")
    found = ng.reconcile(net, torch.zeros(2, 3, 32, 32), tool)
    assert found.ours == 22_174_464
    assert amounts(found) == {"padding": 15_348_992, **WANTED[tool]}
    assert found.unexplained == 0
    assert found.theirs == 37_523_456 + sum(WANTED[tool].values())
    if tool == "fvcore":
        assert sum(found.unseen.values()) == 9
    assert str(found).splitlines()[0].split()[:2] == ["ours", "22,174,464"]
    assert found.to_dict()["unexplained"] == 0


def pruned() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    torch.manual_seed(0)
    prune.random_unstructured(net[0], "weight", 0.5)
    prune.random_unstructured(net[3], "weight", 0.25)
    return net


def shared() -> nn.Module:
    layer = nn.Linear(10, 10)
    return nn.Sequential(nn.Sequential(layer), nn.ReLU(), nn.Sequential(layer))


class Pooling(nn.Module):
    """Pools by a function, where no hook on modules sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.adaptive_avg_pool2d(self.conv(x), 1)


NETS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "pruned": (pruned, (2, 4, 4)),
    "shared": (shared, (10,)),
    "transposed": (lambda: nn.ConvTranspose2d(3, 1, 2, stride=2), (3, 2, 2)),
    "positions": (lambda: nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3)), (5, 4)),
    "a function that pools": (Pooling, (2, 4, 4)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (4, 7, 7)),
    "no affine": (
        lambda: nn.Sequential(nn.Conv1d(2, 3, 2), nn.BatchNorm1d(3, affine=False)),
        (2, 6),
    ),
}


@pytest.mark.parametrize("tool", INSTALLED)
@pytest.mark.parametrize("name", NETS)
def test_what_is_explained_sums_exactly(name: str, tool: str) -> None:
    make, shape = NETS[name]
    module = make().train()
    before = {n: t.clone() for n, t in module.state_dict().items()}
    found = ng.reconcile(module, torch.randn(1, *shape), tool)
    amounts(found)
    if (name, tool) not in {("positions", "thop"), ("positions", "fvcore")}:  # a layer norm's sums
        assert found.unexplained == 0, str(found)
    assert ("unexplained" in str(found)) == (found.unexplained != 0)
    assert module.training
    assert {
        n: bool((before[n] == t).all()) for n, t in module.state_dict().items()
    } == dict.fromkeys(before, True)


@pytest.mark.parametrize("tool", INSTALLED)
def test_a_padded_convolution_of_the_tools(tool: str) -> None:
    """What each tool says of 32 maps on 28x28, where 215,168 connections and 25,088 biases are."""
    net = nn.Sequential(nn.Conv2d(1, 32, 3, padding=1))
    found = ng.reconcile(net, torch.zeros(1, 1, 28, 28), tool)
    biased = tool in ("torchinfo", "ptflops")
    assert (found.ours, found.theirs) == (215_168, 250_880 if biased else 225_792)
    assert amounts(found) == {"padding": 10_624, **({"bias": 25_088} if biased else {})}


def test_the_transposed_convolution_of_the_tools() -> None:
    if "torchinfo" in INSTALLED:
        found = ng.reconcile(NETS["transposed"][0](), torch.zeros(1, 3, 2, 2), "torchinfo")
        assert (found.theirs, found.ours) == (208, 48)
        assert amounts(found) == {"bias": 16, "transposed": 144}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((nn.Linear(2, 2), torch.zeros(1, 2), "abacus"), "abacus"),
        ((nn.Linear(2, 2), torch.zeros(1, 2), None), "unknown"),
        ((5, torch.zeros(1, 2), "FlopCounterMode"), r"needed a torch\.nn\.Module"),
        ((nn.Linear(2, 2), None, "FlopCounterMode"), "example_input"),
    ],
)
def test_what_is_refused(given: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ConversionError, match=words):
        ng.reconcile(*given)
