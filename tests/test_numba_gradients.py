"""Gradients of the numba engine against the reference engine, and learning against its steps."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from drawn import graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import FUNCTIONS, INPUTS, Drawer, programs

import neurograph as ng
from neurograph.engines.descent import descend
from neurograph.engines.numba import Engine
from neurograph.engines.reference import Engine as Reference
from neurograph.engines.scipy import Engine as Scipy
from neurograph.functions import ACTIVATIONS, Activation, Function
from neurograph.kernels.gradient import batch_runner, pattern_tape
from neurograph.losses import (
    CorrectPenalty,
    CrossEntropy,
    DiscriminativePenalty,
    MeanSquaredError,
)
from neurograph.program import Program

SOME = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow],
)
LOSSES = [
    CrossEntropy(),
    MeanSquaredError(-1.0, 1.0),
    CorrectPenalty(84.0),
    DiscriminativePenalty(0.1, 84.0),
]
both = pytest.mark.parametrize("dtype", ["float32", "float64"])


def close_to(found: np.ndarray, wanted: np.ndarray, dtype: str) -> None:
    """Assert that two gradients agree, relative to the largest entry."""
    assert found.shape == wanted.shape
    scale = max(float(np.abs(wanted).max(initial=0)), 1.0)
    tolerance = {"float32": 1e-4, "float64": 1e-11}[dtype]
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=tolerance)


def check(
    program: Program,
    dtype: str = "float64",
    *,
    batch: int = 2,
    squared: bool = False,
    seed: int = 0,
    truth: type = Reference,
) -> None:
    """Compare gradients by weights and inputs, from ids drawn with repeats."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(-0.6, 0.6, program.weight_count)
    inputs = rng.uniform(-1, 1, (batch, sum(i.size for i in program.inputs))).astype(dtype)
    at = np.concatenate([program.outputs.reshape(-1), rng.integers(0, program.size - 3, 3)])
    factor, shift = rng.normal(size=(2, at.size))
    seen = []

    def derivative(states: np.ndarray) -> np.ndarray:
        seen.append(states.astype("float64"))
        return (factor * states + shift) ** 2 if squared else factor * states + shift

    gradients = []
    for engine, kind in ((truth, "float64"), (Engine, dtype)):
        made = engine(program, dtype=np.dtype(kind), threads=1)
        made.load(values)
        options = {"squared": squared, "wrt_inputs": True}
        gradients.append(made.backward(inputs.astype(kind), at, derivative, **options))
    close_to(seen[1], seen[0], dtype)
    (wanted, wanted_below), (found, found_below) = gradients
    assert found.dtype == np.float64
    close_to(found, wanted, dtype)
    close_to(found_below, wanted_below, dtype)


@SOME
@given(programs(), st.integers(1, 35), st.sampled_from(["float32", "float64"]), st.booleans())
def test_agrees_with_the_reference(program, batch, dtype, squared):
    check(program, dtype, batch=batch, squared=squared)


@SOME
@given(graphs(), st.booleans())
def test_agrees_on_graphs_of_layers_and_of_triples(graph, squared):
    check(ng.compile(graph), squared=squared)
    check(ng.compile(graph), squared=squared, batch=6)


@both
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_every_pair(function, squared, dtype):
    drawer = Drawer(5)
    drawer.blocks(function, (2, 3, 5, 3))
    drawer.rows(function, 9, 4)
    for batch in (2, 11):
        check(drawer.program(), dtype, squared=squared, batch=batch)


@both
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation, dtype):
    drawer = Drawer(6)
    function = Function("multiply", "sum", Activation(activation))
    drawer.blocks(function, (2, 7, 5, 6))
    drawer.rows(function, 9, 4)
    for batch in (1, 9):
        check(drawer.program(), dtype, batch=batch)
        check(drawer.program(), dtype, batch=batch, squared=True)


def test_parameters_of_activations():
    drawer = Drawer(7)
    for activation in (
        Activation("scaled_tanh", (2.0, 0.3)),
        Activation("scaled_tanh", (0.0, 0.3)),
        Activation("leaky_relu", (-0.2,)),
        Activation("elu", (0.7,)),
        Activation("hardtanh", (-0.1, 0.3)),
    ):
        drawer.blocks(Function(activation=activation), (1, 2, 9, 4))
    for batch in (1, 9):
        check(drawer.program(), batch=batch)


