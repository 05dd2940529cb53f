"""Sums of very many terms keep their digits in float32."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

import neurograph as ng

ENGINES = ["scipy", *(["numba"] if find_spec("numba") else [])]
engines = pytest.mark.parametrize("engine", ENGINES)
SIDE = 400
MANY = SIDE * SIDE


@engines
@pytest.mark.parametrize("size", [1, 5])
def test_a_weight_and_a_bias_of_very_many_neurons(engine: str, size: int) -> None:
    graph = ng.Graph()
    graph.add(ng.Conv2d(3, 1, name="c"), graph.add(ng.Input((1, SIDE, SIDE))))
    sim = ng.Simulator(graph, engine=engine)
    x = np.full((size, 1, SIDE, SIDE), 0.1, np.float32)
    weights, _ = sim.pullback(x, np.full((size, 3, SIDE, SIDE), 0.3, np.float32))
    by_kernel, by_bias = (weights[graph.weights.names[f"c.{n}"].ids] for n in ("kernel", "bias"))
    one = float(np.float32(0.3))
    np.testing.assert_allclose(by_kernel, MANY * size * one * np.float32(0.1), rtol=1e-5)
    np.testing.assert_allclose(by_bias, MANY * size * one, rtol=1e-5)


@engines
@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("reduce", ["sum", "product", "max"])
def test_a_weight_of_very_many_rows(engine: str, size: int, reduce: str) -> None:
    """Rows of all kinds of fields, which form no block, over two weights and a bias."""
    count = 30_000
    rng = np.random.default_rng(0)
    sources = np.sort(np.argsort(rng.random((count, 9)), axis=1)[:, :3] + 1, axis=1)
    targets = np.repeat(np.arange(10, 10 + count), 3)
    ids = np.tile([0, 1, 0], count)
    graph = ng.Graph.from_connections(
        np.stack([sources.reshape(-1), ids, targets], axis=1),
        inputs=list(range(1, 10)),
        functions=ng.Function("multiply", reduce),
        outputs=list(range(10, 10 + count)),
        values=[1.0, 1.0],
    )
    x = np.tile(np.linspace(0.5, 1.5, 9), (size, 1))
    seed = np.full((size, count), 0.1)
    right, found = (
        ng.Simulator(graph, engine=e, dtype=d).pullback(x, seed)[0]
        for e, d in (("scipy", "float64"), (engine, "float32"))
    )
    np.testing.assert_allclose(found, right, rtol=1e-5)


@pytest.mark.skipif("numba" not in ENGINES, reason="needs numba")
@pytest.mark.parametrize("size", [1, 8, 40])
def test_a_row_of_very_many_slots(size: int) -> None:
    count = 200_000
    graph = ng.Graph()
    graph.add(ng.Linear(1, name="y"), graph.add(ng.Input((count,))))
    graph.weights.value = np.append(np.ones(count), 0.5)
    found = ng.Simulator(graph, engine="numba")(np.full((size, count), 0.1, np.float32))
    right = count * float(np.float32(0.1)) + 0.5
    np.testing.assert_allclose(found, np.full((size, 1), right), rtol=1e-5)


@engines
@pytest.mark.parametrize("size", [1, 3, 40])
def test_a_block_of_very_long_sums(engine: str, size: int) -> None:
    """Eight neurons over one field of 100,000, which is a block of the program."""
    graph = ng.Graph()
    graph.add(ng.Linear(8, initializer="ones", name="y"), graph.add(ng.Input((100_000,))))
    sim = ng.Simulator(graph, engine=engine)
    found = sim(np.full((size, 100_000), 0.1, np.float32))
    np.testing.assert_allclose(found, 1 + 100_000 * float(np.float32(0.1)), rtol=1e-5)


@engines
@pytest.mark.parametrize("size", [1, 5])
def test_sums_of_very_many_differences_and_of_a_whole_map(engine: str, size: int) -> None:
    count = 50_000
    x = np.full((size, count), 0.7, np.float32)
    triples = [(i, i - 1, count + 1) for i in range(1, count + 1)]
    distance = ng.Graph.from_connections(
        np.array(triples),
        inputs=list(range(1, count + 1)),
        functions=ng.Function("squared_difference", "sum"),
        outputs=[count + 1],
        values=np.full(count, 0.25),
    )
    found = ng.Simulator(distance, engine=engine)(x)[:, 0]
    np.testing.assert_allclose(found, np.square(x.astype(float) - 0.25).sum(1), rtol=1e-5)
    mean = ng.Graph()
    mean.add(
        ng.AvgPool2d((count // 250, 250), name="m"), mean.add(ng.Input((1, count // 250, 250)))
    )
    found = ng.Simulator(mean, engine=engine)(x.reshape(size, 1, -1, 250)).reshape(-1)
    np.testing.assert_allclose(found, x.astype(float).mean(1), rtol=1e-5)


def readers_of_few(kind: str) -> ng.Graph:
    """Two inputs, or two neurons over them, that 60,000 neurons read."""
    count, graph = 60_000, ng.Graph()
    x = graph.add(ng.Input((2,)))
    if kind == "rows":  # each its own two weights, which form no block
        ids = np.random.default_rng(0).permutation(2 * count).reshape(-1, 2)
        sources = np.sort(np.random.default_rng(1).permuted(np.tile([1, 2, 0], (count, 1)), axis=1))
        triples = np.stack(
            [sources[:, 1:].reshape(-1), ids.reshape(-1), np.repeat(np.arange(3, 3 + count), 2)], 1
        )
        return ng.Graph.from_connections(
            triples,
            inputs=[1, 2],
            functions=ng.Function("multiply", "sum"),
            outputs=list(range(3, 3 + count)),
            values=np.full(2 * count, 0.1),
        )
    if kind == "neurons":
        x = graph.add(ng.Linear(2, name="h", activation="tanh"), x)
    graph.add(ng.Linear(count, name="y"), x)
    graph.weights.value = np.full(graph.weights.count, 0.1)
    return graph


@engines
@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("kind", ["inputs", "neurons", "rows"])
def test_a_source_of_very_many_readers(engine: str, size: int, kind: str) -> None:
    """What they hand down to it, of a gradient and of a curvature."""
    graph = readers_of_few(kind)
    x = np.linspace(0.5, 1, 2 * size).reshape(size, 2)
    seed = np.full((size, 60_000), 0.3)
    sims = [
        ng.Simulator(graph, engine="scipy", dtype="float64"),
        ng.Simulator(graph, engine=engine),
    ]
    (weights, below), found = (sim.pullback(x, seed, inputs=True) for sim in sims)
    np.testing.assert_allclose(found[1], below, rtol=1e-5)
    np.testing.assert_allclose(found[0], weights, rtol=1e-5)
    right, squares = (
        sim.curvature(x, np.zeros_like(seed), loss="mean_squared_error") for sim in sims
    )
    np.testing.assert_allclose(squares, right, rtol=2e-5)


@engines
@pytest.mark.parametrize("size", [1, 5])
def test_a_source_of_many_fields_and_kernels(engine: str, size: int) -> None:
    """1,600 of 1,521 slots and 3,000 maps: sums over fields, slots and maps at once."""
    graph = ng.Graph()
    a = graph.add(ng.Conv2d(1, 39, name="a", padding=19), graph.add(ng.Input((1, 40, 40))))
    graph.add(ng.Conv2d(3000, 2, stride=39, name="b"), a)
    graph.weights.value = np.full(graph.weights.count, 0.1)
    x = np.full((size, 1, 40, 40), 0.7)
    sims = [
        ng.Simulator(graph, engine="scipy", dtype="float64"),
        ng.Simulator(graph, engine=engine),
    ]
    np.testing.assert_allclose(sims[1](x), sims[0](x), rtol=1e-5)
    right, found = (
        s.pullback(x, np.full(s.graph.outputs.shape, 0.3)[None].repeat(size, 0), inputs=True)
        for s in sims
    )
    for one, other in zip(found, right, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@engines
@pytest.mark.parametrize("size", [1, 5])
def test_a_weight_that_stands_in_very_many_slots(engine: str, size: int) -> None:
    """A Hankel matrix, weight i + j in row i and column j, and a matrix of a single weight."""
    count = 600
    i = np.arange(count)
    for ids in (np.add.outer(i, i), np.zeros((count, count), int)):
        triples = np.stack(
            [np.tile(i + 1, count), ids.reshape(-1), np.repeat(i + 1 + count, count)], 1
        )
        graph = ng.Graph.from_connections(
            triples,
            inputs=(i + 1).tolist(),
            outputs=(i + 1 + count).tolist(),
            values=np.full(ids.max() + 1, 0.1),
        )
        x, seed = np.full((size, count), 0.7), np.full((size, count), 0.3)
        found, _ = ng.Simulator(graph, engine=engine).pullback(x, seed)
        np.testing.assert_allclose(found, 0.21 * size * np.bincount(ids.reshape(-1)), rtol=1e-5)
