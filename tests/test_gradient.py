"""Gradients of every engine: torch autograd, finite differences and dense second derivatives."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.errors import DataError
from neurograph.functions import ACTIVATIONS, COMBINE, IDENTITY, REDUCE, Activation, Function
from neurograph.losses import (
    CorrectPenalty,
    CrossEntropy,
    DiscriminativePenalty,
    MeanSquaredError,
)

ENGINES = ["reference", "scipy", *(["numba"] if find_spec("numba") else [])]
SOME = settings(deadline=None, max_examples=25)
ALL_PAIRS = [(c, r) for c in COMBINE for r in REDUCE]
SMOOTH = ["identity", "tanh", "scaled_tanh", "sigmoid", "softplus", "silu", "gelu", "elu", "square"]

engines = pytest.mark.parametrize("engine", ENGINES)


# Defined everywhere and no faster than a line, so that states stay finite; most have a kink.
KINKED = (
    "identity", "sigmoid", "tanh", "scaled_tanh", "relu", "relu6", "leaky_relu", "elu", "softplus",
    "softsign", "silu", "gelu", "hardtanh", "hardsigmoid", "hardswish", "selu", "celu", "mish",
    "swish", "gelu_tanh", "log_sigmoid", "soft_shrink", "tanh_shrink", "clip", "at_least",
    "at_most", "abs", "erf", "sin", "cos", "atan", "asinh",
)  # fmt: skip


def simulator(graph, engine, dtype="float64"):
    return ng.Simulator(graph, engine=engine, dtype=dtype)


# ---- derivatives of activations -----------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_of_an_activation_is_that_of_its_function(name):
    activation = Activation(name)
    net = np.array([-7.3, -3.2, -1.1, -0.8, -0.4, 0.3, 0.9, 2.7, 3.4, 5.9, 6.2])
    net = net[np.isfinite(activation(net))]  # where the function has a value
    assert net.size >= 4
    slope = (activation(net + 1e-6) - activation(net - 1e-6)) / 2e-6
    state = activation(net)
    np.testing.assert_allclose(activation.derivative(net, state), slope, atol=2e-7, rtol=2e-6)
    if not activation.reads_net:
        hidden = np.full_like(net, np.nan)
        np.testing.assert_array_equal(
            activation.derivative(hidden, state), activation.derivative(net, state)
        )
    assert activation.derivative(net.astype("f4"), state.astype("f4")).dtype == np.float32


@pytest.mark.parametrize(
    ("name", "parameters", "net"),
    [
        ("relu", (), 0.0),
        ("relu6", (), 0.0),
        ("relu6", (), 6.0),
        ("leaky_relu", (0.1,), 0.0),
        ("hardtanh", (-1.0, 2.0), -1.0),
        ("hardtanh", (-1.0, 2.0), 2.0),
        *(("hardsigmoid", (), at) for at in (-3.0, 3.0)),
        *(("hardswish", (), at) for at in (-3.0, 3.0)),
        *((name, (), 0.0) for name in ("softplus", "softsign", "silu", "gelu")),
        ("elu", (0.5,), 0.0),
    ],
)
def test_at_a_kink_the_derivative_is_that_of_torch(name, parameters, net):
    torch = pytest.importorskip("torch")
    x = torch.tensor(net, dtype=torch.float64, requires_grad=True)
    getattr(torch.nn.functional, name)(x, *parameters).backward()
    activation, at = Activation(name, parameters), np.array(net)
    assert activation.derivative(at, activation(at)) == x.grad.item()


# ---- torch autograd on every kind of layer ------------------------------------------------------


def conv(F, x, p, **options):
    return F.conv2d(x, p["y.kernel"], p.get("y.bias"), **options)


def table_kernel(p, name, links):
    import torch

    mask = torch.zeros(p[name].shape, dtype=torch.float64)
    for out, maps in enumerate(links):
        mask[out, list(maps)] = 1
    return p[name] * mask


def local(F, x, p):
    kernel = p["y.kernel"]  # (out, height, width, in, kh, kw)
    out, height, width, _, kh, kw = kernel.shape
    patches = F.unfold(x, (kh, kw)).reshape(len(x), -1, height, width)
    flat = kernel.reshape(out, height, width, -1)
    import torch

    return torch.einsum("bkhw,ohwk->bohw", patches, flat) + p["y.bias"][:, None, None]


def planes(p, name):
    return p[name][:, None, None]


def rbf(p, x):
    return ((x.reshape(len(x), 1, -1) - p["y.centers"]) ** 2).sum(2)


LINKS = ((0,), (0, 2), (1, 2))
X = (3, 6, 5)

# name -> (the layers after the input, the same in torch of (functional, input, weights by name))
LAYERS = {
    "conv": (
        lambda g, x: g.add(ng.Conv2d(4, 3, stride=2, padding=1, activation="tanh", name="y"), x),
        lambda F, x, p: conv(F, x, p, stride=2, padding=1).tanh(),
    ),
    "dilated": (
        lambda g, x: g.add(ng.Conv2d(2, 2, dilation=(2, 3), bias=None, name="y"), x),
        lambda F, x, p: conv(F, x, p, dilation=(2, 3)),
    ),
    "groups": (
        lambda g, x: g.add(ng.Conv2d(6, 3, groups=3, activation="relu", name="y"), x),
        lambda F, x, p: conv(F, x, p, groups=3).relu(),
    ),
    "table": (
        lambda g, x: g.add(ng.Conv2d(3, 3, table=LINKS, name="y"), x),
        lambda F, x, p: F.conv2d(x, table_kernel(p, "y.kernel", LINKS), p["y.bias"]),
    ),
    "border": (
        lambda g, x: g.add(ng.Conv2d(2, 3, padding=1, border=-1.0, name="y"), x),
        lambda F, x, p: conv(F, F.pad(x, (1, 1, 1, 1), value=-1.0), p),
    ),
    "unshared": (
        lambda g, x: g.add(ng.Conv2d(2, 3, shared=False, name="y"), x),
        local,
    ),
    "bias_each": (
        lambda g, x: g.add(ng.Conv2d(2, 3, bias="neuron", name="y"), x),
        lambda F, x, p: F.conv2d(x, p["y.kernel"]) + p["y.bias"],
    ),
    "tied": (
        lambda g, x: g.add(
            ng.Conv2d(3, 3, padding=1, weights="y", activation="silu"),
            g.add(ng.Conv2d(3, 3, padding=1, activation="softplus", name="y"), x),
        ),
        lambda F, x, p: F.silu(conv(F, F.softplus(conv(F, x, p, padding=1)), p, padding=1)),
    ),
    "transposed": (
        lambda g, x: g.add(ng.ConvTranspose2d(2, 3, stride=2, padding=1, name="y"), x),
        lambda F, x, p: F.conv_transpose2d(x, p["y.kernel"], p["y.bias"], stride=2, padding=1),
    ),
    "subsample": (
        lambda g, x: g.add(ng.Subsample2d(2, activation="scaled_tanh", name="y"), x),
        lambda F, x, p: (
            1.7159
            * (
                2
                / 3
                * (
                    F.avg_pool2d(x, 2, divisor_override=1) * p["y.coefficient"][:, None, None]
                    + p["y.bias"][:, None, None]
                )
            ).tanh()
        ),
    ),
    "max": (
        lambda g, x: g.add(ng.MaxPool2d(3, stride=2, padding=1, name="y"), x),
        lambda F, x, p: F.max_pool2d(x, 3, stride=2, padding=1),
    ),
    "mean": (
        lambda g, x: g.add(ng.AvgPool2d(3, padding=1, count_include_pad=False, name="y"), x),
        lambda F, x, p: F.avg_pool2d(x, 3, padding=1, count_include_pad=False),
    ),
    "linear": (
        lambda g, x: g.add(ng.Linear(4, activation="gelu", name="y"), x),
        lambda F, x, p: F.gelu(F.linear(x.flatten(1), p["y.kernel"], p["y.bias"])),
    ),
    "position": (
        lambda g, x: g.add(ng.Linear(4, per_position=True, name="y"), x),
        lambda F, x, p: F.conv2d(x, p["y.kernel"][:, :, None, None], p["y.bias"]),
    ),
    "rbf": (
        lambda g, x: g.add(
            ng.RBF(np.random.default_rng(1).normal(size=(4, 90)), trainable=True, name="y"), x
        ),
        lambda F, x, p: rbf(p, x),
    ),
    "residual": (
        lambda g, x: g.add(
            ng.Add(activation="relu"), x, g.add(ng.Conv2d(3, 3, padding=1, name="y"), x)
        ),
        lambda F, x, p: (x + conv(F, x, p, padding=1)).relu(),
    ),
    "gate": (
        lambda g, x: g.add(
            ng.Multiply(),
            x,
            g.add(ng.Conv2d(3, 3, padding=1, activation="sigmoid", name="y"), x),
        ),
        lambda F, x, p: x * conv(F, x, p, padding=1).sigmoid(),
    ),
    "norm": (
        lambda g, x: g.add(
            ng.BatchNorm2d(activation="elu", name="n"), g.add(ng.Conv2d(3, 3, name="y"), x)
        ),
        lambda F, x, p: F.elu(
            (conv(F, x, p) * planes(p, "n.inverse_deviation") + planes(p, "n.center"))
            * planes(p, "n.scale")
            + planes(p, "n.shift")
        ),
    ),
}


@engines
@pytest.mark.parametrize("kind", LAYERS)
def test_every_layer_has_the_gradient_of_torch_autograd(kind, engine):
    torch = pytest.importorskip("torch")
    build, forward = LAYERS[kind]
    graph, rng = ng.Graph(), np.random.default_rng(0)
    build(graph, graph.add(ng.Input(X, name="x")))
    graph.weights.initialize(seed=3, initializer="uniform_fan_in")
    images = rng.normal(size=(2, *X))
    targets = rng.normal(size=(2, *graph.outputs.shape))
    found = simulator(graph, engine).gradient(images, targets, MeanSquaredError(), inputs=True)

    weights = {n: torch.tensor(graph.weights[n], requires_grad=True) for n in graph.weights}
    x = torch.tensor(images, requires_grad=True)
    loss = torch.nn.functional.mse_loss(
        forward(torch.nn.functional, x, weights), torch.tensor(targets)
    )
    loss.backward()
    assert found.loss == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(found.inputs, x.grad.numpy(), atol=1e-10)
    checked = 0
    for name, weight in weights.items():
        ids = graph.weights.names[name].ids
        if weight.grad is not None:
            got = np.where(ids >= 0, found.weights[ids], 0)
            np.testing.assert_allclose(got, weight.grad.numpy(), atol=1e-10)
            checked += 1
    assert checked or not graph.weights.trainable.any()


@engines
def test_lenet5_has_the_gradient_of_torch_autograd(engine):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    graph = small_lenet()
    rng = np.random.default_rng(1)
    images, labels = rng.normal(size=(2, 1, 14, 14)), np.array([1, 2])
    loss = DiscriminativePenalty(rubbish=1.0, scale=5.0)
    found = simulator(graph, engine).gradient(images, labels, loss, inputs=True)
    p = {n: torch.tensor(graph.weights[n], requires_grad=True) for n in graph.weights}
    x = image = torch.tensor(images, requires_grad=True)

    def squash(a):
        return 1.7159 * torch.tanh(2 / 3 * a)

    def subsample(x, name):
        coefficient, bias = p[f"{name}.coefficient"], p[f"{name}.bias"]
        total = F.avg_pool2d(x, 2, divisor_override=1)
        return squash(total * coefficient[:, None, None] + bias[:, None, None])

    x = subsample(squash(F.conv2d(x, p["C1.kernel"], p["C1.bias"])), "S2")
    x = squash(F.conv2d(x, table_kernel(p, "C3.kernel", LINKS), p["C3.bias"]))
    x = squash(F.linear(x.flatten(1), p["F6.kernel"], p["F6.bias"]))
    y = ((x[:, None] - p["output.centers"]) ** 2).sum(2)
    rubbish = torch.full((2, 1), -1.0, dtype=torch.float64)
    e = y[[0, 1], labels] + torch.logsumexp(torch.cat([rubbish, -y], 1), 1)
    (e.mean() / 5).backward()
    np.testing.assert_allclose(found.outputs, y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(found.inputs, image.grad.numpy(), atol=1e-10)
    for name, weight in p.items():
        ids = graph.weights.names[name].ids
        got = np.where(ids >= 0, found.weights[ids], 0)
        np.testing.assert_allclose(got, weight.grad.numpy(), atol=1e-10)


def small_lenet():
    graph = ng.Graph()
    squash = "scaled_tanh"
    x = graph.add(ng.Input((1, 14, 14), name="x"))
    x = graph.add(ng.Conv2d(3, 3, activation=squash, name="C1"), x)
    x = graph.add(ng.Subsample2d(2, activation=squash, name="S2"), x)
    x = graph.add(ng.Conv2d(3, 5, table=LINKS, activation=squash, name="C3"), x)
    x = graph.add(ng.Linear(7, activation=squash, name="F6"), x)
    codes = np.sign(np.random.default_rng(2).normal(size=(4, 7)))
    graph.add(ng.RBF(codes, name="output"), x)
    graph.weights.initialize(seed=1, initializer="uniform_fan_in")
    return graph


@engines
def test_the_winner_takes_all_the_first_on_ties_as_in_torch(engine):
    torch = pytest.importorskip("torch")
    graph = ng.Graph()
    graph.add(ng.MaxPool2d(2, stride=1), graph.add(ng.Input((1, 3, 3))))
    images = np.array([[[[1.0, 1, 0], [1, 1, 2], [2, 2, 2]]], [[[0.0] * 3] * 3]])
    targets = np.arange(8.0).reshape(2, 1, 2, 2)
    found = simulator(graph, engine).gradient(images, targets, MeanSquaredError(), inputs=True)
    x = torch.tensor(images, requires_grad=True)
    torch.nn.functional.mse_loss(
        torch.nn.functional.max_pool2d(x, 2, stride=1), torch.tensor(targets)
    ).backward()
    np.testing.assert_array_equal(found.inputs, x.grad.numpy())


@engines
def test_a_product_with_zeros_gives_each_factor_the_product_of_the_others(engine):
    graph = ng.Graph.from_connections(
        [(1, 0, 4), (2, 1, 4), (3, 2, 4)],
        inputs=[1, 2, 3],
        functions=Function("multiply", "product"),
        values=[2.0, 3.0, 5.0],
    )
    images = np.array([[1.0, 0, 1], [0, 0, 1], [1, 1, 1]])
    found = simulator(graph, engine).gradient(
        images, np.array([[-0.5], [-0.5], [29.5]]), MeanSquaredError(), inputs=True
    )
    # y - t is 1/2 in each, so dE/dy = 1/3.
    np.testing.assert_allclose(found.inputs * 3, [[0, 30, 0], [0, 0, 0], [30, 30, 30]])
    np.testing.assert_allclose(found.weights * 3, [15, 10, 6])


# ---- irregular graphs ---------------------------------------------------------------------------


def irregular(seed, *, pairs=tuple(ALL_PAIRS), activations=tuple(SMOOTH)):
    """Return a graph of bare triples: shared weights, biases, several connections of a pair."""
    rng = np.random.default_rng(seed)
    inputs, count, weights = int(rng.integers(1, 5)), int(rng.integers(2, 12)), 15
    triples, functions = [], {}
    for target in range(inputs + 1, inputs + 1 + count):
        combine, reduce = pairs[rng.integers(len(pairs))]
        functions[target] = Function(combine, reduce, Activation(str(rng.choice(activations))))
        fewest = 0 if reduce in IDENTITY else 1
        for source in rng.integers(1, target, int(rng.integers(fewest, 5))).tolist():
            triples += [(source, int(rng.integers(weights)), target)]
        if rng.random() < 0.5:
            triples.append((0, int(rng.integers(weights)), target))
    return ng.Graph.from_connections(
        triples,
        inputs=range(1, inputs + 1),
        functions=functions,
        values=rng.uniform(-1, 1, weights),
        outputs=sorted({inputs + count, int(rng.integers(1, inputs + count + 1))}),
    )


def drawn(graph, seed, batch=2):
    rng = np.random.default_rng([seed, 1])
    images = rng.uniform(-1, 1, (batch, len(graph.inputs[0].ids)))
    return images, rng.uniform(-1, 1, (batch, *graph.outputs.shape))


def difference(function, x, place, step=1e-5):
    up, down = x.copy(), x.copy()
    up[place] += step
    down[place] -= step
    return (function(up) - function(down)) / (2 * step)


@SOME
@given(seed=st.integers(0, 10**9))
@engines
def test_gradients_of_irregular_graphs_are_finite_differences(engine, seed):
    graph = irregular(seed)
    images, targets = drawn(graph, seed)
    sim, loss = simulator(graph, engine), MeanSquaredError()
    found = sim.gradient(images, targets, loss, inputs=True)

    def by_images(x):
        return loss.each(sim(x), targets).mean()

    def by_weights(values):
        graph.weights.value = values
        return loss.each(sim(images), targets).mean()

    scale = max(1, abs(found.weights).max(), abs(found.inputs).max(), found.loss)
    values = graph.weights.value.copy()
    for weight in range(values.size):
        wanted = difference(by_weights, values, weight)
        assert found.weights[weight] == pytest.approx(wanted, abs=2e-7 * scale, rel=1e-5)
    graph.weights.value = values
    for place in np.ndindex(images.shape):
        wanted = difference(by_images, images, place)
        assert found.inputs[place] == pytest.approx(wanted, abs=2e-7 * scale, rel=1e-5)


@SOME
@given(seed=st.integers(0, 10**9))
def test_engines_agree_on_irregular_graphs_with_kinks(seed):
    graph = irregular(seed, activations=KINKED)
    images, targets = drawn(graph, seed, batch=3)
    first = None
    for engine in ENGINES:
        sim = simulator(graph, engine)
        found = sim.gradient(images, targets, MeanSquaredError(), inputs=True)
        curved = sim.curvature(images, targets, MeanSquaredError())
        both = np.concatenate([found.weights, found.inputs.reshape(-1), curved])
        first = both if first is None else first
        np.testing.assert_allclose(both, first, rtol=1e-9, atol=1e-11 * max(1, abs(first).max()))


# ---- curvature ----------------------------------------------------------------------------------


def local_slopes(function, values, sources, place):
    """Return d net / d source and d net / d weight of one connection, by differences."""
    reduce, combine = REDUCE[function.reduce], COMBINE[function.combine]
    if function.reduce in ("max", "min"):  # a tie has no derivative: the first takes all
        terms = combine(values, sources)
        if place != (terms.argmax() if function.reduce == "max" else terms.argmin()):
            return 0.0, 0.0
        values, sources, place = values[[place]], sources[[place]], 0

    def net(source_step, weight_step):
        s, w = sources.copy(), values.copy()
        s[place] += source_step
        w[place] += weight_step
        return reduce.reduce(combine(w, s))

    h = 1e-5
    return (net(h, 0) - net(-h, 0)) / (2 * h), (net(0, h) - net(0, -h)) / (2 * h)


def dense_curvature(graph, state, seed):
    """Return h of every weight for one pattern, by a dense system over all neurons.

    h = seed + S^T h with S[t, s] the sum of (d state_t / d state_s)^2 over the connections, each
    alone; then h_w is the sum over connections of (d state_t / d w)^2 h_t.
    """
    matrix = np.zeros((graph.size, graph.size))
    by_weight = np.zeros((graph.weights.count, graph.size))
    for neuron in range(1, graph.size):
        function = graph.function(neuron)
        if function is None:
            continue
        links = graph.incoming(neuron)
        biased = graph.table.bias[neuron] >= 0
        slots = slice(0, len(links) - int(biased))  # the bias comes last
        sources, weights = links.source[slots], links.weight[slots]
        values = graph.weights.value[weights]
        terms = COMBINE[function.combine](values, state[sources])
        net = REDUCE[function.reduce].reduce(terms) if terms.size else IDENTITY[function.reduce]
        if biased:
            net = net + graph.weights.value[graph.table.bias[neuron]]
        step = 1e-6
        activation = function.activation
        slope = (activation(np.array(net + step)) - activation(np.array(net - step))) / (2 * step)
        for place in range(terms.size):
            by_source, by_value = local_slopes(function, values, state[sources], place)
            matrix[neuron, sources[place]] += (slope * by_source) ** 2
            by_weight[weights[place], neuron] += (slope * by_value) ** 2
        if biased:
            by_weight[graph.table.bias[neuron], neuron] += slope**2
    h = np.linalg.solve(np.eye(graph.size) - matrix.T, seed)
    return by_weight @ h


@SOME
@given(seed=st.integers(0, 10**9))
@engines
def test_curvature_is_the_dense_computation(engine, seed):
    graph = irregular(seed, activations=tuple(a for a in SMOOTH if a != "square"))
    images, targets = drawn(graph, seed)
    sim = simulator(graph, engine)
    found = sim.curvature(images, targets, MeanSquaredError())
    states = sim.states(images).array
    wanted = 0
    for state in states:
        at = np.zeros(graph.size)
        np.add.at(at, graph.outputs, 2 / graph.outputs.size)
        wanted = wanted + dense_curvature(graph, state, at) / len(states)
    scale = max(1.0, abs(wanted).max())
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6 * scale)


@engines
@pytest.mark.parametrize("loss", [CorrectPenalty(3.0), DiscriminativePenalty(1.5, 7.0)], ids=str)
def test_curvature_starts_from_the_exact_diagonal_at_the_rbf_sources(engine, loss):
    graph = small_lenet()
    rng = np.random.default_rng(5)
    images, labels = rng.normal(size=(3, 1, 14, 14)), np.array([1, 3, 0])
    sim = simulator(graph, engine)
    found = sim.curvature(images, labels, loss)
    states = sim.states(images)
    centre = graph.weights["output.centers"]
    exact = np.zeros((3, 7))
    for pattern, (x, label) in enumerate(zip(states["F6"], labels, strict=True)):
        d = x - centre
        powers = np.exp(-np.append((d**2).sum(1), 1.5))
        p = powers[:-1] / powers.sum()
        rubbish = powers[-1] / powers.sum()
        if isinstance(loss, CorrectPenalty):
            exact[pattern] = 2 / 3
        else:
            exact[pattern] = (2 * rubbish + 4 * (p @ d**2 - (p @ d) ** 2)) / 7
            check_exact(exact[pattern], x, centre, label, 1.5, 7.0)
    f6 = graph.layer("F6").ids
    seeds = np.zeros((3, graph.size))
    seeds[:, f6] = exact
    below = sum(dense_curvature(graph, s, h) for s, h in zip(states.array, seeds, strict=True)) / 3
    trained = graph.weights.trainable
    np.testing.assert_allclose(found[trained], below[trained], rtol=1e-6, atol=1e-9)


def check_exact(exact, x, centre, label, rubbish, scale):
    """Hold formula and torch's Hessian together, where there is torch."""
    torch = pytest.importorskip("torch")

    def loss(x):
        y = ((x - torch.tensor(centre)) ** 2).sum(1)
        all_ = torch.cat([-y, torch.tensor([-rubbish], dtype=torch.float64)])
        return (y[label] + torch.logsumexp(all_, 0)) / scale

    hessian = torch.autograd.functional.hessian(loss, torch.tensor(x))
    np.testing.assert_allclose(exact, hessian.diagonal().numpy(), rtol=1e-9)