@pytest.mark.parametrize("shape", [(1, 5, 1, 7), (3, 4, 1, 16), (20, 2, 1, 70), (40, 1, 3, 2)])
def test_kernels_over_one_field(shape):
    """Contiguous kernels are used where they lie, others are copied."""
    for seed in range(4):
        drawer = Drawer(seed, weights=20 + int(np.prod(shape)))
        drawer.blocks(Function(activation=Activation("tanh")), shape)
        if seed % 2:
            blocks, maps, _, slots = shape
            ids = np.arange(blocks * maps * slots, dtype=np.int32).reshape(blocks, maps, slots)
            drawer.steps[0] = replace(drawer.steps[0], weights=ids)
        for batch in (2, 10):
            check(drawer.program(), squared=seed > 1, batch=batch)


def test_factors_of_zero_and_ties():
    values = np.array([0.0, 2.0, 2.0, 0.0, 0.0, 3.0])
    for reduce, batch in itertools.product(("product", "max", "min"), (1, 6)):
        inputs = np.ones((batch, INPUTS))
        drawer = Drawer(0, weights=6)
        drawer.rows(Function("multiply", reduce), 2, 3)
        ids = np.arange(6, dtype=np.int32)
        ptr, bias = np.array([0, 3, 6]), np.full(2, -1, np.int32)
        drawer.steps[0] = replace(drawer.steps[0], ptr=ptr, sources=1 + ids, weights=ids, bias=bias)
        found = []
        for kind in (Reference, Engine):
            made = kind(drawer.program(), dtype=np.dtype("float64"))
            made.load(values)
            at = drawer.steps[0].targets
            found.append(made.backward(inputs, at, np.ones_like, wrt_inputs=True))
        np.testing.assert_array_equal(found[0][0], found[1][0])
        np.testing.assert_array_equal(found[0][1], found[1][1])
        assert np.count_nonzero(found[1][0]) == {"product": 1, "max": 2, "min": 2}[reduce]


@both
def test_lenet5(dtype):
    program = ng.compile(ng.models.lenet5())
    for squared, batch in itertools.product((False, True), (1, 3, 21)):
        check(program, dtype, squared=squared, truth=Scipy, batch=batch)


def test_finite_differences():
    graph = ng.models.lenet5_modern(input_shape=(1, 32, 32))
    sim = ng.Simulator(graph, engine="numba", dtype="float64")
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(2, 1, 32, 32)), np.array([1, 7])
    gradient = sim.gradient(images, labels, "cross_entropy").weights
    values = graph.weights.value.copy()
    for weight in rng.choice(np.flatnonzero(graph.weights.trainable), 12, replace=False):
        losses = []
        for step in (1e-5, -1e-5):
            moved = values.copy()
            moved[weight] += step
            graph.weights.value = moved
            losses.append(CrossEntropy().each(sim(images), labels).mean())
        slope = (losses[0] - losses[1]) / 2e-5
        assert gradient[weight] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_ops_share_their_fields_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(pattern_tape, "_MOST_FIELDS", 1)
    check(ng.compile(ng.models.lenet5()), truth=Scipy)
    check(ng.compile(ng.models.lenet5()), truth=Scipy, squared=True)


def test_blocks_are_run_again_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(batch_runner, "_MOST_KEPT", 1)
    check(ng.compile(ng.models.lenet5()), truth=Scipy, batch=40)
    check(ng.compile(ng.models.lenet5()), truth=Scipy, batch=40, squared=True)


