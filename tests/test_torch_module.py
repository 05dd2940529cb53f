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


# ---- dtypes -------------------------------------------------------------------------------------


def drawn(engine: str, **options: Any) -> tuple[Any, np.ndarray]:
    """A module of weights that float32 cannot hold, and its outputs by numpy alone."""
    graph = ng.models.mlp((4, 3, 2))
    value = np.random.default_rng(5).normal(size=graph.weights.count)
    graph.weights.value = value
    x = np.random.default_rng(6).normal(size=(6, 4))
    layers = [(graph.weights[f"{n}.kernel"], graph.weights[f"{n}.bias"]) for n in ("N1", "output")]
    (w1, b1), (w2, b2) = layers
    activations = [graph.function(int(graph.layer(n).ids[0])).activation for n in ("N1", "output")]
    right = activations[1](activations[0](x @ w1.T + b1) @ w2.T + b2)
    return ng.torch.GraphModule(graph, engine=engine, **options), right


X6 = torch.from_numpy(np.random.default_rng(6).normal(size=(6, 4)))
engines = pytest.mark.parametrize("engine", ["reference", "scipy"])


@engines
def test_double_is_float64_in_every_digit(engine: str) -> None:
    module, right = drawn(engine)
    for changed in (module.double(), module.float().double(), module.to(torch.float64)):
        outputs = changed(X6)
        assert outputs.dtype == changed.weight.dtype == changed.fixed.dtype == torch.float64
        assert changed.simulator.dtype == np.float64
    module, right = drawn(engine)
    x = X6.clone().requires_grad_()
    outputs = module.double()(x)
    np.testing.assert_allclose(outputs.detach(), right, rtol=1e-12)
    wide, _ = drawn(engine, dtype="float64")
    y = X6.clone().requires_grad_()
    outputs.square().sum().backward()
    wide(y).square().sum().backward()
    np.testing.assert_allclose(module.weight.grad, wide.weight.grad, rtol=1e-12)
    np.testing.assert_allclose(x.grad, y.grad, rtol=1e-12)


@engines
def test_trained_weights_are_widened_as_they_are(engine: str) -> None:
    module, _ = drawn(engine)
    with torch.no_grad():
        module.weight += 1
    was = module.weight.detach().clone()
    assert torch.equal(module.double().weight, was.double())


@engines
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_floats_are_rounded_weights_run_in_float32(engine: str, dtype: Any) -> None:
    module, _ = drawn(engine)
    module.to(dtype)
    x = X6.to(dtype).requires_grad_()
    outputs = module(x)
    outputs.sum().backward()
    assert outputs.dtype == x.grad.dtype == module.weight.grad.dtype == dtype
    graph = module.pull()
    right = ng.Simulator(graph, engine="scipy", dtype="float64")(x.detach().double().numpy())
    eps = torch.finfo(dtype).eps
    np.testing.assert_allclose(outputs.detach().double(), right, rtol=eps, atol=eps / 8)
    assert module.float()(X6.float()).dtype == torch.float32


@pytest.mark.filterwarnings("ignore:Complex modules:UserWarning")
def test_what_cannot_be_run_is_named_and_changes_nothing() -> None:
    module, _ = drawn("scipy")
    for dtype in (torch.complex64, torch.float8_e4m3fn):
        with pytest.raises(ng.DataError, match=f"found {dtype}"):
            module.to(dtype)
        assert module.weight.dtype == torch.float32
    with pytest.raises(ng.DataError, match=r"float16 on cpu, needed torch\.float32"):
        module(X6.half())
    with pytest.raises(ng.DataError, match="needed dense ones"):
        module(X6.float().to_sparse())
    with pytest.raises(ng.DataError, match=r"weights on meta|images of torch.float32 on meta"):
        module.to("meta")(torch.zeros(2, 4))


def test_a_call_runs_in_the_dtype_of_the_weights_it_is_given() -> None:
    module, right = drawn("scipy")
    given = {"weight": torch.from_numpy(module.graph.weights.value.copy())}
    outputs = torch.func.functional_call(module, given, (X6,))
    np.testing.assert_allclose(outputs, right, rtol=1e-12)
