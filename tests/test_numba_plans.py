"""The plans of the numba engine: which one a batch gets, and that each is right and accurate."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from hypothesis import given, settings
from hypothesis import strategies as st
from networks import build, images, randomize
from programs import Drawer, check

import neurograph as ng
from neurograph.engines.numba import Engine
from neurograph.engines.reference import Engine as Reference
from neurograph.functions import Activation, Function
from neurograph.kernels import activations, catalogue, tanh
from neurograph.kernels.lanes import lane_count
from neurograph.kernels.runner import _STRICT, Runner
from neurograph.kernels.tiles import (
    ABREAST,
    ALONG,
    GATHERED,
    LINEAR,
    MAPS,
    MOVED,
    PAIRS,
    SAMPLES,
    STRIDED,
)
from neurograph.program import Blocks, Program


def runner_of(graph: ng.Graph, *, threads: int = 1) -> Runner:
    runner = Runner(ng.compile(graph), np.dtype("float32"), threads)
    runner.load(graph.weights.value)
    return runner


def kinds(runner: Runner, vectors: int) -> set[str]:
    """What the lanes of a plan's tiles stand for."""
    found = (catalogue.kernels()[op] for op in runner._plan(vectors, keep=False).plan.ops[:, 0])
    return {k.over for k in found if isinstance(k, catalogue.TileShape)}


# ---- which plan ---------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 9, 16, 17, 18, 24, 31, 33])
def test_every_batch_gives_what_its_samples_give(batch: int) -> None:
    graph = ng.models.lenet5()
    images = np.random.default_rng(0).normal(size=(batch, 1, 32, 32)).astype(np.float32)
    simulator = ng.Simulator(graph, engine="numba")
    expected = ng.Simulator(graph, engine="scipy", dtype="float64")(images)
    np.testing.assert_allclose(simulator(images), expected, rtol=2e-6, atol=1e-6 * expected.max())
    for threads in (2, 3):
        several = ng.Simulator(graph, engine="numba", threads=threads)(images)
        np.testing.assert_allclose(several, expected, rtol=2e-6, atol=1e-6 * expected.max())


def test_one_sample_of_lenet5_runs_over_positions_and_maps() -> None:
    runner = runner_of(ng.models.lenet5())
    assert kinds(runner, 0) >= {MOVED, STRIDED, MAPS, ALONG, ABREAST}
    assert runner._plan(0, keep=False).plan.finite  # C3 as one product
    assert not runner._plan(_STRICT, keep=False).plan.finite
    assert kinds(runner, 1) <= {MOVED, SAMPLES}


def test_a_small_batch_takes_no_room_for_a_large_one() -> None:
    runner = runner_of(ng.models.lenet5())
    lanes = lane_count(4)
    sizes = [runner._plan(v, keep=False).plan for v in (0, 1)]
    assert [s.stride for s in sizes] == [1, lanes]
    assert runner._vectors(1) == 0
    assert runner._vectors(lanes) == 1
    assert runner._vectors(1000) == catalogue.most_vectors()


def test_read_only_images_compile_nothing_new() -> None:
    from neurograph.kernels.interpreter import forward

    simulator = ng.Simulator(ng.models.mlp((6, 5, 3)), engine="numba")
    images = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    expected, compiled = simulator(images), len(forward.signatures)
    images.flags.writeable = False
    np.testing.assert_array_equal(simulator(images), expected)
    np.testing.assert_array_equal(simulator(np.asfortranarray(images)), expected)
    assert len(forward.signatures) == compiled


def test_new_values_reach_every_plan() -> None:
    graph = ng.models.mlp((6, 5, 3))
    simulator = ng.Simulator(graph, engine="numba", dtype="float64")
    other = ng.Simulator(graph, engine="scipy", dtype="float64")
    for seed in (1, 2):
        graph.weights.initialize(seed=seed)
        for batch in (1, 5, 40):
            images = np.random.default_rng(batch).normal(size=(batch, 6))
            np.testing.assert_allclose(simulator(images), other(images), rtol=1e-12)


