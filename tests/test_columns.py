"""Column plans, which large programs take: against states worked out slot by slot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from conformance import CLOSE, LAYERS, check, flat, with_dead_slots
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import build, images, irregular, literal, randomize
from programs import INPUTS, exact_at_infinity, programs

import neurograph as ng
from neurograph.engines.reference import Engine as Reference
from neurograph.functions import COMBINE, REDUCE
from neurograph.kernels.choice import costs
from neurograph.kernels.columns.ops import PRODUCT, ROWS, STRIPS, ColumnOp
from neurograph.kernels.columns.runner import ColumnRunner
from neurograph.models import imagenet
from neurograph.program import Program

SOME = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.data_too_large])


def runner_of(graph: ng.Graph, dtype: str = "float64", threads: int = 1) -> ColumnRunner:
    runner = ColumnRunner(ng.compile(graph), np.dtype(dtype), threads)
    runner.load(graph.weights.value)
    return runner


def kinds(runner: ColumnRunner, *, keep: bool = False) -> list[int]:
    return runner.plan(keep=keep).ops[:, ColumnOp.KIND].tolist()


# ---- any program --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer(layer: str, dtype: str) -> None:
    graph = LAYERS[layer]()
    runner = runner_of(graph, dtype)
    for batch in (0, 1, 11):
        check(runner, graph, flat(images(graph, batch)), dtype, CLOSE[dtype])


@SOME
@given(graph=irregular(), batch=st.integers(0, 9), seed=st.integers(0, 99))
def test_drawn_graphs(graph: ng.Graph, batch: int, seed: int) -> None:
    inputs = flat(images(graph, batch, seed))
    check(runner_of(graph), graph, inputs, "float64", CLOSE["float64"])


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_each_neuron_has_its_bias_where_some_slots_are_empty(padding: int, kernel: int) -> None:
    layer = ng.Conv2d(3, kernel, padding=padding, bias="neuron")
    graph = randomize(build(layer, shape=(1, 3, 3)))
    check(runner_of(graph), graph, flat(images(graph, 2)), "float64", CLOSE["float64"])


@SOME
@given(programs(), st.integers(1, 12), st.sampled_from(["float32", "float64"]), st.booleans())
def test_drawn_programs(program: Program, batch: int, dtype: str, infinite: bool) -> None:
    rng = np.random.default_rng(batch)
    values = rng.uniform(-0.5, 0.5, program.weight_count)
    inputs = rng.uniform(-1, 1, (batch, INPUTS))
    if infinite and exact_at_infinity(program, dtype):
        inputs[rng.random(inputs.shape) < 0.1] = np.inf
        inputs[rng.random(inputs.shape) < 0.1] = np.nan
    reference = Reference(program, dtype=np.dtype("float64"), threads=1)
    runner = ColumnRunner(program, np.dtype(dtype), 1)
    reference.load(values)
    runner.load(values)
    with np.errstate(all="ignore"):
        states = reference.states(inputs)
    close = {"float32": 3e-5, "float64": 1e-11}[dtype]
    found = runner.states(inputs.astype(dtype))
    np.testing.assert_allclose(found, states, rtol=close, atol=close)
    wanted = states[:, program.outputs.reshape(-1)]
    np.testing.assert_allclose(runner.run(inputs.astype(dtype)), wanted, rtol=close, atol=close)


@pytest.mark.parametrize("reduce", REDUCE)
@pytest.mark.parametrize("combine", COMBINE)
def test_a_cut_slot_contributes_nothing(combine: str, reduce: str) -> None:
    graph = with_dead_slots((combine, reduce), 3, 5)
    x = np.random.default_rng(0).uniform(-1, 1, (5, 6))
    check(runner_of(graph), graph, x, "float64", CLOSE["float64"])
    x[:, [1, 2]] = np.nan
    assert np.isfinite(runner_of(graph).run(x)).all()


# ---- shapes that products and strips take -------------------------------------------------------


def network(*layers: Any, shape: tuple[int, ...], seed: int = 0) -> ng.Graph:
    """A chain of layers, its weights scaled so that states stay near 1."""
    graph = build(*layers, shape=shape, seed=seed)
    graph.weights.value = np.where(
        graph.weights.trainable, graph.weights.value * 0.3, graph.weights.value
    )
    return graph


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("maps", [1, 2, 7, 8, 9, 16, 17, 24, 33])
def test_any_number_of_maps(maps: int, dtype: str) -> None:
    graph = network(
        ng.Conv2d(maps, 3, padding=1, activation="relu"),
        ng.Conv2d(maps, 3, stride=2, padding=1, activation="gelu"),
        shape=(3, 7, 5),
    )
    x = flat(images(graph, 3))
    check(runner_of(graph, dtype), graph, x, dtype, CLOSE[dtype])


@pytest.mark.parametrize("groups", [2, 4, 20])
def test_groups(groups: int) -> None:
    graph = network(
        ng.Conv2d(20, 1),
        ng.Conv2d(20, 3, padding=1, groups=groups, activation="tanh"),
        ng.AvgPool2d(2, padding=1),
        ng.MaxPool2d(2, padding=1),
        shape=(2, 6, 6),
    )
    runner = runner_of(graph)
    check(runner, graph, flat(images(graph, 3)), "float64", CLOSE["float64"])
    assert ROWS not in kinds(runner)
    assert kinds(runner).count(PRODUCT) >= (1 if groups == 20 else 1 + groups)


def test_long_fields_are_cut_into_blocks() -> None:
    graph = network(ng.Conv2d(40, 1), ng.Conv2d(9, 5, padding=2), shape=(3, 6, 6))
    check(runner_of(graph), graph, flat(images(graph, 2)), "float64", CLOSE["float64"])


def test_maps_of_two_layers_in_one_field() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 5, 5)))
    a = graph.add(ng.Conv2d(5, 3, padding=1), x)
    b = graph.add(ng.Conv2d(11, 3, padding=1), x)
    both = np.concatenate([a, b])
    wide = graph.add(ng.Conv2d(16, 3, padding=1, groups=16), both)
    graph.add(ng.Conv2d(8, 3), np.concatenate([wide, a]))
    randomize(graph)
    check(runner_of(graph), graph, flat(images(graph, 2)), "float64", CLOSE["float64"])


def test_threads_share_columns_or_maps() -> None:
    graph = network(
        ng.Conv2d(40, 3, padding=1, activation="relu"),
        ng.MaxPool2d(2),
        ng.Linear(70, activation="softplus"),
        ng.Linear(5),
        shape=(3, 12, 12),
    )
    x = flat(images(graph, 3))
    found = [runner_of(graph, "float32", threads).run(x) for threads in (1, 2, 3)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    np.testing.assert_allclose(found[0], found[2], rtol=1e-6)


# ---- chains -------------------------------------------------------------------------------------


def residual(*, first: bool = False, extra: bool = False) -> ng.Graph:
    """A residual block; `extra` reads a state that would be folded away."""
    graph = ng.Graph()
    x = graph.add(ng.Input((3, 6, 6)))
    x = graph.add(ng.Conv2d(16, 1, bias=None, name="in"), x)
    y = graph.add(ng.BatchNorm2d(activation="relu", name="n1"), x)
    conv = graph.add(ng.Conv2d(16, 3, padding=1, bias=None, name="c2"), y)
    z = graph.add(ng.BatchNorm2d(name="n2"), conv)
    out = graph.add(ng.Add(activation="relu", name="add"), *((y, z) if first else (z, y)))
    if extra:
        out = np.concatenate([out, conv])
    graph.add(ng.Linear(4, name="out"), out)
    rng = np.random.default_rng(2)
    graph.weights.value = rng.uniform(-0.4, 0.4, graph.weights.count)
    return graph


@pytest.mark.parametrize("first", [False, True])
def test_norms_and_sums_are_folded(first: bool) -> None:
    graph = residual(first=first)
    runner = runner_of(graph)
    check(runner, graph, flat(images(graph, 3)), "float64", CLOSE["float64"])
    assert set(kinds(runner)) == {PRODUCT}
    assert (runner.plan(keep=False).ops[:, ColumnOp.ADDEND] >= 0).any()
    assert STRIPS in kinds(runner, keep=True)


def test_a_state_that_is_read_is_not_folded_away() -> None:
    graph = residual(extra=True)
    runner = runner_of(graph)
    check(runner, graph, flat(images(graph, 3)), "float64", CLOSE["float64"])
    assert STRIPS in kinds(runner)


def test_an_output_is_not_folded_away() -> None:
    graph = residual()
    graph.outputs = graph.layer("c2").ids
    check(runner_of(graph), graph, flat(images(graph, 2)), "float64", CLOSE["float64"])


def test_a_sum_of_scattered_states_is_not_folded() -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((16, 4, 4)))
    y = graph.add(ng.Conv2d(16, 1, name="c"), x)
    graph.add(ng.Add(activation="relu"), y, x[::-1, ::-1])
    randomize(graph)
    runner = runner_of(graph)
    check(runner, graph, flat(images(graph, 2)), "float64", CLOSE["float64"])
    assert (runner.plan(keep=False).ops[:, ColumnOp.ADDEND] < 0).all()


def test_new_values_reach_folded_weights() -> None:
    graph = residual()
    runner = runner_of(graph)
    x = flat(images(graph, 2))
    for seed in (3, 4):
        values = np.random.default_rng(seed).uniform(-0.4, 0.4, graph.weights.count)
        graph.weights.value = values
        runner.load(graph.weights.value)
        wanted = literal(graph, x)[:, graph.outputs]
        np.testing.assert_allclose(runner.run(x), wanted, rtol=1e-10, atol=1e-12)


# ---- choice -------------------------------------------------------------------------------------


def test_small_programs_keep_to_tiles_and_large_ones_to_columns() -> None:
    small = costs(ng.compile(ng.models.lenet5()), 4)
    assert not any(small.columns_pay(batch) for batch in (1, 16, 64, 1024))
    large = costs(ng.compile(imagenet.resnet18(input_shape=(3, 64, 64))), 4)
    assert all(large.columns_pay(batch) for batch in (1, 8))


def test_states_are_freed_after_their_last_reader() -> None:
    graph = build(*(ng.Conv2d(8, 3, padding=1) for _ in range(12)), shape=(8, 16, 16))
    runner = runner_of(graph)
    freed, kept = (runner.plan(keep=keep).size for keep in (False, True))
    assert freed < 5 * 8 * 16 * 16 < kept
