"""State dictionaries: weights go from torch to a graph and back; torch's forward is the oracle."""

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import ConversionError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812
from torch.nn.utils import parametrizations, prune  # noqa: E402


class Tied(nn.Module):
    """A layer used twice, a decoder that is the encoder transposed, rows of one parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(6, 4), nn.Linear(4, 6)
        self.rows = nn.Parameter(torch.randn(1, 6))
        self.decoder.weight = nn.Parameter(self.encoder.weight.detach().t())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        code = self.encoder(torch.tanh(self.decoder(torch.tanh(self.encoder(x)))))
        return F.linear(self.decoder(code), self.rows.expand(3, 6))


def normed() -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=False),
        nn.BatchNorm2d(3, eps=1e-3),
        nn.ReLU(),
        nn.Conv2d(3, 3, 3, padding=1),
        nn.BatchNorm2d(3, affine=False),
        nn.Flatten(),
        nn.Linear(27, 4),
    )
    return net


NETS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "batch norms": (normed, (2, 5, 5)),
    "ties": (Tied, (6,)),
}


def made(name: str, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)  # what is made double later is tied no more
    try:
        module = NETS[name][0]().eval()
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.uniform_(-0.5, 0.5)
                part.running_var.uniform_(0.5, 2)
    return module


def states(module: nn.Module) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def assert_agree(graph: ng.Graph, module: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn((3, *shape), dtype=torch.float64)
    with torch.no_grad():
        wanted = module.eval()(x).numpy()
    found = ng.Simulator(graph, engine="scipy", dtype="float64")(x.numpy())
    np.testing.assert_allclose(found, wanted, atol=1e-10)


def give_back(graph: ng.Graph, module: nn.Module) -> None:
    tensors = {name: torch.from_numpy(a) for name, a in graph.state_dict().items()}
    left = module.load_state_dict(tensors, strict=False)
    assert not left.unexpected_keys
    assert all(key.endswith(("num_batches_tracked", "mask")) for key in left.missing_keys)


@pytest.mark.parametrize("name", NETS)
def test_a_module_gets_the_arrays_that_it_gave(name: str) -> None:
    module, shape = made(name, 0), NETS[name][1]
    graph = ng.from_torch(module, torch.zeros(1, *shape, dtype=torch.float64))
    found, wanted = graph.state_dict(), states(module)
    assert {k for k in wanted if not k.endswith("tracked")} == set(found)
    for key, values in found.items():
        np.testing.assert_allclose(values, wanted[key], rtol=1e-12, atol=1e-12)
    other = made(name, 1)
    give_back(graph, other)
    assert_agree(graph, other, shape)


@pytest.mark.parametrize("name", NETS)
def test_a_graph_takes_what_was_tuned_there(name: str) -> None:
    module, shape = made(name, 0), NETS[name][1]
    graph = ng.from_torch(module, torch.zeros(1, *shape, dtype=torch.float64))
    tuned = module.train()
    optimizer = torch.optim.SGD(tuned.parameters(), lr=0.1)
    if name == "ties":  # an optimizer does not know that storages are shared; the values stay so
        with torch.no_grad():
            for parameter in (module.encoder.weight, module.encoder.bias, module.decoder.bias):
                parameter.mul_(1.5)
    else:
        tuned(torch.randn(4, *shape, dtype=torch.float64)).square().sum().backward()
        optimizer.step()
    ng.models.load_state(graph, states(tuned))
    assert_agree(graph, tuned, shape)


def test_pruned_here_tuned_there_and_saved_between(tmp_path: Any) -> None:
    module = made("batch norms", 0)
    graph = ng.from_torch(module, torch.zeros(1, 2, 5, 5, dtype=torch.float64))
    pruned = ng.prune(graph, fraction=0.4)
    ng.save(pruned, tmp_path / "pruned.npz")
    pruned = ng.load(tmp_path / "pruned.npz")
    give_back(pruned, module)
    assert float((module[0].weight == 0).double().mean()) > 0.1
    assert_agree(pruned, module, (2, 5, 5))
    for part in (module[0], module[3], module[6]):
        prune.custom_from_mask(part, "weight", part.weight != 0)
    again = ng.from_torch(module, torch.zeros(1, 2, 5, 5, dtype=torch.float64))
    with torch.no_grad():
        module[0].weight_orig.mul_(-2)
    ng.models.load_state(again, states(module))
    assert_agree(again, module, (2, 5, 5))
    give_back(again, module)
    assert_agree(again, module, (2, 5, 5))


def test_the_library_s_own_layers_are_called_as_torch_calls_them() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Conv2d(3, 2, name="c"), graph.add(ng.Input((1, 3, 3))))
    graph.add(ng.BatchNorm2d(name="bn"), x)
    state = {name: np.asarray(a) + 0.25 for name, a in graph.state_dict().items()}
    names = {"c.weight", "c.bias", *(f"bn.{n}" for n in ("weight", "bias", "running_mean"))}
    assert set(state) == names | {"bn.running_var"}
    ng.models.load_state(graph, state)
    for name, values in graph.state_dict().items():
        np.testing.assert_allclose(values, state[name], rtol=1e-12)


def refused(graph: ng.Graph, state: Any, words: str) -> None:
    before = graph.weights.value.copy()
    with pytest.raises(ConversionError, match=words):
        ng.models.load_state(graph, state)
    np.testing.assert_array_equal(graph.weights.value, before)


def test_tied_arrays_of_different_values_are_refused() -> None:
    module = made("ties", 0)
    graph = ng.from_torch(module, torch.zeros(1, 6, dtype=torch.float64))
    state = states(module)
    refused(graph, {**state, "decoder.weight": state["decoder.weight"] + 1}, "shares weights")
    refused(graph, {**state, "more": 1.0}, "no more")
    refused(graph, {k: v for k, v in state.items() if k != "rows"}, "nothing for rows")
    refused(graph, {**state, "rows": np.zeros((2, 6))}, "shape")


def test_a_mask_that_has_changed_is_refused() -> None:
    layer = nn.Linear(4, 3)
    prune.random_unstructured(layer, "weight", 0.5)
    graph = ng.from_torch(layer, torch.zeros(1, 4))
    state = states(layer)
    ng.models.load_state(graph, state)
    refused(graph, {**state, "weight_mask": 1 - state["weight_mask"]}, "weight_mask")


def test_what_was_computed_from_weights_is_not_stale() -> None:
    layer = parametrizations.weight_norm(nn.Linear(4, 3))
    graph = ng.from_torch(layer, torch.zeros(1, 4))
    state = states(layer)
    ng.models.load_state(graph, state)
    key = next(k for k in state if k.endswith("original1"))
    refused(graph, {**state, key: state[key] * 2}, "import the module again")
