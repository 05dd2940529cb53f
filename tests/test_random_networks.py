"""Random nets on every engine against `networks.literal`: slot by slot, by numpy alone."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from networks import literal, randomize

import neurograph as ng

ENGINES = ["reference", "scipy", *(["numba"] if find_spec("numba") else [])]
COUNT = 24


def window(rng: np.random.Generator, ids: np.ndarray) -> Any:
    """A layer of windows with options of any kind; it may not fit."""
    pick = rng.choice
    kind, square = (
        pick(["conv", "conv", "conv", "up", "max", "average", "sub"]),
        int(pick([1, 2, 3])),
    )
    stride, padding = int(pick([1, 2, 3])), int(pick([0, 0, 1, 2]))
    if kind == "max":
        return ng.MaxPool2d(square, stride=stride, padding=min(padding, square // 2))
    if kind == "average":
        return ng.AvgPool2d(square, stride=stride, padding=min(padding, square // 2))
    activation = str(pick(["tanh", "relu", "identity", "hardswish", "sigmoid"]))
    if kind == "sub":
        return ng.Subsample2d(square, activation=activation)
    groups = int(pick([g for g in (1, 2, 4) if len(ids) % g == 0]))
    maps = groups * int(pick([1, 2, 3, 5]))
    if kind == "up":
        return ng.ConvTranspose2d(maps, square, stride=stride, groups=groups)
    return ng.Conv2d(
        maps,
        square,
        stride=stride,
        padding=padding,
        dilation=int(pick([1, 1, 2])),
        groups=groups,
        bias=[True, False, "neuron"][int(pick(3))],
        activation=activation,
    )


def network(seed: int) -> ng.Graph:
    """A chain of layers of windows and a dense one, small maps and odd options."""
    rng = np.random.default_rng(seed)
    graph = ng.Graph()
    shape = (int(rng.choice([1, 2, 4])), *(int(n) for n in rng.integers(1, 8, 2)))
    ids = graph.add(
        ng.Input(shape),
    )
    for _ in range(int(rng.integers(1, 4))):
        try:
            new = graph.add(window(rng, ids), ids)
        except ng.GraphError:  # it does not fit
            continue
        ids = new if new.size <= 400 else ids
    if rng.random() < 0.7:
        ids = graph.add(ng.Linear(int(rng.integers(1, 6)), activation="tanh"), ids)
    if ids.size and rng.random() < 0.3:
        graph.outputs = rng.permutation(ids.reshape(-1))[: int(rng.integers(1, 9))]
    elif graph.layers and ids.ndim:
        graph.outputs = ids
    return randomize(graph, seed)


@pytest.mark.parametrize("engine", ENGINES)
def test_states_and_gradients_of_random_nets(engine: str) -> None:
    """Outputs and states to 1e-9; dE/dweight along a random direction, by central differences."""
    for seed in range(COUNT if engine != "reference" else COUNT // 4):
        graph = network(seed)
        rng = np.random.default_rng(seed)
        size = sum(layer.neurons.size for layer in graph.inputs)
        sim = ng.Simulator(graph, engine=engine, dtype="float64")
        flat = graph.outputs.reshape(-1)
        for batch in (1, 3, 20):
            x = rng.uniform(-1, 1, (batch, size))
            given = x.reshape(batch, *graph.inputs[0].neurons.shape)
            right = literal(graph, x)
            states = sim.states(given).array
            np.testing.assert_allclose(states, right, rtol=1e-9, atol=1e-9, err_msg=str(seed))
            outputs = sim(given).reshape(batch, -1)
            np.testing.assert_allclose(outputs, right[:, flat], rtol=1e-9, atol=1e-9)
        seeds = rng.normal(size=(batch, flat.size))
        found, _ = sim.pullback(given, seeds.reshape(batch, *graph.outputs.shape))
        value, way = graph.weights.value, rng.normal(size=graph.weights.count)
        two = []
        for step in (1e-6, -1e-6):
            graph.weights.value = value + step * way
            two.append((literal(graph, x)[:, flat] * seeds).sum())
        graph.weights.value = value
        slope = (two[0] - two[1]) / 2e-6
        scale = 1 + np.abs(found) @ np.abs(way)
        assert abs(found @ way - slope) <= 1e-4 * scale, (seed, found @ way, slope)