# ---- one sample ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["float32", "float64"]),
    st.integers(1, 3),
    st.integers(1, 20),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from(PAIRS),
)
def test_one_sample_over_runs(
    seed: int, dtype: str, blocks: int, maps: int, step: int, gaps: bool, pair: tuple[str, str]
) -> None:
    """Fields that are runs of neighbours, broken anywhere; a second level reads the first."""
    drawer = Drawer(seed)
    slots = 2 if pair[1] == "product" else 5
    for function in (Function(*pair, Activation("tanh")), Function(activation=Activation("tanh"))):
        length = 1 + int(drawer.rng.integers(0, drawer.size // step))
        origin = drawer.ids(0, max(1, drawer.size - step * length), blocks, 1, slots)
        sources = origin + step * np.arange(length, dtype=np.int32)[:, None]
        sources = np.minimum(sources, drawer.size - 1)
        if gaps:
            broken = drawer.rng.random(sources.shape) < 0.05
            sources = np.where(broken, -1 if function.linear else 0, sources).astype(np.int32)
        bias = drawer.ids(-1, drawer.weights, blocks, maps, length if gaps else 1)
        weights = drawer.ids(0, drawer.weights, blocks, maps, slots)
        targets = np.arange(drawer.size, drawer.size + blocks * maps * length, dtype=np.int32)
        drawer.size += targets.size
        shaped = targets.reshape(blocks, maps, length)
        drawer.add(Blocks(drawer.level, function, sources, weights, bias, shaped))
    program: Program = drawer.program()
    check(program, 1, 1, dtype)
    check(program, 2, 2, dtype)


@pytest.mark.parametrize("bias", ["map", "neuron"])
@pytest.mark.parametrize("batch", [1, 2, 5, 16, 20])
def test_a_table_of_connections(bias: Any, batch: int) -> None:
    """Maps that share sources are added up piece by piece, unless each neuron has its bias."""
    table = [[0, 1], [0, 1], [0, 1, 2], [1, 2, 3], [0, 1, 2, 3]]
    layer = ng.Conv2d(5, 3, table=table, bias=bias, activation="tanh")
    graph = randomize(build(layer, shape=(4, 14, 14)))
    (x,) = images(graph, batch)
    reference, numba = (
        ng.Simulator(graph, engine=name, dtype="float64") for name in ("reference", "numba")
    )
    np.testing.assert_allclose(numba(x), reference(x), rtol=0, atol=1e-12)
    found, wanted = numba.states(x), reference.states(x)
    np.testing.assert_allclose(found.array, wanted.array, rtol=0, atol=1e-12)


TABLE = ng.models.LENET5_C3


@pytest.mark.parametrize(("padding", "dilation"), [(0, 1), (1, 1), (0, 2)])
@pytest.mark.parametrize("times", [1, 2])
def test_joined_maps_keep_to_the_sources_they_read(padding: int, dilation: int, times: int) -> None:
    """What is not finite reaches the maps that read it only, whatever zeros a plan multiplies.

    The reference, by far the slowest here, computes six samples once for both types, any number of
    threads and every batch: its states depend on the sample alone, and float32 holds the inputs.
    """
    layer = ng.Conv2d(
        16 * times, 3, table=TABLE * times, padding=padding, dilation=dilation, activation="tanh"
    )
    graph = build(layer, ng.Subsample2d(2, activation="tanh"), shape=(6, 12, 12))
    program, values = ng.compile(graph), graph.weights.value
    inputs = np.random.default_rng(0).normal(size=(6, 6 * 12 * 12)).astype("float32")
    inputs[3:, 3 * 144 + 70] = np.inf, -np.inf, np.nan
    reference = Reference(program, dtype=np.dtype("float64"), threads=1)
    reference.load(values)
    with np.errstate(all="ignore"):
        states = reference.states(inputs.astype("float64"))
    assert np.isfinite(states[3:]).mean() > 0.8  # or nothing is kept apart here
    assert not np.isfinite(states[3:]).all(axis=1).any()
    for dtype, threads in product(("float32", "float64"), (1, 2)):
        engine = Engine(program, dtype=np.dtype(dtype), threads=threads)
        engine.load(values)
        close = 3e-6 if dtype == "float32" else 1e-12
        for last, batch in product(range(2, 6), (1, 2, 3)):
            some = [*range(batch - 1), last]  # the last is finite once, and broken in three ways
            given, wanted = inputs[some].astype(dtype), states[some]
            np.testing.assert_allclose(engine.states(given), wanted, rtol=close, atol=close)
            outputs = wanted[:, program.outputs.reshape(-1)]
            np.testing.assert_allclose(engine.run(given), outputs, rtol=close, atol=close)


def test_maps_are_joined_in_that_test() -> None:
    layer = ng.Conv2d(16, 3, table=TABLE, activation="tanh")
    runner = runner_of(build(layer, shape=(6, 12, 12)))
    assert runner._plan(0, keep=False).plan.finite


def test_new_values_reach_the_strict_plan() -> None:
    graph = build(ng.Conv2d(16, 3, table=TABLE, activation="relu"), shape=(6, 12, 12))
    program = ng.compile(graph)
    engine = Engine(program, dtype=np.dtype("float32"))
    inputs = np.zeros((1, 6 * 12 * 12), np.float32)
    inputs[0, 0] = np.inf
    for factor in (1.0, 3.0):
        engine.load(factor * graph.weights.value)
        reference = Reference(program, dtype=np.dtype("float64"), threads=1)
        reference.load(factor * graph.weights.value)
        with np.errstate(all="ignore"):
            wanted = reference.run(inputs.astype("float64"))
        np.testing.assert_allclose(engine.run(inputs), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("stride", [1, 2])
def test_one_sample_of_convolutions(padding: int, stride: int) -> None:
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 27, 19)))
    x = graph.add(ng.Conv2d(5, 3, padding=padding, stride=stride, activation="tanh"), x)
    x = graph.add(ng.MaxPool2d(2), x)
    x = graph.add(ng.Conv2d(9, 3, padding=padding, activation="relu"), x)
    graph.add(ng.Linear(3), x.reshape(-1))
    images = np.random.default_rng(0).normal(size=(1, 2, 27, 19))
    expected = ng.Simulator(graph, engine="scipy", dtype="float64").states(images)
    for dtype, close in (("float32", 1e-5), ("float64", 1e-12)):
        found = ng.Simulator(graph, engine="numba", dtype=dtype).states(images)
        for layer in expected:
            largest = np.abs(expected[layer]).max()
            assert np.abs(found[layer] - expected[layer]).max() <= close * largest, layer