@engines
def test_curvature_of_the_centres_is_the_exact_diagonal_too(engine):
    torch = pytest.importorskip("torch")
    graph, rng = ng.Graph(), np.random.default_rng(0)
    centre = rng.normal(size=(3, 4))
    graph.add(ng.RBF(centre, trainable=True, name="y"), graph.add(ng.Input((4,))))
    images, labels = rng.normal(size=(2, 4)), np.array([2, 0])
    found = simulator(graph, engine).curvature(images, labels, DiscriminativePenalty(1.0))

    def loss(centre):
        y = ((torch.tensor(images)[:, None] - centre) ** 2).sum(2)
        all_ = torch.cat([-y, torch.full((2, 1), -1.0, dtype=torch.float64)], 1)
        return (y[[0, 1], labels] + torch.logsumexp(all_, 1)).mean()

    hessian = torch.autograd.functional.hessian(loss, torch.tensor(centre))
    wanted = hessian.reshape(12, 12).diagonal().reshape(3, 4).numpy()
    ids = graph.weights.names["y.centers"].ids
    np.testing.assert_allclose(found[ids], wanted, rtol=1e-9)


@engines
def test_where_nothing_is_shared_one_linear_layer_has_the_true_diagonal(engine):
    torch = pytest.importorskip("torch")
    graph, rng = ng.models.mlp((5, 3)), np.random.default_rng(0)
    images, labels = rng.normal(size=(4, 5)), np.array([2, 0, 1, 1])
    found = simulator(graph, engine).curvature(images, labels, CrossEntropy())
    (kernel,) = (n for n in graph.weights if n.endswith("kernel"))

    def loss(kernel):
        bias = torch.tensor(graph.weights[kernel_bias])
        scores = torch.nn.functional.linear(torch.tensor(images), kernel, bias)
        return torch.nn.functional.cross_entropy(scores, torch.tensor(labels))

    kernel_bias = kernel.replace("kernel", "bias")
    hessian = torch.autograd.functional.hessian(loss, torch.tensor(graph.weights[kernel]))
    wanted = hessian.reshape(15, 15).diagonal().reshape(3, 5).numpy()
    np.testing.assert_allclose(found[graph.weights.names[kernel].ids], wanted, rtol=1e-9)


