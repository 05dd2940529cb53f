"""Graphs as torch modules: torch computes, and trains, what the graph does."""

from __future__ import annotations

import numpy as np
import pytest
from conformance import LAYERS
from networks import build, images, randomize

import neurograph as ng

torch = pytest.importorskip("torch")

NO_LAYERS = {
    "Conv2d with a border": "bias for each neuron",
    "Conv2d unshared": "no windows",
    "Subsample2d": r"subsample2d1.coefficient arranged in another way",
    "Sparse": "no windows",
    "RBF": r"\(squared_difference, sum\)",
    "RBF at each position": r"\(squared_difference, sum\)",
}


def flat(outputs: object) -> np.ndarray:
    parts = outputs if isinstance(outputs, tuple) else (outputs,)
    return torch.cat([y.reshape(len(y), -1) for y in parts], 1).detach().numpy()


def agree(graph: ng.Graph, *, form: str = "layers", dtype: str = "float64") -> torch.nn.Module:
    """Compare a graph with its module; return the module."""
    module = ng.to_torch(graph, form=form, dtype=dtype)
    inputs = [np.asarray(x, dtype) for x in images(graph, 3)]
    wanted = ng.Simulator(graph, engine="scipy", dtype="float64")(*inputs).reshape(3, -1)
    found = flat(module(*map(torch.from_numpy, inputs)))
    close = 1e-10 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(found, wanted, rtol=close, atol=close)
    return module


def counts(graph: ng.Graph) -> tuple[int, ...]:
    total = ng.count(graph).total
    return total.neurons, total.connections, total.bias_connections, total.used


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    graph = LAYERS[name]()
    if name in NO_LAYERS:
        with pytest.raises(ng.ConversionError, match=NO_LAYERS[name]):
            ng.to_torch(graph)
    else:
        agree(graph)
        agree(graph, dtype="float32")


def residual() -> ng.Graph:
    graph = ng.Graph()
    x = graph.add(ng.Input((3, 8, 8), name="image"))
    x = graph.add(ng.Conv2d(4, 3, padding=1, bias=None, name="stem.conv"), x)
    x = graph.add(ng.BatchNorm2d(activation="relu", name="stem.norm"), x)
    y = graph.add(ng.Conv2d(4, 3, padding=1, name="block.conv"), x)
    x = graph.add(ng.Add(activation="leaky_relu", name="block.add"), x, y)
    x = graph.add(ng.MaxPool2d(3, stride=2, padding=1, name="pool"), x)
    graph.add(ng.Linear(5, name="fc"), x)
    randomize(graph)
    scale = "stem.norm.inverse_deviation"
    graph.weights[scale] = np.abs(graph.weights[scale]) + 0.5
    return graph


def test_a_residual_network_is_real_layers_by_the_names_of_its_state() -> None:
    graph = residual()
    module = agree(graph)
    kinds = {name: type(child).__name__ for name, child in module.named_modules() if "." in name}
    assert kinds == {"stem.conv": "Conv2d", "stem.norm": "BatchNorm2d", "block.conv": "Conv2d"}
    state = {k: v for k, v in module.state_dict().items() if "num_batches" not in k}
    assert set(state) == set(graph.state_dict())
    for name, values in graph.state_dict().items():
        np.testing.assert_allclose(state[name].numpy(), values, rtol=1e-9)
    other = residual()
    other.weights.initialize(seed=3)
    ng.models.load_state(other, module.state_dict())
    np.testing.assert_allclose(other.weights["fc.kernel"], graph.weights["fc.kernel"])
    back = ng.from_torch(module, torch.zeros(1, 3, 8, 8, dtype=torch.float64))
    assert counts(back) == counts(graph)


def test_what_is_fixed_needs_no_gradient_and_ties_are_one_parameter() -> None:
    graph = ng.Graph()
    a = graph.add(ng.Input((2, 6, 6), name="a"))
    b = graph.add(ng.Conv2d(2, 3, padding=1, name="C1"), a)
    b = graph.add(ng.Conv2d(2, 3, padding=1, weights="C1", name="C2"), b)
    graph.add(ng.Linear(2, name="fc"), b)
    graph = ng.freeze(randomize(graph), "fc")
    module = agree(graph)
    assert module.C1.weight is module.C2.weight
    assert {n: p.requires_grad for n, p in module.named_parameters()} == {
        "C1.weight": True, "C1.bias": True, "fc.weight": False, "fc.bias": False
    }  # fmt: skip
    with pytest.raises(ng.ConversionError, match="others of them fixed"):
        ng.to_torch(ng.freeze(graph, "C1.kernel[0, 0, 0, 0]"))


def test_cut_weights_are_masked_and_stay_cut() -> None:
    table = [[0], [1, 2], [0, 1, 2]]
    graph = randomize(build(ng.Conv2d(3, 3, table=table, name="C3"), shape=(3, 5, 5)))
    module = agree(graph)
    assert set(module.state_dict()) == {"C3.weight_orig", "C3.weight_mask", "C3.bias"}
    back = ng.from_torch(module, torch.zeros(1, 3, 5, 5, dtype=torch.float64))
    assert counts(back) == counts(graph)
    module(torch.ones(2, 3, 5, 5, dtype=torch.float64)).sum().backward()
    gradient = module.C3.weight_orig.grad
    assert (gradient[module.C3.weight_mask == 0] == 0).all()
    assert (gradient[module.C3.weight_mask == 1] != 0).all()


def test_an_edited_layer_is_named_where_it_is_no_layer_any_more() -> None:
    graph = randomize(build(ng.Conv2d(2, 3, name="C1"), ng.Linear(3, name="fc"), shape=(1, 5, 5)))
    edited = ng.cut(graph, graph.select(source=13, target="C1[1, 1, 1]"))
    with pytest.raises(ng.ConversionError, match=r"no torch layer is C1 \(its fields"):
        ng.to_torch(edited)
    assert type(agree(edited, form="graph")).__name__ == "GraphModule"


def test_several_inputs_and_outputs() -> None:
    graph = ng.Graph()
    a, b = (graph.add(ng.Input((2, 3), name=name)) for name in ("left", "training"))
    y = graph.add(ng.Linear(4, activation="scaled_tanh", name="forward"), a, b)
    z = graph.add(ng.Multiply(name="gate"), a, b)
    graph.outputs = np.concatenate([y.reshape(-1), z.reshape(-1)])
    module = agree(randomize(graph))
    assert [tuple(y.shape) for y in module(*[torch.ones(2, 2, 3).double()] * 2)] == [
        (2, 4),
        (2, 2, 3),
    ]


def test_random_numbers_are_left_alone() -> None:
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    ng.to_torch(residual())
    assert torch.equal(torch.rand(3), wanted)


def test_wrong_words_are_refused() -> None:
    graph = build(ng.Linear(3), shape=(4,))
    with pytest.raises(ng.ConversionError, match="form='layer'"):
        ng.to_torch(graph, form="layer")
    with pytest.raises(ng.ConversionError, match="dtype 'int8'"):
        ng.to_torch(graph, dtype="int8")