# ---- accuracy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 5, 48])
@pytest.mark.parametrize(
    ("dtype", "by_layer", "outputs"), [("float32", 1e-5, 1e-6), ("float64", 1e-10, 1e-10)]
)
def test_error_of_lenet5(batch: int, dtype: str, by_layer: float, outputs: float) -> None:
    graph = ng.models.lenet5()
    images = np.random.default_rng(batch).normal(size=(batch, 1, 32, 32))
    images = images.astype(np.float32).astype(np.float64)
    expected = ng.Simulator(graph, engine="scipy", dtype="float64").states(images)
    simulator = ng.Simulator(graph, engine="numba", dtype=dtype)
    found = simulator.states(images)
    for layer in expected:
        error = np.abs(found[layer] - expected[layer]).max()
        assert error <= by_layer * np.abs(expected[layer]).max(), layer
    last = expected["output"]
    assert np.abs(simulator(images) - last).max() <= outputs * np.abs(last).max()


@pytest.mark.parametrize(("dtype", "close"), [("float32", 4.5e-7), ("float64", 1e-15)])
@pytest.mark.parametrize("batch", [1, 5])
def test_error_of_tanh(dtype: str, close: float, batch: int) -> None:
    """Over a dense grid, as the docstring of `kernels.tanh` says."""
    count = 40_001
    graph = ng.Graph()
    x = graph.add(ng.Input((count,)))
    graph.add(ng.Activation("tanh"), x)
    grid = np.concatenate([np.linspace(-12, 12, count - 2000), np.linspace(-1e-3, 1e-3, 2000)])
    given = np.tile(grid.astype(dtype), (batch, 1))
    found = ng.Simulator(graph, engine="numba", dtype=dtype)(given)
    exact = np.tanh(given.astype(np.longdouble))
    assert np.abs(found - exact).max() <= close
    assert (np.abs(found) <= 1 + close).all()
    assert (np.sign(found) == np.sign(given)).all()


@pytest.mark.parametrize("slope", [-0.5, 0.0, 0.01, 2**-4, 2 / 3, 16.0, 17.0, 1e6])
@pytest.mark.parametrize("scale", [0.0, -3.0, 1.7159, 1e5, 1e31])
def test_tanh_of_every_slope(scale: float, slope: float) -> None:
    """Whether scale and slope are folded into its numbers or not, and at its limit."""
    numbers = np.linspace(-12, 12, 997) / (slope or 1)
    given = np.concatenate([numbers, [0.0, 1e-30, 3e38, -3e38]]).astype(np.float32)[None]
    graph = ng.Graph()
    x = graph.add(ng.Input((given.size,)))
    graph.add(ng.Activation(Activation("scaled_tanh", (scale, slope))), x)
    exact = scale * np.tanh(slope * given.astype(np.float64))
    for batch in (1, 20):
        found = ng.Simulator(graph, engine="numba")(np.tile(given, (batch, 1)))
        assert np.abs(found - exact).max() <= 7e-7 * abs(scale)