# ---- the engines' protocol ----------------------------------------------------------------------


@engines
def test_backward_from_any_neurons_adds(engine):
    graph = ng.models.mlp((3, 4, 2))
    sim = simulator(graph, engine)
    images = np.random.default_rng(0).normal(size=(2, 3))
    sim(images)
    hidden, out = (graph.layer(n).ids for n in list(graph.layers)[1:])
    run = sim._engine.backward

    def gradient(ids, weight):
        seed = np.broadcast_to(np.asarray(weight, float), (2, len(ids)))
        return run(images, np.array(ids), lambda states: seed, wrt_inputs=True)

    both = gradient([hidden[1], out[0], hidden[1]], [1.0, 10.0, 2.0])
    apart = gradient([hidden[1]], [3.0]), gradient([out[0]], [10.0])
    for got, one, two in zip(both, *apart, strict=True):
        np.testing.assert_allclose(got, one + two, atol=1e-14)
    seen = []
    run(images, np.array([out[1], hidden[0]]), lambda s: seen.append(s) or np.zeros_like(s))
    np.testing.assert_allclose(seen[0], sim.states(images).array[:, [out[1], hidden[0]]])


@engines
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_descend_is_one_gradient_step_a_pattern(engine, dtype):
    graph = small_lenet()
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(3, 1, 14, 14)), np.array([1, 3, 0])
    rates = np.where(graph.weights.trainable, rng.uniform(0, 0.05, graph.weights.count), 0)
    loss, start = DiscriminativePenalty(scale=7.0), graph.weights.value.copy()
    sim = simulator(graph, engine, dtype)
    together = sim.descend(images, labels, loss, rates)
    after = graph.weights.value.copy()
    graph.weights.value = start
    for one in range(3):
        some = slice(one, one + 1)
        outputs = sim.descend(images[some], labels[some], loss, rates)
        np.testing.assert_array_equal(outputs[0], together[one])
    np.testing.assert_array_equal(graph.weights.value, after)
    exact = simulator(graph, "scipy", "float64")
    graph.weights.value = start
    for one in range(3):
        some = slice(one, one + 1)
        step = exact.gradient(images[some], labels[some], loss)
        graph.weights.value = graph.weights.value - rates * step.weights
    np.testing.assert_allclose(
        after, graph.weights.value, atol=1e-6 if dtype == "float32" else 1e-13
    )
    fixed = ~graph.weights.trainable
    np.testing.assert_array_equal(after[fixed], start[fixed])


