"""Gradients of the scipy engine, block by block: the reference's, whatever form blocks have."""

from __future__ import annotations

import numpy as np
import pytest

import neurograph as ng

TABLE = [[0], [1, 2], [0, 1], [2, 0], [0, 1, 2], [1]]


def tabled(seed=0):
    """Maps that read some of the maps below, each in windows that others read too."""
    graph = ng.Graph()
    x = graph.add(ng.Input((2, 6, 6), name="x"))
    x = graph.add(ng.Conv2d(3, 3, padding=1, activation="tanh", name="A"), x)
    x = graph.add(ng.Conv2d(6, 3, table=TABLE, padding=1, activation="silu", name="B"), x)
    x = graph.add(ng.MaxPool2d(2, padding=1, name="P"), x)
    x = graph.add(ng.Conv2d(4, 2, bias="neuron", activation="scaled_tanh", name="C"), x)
    x = graph.add(ng.Linear(3, activation="tanh", name="D"), x)
    graph.add(ng.RBF(np.array([[1, 1, -1], [-1, 1, 1.0]]), trainable=True, name="R"), x)
    graph.weights.initialize(seed=seed)
    return graph


def hand_made(seed=0):
    """Rows of every length, none included, and pairs with two connections."""
    rng = np.random.default_rng(seed)
    triples = [
        (int(source), int(rng.integers(0, 9)), target)
        for target in range(5, 25)
        for source in rng.integers(0, target, rng.integers(0, 7))
    ]
    # Each is read at the end, so that the first row that has none is a neuron too.
    triples += [(source, 9, 25) for source in range(1, 25)]
    graph = ng.Graph.from_connections(triples, inputs=[1, 2, 3, 4])
    graph.weights.value = rng.normal(size=graph.weights.count)
    return graph


@pytest.mark.parametrize("make", [tabled, hand_made])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind", ["gradient", "curvature"])
def test_it_is_the_references(make, batch, kind):
    graph = make()
    shape = graph.inputs[0].ids.shape
    rng = np.random.default_rng(batch)
    images = rng.normal(size=(batch, *shape))
    targets = rng.normal(size=(batch, *graph.outputs.shape))
    found = []
    for engine in ("reference", "scipy"):
        sim = ng.Simulator(graph, engine=engine, dtype="float64")
        if kind == "curvature":
            found.append([sim.curvature(images, targets, "mean_squared_error")])
        else:
            one = sim.gradient(images, targets, "mean_squared_error", inputs=True)
            found.append([one.outputs, one.weights, one.inputs])
    for wanted, given in zip(*found, strict=True):
        np.testing.assert_allclose(given, wanted, rtol=1e-10, atol=1e-12)


def test_blocks_that_share_fields_are_joined_unless_a_state_is_infinite():
    """A zero that stands for no connection must not meet an infinity."""
    graph = ng.Graph()
    x = graph.add(ng.Input((3, 2, 2), name="x"))
    x = graph.add(ng.Conv2d(3, 1, table=[[0], [1], [2]], activation="exp", name="E"), x)
    x = graph.add(
        ng.Conv2d(3, 1, table=[[0, 1], [1, 2], [0, 2]], activation="tanh", name="T"), x
    )  # fmt: skip
    graph.add(ng.Linear(2, name="out"), x)
    graph.weights.initialize(seed=0)
    graph.weights["E.kernel"] = np.ones(graph.weights["E.kernel"].shape)
    images = np.random.default_rng(0).normal(size=(2, 3, 2, 2))
    images[1, 0] = 1000  # exp of it is infinite; tanh of that is one, and its slope zero
    found = []
    with np.errstate(all="ignore"):
        for engine in ("reference", "scipy"):
            sim = ng.Simulator(graph, engine=engine, dtype="float64")
            one = sim.gradient(images, [0, 1], "cross_entropy", inputs=True)
            found.append([one.outputs, one.weights, one.inputs])
    for wanted, given in zip(*found, strict=True):
        np.testing.assert_allclose(given, wanted, rtol=1e-10, atol=1e-12, equal_nan=True)
    assert np.isfinite(found[0][1]).any()
    assert not np.isfinite(found[0][1]).all()


def test_a_large_batch_is_cut_into_pieces(monkeypatch):
    from neurograph.engines import parts

    graph = tabled()
    images = np.random.default_rng(0).normal(size=(7, 2, 6, 6))
    whole = ng.Simulator(graph, engine="scipy", dtype="float64")
    labels = np.arange(7) % 2
    wanted = whole.gradient(images, labels, "correct_penalty", inputs=True)
    monkeypatch.setattr(parts, "_BLOCK", 2000)
    monkeypatch.setattr(parts, "_LONG", 5)
    found = whole.gradient(images, labels, "correct_penalty", inputs=True)
    np.testing.assert_allclose(found.weights, wanted.weights, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found.inputs, wanted.inputs, rtol=1e-12, atol=1e-13)


def test_a_long_sum_in_single_precision_keeps_its_digits():
    """A weight that 10^6 connections share: 0.1 so many times is 100,000."""
    graph = ng.Graph()
    x = graph.add(ng.Input((1, 1000, 1000)))
    graph.add(ng.Conv2d(1, 1, name="C"), x)
    sim = ng.Simulator(graph, engine="scipy", dtype="float32")
    images = np.full((1, 1, 1000, 1000), 0.1, np.float32)
    weights, _ = sim.pullback(images, np.ones((1, 1, 1000, 1000)))
    np.testing.assert_allclose(weights, [float(np.float32(0.1)) * 1e6, 1e6], rtol=1e-6)


def test_weights_learnt_pattern_by_pattern_are_run_afterwards():
    """Learning fills no matrix: a call after it must."""
    graph = tabled()
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(4, 2, 6, 6)), [0, 1, 1, 0]
    sim = ng.Simulator(graph, engine="scipy", dtype="float64")
    sim(images)
    sim.descend(images, labels, "correct_penalty", np.full(graph.weights.count, 1e-3))
    fresh = ng.Simulator(graph, engine="reference", dtype="float64")
    np.testing.assert_allclose(sim(images), fresh(images), rtol=1e-10)