@pytest.mark.parametrize("way", tanh._WAYS)
def test_numbers_of_tanh_are_flat_at_the_end(way: Any) -> None:
    """So that sigmoid's 0 is 0: in float32 with sums rounded once, as the kernels have them."""
    rng = np.random.default_rng(0)
    for scale, slope in [(1.0, 1.0), (1.7159, 2 / 3), (0.5, 0.5), *rng.uniform(0.1, 15, (20, 2))]:
        limit = np.float32(way.folded(float(scale), float(slope))[0])
        assert 7.8 < limit * slope < 8.4
        if isinstance(way, tanh._Rational):
            numbers = np.array(way.folded(float(scale), float(slope))[1:], np.float32)
            above, below = numbers[:4], numbers[4:]
            square = limit * limit
            value, total = above[-1], square + below[-1]
            for coefficient in above[-2::-1]:
                value = np.float32(np.float64(square) * value + coefficient)
            for coefficient in below[-2::-1]:
                total = np.float32(np.float64(square) * total + coefficient)
            assert limit * value / total == np.float32(scale)


@pytest.mark.parametrize("batch", [1, 20])
def test_a_closed_gate_is_closed(batch: int) -> None:
    far = np.array([-3e38, -1e4, -20.0, 20.0, 1e4, 3e38])
    graph = ng.Graph()
    x = graph.add(ng.Input((far.size,)))
    sigmoid = graph.add(ng.Activation("sigmoid"), x)
    graph.add(ng.Multiply(), x, sigmoid)
    given = np.tile(far.astype(np.float32), (batch, 1))
    sim = ng.Simulator(graph, engine="numba")
    np.testing.assert_array_equal(sim(given), np.where(given > 0, given, 0))
    for scale, slope in ((1.0, 1.0), (1.7159, 2 / 3), (-3.3, 9.0)):
        graph = ng.Graph()
        squash = Activation("scaled_tanh", (scale, slope))
        graph.add(ng.Activation(squash), graph.add(ng.Input((far.size,))))
        found = ng.Simulator(graph, engine="numba")(given)
        np.testing.assert_array_equal(found, np.float32(scale) * np.sign(given))


def test_numbers_of_tanh_are_folded_where_float32_has_them() -> None:
    ways = tanh._WAYS
    for scale, slope in ((1.0, 1.0), (-1.7159, 2 / 3), (1e20, 1.0), (1e-20, 16.0)):
        assert all(way.holds(way.folded(scale, slope)) for way in ways)
    looked_up, rational = ([way.holds(way.folded(s, 1.0)) for s in (1e33, 0.0)] for way in ways)
    assert looked_up == [True, True]
    assert rational == [False, False]
    assert tanh.folded(1e39, 1.0) is None
    assert tanh.folded(1.0, 17.0) is None
    assert tanh.folded(1.7159, 2 / 3) is not None


def test_parameters_begin_with_those_of_the_activation() -> None:
    for name in ("relu", "tanh", "scaled_tanh", "sigmoid", "elu"):
        code, numbers = activations.parameters(Activation(name))
        plain, three = activations.encode(Activation(name))
        folded = activations.SHIFTED if three[2] else activations.SCALED
        assert code == (folded if plain == activations.TANH else plain)
        assert numbers[:3] == three
        assert len(numbers) == len(activations.padded())


# ---- tiles --------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 200), st.integers(1, 300), st.integers(0, 500), st.data())
def test_tiles_cover_all_maps(maps: int, fields: int, slots: int, data: st.DataObject) -> None:
    pair = data.draw(st.sampled_from(PAIRS))
    ways = [SAMPLES, STRIDED, GATHERED, MAPS, *([MOVED] if pair == LINEAR else [])]
    over = data.draw(st.sampled_from(ways))
    vectors = data.draw(st.sampled_from([1, 2, 4]))
    chosen = catalogue.cover(maps, fields, slots, pair, vectors, over)
    largest = max(shape.maps for shape, _ in chosen)
    assert maps <= sum(shape.maps * times for shape, times in chosen) < maps + largest
    assert len({shape.vectors for shape, _ in chosen}) == 1
    assert vectors % chosen[0][0].vectors == 0
    assert all(shape.pair == pair and shape.over == over for shape, _ in chosen)
