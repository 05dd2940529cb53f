"""Dense, elementwise and normalizing layers against torch, and their counts against formulas."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build, images, randomize, run, tally

import neurograph as ng
from neurograph.functions import ACTIVATIONS
from neurograph.functions import Activation as ActivationFunction

torch = pytest.importorskip("torch")
functional = torch.nn.functional

SOME = settings(deadline=None, max_examples=25)
CLOSE = {"float32": 1e-5, "float64": 1e-10}
dtypes = st.sampled_from(["float64", "float32"])
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def close(found: np.ndarray, wanted: np.ndarray, dtype: str) -> None:
    assert found.shape == wanted.shape
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@SOME
@given(
    sources=st.lists(shapes, min_size=1, max_size=3),
    out=st.integers(1, 6),
    bias=st.sampled_from(["map", "neuron", True, None, False]),
    dtype=dtypes,
)
def test_linear_reads_all_its_sources(sources: Any, out: int, bias: Any, dtype: str) -> None:
    graph = ng.Graph()
    ids = [graph.add(ng.Input(shape)) for shape in sources]
    graph.add(ng.Linear(out, bias=bias, name="f"), *ids)
    xs = images(randomize(graph))
    joined = torch.cat([torch.from_numpy(x).flatten(1) for x in xs], 1)
    weights = graph.weights
    given = torch.tensor(weights["f.bias"]) if bias else None
    wanted = functional.linear(joined, torch.tensor(weights["f.kernel"]), given).numpy()
    close(run(graph, *xs, dtype=dtype), wanted, dtype)
    size = sum(prod(shape) for shape in sources)
    number = out * (size + bool(bias))
    assert tally(graph, "f") == (number, number, number, 0)


@SOME
@given(
    shape=st.tuples(*[st.integers(1, 4)] * 3),
    out=st.integers(1, 4),
    bias=st.sampled_from(["map", "neuron", None]),
    dtype=dtypes,
)
def test_linear_at_each_position_is_a_1x1_convolution(
    shape: Any, out: int, bias: Any, dtype: str
) -> None:
    graph = build(ng.Linear(out, bias=bias, per_position=True, name="f"), shape=shape)
    (x,) = images(graph)
    kernel = torch.tensor(graph.weights["f.kernel"][:, :, None, None])
    wanted = functional.conv2d(torch.from_numpy(x), kernel).numpy()
    if bias:
        given = graph.weights["f.bias"]
        wanted = wanted + (given if bias == "neuron" else given[:, None, None])
    close(run(graph, x, dtype=dtype), wanted, dtype)
    places = shape[1] * shape[2]
    biases = {"map": out, "neuron": out * places, None: 0}[bias]
    connections = out * places * (shape[0] + bool(bias))
    assert tally(graph, "f") == (out * shape[0] + biases, connections, connections, 0)


@SOME
@given(
    shape=st.tuples(*[st.integers(1, 3)] * 3),
    units=st.integers(1, 4),
    per_position=st.booleans(),
    trainable=st.booleans(),
    dtype=dtypes,
)
def test_rbf_is_the_squared_distance(
    shape: Any, units: int, per_position: bool, trainable: bool, dtype: str
) -> None:
    width = shape[0] if per_position else prod(shape)
    centers = np.random.default_rng(2).choice([-1.0, 1.0], (units, width))
    graph = ng.Graph()
    x = graph.add(ng.Input(shape))
    layer = ng.RBF(centers, trainable=trainable, per_position=per_position, name="r")
    graph.add(layer, x)
    (given,) = images(graph)
    points = given.reshape(2, shape[0], -1) if per_position else given.reshape(2, -1, 1)
    wanted = ((points[:, None] - centers[None, :, :, None]) ** 2).sum(2)
    wanted = wanted.reshape(2, units, *(shape[1:] if per_position else ()))
    close(run(graph, given, dtype=dtype), wanted, dtype)
    places = shape[1] * shape[2] if per_position else 1
    weights = units * width
    assert tally(graph, "r") == (weights * trainable, weights * places, weights * places, 0)
    assert ng.count(graph)["r"].fixed == weights * (not trainable)
    assert ng.compile(graph).penalties


@SOME
@given(
    shape=shapes,
    out=st.integers(1, 5),
    count=st.integers(0, 20),
    bias=st.sampled_from(["map", None]),
    seed=st.integers(0, 99),
    dtype=dtypes,
)
def test_sparse_units_are_a_masked_matrix(
    shape: Any, out: int, count: int, bias: Any, seed: int, dtype: str
) -> None:
    rng = np.random.default_rng(seed)
    links = np.stack([rng.integers(0, prod(shape), count), rng.integers(0, out, count)], 1)
    graph = build(ng.Sparse(out, links, bias=bias, name="s"), shape=shape)
    (x,) = images(graph)
    matrix = torch.zeros(out, prod(shape), dtype=torch.float64)
    at = (torch.from_numpy(links[:, 1]), torch.from_numpy(links[:, 0]))
    matrix.index_put_(at, torch.tensor(graph.weights["s.kernel"]), accumulate=True)
    given = torch.tensor(graph.weights["s.bias"]) if bias else None
    wanted = functional.linear(torch.from_numpy(x).flatten(1), matrix, given).numpy()
    close(run(graph, x, dtype=dtype), wanted, dtype)
    number = count + (out if bias else 0)
    assert tally(graph, "s") == (number, number, number, 0)


def test_rbf_keeps_its_centers_when_weights_are_drawn_anew() -> None:
    graph = ng.Graph()
    graph.add(ng.RBF([[1.0, -1.0]], name="r"), graph.add(ng.Input((2,))))
    graph.weights.initialize(seed=5, initializer="he_normal")
    assert graph.weights["r.centers"].tolist() == [[1.0, -1.0]]


@SOME
@given(
    shape=shapes, count=st.integers(1, 4), kind=st.sampled_from([ng.Add, ng.Multiply]), dtype=dtypes
)
def test_entry_by_entry(shape: Any, count: int, kind: Any, dtype: str) -> None:
    graph = ng.Graph()
    ids = [graph.add(ng.Input(shape)) for _ in range(count)]
    graph.add(kind(activation="tanh", name="e"), *ids)
    xs = images(graph)
    wanted = np.tanh(sum(xs) if kind is ng.Add else prod(xs))
    close(run(graph, *xs, dtype=dtype), wanted, dtype)
    number = count * prod(shape)
    assert tally(graph, "e") == (0, number, number, 0)
    assert ng.count(graph)["e"].fixed == 1


def test_one_source_may_be_added_to_itself() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2,)))
    graph.add(ng.Multiply(name="square"), x, x)
    np.testing.assert_array_equal(run(graph, np.array([[3.0, -2.0]])), [[9.0, 4.0]])
    assert tally(graph, "square") == (0, 4, 4, 0)


TORCH = {
    "identity": lambda a: a,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "scaled_tanh": lambda a: 1.7159 * torch.tanh(a * 2 / 3),
    "relu": functional.relu,
    "relu6": functional.relu6,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "hardtanh": functional.hardtanh,
    "hardsigmoid": functional.hardsigmoid,
    "hardswish": functional.hardswish,
    "exp": torch.exp,
    "square": torch.square,
    "selu": functional.selu,
    "celu": functional.celu,
    "mish": functional.mish,
    "swish": functional.silu,
    "gelu_tanh": lambda a: functional.gelu(a, approximate="tanh"),
    "log_sigmoid": functional.logsigmoid,
    "soft_shrink": functional.softshrink,
    "hard_shrink": functional.hardshrink,
    "tanh_shrink": functional.tanhshrink,
    "threshold": lambda a: functional.threshold(a, 0.0, 0.0),
    "clip": lambda a: torch.clamp(a, -1.0, 1.0),
    "at_least": lambda a: torch.clamp(a, min=0.0),
    "at_most": lambda a: torch.clamp(a, max=0.0),
    "power": torch.square,
    "step": lambda a: torch.heaviside(a, torch.zeros(1, dtype=a.dtype)),
    **{
        name: getattr(torch, name)
        for name in (
            "sqrt", "rsqrt", "reciprocal", "log", "log1p", "expm1", "abs", "sign", "floor", "ceil",
            "round", "erf", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh",
            "acosh", "atanh",
        )
    },
}  # fmt: skip
# torch's softplus is exactly a beyond 20; the points stay below.
POINTS = np.concatenate([np.linspace(-19, 19, 77), [-0.0, 0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 1e-9]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_torchs(name: str, dtype: str) -> None:
    graph = build(ng.Activation(name, name="a"), shape=POINTS.shape)
    wanted = TORCH[name](torch.from_numpy(POINTS.astype(dtype) + 0).double())[None].numpy()
    close(run(graph, POINTS[None], dtype=dtype), wanted, dtype)  # a sum has no negative zero
    assert tally(graph, "a") == (0, POINTS.size, POINTS.size, 0)


@pytest.mark.parametrize(
    ("name", "parameters", "wanted"),
    [
        ("scaled_tanh", (2.0, 0.5), lambda a: 2 * torch.tanh(a / 2)),
        ("leaky_relu", (0.2,), lambda a: functional.leaky_relu(a, 0.2)),
        ("elu", (0.7,), lambda a: functional.elu(a, 0.7)),
        ("hardtanh", (-0.5, 2.0), lambda a: functional.hardtanh(a, -0.5, 2.0)),
    ],
)
def test_an_activation_takes_parameters(name: str, parameters: Any, wanted: Any) -> None:
    graph = build(ng.Activation(name, *parameters, name="a"), shape=POINTS.shape)
    close(run(graph, POINTS[None]), wanted(torch.from_numpy(POINTS))[None].numpy(), "float64")
    again = build(ng.Activation(ActivationFunction(name, parameters)), shape=POINTS.shape)
    np.testing.assert_array_equal(run(again, POINTS[None]), run(graph, POINTS[None]))


@SOME
@given(shape=st.tuples(*[st.integers(1, 4)] * 3), dtype=dtypes)
def test_batch_norm_is_torchs_in_evaluation(shape: Any, dtype: str) -> None:
    graph = build(ng.BatchNorm2d(activation="relu", name="bn"), shape=shape)
    rng = np.random.default_rng(3)
    mean, variance = rng.normal(size=shape[0]), rng.uniform(0.5, 2, shape[0])
    deviation = np.sqrt(variance + 1e-5)
    graph.weights.assign({"bn.inverse_deviation": 1 / deviation, "bn.center": -mean / deviation})
    (x,) = images(graph)
    wanted = functional.batch_norm(
        *(torch.from_numpy(a) for a in (x, mean, variance)),
        torch.tensor(graph.weights["bn.scale"]),
        torch.tensor(graph.weights["bn.shift"]),
    )
    close(run(graph, x, dtype=dtype), functional.relu(wanted).numpy(), dtype)
    units = prod(shape)
    trained, connections, slots, dead = tally(graph, "bn")
    assert (trained, connections, slots, dead) == (2 * shape[0], 2 * units, 2 * units, 0)
    assert tally(graph, "bn.normalized") == (0, 2 * units, 2 * units, 0)
    assert ng.count(graph).total.fixed == 2 * shape[0]


def test_batch_norm_starts_as_the_identity() -> None:
    graph = ng.Graph()
    graph.add(ng.BatchNorm2d(), graph.add(ng.Input((2, 1, 1))))
    x = np.array([[[[3.0]], [[-2.0]]]])
    np.testing.assert_array_equal(run(graph, x), x)
    assert graph.layers["batchnorm2d1"].kind == "BatchNorm2d"