@pytest.mark.parametrize("loss", ["cross_entropy", "mean_squared_error"])
def test_threads_take_their_own_samples_losses(loss):
    """Each thread computes the seeds of its patterns by the loss, at the same time."""
    rng = np.random.default_rng(0)
    graph = ng.models.mlp((4, 200))
    images, labels = rng.normal(size=(20_000, 4)), rng.integers(0, 200, 20_000)
    one, two = (
        ng.Simulator(graph, engine="numba", dtype="float64", threads=threads) for threads in (1, 2)
    )
    wanted = one.gradient(images, labels, loss)
    for _ in range(3):
        found = two.gradient(images, labels, loss)
        np.testing.assert_allclose(found.weights, wanted.weights, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(found.outputs, wanted.outputs)


def test_threads_share_the_samples():
    program, rng = ng.compile(ng.models.lenet5()), np.random.default_rng(0)
    inputs, at = rng.normal(size=(75, 1024)), program.outputs.reshape(-1)
    values, found = rng.uniform(-0.1, 0.1, program.weight_count), []
    for threads in (1, 2, 3):
        engine = Engine(program, dtype=np.dtype("float64"), threads=threads)
        engine.load(values)
        found.append(engine.backward(inputs, at, np.square, wrt_inputs=True))
    for weights, below in found[1:]:
        close_to(weights, found[0][0], "float64")
        np.testing.assert_array_equal(below, found[0][1])


def test_an_empty_batch():
    drawer = Drawer(11)
    drawer.rows(Function(), 3, 3)
    engine = Engine(drawer.program(), dtype=np.dtype("float32"))
    at = np.array([25, 26])
    weights, below = engine.backward(np.empty((0, INPUTS)), at, lambda s: s, wrt_inputs=True)
    assert not weights.any()
    assert below.shape == (0, INPUTS)


# ---- learning pattern by pattern ----------------------------------------------------------------


@both
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_learning_is_one_backward_a_pattern(loss, dtype):
    graph = ng.models.lenet5(seed=1)
    program, rng = ng.compile(graph), np.random.default_rng(2)
    inputs = rng.normal(size=(6, 1024)).astype(dtype)
    labels = rng.integers(0, 10, 6)
    rates = np.where(graph.weights.trainable, rng.uniform(0, 2e-5, program.weight_count), 0)
    values = graph.weights.value
    engine = Engine(program, dtype=np.dtype(dtype))
    found, outputs = engine.descend(values, inputs, labels, loss, rates)
    step_by_step = Scipy(program, dtype=np.dtype("float64"))
    wanted, wanted_outputs = descend(
        step_by_step, values, inputs.astype("float64"), labels, loss, rates
    )
    fixed = rates == 0
    np.testing.assert_array_equal(found[fixed], values[fixed].astype(dtype))
    tolerance = {"float32": 2e-4, "float64": 1e-10}[dtype]
    moved = wanted - values
    rounding = 1e-7 if dtype == "float32" else 0.0
    close = tolerance * np.abs(moved).max() + rounding
    np.testing.assert_allclose(found - values, moved, rtol=0, atol=close)
    np.testing.assert_allclose(outputs, wanted_outputs, rtol=tolerance, atol=tolerance)
    again = engine.run(inputs[:1])  # the engine has loaded what it returned
    step_by_step.load(found)
    np.testing.assert_allclose(again, step_by_step.run(inputs[:1].astype("float64")), rtol=1e-4)


def test_learning_of_any_program():
    for seed in range(6):
        drawer = Drawer(seed)
        drawer.shared(Function(activation=Activation("tanh")), 5, 6)
        drawer.blocks(Function("squared_difference", "sum", Activation("softsign")), (2, 3, 2, 4))
        drawer.blocks(Function(activation=Activation("tanh")), (1, 4, 1, 9))
        drawer.rows(Function("multiply", "sum", Activation("gelu")), 12, 5)
        program, rng = drawer.program(), np.random.default_rng(seed)
        inputs = rng.normal(size=(5, INPUTS))
        wanted = rng.normal(size=(5, 7))
        values, rates = rng.normal(size=(2, program.weight_count)) / 10
        engine = Engine(program, dtype=np.dtype("float64"))
        found = engine.descend(values, inputs, wanted, MeanSquaredError(), rates)
        truth = Reference(program, dtype=np.dtype("float64"))
        expected = descend(truth, values, inputs, wanted, MeanSquaredError(), rates)
        np.testing.assert_allclose(found[0], expected[0], atol=1e-11)
        np.testing.assert_allclose(found[1], expected[1], atol=1e-11)


def test_a_pass_may_be_cut_anywhere():
    graph = ng.models.lenet5(seed=1)
    program, rng = ng.compile(graph), np.random.default_rng(3)
    inputs = rng.normal(size=(7, 1024)).astype("float32")
    labels, loss = rng.integers(0, 10, 7), DiscriminativePenalty(0.1, 25.0)
    rates = np.where(graph.weights.trainable, 1e-3, 0)
    whole = Engine(program, dtype=np.dtype("float32"))
    values, outputs = whole.descend(graph.weights.value, inputs, labels, loss, rates)
    cut, parts = graph.weights.value, []
    for part in (slice(0, 3), slice(3, 4), slice(4, 7)):
        engine = Engine(program, dtype=np.dtype("float32"))
        cut, out = engine.descend(cut, inputs[part], labels[part], loss, rates)
        parts.append(out)
    np.testing.assert_array_equal(values, cut)
    np.testing.assert_array_equal(outputs, np.concatenate(parts))


def test_a_loss_of_ones_own():
    class Half(CorrectPenalty):
        def gradient(self, outputs, targets):
            return super().gradient(outputs, targets) / 2

    graph = ng.models.lenet5()
    program, rng = ng.compile(graph), np.random.default_rng(4)
    inputs, labels = rng.normal(size=(2, 1024)), np.array([3, 4])
    rates = np.where(graph.weights.trainable, 1e-3, 0)
    found, wanted = (
        Engine(program, dtype=np.dtype("float64")).descend(
            graph.weights.value, inputs, labels, loss, rates
        )[0]
        for loss in (Half(1.0), CorrectPenalty(2.0))
    )
    np.testing.assert_allclose(found, wanted, atol=1e-12)
