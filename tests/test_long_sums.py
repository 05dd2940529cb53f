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
