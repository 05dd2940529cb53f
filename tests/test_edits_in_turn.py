"""Edits of edits: each result is verified, saved, loaded, converted both ways, counted and run."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng

RNG = np.random.default_rng(0)
IMAGES = [RNG.normal(size=(2, 1, 6, 6)), RNG.normal(size=(2, 2, 6, 6))]
Edit = Callable[[ng.Graph], ng.Graph]


def mixed() -> ng.Graph:
    """Two inputs, border units, borrowed weights, max and product, outputs in odd places."""
    graph = ng.Graph()
    a, b = graph.add(ng.Input((1, 6, 6))), graph.add(ng.Input((2, 6, 6)))
    padded = ng.Conv2d(2, 3, padding=1, border=-1.0, activation="tanh", name="conv.ä")
    c = graph.add(padded, a)
    lent = graph.add(ng.Conv2d(2, 3, padding=1, bias="neuron", name="B"), b)
    options = {"bias": "neuron", "weights": "B", "name": "B2"}
    d = graph.add(ng.Conv2d(2, 3, padding=1, **options), lent)
    pooled = graph.add(ng.MaxPool2d(2, name="max"), graph.add(ng.Add(name="sum"), c, d))
    out = graph.add(ng.Linear(4, name="out"), pooled, c[:, :1])
    graph.add(ng.Multiply(name="square"), out, out)
    graph.outputs = np.concatenate([out, c[0, 0, :2], a[0, 0, :1]])
    return graph


def every_seventh(graph: ng.Graph) -> ng.Graph:
    return ng.cut(graph, np.arange(len(graph.connections)) % 7 == 0)


def into_map_0_of_b(graph: ng.Graph) -> ng.Graph:
    chosen = graph.layer("B").ids[0]
    return ng.cut(graph, lambda block: np.isin(block.target, chosen), layer="B")


CHAINS: list[list[Edit]] = [
    [],
    [lambda g: ng.unshare(g, "B"), every_seventh],
    [lambda g: ng.unshare(g, "B2"), lambda g: ng.tie(g, "B2"), lambda g: ng.tie(g, "B")],
    [every_seventh, lambda g: ng.unshare(g, "B"), lambda g: ng.unshare(g, "B")],
    [lambda g: ng.unshare(g, "conv.ä"), every_seventh, lambda g: ng.unshare(g, "out")],
    [into_map_0_of_b, ng.drop_dead, lambda g: ng.unshare(g, "max")],
]


def outputs(graph: ng.Graph, engine: str = "scipy") -> np.ndarray:
    return ng.Simulator(graph, engine=engine, dtype="float64")(*IMAGES)


@pytest.mark.parametrize("chain", CHAINS)
def test_edits_of_edits_stay_one_graph(chain: list[Edit], tmp_path: Path) -> None:
    graph = mixed()
    for edit in chain:
        graph = edit(graph)
    assert ng.verify(graph).ok
    wanted = outputs(graph, "reference")
    np.testing.assert_allclose(outputs(graph), wanted, rtol=0, atol=1e-12)
    ng.save(graph, tmp_path / "graph.npz")
    np.testing.assert_array_equal(outputs(ng.load(tmp_path / "graph.npz")), outputs(graph))
    total = ng.count(graph).total
    for view in ("weights", "connections"):
        converted = ng.to_networkx(graph, view=view)
        back = ng.from_networkx(converted)
        assert ng.verify(back).ok
        np.testing.assert_allclose(outputs(back), wanted, rtol=0, atol=1e-12)
        for counted in (ng.count(converted).total, ng.count(back).total):
            assert (counted.neurons, counted.trainable, counted.fixed) == (
                (total.neurons, total.trainable, total.fixed)
            )
            assert counted.connections == total.connections
            assert counted.dead == total.dead