@engines
def test_float32_is_near_float64(engine):
    graph = small_lenet()
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(4, 1, 14, 14)), np.array([1, 3, 0, 2])
    exact, near = (
        simulator(graph, engine, d).gradient(images, labels, CorrectPenalty(), inputs=True)
        for d in ("float64", "float32")
    )
    assert near.inputs.dtype == np.float32
    assert near.weights.dtype == np.float64
    np.testing.assert_allclose(near.weights, exact.weights, atol=1e-5 * abs(exact.weights).max())


def test_several_inputs_have_a_gradient_each():
    graph = ng.Graph()
    a, b = graph.add(ng.Input((2, 2))), graph.add(ng.Input((3,)))
    graph.add(ng.Linear(2, name="y"), np.concatenate([a.reshape(-1), b]))
    images = np.ones((5, 2, 2)), np.ones((5, 3))
    found = simulator(graph, "scipy").gradient(
        images, [0, 1, 0, 1, 1], "cross_entropy", inputs=True
    )
    assert [part.shape for part in found.inputs] == [(5, 2, 2), (5, 3)]
    assert simulator(graph, "scipy").gradient(images, [0] * 5, "cross_entropy").inputs is None


def test_targets_that_do_not_fit_are_refused_before_any_work():
    graph = ng.models.mlp((3, 4, 2))
    sim, images = simulator(graph, "scipy"), np.zeros((2, 3))
    before = graph.weights.value.copy()
    rates = np.ones(graph.weights.count)
    for targets, message in (
        ([0, 2], "found 2 at place 1, needed 0 to 1"),
        ([0], "found shape"),
        ([[0.0]], "targets: found shape"),
        ([[0.0, 1.0], [np.nan, 0.0]], "finite"),
        ([0.5, 0.5], "whole numbers"),
    ):
        for call in (
            lambda t: sim.gradient(images, t, MeanSquaredError()),
            lambda t: sim.curvature(images, t, MeanSquaredError()),
            lambda t: sim.descend(images, t, MeanSquaredError(), rates),
        ):
            with pytest.raises(DataError, match=message):
                call(targets)
    with pytest.raises(DataError, match=r"rates: found shape \(3,\)"):
        sim.descend(images, [0, 1], "cross_entropy", np.ones(3))
    np.testing.assert_array_equal(graph.weights.value, before)
    sliding = ng.models.lenet5(input_shape=(1, 36, 36))
    with pytest.raises(DataError, match="targets: found shape"):
        simulator(sliding, "scipy").gradient(np.zeros((1, 1, 36, 36)), [3], CorrectPenalty())


def test_an_empty_batch_has_no_gradient():
    sim = simulator(ng.models.mlp((3, 2)), "scipy")
    found = sim.gradient(np.zeros((0, 3)), np.zeros(0, int), "cross_entropy")
    assert found.loss == 0
    assert not found.weights.any()


@pytest.mark.parametrize("engine", ["reference", "scipy", "numba"])
def test_a_branch_that_no_output_reads_may_overflow_in_silence(engine):
    graph = ng.Graph()
    x = graph.add(ng.Input((3,)))
    graph.add(ng.Linear(2, name="unread"), x)
    graph.outputs = graph.add(ng.Linear(2, name="y"), x)
    graph.weights.assign({"unread.kernel": np.full((2, 3), 1e300)})
    sim = ng.Simulator(graph, engine=engine, dtype="float64")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sim.curvature(np.ones((1, 3)), [1], "mean_squared_error")
    named = graph.weights.names["y.kernel"].ids
    assert np.isfinite(found).all()
    assert (found[named] == found[named][0, 0]).all()  # every input is 1, so all are alike
