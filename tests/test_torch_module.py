"""A graph as a torch module: gradients, training, state dictionaries, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import neurograph as ng  # noqa: E402


def small() -> ng.Graph:
    """Sharing, a table, subsampling, pooling, a product, two inputs and fixed weights."""
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 6, 6), name="image"))
    gate = graph.add(ng.Input((3,), name="gate"))
    c = graph.add(ng.Conv2d(3, 3, table=[(0,), (1,), (0, 1)], activation="tanh", name="C"), x)
    s = graph.add(ng.Subsample2d(2, activation="scaled_tanh", name="S"), c)
    p = graph.add(ng.MaxPool2d(2, name="P"), s)
    m = graph.add(ng.Multiply(name="M"), p.reshape(-1), gate)
    centers = np.random.default_rng(1).normal(size=(4, 3))
    graph.add(ng.RBF(centers, name="output"), m)
    graph.weights.initialize(seed=2)
    return graph


def images(batch: int, dtype: Any = torch.float64) -> tuple[Any, Any]:
    made = torch.Generator().manual_seed(0)
    return (
        torch.randn(batch, 2, 6, 6, generator=made, dtype=dtype),
        torch.randn(batch, 3, generator=made, dtype=dtype),
    )


def test_gradcheck_passes() -> None:
    module = ng.torch.GraphModule(small(), engine="scipy", dtype="float64")
    x, gate = (image.requires_grad_() for image in images(3))

    def run(weight: Any, x: Any, gate: Any) -> Any:
        return torch.func.functional_call(module, {"weight": weight}, (x, gate))

    weight = module.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(run, (weight, x, gate), atol=1e-7)


@pytest.mark.parametrize("engine", ["reference", "scipy", "numba"])
def test_forward_and_gradient_are_the_simulators(engine: str) -> None:
    if engine == "numba":
        pytest.importorskip("numba")
    graph = small()
    module = ng.torch.GraphModule(graph, engine=engine, dtype="float64")
    x, gate = images(4)
    outputs = module(x, gate)
    np.testing.assert_allclose(
        outputs.detach(), ng.Simulator(small(), engine="scipy", dtype="float64")(x, gate)
    )
    (outputs * torch.arange(4.0)).sum().backward()
    simulator = ng.Simulator(small(), engine="reference", dtype="float64")
    expected, _ = simulator.pullback((x, gate), np.tile(np.arange(4.0), (4, 1)))
    np.testing.assert_allclose(module.weight.grad, expected[graph.weights.trainable], atol=1e-12)
    assert np.abs(expected).max() > 0.1


def test_a_torch_optimizer_trains_the_graph() -> None:
    graph = ng.models.mlp((4, 8, 3), activation="tanh")
    before = graph.weights.value.copy()
    module = ng.torch.GraphModule(graph, engine="scipy")
    x = torch.randn(30, 4, generator=torch.Generator().manual_seed(1))
    label = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x), label)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    assert module.pull() is graph
    np.testing.assert_array_equal(graph.weights.value.astype(np.float32), module.weight.detach())
    assert not np.array_equal(graph.weights.value, before)
    found = ng.Simulator(graph, engine="scipy")(x).argmax(axis=1)
    assert (found == label.numpy()).mean() > 0.9


def test_fixed_weights_stay() -> None:
    graph = small()
    module = ng.torch.GraphModule(graph, engine="scipy", dtype="float64")
    centers = graph.weights["output.centers"]
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(*images(2)).sum().backward()
    optimizer.step()
    module.pull()
    np.testing.assert_array_equal(graph.weights["output.centers"], centers)
    assert module.weight.numel() == graph.weights.trainable.sum()


def test_a_changed_weight_changes_the_gradient_of_an_earlier_call() -> None:
    module = ng.torch.GraphModule(small(), engine="scipy", dtype="float64")
    first = module(*images(2))
    expected = torch.autograd.grad(first.sum(), module.weight, retain_graph=True)[0]
    other = ng.torch.GraphModule(module.graph, engine="scipy", dtype="float64")
    with torch.no_grad():
        other.weight.zero_()
    other(*images(2))  # sets the graph's weights to zero
    again = torch.autograd.grad(first.sum(), module.weight)[0]
    torch.testing.assert_close(again, expected)


def test_state_dict_round_trips(tmp_path: Path) -> None:
    graph = ng.models.lenet5()
    module = ng.torch.GraphModule(graph, engine="scipy")
    torch.save(module.state_dict(), tmp_path / "state.pt")
    other = ng.torch.GraphModule(ng.models.lenet5(seed=5), engine="scipy")
    assert not torch.equal(other.weight, module.weight)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    digits = torch.from_numpy(ng.datasets.normalize(ng.datasets.digits(3).images)).float()
    torch.testing.assert_close(other(digits), module(digits))
    assert set(module.state_dict()) == {"weight", "fixed"}
    assert module.weight.shape == (60_000,)
    wrong = ng.torch.GraphModule(ng.models.mlp((4, 3, 2)), engine="scipy")
    with pytest.raises(RuntimeError, match="size mismatch"):
        wrong.load_state_dict(module.state_dict())


def test_bad_input_is_named() -> None:
    module = ng.torch.GraphModule(ng.models.mlp((4, 3, 2)), engine="scipy")
    with pytest.raises(ng.DataError, match="found list, needed a tensor"):
        module([[0.0] * 4])
    with pytest.raises(ng.DataError, match=r"torch.float64 on cpu, needed torch.float32"):
        module(torch.zeros(1, 4, dtype=torch.float64))
    with pytest.raises(ng.DataError, match=r"needed \(batch, 4\)"):
        module(torch.zeros(1, 5))
    with pytest.raises(ng.DataError, match="not finite"):
        module(torch.full((1, 4), float("nan")))
    with torch.no_grad():
        module.weight[1] = float("inf")
    with pytest.raises(ng.GraphError, match=r"weight N1.kernel\[0, 1\] is inf, needed a finite"):
        module(torch.zeros(1, 4))
    assert "mlp" not in repr(module)
    assert "engine='scipy'" in repr(module)


def test_pullback_checks_its_gradient() -> None:
    simulator = ng.Simulator(ng.models.mlp((4, 3, 2)), engine="scipy")
    with pytest.raises(ng.DataError, match=r"found shape \(1, 3\), needed \(1, 2\)"):
        simulator.pullback(np.zeros((1, 4)), np.zeros((1, 3)))
